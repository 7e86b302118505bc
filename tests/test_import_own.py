"""Import of our own export: the same matrix again, and what an office changed in between is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import python_calamine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import ROOT
from duban import clock
from duban.cli.exporting import write_csv
from duban.desk import read_desk
from duban.errors import NOWHERE, Issues
from duban.importing.report import Report
from duban.importing.run import Order, import_file
from duban.matrix.load import load_matrix
from duban.matrix.model import (
    DeadlineClass,
    Every,
    Matrix,
    Milestone,
    ReportRule,
    Source,
    Task,
)
from duban.reports.matrixbook import matrixbook_bytes
from duban.reports.matrixpaper import matrixpaper_bytes
from duban.reports.matrixtable import flat_rows, matrix_table
from duban.settings import Home
from import_cases import Formula, Layout, to_xlsx

DAY = date(2026, 11, 22)
NOON = clock.at(DAY, time(12))
PLAN = "xinzheng-ip-pilot"
SHIPPED = Home(ROOT)


@cache
def shipped() -> Matrix:
    matrix = load_matrix(SHIPPED, PLAN, Issues())
    assert matrix is not None
    return matrix


def exported(folder: Path, matrix: Matrix | None = None, kind: str = "xlsx") -> Path:
    path, table = folder / f"分工表.{kind}", matrix_table(matrix or shipped(), DAY)
    if kind == "csv":
        write_csv(str(path), *flat_rows(matrix or shipped()))
    elif kind == "docx":
        path.write_bytes(matrixpaper_bytes(table, author="办公室", created=NOON))
    else:
        path.write_bytes(matrixbook_bytes(table))
    return path


def brought(path: Path, out: Path, **told: Any) -> Report:
    shutil.rmtree(out, ignore_errors=True)
    return import_file(Order(path, out, ROOT / "config", 2020, **told))


def again(report: Report) -> Matrix:
    issues = Issues()
    matrix = load_matrix(Home(Path(report.out)), report.plan, issues)
    assert matrix is not None
    assert issues.errors == []
    return matrix


def bare(task: Task) -> Task:
    stones = tuple(replace(stone, place=NOWHERE) for stone in task.milestones)
    return replace(
        task,
        place=NOWHERE,
        deadline_place=NOWHERE,
        reminders_place=NOWHERE,
        milestones=stones,
    )


def same(ours: Matrix, theirs: Matrix, *, withdrawn: bool = False) -> None:
    """``withdrawn``: tasks withdrawn by now are there too."""
    expected = {task.id: bare(task) for task in theirs.plan.tasks if withdrawn or not gone(task)}
    assert {task.id: bare(task) for task in ours.plan.tasks} == expected


def gone(task: Task) -> bool:
    return task.withdrawn_on is not None and task.withdrawn_on <= DAY


# ---- the shipped plan --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["xlsx", "csv", "docx"])
@pytest.mark.parametrize("told", [{"home": SHIPPED}, {"near": SHIPPED}])
def test_the_shipped_plan_comes_back_whole(
    told: dict[str, Home], kind: str, tmp_path: Path
) -> None:
    report = brought(exported(tmp_path, kind=kind), tmp_path / "out", **told)
    assert not report.errors
    listed = shipped().plan.tasks if kind == "csv" else matrix_table(shipped(), DAY).rows
    assert report.classes["task"] == len(listed)
    same(again(report), shipped(), withdrawn=kind == "csv")
    assert replace(again(report).plan, tasks=(), place=NOWHERE).indicators[0].name
    assert replace(again(report).plan, tasks=()).anchors == shipped().plan.anchors
    _, issues = read_desk(Home(tmp_path / "out"), DAY)
    assert issues.errors == []


def test_without_the_home_units_are_proposed_and_all_else_is_the_same(tmp_path: Path) -> None:
    report = brought(exported(tmp_path), tmp_path / "out")
    matrix, original = again(report), shipped()
    assert report.plan == PLAN
    assert (matrix.plan.title, matrix.plan.issuer) == (original.plan.title, original.plan.issuer)
    assert (matrix.plan.starts_on, matrix.plan.ends_on) == (
        original.plan.starts_on,
        original.plan.ends_on,
    )
    assert matrix.plan.year == original.plan.year
    assert "own-export" in {each.code for each in report.warnings}
    assert {each.code for each in report.errors} == {"report-collective"}
    for task in matrix.plan.tasks:
        other = original.task(task.id)
        assert bare(replace(task, lead=(), support=(), support_text=(), report=None)) == bare(
            replace(other, lead=(), support=(), support_text=(), report=None)
        )
        shown = [matrix.directory.units[each].name for each in task.lead]
        assert shown == [original.directory.units[each].short for each in other.lead]


def test_word_without_the_home_keeps_every_visible_column(tmp_path: Path) -> None:
    report = brought(exported(tmp_path, kind="docx"), tmp_path / "out")
    assert not [each for each in report.errors if each.code != "report-collective"]
    (told,) = [each for each in report.warnings if each.code == "not-printed"]
    assert "权重" in told.message
    ours = again(report)
    rows = matrix_table(shipped(), DAY).rows
    for task, row in zip(ours.plan.tasks, rows, strict=True):
        theirs = row.task
        for key in ("title", "text", "deliverable", "deadline_phrase", "joint", "source"):
            assert getattr(task, key) == getattr(theirs, key), key
        stones = [(each.title, each.deadline_phrase) for each in task.milestones]
        assert stones == [(each.title, each.deadline_phrase) for each in theirs.milestones]
        rule, said = task.report, theirs.report
        assert (rule.due_phrase if rule else "") == (said.due_phrase if said else "")
        names = [ours.directory.units[each].name for each in task.lead]
        assert names == [shipped().directory.units[each].short for each in theirs.lead]
    areas = {item.id: item.name for item in ours.plan.areas}
    assert [areas[task.area] for task in ours.plan.tasks] == [row.area for row in rows]


def test_the_home_at_hand_is_no_judge_of_another_plan(tmp_path: Path) -> None:
    other = replace(shipped(), plan=replace(shipped().plan, id="another-plan"))
    report = brought(exported(tmp_path, other), tmp_path / "out", near=SHIPPED)
    assert report.plan == "another-plan"
    assert report.units


# ---- any matrix --------------------------------------------------------------------------------

_WORDS = st.text(
    alphabet="推进建设知识产权工作0123456789；｜，。（）“”:#'\"-= aB\n", min_size=1, max_size=24
)
_LINE = _WORDS.map(lambda text: "任务" + " ".join(text.split()))
_ITEM = st.text(alphabet="印发文件台账；｜，0123", min_size=0, max_size=8).map(
    lambda text: f"件{text}件"
)
_DEADLINES = st.sampled_from(
    ["2026年6月底前", "持续推进", "每季度最后一个月25日前", "自批复之日起2个月内", "2025年底"]
)


@st.composite
def tasks(draw: st.DrawFn, number: int) -> Task:
    units = sorted(shipped().directory.units)
    lead = draw(st.lists(st.sampled_from(units), min_size=1, max_size=3, unique=True))
    support = draw(st.lists(st.sampled_from(units), max_size=6, unique=True))
    group = draw(st.sampled_from([(), *(each.members for each in shipped().directory.groups)]))
    rest = [each for each in dict.fromkeys((*support, *group)) if each not in lead]
    rule = draw(
        st.none()
        | st.builds(
            ReportRule,
            st.none() | st.sampled_from(Every),
            st.just("每月25日前"),
            st.just(tuple(draw(st.permutations(lead)))),
            st.sampled_from(["", "每月28日前"]),
        )
    )
    stones = draw(st.lists(st.tuples(_ITEM, _DEADLINES), max_size=3))
    return Task(
        id=f"T-{number}",
        area=draw(st.sampled_from([item.id for item in shipped().plan.areas])),
        title=draw(_LINE),
        text=draw(_WORDS).strip(),
        clause=draw(st.sampled_from(["", "重点工作一（一）"])),
        goals=tuple(draw(st.lists(st.sampled_from(["g1", "g2", "g3"]), unique=True))),
        lead=tuple(lead),
        joint=draw(st.booleans()),
        support=tuple(rest),
        responsibility=draw(st.sampled_from(["", "甲牵头，乙、丙按职责分工负责"])),
        deliverable=draw(_WORDS).strip(),
        evidence=tuple(draw(st.lists(_ITEM, max_size=3))),
        deadline_phrase=draw(_DEADLINES),
        anchor=draw(st.sampled_from(["", "approved"])),
        deadline_class=draw(st.sampled_from(DeadlineClass)),
        milestones=tuple(Milestone(f"m{at}", *said) for at, said in enumerate(stones)),
        report=rule,
        indicators=tuple(draw(st.lists(st.sampled_from(["valid-patents"]), unique=True))),
        weight=draw(st.sampled_from([Decimal(1), Decimal("2.5"), Decimal("0.125")])),
        source=draw(st.sampled_from(Source)),
        withdrawn_on=draw(st.sampled_from([None, date(2026, 1, 1), date(2027, 1, 1)])),
        urgent=draw(st.booleans()),
        reminders=draw(st.sampled_from(["", "hard", "part"])),
        replaces=tuple(draw(st.lists(st.sampled_from(["T-90", "T-91"]), unique=True))),
        support_text=tuple(
            draw(st.lists(st.sampled_from(["各有关单位", "其他有关部门"]), unique=True))
        ),
    )


@given(st.data())
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_matrix_comes_back_value_by_value(tmp_path: Path, data: st.DataObject) -> None:
    made = [data.draw(tasks(number)) for number in range(1, 5)]
    made[0] = replace(made[0], withdrawn_on=None)
    matrix = replace(shipped(), plan=replace(shipped().plan, tasks=tuple(made)))
    report = brought(exported(tmp_path, matrix), tmp_path / "out", home=SHIPPED)
    assert not [each for each in report.errors if each.code != "milestone-late"]
    same(again(report), matrix)


@given(st.data())
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_matrix_comes_back_from_our_csv(tmp_path: Path, data: st.DataObject) -> None:
    made = tuple(data.draw(tasks(number)) for number in range(1, 5))
    matrix = replace(shipped(), plan=replace(shipped().plan, tasks=made))
    report = brought(exported(tmp_path, matrix, "csv"), tmp_path / "out", home=SHIPPED)
    assert not [
        each for each in report.errors if each.code not in {"milestone-late", "unknown-area"}
    ]
    ours, theirs = again(report).plan.tasks, matrix.plan.tasks
    assert {each.id: bare(each) for each in ours} == {each.id: bare(each) for each in theirs}


@given(st.data())
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_word_prints_of_any_matrix_comes_back(tmp_path: Path, data: st.DataObject) -> None:
    made = [data.draw(tasks(number)) for number in range(1, 5)]
    made = [replace(each, title=f"{each.title}{each.id}", withdrawn_on=None) for each in made]
    matrix = replace(shipped(), plan=replace(shipped().plan, tasks=tuple(made)))
    report = brought(exported(tmp_path, matrix, "docx"), tmp_path / "out", home=SHIPPED)
    assert "not-printed" in {each.code for each in report.warnings}
    assert report.classes["task"] == len(made)


# ---- what an office changes --------------------------------------------------------------------

Change = Callable[[list[list[Any]], dict[str, int]], None]


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[Change], Report]:
    """Import the shipped plan's workbook after somebody worked on its cells."""

    def run(change: Change) -> Report:
        path = exported(tmp_path)
        page = python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
        rows: list[list[Any]] = page.to_python(skip_empty_area=False)
        change(rows, {str(said): at for at, said in enumerate(rows[3])})
        return brought(to_xlsx(path, [Layout(page.name, rows)]), tmp_path / "out", home=SHIPPED)

    return run


