"""Import: messy workbooks become YAML that check accepts after the corrections that the report lists."""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import import_cases as cases
from conftest import ROOT
from duban.cli.importing import import_matrix
from duban.desk import read_desk
from duban.errors import InputError, Issues, UsageError
from duban.importing.grid import Grid
from duban.importing.report import CLASS_NAMES, WORK, Report
from duban.importing.run import Order, convert, import_file
from duban.matrix.check import check
from duban.matrix.load import load_matrix
from duban.matrix.model import Matrix, UnitKind
from duban.settings import Home
from duban.yamltext import parse
from import_cases import Layout, to_csv, to_docx, to_xlsx

TODAY = date(2026, 11, 22)
LAYOUTS: dict[str, Callable[[], Layout]] = {
    "province": cases.province,
    "sentences": cases.sentences,
    "brackets": cases.brackets,
    "district": cases.district,
    "bureau": cases.bureau,
    "stages": cases.stages,
    "impossible": cases.impossible,
    "quarters": cases.quarters,
}
# Only Excel keeps dates and formulas.
PAIRS = [
    (name, kind)
    for name in LAYOUTS
    for kind in ("xlsx", "csv", "docx")
    if name != "impossible" or kind == "xlsx"
]
Bring = Callable[..., Report]


@pytest.fixture
def bring(tmp_path: Path) -> Bring:
    """Import layouts from a file of the wanted kind into ``tmp_path/out``."""

    def run(*layouts: Layout, kind: str = "xlsx", **told: Any) -> Report:
        path = tmp_path / f"fenbiao.{kind}"
        if kind == "xlsx":
            to_xlsx(path, layouts)
        elif kind == "csv":
            to_csv(path, layouts[0], told.pop("encoding", "utf-8-sig"))
        else:
            to_docx(path, layouts, told.pop("heading", ""))
        order = Order(path, tmp_path / told.pop("out", "out"), ROOT / "config", 2026, **told)
        return import_file(order)

    return run


def home_of(report: Report) -> Home:
    return Home(Path(report.out))


def matrix_of(report: Report) -> Matrix:
    """The matrix as the engine's own loader reads it."""
    matrix = load_matrix(home_of(report), report.plan, Issues())
    assert matrix is not None
    return matrix


def checked(report: Report) -> list[str]:
    """What check refuses, as ``code task``."""
    _, issues = read_desk(home_of(report), TODAY)
    return [f"{issue.code} {issue.message}" for issue in issues.errors]


def codes(report: Report) -> list[str]:
    return [each.code for each in report.errors]


def sheet(
    *rows: Sequence[Any], merges: list[cases.Range] | None = None, name: str = "表"
) -> Layout:
    return Layout(name, [list(row) for row in rows], merges or [])


HEAD = ["序号", "重点任务", "牵头单位", "配合单位", "完成时限"]


# ---- the promise -------------------------------------------------------------------------------


def correct(report: Report) -> None:
    """Do what the report's errors say, and nothing else."""
    home = home_of(report)
    folder = home.tasks_def / report.plan
    texts = {path: path.read_text(encoding="utf-8") for path in folder.glob("[0-9]*.yaml")}
    units = home.config / "units.yaml"
    for each in report.errors:
        if each.code == "lead-kind":
            key = re.search(r"把 (u\d+) 的 kind", each.way_out)
            assert key is not None
            text = units.read_text(encoding="utf-8")
            head, tail = text.split(f"- id: {key[1]} ", 1)
            tail = re.sub(r"kind: \w+", "kind: bureau", tail, count=1)
            units.write_text(f"{head}- id: {key[1]} {tail}", encoding="utf-8")
            continue
        assert each.task, each
        for path, text in texts.items():
            pattern = re.compile(rf"^  - id: {each.task} .*?(?=^  - id: |\Z)", re.M | re.S)
            texts[path] = pattern.sub(_repair(each.code), text)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    text = units.read_text(encoding="utf-8").replace(
        "units:\n",
        "units:\n  - {id: fixed, name: 补填单位, kind: bureau, group: 甲, posts: {liaison: [{name: 某, address: a@b.example}]}}\n",
        1,
    )
    units.write_text(text, encoding="utf-8")


