"""Types and operations of the expression language: what may be added, compared, multiplied, divided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from duban.assessment.amounts import read_quantity

Value = Fraction | str | bool
Env = Mapping[str, Value]
OTHER = "@"  # before the id of another rule whose points are used


class Type(StrEnum):
    """What a value counts; its value is the Chinese word in messages."""

    NUMBER = "纯数"
    POINTS = "分"
    COUNT = "件（次）数"
    PERCENT = "百分数"
    DAYS = "工作日数"
    TEXT = "文字"
    BOOL = "是否"


@dataclass(frozen=True, slots=True)
class Name:
    """A name that an expression may use: its type, its Chinese name, its decimals at most."""

    type: Type
    told: str
    digits: int | None = 0


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. ``refs``: ids of the rules whose points it uses; ``const``: its fixed value."""

    text: str
    type: Type
    digits: int | None
    run: Callable[[Env], Value]
    names: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    const: Fraction | None = None

    def number(self, env: Env) -> Fraction:
        """The value of a numeric expression."""
        value = self.run(env)
        return value if isinstance(value, Fraction) else Fraction(0)

    def holds(self, env: Env) -> bool:
        """Whether a condition holds."""
        return self.run(env) is True


class ExpressionError(Exception):
    """What is wrong with an expression, in a sentence, and the way out."""

    def __init__(self, message: str, way_out: str) -> None:
        super().__init__(message)
        self.message, self.way_out = message, way_out


SUFFIXES: Mapping[str, Type] = {
    "%": Type.PERCENT, "个百分点": Type.PERCENT, "分": Type.POINTS, "件": Type.COUNT, "次": Type.COUNT,
    "个": Type.COUNT, "篇": Type.COUNT, "项": Type.COUNT, "个工作日": Type.DAYS, "工作日": Type.DAYS,
}  # fmt: skip


def made(
    kind: Type, digits: int | None, run: Callable[[Env], Value], *parts: Expression
) -> Expression:
    """An expression of some parts: its names, its references, and its value if it is fixed."""
    names = dict.fromkeys(name for part in parts for name in part.names)
    refs = dict.fromkeys(ref for part in parts for ref in part.refs)
    const = None
    if parts and kind not in {Type.TEXT, Type.BOOL} and all(p.const is not None for p in parts):
        value = run({})
        const = value if isinstance(value, Fraction) else None
    return Expression("", kind, digits, run, tuple(names), tuple(refs), const)


def constant(raw: str, suffix: str) -> Expression:
    """A number as written, with its unit. Raises ExpressionError when it is too long or too fine."""
    value = read_quantity(raw)
    if value is None or raw.endswith("."):
        raise ExpressionError(f"“{raw}”不是数。", "最多十二位整数、六位小数，如 0.5。")
    kind = SUFFIXES.get(suffix, Type.NUMBER)
    exponent = value.normalize().as_tuple().exponent
    digits = max(-exponent if isinstance(exponent, int) else 0, 0)
    exact = Fraction(value) / (100 if kind is Type.PERCENT else 1)
    percent = 2 if kind is Type.PERCENT else 0
    return Expression("", kind, digits + percent, lambda env: exact, const=exact)


def want(found: Expression, *kinds: Type) -> None:
    """Raise ExpressionError unless the expression is of one of these types."""
    if found.type not in kinds:
        raise ExpressionError(
            f"这里要“{'”或“'.join(kinds)}”，写的是“{found.type}”。", "检查名称和单位。"
        )


_NUMERIC = (Type.NUMBER, Type.POINTS, Type.COUNT, Type.PERCENT, Type.DAYS)


def _same(left: Expression, right: Expression, doing: str) -> Type:
    """The unit that both share; a plain number takes the other's unit, but never percent (except 0)."""
    want(left, *_NUMERIC)
    want(right, *_NUMERIC)
    if left.type is right.type:
        return left.type
    for number, other in ((left, right), (right, left)):
        if number.type is Type.NUMBER and (other.type is not Type.PERCENT or number.const == 0):
            return other.type
    hint = (
        "百分数写百分号，如 60%；几个百分点合几分要先折算，如 (100% - rate) / 1% * 0.2分。"
        if Type.PERCENT in {left.type, right.type}
        else "先乘上每件（次、日）几分，如 0.5分 * count。"
    )
    raise ExpressionError(f"“{left.type}”不能和“{right.type}”{doing}。", hint)


def _longer(*digits: int | None) -> int | None:
    known = [each for each in digits if each is not None]
    return max(known) if len(known) == len(digits) else None


def added(sign: str, left: Expression, right: Expression) -> Expression:
    """Sum or difference of two values of the same unit."""
    factor = 1 if sign == "+" else -1
    kind = _same(left, right, "相加减")
    return made(
        kind,
        _longer(left.digits, right.digits),
        lambda env: left.number(env) + factor * right.number(env),
        left,
        right,
    )


def times(left: Expression, right: Expression) -> Expression:
    """A product; points for each piece, a share of points, but never pieces times pieces."""
    want(left, *_NUMERIC)
    want(right, *_NUMERIC)
    digits = (
        None if None in {left.digits, right.digits} else (left.digits or 0) + (right.digits or 0)
    )
    return made(
        _product_type(left.type, right.type),
        digits,
        lambda env: left.number(env) * right.number(env),
        left,
        right,
    )


