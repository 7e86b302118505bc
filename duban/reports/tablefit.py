"""How many lines a cell takes and which rows share a printed page: reckoned, for no printer can be asked."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence


def lines_needed(parts: Iterable[str], width: float) -> int:
    """Lines that paragraphs take in a column of so many digits; a Chinese character is two digits wide.

    One digit of the width goes to the cell's edges, and one to lines that end early because the next may
    not begin with 、or 。.
    """
    room = max(int(width) - 2, 2)
    return sum(max(1, -(-wide(line) // room)) for part in parts for line in part.split("\n"))


def wide(text: str) -> int:
    """The width of a text in digits."""
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in text)


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
