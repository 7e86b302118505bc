"""The score sheet (得分表) as a workbook: totals by group, every line with its clause, notes.

Text is always written as text, so a title that begins with ``=`` stays a title. The same scores and
the same meta give the same bytes: the only date in the file is the as-of date.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from duban.assessment.model import Line, UnitScore
from duban.clock import at

_BANNER = "示例数据：本表按示例细则或示例数据生成，不作为考核依据"
_PAPER_A4 = 9
_LONGEST_CELL = 32_767  # Excel cuts what is longer; we say that it was cut


@dataclass(frozen=True, slots=True)
class SheetMeta:
    """What the workbook says of itself. ``categories``: names in the order of the rule sheet."""

    title: str
    period: str
    as_of: date
    sheet_title: str
    sheet_id: str
    rule_hash: str
    code_version: str
    example: bool
    categories: tuple[str, ...] = ()


def write_scoresheet(path: Path, scores: Sequence[UnitScore], meta: SheetMeta) -> None:
    """Write the workbook in one step: readers see the old file or the new one, never half of it.

    Raises OSError when the folder cannot be written.
    """
    content = scoresheet_bytes(scores, meta)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def scoresheet_bytes(scores: Sequence[UnitScore], meta: SheetMeta) -> bytes:
    """The workbook as bytes, for a download."""
    stream = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, {**options, "strings_to_numbers": False})
    book.set_properties({"title": meta.title, "created": at(meta.as_of)})
    formats = _Formats(book)
    ordered = _in_order(scores)
    _write_totals(_Page(book, "得分表", meta, formats), ordered, meta)
    _write_lines(_Page(book, "得分明细", meta, formats), ordered)
    _write_notes(_Page(book, "说明", meta, formats), ordered, meta)
    book.close()
    return stream.getvalue()


def _in_order(scores: Iterable[UnitScore]) -> list[UnitScore]:
    """Groups as they come; in a group by rank, the unranked and the not assessed at the end."""
    found = list(scores)
    groups = list(dict.fromkeys(score.group for score in found))
    return sorted(
        found,
        key=lambda score: (
            groups.index(score.group),
            not score.assessed,
            score.rank if score.rank is not None else len(found) + 1,
        ),
    )


class _Formats:
    """The few cell looks of the workbook."""

    def __init__(self, book: Any) -> None:
        base = {"font_name": "宋体", "font_size": 10.5, "valign": "vcenter", "text_wrap": True}
        cell = {**base, "border": 1}
        self.title = book.add_format(
            {**base, "font_name": "黑体", "font_size": 16, "align": "center"}
        )
        self.note = book.add_format({**base, "font_color": "#444444"})
        self.banner = book.add_format(
            {**base, "bold": True, "align": "center", "bg_color": "#FFF2CC", "border": 1}
        )
        self.head = book.add_format(
            {**cell, "font_name": "黑体", "align": "center", "bg_color": "#E7ECF3"}
        )
        self.text = book.add_format(cell)
        self.centre = book.add_format({**cell, "align": "center"})
        self.points = book.add_format({**cell, "align": "right"})
        self.totals: dict[int, Any] = {
            digits: book.add_format(
                {
                    **cell,
                    "bold": True,
                    "align": "right",
                    "num_format": f"0.{'0' * digits}".rstrip("."),
                }
            )
            for digits in range(4)
        }


class _Page:
    """A worksheet filled from the top: banner, title, table with a repeated header."""

    def __init__(self, book: Any, name: str, meta: SheetMeta, formats: _Formats) -> None:
        self.sheet = book.add_worksheet(name)
        self.formats = formats
        self._meta = meta
        self._row = 0
        self._columns = 1
        self.sheet.set_paper(_PAPER_A4)
        self.sheet.set_landscape()
        self.sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        self.sheet.fit_to_pages(1, 0)
        mark = "示例数据  " if meta.example else ""
        self.sheet.set_footer(f"&L{_plain(mark + name)}&C第 &P 页，共 &N 页&R截至 {meta.as_of}")

    def begin(self, widths: Sequence[float]) -> None:
        """Set the widths, then write the banner of example data, the title and what it is of."""
        self._columns = len(widths)
        for column, width in enumerate(widths):
            self.sheet.set_column(column, column, width)
        if self._meta.example:
            self._across(_BANNER, self.formats.banner, 20)
        self._across(self._meta.title, self.formats.title, 30)
        said = f"考核期间：{self._meta.period}    截至：{self._meta.as_of}    细则：{self._meta.sheet_title}"
        self._across(said, self.formats.note, 18)

    def _across(self, text: str, look: Any, height: int) -> None:
        self.sheet.set_row(self._row, height)
        if self._columns > 1:
            self.sheet.merge_range(self._row, 0, self._row, self._columns - 1, "", look)
        self.sheet.write_string(self._row, 0, text, look)
        self._row += 1

    def head(self, names: Sequence[str], *, frozen_columns: int) -> None:
        """The header row: repeated on every printed page and kept in view."""
        for column, name in enumerate(names):
            self.sheet.write_string(self._row, column, name, self.formats.head)
        self.sheet.repeat_rows(self._row)
        self._row += 1
        self.sheet.freeze_panes(self._row, frozen_columns)

    def row(self, cells: Sequence[tuple[str | int | Decimal, Any]]) -> None:
        """One row: texts stay texts, numbers are exact decimals."""
        for column, (value, look) in enumerate(cells):
            if isinstance(value, str):
                self.sheet.write_string(self._row, column, _fitting(value), look)
            else:
                self.sheet.write_number(self._row, column, value, look)
        self._row += 1


def _plain(text: str) -> str:
    """Text for a footer, where ``&`` starts a code."""
    return text.replace("&", "&&")


def _fitting(text: str) -> str:
    if len(text) <= _LONGEST_CELL:
        return text
    tail = "……（过长，余下部分见得分说明）"
    return text[: _LONGEST_CELL - len(tail)] + tail


def _points(millipoints: int) -> Decimal:
    return Decimal(millipoints).scaleb(-3)


def _categories(scores: Iterable[UnitScore], meta: SheetMeta) -> list[str]:
    """Columns of points: base first, then the sheet's order, then whatever else has lines."""
    seen = dict.fromkeys(line.category for score in scores for line in score.lines)
    known = set(meta.categories)
    places = [name for name in seen if name not in known]
    return places[:1] + list(meta.categories) + places[1:] if known else list(seen)


