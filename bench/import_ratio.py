"""How long an import of 50,000 rows takes, as a multiple of calamine reading the same file. CPU seconds.

Both are measured in this process, the least of several runs: noise only ever adds. The import includes
everything: the guard, the reading, every check of the rows, and the YAML on disk.
"""

from __future__ import annotations

import io
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import python_calamine
import xlsxwriter

from duban.importing.run import Order, import_file

ROOT = Path(__file__).resolve().parent.parent
ROWS = 50_000
NAMES = ("财政", "教育", "公安", "科技", "商务", "统计", "民政", "司法", "水利", "交通")
RUNS = 5
HEAD = (
    "序号",
    "类别",
    "重点任务",
    "工作内容",
    "牵头单位",
    "配合单位",
    "完成时限",
    "考核要点",
    "成果形式",
    "分管领导",
    "联系人",
    "备注",
)


def workbook(path: Path, rows: int = ROWS) -> Path:
    """A matrix of 12 columns in which no two tasks read the same."""
    chance = random.Random(1)
    units = [f"市{name}局" for name in NAMES]
    months = [f"2026年{month}月底前" for month in range(1, 13)] + [
        "持续推进",
        "每季度最后一个月25日前",
    ]
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("任务分工")
        sheet.write_row(0, 0, HEAD)
        for number in range(1, rows + 1):
            lead, *support = chance.sample(units, 4)
            row = (
                number,
                f"第{number // 10_000 + 1}块",
                f"完成第{number}项重点任务建设",
                f"按照方案要求推进第{number}项工作，形成台账，按季度报送进展情况和存在的问题",
                lead,
                "、".join(support),
                chance.choice(months),
                f"印发文件{number % 97}份，办结率达到{number % 100}%",
                f"第{number}号文件",
                f"副市长{number % 7}",
                f"联络员{number % 301}",
                "",
            )
            sheet.write_row(number, 0, row)
    return path


def cpu(act: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    before = time.process_time()
    act()
    return time.process_time() - before


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        path = workbook(room / "matrix.xlsx")
        data = path.read_bytes()

        def read() -> None:
            book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
            book.get_sheet_by_index(0).to_python(skip_empty_area=False)

        def bring() -> None:
            shutil.rmtree(room / "out", ignore_errors=True)
            report = import_file(Order(path, room / "out", ROOT / "config", 2026))
            assert report.rows_in == ROWS

        reading = min(cpu(read) for _ in range(RUNS))
        importing = min(cpu(bring) for _ in range(RUNS))
    print(f"rows {ROWS}")
    print(f"calamine alone, CPU s {reading:.2f}")
    print(f"duban import, CPU s {importing:.2f}")
    print(f"ratio {importing / reading:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
