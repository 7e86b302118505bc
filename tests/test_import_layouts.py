"""Five hard layouts at full length: every row is accounted for, and every doubt names its cell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from duban.errors import Issues
from duban.importing.report import WORK, Report
from duban.importing.run import Order, import_file
from duban.matrix.load import load_matrix
from duban.matrix.model import Matrix, Task
from duban.settings import Home
from import_cases import Layout, Range, Shown, to_xlsx

Bring = Callable[..., Report]
UNITS = ("秩序处", "设施处", "宣传处", "车管所", "法制处", "科技处", "事故处")


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    def run(layout: Layout, year: int = 2023) -> Report:
        path = to_xlsx(tmp_path / "table.xlsx", [layout])
        report = import_file(Order(path, tmp_path / "out", ROOT / "config", year, year=year))
        told = report.as_json()
        assert sum(report.classes.values()) == report.sheets[0].filled_rows
        assert told["rows_in"] == sum(report.classes[name] for name in WORK)
        assert all(each.cell and each.sheet == layout.name for each in report.errors)
        return report

    return run


def matrix_of(report: Report) -> Matrix:
    matrix = load_matrix(Home(Path(report.out)), report.plan, Issues())
    assert matrix is not None
    return matrix


def names(matrix: Matrix, task: Task) -> list[str]:
    return [matrix.directory.units[each].name for each in (*task.lead, *task.support)]


def found(report: Report) -> set[tuple[str, str]]:
    return {(each.cell, each.code) for each in report.errors}


# ---- 82 rows, slipped columns, collectives in three columns -------------------------------------


def test_slipped_columns_and_collectives_in_three_columns(bring: Bring) -> None:
    head = ["序号", "工作任务", "牵头单位", "责任单位", "配合单位", "完成时限"]
    rows: list[list[Any]] = [head]
    for number in range(1, 83):
        unit, other = UNITS[number % 7], UNITS[(number + 3) % 7]
        rows.append(
            [
                number,
                f"第{number}项整治任务",
                unit,
                other,
                "直属各大队",
                f"2023年{number % 12 + 1}月底前",
            ]
        )
    rows[10][2:6] = [
        "2023年6月底前",
        "秩序处",
        "各高速大队",
        "",
    ]  # the deadline slipped to the left
    rows[20][4:6] = ["2023年9月底前", "新六区大队"]  # the last two columns were exchanged
    rows[30][2] = "各有关单位"
    rows[40][3] = "其他职能部门"
    rows[50][2:6] = ["", "", "", "2023年6月底前"]
    rows[60][1:3] = ["秩序处", "第60项整治任务推进"]
    report = bring(Layout("分工", rows))
    assert report.classes["task"] == 82
    assert found(report) == {
        ("C11", "slipped-unit"),
        ("F11", "deadline-blank"),
        ("E21", "slipped-unit"),
        ("F21", "slipped-deadline"),
        ("C31", "lead-collective"),
        ("C51", "no-lead"),
        ("B61", "slipped-title"),
        ("C61", "unit-odd"),
    }
    swap = next(each for each in report.errors if each.cell == "E21")
    assert "F21" in swap.way_out
    matrix = matrix_of(report)
    assert matrix.plan.tasks[40 - 1].support_text == ("其他职能部门", "直属各大队")
    known = {unit.name for unit in matrix.directory.units.values()}
    assert not {"直属各大队", "其他职能部门", "各高速大队", "新六区大队"} & known


# ---- 250 rows of stages -------------------------------------------------------------------------


def test_stages_under_merged_tasks_with_ranges_of_time(bring: Bring) -> None:
    rows: list[list[Any]] = [["序号", "重点任务", "阶段", "主要工作", "起止时间", "责任单位"]]
    merges: list[Range] = []
    for number in range(1, 51):
        top = len(rows)
        for stage in range(5):
            first = stage == 0
            rows.append(
                [
                    number if first else "",
                    f"第{number}项改革任务" if first else "",
                    f"第{'一二三四五'[stage]}阶段",
                    f"第{number}项的第{stage + 1}步工作",
                    f"2023年{stage * 2 + 1}月—2023年{stage * 2 + 2}月",
                    UNITS[number % 7] if first else "",
                ]
            )
        merges += [(top, column, top + 4, column) for column in (0, 1, 5)]
    rows[13 - 1][4] = "2023年13月—2023年14月"
    rows[23 - 1][4] = ""
    report = bring(Layout("阶段表", rows, merges))
    assert report.classes["task"] == 50
    assert report.classes["continuation"] == 200
    tasks = matrix_of(report).plan.tasks
    assert [len(task.milestones) for task in tasks[:5]] == [5, 5, 5, 5, 4]
    assert tasks[0].milestones[1].deadline_phrase == "2023年3月—2023年4月"
    assert tasks[0].deadline_phrase == "2023年9月—2023年10月"
    assert all(task.lead for task in tasks)
    assert found(report) == {("E13", "deadline-unread")}
    assert "第5项的第2步工作" in tasks[4].text  # the stage without a time is not lost


# ---- 45 responsibility sentences ----------------------------------------------------------------


def test_one_sentence_says_everything(bring: Bring) -> None:
    rows: list[list[Any]] = [["序号", "工作举措及责任分工"]]
    for number in range(1, 46):
        lead, one, two = (UNITS[(number + at) % 7] for at in range(3))
        rows.append(
            [
                number,
                f"推进第{number}项举措，完善机制。（{lead}牵头，{one}、{two}按职责分工负责，2023年{number % 12 + 1}月底前完成）",
            ]
        )
    rows[7][1] = "推进一项没有写责任的举措。"
    rows[8][1] = "推进另一项举措。（各地级以上市人民政府负责，2023年9月底前完成）"
    report = bring(Layout("举措", rows))
    assert report.classes["task"] == 45
    matrix = matrix_of(report)
    first = matrix.plan.tasks[0]
    assert names(matrix, first) == [UNITS[1], UNITS[2], UNITS[3]]
    assert (len(first.lead), first.joint) == (1, True)
    assert first.deadline_phrase == "2023年2月底前完成"
    assert found(report) == {
        ("B8", "no-lead"),
        ("B8", "deadline-blank"),
        ("B9", "lead-collective"),
    }
    assert all("（" not in task.title for task in matrix.plan.tasks)


# ---- dates that no calendar has -----------------------------------------------------------------


def test_an_impossible_day_typed_as_text_and_a_real_one(bring: Bring) -> None:
    rows: list[list[Any]] = [["编号", "任务名称", "责任部门", "截止日期"]]
    rows += [
        [number, f"第{number}项任务", UNITS[number % 7], f"2023-{number % 12 + 1:02d}-15"]
        for number in range(1, 82)
    ]
    rows[11][3] = "2023-11-31"
    rows[12][3] = Shown(date(2023, 11, 30), "yyyy-mm-dd")
    rows[13][3] = Shown(date(2023, 12, 1), 'yyyy"年"m"月"')
    report = bring(Layout("清单", rows))
    assert report.classes["task"] == 81
    assert found(report) == {("D12", "deadline-unread")}
    (error,) = report.errors
    assert "2023-11-31" in error.message
    assert "11月没有 31 日" in error.message
    tasks = matrix_of(report).plan.tasks
    assert tasks[10].deadline_phrase == "2023-11-31"  # kept as written, so that check sees it too
    assert tasks[11].deadline_phrase == "2023年11月30日"
    assert tasks[12].deadline_phrase == "2023年12月"
    assert ("D14", "deadline-shown") in {(each.cell, each.code) for each in report.warnings}


# ---- pages --------------------------------------------------------------------------------------


def test_a_header_of_two_rows_on_every_printed_page(bring: Bring) -> None:
    title = "2023年重点工作任务分解表"
    top = [["序号", "重点任务", "责任分工", "", "完成时限"], ["", "", "牵头", "配合", ""]]
    rows: list[list[Any]] = [[title, "", "", "", ""]]
    merges: list[Range] = [(0, 0, 0, 4)]
    number = 0
    for page in range(4):
        if page:
            rows.append([f"续表{'一二三'[page - 1]}" if page < 3 else "（续上表）", "", "", "", ""])
            merges.append((len(rows) - 1, 0, len(rows) - 1, 4))
        at = len(rows)
        merges += [(at, 2, at, 3), *((at, column, at + 1, column) for column in (0, 1, 4))]
        rows += [list(row) for row in top]
        for _ in range(9):
            number += 1
            rows.append(
                [
                    number,
                    f"第{number}项任务",
                    UNITS[number % 7],
                    UNITS[(number + 1) % 7],
                    "2023年底前",
                ]
            )
        rows.append([f"第{page + 1}页 共4页", "", "", "", ""])
    report = bring(Layout("分解表", rows, merges))
    assert report.title == title
    assert dict(report.classes) == {"title": 1, "header": 2, "repeated": 3 + 6 + 4, "task": 36}
    assert not report.errors
    matrix = matrix_of(report)
    assert [names(matrix, task) for task in matrix.plan.tasks] == [
        [UNITS[at % 7], UNITS[(at + 1) % 7]] for at in range(1, 37)
    ]
    assert {len(task.lead) for task in matrix.plan.tasks} == {1}
    assert len(matrix.plan.areas) == 1


# ---- more of what offices send ------------------------------------------------------------------

BUREAUS = tuple(f"市{name}局" for name in ("财政", "教育", "公安", "科技", "商务", "统计", "民政"))


def test_one_cell_names_the_units_and_the_deadline(bring: Bring) -> None:
    rows: list[list[Any]] = [["序号", "重点举措", "责任分工及完成时限"]]
    for number in range(1, 46):
        lead, one, two = (BUREAUS[(number + at) % 7] for at in range(3))
        due = f"2026年{number % 12 + 1}月底前完成"
        rows.append([number, f"推进第{number}项举措", f"由{lead}牵头，{one}、{two}配合，{due}。"])
    rows[5][2] = "各有关单位按职责分工负责，持续推进"
    rows[6][2] = "由市财政局牵头，各乡镇配合，2026年2月30日前完成"
    rows[7][2] = "由市财政局牵头，市教育局配合，2026年13月底前完成"
    report = bring(Layout("举措", rows), 2026)
    assert report.classes["task"] == 45
    assert found(report) == {
        ("C6", "lead-collective"),
        ("C7", "deadline-unread"),
        ("C8", "deadline-unread"),
    }
    assert {each.cell for each in report.warnings if each.code == "deadline-in-text"} == {
        f"C{row}" for row in range(2, 47)
    }
    matrix = matrix_of(report)
    assert names(matrix, matrix.plan.tasks[0]) == list(BUREAUS[1:4])
    assert matrix.plan.tasks[0].deadline_phrase == "2026年2月底前完成"
    assert matrix.plan.tasks[5].deadline_phrase == "2026年2月30日前完成"
    assert matrix.plan.tasks[5].support_text == ("各乡镇",)


def test_stages_stand_first_and_span_their_works(bring: Bring) -> None:
    stages = (("第一阶段", "3月—4月"), ("第二阶段", "5月—10月"), ("第三阶段", "11月—14月"))
    rows: list[list[Any]] = [["阶段", "时间", "内容", "责任部门"]]
    merges: list[Range] = []
    for stage, (label, time) in enumerate(stages):
        top = len(rows)
        for at in range(84):
            if at % 2 == 0:
                merges.append((len(rows), 3, len(rows) + 1, 3))
            first = [label, f"2023年{time}"] if at == 0 else ["", ""]
            unit = UNITS[at % 7] if at % 2 == 0 else ""
            rows.append([*first, f"第{stage + 1}阶段的第{at + 1}项工作", unit])
        merges += [(top, column, top + 83, column) for column in (0, 1)]
    report = bring(Layout("阶段安排", rows, merges))
    tasks = matrix_of(report).plan.tasks
    assert len(tasks) == report.classes["task"] == 252
    assert [task.title for task in tasks[:2]] == ["第1阶段的第1项工作", "第1阶段的第2项工作"]
    assert tasks[1].lead == tasks[0].lead
    assert {task.deadline_phrase for task in tasks[84:168]} == {"2023年5月—10月"}
    assert found(report) == {("B170", "deadline-unread")}
    assert len([each for each in report.errors if each.cell == "B170"]) == 84


def test_units_and_dates_in_the_wrong_columns(bring: Bring) -> None:
    rows: list[list[Any]] = [["序号", "任务", "牵头单位", "配合单位", "完成时限"]]
    for number in range(1, 83):
        support = f"{BUREAUS[(number + 1) % 7]}、各乡镇"
        due = f"2026年{number % 12 + 1}月底前"
        rows.append([number, f"第{number}项任务", BUREAUS[number % 7], support, due])
    rows[5][3:5] = ["2026年9月底前", "市教育局"]
    rows[6][2] = "各有关单位"
    rows[7][4] = "市公安局、市科技局"
    rows[8][3] = "2026年2月30日"
    for row, phrase in ((9, "2026年2月30日"), (10, "2026年13月底前"), (11, "6月31日前")):
        rows[row][4] = phrase
    report = bring(Layout("分工", rows), 2026)
    assert report.classes["task"] == 82
    assert found(report) == {
        ("D6", "slipped-unit"),
        ("E6", "slipped-deadline"),
        ("C7", "lead-collective"),
        ("E8", "slipped-deadline"),
        ("D9", "unit-odd"),
        ("E10", "deadline-unread"),
        ("E11", "deadline-unread"),
        ("E12", "deadline-unread"),
    }
    kept = {task.deadline_phrase for task in matrix_of(report).plan.tasks}
    assert {"2026年2月30日", "2026年13月底前", "6月31日前", "市教育局"} <= kept
