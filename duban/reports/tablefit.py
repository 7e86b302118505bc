"""How many lines a cell takes and which rows share a printed page: reckoned, for no printer can be asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_NOT_FIRST = "、，。；：！？）》」』】”’％%…·"
_NOT_LAST = "（《「『【“‘"
# What a line may not part: a number or Latin word, or one character; each with the marks that cling to it.
_PIECE = re.compile(rf"[{_NOT_LAST}]*(?:[0-9A-Za-z.]+|.)[{_NOT_FIRST}]*", re.DOTALL)


def lines_needed(parts: Iterable[str], width: float) -> int:
    """Lines that paragraphs take in a column of so many digits; a Chinese character is two digits wide."""
    room = max(int(width), 4)
    return sum(_lines(line, room) for part in parts for line in part.split("\n"))


def _lines(text: str, room: int) -> int:
    """Lines of one paragraph: a line takes pieces while they fit, as a word processor does."""
    lines, filled = 1, 0.0
    for piece in _PIECE.findall(text):
        # Word sets a quarter of a character between Chinese and a number, on both its sides.
        size = wide(piece) + (1 if piece[0].isascii() else 0)
        if filled + size > room and filled:
            lines, filled = lines + 1, 0.0
        filled += size
        while filled > room:  # a piece longer than a line is parted after all
            lines, filled = lines + 1, filled - room
    return lines


def wide(text: str) -> float:
    """The width of a text in digits: a Chinese character is two, a capital one and a half."""
    return sum(
        2 if unicodedata.east_asian_width(char) in "WFA" else 1.5 if char.isupper() else 1
        for char in text
    )


def split_pages(
    heights: Sequence[float], *, first: float, later: float, room: float
) -> list[range]:
    """Rows by printed page. ``first`` and ``later``: what heads take on the first and on later pages.

    All in one unit. A row higher than a page has a page of its own.
    """
    pages: list[range] = []
    start, filled = 0, first
    for number, height in enumerate(heights):
        if filled + height > room and number > start:
            pages.append(range(start, number))
            start, filled = number, later
        filled += height
    return [*pages, range(start, len(heights))]
