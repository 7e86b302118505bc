"""A paper's files: the Word draft, by the office's own template where there is one, and the PDF."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from duban.reports import fonts, officepaper, papertemplate
from duban.reports.officepaper import Facts
from duban.reports.paper import Paper
from duban.reports.pdfpaper import PdfPaper
from duban.settings import Home


def docx_of(facts: Facts, home: Home | None, created: datetime) -> bytes:
    """The Word draft; the same facts and moment give the same bytes. Raises InputError for a template
    that cannot be used."""
    own = None if home is None else papertemplate.override(home, facts.kind)
    if own is not None:
        return papertemplate.rendered(own, facts, created)
    paper = Paper(
        facts.name,
        author=facts.printer,
        created=created,
        example=facts.example,
        landscape=facts.landscape,
    )
    officepaper.write(paper, facts)
    return paper.to_bytes()


def pdf_of(facts: Facts, created: datetime, fonts_dir: Path | None = None) -> bytes:
    """The PDF/A; empty where the machine has no Chinese font (``doctor`` says so)."""
    if fonts.choose(fonts.families(fonts_dir)) is None:
        return b""
    return _pdf(facts, created, fonts_dir).to_bytes()


def _pdf(facts: Facts, created: datetime, fonts_dir: Path | None) -> PdfPaper:
    paper = PdfPaper(
        facts.name,
        author=facts.printer,
        created=created,
        example=facts.example,
        landscape=facts.landscape,
        fonts_dir=fonts_dir,
    )
    officepaper.write(paper, facts)
    return paper
