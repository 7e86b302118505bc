"""The expression language: typed, exact, total, bounded; no way out of it into Python."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.assessment.expression import MAX_LENGTH, parse
from duban.assessment.operations import ExpressionError, Name, Type, Value

NAMES = {
    "count": Name(Type.COUNT, "次数"),
    "done": Name(Type.COUNT, "完成", 6),
    "target": Name(Type.COUNT, "目标", 6),
    "rate": Name(Type.PERCENT, "完成率", None),
    "days": Name(Type.DAYS, "工作日数"),
    "level": Name(Type.TEXT, "级别"),
}
ENV: dict[str, Value] = {
    "count": Fraction(12),
    "done": Fraction(3),
    "target": Fraction(0),
    "rate": Fraction(55, 100),
    "days": Fraction(2),
    "level": "市级",
    "@A-1": Fraction(-3),
}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("min(5, 0.5 * count)", Type.NUMBER, 5),
        ("0.5分 * count", Type.POINTS, 6),
        ("-0.5 * (count - 2)", Type.NUMBER, -5),
        ("10分 * rate", Type.POINTS, Fraction(11, 2)),
        ("whole((100% - rate) / 1%) * 0.2分", Type.POINTS, 9),
        ("up((100% - rate) / 2%) * 0.2分", Type.POINTS, Fraction(46, 10)),
        ("-0.1分 * days", Type.POINTS, Fraction(-2, 10)),
        ("if(rate >= 100%, 15分, if(rate >= 50%, 9分, 0))", Type.POINTS, 9),
        ("div(done, target, 0)", Type.PERCENT, 0),
        ("div(target, done, 100%)", Type.PERCENT, 0),
        ("points_of('A-1') * 50%", Type.POINTS, Fraction(-3, 2)),
        ("max(0, rate - 60%)", Type.PERCENT, 0),
        ("1/3 * count", Type.NUMBER, 4),
        ("rate < 60% and level == '市级'", Type.BOOL, True),
        ("完成率＜60% 且 级别 == “市级”", Type.BOOL, True),
        ("如果（完成率≥50%，1分，0）", Type.POINTS, 1),
        ("level in ('省级', '市级') and not count > 20", Type.BOOL, True),
        ("count > 1次 or days > 5个工作日", Type.BOOL, True),
        ("level != '市级'", Type.BOOL, False),
        ("2 + 3 * 4 - 6 / 2", Type.NUMBER, 11),
        ("(2 + 3) * 4", Type.NUMBER, 20),
        ("whole(-2.5)", Type.NUMBER, -2),
        ("up(-2.5)", Type.NUMBER, -3),
    ],
)
def test_what_it_means(text: str, kind: Type, value: Value) -> None:
    found = parse(text, NAMES)
    assert (found.type, found.run(ENV)) == (kind, value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rate < 60", "不能和“纯数”比较"),
        ("5分 + rate", "相加减"),
        ("count + days", "相加减"),
        ("count * count", "没有意义"),
        ("0.5分 * 2分", "没有意义"),
        ("level + 1", "文字"),
        ("rate and level", "是否"),
        ("if(rate > 1%, 1分, 2%)", "互相代替"),
        ("done / target", "除数可能是 0"),
        ("1 / 0", "除数是 0"),
        ("1 / (0.5 - 0.5)", "除数是 0"),
        ("div(1, 2)", "div 要3项"),
        ("whole(rate)", "取整"),
        ("countt", "没有“countt”"),
        ("eval('1')", "没有“eval”"),
        ("().__class__", "读不懂"),
        ("count.real", "读不懂"),
        ("lambda: 1", "读不懂"),
        ("[1, 2]", "读不懂"),
        ("1e6", "读不懂"),
        ("0.0000001", "不是数"),
        ("9" * 20, "不是数"),
        ("2 ** 9", "少了一个数"),
        ("(1 + 2", "少了“)”"),
        ("1 + 2)", "放错了位置"),
        ("level = '市级'", "不是比较"),
        ("(" * 40 + "1" + ")" * 40, "层以上"),
        ("1" + "+1" * MAX_LENGTH, "个字符"),
        ("level in (市级)", "加引号"),
        ("", "少了一个数"),
    ],
)
def test_what_it_refuses_and_the_way_out(text: str, words: str) -> None:
    with pytest.raises(ExpressionError) as told:
        parse(text, NAMES)
    assert words in told.value.message
    assert told.value.way_out


def test_a_misspelt_name_is_suggested() -> None:
    with pytest.raises(ExpressionError) as told:
        parse("countt < 60", NAMES)
    assert "是不是“count”" in told.value.way_out


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("0.5 * count", 1),
        ("0.5 * done", 7),
        ("0.25 * count + 0.5", 2),
        ("10分 * rate", None),
        ("count / 4 * 1分", None),
        ("whole(count / 4) * 0.5分", 1),
        ("60% * 0.5分", 3),
    ],
)
def test_how_fine_a_result_can_be_is_known_before_scoring(text: str, digits: int | None) -> None:
    assert parse(text, NAMES).digits == digits


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.%分件 +-*/()<>=,'countdeyrlisminxfuwh率级且或非", max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    """Any text is read or refused in words; what is read gives a value."""
    try:
        found = parse(text, NAMES)
    except ExpressionError as problem:
        said = (problem.message, problem.way_out)
        assert all(said)  # either outcome is right, a silent refusal is not
    else:
        assert isinstance(
            found.run({**ENV, **dict.fromkeys(found.refs, Fraction(0))}), Fraction | str | bool
        )


NUMBERS = st.integers(0, 99).map(str)
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(
        lambda three: f"({three[0]} {three[1]} {three[2]})"
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(SUMS)
def test_arithmetic_is_exact(text: str) -> None:
    assert parse(text, NAMES).run(ENV) == _reference(text)


def _reference(text: str) -> int:
    """The value of a fully bracketed text, worked out from the inside."""
    import re

    while not re.fullmatch(r"-?\d+", text):
        inner = re.search(r"\((-?\d+) ([-+*]) (-?\d+)\)", text)
        assert inner is not None
        left, right = int(inner[1]), int(inner[3])
        value = {"+": left + right, "-": left - right, "*": left * right}[inner[2]]
        text = text[: inner.start()] + str(value) + text[inner.end() :]
    return int(text)


def test_the_longest_expression_is_quick() -> None:
    text = "1" + "+1" * ((MAX_LENGTH - 1) // 2)
    assert parse(text, NAMES).run(ENV) == (MAX_LENGTH - 1) // 2 + 1
