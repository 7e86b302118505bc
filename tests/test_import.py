"""Import: messy workbooks become YAML that check accepts after the corrections that the report lists."""

from __future__ import annotations

import argparse
import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import import_cases as cases
from conftest import ROOT
from duban.cli.importing import import_matrix
from duban.desk import read_desk
from duban.errors import InputError, Issues, UsageError
from duban.importing.emit import block, comment, flow, scalar
from duban.importing.grid import Grid, clean
from duban.importing.report import CLASS_NAMES, WORK, Report
from duban.importing.run import Order, convert, import_file
from duban.matrix.check import check
from duban.matrix.load import load_matrix
from duban.matrix.model import Matrix, UnitKind
from duban.settings import Home
from duban.yamltext import Listing, Mapping, Text, parse
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


def sheet(*rows: list[Any], merges: list[cases.Range] | None = None, name: str = "表") -> Layout:
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
            texts[path] = pattern.sub(lambda found, code=each.code: _repaired(found[0], code), text)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    text = units.read_text(encoding="utf-8").replace(
        "units:\n",
        "units:\n  - {id: fixed, name: 补填单位, kind: bureau, group: 甲, posts: {liaison: [{name: 某, address: a@b.example}]}}\n",
        1,
    )
    units.write_text(text, encoding="utf-8")


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