def _repair(code: str) -> Callable[[re.Match[str]], str]:
    return lambda found: _repaired(found[0], code)


def _repaired(task: str, code: str) -> str:
    line = {
        "no-lead": ("lead", "[补填单位]"),
        "lead-collective": ("lead", "[补填单位]"),
        "slipped-unit": ("lead", "[补填单位]"),
        "unit-odd": ("lead", "[补填单位]"),
        "title-blank": ("title", "补填任务"),
        "formula": None,
    }.get(code, ("deadline", "2026年12月底前"))
    if line is None:
        return task
    key, value = line
    return re.sub(rf"^    {key}:.*$", f"    {key}: {value}", task, count=1, flags=re.M)


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_after_the_listed_corrections_check_accepts(name: str, kind: str, bring: Bring) -> None:
    report = bring(LAYOUTS[name](), kind=kind)
    before = checked(report)
    correct(report)
    assert checked(report) == []
    assert bool(before) <= bool(report.errors)


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_check_refuses_the_report_already_names(name: str, bring: Bring) -> None:
    report = bring(LAYOUTS[name]())
    named = {each.task for each in report.errors}
    matrix = matrix_of(report)
    by_line = sorted((task.place.file, task.place.line or 0, task.id) for task in matrix.plan.tasks)
    _, issues = read_desk(home_of(report), TODAY)
    for issue in issues.errors:
        at = [
            task
            for file, line, task in by_line
            if file == issue.place.file and line <= (issue.place.line or 0)
        ]
        assert at, issue
        assert at[-1] in named, issue


def test_the_command_says_what_it_did_and_exits_1_while_something_is_to_be_corrected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(layout: Layout, name: str, form: str = "text") -> tuple[int, str]:
        path = to_xlsx(tmp_path / f"{name}.xlsx", [layout])
        args = argparse.Namespace(
            file=str(path), out=str(tmp_path / name), year=None, sheet="", home=None, format=form
        )
        return import_matrix(args), capsys.readouterr().out

    code, said = run(cases.bureau(), "bureau")
    assert code == 1
    assert "8行 → 8项任务" in said
    assert "任务分工!F5：错误" in said
    assert "import-report.md" in said
    code, said = run(cases.stages(), "stages", "json")
    told = json.loads(said)
    assert code == 0
    assert told["written"] is True
    assert told["tasks"] == 6
    assert told["continuations"] == 5
    assert (tmp_path / "bureau" / "tasks_def" / "bureau" / "plan.yaml").is_file()


# ---- accounting --------------------------------------------------------------------------------


def assert_adds_up(report: Report, layouts: list[Layout]) -> None:
    filled = sum(
        1 for layout in layouts for row in layout.rows if any(str(cell).strip() for cell in row)
    )
    skipped = sum(account.filled_rows for account in report.sheets if account.reason)
    told = report.as_json()
    assert sum(report.classes.values()) + skipped == filled
    assert set(report.classes) <= set(CLASS_NAMES)
    assert report.rows_in == sum(report.classes[name] for name in WORK)
    assert told["rows_in"] == told["tasks"] + told["continuations"] + told["rejected"]  # type: ignore[operator]
    assert told["rejected"] == codes(report).count("row-alone")
    assert len(matrix_of(report).plan.tasks) == report.classes["task"]


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_every_row_belongs_to_one_class(name: str, kind: str, bring: Bring) -> None:
    layout = LAYOUTS[name]()
    assert_adds_up(bring(layout, kind=kind), [layout])


def test_the_counts_of_real_matrices(bring: Bring) -> None:
    told = {
        name: (report.rows_in, report.classes["task"], report.classes["continuation"])
        for name in LAYOUTS
        if (report := bring(LAYOUTS[name](), out=f"out-{name}"))
    }
    assert told == {
        "province": (35, 35, 0),
        "sentences": (10, 10, 0),
        "brackets": (10, 10, 0),
        "district": (7, 7, 0),
        "bureau": (8, 8, 0),
        "stages": (11, 6, 5),
        "impossible": (9, 9, 0),
        "quarters": (2, 2, 0),
    }


