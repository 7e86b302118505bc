"""Writes the reporting form: a protected workbook without macros that an officer fills in minutes.

Text is always written as text. The same form gives the same bytes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO

import xlsxwriter

from duban import clock
from duban.intake import layout
from duban.intake.form import FORM_VERSION, FormData, FormFigure, FormRow, stamp_of
from duban.ledger.transitions import LIMITS
from duban.settings import EXAMPLE_MARK

_A4 = 9
_ROW_HEIGHT = 66
_INKS = {
    "red": ("#9c0006", "#ffd9d9"),
    "orange": ("#8a3b00", "#ffe3cc"),
    "yellow": ("#7a5200", "#fff0c2"),
    "green": ("#0f5a2e", "#dff2e4"),
    "blue": ("#1f4e79", "#dfeaf5"),
    "grey": ("#555555", "#eeeeee"),
}
_COLUMNS: tuple[tuple[str, float], ...] = (
    ("", 0),
    ("序号", 5),
    ("编号", 8),
    ("任务事项（期次）", 26),
    ("考核要点和时限要求", 24),
    ("时限", 11),
    ("灯", 11),
    ("上次报送情况", 24),
    ("本期状态 ▼", 10),
    ("累计进度%", 9),
    ("本期进展", 34),
    ("存在问题", 24),
    ("下一步", 24),
)
_FIGURE_WIDTHS = (22, 11)
_BASE = {"valign": "vcenter", "text_wrap": True, "border": 1, "border_color": "#bfbfbf"}
_HOW = (
    "只填黄色格：① 没有变化的行不用动，或选“无变化”；② 有进展的，写本期进展，改累计进度；"
    "③ 办完的选“办结”。填好后存为 .xlsx，从个人链接上传，或发回办公室。请勿填写涉密内容。"
)
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
    book.set_properties({"title": _title(form), "author": form.office, "created": made})
    _Writer(book, form).write()
    _write_meta(book.add_worksheet(layout.META), form)
    book.close()


def _title(form: FormData) -> str:
    mark = f"【{EXAMPLE_MARK}】" if form.example else ""
    return f"{mark}{form.unit_name}任务进展报送表"


class _Writer:
    """The visible sheet, from top to bottom."""

    def __init__(self, book: Any, form: FormData) -> None:
        self.book, self.form = book, form
        self.sheet = book.add_worksheet(layout.SHEET)
        self.pairs = max((len(row.figures) for row in form.rows), default=0)
        self.last_column = layout.FIRST_FIGURE + 2 * self.pairs - 1
        self.read = book.add_format({**_BASE, "bg_color": "#f5f5f5"})
        self.centred = book.add_format({**_BASE, "bg_color": "#f5f5f5", "align": "center"})
        self.day = book.add_format(
            {**_BASE, "bg_color": "#f5f5f5", "align": "center", "num_format": "yyyy-mm-dd"}
        )
        entry = {**_BASE, "bg_color": "#fffbe6", "locked": False}
        self.text = book.add_format({**entry, "num_format": "@"})
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
        made = f"{form.made_at:%Y-%m-%d %H:%M}"
        contact = f"　联系：{form.contact}" if form.contact else ""
        info = f"填报单位：{form.unit_name}　　生成时间：{made}　　{form.office}{contact}"
        self._across(0, _title(form), self.book.add_format(title))
        self._across(layout.UNIT_ROW, info, note)
        self._across(2, _HOW, note)
        sheet.set_row(0, 32)
        sheet.set_row(2, 34)
        sheet.set_row(layout.HEAD_ROW, 24)
        label = self.book.add_format({"align": "right", "valign": "vcenter", "bold": True})
        row, column = layout.SIGNED_CELL
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
        for at, (name, _) in enumerate(_COLUMNS):
            sheet.write_string(layout.HEAD_ROW, at, name, head)
        for number in range(self.pairs):
            which = str(number + 1) if self.pairs > 1 else ""
            sheet.write_string(
                layout.HEAD_ROW, layout.figure_cell(number) - 1, f"指标{which}", head
            )
            sheet.write_string(layout.HEAD_ROW, layout.figure_cell(number), "指标完成值", head)
        if not form.rows:
            self._across(layout.FIRST_ROW, "目前没有需要报送的事项。", note)

    def _across(self, row: int, text: str, style: Any) -> None:
        self.sheet.merge_range(row, layout.NUMBER, row, self.last_column, "", style)
        self.sheet.write_string(row, layout.NUMBER, text, style)

    def _row(self, at: int, number: int, row: FormRow) -> None:
        sheet = self.sheet
        sheet.set_row(at, _ROW_HEIGHT)
        sheet.write_string(at, layout.KEY, row.key, self.hidden)
        sheet.write_number(at, layout.NUMBER, number, self.centred)
        sheet.write_string(at, layout.TASK, row.task, self.centred)
        sheet.write_string(at, layout.ITEM, f"{row.title}\n（{row.label}）", self.read)
        wanted = "\n".join(
            filter(None, (row.wanted, f"时限要求：{row.phrase}" if row.phrase else ""))
        )
        sheet.write_string(at, layout.WANTED, wanted, self.read)
        if row.due_on is None:
            sheet.write_string(at, layout.DUE, "未起算", self.centred)
        else:
            sheet.write_datetime(at, layout.DUE, _naive(row.due_on), self.day)
        self._lamp(at, row)
        sheet.write_string(at, layout.LAST, row.last[:1000], self.read)
        self._entries(at, row)
        for which in range(self.pairs):
            self._figure(at, which, row.figures[which] if which < len(row.figures) else None)

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

    def _entries(self, at: int, row: FormRow) -> None:
        sheet = self.sheet
        sheet.write_blank(at, layout.STATE, None, self.choice)
        sheet.data_validation(at, layout.STATE, at, layout.STATE, _choice_rule(row))
        if not row.finishes:
            sheet.write_string(at, layout.PERCENT, "不用填", self.centred)
        else:
            if row.percent is None:
                sheet.write_blank(at, layout.PERCENT, None, self.percent)
            else:
                sheet.write_number(at, layout.PERCENT, row.percent, self.percent)
            sheet.data_validation(at, layout.PERCENT, at, layout.PERCENT, _PERCENT_RULE)
        for column, name, title, note in _TEXTS:
            sheet.write_blank(at, column, None, self.text)
            sheet.data_validation(at, column, at, column, _text_rule(LIMITS[name], title, note))

    def _figure(self, at: int, which: int, figure: FormFigure | None) -> None:
        column = layout.figure_cell(which)
        if figure is None:
            self.sheet.write_blank(at, column - 1, None, self.read)
            self.sheet.write_blank(at, column, None, self.read)
            return
        said = [f"{figure.name}（{figure.unit}）"]
        said += [f"目标：{figure.target}"] if figure.target else []
        said += [f"上次：{figure.last}"] if figure.last else []
        self.sheet.write_string(at, column - 1, "\n".join(said), self.read)
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
        for at, (_, width) in enumerate(_COLUMNS):
            sheet.set_column(at, at, width, None, {"hidden": True} if at == layout.KEY else {})
        for which in range(self.pairs):
            column = layout.figure_cell(which)
            sheet.set_column(column - 1, column - 1, _FIGURE_WIDTHS[0])
            sheet.set_column(column, column, _FIGURE_WIDTHS[1])
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


def _write_meta(sheet: Any, form: FormData) -> None:
    """What must come back unchanged: form version, unit, moment, signature, and each row's stamp."""
    head = (
        (layout.MARK, FORM_VERSION),
        (form.unit, clock.stamp(form.made_at), "1" if form.example else "0"),
        (form.signature,),
    )
    for at, cells in enumerate(head):
        for column, text in enumerate(cells):
            sheet.write_string(at, column, text)
    for at, row in enumerate(form.rows, layout.META_FIRST_ROW):
        for column, text in enumerate(stamp_of(row)):
            sheet.write_string(at, column, text)
    sheet.protect()
    sheet.very_hidden()
