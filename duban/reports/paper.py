"""Word papers in the layout of GB/T 9704-2012, always as an unsigned draft without red head or seal.

A4, margins 37/35/28/26 mm, type area 156 × 225 mm of 22 lines × 28 characters. 225 mm / 22 = 28.95 pt a
line. A character grid (``linesAndChars``) came out at 17 characters a line in LibreOffice; lines of exactly
28.95 pt with characters drawn 0.25 pt closer come out at 28 in Word's and LibreOffice's reckoning alike.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_ALIGN_VERTICAL, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.enum.text import WD_BREAK, WD_LINE_SPACING, WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from duban.reports.sheet import Cell, Column, Strong
from duban.settings import EXAMPLE_MARK

SONG, FANG, HEI, KAI = "方正小标宋简体", "仿宋_GB2312", "黑体", "楷体_GB2312"
LATIN = "Times New Roman"
TITLE_PT, BODY_PT, PAGE_PT, TABLE_PT = 22, 16, 14, 10.5  # 二号、三号、四号、五号
SMALL_PT, SMALL_LINE_PT, SMALL_HEAD_PT = 9, 12.5, 18  # 小五, for a wide table
LINE_PT, CHAR_SPACING_TWENTIETHS = 28.95, -5
GRID_PITCH = 579  # twentieths of a point: 28.95 pt
TOP_MM, BOTTOM_MM, LEFT_MM, RIGHT_MM = 37, 35, 28, 26
TYPE_AREA_MM = 156
DRAFT_MARK = "草稿（未经审签，不作为正式文件）"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_NUMERALS = "一二三四五六七八九十"


class Paper:
    """A paper being written from top to bottom; ``to_bytes`` gives the file.

    ``author`` and ``created`` go into the file's properties; nothing else in it knows a time, so the
    same calls give the same bytes. ``example``: every page says 示例数据. ``landscape``: a wide table's paper.
    """

    def __init__(
        self, name: str, *, author: str, created: datetime, example: bool, landscape: bool = False
    ) -> None:
        self._doc = Document()
        self._headings = self._subheadings = 0
        self._describe(name, author, created)
        _set_page(self._doc)
        if landscape:
            _turn_page(self._doc)
        _add_styles(self._doc)
        marks = [DRAFT_MARK] + ([f"{EXAMPLE_MARK}，不得据此办理"] if example else [])
        _set_header(self._doc, "　　".join(marks))
        _set_footer(self._doc)

    def _describe(self, name: str, author: str, created: datetime) -> None:
        about, moment = self._doc.core_properties, created.astimezone(UTC).replace(tzinfo=None)
        about.title, about.author, about.last_modified_by = name, author, author
        about.created = about.modified = moment
        about.revision, about.comments, about.keywords = 1, "", "草稿"
        about.language = "zh-CN"

    def number(self, text: str) -> None:
        """发文字号, centred above the title; there is no red head to stand under."""
        self._put("公文编号", text)

    def title(self, *lines: str, note: str = "") -> None:
        """The title, a line each, and below it a note in brackets (the period)."""
        self._put("公文正文", "")
        for line in lines:
            self._put("公文标题", line)
        if note:
            self._put("公文题注", note)
        self._put("公文正文", "")

    def addressee(self, text: str) -> None:
        """主送机关, flush left."""
        self._put("公文正文", text).paragraph_format.first_line_indent = Pt(0)

    def heading(self, text: str) -> None:
        """一、 in 黑体, numbered here."""
        self._headings += 1
        self._subheadings = 0
        self._put("公文一级标题", f"{numeral(self._headings)}、{text}")

    def subheading(self, text: str) -> None:
        """（一） in 楷体, numbered here."""
        self._subheadings += 1
        self._put("公文二级标题", f"（{numeral(self._subheadings)}）{text}")

    def body(self, text: str, *, keep: bool = False) -> None:
        """A paragraph of 仿宋, its first line two characters in. ``keep``: with what follows."""
        self._put("公文正文", text).paragraph_format.keep_with_next = keep

    def table(
        self,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        *,
        whole: bool = False,
        small: bool = False,
        merged: int | None = None,
        breaks: Collection[int] = (),
        heights_pt: Sequence[float] = (),
    ) -> None:
        """A table whose heading row repeats on each page and whose rows are never torn apart.

        ``whole``: a short table that moves to the next page rather than break. ``small``: 小五, for a wide
        table. ``merged``: a column whose neighbouring cells of the same text become one; ``breaks``: rows,
        counted from 0, reckoned to begin a page, where such a cell begins anew. ``heights_pt``: the least
        height of each row; LibreOffice loses the vertical middle of rows that have none and cross a page.
        """
        styles = ("公文小表头", "公文小表格") if small else ("公文表头", "公文表格")
        table = self._doc.add_table(rows=1, cols=len(columns))
        table.style, table.alignment, table.autofit = "Table Grid", WD_TABLE_ALIGNMENT.CENTER, False
        _fill_row(table.rows[0], columns, [column.heading for column in columns], styles[0])
        if heights_pt:
            table.rows[0].height = Pt(SMALL_HEAD_PT)
        for number, row in enumerate(rows):
            _fill_row(table.add_row(), columns, row, styles[1])
            if heights_pt:
                table.rows[-1].height = Pt(heights_pt[number])
        if whole:
            _keep_together(table)
        if merged is not None:
            _merge_down(table, merged, breaks)
        for at, column in enumerate(columns):  # LibreOffice reads the grid, Word the cells
            table.columns[at].width = Mm(column.width_mm)
        self._put("公文表后", "")

    def remark(self, text: str) -> None:
        """A remark in small print, above or below a table."""
        self._put("公文小表格", text)

    def sign(self, issuer: str, day: str) -> None:
        """Issuer and day, kept on one page with each other."""
        self._put("公文正文", "").paragraph_format.keep_with_next = True
        for text, more in ((issuer, True), (day, False)):
            line = self._put("公文落款", text)
            line.paragraph_format.keep_with_next = more
            if not more:  # the day stands under the middle of the issuer's name
                _indent_right(line, min(max((len(issuer) - len(day)) // 2 + 2, 4), 10))

    def contact(self, text: str) -> None:
        """附注 in brackets: whom to ask."""
        self._put("公文正文", "").paragraph_format.keep_with_next = True
        self._put("公文正文", f"（{text}）")

    def chart(self, svg: str, alt: str) -> None:
        """Left out: the table beside a drawing says the same and can be edited."""

    def colophon(self, copies: str, printer: str, day: str) -> None:
        """版记: who gets copies, who prints it and when, between rules as wide as the text."""
        self._put("公文表后", "")
        lines = ([f"抄送：{copies}"] if copies else []) + [f"{printer}\t{day}"]
        for number, line in enumerate(lines):
            paragraph = self._put("公文版记", line)
            paragraph.paragraph_format.keep_with_next = number < len(lines) - 1
            _rule(paragraph, below=number == len(lines) - 1)

    def attachments(self, *names: str) -> None:
        """附件说明, below the text."""
        self._put("公文正文", "").paragraph_format.keep_with_next = True
        several = len(names) > 1
        for number, name in enumerate(names, 1):
            lead = "附件：" if number == 1 else "　　　"
            self._put("公文正文", f"{lead}{f'{number}. ' if several else ''}{name}")

    def attachment(self, label: str, title: str) -> None:
        """An attachment on a page of its own: its label in 黑体, then its title."""
        self._put("公文附件", label).paragraph_format.page_break_before = True
        self._put("公文标题", title)
        self._put("公文表后", "")

    def _put(self, style: str, text: str) -> Any:
        paragraph = self._doc.add_paragraph(style=style)
        lines = clean(text).split("\n")
        for number, line in enumerate(lines):
            run = paragraph.add_run(line)
            if number < len(lines) - 1:
                run.add_break(WD_BREAK.LINE)
        return paragraph

    def to_bytes(self) -> bytes:
        """The .docx file: the same calls give the same bytes."""
        raw = io.BytesIO()
        self._doc.save(raw)
        return without_times(raw.getvalue())


def clean(text: str) -> str:
    """Text that XML can hold: control characters from pasted reports become blanks."""
    return "".join(char if char >= " " or char == "\n" else " " for char in text)


def numeral(number: int) -> str:
    """A section's number up to 99 in Chinese."""
    if number <= 10:
        return _NUMERALS[number - 1]
    tens, ones = divmod(number, 10)
    head = "十" if tens == 1 else f"{_NUMERALS[tens - 1]}十"
    return head + (_NUMERALS[ones - 1] if ones else "")