_WORDS = st.sampled_from(
    [
        "",
        "",
        "1",
        "2",
        "7",
        "一",
        "一、总体",
        "（二）其次",
        "市财政局",
        "市教育局、市公安局",
        "各乡镇（街道）",
        "无",
        "2026年6月底前",
    ]
    + [
        "持续推进",
        "2026年2月30日前",
        "同上",
        "完成建设任务",
        "推进改革。",
        "注：见附件",
        "合计",
        "牵头单位",
        "续表",
        "甲局牵头，乙局配合",
    ]
)


@given(
    rows=st.lists(st.lists(_WORDS, min_size=5, max_size=5), min_size=1, max_size=12), data=st.data()
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_generated_sheet_loses_a_row(rows: list[list[str]], data: st.DataObject) -> None:
    merges = data.draw(
        st.lists(
            st.tuples(
                st.integers(1, len(rows)), st.integers(0, 4), st.integers(0, 3), st.integers(0, 4)
            ),
            max_size=3,
        )
    )
    ranges = [
        (top, left, min(top + down, len(rows)), min(left + right, 4))
        for top, left, down, right in merges
        if down or right
    ]
    grid = Grid("表", [list(HEAD), *[list(row) for row in rows]], ranges)
    order = Order(Path("x.xlsx"), Path("out"), ROOT / "config", 2026)
    try:
        report, files = convert(order, [grid])
    except InputError as refused:
        told = [issue.code for issue in refused.issues]
        if told != ["no-rows"]:
            raise
        return
    texts = dict(files)
    assert sum(report.classes.values()) == sum(any(row) for row in grid.rows)
    assert report.rows_in == sum(report.classes[name] for name in WORK)
    written = "".join(text for name, text in texts.items() if name.startswith("tasks_def"))
    assert written.count("\n  - id: T-") == report.classes["task"]
    for name, text in texts.items():
        issues = Issues()
        if name.endswith(".yaml") and not name.endswith("duban.yaml"):
            assert parse(text, name, issues) is not None, (name, text, issues)
            assert not issues.errors


# ---- what is read ------------------------------------------------------------------------------


def test_a_province_keeps_categories_units_and_joint_leads(bring: Bring) -> None:
    matrix = matrix_of(bring(cases.cover(), cases.province()))
    tasks = {task.clause: task for task in matrix.plan.tasks}
    assert [item.name for item in matrix.plan.areas][:2] == ["芯片", "算力"]
    assert tasks["序号12"].joint
    assert len(tasks["序号12"].lead) == 2
    units = matrix.directory.units
    assert [units[each].name for each in tasks["序号33"].support][2] == "省市场监管局"
    assert units[tasks["序号33"].support[2]].second_name == "省知识产权局"
    assert tasks["序号30"].support == ()
    assert tasks["序号4"].deadline_phrase == "持续推进"
    assert matrix.plan.title == "人工智能高质量发展重点任务清单（2026年）"
    assert matrix.plan.year == 2026


def test_a_cover_and_a_hidden_sheet_are_skipped_and_said(bring: Bring) -> None:
    hidden = cases.quarters()
    hidden.hidden = True
    report = bring(cases.cover(), cases.province(), hidden, Layout("空白", [[""]]))
    reasons = {account.name: account.reason for account in report.sheets}
    assert "没有找到" in reasons["封面"]
    assert "隐藏" in reasons["季度表"]
    assert reasons["空白"] == "空表"
    assert reasons["任务清单"] == ""
    markdown = (Path(report.out) / "import-report.md").read_text(encoding="utf-8")
    assert "封面" in markdown
    assert "隐藏的工作表" in markdown


def test_one_sheet_can_be_chosen(bring: Bring) -> None:
    report = bring(cases.province(), cases.quarters(), sheet="季度表")
    assert report.classes["task"] == 2
    with pytest.raises(InputError, match="没有名为“别的”的工作表"):
        bring(cases.province(), sheet="别的", out="other")


def test_several_sheets_are_several_areas(bring: Bring) -> None:
    first, second = cases.quarters(), cases.quarters()
    second.name = "另一张"
    matrix = matrix_of(bring(first, second))
    assert [item.name for item in matrix.plan.areas] == ["季度表", "另一张"]
    assert [task.id for task in matrix.plan.tasks] == ["T-001", "T-002", "T-003", "T-004"]


def test_sentences_and_sections(bring: Bring) -> None:
    matrix = matrix_of(bring(cases.sentences()))
    units = matrix.directory.units
    by_title = {task.title: task for task in matrix.plan.tasks}
    assert [item.name for item in matrix.plan.areas] == ["一、完善法律法规", "二、完善重大政策"]
    task = by_title["财政事权改革方案落实"]
    assert [units[each].name for each in task.lead] == ["财政部", "国家知识产权局", "中央宣传部"]
    assert task.responsibility == "财政部、国家知识产权局、中央宣传部等部门负责"


def test_a_responsibility_in_brackets_is_taken_and_the_text_stays_verbatim(bring: Bring) -> None:
    matrix = matrix_of(bring(cases.brackets()))
    task = matrix.plan.tasks[3]
    assert task.title == "推进植物新品种条例。"
    assert task.text == "推进植物新品种条例。（农业农村部、国家林草局负责）"
    assert task.responsibility == "农业农村部、国家林草局负责"
    assert [matrix.directory.units[each].name for each in task.lead] == ["农业农村部", "国家林草局"]


def test_a_deadline_inside_the_brackets_is_found_and_said(bring: Bring) -> None:
    told = sheet(
        ["序号", "任务"], [1, "建立机制。（市科技局牵头，市财政局配合，2026年6月底前完成）"]
    )
    report = bring(told)
    (task,) = matrix_of(report).plan.tasks
    assert task.deadline_phrase == "2026年6月底前完成"
    assert len(task.lead) == len(task.support) == 1
    assert "deadline-in-text" in [each.code for each in report.warnings]


def test_slipped_columns_are_errors_with_a_proposal_and_the_text_is_kept(bring: Bring) -> None:
    report = bring(cases.bureau())
    found = {f"{each.cell} {each.code}": each for each in report.errors}
    assert "对调" in found["E5 slipped-unit"].way_out
    assert "E5" in found["F5 slipped-deadline"].way_out
    assert "移到 E13" in found["F13 slipped-deadline"].way_out
    assert "G11" in found["F11 deadline-blank"].way_out
    assert "D12 slipped-unit" in found
    assert "D6 no-lead" in found
    assert "D9 lead-collective" in found
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(report.out).glob("tasks_def/*/[0-9]*.yaml")
    )
    assert "deadline: 各高速大队" in text
    assert "lead: [2020年12月]" in text
    assert "# 备注：2020年11月底前完成" in text