def _product_type(left: Type, right: Type) -> Type:
    kinds = {left, right}
    if kinds == {Type.PERCENT}:
        return Type.PERCENT
    if Type.POINTS in kinds and left is not right:
        return Type.POINTS
    if Type.PERCENT in kinds:
        return next(kind for kind in (left, right) if kind is not Type.PERCENT)
    if Type.NUMBER in kinds:  # so many for each: 0.5 * count
        return Type.NUMBER
    raise ExpressionError(f"“{left}”乘“{right}”没有意义。", "其中一个应是每件（次、日）几分。")


def over(left: Expression, right: Expression) -> Expression:
    """A quotient by a number that is surely not 0."""
    if right.const is None or right.const == 0:
        zero = right.const is not None
        raise ExpressionError(
            "除数是 0。" if zero else "除数可能是 0。",
            "改除数。" if zero else "写成 div(被除数, 除数, 除数为 0 时的值)；完成率直接用 rate。",
        )
    return _divided(left, right, None)


def _divided(left: Expression, right: Expression, otherwise: Expression | None) -> Expression:
    kind = _quotient_type(left, right)
    if otherwise is not None:
        _same(replace(left, type=kind, const=None), otherwise, "互相代替")

    def run(env: Env) -> Value:
        divisor = right.number(env)
        if divisor == 0:
            return otherwise.number(env) if otherwise else Fraction(0)
        return left.number(env) / divisor

    parts = (left, right) if otherwise is None else (left, right, otherwise)
    return made(kind, None, run, *parts)


def _quotient_type(left: Expression, right: Expression) -> Type:
    want(left, *_NUMERIC)
    want(right, *_NUMERIC)
    pair = left.type, right.type
    if left.type is right.type:
        return Type.NUMBER if left.type in {Type.NUMBER, Type.PERCENT} else Type.PERCENT
    if right.type in {Type.NUMBER, Type.PERCENT}:
        return left.type
    if pair in {(Type.POINTS, Type.COUNT), (Type.POINTS, Type.DAYS)}:
        return Type.POINTS
    if left.type is Type.NUMBER and right.type in {Type.COUNT, Type.DAYS}:
        return Type.NUMBER
    raise ExpressionError(f"“{left.type}”除以“{right.type}”没有意义。", "检查单位。")


def logic(
    left: Expression, right: Expression, fold: Callable[[Sequence[bool]], bool]
) -> Expression:
    """Both or either of two conditions."""
    want(left, Type.BOOL)
    want(right, Type.BOOL)
    return made(Type.BOOL, 0, lambda env: fold([left.holds(env), right.holds(env)]), left, right)


_TESTS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def compare(sign: str, left: Expression, right: Expression) -> Expression:
    """A comparison of two values of the same unit, or of two texts."""
    if left.type is right.type is Type.TEXT and sign in {"==", "!="}:
        wanted = sign == "=="
        return made(
            Type.BOOL, 0, lambda env: (left.run(env) == right.run(env)) is wanted, left, right
        )
    _same(left, right, "比较")
    test = _TESTS[sign]
    return made(Type.BOOL, 0, lambda env: test(left.number(env), right.number(env)), left, right)


def _arity(name: str, given: Sequence[Expression], *counts: int) -> None:
    if len(given) not in counts:
        raise ExpressionError(f"{name} 要{counts[0]}项，写了{len(given)}项。", "检查逗号和括号。")


def _extreme(name: str, given: Sequence[Expression]) -> Expression:
    _arity(name, given, 2, 3, 4, 5)
    pick = min if name in {"min", "最小"} else max
    found = given[0]
    for other in given[1:]:
        kind = _same(found, other, "比大小")
        found = made(
            kind, _longer(found.digits, other.digits), _both(pick, found, other), found, other
        )
    return found


def _both(
    pick: Callable[[Fraction, Fraction], Fraction], left: Expression, right: Expression
) -> Callable[[Env], Value]:
    return lambda env: pick(left.number(env), right.number(env))


def _choice(name: str, given: Sequence[Expression]) -> Expression:
    _arity(name, given, 3)
    test, yes, no = given
    want(test, Type.BOOL)
    kind = _same(yes, no, "互相代替")
    run: Callable[[Env], Value] = lambda env: (yes if test.holds(env) else no).number(env)  # noqa: E731 # one line says it
    return made(kind, _longer(yes.digits, no.digits), run, test, yes, no)


def _rounded(name: str, given: Sequence[Expression]) -> Expression:
    """Whole steps: what is left is dropped (``whole``) or counts as one (``up``)."""
    _arity(name, given, 1)
    (inner,) = given
    if inner.type is Type.PERCENT:
        raise ExpressionError(
            "百分数不能直接取整。", f"先折成百分点数，如 {name}((100% - rate) / 1%)。"
        )
    want(inner, *_NUMERIC)
    up = name in {"up", "进一"}
    return made(
        inner.type,
        0,
        lambda env: Fraction(_ceil(inner.number(env)) if up else int(inner.number(env))),
        inner,
    )


def _ceil(value: Fraction) -> int:
    """Away from zero, as 有尾数就进一 does by hand."""
    return -(-abs(value.numerator) // value.denominator) * (-1 if value < 0 else 1)


def _guarded(name: str, given: Sequence[Expression]) -> Expression:
    _arity(name, given, 3)
    return _divided(*given)


FUNCTIONS: Mapping[str, Callable[[str, Sequence[Expression]], Expression]] = {
    "min": _extreme, "最小": _extreme, "max": _extreme, "最大": _extreme, "if": _choice, "如果": _choice,
    "whole": _rounded, "取整": _rounded, "up": _rounded, "进一": _rounded, "div": _guarded,
}  # fmt: skip
