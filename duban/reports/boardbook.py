"""What the dashboard shows as CSV and as a workbook: text stays text, and nothing in it is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import xlsxwriter

Value = str | int | None
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins so is a formula to some spreadsheet (OWASP: CSV injection)."""
_NARROW, _WIDE = 8, 44


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table to be taken away. ``notes``: what it shows, as of when; they stand above the table."""

    name: str
    notes: tuple[str, ...]
    head: tuple[str, ...]
    rows: Sequence[Sequence[Value]]
    as_of: datetime


def csv_bytes(sheet: Sheet) -> bytes:
    """UTF-8 with a byte order mark, so that Excel reads Chinese; texts that look like formulas are quoted."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    for note in sheet.notes:
        writer.writerow([plain(note)])
    writer.writerow([plain(name) for name in sheet.head])
    writer.writerows([plain(value) for value in row] for row in sheet.rows)
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def plain(value: Value) -> Value:
    """A value that no spreadsheet takes for a formula: an apostrophe says that it is text."""
    if isinstance(value, str) and value.lstrip(" \u3000").startswith(_STARTS):
        return f"'{value}"
    return value


def xlsx_bytes(sheet: Sheet) -> bytes:
    """The workbook: notes, a head that stays in view and repeats in print, filters, A4 across."""
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, {**options, "strings_to_numbers": False})
    book.set_properties({"title": sheet.name, "created": sheet.as_of.replace(tzinfo=None)})
    page = book.add_worksheet(sheet.name)
    head = book.add_format({"bold": True, "border": 1, "bg_color": "#E7EEF7", "text_wrap": True})
    cell = book.add_format({"border": 1, "valign": "top", "text_wrap": True})
    for number, note in enumerate(sheet.notes):
        page.write_string(number, 0, note)
    top = len(sheet.notes)
    page.write_row(top, 0, sheet.head, head)
    for number, row in enumerate(sheet.rows, top + 1):
        for column, value in enumerate(row):
            if isinstance(value, int):
                page.write_number(number, column, value, cell)
            else:
                page.write_string(number, column, value or "", cell)
    for column, width in enumerate(_widths(sheet)):
        page.set_column(column, column, width)
    page.freeze_panes(top + 1, 1)
    page.repeat_rows(top)
    page.autofilter(top, 0, top + max(len(sheet.rows), 1), len(sheet.head) - 1)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    book.close()
    return stream.getvalue()


def _widths(sheet: Sheet) -> list[int]:
    """A column as wide as its longest text, within reason; a Chinese character takes two digits."""
    columns = zip(*(sheet.head, *sheet.rows), strict=True)
    return [min(max(max(map(_wide, column)) + 2, _NARROW), _WIDE) for column in columns]


def _wide(value: Value) -> int:
    text = "" if value is None else str(value)
    return sum(2 if ord(char) > 0x2E80 else 1 for char in text)