def test_a_ditto_and_a_doubtful_month_are_warnings(bring: Bring) -> None:
    report = bring(cases.bureau())
    warned = {f"{each.cell} {each.code}" for each in report.warnings}
    assert {
        "E7 ditto",
        "F7 deadline-doubt",
        "A12 serial-gap",
        "A13 serial-twice",
        "E4 collective",
    } <= warned
    task = matrix_of(report).tasks_by_id["T-004"]
    assert task.support_text == ("直属各大队", "各职能部门")


def test_stage_rows_become_milestones_and_rows_with_units_of_their_own_become_tasks(
    bring: Bring,
) -> None:
    matrix = matrix_of(bring(cases.stages()))
    first, second, *_, fire, food = matrix.plan.tasks
    assert [(stone.title, stone.deadline_phrase) for stone in first.milestones] == [
        ("起草", "3-4月"),
        ("征求意见", "5月"),
        ("报批", "6月底前"),
    ]
    assert first.deadline_phrase == "6月底前"
    assert second.deadline_phrase == "11月"
    assert (fire.title, food.title) == ("消防检查", "食品检查")
    units = matrix.directory.units
    assert units[food.lead[0]].name == "后勤处"
    assert {unit.kind for unit in units.values()} == {UnitKind.BUREAU}
    archive = matrix.plan.tasks[3]
    assert archive.text == "收集\n装订"
    assert not archive.milestones


