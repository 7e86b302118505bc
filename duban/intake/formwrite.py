"""Writes the reporting form: a protected workbook without macros that an officer fills in minutes.

Text is always written as text. The same form gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO

import xlsxwriter

from duban import clock
from duban.intake import layout
from duban.intake.form import FORM_VERSION, FormData, FormRow, Stamp, baseline, sign
from duban.intake.formcells import (
    FIGURE_WIDTHS,
    HEADS,
    head_cells,
    head_seal,
    pairs_of,
    row_cells,
    row_seal,
    title_of,
)
from duban.ledger.transitions import LIMITS
from duban.settings import EXAMPLE_MARK

_A4 = 9
_LINE, _LEAST_HEIGHT, _MOST_HEIGHT = 15.5, 56.0, 400.0
_INKS = {
    "red": ("#9c0006", "#ffd9d9"),
    "orange": ("#8a3b00", "#ffe3cc"),
    "yellow": ("#7a5200", "#fff0c2"),
    "green": ("#0f5a2e", "#dff2e4"),
    "blue": ("#1f4e79", "#dfeaf5"),
    "grey": ("#555555", "#eeeeee"),
}
_BASE = {"valign": "vcenter", "text_wrap": True, "border": 1, "border_color": "#bfbfbf"}
_TEXTS = (
    (layout.PROGRESS, "progress", "本期进展", "写一两句：做了什么、有何成效。"),
    (layout.PROBLEM, "problem", "存在问题", "没有就空着。逾期的，请在这里说明原因。"),
    (layout.NEXT, "next_step", "下一步", "打算做什么、何时做完；没有就空着。"),
)


def write_form(form: FormData, to: BinaryIO) -> None:
    """Write the form to a binary stream."""
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(to, options)
    made = form.made_at.astimezone(UTC).replace(tzinfo=None)
    book.set_properties({"title": title_of(form), "author": form.office, "created": made})
    _Writer(book, form).write()
    _write_meta(book.add_worksheet(layout.META), form)
    book.close()


class _Writer:
    """The visible sheet, from top to bottom."""

    def __init__(self, book: Any, form: FormData) -> None:
        self.book, self.form = book, form
        self.sheet = book.add_worksheet(layout.SHEET)
        self.pairs = pairs_of(form)
        self.last_column = layout.FIRST_FIGURE + 2 * self.pairs - 1
        self.read = book.add_format({**_BASE, "bg_color": "#f5f5f5", "indent": 1})
        self.centred = book.add_format({**_BASE, "bg_color": "#f5f5f5", "align": "center"})
        self.day = book.add_format(
            {**_BASE, "bg_color": "#f5f5f5", "align": "center", "num_format": "yyyy-mm-dd"}
        )
        entry = {**_BASE, "bg_color": "#fffbe6", "locked": False}
        self.text = book.add_format({**entry, "num_format": "@", "indent": 1})
        self.choice = book.add_format({**entry, "align": "center"})
        self.percent = book.add_format({**entry, "align": "center", "num_format": "0"})
        self.number = book.add_format({**entry, "align": "right", "num_format": "General"})
        self.hidden = book.add_format({"num_format": "@", "hidden": True})

    def write(self) -> None:
        """Head, rows, then page and protection."""
        self._head()
        for number, row in enumerate(self.form.rows, 1):
            self._row(layout.FIRST_ROW + number - 1, number, row)
        self._lamp_colours()
        self._page()

    def _head(self) -> None:
        form, sheet = self.form, self.sheet
        title = {"bold": True, "font_size": 18, "align": "center", "valign": "vcenter"}
        note = self.book.add_format({"text_wrap": True, "valign": "vcenter", "font_size": 11})
        if form.example:
            title["bg_color"] = "#fff4cc"
        cells = head_cells(form)
        for row in (0, layout.UNIT_ROW, layout.HOW_ROW):
            style = note if row else self.book.add_format(title)
            self._across(row, cells[row, layout.NUMBER], style)
        sheet.set_row(0, 32)
        sheet.set_row(layout.HOW_ROW, 34)
        sheet.set_row(layout.HEAD_ROW, 24)
        label = self.book.add_format({"align": "right", "valign": "vcenter", "bold": True})
        row, column = layout.SIGNED_CELL
        sheet.set_row(row, 20)
        sheet.write_string(row, column - 1, "审签领导（可不填）：", label)
        sheet.merge_range(row, column, row, column + 1, "", self.text)
        head = self.book.add_format(
            {
                **_BASE,
                "bold": True,
                "align": "center",
                "bg_color": "#1f3a5f",
                "font_color": "#ffffff",
            }
        )
        sheet.write_string(layout.HEAD_ROW, layout.KEY, "", head)
        for (row, column), text in cells.items():
            if row == layout.HEAD_ROW:
                sheet.write_string(row, column, text, head)
        if not form.rows:
            self._across(layout.FIRST_ROW, "目前没有需要报送的事项。", note)

    def _across(self, row: int, text: str, style: Any) -> None:
        self.sheet.merge_range(row, layout.NUMBER, row, self.last_column, "", style)
        self.sheet.write_string(row, layout.NUMBER, text, style)

    def _row(self, at: int, number: int, row: FormRow) -> None:
        sheet, cells = self.sheet, row_cells(row, number)
        sheet.set_row(at, _height(cells))
        sheet.write_string(at, layout.KEY, row.key, self.hidden)
        sheet.write_number(at, layout.NUMBER, number, self.centred)
        sheet.write_string(at, layout.TASK, row.task, self.centred)
        for column in (layout.ITEM, layout.WANTED, layout.LAST):
            sheet.write_string(at, column, cells[column], self.read)
        if row.due_on is None:
            sheet.write_string(at, layout.DUE, cells[layout.DUE], self.centred)
        else:
            sheet.write_datetime(at, layout.DUE, _naive(row.due_on), self.day)
        self._lamp(at, row)
        self._entries(at, row, cells)
        for which in range(self.pairs):
            self._figure(at, which, cells.get(layout.figure_cell(which) - 1))

    def _lamp(self, at: int, row: FormRow) -> None:
        """Live: the days on which the lamp changes are reckoned by our calendar and stand in the formula."""
        shown = f"{row.lamp.shape}{row.lamp.name}"
        if not row.lamps:
            self.sheet.write_string(at, layout.LAMP, shown, self.centred)
            return
        formula = f'"{_quoted(row.lamps[-1].lamp.shape + row.lamps[-1].lamp.name)}"'
        for each in reversed(row.lamps[:-1]):
            day = f"DATE({each.since.year},{each.since.month},{each.since.day})"
            formula = f'IF(TODAY()>={day},"{_quoted(each.lamp.shape + each.lamp.name)}",{formula})'
        self.sheet.write_formula(at, layout.LAMP, f"={formula}", self.centred, shown)

    def _entries(self, at: int, row: FormRow, cells: Mapping[int, str]) -> None:
        sheet = self.sheet
        sheet.write_blank(at, layout.STATE, None, self.choice)
        sheet.data_validation(at, layout.STATE, at, layout.STATE, _choice_rule(row))
        if not row.finishes:
            sheet.write_string(at, layout.PERCENT, cells[layout.PERCENT], self.centred)
        else:
            if row.percent is None:
                sheet.write_blank(at, layout.PERCENT, None, self.percent)
            else:
                sheet.write_number(at, layout.PERCENT, row.percent, self.percent)
            sheet.data_validation(at, layout.PERCENT, at, layout.PERCENT, _PERCENT_RULE)
        for column, name, title, note in _TEXTS:
            sheet.write_blank(at, column, None, self.text)
            sheet.data_validation(at, column, at, column, _text_rule(LIMITS[name], title, note))

    def _figure(self, at: int, which: int, words: str | None) -> None:
        column = layout.figure_cell(which)
        if words is None:
            self.sheet.write_blank(at, column - 1, None, self.read)
            self.sheet.write_blank(at, column, None, self.read)
            return
        self.sheet.write_string(at, column - 1, words, self.read)
        self.sheet.write_blank(at, column, None, self.number)
        self.sheet.data_validation(at, column, at, column, _FIGURE_RULE)

    def _lamp_colours(self) -> None:
        if not self.form.rows:
            return
        lamps = {each.lamp: None for row in self.form.rows for each in row.lamps}
        area = (layout.FIRST_ROW, layout.LAMP, self._last_row(), layout.LAMP)
        for lamp in lamps:
            ink, ground = _INKS[lamp.colour]
            style = self.book.add_format({"font_color": ink, "bg_color": ground, "bold": True})
            rule = {"type": "text", "criteria": "containing", "value": lamp.name, "format": style}
            self.sheet.conditional_format(*area, rule)
        bar = {"type": "data_bar", "bar_color": "#9db7d5", "bar_solid": True}
        limits = {"min_type": "num", "max_type": "num", "min_value": 0, "max_value": 100}
        area = (layout.FIRST_ROW, layout.PERCENT, self._last_row(), layout.PERCENT)
        self.sheet.conditional_format(*area, bar | limits)

    def _last_row(self) -> int:
        return layout.FIRST_ROW + len(self.form.rows) - 1

    def _page(self) -> None:
        sheet = self.sheet
        for at, (_, width) in enumerate(HEADS):
            sheet.set_column(at, at, width, None, {"hidden": True} if at == layout.KEY else {})
        for which in range(self.pairs):
            column = layout.figure_cell(which)
            sheet.set_column(column - 1, column - 1, FIGURE_WIDTHS[0])
            sheet.set_column(column, column, FIGURE_WIDTHS[1])
        sheet.freeze_panes(layout.FIRST_ROW, layout.WANTED)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(layout.HEAD_ROW)
        mark = f"{EXAMPLE_MARK}　" if self.form.example else ""
        sheet.set_footer(f"&L{mark}{_footer_text(self.form.unit_name)}&R第 &P 页 共 &N 页")
        sheet.protect("", {"format_columns": True, "format_rows": True})


def _choice_rule(row: FormRow) -> dict[str, Any]:
    return {
        "validate": "list",
        "source": list(row.choices),
        "input_title": "本期状态",
        "input_message": "没有变化可以不选，或选“无变化”（零报告）。",
        "error_title": "请从列表里选",
        "error_message": f"可选：{'、'.join(row.choices)}。",
    }


def _text_rule(limit: int, title: str, note: str) -> dict[str, Any]:
    return {
        "validate": "length",
        "criteria": "<=",
        "value": limit,
        "input_title": title,
        "input_message": f"{note}最多{limit}字。",
        "error_title": "写得太长了",
        "error_message": f"最多{limit}字，细节请放进附件。",
    }


_PERCENT_RULE = {
    "validate": "integer",
    "criteria": "between",
    "minimum": 0,
    "maximum": 100,
    "input_title": "累计进度",
    "input_message": "填 0 到 100 的整数，不用写百分号；办结填 100。",
    "error_title": "进度不对",
    "error_message": "填 0 到 100 的整数，不用写百分号。",
}
_FIGURE_RULE = {
    "validate": "decimal",
    "criteria": "between",
    "minimum": -1_000_000_000_000,
    "maximum": 1_000_000_000_000,
    "input_title": "指标完成值",
    "input_message": "只填数字，单位见左边一格；没有新数就空着。",
    "error_title": "这里要填数字",
    "error_message": "只填数字，不带单位。",
}


def _naive(day: date) -> datetime:
    """Workbooks know no zones: a date is a date."""
    return datetime.combine(day, time())


def _quoted(text: str) -> str:
    return text.replace('"', '""')


def _footer_text(text: str) -> str:
    return text.replace("&", "&&")


def _height(cells: Mapping[int, str]) -> float:
    """High enough that no protected text is cut off, on the screen or in print."""
    widths = {at: width for at, (_, width) in enumerate(HEADS)}
    lines = max(
        _lines(text, widths.get(column, FIGURE_WIDTHS[0])) for column, text in cells.items()
    )
    return min(max(lines * _LINE + 8, _LEAST_HEIGHT), _MOST_HEIGHT)


def _lines(text: str, width: float) -> int:
    """Lines that a text takes in a column; a Chinese character is two wide."""
    wide = (sum(1 if char.isascii() else 2 for char in line) for line in text.split("\n"))
    return sum(max(1, math.ceil(each / (width - 2.5))) for each in wide)


def stamps_of(form: FormData) -> list[Stamp]:
    """Each row as the hidden sheet keeps it."""
    return [
        (
            row.key,
            row.version,
            baseline(row),
            ",".join(figure.id for figure in row.figures),
            row_seal(row, number),
        )
        for number, row in enumerate(form.rows, 1)
    ]


def _write_meta(sheet: Any, form: FormData) -> None:
    """What must come back unchanged: form version, unit, moment, signature, and each row's stamp."""
    made, stamps, head = clock.stamp(form.made_at), stamps_of(form), head_seal(form)
    signature = sign(form.key, form.unit, made, stamps, head=head, example=form.example)
    lines = (
        (layout.MARK, FORM_VERSION),
        (form.unit, made, "1" if form.example else "0"),
        (signature, head),
    )
    for at, cells in enumerate(lines):
        for column, text in enumerate(cells):
            sheet.write_string(at, column, text)
    for at, stamp in enumerate(stamps, layout.META_FIRST_ROW):
        for column, text in enumerate(stamp):
            sheet.write_string(at, column, text)
    sheet.protect()
    sheet.very_hidden()
