"""The quick reading of plain rows and the full reading write the same files and the same report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from duban.importing.grid import Grid, Range, clean_all, is_tame
from duban.importing.quick import QuickRows
from duban.importing.run import Order, convert

TWO = [
    "序号",
    "类别",
    "重点任务",
    "工作内容",
    "牵头单位",
    "配合单位",
    "完成时限",
    "考核要点",
    "成果形式",
    "联系人",
]
ONE = ["序号", "重点任务", "工作内容", "责任单位", "完成时限", "考核要点", "备注"]
_UNITS = st.sampled_from(
    [
        "市财政局",
        "市教育局、市公安局",
        "省科技厅、工业和信息化厅",
        "市司法局牵头，市财政局、市教育局按职责分工负责",
        "市公安局等部门",
        "各有关单位",
        "市司法局（牵头）、市财政局配合",
        "无",
        "",
        "同上",
        "2026年6月底前",
        "推进落实。",
    ]
)
_DUE = st.sampled_from(
    [
        "2026年6月底前",
        "持续推进",
        "每季度最后一个月25日前",
        "3-4月，制定方案；9月底前，组织实施",
        "2026年2月30日",
        "30个工作日内",
        "市财政局",
        "",
        "2026年\n9月底前",
    ]
)
_TEXT = st.sampled_from(
    [
        "推进建设",
        "null",
        "甲事：第一步",
        "1.起草；\n2.印发",
        "a: b # c",
        "“引号”开头",
        "很长" * 50,
        "同上",
        "",
        "市财政局",
        "有 空格",
        "（市财政局负责）",
        "2026-06-30",
        "*加星的",
        "-短横开头",
    ]
)


# A table without a doubt, most rows of which are plain, with values that begin in every way.
_CALM_UNITS = st.sampled_from(["市财政局", "市教育局、市公安局"])
_CALM_DUE = st.sampled_from(["2026年6月底前", "持续推进"])
_CALM_TEXT = st.sampled_from(
    [
        "推进建设",
        "null",
        "甲事：第一步",
        "*加星的",
        "-短横开头",
        "2026-06-30",
        "市财政局",
        "很长" * 50,
    ]
)


def _calm_row(head: list[str], number: int, draw: st.DrawFn) -> list[str]:
    wanted = {
        "序号": st.just(str(number)),
        "类别": st.sampled_from(["甲类", "乙类"]),
        "牵头单位": st.just("市司法局"),
        "配合单位": _CALM_UNITS,
        "责任单位": _CALM_UNITS,
        "完成时限": _CALM_DUE,
    }
    return [draw(wanted.get(label, _CALM_TEXT)) for label in head]


def _row(head: list[str], number: int, draw: st.DrawFn) -> list[str]:
    wanted = {
        "序号": st.just(str(number)),
        "类别": st.sampled_from(["甲类", "甲类", "乙: 类", ""]),
        "牵头单位": _UNITS,
        "配合单位": _UNITS,
        "责任单位": _UNITS,
        "完成时限": _DUE,
    }
    return [draw(wanted.get(label, _TEXT)) for label in head]


@st.composite
def tables(draw: st.DrawFn) -> Grid:
    head = draw(st.sampled_from([TWO, ONE]))
    make = draw(st.sampled_from([_row, _calm_row]))
    rows = [make(head, number, draw) for number in range(1, 9)]
    order = draw(st.lists(st.sampled_from(range(8)), min_size=8, max_size=30))
    section = ["一、第一: 部分", *[""] * (len(head) - 1)]
    body = [list(rows[at]) for at in order]
    if draw(st.booleans()):
        body.insert(draw(st.integers(0, len(body))), section)
    found = [clean_all(row) for row in [head, *body]]
    merges = _merged(head, found, draw)
    tame = {at for at, row in enumerate(found) if is_tame("".join(row))}
    numbers = {head.index("完成时限"): {4}} if draw(st.booleans()) else {}
    knows = draw(st.booleans())
    return Grid("表", found, merges, numbers=numbers, knows_merges=knows, tame=tame)


def _merged(head: list[str], rows: list[list[str]], draw: st.DrawFn) -> list[Range]:
    """Some cells merged downwards in any column, few across; what they cover is blank."""
    merges: list[Range] = []
    for column in range(len(head)):
        row = 1
        while row < len(rows):
            deep = draw(st.sampled_from([1, 1, 1, 2, 3] if column else [1] * 7 + [2]))
            bottom = min(row + deep, len(rows)) - 1
            if bottom > row:
                merges.append((row, column, bottom, column))
            row = bottom + 1
    if len(rows) > 9 and draw(st.booleans()):
        merges.append((9, 2, 9, 3))
    for top, left, bottom, right in merges:
        for at in range(top, bottom + 1):
            for column in range(left, right + 1):
                if (at, column) != (top, left):
                    rows[at][column] = ""
    return merges


def _everything(grid: Grid) -> dict[str, str]:
    order = Order(Path("x.xlsx"), Path("out"), ROOT / "config", 2026)
    copy = replace(grid, rows=[list(row) for row in grid.rows])
    report, files = convert(order, [copy])
    return {"report": str(report.as_json()), **dict(files)}


@given(tables())
@settings(max_examples=150, deadline=None)
def test_both_readings_write_the_same(grid: Grid) -> None:
    quick = _everything(grid)
    with patch.object(QuickRows, "_units", return_value=None):
        slow = _everything(replace(grid, tame=set()))
    assert quick == slow


def test_plain_rows_are_read_quickly() -> None:
    row = ["1", "甲类", "推进建设", "印发文件", "市财政局", "市教育局", "持续推进", "", "", ""]
    rows = [TWO, *([str(number), *row[1:]] for number in range(1, 21))]
    with patch.object(QuickRows, "_in_full", autospec=True, side_effect=QuickRows._in_full) as full:
        _everything(Grid("表", rows))
    assert full.call_count == 1
