"""Brings a deadline phrase to one spelling: half-width, no blanks, digits for Chinese numerals. Pure.

Nothing is guessed: what has two readings (一二月, 七八个, a blank between two digits) is left as it is,
so that the grammar, which must consume the whole phrase, abstains.
"""

from __future__ import annotations

import re

_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SPELLING = str.maketrans(
    {
        **{chr(code): chr(half) for code, half in _HALF_WIDTH.items()},
        **dict.fromkeys("–—―−‐‑‒─", "-"),
        **dict.fromkeys("〜∼", "~"),
        **dict.fromkeys("“”‘’「」『』\"'", None),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", None),
        "﹕": ":",
        "〔": "(",
        "〕": ")",
    }
)
_BLANKS = re.compile(r"(?<![0-9])\s+|\s+(?![0-9])")
_DIGITS = {char: str(value) for value, char in enumerate("零一二三四五六七八九")} | {
    "〇": "0",
    "○": "0",
    "两": "2",
}
_NUMERAL = r"[〇○零一二三四五六七八九十百廿两]+"
_UNITS = (
    r"年|月|日|号|天|个|季|周|星期|时|点|分|家|件|项|户|次|人|名|亩|批|场|所|处|座|份|篇|期|条|"
    r"工作日|自然日"
)
_COUNTED = re.compile(rf"{_NUMERAL}(?=(?:{_UNITS})|[-~至到、](?:{_NUMERAL}|[0-9]+)(?:{_UNITS}))")
_YEAR_DIGITS = 4


def tidy(phrase: str) -> str:
    """The phrase in half-width, without blanks, with digits where a number has one reading."""
    text = phrase.translate(_SPELLING).strip()
    text = _BLANKS.sub("", text)
    text = re.sub(r"-{2,}", "-", text).replace("元月", "1月").replace("廿", "二十")
    text = _COUNTED.sub(_as_digits, text)
    return text.strip("。;,、.")


def _as_digits(match: re.Match[str]) -> str:
    numeral = match[0]
    value = number(numeral)
    if value is not None:
        return str(value)
    is_year = len(numeral) == _YEAR_DIGITS and match.string[match.end() :].startswith("年")
    if is_year and all(char in _DIGITS and char != "两" for char in numeral):
        return "".join(_DIGITS[char] for char in numeral)
    return numeral


def number(numeral: str) -> int | None:
    """A Chinese numeral below a thousand (二十, 三百零五, 两); None when it has no one reading."""
    if len(numeral) == 1 and numeral in _DIGITS:
        return int(_DIGITS[numeral])
    hundreds, found, rest = numeral.partition("百")
    if not found:
        return _below_hundred(numeral)
    if len(hundreds) != 1 or hundreds not in _DIGITS:
        return None
    if not rest:
        return int(_DIGITS[hundreds]) * 100
    if rest.startswith("零"):
        rest, needs_ten = rest[1:], False
    else:
        needs_ten = True  # 一百二 is a hundred and twenty to some: no one reading
    if needs_ten != ("十" in rest) or not rest:
        return None
    small = _below_hundred(rest) if "十" in rest else number(rest)
    return None if small is None else int(_DIGITS[hundreds]) * 100 + small


def _below_hundred(numeral: str) -> int | None:
    tens, found, ones = numeral.partition("十")
    if not found or len(tens) > 1 or len(ones) > 1:
        return None
    if not all(char in "一二三四五六七八九" for char in tens + ones):
        return None
    return int(_DIGITS[tens or "一"]) * 10 + int(_DIGITS[ones or "零"])