def test_every_changed_cell_is_told_at_its_place(changed: Callable[[Change], Report]) -> None:
    def change(rows: list[list[Any]], head: dict[str, int]) -> None:
        for row, heading, value in (
            (5, "牵头单位", "市知产办公室"),
            (6, "来源", "市里定的"),
            (7, "完成时限", "2023-11-31"),
            (8, "权重", Formula("=1+1", "2")),
            (10, "编号", rows[8][head["编号"]]),
            (11, "编号", ""),
            (12, "领域编号", "nowhere"),
            (13, "任务", ""),
        ):
            rows[row - 1][head[heading]] = value

    report = changed(change)
    assert {(each.code, each.cell) for each in report.errors} == {
        ("unknown-unit", "E5"),
        ("not-a-choice", "I6"),
        ("deadline-unread", "G7"),
        ("formula", "T8"),
        ("id-twice", "J10"),
        ("row-alone", "A11"),
        ("unknown-area", "AB12"),
        ("title-blank", "K13"),
    }
    told = report.as_json()
    assert told["rejected"] == 1
    assert told["rows_in"] == len(matrix_table(shipped(), DAY).rows)
    assert sum(report.classes.values()) == report.sheets[0].filled_rows


def test_a_row_that_the_office_adds_becomes_a_task(changed: Callable[[Change], Report]) -> None:
    def change(rows: list[list[Any]], head: dict[str, int]) -> None:
        added = {
            "编号": "M-99",
            "任务": "新增一项",
            "牵头单位": "市财政局",
            "配合单位": "各乡镇、街道、市教育局",
            "完成时限": "2026年9月底前",
            "领域编号": "management",
        }
        rows.insert(5, [added.get(heading, "") for heading in head])

    report = changed(change)
    assert not report.errors
    task = again(report).task("M-99")
    units = again(report).directory.units
    assert (task.title, [units[each].short for each in task.lead]) == ("新增一项", ["市财政局"])
    assert units[task.support[-1]].short == "市教育局"
    assert len(task.support) > 3