def test_stages_within_one_cell_become_milestones(bring: Bring) -> None:
    head = ["序号", "重点任务", "进度安排", "责任单位"]
    told = "1.制定方案（2023年3月）\n2.9月底前，组织实施；\n3.2023年12月总结"
    report = bring(sheet(head, [1, "甲事", told, "市公安局"]), year=2023)
    (task,) = matrix_of(report).plan.tasks
    assert [(stone.title, stone.deadline_phrase) for stone in task.milestones] == [
        ("制定方案", "2023年3月"),
        ("组织实施", "9月底前"),
        ("总结", "2023年12月"),
    ]
    assert task.deadline_phrase == "2023年12月"
    assert task.text == told.replace("；", "")


def test_numbered_headings_in_the_task_column_are_areas(bring: Bring) -> None:
    rows: list[list[Any]] = [
        ["重点工作", "主要任务", "时间进度", "责任部门"],
        ["一、党建工作", "1.学习教育", "3-4月，制定方案", "党委办公室"],
        ["", "", "5-11月，组织实施", ""],
        ["", "2.党员发展", "全年", "组织部"],
        ["二、教学工作", "3.专业建设", "3月", "教务处"],
    ]
    report = bring(sheet(*rows, merges=[(1, 0, 3, 0), (1, 1, 2, 1), (1, 3, 2, 3)]), year=2017)
    matrix = matrix_of(report)
    assert [item.name for item in matrix.plan.areas] == ["一、党建工作", "二、教学工作"]
    assert [task.title for task in matrix.plan.tasks] == ["1.学习教育", "2.党员发展", "3.专业建设"]
    assert [stone.title for stone in matrix.plan.tasks[0].milestones] == ["制定方案", "组织实施"]
    assert not report.errors


def test_a_row_that_slipped_as_a_whole_is_seen(bring: Bring) -> None:
    rows: list[list[Any]] = [
        HEAD,
        ["甲事推进建设", "市财政局", "市公安局", "2023年6月", ""],
        [2, "", "乙事推进", "市财政局", "市公安局"],
        [3, "丙事", "市财政局", "", "2023年6月"],
    ]
    found = {f"{each.cell} {each.code}" for each in bring(sheet(*rows)).errors}
    assert found == {
        "B2 slipped-title",
        "D2 slipped-unit",
        "E2 deadline-blank",
        "B3 title-blank",
        "C3 unit-odd",
        "E3 slipped-deadline",
    }


def test_quarter_columns_become_milestones(bring: Bring) -> None:
    first, second = matrix_of(bring(cases.quarters())).plan.tasks
    assert [stone.deadline_phrase for stone in first.milestones] == [
        "一季度",
        "二季度",
        "三季度",
        "四季度",
    ]
    assert (first.deadline_phrase, second.deadline_phrase) == ("四季度", "二季度")


def test_dates_are_read_as_they_are_shown(bring: Bring) -> None:
    report = bring(cases.impossible())
    read = {task.title: task.deadline_phrase for task in matrix_of(report).plan.tasks}
    assert read == {
        "甲事": "2023年2月30日前",
        "乙事": "2023年6月",
        "丙事": "2023年6月30日",
        "丁事": "3月15日",
        "戊事": "2023年12月30日",
        "己事": "2023年",
        "庚事": "2023年12月",
        "辛事": "2023年9月底前",
        "壬事": "6.3",
    }
    errors = {each.cell: each.code for each in report.errors}
    assert errors == {"D2": "deadline-unread", "C8": "formula", "D10": "deadline-unread"}
    assert "2023年2月没有 30 日" in next(
        each.message for each in report.errors if each.cell == "D2"
    )


def test_a_lead_merged_over_several_tasks_leads_them_all(bring: Bring) -> None:
    rows: list[list[Any]] = [
        HEAD,
        [1, "甲事", "市财政局", "", "2026年6月"],
        [2, "乙事", "", "", ""],
        [3, "丙事", "", "市公安局", "2026年9月"],
    ]
    report = bring(sheet(*rows, merges=[(1, 2, 3, 2), (1, 4, 2, 4)]))
    tasks = matrix_of(report).plan.tasks
    assert not report.errors
    assert len({task.lead for task in tasks}) == 1
    assert tasks[1].deadline_phrase == "2026年6月"