@pytest.mark.parametrize("kind", ["xlsx", "csv", "docx"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_after_the_listed_corrections_check_accepts(name: str, kind: str, bring: Bring) -> None:
    if name == "impossible" and kind != "xlsx":
        pytest.skip("only Excel keeps dates and formulas")
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
        assert at and at[-1] in named, issue


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
    assert "8行 → 8项任务" in said and "任务分工!F5：错误" in said and "import-report.md" in said
    code, said = run(cases.stages(), "stages", "json")
    told = json.loads(said)
    assert (
        code == 0 and told["written"] is True and told["tasks"] == 6 and told["continuations"] == 5
    )
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


@pytest.mark.parametrize("kind", ["xlsx", "csv", "docx"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_row_belongs_to_one_class(name: str, kind: str, bring: Bring) -> None:
    if name == "impossible" and kind != "xlsx":
        pytest.skip("only Excel keeps dates and formulas")
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
        assert refused.issues[0].code == "no-rows"
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
    assert tasks["序号12"].joint and len(tasks["序号12"].lead) == 2
    units = matrix.directory.units
    assert [units[each].name for each in tasks["序号33"].support][2] == "省市场监管局"
    assert units[tasks["序号33"].support[2]].second_name == "省知识产权局"
    assert tasks["序号30"].support == ()
    assert tasks["序号4"].deadline_phrase == "持续推进"
    assert (
        matrix.plan.title == "人工智能高质量发展重点任务清单（2026年）" and matrix.plan.year == 2026
    )


def test_a_cover_and_a_hidden_sheet_are_skipped_and_said(bring: Bring) -> None:
    hidden = cases.quarters()
    hidden.hidden = True
    report = bring(cases.cover(), cases.province(), hidden, Layout("空白", [[""]]))
    reasons = {account.name: account.reason for account in report.sheets}
    assert (
        "没有找到" in reasons["封面"] and "隐藏" in reasons["季度表"] and reasons["空白"] == "空表"
    )
    assert reasons["任务清单"] == ""
    markdown = (Path(report.out) / "import-report.md").read_text(encoding="utf-8")
    assert "封面" in markdown and "隐藏的工作表" in markdown


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
    assert task.deadline_phrase == "2026年6月底前完成" and len(task.lead) == len(task.support) == 1
    assert "deadline-in-text" in [each.code for each in report.warnings]


def test_slipped_columns_are_errors_with_a_proposal_and_the_text_is_kept(bring: Bring) -> None:
    report = bring(cases.bureau())
    found = {f"{each.cell} {each.code}": each for each in report.errors}
    assert (
        "对调" in found["E5 slipped-unit"].way_out and "E5" in found["F5 slipped-deadline"].way_out
    )
    assert "移到 E13" in found["F13 slipped-deadline"].way_out
    assert "G11" in found["F11 deadline-blank"].way_out
    assert "D12 slipped-unit" in found and "D6 no-lead" in found and "D9 lead-collective" in found
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(report.out).glob("tasks_def/*/[0-9]*.yaml")
    )
    assert "deadline: 各高速大队" in text and "lead: [2020年12月]" in text
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
    assert first.deadline_phrase == "6月底前" and second.deadline_phrase == "11月"
    assert (fire.title, food.title) == ("消防检查", "食品检查")
    units = matrix.directory.units
    assert units[food.lead[0]].name == "后勤处"
    assert {unit.kind for unit in units.values()} == {UnitKind.BUREAU}
    archive = matrix.plan.tasks[3]
    assert archive.text == "收集\n装订" and not archive.milestones


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
    rows = [
        HEAD,
        [1, "甲事", "市财政局", "", "2026年6月"],
        [2, "乙事", "", "", ""],
        [3, "丙事", "", "市公安局", "2026年9月"],
    ]
    report = bring(sheet(*rows, merges=[(1, 2, 3, 2), (1, 4, 2, 4)]))
    tasks = matrix_of(report).plan.tasks
    assert not report.errors
    assert len({task.lead for task in tasks}) == 1 and tasks[1].deadline_phrase == "2026年6月"


def test_a_blank_lead_without_a_merge_is_never_filled(bring: Bring) -> None:
    rows = [HEAD, [1, "甲事", "市财政局", "", "2026年6月"], [2, "乙事", "", "", "2026年6月"]]
    assert codes(bring(sheet(*rows))) == ["no-lead"]
    report = bring(sheet(*rows), kind="csv", out="again")
    assert "上一行是“市财政局”" in report.errors[0].way_out


def test_word_wrapped_and_full_width_cells(bring: Bring) -> None:
    rows = [["序　号", "重点任务", "牵头单位\n（列第一位的负总责）", "配合单位", "完成时限"]]
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
    rows = [HEAD, [1, "甲事", "市财政局", "", "2026年6月"], ["附件2", "", "", "", ""]]
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
    assert report.classes["task"] == 2 and report.title == "某县2026年重点任务分工表"


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
    rows = [
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
    assert task.text == long and len(task.title) <= 80


def test_the_plan_year_comes_from_the_order_the_title_or_the_deadlines(bring: Bring) -> None:
    rows = [HEAD, [1, "甲事", "市财政局", "", "2027年6月"], [2, "乙事", "市财政局", "", "9月底前"]]
    assert bring(sheet(*rows), year=2025, out="a").year == 2025
    assert bring(sheet(["某县2024年任务分工表"], *rows), out="b").year == 2024
    report = bring(sheet(*rows), out="c")
    assert report.year == 2027 and matrix_of(report).plan.ends_on.year == 2027


# ---- names against a directory -----------------------------------------------------------------


def test_with_a_home_its_directory_decides_and_likeness_only_suggests(
    shipped: Path, tmp_path: Path
) -> None:
    rows = [
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


# ---- refusals ----------------------------------------------------------------------------------


def refused(path: Path, tmp_path: Path) -> str:
    """The code of the refusal; nothing may have been written, and quickly."""
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        import_file(Order(path, tmp_path / "out", ROOT / "config", 2026))
    assert time.process_time() - started < 1
    assert not (tmp_path / "out").exists()
    (issue,) = caught.value.issues
    assert re.search("[\u4e00-\u9fff]", issue.message) and issue.way_out
    return issue.code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (b"%PDF-1.7 ...", "wrong-type"),
        (b"\x89PNG\r\n\x1a\n0000", "wrong-type"),
        (b"<html><table><tr><td>\xe5\xba\x8f</td></tr></table></html>", "wrong-type"),
        (b"PK\x03\x04 broken", "damaged"),
        (b"\x00\x01\x02\x03" * 100, "wrong-type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "_VBA_PROJECT".encode("utf-16-le"), "macro"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "wrong-type"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le") + b"\x00" * 2000,
            "damaged",
        ),
        ("序号,任务\n".encode() + b"\xff\xff\xff", "encoding"),
        ("只有一些文字\n没有表".encode(), "no-table"),
        ("序号,被考核单位,考核情况,得分\n1,经信局,完成,100\n".encode(), "no-table"),
        ("序号,任务,责任单位\n".encode(), "no-rows"),
    ],
)
def test_wrong_files_are_refused_by_content(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    path.write_bytes(content)
    assert refused(path, tmp_path) == code


def test_a_missing_file_and_a_huge_one(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.xlsx", tmp_path) == "file-missing"
    huge = tmp_path / "huge.xlsx"
    with huge.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    assert refused(huge, tmp_path) == "too-big"


def _rezipped(
    source: Path, target: Path, change: Callable[[str, bytes], bytes], extra: dict[str, bytes]
) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, raw in extra.items():
            new.writestr(name, raw)
    return target


def test_bombs_macros_and_far_off_cells_are_refused(tmp_path: Path) -> None:
    good = to_xlsx(tmp_path / "good.xlsx", [cases.quarters()])

    def same(_: str, raw: bytes) -> bytes:
        return raw

    def moved(to: str) -> Callable[[str, bytes], bytes]:
        return lambda name, raw: (
            raw.replace(b'r="G3"', f'r="{to}"'.encode()) if "sheet1" in name else raw
        )

    bomb = _rezipped(good, tmp_path / "bomb.xlsx", same, {"xl/media/a.bin": b"\0" * 60_000_000})
    assert refused(bomb, tmp_path) == "bomb"
    macro = _rezipped(good, tmp_path / "macro.xlsx", same, {"xl/vbaProject.bin": b"x"})
    assert refused(macro, tmp_path) == "macro"
    for cell, code in (
        ("G60001", "too-long"),
        ("G1048576", "too-long"),
        ("KO3", "too-wide"),
        ("XFD3", "too-wide"),
    ):
        far = _rezipped(good, tmp_path / f"{cell}.xlsx", moved(cell), {})
        assert refused(far, tmp_path) == code
    both = _rezipped(good, tmp_path / "both.xlsx", moved("KN59999"), {})
    assert refused(both, tmp_path) == "too-wide"
    odd = _rezipped(
        good,
        tmp_path / "odd.xlsx",
        lambda name, raw: (
            raw.replace(b'<c r="G3"', b"<c  r = 'G99999'") if "sheet1" in name else raw
        ),
        {},
    )
    assert refused(odd, tmp_path) == "too-long"


def test_a_part_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    good = to_xlsx(tmp_path / "good.xlsx", [cases.province()])
    raw = bytearray(good.read_bytes())
    at = raw.rfind(b"PK\x01\x02", 0, raw.rfind(b"xl/sharedStrings.xml"))
    raw[at + 24 : at + 28] = (20).to_bytes(4, "little")
    liar = tmp_path / "liar.xlsx"
    liar.write_bytes(raw)
    assert refused(liar, tmp_path) == "damaged"


def test_sixty_thousand_rows_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "long.xlsx"
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        page = book.add_worksheet("表")
        page.write_row(0, 0, ["序号", "任务"])
        for row in range(1, 60_002):
            page.write_number(row, 0, row)
    assert refused(path, tmp_path) == "too-long"


# ---- all or nothing ----------------------------------------------------------------------------


def test_a_folder_that_holds_something_is_never_touched(bring: Bring, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="不是空的"):
        bring(cases.quarters())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_failure_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = to_xlsx(tmp_path / "a.xlsx", [cases.quarters()])
    target = tmp_path / "deep" / "out"
    written = Path.write_text
    count = iter(range(10))

    def failing(self: Path, *args: Any, **more: Any) -> int:
        if next(count) == 3:
            raise OSError(28, "No space left on device")
        return written(self, *args, **more)

    monkeypatch.setattr(Path, "write_text", failing)
    with pytest.raises(OSError, match="No space"):
        import_file(Order(path, target, ROOT / "config", 2026))
    assert list(target.parent.iterdir()) == []


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
    assert report.classes["task"] == 9_000 and len(named) > 1
    assert all(len(text.encode()) < 5 * 1024 * 1024 for text in named.values())


# ---- the emitter -------------------------------------------------------------------------------

_NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("：:#- \n\t\"'\\[]{},&*!|>%@`~?。，、（）0123456789年月是否nulltrue"),
        st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]),
    ),
    max_size=30,
)


