"""Makes text that others wrote harmless in each medium: it stays text, whatever it holds.

Titles, reasons and reports come from units. No control or direction-turning character survives, no text
becomes a link, a mention or markup. What the office itself configured (``Own``) keeps its address.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

MAX_CHARS = 2000  # of one value: a report may be long, a notice is not the place for all of it
MAX_MARKS = 3  # combining marks on one character: more of them only smear the lines above and below
_WEEKDAYS = "一二三四五六日"
# Bots are not full CommonMark and backslash escapes are not sure to work: look-alikes always do.
_LOOKALIKES = str.maketrans({char: chr(ord(char) + 0xFEE0) for char in "\\`*_{}[]()#+!|<>~@&"})
_LIST_MARK = re.compile(r"^(?:[-=] ?|[0-9]{1,9}\. )")
# A dot before what looks like the end of a host name; version and decimal numbers have none.
_HOST_DOT = re.compile(r"(?<=[A-Za-z0-9-])[.\uff0e\uff61](?=[A-Za-z]{2,24}(?![A-Za-z0-9]))")
_LINK = re.compile(r"https?://[^\s\"'<>`\\()\[\]]+", re.IGNORECASE)
_ADDRESS = re.compile(r"(https?://\S+)")
# Colours and shapes stand beside the word: a lamp must be readable in print and to the colour-blind.
_LAMPS = (("红", "#b01c24", "■"), ("黄", "#8a5a00", "▲"), ("绿", "#176b3a", "●"))


class Clean(str):
    """Text that is harmless in its medium already."""

    __slots__ = ()


class Own(str):
    """Text of the office's own settings: kept free of control characters, but its address may stay one."""

    __slots__ = ()


def plain(value: object) -> str:
    """One line of text without control, zero-width or direction-turning characters."""
    text = str(value)
    if len(text) > MAX_CHARS:
        text = text[: MAX_CHARS - 1] + "…"
    if text.isascii() and text.isprintable():  # nothing to take out
        return " ".join(text.split())
    return " ".join("".join(_kept(text)).split())


def _kept(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for char in text:
        kind = unicodedata.category(char)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if kind == "Cf" or marks > MAX_MARKS:
            continue
        kept.append(char if char.isprintable() else " ")
    return kept


def defanged(text: str) -> str:
    """Text in which no program finds an address to make a link of."""
    return _HOST_DOT.sub("·", text.replace("://", "：//"))


def said(value: object) -> Clean:
    """A value in a mail: one line, no link of its own."""
    if isinstance(value, Clean):
        return value
    return Clean(plain(value) if isinstance(value, Own) else defanged(plain(value)))


def md(value: object) -> Clean:
    """Text that no bot takes for markup, a link or a mention: signs become full-width look-alikes."""
    text = plain(value) if isinstance(value, Own) else defanged(plain(value))
    return Clean(_LIST_MARK.sub(_wide, text.translate(_LOOKALIKES)).replace("://", "：//"))


def _wide(found: re.Match[str]) -> str:
    """A sign that would begin a list or underline a heading, in full width."""
    return "".join(chr(ord(char) + 0xFEE0) if char in "-=." else char for char in found[0])


def chat(value: object) -> Clean:
    """A value in a chat message."""
    return value if isinstance(value, Clean) else md(value)


def href(value: object) -> Clean:
    """An address that is safe in a link: http or https without blanks, quotes or brackets, else empty."""
    text = str(value).replace("(", "%28").replace(")", "%29")
    return Clean(text if _LINK.fullmatch(text) and text.isascii() else "")


def md_lines(text: str) -> str:
    """Plain text of several lines as Markdown that says the same; addresses stay addresses."""
    return "\n".join(
        "".join(href(part) or md(part) for part in _ADDRESS.split(line))
        for line in text.splitlines()
    )


def day_text(day: date) -> str:
    """2026年11月23日（星期一）."""
    return f"{day.year}年{day.month}月{day.day}日（星期{_WEEKDAYS[day.weekday()]}）"


def lamp_colour(word: str) -> str:
    """The ink of a lamp's word."""
    return next((ink for sign, ink, _ in _LAMPS if sign in word), "#555555")


def lamp_text(word: str) -> str:
    """A lamp as shape and word."""
    shape = next((shape for sign, _, shape in _LAMPS if sign in word), "○")
    return f"{shape}{plain(word)}" if word else ""
