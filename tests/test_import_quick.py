"""The quick reading of plain rows and the full reading write the same files and the same report."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from duban.importing.grid import Grid, clean_all, is_tame
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
    ]
)


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
    rows = [_row(head, number, draw) for number in range(1, 9)]
    order = draw(st.lists(st.sampled_from(range(8)), min_size=8, max_size=30))
    section = ["一、第一: 部分", *[""] * (len(head) - 1)]
    body = [list(rows[at]) for at in order]
    if draw(st.booleans()):
        body.insert(draw(st.integers(0, len(body))), section)
    found = [clean_all(row) for row in [head, *body]]
    tame = {at for at, row in enumerate(found) if is_tame("".join(row))}
    return Grid("表", found, knows_merges=draw(st.booleans()), tame=tame)


def _everything(grid: Grid) -> dict[str, str]:
    order = Order(Path("x.xlsx"), Path("out"), ROOT / "config", 2026)
    copy = Grid(grid.name, [list(row) for row in grid.rows], tame=grid.tame)
    copy.knows_merges = grid.knows_merges
    report, files = convert(order, [copy])
    return {"report": str(report.as_json()), **dict(files)}


@given(tables())
@settings(max_examples=80, deadline=None)
def test_both_readings_write_the_same(grid: Grid) -> None:
    quick = _everything(grid)
    with patch.object(QuickRows, "draft", return_value=None):
        slow = _everything(Grid(grid.name, grid.rows, knows_merges=grid.knows_merges))
    assert quick == slow


def test_plain_rows_are_read_quickly() -> None:
    row = ["1", "甲类", "推进建设", "印发文件", "市财政局", "市教育局", "持续推进", "", "", ""]
    rows = [TWO, *([str(number), *row[1:]] for number in range(1, 21))]
    with patch.object(QuickRows, "learn", autospec=True, side_effect=QuickRows.learn) as learn:
        _everything(Grid("表", rows))
    assert learn.call_count == 1