def test_a_blank_lead_without_a_merge_is_never_filled(bring: Bring) -> None:
    rows: list[list[Any]] = [
        HEAD,
        [1, "甲事", "市财政局", "", "2026年6月"],
        [2, "乙事", "", "", "2026年6月"],
    ]
    assert codes(bring(sheet(*rows))) == ["no-lead"]
    report = bring(sheet(*rows), kind="csv", out="again")
    assert "上一行是“市财政局”" in report.errors[0].way_out


def test_word_wrapped_and_full_width_cells(bring: Bring) -> None:
    rows: list[list[Any]] = [
        ["序　号", "重点任务", "牵头单位\n（列第一位的负总责）", "配合单位", "完成时限"]
    ]
    rows += [["１", "甲事", "市市场监\n管局", "市财政局\n市公安局", "２０２６年\n６月底前"]]
    report = bring(sheet(*rows))
    (task,) = matrix_of(report).plan.tasks
    assert [
        matrix_of(report).directory.units[each].name for each in (*task.lead, *task.support)
    ] == [
        "市市场监管局",
        "市财政局",
        "市公安局",
    ]
    assert not report.errors


def test_a_second_header_further_down_is_followed(bring: Bring) -> None:
    rows: list[list[Any]] = [
        HEAD,
        [1, "甲事", "市财政局", "", "2026年6月"],
        ["附件2", "", "", "", ""],
    ]
    rows += [
        ["序号", "完成时限", "工作任务", "责任单位", ""],
        [1, "2026年9月", "乙事", "市公安局", ""],
    ]
    matrix = matrix_of(bring(sheet(*rows)))
    assert [(task.title, task.deadline_phrase) for task in matrix.plan.tasks] == [
        ("甲事", "2026年6月"),
        ("乙事", "2026年9月"),
    ]


def test_a_word_table_that_goes_on_without_a_header(bring: Bring) -> None:
    first = sheet(HEAD, ["1", "甲事", "市财政局", "", "2026年6月"])
    second = sheet(["2", "乙事", "市公安局", "", "2026年9月"])
    report = bring(first, second, kind="docx", heading="某县2026年重点任务分工表")
    assert report.classes["task"] == 2
    assert report.title == "某县2026年重点任务分工表"


def test_anchors_named_by_deadlines_stand_in_the_plan_without_a_date(bring: Bring) -> None:
    report = bring(
        sheet(
            HEAD,
            [1, "甲事", "市财政局", "", "自批复之日起2个月内"],
            [2, "乙事", "市公安局", "", "30个工作日内"],
        )
    )
    assert codes(report) == ["anchor-unsaid"]
    assert matrix_of(report).plan.anchors == {"anchor1": None}
    assert [each for each in checked(report) if "T-001" in each] == []


def test_rows_that_belong_nowhere_are_reported_and_not_written(bring: Bring) -> None:
    rows: list[list[Any]] = [
        HEAD,
        ["", "", "", "市财政局", ""],
        [1, "甲事", "市财政局", "", "2026年6月"],
        [2, "", "", "", ""],
    ]
    report = bring(sheet(*rows))
    assert [(each.code, each.cell) for each in report.errors] == [
        ("row-alone", "D2"),
        ("row-alone", "A4"),
    ]
    assert report.classes["rejected"] == 2


def test_long_cells_keep_their_text_and_give_a_short_title(bring: Bring) -> None:
    long = "推进制度建设，" * 20 + "。\n1.第一步：起草；\n2.第二步 # 印发"
    (task,) = matrix_of(bring(sheet(HEAD, [1, long, "市财政局", "", "2026年6月"]))).plan.tasks
    assert task.text == long
    assert len(task.title) <= 80


def test_the_plan_year_comes_from_the_order_the_title_or_the_deadlines(bring: Bring) -> None:
    rows: list[list[Any]] = [
        HEAD,
        [1, "甲事", "市财政局", "", "2027年6月"],
        [2, "乙事", "市财政局", "", "9月底前"],
    ]
    assert bring(sheet(*rows), year=2025, out="a").year == 2025
    assert bring(sheet(["某县2024年任务分工表"], *rows), out="b").year == 2024
    report = bring(sheet(*rows), out="c")
    assert report.year == 2027
    assert matrix_of(report).plan.ends_on.year == 2027


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_csv_of_any_encoding_and_separator(encoding: str, mark: str, tmp_path: Path) -> None:
    text = "".join(
        mark.join(row) + "\r\n" for row in (HEAD, ["1", "甲事", "市财政局", "无", "2026年6月"])
    )
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    report = import_file(Order(path, tmp_path / "out", ROOT / "config", 2026))
    assert matrix_of(report).plan.tasks[0].title == "甲事"
    assert not report.errors


