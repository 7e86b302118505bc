"""Word drafts keep to GB/T 9704-2012 and say that they are drafts."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.oxml.ns import qn

from conftest import missing
from duban.reports.paper import DRAFT_MARK, TYPE_AREA_MM, Paper, clean
from duban.reports.pdfpaper import PdfPaper
from duban.reports.sheet import Column
from smallhome import moment


def small_paper(*, example: bool = True) -> Paper:
    paper = Paper("周报", author="专班办公室", created=moment(23), example=example)
    paper.title("重点任务督查周报", note="（11月16日至22日）")
    paper.heading("总体情况")
    paper.body("已办结3项。")
    paper.subheading("逾期")
    paper.table(
        [Column("单位", 56), Column("事项", 100, centred=False)], [["龙湖镇", ("一", "二")]]
    )
    paper.heading("下一步")
    paper.sign("专班办公室", "2026年11月23日")
    paper.attachment("附件", "清单")
    return paper


def opened(paper: Paper) -> Any:
    return Document(io.BytesIO(paper.to_bytes()))


def test_page_is_a4_with_the_standard_margins() -> None:
    section = opened(small_paper()).sections[0]
    size = (section.page_width.mm, section.page_height.mm)
    margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert tuple(round(side) for side in size) == (210, 297)
    assert tuple(round(side.mm) for side in margins) == (37, 35, 28, 26)
    assert round(size[0]) - 28 - 26 == TYPE_AREA_MM


def test_grid_counts_lines_only() -> None:
    grid = opened(small_paper()).sections[0]._sectPr.find(qn("w:docGrid"))
    assert (grid.get(qn("w:type")), grid.get(qn("w:linePitch"))) == ("lines", "579")
    assert grid.get(qn("w:charSpace")) in {None, "0"}


@pytest.mark.parametrize(
    ("style", "font", "points"),
    [
        ("公文标题", "方正小标宋简体", 22),
        ("公文正文", "仿宋_GB2312", 16),
        ("公文一级标题", "黑体", 16),
        ("公文二级标题", "楷体_GB2312", 16),
        ("公文页码", "宋体", 14),
    ],
)
def test_fonts_for_chinese_text(style: str, font: str, points: int) -> None:
    found = opened(small_paper()).styles[style]
    assert found.element.rPr.rFonts.get(qn("w:eastAsia")) == font
    assert found.font.size.pt == points


def test_body_is_set_for_28_characters_and_22_lines() -> None:
    body = opened(small_paper()).styles["公文正文"]
    assert body.paragraph_format.line_spacing.pt == pytest.approx(28.95, abs=0.05)
    assert body.element.rPr.find(qn("w:spacing")).get(qn("w:val")) == "-5"
    assert body.element.pPr.ind.get(qn("w:firstLineChars")) == "200"


def test_headings_number_themselves() -> None:
    texts = [paragraph.text for paragraph in opened(small_paper()).paragraphs]
    assert [text for text in texts if "、" in text or "（一）" in text] == [
        "一、总体情况",
        "（一）逾期",
        "二、下一步",
    ]


@pytest.mark.parametrize("example", [True, False])
def test_every_page_says_draft(example: bool) -> None:
    section = opened(small_paper(example=example)).sections[0]
    for header in (section.header, section.even_page_header):
        text = header.paragraphs[0].text
        assert text.startswith(DRAFT_MARK)
        assert ("示例数据" in text) == example


def test_page_numbers_stand_outside() -> None:
    section = opened(small_paper()).sections[0]
    sides = [str(f.paragraphs[0].alignment) for f in (section.footer, section.even_page_footer)]
    assert [side.split(" ")[0] for side in sides] == ["RIGHT", "LEFT"]
    for footer in (section.footer, section.even_page_footer):
        assert footer.paragraphs[0].text == "— 1 —"
        assert " PAGE " in footer._element.xml


def test_table_repeats_its_head_and_keeps_its_widths() -> None:
    table = opened(small_paper()).tables[0]
    head, row = table.rows
    assert head._tr.trPr.find(qn("w:tblHeader")) is not None
    assert all(each._tr.trPr.find(qn("w:cantSplit")) is not None for each in (head, row))
    assert [round(column.width.mm) for column in table.columns] == [56, 100]
    assert [round(cell.width.mm) for cell in row.cells] == [56, 100]
    assert [paragraph.text for paragraph in row.cells[1].paragraphs] == ["一", "二"]


def test_paragraph_properties_stand_in_the_schemas_order() -> None:
    """Word refuses a style whose properties are out of order."""
    order = ["keepNext", "pBdr", "tabs", "snapToGrid", "spacing", "ind", "jc"]
    for style in opened(small_paper()).styles:
        properties = getattr(style.element, "pPr", None)
        if style.name.startswith("公文") and properties is not None:
            names = [child.tag.rpartition("}")[2] for child in properties]
            assert [name for name in order if name in names] == names


def test_no_seal_no_red() -> None:
    with zipfile.ZipFile(io.BytesIO(small_paper().to_bytes())) as archive:
        text = archive.read("word/document.xml").decode()
    assert "w:color" not in text
    assert "w:drawing" not in text


def test_same_calls_same_bytes() -> None:
    first = small_paper().to_bytes()
    assert first == small_paper().to_bytes()
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    about = opened(small_paper()).core_properties
    assert (about.author, about.created.hour) == (
        "专班办公室",
        1,
    )  # nine o'clock here is one in UTC


def test_pasted_control_characters_do_not_break_the_file() -> None:
    assert clean("a\x0bb\x00c\nd") == "a b c\nd"
    paper = small_paper()
    paper.body("坏\x07字")
    assert "坏 字" in [paragraph.text for paragraph in opened(paper).paragraphs]


def test_a_full_page_holds_22_lines_of_28_characters(tmp_path: Path) -> None:
    """The PDF's own lines, as a reader takes them out again."""
    if shutil.which("pdftotext") is None:
        missing("没有 pdftotext（poppler-utils）：行数、字数未核对")
    paper = PdfPaper("满页", author="办", created=moment(23), example=False)
    paper.addressee("督" * 28 * 44)
    path = tmp_path / "full.pdf"
    path.write_bytes(paper.to_bytes())
    read = ["pdftotext", "-layout", str(path), "-"]
    text = subprocess.run(read, capture_output=True, text=True, check=True).stdout
    pages = [
        [line.strip() for line in page.splitlines() if "督" in line] for page in text.split("\f")
    ]
    assert [len(page) for page in pages if page] == [22, 22]
    assert {len(line) for page in pages for line in page} == {28}
    sizes = subprocess.run(
        ["pdfinfo", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert "(A4)" in sizes
