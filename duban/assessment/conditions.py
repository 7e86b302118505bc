"""What expressions may name: of one fact, or of all facts of a unit together; and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from duban.assessment.amounts import percent_text, ratio_text
from duban.assessment.expression import parse, plain
from duban.assessment.measured import Measured, measure
from duban.assessment.model import Case, Fact, UnitEntry
from duban.assessment.operations import OTHER, Expression, ExpressionError, Name, Type, Value
from duban.yamltext import Row

_TEXTS = {
    "level": "级别",
    "matter": "事项",
    "title": "题名",
    "task": "任务",
    "role": "角色",
    "counted_in": "计量单位",
}
_GROUP = {"group": Name(Type.TEXT, "组别")}
_COUNT = {"count": Name(Type.COUNT, "次数")}
_MEASURED = {
    "target": Name(Type.COUNT, "目标", 6),
    "done": Name(Type.COUNT, "完成", 6),
    "short": Name(Type.COUNT, "差额", 6),
    "over": Name(Type.COUNT, "超额", 6),
    "rate": Name(Type.PERCENT, "完成率", None),
}
_DAYS = {"days": Name(Type.DAYS, "工作日数")}
_GIVEN = {"given": Name(Type.POINTS, "评定分", 6)}
_OWN: Mapping[str, Mapping[str, Name]] = {
    "indicator": _MEASURED,
    "completion": _MEASURED,
    "late": _DAYS,
    "missing": _DAYS,
    "judged": _GIVEN,
}
_MANY = {"facts": Name(Type.COUNT, "事实条数"), "matters": Name(Type.COUNT, "事项数")}


def names_of(kind: str) -> Mapping[str, Name]:
    """What may be named of one fact of a kind."""
    texts = {key: Name(Type.TEXT, told) for key, told in _TEXTS.items()}
    return {**_COUNT, **_OWN.get(kind, {}), **texts, **_GROUP}


def unit_names(kind: str) -> Mapping[str, Name]:
    """What may be named of all facts of a unit together: sums, how many, and the group."""
    return {**_COUNT, **_MANY, **_OWN.get(kind, {}), **_GROUP} if kind != "none" else _GROUP


def fact_env(fact: Fact, unit: UnitEntry) -> dict[str, Value]:
    """The values of one fact."""
    texts: dict[str, Value] = {key: plain(str(getattr(fact, key))) for key in _TEXTS}
    return {**texts, **_numbers([fact]), "group": plain(unit.group)}


def unit_env(case: Case) -> dict[str, Value]:
    """The values of all facts of a unit, and the points of the rules referred to."""
    named = {fact.matter or fact.id for fact in case.facts}
    return {
        **_numbers(case.facts),
        "facts": Fraction(len(case.facts)),
        "matters": Fraction(len(named)),
        "group": plain(case.unit.group),
        **other_env(case),
    }


def other_env(case: Case) -> dict[str, Value]:
    """The points of other rules."""
    return {OTHER + key: Fraction(found.millipoints, 1000) for key, found in case.others.items()}


def _numbers(facts: Sequence[Fact]) -> dict[str, Value]:
    numbers: dict[str, Value] = {
        "count": Fraction(sum(fact.count for fact in facts)),
        "days": Fraction(sum(fact.days or 0 for fact in facts)),
        "given": sum((Fraction(fact.done or 0) for fact in facts), Fraction(0)),
    }
    return {**numbers, **_measured(facts)}


def _measured(facts: Iterable[Fact]) -> dict[str, Value]:
    """Sums of targets and results; the rate is that of the sums."""
    found = [measure(_whole(fact), "normal", "zero") for fact in facts]
    known = [each for each in found if isinstance(each, Measured)]
    whole = Measured(
        sum(each.target for each in known), sum(each.done for each in known), reverse=False
    )
    top, bottom = whole.rate
    return {
        "target": Fraction(whole.target, 1_000_000),
        "done": Fraction(whole.done, 1_000_000),
        "short": Fraction(max(-whole.gain, 0), 1_000_000),
        "over": Fraction(max(whole.gain, 0), 1_000_000),
        "rate": Fraction(top, bottom),
    }


def _whole(fact: Fact) -> Fact:
    whole = fact.kind == "completion" and fact.target is None
    return replace(fact, target=Decimal(1)) if whole else fact


def read_expression(
    row: Row, key: str, names: Mapping[str, Name], kinds: Sequence[Type], *, required: bool
) -> Expression | None:
    """The expression under a key; mistakes go to the row's issues with the line and the way out."""
    raw = row.text(key, required=required)
    if not raw:
        return None
    try:
        found = parse(raw, names)
        if found.type not in kinds:
            raise ExpressionError(f"结果是“{found.type}”，这里要“{kinds[0]}”。", _WAYS[kinds[0]])
    except ExpressionError as problem:
        row.issues.error(
            "expression", row.place_of(key), f"“{key}”：{problem.message}", problem.way_out
        )
        return None
    return found


_WAYS = {
    Type.POINTS: "乘上每件（次、日、百分点）几分，如 0.5分 * count。",
    Type.BOOL: "写成比较，如 rate < 60%。",
}


def told(expression: Expression, names: Mapping[str, Name], env: Mapping[str, Value]) -> str:
    """The values an expression used, in words: ``次数＝3，完成率＝55%``."""
    parts = [f"{names[key].told}＝{_text(names[key], env[key])}" for key in expression.names]
    parts += [f"条款{ref}得分＝{_number(env[OTHER + ref])}" for ref in expression.refs]
    return "，".join(parts)


def _text(name: Name, value: Value) -> str:
    if name.type is Type.PERCENT and isinstance(value, Fraction):
        return percent_text(value.numerator, value.denominator)
    return _number(value)


def _number(value: Value) -> str:
    if isinstance(value, Fraction):
        return ratio_text(value.numerator, value.denominator)
    return f"“{value}”"