def test_an_old_workbook_tells_what_it_cannot_show(tmp_path: Path) -> None:
    path = cases.DATA / "impossible.xls"
    report = import_file(Order(path, tmp_path / "out", ROOT / "config", 2026))
    warned = {f"{each.cell} {each.code}" for each in report.warnings}
    assert {" old-format", "D3 deadline-shown", "D5 deadline-shown"} <= warned
    assert {each.cell for each in report.errors} == {"D2", "D10"}


# ---- names against a directory -----------------------------------------------------------------


def test_with_a_home_its_directory_decides_and_likeness_only_suggests(
    shipped: Path, tmp_path: Path
) -> None:
    rows: list[list[Any]] = [
        HEAD,
        [1, "甲事", "市市场监管局", "各乡镇、街道、市水产畜牧局", "2026年6月"],
        [2, "乙事", "市科协会", "无", "2026年6月"],
    ]
    path = to_xlsx(tmp_path / "a.xlsx", [sheet(*rows)])
    home = Home(shipped)
    report = import_file(Order(path, tmp_path / "out", home.config, 2026, home=home))
    assert {each.code for each in report.errors} <= {"unknown-unit", "lead-collective"}
    unknown = [each.message for each in report.errors if each.code == "unknown-unit"]
    assert any("市水产畜牧局" in each for each in unknown)
    matrix = matrix_of(report)
    assert matrix.directory.units[matrix.plan.tasks[0].lead[0]].id == "scjgj"
    assert len(matrix.plan.tasks[0].support) > 3  # the group was expanded
    text = (tmp_path / "out" / "config" / "units.yaml").read_text(encoding="utf-8")
    assert text.startswith((shipped / "config" / "units.yaml").read_text(encoding="utf-8")[:200])
    assert "#     name: 市水产畜牧局" in text


# ---- all or nothing ----------------------------------------------------------------------------


def test_a_folder_that_holds_something_is_never_touched(bring: Bring, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="不是空的"):
        bring(cases.quarters())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_the_same_file_gives_the_same_bytes(bring: Bring) -> None:
    def everything(report: Report) -> dict[str, bytes]:
        root = Path(report.out)
        return {
            str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.yaml"))
        }

    assert everything(bring(cases.bureau(), out="one")) == everything(
        bring(cases.bureau(), out="two")
    )


def test_a_long_import_is_cut_into_files_the_reader_takes(tmp_path: Path) -> None:
    rows = [list(HEAD)] + [
        [str(number), f"第{number}项" + "推进" * 40, "市财政局", "无", "2026年6月"]
        for number in range(1, 9_001)
    ]
    order = Order(Path("x.csv"), tmp_path / "out", ROOT / "config", 2026)
    report, files = convert(order, [Grid("表", rows)])
    named = {name: text for name, text in files if "/1-a1" in name}
    assert report.classes["task"] == 9_000
    assert len(named) > 1
    assert all(len(text.encode()) < 5 * 1024 * 1024 for text in named.values())


def test_check_runs_on_an_import_by_itself(bring: Bring) -> None:
    report = bring(cases.stages())
    desk, issues = read_desk(home_of(report), TODAY)
    assert desk is not None
    assert not issues.errors
    assert not [
        each for each in check(desk.matrix, desk.calendar, TODAY) if each.level.value == "error"
    ]


def test_the_report_is_honest_json(bring: Bring) -> None:
    report = bring(cases.bureau())
    told = json.loads((Path(report.out) / "import-report.json").read_text(encoding="utf-8"))
    assert {"rows_in", "tasks", "continuations", "classes", "errors", "warnings", "sheets"} <= set(
        told
    )
    assert all(
        {"sheet", "cell", "code", "message", "way_out"} <= set(each) for each in told["errors"]
    )
    assert io.StringIO(report.markdown()).readline().startswith("# 导入报告")