def without_times(raw: bytes) -> bytes:
    """The same archive with the same time on every part: python-docx stamps the moment of saving."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as source, zipfile.ZipFile(target, "w") as fixed:
        for name in source.namelist():
            part = zipfile.ZipInfo(name, _ZIP_TIME)
            part.compress_type, part.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            fixed.writestr(part, source.read(name))
    return target.getvalue()


# ---- page and styles ---------------------------------------------------------------------------


def _set_page(doc: Any) -> None:
    section = doc.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(TOP_MM), Mm(BOTTOM_MM)
    section.left_margin, section.right_margin = Mm(LEFT_MM), Mm(RIGHT_MM)
    section.header_distance, section.footer_distance = Mm(20), Mm(23)  # number 7 mm below the text
    grid = section._sectPr.find(qn("w:docGrid"))
    if grid is None:
        grid = OxmlElement("w:docGrid")
        section._sectPr.append(grid)
    for name, value in (("type", "lines"), ("linePitch", str(GRID_PITCH))):
        grid.set(qn(f"w:{name}"), value)
    doc.settings.odd_and_even_pages_header_footer = True


def _turn_page(doc: Any) -> None:
    """A4 on its side: the head of a wide table lies at the binding edge, so the margins turn with the page."""
    section = doc.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.top_margin, section.right_margin = Mm(LEFT_MM), Mm(TOP_MM)
    section.bottom_margin, section.left_margin = Mm(RIGHT_MM), Mm(BOTTOM_MM)
    section.header_distance, section.footer_distance = Mm(16), Mm(13)


def _add_styles(doc: Any) -> None:
    """The paper's styles, named in Chinese so that the office finds them in Word and WPS."""
    _dress(doc.styles["Normal"], FANG, BODY_PT)
    language = doc.styles["Normal"].element.get_or_add_rPr()
    language.append(_element("w:lang", val="en-US", eastAsia="zh-CN"))
    _style(doc, "公文正文", FANG, BODY_PT, align=ALIGN.JUSTIFY, chars=200)
    _style(doc, "公文一级标题", HEI, BODY_PT, align=ALIGN.JUSTIFY, chars=200, keep=True)
    _style(doc, "公文二级标题", KAI, BODY_PT, align=ALIGN.JUSTIFY, chars=200, keep=True)
    _style(doc, "公文编号", FANG, BODY_PT, align=ALIGN.CENTER)
    _style(doc, "公文版记", FANG, PAGE_PT, align=ALIGN.LEFT, line_pt=26, tight=False)
    doc.styles["公文版记"].paragraph_format.tab_stops.add_tab_stop(
        Mm(TYPE_AREA_MM - 5), WD_TAB_ALIGNMENT.RIGHT
    )
    _style(doc, "公文标题", SONG, TITLE_PT, align=ALIGN.CENTER, line_pt=34, keep=True)
    _style(doc, "公文题注", KAI, BODY_PT, align=ALIGN.CENTER, keep=True)
    _style(doc, "公文落款", FANG, BODY_PT, align=ALIGN.RIGHT, right_chars=400)
    _style(doc, "公文附件", HEI, BODY_PT, align=ALIGN.LEFT, keep=True)
    _style(doc, "公文表格", FANG, TABLE_PT, align=ALIGN.LEFT, line_pt=15, tight=False)
    _style(doc, "公文表头", HEI, TABLE_PT, align=ALIGN.CENTER, line_pt=15, tight=False)
    _style(doc, "公文小表格", FANG, SMALL_PT, align=ALIGN.LEFT, line_pt=SMALL_LINE_PT, tight=False)
    _style(doc, "公文小表头", HEI, SMALL_PT, align=ALIGN.CENTER, line_pt=SMALL_LINE_PT, tight=False)
    _style(doc, "公文表后", FANG, TABLE_PT, align=ALIGN.LEFT, line_pt=12, tight=False)
    _style(doc, "公文页码", "宋体", PAGE_PT, align=ALIGN.LEFT, line_pt=18, tight=False)
    _style(doc, "公文页眉", HEI, TABLE_PT, align=ALIGN.LEFT, line_pt=15, tight=False)


