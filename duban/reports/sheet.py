"""What a paper is written with: one text, set as Word by one hand and as PDF by another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

Cell = str | tuple[str, ...]
"""A cell's text; a tuple stands for several paragraphs."""


class Strong(str):
    """A paragraph of a cell in 黑体: the title above its text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A table column: its heading, its width in millimetres, and whether its text is centred."""

    heading: Cell
    width_mm: float
    centred: bool = True


class Sheet(Protocol):
    """A paper being written from top to bottom, whatever it becomes."""

    def number(self, text: str) -> None:
        """发文字号, centred above the title."""

    def title(self, *lines: str, note: str = "") -> None:
        """The title, a line each, and below it a note."""

    def addressee(self, text: str) -> None:
        """主送机关, flush left."""

    def heading(self, text: str) -> None:
        """一、 in 黑体, numbered here."""

    def subheading(self, text: str) -> None:
        """（一） in 楷体, numbered here."""

    def body(self, text: str, *, keep: bool = False) -> None:
        """A paragraph; ``keep``: with what follows."""

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
        """A table whose heading row repeats on each page."""

    def chart(self, svg: str, alt: str) -> None:
        """A drawing. Word leaves it out: the table beside it says the same and can be edited."""

    def remark(self, text: str) -> None:
        """A remark in small print."""

    def sign(self, issuer: str, day: str) -> None:
        """Issuer and day."""

    def contact(self, text: str) -> None:
        """附注 in brackets: whom to ask."""

    def attachments(self, *names: str) -> None:
        """附件说明, below the text."""

    def attachment(self, label: str, title: str) -> None:
        """An attachment on a page of its own."""

    def colophon(self, copies: str, printer: str, day: str) -> None:
        """版记: who gets copies, who prints it, when."""
