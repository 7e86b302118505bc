"""The 任务分工表 as a workbook: nine columns on A4 landscape, and beside them what an import needs.

The print area ends after the ninth column. To its right, in plain sight, stand the columns that an office does
not print but that ``duban import`` reads back. Page breaks and the merged cells of an area are set together,
so that every printed page names the area of its rows. The same table gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import xlsxwriter

from duban.clock import at
from duban.reports.matrixtable import EXACT, PRINTED, MatrixTable, TaskRow
from duban.reports.tablefit import lines_needed, split_pages
from duban.status import chinese_day

SHEET = "任务分工表"
EXACT_NOTE = "以下各列不打印，供 duban import 读回原样；改动任务时请一并改。"

_WIDTHS = (5, 10, 41, 20, 19.5, 20, 16, 17, 9)  # of the printed columns, in digits
_EXACT_WIDTHS = (8, 24, 36, 18, 30, 24, 9, 18, 22, 22, 7, 10, 10, 14, 18, 30, 6, 9, 12, 12, 12, 12)
_CENTRED = frozenset({0, 1, 4, 6, 7, 8})
_AREA, _WORK, _ISSUER_ENDS = 1, 2, 5
_FIRST_EXACT = len(_WIDTHS)
_PAPER_A4 = 9
_MARGIN_IN, _TOP_IN, _BOTTOM_IN = 0.47, 0.6, 0.7
_PAGE_WIDTH_IN, _PAGE_HEIGHT_IN = 11.69, 8.27
_PIXELS_IN, _POINTS_IN = 96, 72
_LINE_PT, _PADDING_PT, _TALLEST_PT = 15.5, 7.0, 409.0
_TITLE_PT, _NUMBER_PT, _NOTE_PT, _HEAD_PT = 36.0, 21.0, 18.0, 24.0
_SPARE = 0.97  # rows are estimated: a page is filled to 97 % of what it holds


def matrixbook_bytes(table: MatrixTable) -> bytes:
    """The workbook as bytes."""
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    # Columns are measured in digits of the default font: Arial's are 7 pixels wide on Windows, and on
    # machines without it Liberation Sans has the same. Calibri's stand-ins are a quarter wider.
    default = {"font_name": "Arial", "font_size": 10}
    book = xlsxwriter.Workbook(
        stream, {**options, "strings_to_numbers": False, "default_format_properties": default}
    )
    book.set_properties({"title": table.title, "created": at(table.as_of)})
    _Writer(book, table).write()
    book.close()
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class _Looks:
    """The few cell looks of the workbook."""

    title: Any
    centre: Any
    left: Any
    right: Any
    head: Any
    cell: Any
    middle: Any
    strong: Any
    plain: Any
    aside: Any
    aside_head: Any


def _looks(book: Any) -> _Looks:
    base = {"font_name": "宋体", "font_size": 10.5, "valign": "vcenter", "text_wrap": True}
    cell, black = {**base, "border": 1}, {"font_name": "黑体"}
    grey = {"font_color": "#444444", "bg_color": "#F5F5F5"}
    song = {"font_name": "方正小标宋简体", "font_size": 20, "align": "center"}
    return _Looks(
        title=book.add_format({**base, **song}),
        centre=book.add_format(
            {**base, "font_name": "楷体_GB2312", "font_size": 12, "align": "center"}
        ),
        left=book.add_format(base),
        right=book.add_format({**base, "align": "right"}),
        head=book.add_format({**cell, **black, "align": "center"}),
        cell=book.add_format(cell),
        middle=book.add_format({**cell, "align": "center"}),
        strong=book.add_format({"font_name": "黑体", "font_size": 10.5}),
        plain=book.add_format({"font_name": "宋体", "font_size": 10.5}),
        aside=book.add_format({**cell, **grey}),
        aside_head=book.add_format({**cell, **black, **grey, "align": "center"}),
    )


class _Writer:
    """Fills the sheet from the top."""

    def __init__(self, book: Any, table: MatrixTable) -> None:
        self._table = table
        self._looks = _looks(book)
        self._sheet = book.add_worksheet(SHEET)
        self._row = 0

    def write(self) -> None:
        """Write head, rows and notes, then set up the pages."""
        self._columns()
        self._head()
        first = self._row
        heights = [row_height(row) for row in self._table.rows]
        pages = split_pages(
            heights,
            first=_TITLE_PT + _NUMBER_PT + _NOTE_PT + _HEAD_PT,
            later=_HEAD_PT,
            room=_page_room(),
        )
        for row, height in zip(self._table.rows, heights, strict=True):
            self._task(row, height)
        self._areas(first, pages)
        self._notes()
        self._page_setup(first, [first + page.start for page in pages[1:]])

    def _columns(self) -> None:
        for at_column, width in enumerate((*_WIDTHS, *_EXACT_WIDTHS)):
            self._sheet.set_column(at_column, at_column, width)

    def _line(self, text: str, look: Any, height: float, first: int = 0) -> None:
        self._sheet.merge_range(self._row, first, self._row, _FIRST_EXACT - 1, "", look)
        self._sheet.write_string(self._row, first, text, look)
        self._sheet.set_row(self._row, height)

    def _head(self) -> None:
        looks, table = self._looks, self._table
        self._line(table.title, looks.title, _TITLE_PT)
        self._row += 1
        self._line(table.number_line, looks.centre, _NUMBER_PT)
        self._row += 1
        self._sheet.merge_range(self._row, 0, self._row, _ISSUER_ENDS - 1, "", looks.left)
        self._sheet.write_string(self._row, 0, f"印发单位：{table.issuer}", looks.left)
        told = f"共{len(table.rows)}项，截至{chinese_day(table.as_of)}"
        self._line(told, looks.right, _NOTE_PT, first=_ISSUER_ENDS)
        term = f"起止：{table.starts_on}至{table.ends_on}；年度：{table.year}"
        aside = f"{EXACT_NOTE}方案编号：{table.plan_id}；{term}；文本校验值：{table.digest[:16]}"
        self._sheet.write_string(self._row, _FIRST_EXACT, aside)
        self._row += 1
        for column, name in enumerate((*PRINTED, *EXACT)):
            look = looks.head if column < _FIRST_EXACT else looks.aside_head
            self._sheet.write_string(self._row, column, name, look)
        self._sheet.set_row(self._row, _HEAD_PT)
        self._sheet.repeat_rows(self._row)
        self._row += 1
        self._sheet.freeze_panes(self._row, _WORK)

    def _task(self, row: TaskRow, height: float) -> None:
        looks = self._looks
        self._sheet.set_row(self._row, height)
        for column, parts in enumerate(row.printed):
            if column == _WORK and len(parts) > 1:
                rest = "\n" + "\n".join(parts[1:])
                runs = [looks.strong, parts[0], looks.plain, rest]
                self._sheet.write_rich_string(self._row, column, *runs, looks.cell)
            elif column != _AREA:
                look = looks.middle if column in _CENTRED else looks.cell
                self._sheet.write_string(self._row, column, "\n".join(parts), look)
        for column, text in enumerate(row.exact, _FIRST_EXACT):
            self._sheet.write_string(self._row, column, text, looks.aside)
        self._row += 1

    def _areas(self, first: int, pages: Iterable[range]) -> None:
        """One merged cell for each area and page."""
        for page in pages:
            for area, numbers in groupby(page, key=lambda at_row: self._table.rows[at_row].area):
                rows = [first + number for number in numbers]
                if len(rows) > 1:
                    self._sheet.merge_range(rows[0], _AREA, rows[-1], _AREA, "", self._looks.middle)
                self._sheet.write_string(rows[0], _AREA, area, self._looks.middle)

    def _notes(self) -> None:
        width = sum(_WIDTHS)
        for number, note in enumerate(self._table.notes, 1):
            text = f"注：{number}. {note}" if number == 1 else f"　　{number}. {note}"
            lines = lines_needed((text,), width - 4)
            self._line(text, self._looks.left, lines * _LINE_PT + 2)
            self._row += 1

    def _page_setup(self, first: int, breaks: Sequence[int]) -> None:
        sheet = self._sheet
        sheet.set_paper(_PAPER_A4)
        sheet.set_landscape()
        sheet.set_margins(left=_MARGIN_IN, right=_MARGIN_IN, top=_TOP_IN, bottom=_BOTTOM_IN)
        sheet.center_horizontally()
        sheet.print_area(0, 0, max(self._row - 1, first), _FIRST_EXACT - 1)
        sheet.fit_to_pages(1, 0)
        if breaks:
            sheet.set_h_pagebreaks(list(breaks))
        mark = "草稿，含示例任务" if self._table.example else "草稿"
        sheet.set_footer(f"&L&9{mark}&C&9第 &P 页　共 &N 页&R&9{_plain(self._table.plan_id)}")
        sheet.ignore_errors({"number_stored_as_text": f"A{first + 1}:AZ{self._row + 1}"})


def _plain(text: str) -> str:
    """Text for a footer, where ``&`` starts a code."""
    return text.replace("&", "&&")


# ---- heights and pages -------------------------------------------------------------------------


def row_height(row: TaskRow) -> float:
    """The height in points that the fullest printed cell of a row needs; Excel's limit is 409."""
    lines = max(
        lines_needed(parts, width - 1)
        for column, (parts, width) in enumerate(zip(row.printed, _WIDTHS, strict=True))
        if column != _AREA
    )
    return min(max(lines, 2) * _LINE_PT + _PADDING_PT, _TALLEST_PT)


def _page_room() -> float:
    """The points of row height that one printed page holds after fitting the width."""
    pixels = sum(int(7 * width + 5) for width in _WIDTHS)
    scale = min(1.0, (_PAGE_WIDTH_IN - 2 * _MARGIN_IN) * _PIXELS_IN / pixels)
    return (_PAGE_HEIGHT_IN - _TOP_IN - _BOTTOM_IN) * _POINTS_IN / scale * _SPARE
