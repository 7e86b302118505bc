"""The comparison of two rule sheets as a workbook: who moves, by which clause, which clause decides."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from duban.assessment.compare import Comparison, Move
from duban.clock import at

Cell = str | int | Decimal


def write_comparebook(path: Path, found: Comparison, on: date, *, example: bool) -> None:
    """Write the workbook in one step. Raises OSError when the folder cannot be written."""
    content = comparebook_bytes(found, on, example=example)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def comparebook_bytes(found: Comparison, on: date, *, example: bool) -> bytes:
    """The workbook as bytes; the same comparison of the same day gives the same bytes."""
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, {**options, "strings_to_numbers": False})
    book.set_properties({"title": "考核细则比较", "created": at(on)})
    about = f"新：{found.new_sheet}    旧：{found.old_sheet}"
    page = _Pages(book, about, example=example)
    page.write(
        "变动",
        (
            "组别",
            "单位",
            "旧得分",
            "新得分",
            "变化",
            "旧名次",
            "新名次",
            "旧等次",
            "新等次",
            "因为",
        ),
        (12, 26, 10, 10, 10, 8, 8, 10, 10, 60),
        (_move_row(each) for each in found.moves),
    )
    page.write(
        "逐条",
        ("单位", "条款", "名称", "旧分值", "新分值", "变化"),
        (26, 16, 30, 10, 10, 10),
        (row for each in found.moves for row in _clause_rows(each)),
    )
    page.write(
        "敏感性",
        ("条款", "名称", "名次改变的单位", "最多变几位", "等次改变的单位", "第一名"),
        (16, 30, 16, 12, 16, 60),
        (
            (each.rule, each.name, each.changed, each.widest, each.grades, "；".join(each.leaders))
            for each in found.weights
        ),
    )
    book.close()
    return stream.getvalue()


def _move_row(move: Move) -> Sequence[Cell]:
    why = "；".join(f"{each.name} {_points(each.change):+}" for each in move.clauses)
    return (
        move.group,
        move.name,
        move.old.total,
        move.new.total,
        move.change,
        move.old.rank or "—",
        move.new.rank or "—",
        move.old.grade or "—",
        move.new.grade or "—",
        why or "—",
    )


def _clause_rows(move: Move) -> Iterable[Sequence[Cell]]:
    for each in move.clauses:
        points = (_points(each.old), _points(each.new), _points(each.change))
        yield (move.name, each.rule, each.name, *points)


def _points(millipoints: int) -> Decimal:
    return Decimal(millipoints).scaleb(-3).normalize() + 0


class _Pages:
    """Writes the sheets: banner of example data, what is compared, header, rows."""

    def __init__(self, book: Any, about: str, *, example: bool) -> None:
        base = {"font_name": "宋体", "font_size": 10.5, "valign": "vcenter", "text_wrap": True}
        self._book, self._about, self._example = book, about, example
        self._cell = book.add_format({**base, "border": 1})
        self._head = book.add_format(
            {**base, "border": 1, "font_name": "黑体", "align": "center", "bg_color": "#E7ECF3"}
        )
        self._note = book.add_format({**base, "text_wrap": False})

    def write(
        self,
        name: str,
        head: Sequence[str],
        widths: Sequence[float],
        rows: Iterable[Sequence[Cell]],
    ) -> None:
        """One sheet, on A4 across, its header repeated on every page."""
        sheet = self._book.add_worksheet(name)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        mark = "示例数据，不作为考核依据    " if self._example else ""
        sheet.write_string(0, 0, mark + self._about, self._note)
        for column, title in enumerate(head):
            sheet.write_string(1, column, title, self._head)
        sheet.repeat_rows(1)
        sheet.freeze_panes(2, 2)
        for line, row in enumerate(rows, start=2):
            for column, value in enumerate(row):
                self._put(sheet, line, column, value)

    def _put(self, sheet: Any, line: int, column: int, value: Cell) -> None:
        if isinstance(value, str):
            sheet.write_string(line, column, value, self._cell)
        else:
            sheet.write_number(line, column, value, self._cell)
