"""The 任务分工表 as a Word draft in the layout of GB/T 9704, on A4 landscape."""

from __future__ import annotations

from datetime import datetime

from duban.reports.matrixtable import PRINTED, MatrixTable, TaskRow
from duban.reports.paper import (
    LINE_PT,
    SMALL_HEAD_PT,
    SMALL_LINE_PT,
    SMALL_PT,
    Paper,
)
from duban.reports.sheet import Cell, Column, Strong
from duban.reports.tablefit import lines_needed, split_pages
from duban.status import chinese_day

_WIDTHS_MM = (11.0, 17.0, 52.0, 27.0, 33.0, 28.0, 24.0, 22.0, 11.0)  # 225 mm, the turned type area
_LEFT = frozenset({"工作任务", "考核要点", "配合单位"})
_AREA, _WORK = 1, 2
_EDGES_MM, _MM_PER_PT = 3.8, 25.4 / 72
_ROOM_PT = 156 / _MM_PER_PT * 0.99  # the rules between rows take the rest
_LATER_PT = SMALL_HEAD_PT + 1
_FIRST_PT = 3 * LINE_PT + 34 + SMALL_LINE_PT + _LATER_PT  # the title and the line below it


def matrixpaper_bytes(table: MatrixTable, *, author: str, created: datetime) -> bytes:
    """The table as a .docx file: the same table and moment give the same bytes."""
    paper = Paper(
        table.title, author=author, created=created, example=table.example, landscape=True
    )
    paper.title(table.title, note=table.number_line)
    paper.remark(
        f"印发单位：{table.issuer}　　共{len(table.rows)}项，截至{chinese_day(table.as_of)}"
    )
    columns = [
        Column(name, width, centred=name not in _LEFT)
        for name, width in zip(PRINTED, _WIDTHS_MM, strict=True)
    ]
    heights = [_height(row) for row in table.rows]
    pages = split_pages(heights, first=_FIRST_PT, later=_LATER_PT, room=_ROOM_PT)
    paper.table(
        columns,
        [_cells(row) for row in table.rows],
        small=True,
        merged=_AREA,
        breaks={page.start for page in pages[1:]},
        heights_pt=heights,
    )
    for number, note in enumerate(table.notes, 1):
        paper.remark(f"{'注：' if number == 1 else '　　'}{number}. {note}")
    return paper.to_bytes()


def _height(row: TaskRow) -> float:
    """Points that a row takes: its fullest cell in lines of exact height, and the rule below."""
    lines = max(
        lines_needed(parts, (width - _EDGES_MM) / _MM_PER_PT * 2 / SMALL_PT)
        for column, (parts, width) in enumerate(zip(row.printed, _WIDTHS_MM, strict=True))
        if column != _AREA
    )
    return lines * SMALL_LINE_PT + 4


def _cells(row: TaskRow) -> list[Cell]:
    cells: list[Cell] = list(row.printed)
    cells[_WORK] = (Strong(row.work[0]), *row.work[1:])
    return cells
