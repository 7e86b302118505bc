"""What changed between two texts: nothing is lost, nothing becomes markup, and it is never slow."""

from __future__ import annotations

import html
import random
import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from duban.portal.textdiff import compared


def stripped(marked: str) -> str:
    return html.unescape(re.sub(r"</?(?:ins|del)>", "", marked))


@settings(max_examples=60, deadline=None)
@given(st.text("调解3件，。<&a\n", max_size=60), st.text("调解5件，。<&a\n", max_size=60))
def test_both_texts_are_there_in_full(old: str, new: str) -> None:
    before, after = compared(old, new)
    assert (stripped(before), stripped(after)) == (old, new)
    assert "<ins>" not in before
    assert "<del>" not in after
    assert (old == new) == ("<del>" not in before and "<ins>" not in after)


def test_only_what_changed_is_marked() -> None:
    before, after = compared("调解3件，结案2件。", "调解5件，结案2件。")
    assert before == "调解<del>3</del>件，结案2件。"
    assert after == "调解<ins>5</ins>件，结案2件。"


def test_markup_of_a_unit_stays_text() -> None:
    _, after = compared("", "<script>alert(1)</script>")
    assert after == "<ins>&lt;script&gt;alert(1)&lt;/script&gt;</ins>"


def test_hostile_texts_cost_little() -> None:
    chance = random.Random(7)
    noise = ["".join(chance.choice("甲，") for _ in range(2000)) for _ in range(2)]
    clauses = ["".join(chance.choice(["甲，", "乙，"]) for _ in range(250)) for _ in range(2)]
    few = ["".join(chance.choice("甲乙") for _ in range(150)) for _ in range(2)]
    pairs = [
        noise,
        clauses,
        few,
        ["，" * 2000, "。" * 2000],
        ["甲" * 2000, "甲" * 1999],
        ["甲，" * 1000, "乙，" * 1000],
    ]
    started = time.process_time()
    for old, new in pairs:
        compared(old, new)
    assert time.process_time() - started < 1.5
