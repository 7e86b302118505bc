"""The 任务分工表 that an office prints, and that an import can read back without loss."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
from argparse import Namespace
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from docx import Document
from docx.oxml.ns import qn

from duban import clock
from duban.cli.exporting import export_matrix
from duban.errors import NOWHERE, Issues, Place, UsageError
from duban.matrix.load import load_matrix
from duban.matrix.model import Matrix, Source, Task
from duban.reports.matrixback import OwnRow, own_rows, task_keys
from duban.reports.matrixbook import matrixbook_bytes
from duban.reports.matrixpaper import matrixpaper_bytes
from duban.reports.matrixtable import (
    EXACT,
    PRINTED,
    MatrixTable,
    UnitWords,
    matrix_table,
)
from duban.reports.tablefit import lines_needed, split_pages
from duban.settings import Home

ROOT = Path(__file__).resolve().parent.parent
DAY = date(2026, 11, 22)
CREATED = datetime(2026, 11, 22, tzinfo=clock.SHANGHAI)
PLAN = "xinzheng-ip-pilot"


@cache
def shipped() -> Matrix:
    issues = Issues()
    matrix = load_matrix(Home(ROOT), PLAN, issues)
    assert matrix is not None
    assert issues.errors == []
    return matrix


def table(**changes: Any) -> MatrixTable:
    plan = replace(shipped().plan, **changes)
    return matrix_table(replace(shipped(), plan=plan), DAY)


def changed_task(**changes: Any) -> MatrixTable:
    """The table of one task, M-01 with some values changed."""
    return table(tasks=(replace(shipped().tasks_by_id["M-01"], **changes),))


# ---- content -----------------------------------------------------------------------------------


def test_rows_stand_by_area_in_the_order_of_the_plan() -> None:
    rows = table().rows
    areas = list(dict.fromkeys(row.area for row in rows))
    plan = shipped().plan
    assert areas == [item.name for item in (*plan.areas, *plan.safeguards)]
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))


def test_phrases_are_verbatim_and_groups_keep_their_names() -> None:
    row = next(row for row in table().rows if row.task.id == "M-08")
    assert row.lead == "市市场监管局"
    assert row.support == "市委编办、各乡镇街道"
    assert row.deadline == "2024年10月底前完成，之后常态化推进"
    assert row.report == (
        "各乡镇街道每季度最后一个月25日前报送",
        "市市场监管局每季度最后一个月28日前汇总",
    )


def test_collective_phrases_stay_text() -> None:
    row = next(row for row in table().rows if row.task.id == "S-03")
    assert row.support.endswith("、各有关单位")


def test_several_leads_say_who_answers() -> None:
    leads = ("scjgj", "gaj")
    assert (
        changed_task(lead=leads, joint=True).rows[0].lead
        == "市市场监管局、市公安局\n（按职责分工负责）"
    )
    assert changed_task(lead=leads, joint=False).rows[0].lead.endswith("\n（共同牵头，首家汇总）")
    assert changed_task(lead=("gaj",), joint=False).rows[0].lead == "市公安局"


def test_members_named_one_by_one_are_not_folded() -> None:
    streets = ("xinjianlu", "xinhualu", "xinyan")
    words = UnitWords(shipped().directory)
    assert words.joined(streets) == "各街道"
    assert (
        words.joined(streets, "新建路街道、新华路街道、新烟街道配合")
        == "新建路街道、新华路街道、新烟街道"
    )
    assert words.joined(("xinhualu", "xinjianlu", "xinyan")) == "新华路街道、新建路街道、新烟街道"


def test_a_group_without_its_leading_member_is_still_the_group() -> None:
    lead, support = ("xinyan",), ("czj", "xinjianlu", "xinhualu")
    assert UnitWords(shipped().directory).joined(support, "", lead) == "市财政局、各街道"


def test_withdrawn_tasks_are_left_out_and_named_in_a_note() -> None:
    whole = table()
    assert "S-11" not in {row.task.id for row in whole.rows}
    assert any("S-11" in note and "2025年3月31日取消" in note for note in whole.notes)
    later = changed_task(withdrawn_on=date(2026, 12, 1))
    assert len(later.rows) == 1
    assert any("自2026年12月1日起取消" in note for note in later.notes)


def test_examples_are_marked() -> None:
    whole = table()
    assert whole.example
    assert {row.source for row in whole.rows} == {"示例", "起草说明"}
    assert "不是正式部署" in whole.notes[0]
    own = changed_task(source=Source.OWN)
    assert not own.example
    assert not any("示例" in note for note in own.notes)


def test_document_number_or_draft() -> None:
    assert table().number_line == "（草案）"
    assert table(doc_no="新政〔2024〕1号").number_line == "新政〔2024〕1号"


# ---- the workbook ------------------------------------------------------------------------------


def sheet_xml(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return book.read("xl/worksheets/sheet1.xml").decode()


def test_the_same_table_gives_the_same_bytes() -> None:
    assert matrixbook_bytes(table()) == matrixbook_bytes(table())


def test_page_setup() -> None:
    xml = sheet_xml(matrixbook_bytes(table()))
    assert 'paperSize="9"' in xml
    assert 'orientation="landscape"' in xml
    assert '<pageSetUpPr fitToPage="1"/>' in xml
    assert 'fitToHeight="0"' in xml
    assert 'state="frozen"' in xml
    assert "第 &amp;P 页　共 &amp;N 页" in xml


def test_print_area_ends_with_the_printed_columns_and_the_header_repeats() -> None:
    with zipfile.ZipFile(io.BytesIO(matrixbook_bytes(table()))) as book:
        names = book.read("xl/workbook.xml").decode()
    assert re.search(r"任务分工表'?!\$A\$1:\$I\$\d+<", names)
    assert re.search(r"任务分工表'?!\$4:\$4<", names)
    assert len(PRINTED) == 9


def test_every_page_names_the_area_of_its_rows() -> None:
    """An area cell ends where a page ends: merged cells never cross a page break."""
    xml = sheet_xml(matrixbook_bytes(table()))
    breaks = [int(row) for row in re.findall(r'<brk id="(\d+)"', xml)]
    merged = [(int(a), int(b)) for a, b in re.findall(r'<mergeCell ref="B(\d+):B(\d+)"', xml)]
    assert len(breaks) > 3
    assert merged
    assert not [
        (first, row, last) for first, last in merged for row in breaks if first <= row < last
    ]


def test_text_stays_text() -> None:
    content = matrixbook_bytes(changed_task(title="=1+1", text="", deliverable="@sum"))
    xml = sheet_xml(content)
    assert "<f>" not in xml
    assert {"=1+1", "@sum"} <= {str(cell) for row in cells_of(content) for cell in row}


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, 1),
        ("五个汉字啊", 10, 1),
        ("五个汉字啊，", 10, 2),
        ("甲\n乙", 10, 2),
        ("甲乙丙2024年", 10, 2),
    ],
)
def test_lines_are_reckoned_as_they_break(text: str, width: int, lines: int) -> None:
    assert lines_needed((text,), width) == lines


def test_pages_hold_what_fits() -> None:
    assert split_pages([10, 10, 10, 99, 10], first=5, later=2, room=26) == [
        range(2), range(2, 3), range(3, 4), range(4, 5),
    ]  # fmt: skip
    assert split_pages([], first=1, later=1, room=9) == [range(0)]


# ---- the way back ------------------------------------------------------------------------------


def cells_of(content: bytes) -> list[list[Any]]:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    found: list[list[Any]] = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    return found


def read_back(content: bytes) -> list[OwnRow]:
    rows = own_rows([[str(cell) for cell in row] for row in cells_of(content)])
    assert rows is not None
    return rows


def bare(task: Task) -> Task:
    stones = tuple(replace(stone, place=NOWHERE) for stone in task.milestones)
    return replace(
        task, place=NOWHERE, deadline_place=NOWHERE, reminders_place=NOWHERE, milestones=stones
    )


def test_the_workbook_holds_the_whole_matrix(tmp_path: Path) -> None:
    """Reading the workbook back by its header words alone gives the same tasks, value by value."""
    folder = tmp_path / "tasks_def" / PLAN
    folder.mkdir(parents=True)
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / "config" / "units.yaml", tmp_path / "config")
    shutil.copy(ROOT / "tasks_def" / PLAN / "plan.yaml", folder)
    issues = Issues()
    place = Place("分工.xlsx")
    tasks = [task_keys(row, place, issues) for row in read_back(matrixbook_bytes(table()))]
    (folder / "1.yaml").write_text(
        json.dumps({"tasks": tasks}, ensure_ascii=False), encoding="utf-8"
    )
    again = load_matrix(Home(tmp_path), PLAN, issues)
    assert issues.errors == []
    assert again is not None
    assert [bare(task) for task in again.plan.tasks] == [bare(row.task) for row in table().rows]


def test_another_sheet_is_not_taken_for_ours() -> None:
    assert own_rows([["序号", "任务", "牵头单位"], ["1", "建立机制", "市司法局"]]) is None


def test_a_word_that_an_office_changed_is_told() -> None:
    (row,) = read_back(matrixbook_bytes(changed_task()))
    issues = Issues()
    changed = replace(row, cells={**row.cells, "来源": "市里定的", "节点": "初稿，3月底"})
    task_keys(changed, Place("分工.xlsx", cell="任务分工表!A5"), issues)
    assert [issue.code for issue in issues.errors] == ["not-a-choice", "milestone-form"]
    assert "示例" in issues.errors[0].way_out


def test_no_heading_stands_twice() -> None:
    assert len({*PRINTED, *EXACT}) == len(PRINTED) + len(EXACT)


# ---- the paper ---------------------------------------------------------------------------------


def paper(content: MatrixTable) -> bytes:
    return matrixpaper_bytes(content, author="办公室", created=CREATED)


@cache
def whole_paper() -> bytes:
    return paper(table())


def test_the_paper_lies_on_its_side_with_turned_margins() -> None:
    section = Document(io.BytesIO(whole_paper())).sections[0]
    sides = (section.page_width, section.page_height, section.top_margin, section.right_margin)
    assert [round(side.mm) for side in sides if side is not None] == [297, 210, 28, 37]
    assert [
        round(side.mm) for side in (section.bottom_margin, section.left_margin) if side is not None
    ] == [26, 35]


def test_the_paper_is_a_draft_and_says_so() -> None:
    document = Document(io.BytesIO(whole_paper()))
    header = document.sections[0].header.paragraphs[0].text
    assert "草稿" in header
    assert "示例数据" in header
    texts = [paragraph.text for paragraph in document.paragraphs]
    assert "（草案）" in texts
    assert any("S-11" in text for text in texts)


def test_rows_are_whole_headings_repeat_and_areas_are_merged() -> None:
    (found,) = Document(io.BytesIO(whole_paper())).tables
    assert [cell.text for cell in found.rows[0].cells] == list(PRINTED)
    assert found.rows[0]._tr.find(f".//{qn('w:tblHeader')}") is not None
    assert all(row._tr.find(f".//{qn('w:cantSplit')}") is not None for row in found.rows)
    merges = [row._tr.tc_lst[1].vMerge for row in found.rows[1:]]
    assert set(merges) == {"restart", "continue"}
    assert merges.count("restart") >= len({row.area for row in table().rows})


def test_the_same_paper_gives_the_same_bytes() -> None:
    small = changed_task()
    assert paper(small) == paper(small)


# ---- the command -------------------------------------------------------------------------------


def export(out: str = "", shape: str = "text") -> int:
    return export_matrix(Namespace(home=str(ROOT), out=out, format=shape))


@pytest.mark.parametrize("name", ["分工.xlsx", "sub/分工.DOCX"])
def test_the_file_name_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert export(str(tmp_path / name)) == 0
    assert zipfile.is_zipfile(tmp_path / name)
    assert f"共{len(table().rows)}项" in capsys.readouterr().out


def test_csv_has_every_task_and_a_mark_for_excel(tmp_path: Path) -> None:
    assert export(str(tmp_path / "m.csv")) == 0
    raw = (tmp_path / "m.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    assert head[:9] == [
        "编号",
        "领域",
        "任务",
        "牵头单位",
        "配合单位",
        "完成时限",
        "考核要点",
        "权重",
        "来源",
    ]
    assert len(rows) == len(shipped().plan.tasks)


def test_json_and_csv_still_go_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert export(shape="json") == 0
    tasks = json.loads(capsys.readouterr().out)
    assert tasks[0]["编号"] == "M-01"
    assert next(each["取消日期"] for each in tasks if each["编号"] == "S-11") == "2025-03-31"
    assert export() == 0
    assert capsys.readouterr().out.startswith("编号,领域,任务")


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="xlsx"):
        export(str(tmp_path / "m.pdf"))
