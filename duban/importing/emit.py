"""Writes YAML text that reads back letter for letter, in our own reader and in anybody else's.

A value stays plain only when no YAML reader could take it for anything but this text; all else is put
into double quotes, texts of several lines into a block. Comments are one line and cannot break out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_INNER = rf"[{_HAN}A-Za-z0-9（）《》“”‘’〔〕【】、，。；：？！·…—／％×～〇℃㎡＋－+./_%()=*@&-]*"
_PLAIN = re.compile(rf"(?:[{_HAN}A-Za-z（《“〔【]|[0-9]+[{_HAN}]){_INNER}")
_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"])
_BLOCK_LINE = re.compile(
    rf"(?:[{_HAN}A-Za-z0-9（《“〔【①-⑳][^\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff]*)?"
)
_BREAKS = re.compile("[\\s\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]')


def scalar(value: str) -> str:
    """A value on one line."""
    if _PLAIN.fullmatch(value) and not (len(value) < 6 and value.lower() in _WORDS):
        return value
    return f'"{_ESCAPED.sub(_escape, value)}"'


@lru_cache(maxsize=20_000)
def name(value: str) -> str:
    """A value that comes again and again (a unit, a deadline)."""
    return scalar(value)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return _ESCAPES.get(char) or f"\\u{ord(char):04X}"


def block(key: str, value: str, indent: str) -> str:
    """``key: value`` at an indent; several lines become a block that keeps them."""
    if "\n" not in value:
        return f"{indent}{key}: {scalar(value)}"
    lines = value.split("\n")
    tame = all(_BLOCK_LINE.fullmatch(line) and line == line.rstrip() for line in lines)
    if not tame or not lines[0] or not lines[-1]:
        return f"{indent}{key}: {scalar(value)}"
    body = "\n".join(f"{indent}  {line}" if line else "" for line in lines)
    return f"{indent}{key}: |-\n{body}"


def flow(values: Iterable[str]) -> str:
    """A list on one line."""
    return f"[{', '.join(map(name, values))}]"


@lru_cache(maxsize=20_000)
def remark(text: str) -> str:
    """A comment that comes again and again (a person, a remark)."""
    return comment(text)


def comment(text: str) -> str:
    """A comment on one line, without what could end it."""
    if text and " " not in text and text.isprintable():
        return f"# {text}"
    flat = _BREAKS.sub(" ", text).strip()
    return f"# {flat}" if flat else "#"