def _style(
    doc: Any,
    name: str,
    font: str,
    size: float,
    *,
    align: Any,
    line_pt: float = LINE_PT,
    chars: int = 0,
    right_chars: int = 0,
    keep: bool = False,
    tight: bool = True,
) -> None:
    style = doc.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = doc.styles["Normal"]
    _dress(style, font, size, tight=tight)
    layout = style.paragraph_format
    layout.alignment, layout.keep_with_next = align, keep
    layout.space_before = layout.space_after = Pt(0)
    layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(line_pt)
    properties = style.element.get_or_add_pPr()
    if chars or right_chars:
        _indent(properties, firstLineChars=chars, rightChars=right_chars, size=size)
    if not tight:  # small print follows its own line height, not the page's 22 lines
        properties.append(_element("w:snapToGrid", val="0"))
        _in_order(properties)


def _dress(style: Any, font: str, size: float, *, tight: bool = False) -> None:
    """Fonts for Latin and for Chinese text: without eastAsia Word falls back to its own."""
    style.font.name, style.font.size = LATIN, Pt(size)
    properties = style.element.get_or_add_rPr()
    fonts = properties.get_or_add_rFonts()
    for name, value in (("ascii", LATIN), ("hAnsi", LATIN), ("cs", LATIN), ("eastAsia", font)):
        fonts.set(qn(f"w:{name}"), value)
    fonts.set(qn("w:hint"), "eastAsia")  # else Word sets “ ” and … as narrow Latin signs
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    if tight:
        size_element = properties.find(qn("w:sz"))
        size_element.addprevious(_element("w:spacing", val=str(CHAR_SPACING_TWENTIETHS)))