def _write_totals(page: _Page, scores: Sequence[UnitScore], meta: SheetMeta) -> None:
    categories = _categories(scores, meta)
    page.begin([12, 7, 26, *[10.0] * len(categories), 10, 10, 44])
    names = ("组别", "名次", "单位", *categories, "总分", "等次", "说明")
    page.head(names, frozen_columns=3)
    for score in scores:
        page.row(_total_row(page.formats, score, categories))


def _total_row(
    look: _Formats, score: UnitScore, categories: Sequence[str]
) -> list[tuple[str | int | Decimal, Any]]:
    start: list[tuple[str | int | Decimal, Any]] = [
        (score.group, look.text),
        (score.rank if score.rank is not None else "—", look.centre),
        (score.name, look.text),
    ]
    if not score.assessed:
        blanks: list[tuple[str | int | Decimal, Any]] = [("—", look.centre)] * (len(categories) + 1)
        return [*start, *blanks, ("未纳入考核", look.centre), (score.reason, look.text)]
    sums = dict.fromkeys(categories, 0)
    for line in score.lines:
        sums[line.category] += line.millipoints
    digits = max(-int(score.total.as_tuple().exponent), 0)
    return [
        *start,
        *((_points(sums[name]), look.points) for name in categories),
        (score.total, look.totals[digits]),
        (score.grade or "—", look.centre),
        ("；".join((*score.effects, *score.beside)), look.text),
    ]


def _write_lines(page: _Page, scores: Sequence[UnitScore]) -> None:
    page.begin([20, 12, 26, 13, 34, 26, 34, 8, 36])
    page.head(
        ("单位", "类别", "条款", "应办事项", "事实", "依据", "计算", "分值", "说明"),
        frozen_columns=1,
    )
    for score in scores:
        for line in score.lines:
            page.row(_line_row(page.formats, score, line))


def _line_row(
    look: _Formats, score: UnitScore, line: Line
) -> list[tuple[str | int | Decimal, Any]]:
    return [
        (score.name, look.text),
        (line.category, look.text),
        (f"{line.basis}（{line.rule}，版本 {line.version}）", look.text),
        (line.obligation, look.text),
        (line.fact, look.text),
        ("；".join(line.evidence), look.text),
        (line.arithmetic, look.text),
        (_points(line.millipoints), look.points),
        (line.sentence, look.text),
    ]


def _write_notes(page: _Page, scores: Sequence[UnitScore], meta: SheetMeta) -> None:
    page.begin([22, 96])
    page.head(("项目", "内容"), frozen_columns=1)
    for name, text in _notes(scores, meta):
        page.row([(name, page.formats.text), (text, page.formats.text)])


def _notes(scores: Sequence[UnitScore], meta: SheetMeta) -> list[tuple[str, str]]:
    assessed = sum(1 for score in scores if score.assessed)
    return [
        ("考核细则", f"{meta.sheet_title}（编号 {meta.sheet_id}）"),
        ("细则文件校验值", f"SHA-256 {meta.rule_hash}"),
        ("考核期间", meta.period),
        ("数据截至", meta.as_of.isoformat()),
        ("参评单位", f"{assessed}家；未纳入考核{len(scores) - assessed}家"),
        ("总分", "恰好等于“得分明细”各行分值之和，只在最后四舍五入一次。"),
        ("封顶和扣完为止", "基础分、封顶、扣完为止在“得分明细”中各占一行。"),
        ("名次", "分组排名；同分并列，下一名次空出（1、1、3）。"),
        ("未纳入考核", "本期没有应办事项或依规定不考核的单位，不计分、不排名、不评等次。"),
        ("不看痕迹", "不按登录、阅读、在线时长、打卡、上传数量计分（国办函〔2026〕12号）。"),
        ("异议", "对得分有异议的，可按“得分明细”中的条款和事实向考核办公室提出。"),
        ("程序版本", meta.code_version),
    ]
