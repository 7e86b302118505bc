"""One neutral table for every kind of file: cells as shown text, merged ranges, and where each stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from duban.intake.layout import cell_name

Range = tuple[int, int, int, int]
"""First row, first column, last row, last column of a merged range, counted from 0, ends included."""


@dataclass(slots=True)
class Grid:
    """A sheet or a Word table. ``rows``: shown text, the merged value only in its first cell.

    ``kinds``: which cells hold a date or a formula, by row and column; ``numbers``: the rows of each
    column in which a number stands.
    ``notes``: what the reader had to do to show a cell as text. ``shown_as``: the file's name.
    """

    name: str
    rows: list[list[str]]
    merges: list[Range] = field(default_factory=list)
    kinds: dict[tuple[int, int], str] = field(default_factory=dict)
    numbers: dict[int, set[int]] = field(default_factory=dict)
    notes: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden: bool = False
    veiled: bool = False  # formulas and date formats of this file cannot be seen (.xls)
    knows_merges: bool = True
    numbered: bool = (
        True  # whether cells have names a clerk can find (B4); a Word table has rows only
    )
    heading: str = ""  # what stands above a Word table
    tame: set[int] = field(default_factory=set)  # rows of which is_tame() is known to be true

    def text(self, row: int, column: int) -> str:
        """The text of a cell; empty outside."""
        if row >= len(self.rows):
            return ""
        cells = self.rows[row]
        return cells[column] if 0 <= column < len(cells) else ""

    def kind(self, row: int, column: int) -> str:
        """What a cell was when it was not text: date, number or formula; empty for text."""
        found = self.kinds.get((row, column))
        return found or ("number" if row in self.numbers.get(column, ()) else "")

    def place(self, row: int, column: int) -> str:
        """Where a cell stands, as a clerk finds it: ``B4``, or 第4行第2列 in Word."""
        if self.numbered:
            return f"{_letters(max(column, 0))}{row + 1}"
        return f"第{row + 1}行第{max(column, 0) + 1}列"

    @property
    def width(self) -> int:
        """Columns of the widest row."""
        return max(map(len, self.rows), default=0)

    def filled_rows(self) -> Iterator[int]:
        """Rows in which something stands."""
        for number, cells in enumerate(self.rows):
            if any(cells):
                yield number


_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u2064\ud800-\udfff\ufeff\ufffe\uffff]"
)
_DIRTY = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202f\u2060-\u2064\ud800-\udfff\ufeff\ufffe\uffff]|_x00"
)
_MARKS = re.compile(r"_x000[0-9A-Fa-f]_")


def clean(text: str) -> str:
    """Text without control characters, with plain line ends and no blanks around it."""
    if _DIRTY.search(text) is None:
        return text.strip()
    text = _MARKS.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\xa0", " ").replace("\u2028", "\n").replace("\u2029", "\n")
    return _CONTROL.sub("", text).strip()


_TAME = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fffA-Za-z0-9（）《》〔〕【】、，。；：？！·…—／％×～＋－+./_%()=*@&-]*"
)


@lru_cache(maxsize=1024)
def _letters(column: int) -> str:
    return cell_name(0, column)[:-1]


def is_tame(whole: str) -> bool:
    """Whether a row's texts, one after the other, hold no blank, quote, 同上 or mark that YAML knows."""
    return _TAME.fullmatch(whole) is not None and "同上" not in whole and "同前" not in whole


def clean_all(cells: list[str], whole: str = "") -> list[str]:
    """Every cell of a row clean; one search over the row finds out that most rows already are."""
    whole = whole or "".join(cells)
    if whole.isprintable() and " " not in whole and "_x00" not in whole:
        return cells  # no control character, no blank of any kind
    if _DIRTY.search(whole) is None:
        return [cell.strip() for cell in cells]
    return list(map(clean, cells))
