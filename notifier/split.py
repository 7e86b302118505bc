"""Splits text for channels that limit bytes, without losing a character."""

from __future__ import annotations

import re
from dataclasses import replace

from duban.ledger.outbox import Letter

_MARK_BYTES = 24  # room for "（12/34）\n"
_BREAKS = (
    re.compile(r"\n\n+"),
    re.compile(r"\n"),
    re.compile(r"[。！？；]"),
    re.compile(r"[，、\s]"),
)


def split_bytes(text: str, limit: int) -> list[str]:
    """Pieces of at most ``limit`` bytes of UTF-8 whose concatenation is the text.

    Cuts at the last paragraph, line, sentence or comma that fits, else between characters; never
    before a combining mark, a variation selector or a joiner. Raises ValueError below 16 bytes.
    """
    if limit < 16:
        msg = f"limit of {limit} bytes is too small to hold a character with its marks"
        raise ValueError(msg)
    pieces: list[str] = []
    rest = text
    while len(rest.encode()) > limit:
        cut = _cut(rest, limit)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    return [*pieces, rest] if rest or not pieces else pieces


def _cut(text: str, limit: int) -> int:
    """How many characters the next piece takes."""
    fits = len(text.encode()[:limit].decode("utf-8", "ignore"))
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(text, 0, fits)]
        # A cut in the first half would make many small pieces: a finer break is better.
        if ends and ends[-1] * 2 >= fits:
            return ends[-1]
    cut = fits
    while cut > 1 and _clings(text[cut]):
        cut -= 1
    return cut if cut > 1 else fits


def _clings(char: str) -> bool:
    """Whether a character belongs to the one before it."""
    return char in "\u200d\ufe0e\ufe0f" or "\u0300" <= char <= "\u036f" or "🏻" <= char <= "🏿"


def parts(letter: Letter, limit: int) -> list[Letter]:
    """The letter as letters whose text fits ``limit`` bytes, each with an id of its own.

    Split before queueing: if part 3 fails, only part 3 is sent again. 0: no limit.
    """
    if not limit or len(letter.text.encode()) <= limit:
        return [letter]
    pieces = split_bytes(letter.text, limit - _MARK_BYTES)
    total = len(pieces)
    return [
        replace(letter, id=f"{letter.id}#{n}/{total}", text=f"（{n}/{total}）\n{piece}")
        for n, piece in enumerate(pieces, 1)
    ]