def _indent(properties: Any, *, firstLineChars: int, rightChars: int, size: float) -> None:  # noqa: N803 - as in the schema
    """Indents in characters for Word, and the same in twentieths of a point for readers that know none."""
    found = properties.find(qn("w:ind"))
    indent = _element("w:ind") if found is None else found
    for name, chars in (("firstLine", firstLineChars), ("right", rightChars)):
        if chars:
            indent.set(qn(f"w:{name}Chars"), str(chars))
            indent.set(qn(f"w:{name}"), str(int(chars * size * 20 / 100)))
    if found is None:
        properties.append(indent)
        _in_order(properties)


def _indent_right(paragraph: Any, chars: int) -> None:
    _indent(paragraph._p.get_or_add_pPr(), firstLineChars=0, rightChars=chars * 100, size=BODY_PT)


def _rule(paragraph: Any, *, below: bool) -> None:
    """Rules above and, on the last line, below a paragraph of the 版记."""
    borders = OxmlElement("w:pBdr")
    for side in ("top", "bottom") if below else ("top",):
        borders.append(_element(f"w:{side}", val="single", sz="8", space="1", color="auto"))
    properties = paragraph._p.get_or_add_pPr()
    properties.append(borders)
    _in_order(properties)


_ORDER = (
    "pStyle",
    "keepNext",
    "keepLines",
    "pageBreakBefore",
    "widowControl",
    "pBdr",
    "tabs",
    "snapToGrid",
    "spacing",
    "ind",
    "jc",
)


