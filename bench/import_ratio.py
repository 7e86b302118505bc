"""How long an import of 50,000 rows takes, as a multiple of calamine reading the same file. CPU seconds.

Both are measured in this process in turns, the least of several runs: noise only ever adds. The import
includes everything: the guard, the reading, every check of the rows, and the YAML on disk. A second table
has cells merged downwards in most columns; its file is a third as long, and calamine reads it twice as fast.
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


UNITS = [f"市{name}局" for name in NAMES]
DUES = [f"2026年{month}月底前" for month in range(1, 13)] + ["持续推进", "每季度最后一个月25日前"]


def workbook(path: Path, rows: int = ROWS) -> Path:
    """A matrix of 12 columns in which no two tasks read the same."""
    chance = random.Random(1)
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        sheet = book.add_worksheet("任务分工")
        sheet.write_row(0, 0, HEAD)
        for number in range(1, rows + 1):
            lead, *support = chance.sample(UNITS, 4)
            row = (
                number,
                f"第{number // 10_000 + 1}块",
                f"完成第{number}项重点任务建设",
                f"按照方案要求推进第{number}项工作，形成台账，按季度报送进展情况和存在的问题",
                lead,
                "、".join(support),
                chance.choice(DUES),
                f"印发文件{number % 97}份，办结率达到{number % 100}%",
                f"第{number}号文件",
                f"副市长{number % 7}",
                f"联络员{number % 301}",
                "",
            )
            sheet.write_row(number, 0, row)
    return path


PART, AREA, TASK, SHARE = 240, 12, 4, 2  # rows under one section row, area, task cell, unit cells


def merged_workbook(path: Path, rows: int = ROWS) -> Path:
    """A matrix with section rows, and with cells merged downwards in the area, task and unit columns."""
    chance = random.Random(2)
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("任务分工")
        sheet.write_row(0, 0, [*HEAD[:8], "备注"])
        at = 0
        for number in range(1, rows + 1):
            at, place = at + 1, number - 1
            left = rows - place
            if place % PART == 0:
                sheet.merge_range(at, 0, at, 8, f"第{place // PART + 1}部分 建设任务")
                at += 1
            down = [
                (1, AREA, f"类别{place // AREA % 40 + 1}"),
                (2, TASK, f"完成第{place // TASK + 1}项建设"),
            ]
            if place % SHARE == 0:
                lead, *support = chance.sample(UNITS, 4)
                down += [(4, SHARE, lead), (5, SHARE, "、".join(support))]
            for column, deep, text in down:
                if place % deep == 0:
                    sheet.merge_range(at, column, at + min(deep, left) - 1, column, text)
            sheet.write_number(at, 0, number)
            work = f"按照方案要求推进第{number}项工作，形成台账，按季度报送进展情况和存在的问题"
            sheet.write_string(at, 3, work)
            goal = f"印发文件{number % 97}份，办结率达到{number % 100}%"
            sheet.write_row(at, 6, [chance.choice(DUES), goal, f"联络员{number % 301}"])
    return path


def cpu(act: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    before = time.process_time()
    act()
    return time.process_time() - before


def measure(path: Path, room: Path) -> tuple[float, float]:
    """CPU seconds of calamine alone and of the import, in turns, so that noise meets both alike."""
    data = path.read_bytes()

    def read() -> None:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        book.get_sheet_by_index(0).to_python(skip_empty_area=False)

    def bring() -> None:
        shutil.rmtree(room / "out", ignore_errors=True)
        report = import_file(Order(path, room / "out", ROOT / "config", 2026))
        assert report.rows_in == report.classes["task"] == ROWS
        assert not report.errors

    pairs = [(cpu(read), cpu(bring)) for _ in range(RUNS)]
    return min(reading for reading, _ in pairs), min(importing for _, importing in pairs)


def main() -> int:
    print(f"rows {ROWS}")
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        for name, path in (
            ("plain", workbook(room / "plain.xlsx")),
            ("merged", merged_workbook(room / "merged.xlsx")),
        ):
            reading, importing = measure(path, room)
            print(f"{name}: calamine alone, CPU s {reading:.2f}")
            print(f"{name}: duban import, CPU s {importing:.2f}")
            print(f"{name}: ratio {importing / reading:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
