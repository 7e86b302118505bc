"""Splits text for channels that limit bytes, without losing a character."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from duban.ledger.links import PLACEHOLDER
from duban.ledger.outbox import Letter

_TOKEN = f"{PLACEHOLDER:~<32}"  # as long as the token that takes its place on the way out
_MARK_BYTES = 24  # room for "（12/34）\n"
_JOINER = "\u200d"
_BREAKS = (
    re.compile(r"\n\n+"),
    re.compile(r"\n"),
    re.compile(r"[。！？；]"),
    re.compile(r"[，、\s]"),
)
# A link or a bold phrase cut in two would be markup in neither half.
_WHOLE = re.compile(
    r"\[[^\[\]\n]{1,80}\]\([^()\s]{1,400}\)|https?://[^\s]{1,400}|\*\*[^*\n]{1,200}\*\*"
)


def split_bytes(text: str, limit: int) -> list[str]:
    """Pieces of at most ``limit`` bytes of UTF-8 whose concatenation is the text.

    Cuts at the last paragraph, line, sentence or comma that fits, else between characters; never
    before a combining mark, a variation selector or a joiner, and not inside a link or a bold phrase
    that fits a piece. Raises ValueError below 16 bytes.
    """
    if limit < 16:
        msg = f"limit of {limit} bytes is too small to hold a character with its marks"
        raise ValueError(msg)
    pieces: list[str] = []
    start = 0
    while len(_encoded(text[start : start + limit + 1])) > limit:
        cut = _cut(text[start : start + limit + 600], limit)
        pieces.append(text[start : start + cut])
        start += cut
    rest = text[start:]
    return [*pieces, rest] if rest or not pieces else pieces


def _encoded(text: str) -> bytes:
    """UTF-8; a lone surrogate, which no rendered message holds, counts three bytes like its neighbours."""
    return text.encode("utf-8", "surrogatepass")


def _cut(text: str, limit: int) -> int:
    """How many characters the next piece takes; ``text`` is at least a byte longer than ``limit``."""
    fits = _fitting(text, limit)
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(text, 0, fits)]
        # A cut in the first half would make many small pieces: a finer break is better.
        if ends and ends[-1] * 2 >= fits:
            return _outside(text, ends[-1])
    cut = _outside(text, fits)
    while cut > 1 and _clings(text, cut):
        cut -= 1
    return cut if cut > 1 else fits


def _fitting(text: str, limit: int) -> int:
    """How many characters at the start fit: the bytes of a character begun but not ended are left off."""
    raw = _encoded(text[:limit])[: limit + 1]
    end = min(limit, len(raw))
    while end < len(raw) and raw[end] & 0xC0 == 0x80:
        end -= 1
    return len(raw[:end].decode("utf-8", "surrogatepass"))


def _outside(text: str, cut: int) -> int:
    """The cut, moved before the link or bold phrase that it falls into, unless that begins the piece."""
    for found in _WHOLE.finditer(text):
        if found.start() < cut < found.end():
            return found.start() or cut
    return cut


def _clings(text: str, cut: int) -> bool:
    """Whether the character after a cut belongs to the one before it."""
    char = text[cut]
    return (
        char in "\u200d\ufe0e\ufe0f"
        or text[cut - 1] == _JOINER
        or "🏻" <= char <= "🏿"
        or unicodedata.category(char) in {"Mn", "Me", "Mc"}
    )


def parts(letter: Letter, limit: int) -> list[Letter]:
    """The letter as letters whose text fits ``limit`` bytes, each with an id of its own.

    Split before queueing: if part 3 fails, only part 3 is sent again. Attachments go with the first. 0: no
    limit.
    """
    text = letter.text.replace(PLACEHOLDER, _TOKEN)
    if not limit or len(_encoded(text)) <= limit:
        return [letter]
    pieces = split_bytes(text, limit - _MARK_BYTES)
    total = len(pieces)
    return [
        replace(
            letter,
            id=f"{letter.id}#{n}/{total}",
            text=f"（{n}/{total}）\n{piece.replace(_TOKEN, PLACEHOLDER)}",
            html="",
            attachments=letter.attachments if n == 1 else (),
        )
        for n, piece in enumerate(pieces, 1)
    ]
