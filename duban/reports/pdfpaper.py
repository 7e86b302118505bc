"""PDF papers in the layout of GB/T 9704-2012, set by typst from the same calls that write the Word draft.

The output is PDF/A-2b and knows no time but ``created``: the same calls give the same bytes on a machine.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from duban.errors import OutsideError
from duban.reports import fonts
from duban.reports.paper import DRAFT_MARK, clean, numeral
from duban.reports.sheet import Cell, Column, Strong
from duban.settings import EXAMPLE_MARK

TEMPLATES = Path(__file__).parent / "templates"
STANDARD = "a-2b"
_TURN = threading.Lock()  # one compiler is kept; it is not made for two at a time


class PdfPaper:
    """A paper being written; ``to_bytes`` sets it. The methods are those of ``duban.reports.sheet.Sheet``."""

    def __init__(
        self,
        name: str,
        *,
        author: str,
        created: datetime,
        example: bool,
        landscape: bool = False,
        fonts_dir: Path | None = None,
    ) -> None:
        marks = [DRAFT_MARK] + ([f"{EXAMPLE_MARK}，不得据此办理"] if example else [])
        self._fonts_dir, self._created = fonts_dir, created.replace(microsecond=0)
        self._about = {
            "name": name,
            "author": author,
            "mark": "　　".join(marks),
            "landscape": landscape,
            "date": [created.year, created.month, created.day],
        }
        self._blocks: list[dict[str, Any]] = []
        self._headings = self._subheadings = 0

    def _put(self, kind: str, **values: Any) -> None:
        self._blocks.append({"kind": kind, **values})

    def number(self, text: str) -> None:
        """发文字号, centred above the title."""
        self._put("number", text=clean(text))

    def title(self, *lines: str, note: str = "") -> None:
        """The title, a line each, and below it a note."""
        self._put("title", lines=[clean(line) for line in lines], note=clean(note))

    def addressee(self, text: str) -> None:
        """主送机关, flush left."""
        self._put("addressee", text=clean(text))

    def heading(self, text: str) -> None:
        """一、 in 黑体, numbered here."""
        self._headings += 1
        self._subheadings = 0
        self._put("heading", text=f"{numeral(self._headings)}、{clean(text)}")

    def subheading(self, text: str) -> None:
        """（一） in 楷体, numbered here."""
        self._subheadings += 1
        self._put("subheading", text=f"（{numeral(self._subheadings)}）{clean(text)}")

    def body(self, text: str, *, keep: bool = False) -> None:
        """A paragraph of 仿宋; ``keep``: with what follows."""
        for line in clean(text).split("\n"):
            self._put("body", text=line, keep=keep)

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
        """A table whose heading row repeats. Cells of a ``merged`` column say their text once a page."""
        del breaks, heights_pt  # typst finds both out by itself
        told: list[list[Any]] = []
        before = ""
        for row in rows:
            cells = [_lines(cell) for cell in row]
            if merged is not None:
                same, before = cells[merged] == [before], "".join(map(str, cells[merged]))
                cells[merged] = [""] if same else cells[merged]
            told.append(cells)
        self._put(
            "table",
            widths=[column.width_mm for column in columns],
            centred=[column.centred for column in columns],
            heads=[_lines(column.heading) for column in columns],
            rows=told,
            whole=whole,
            small=small,
        )

    def chart(self, svg: str, alt: str) -> None:
        """A drawing as wide as the text."""
        self._put("chart", svg=svg, alt=alt)

    def remark(self, text: str) -> None:
        """A remark in small print."""
        self._put("remark", text=clean(text))

    def sign(self, issuer: str, day: str) -> None:
        """Issuer and day, kept on one page with each other."""
        self._put("sign", issuer=clean(issuer), day=day)

    def contact(self, text: str) -> None:
        """附注 in brackets."""
        self._put("contact", text=clean(text))

    def attachments(self, *names: str) -> None:
        """附件说明, below the text."""
        self._put("attachments", names=[clean(name) for name in names])

    def attachment(self, label: str, title: str) -> None:
        """An attachment on a page of its own."""
        self._put("attachment", label=label, title=clean(title))

    def colophon(self, copies: str, printer: str, day: str) -> None:
        """版记 at the foot of the last page."""
        self._put("colophon", copies=clean(copies), printer=clean(printer), day=day)

    def to_bytes(self) -> bytes:
        """The PDF file. Raises OutsideError when no Chinese font is there or typst refuses."""
        return self._set("pdf", pdf_standards=[STANDARD], timestamp=self._created)[0]

    def to_pngs(self, ppi: int = 90) -> list[bytes]:
        """The pages as pictures, for a look."""
        return self._set("png", ppi=ppi)

    def _set(self, form: str, **more: Any) -> list[bytes]:
        chosen = fonts.chosen(self._fonts_dir)
        data = {
            **self._about,
            "blocks": self._blocks,
            "fonts": {role: list(names) for role, names in chosen.faces.items()},
            "latin": chosen.latin,
            "heavy": chosen.heavy,
        }
        return compiled("paper.typ", data, form, self._fonts_dir, **more)


def _lines(cell: Cell) -> list[Any]:
    parts = cell if isinstance(cell, tuple) else (cell,)
    return [
        {"strong": str(clean(part))} if isinstance(part, Strong) else clean(part) for part in parts
    ]


def compiled(
    name: str, data: dict[str, Any], form: str, fonts_dir: Path | None, **more: Any
) -> list[bytes]:
    """What typst makes of a template of ours and data: a file, or a picture a page."""
    import typst

    given = {"data": json.dumps(data, ensure_ascii=False)}
    try:
        with _TURN:
            found: Any = _compiler(fonts_dir).compile(
                TEMPLATES / name, format=form, sys_inputs=given, **more
            )
    except typst.TypstError as problem:
        raise OutsideError(
            f"PDF 排版没有成功：{problem.message}。",
            "Word 版不受影响；用 duban doctor 看字体，仍不行请报给系统管理员。",
        ) from problem
    return list(found) if isinstance(found, list) else [found]


@lru_cache(maxsize=4)
def _compiler(fonts_dir: Path | None) -> Any:
    """A compiler that keeps what it has read: the first paper takes half a second, the next a few hundredths."""
    import typst

    return typst.Compiler(root=TEMPLATES, font_paths=fonts.all_fonts(fonts_dir))