def _in_order(properties: Any) -> None:
    """Put paragraph properties into the schema's order: strict readers refuse another."""
    rank = {qn(f"w:{name}"): at for at, name in enumerate(_ORDER)}
    for child in sorted(properties, key=lambda each: rank.get(each.tag, len(rank))):
        properties.append(child)


def _element(tag: str, **attributes: str) -> Any:
    found = OxmlElement(tag)
    for name, value in attributes.items():
        found.set(qn(f"w:{name}"), value)
    return found


# ---- header, footer, tables --------------------------------------------------------------------


def _set_header(doc: Any, mark: str) -> None:
    section = doc.sections[0]
    for header in (section.header, section.even_page_header):
        header.is_linked_to_previous = False
        paragraph = header.paragraphs[0]
        paragraph.style = doc.styles["公文页眉"]
        paragraph.add_run(mark)


def _set_footer(doc: Any) -> None:
    """Page numbers between dashes: odd pages right, even pages left, one character in."""
    section = doc.sections[0]
    sides = ((section.footer, ALIGN.RIGHT), (section.even_page_footer, ALIGN.LEFT))
    for footer, side in sides:
        footer.is_linked_to_previous = False
        paragraph = footer.paragraphs[0]
        paragraph.style = doc.styles["公文页码"]
        paragraph.alignment = side
        paragraph.paragraph_format.left_indent = Pt(PAGE_PT)
        paragraph.paragraph_format.right_indent = Pt(PAGE_PT)
        paragraph.add_run("— ")
        _add_page_field(paragraph)
        paragraph.add_run(" —")


def _add_page_field(paragraph: Any) -> None:
    for kind in ("begin", "instr", "separate", "text", "end"):
        run = paragraph.add_run()
        if kind == "instr":
            code = OxmlElement("w:instrText")
            code.set(qn("xml:space"), "preserve")
            code.text = " PAGE "
            run._r.append(code)
        elif kind == "text":
            run.text = "1"
        else:
            run._r.append(_element("w:fldChar", fldCharType=kind))


def _keep_together(table: Any) -> None:
    for row in table.rows[:-1]:
        for cell in row.cells:
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.keep_with_next = True


def _merge_down(table: Any, column: int, breaks: Collection[int]) -> None:
    """Join neighbouring cells of the same text on a page: across pages only the first would show it."""
    before = ""
    for number, row in enumerate(table.rows[1:]):
        cell = row.cells[column]
        same = cell.text == before and number not in breaks
        before = before if same else cell.text
        cell._tc.vMerge = "continue" if same else "restart"
        if same:
            cell.paragraphs[0].clear()


def _fill_row(row: Any, columns: Sequence[Column], cells: Sequence[Cell], style: str) -> None:
    properties = row._tr.get_or_add_trPr()
    properties.append(_element("w:cantSplit"))
    if style.endswith("表头"):
        properties.append(_element("w:tblHeader"))
    for cell, column, content in zip(row.cells, columns, cells, strict=True):
        cell.width = Mm(column.width_mm)
        cell.vertical_alignment = WD_ALIGN_VERTICAL.CENTER
        lines = content if isinstance(content, tuple) else (content,)
        for number, line in enumerate(lines):
            paragraph = cell.paragraphs[0] if number == 0 else cell.add_paragraph()
            paragraph.style = style
            run = paragraph.add_run(clean(line).replace("\n", " "))
            if isinstance(line, Strong):
                run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), HEI)
            if column.centred:
                paragraph.alignment = ALIGN.CENTER
