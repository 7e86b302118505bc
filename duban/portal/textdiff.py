"""Two versions of a text with what went and what came, as ``<del>`` and ``<ins>``. Pure.

The work is bounded by the size of what is compared, never by the clock: first whole clauses are compared,
then the characters of the few that changed; what is too long for that is shown as gone and as new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from markupsafe import Markup, escape

_CLAUSE = re.compile(r"[^，。；！？、\n]*[，。；！？、\n]|[^，。；！？、\n]+")
MOST_CLAUSES = 250
"""More clauses than this in either text are not matched with each other."""
MOST_CHARS = 160
"""Longer changed stretches are not looked into."""
_LEAST_COMMON = 30  # per cent of characters in common; below, a stretch was written anew


def compared(old: str, new: str) -> tuple[Markup, Markup]:
    """The old text with ``<del>`` around what went, the new one with ``<ins>`` around what came."""
    before, after = Markup(), Markup()
    for gone, came in _changes(_CLAUSE.findall(old), _CLAUSE.findall(new)):
        if gone == came:
            before, after = before + escape(gone), after + escape(came)
        else:
            left, right = _inside(gone, came)
            before, after = before + left, after + right
    return before, after


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Stretches of both texts in order; equal ones are unchanged."""
    if max(len(old), len(new)) > MOST_CLAUSES:
        yield "".join(old), "".join(new)
        return
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            yield from zip(old[a:b], new[c:d], strict=True)
        else:
            yield "".join(old[a:b]), "".join(new[c:d])


def _inside(gone: str, came: str) -> tuple[Markup, Markup]:
    if not gone or not came or max(len(gone), len(came)) > MOST_CHARS:
        return _marked("del", gone), _marked("ins", came)
    matcher = SequenceMatcher(None, gone, came, autojunk=False)
    blocks = matcher.get_matching_blocks()
    common = sum(block.size for block in blocks)
    if 200 * common < _LEAST_COMMON * (len(gone) + len(came)):
        return _marked("del", gone), _marked("ins", came)
    before, after = Markup(), Markup()
    for what, a, b, c, d in matcher.get_opcodes():
        if what == "equal":
            before, after = before + escape(gone[a:b]), after + escape(came[c:d])
        else:
            before, after = before + _marked("del", gone[a:b]), after + _marked("ins", came[c:d])
    return before, after


def _marked(tag: str, text: str) -> Markup:
    return Markup("<{0}>{1}</{0}>").format(Markup(tag), text) if text else Markup()