@given(_NASTY, st.lists(_NASTY, max_size=4), _NASTY)
@settings(max_examples=300, deadline=None)
def test_what_is_written_reads_back_letter_for_letter(
    value: str, items: list[str], remark: str
) -> None:
    value, items = clean(value), [clean(item) for item in items]
    text = f"{block('text', value, '')}\none: {scalar(value)}   {comment(remark)}\nmany: {flow(items)}\n"
    issues = Issues()
    node = parse(text, "x", issues)
    assert isinstance(node, Mapping), (text, list(issues))
    read, one, many = (node.entries[key] for key in ("text", "one", "many"))
    assert isinstance(read, Text) and isinstance(one, Text) and isinstance(many, Listing)
    assert read.raw == value and one.raw == value
    assert [item.raw for item in many.items if isinstance(item, Text)] == items
    assert not one.is_null or not value


@pytest.mark.parametrize(
    "word",
    ["null", "~", "true", "NO", "12:30", "3.10", "2026-06-30", "", "1e3", "- a", "a: b", "a #b"],
)
def test_words_that_other_readers_would_change_are_quoted(word: str) -> None:
    assert scalar(word).startswith('"')


def test_the_shipped_way_of_writing_stays_plain() -> None:
    for value in ("2026年6月底前", "市市场监管局（省知识产权局）", "自批复之日起2个月内", "T-001"):
        assert scalar(value) == value


def test_check_runs_on_an_import_by_itself(bring: Bring) -> None:
    report = bring(cases.stages())
    desk, issues = read_desk(home_of(report), TODAY)
    assert desk is not None and not issues.errors
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
