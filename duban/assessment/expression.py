"""The small expression language of rules: typed, total, exact, bounded. No ``eval``, no float.

An expression is read once, when the sheet loads: every name, unit and function is checked then, so that
scoring can never fail on it. A divisor must be a number that is not 0 (else ``div`` says what holds for 0);
there are no loops, no powers and no own functions, so time and size are bounded by its length.
Values are exact fractions; ``digits`` tells how many decimals a value can have at most (None: endless).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from duban.assessment.operations import (
    FUNCTIONS,
    OTHER,
    Expression,
    ExpressionError,
    Name,
    Type,
    added,
    compare,
    constant,
    logic,
    made,
    over,
    times,
    want,
)

MAX_LENGTH = 300  # characters; the longest clause we wrote as an expression has 110
MAX_DEPTH = 24

_WORDS = {
    "且": "and",
    "并且": "and",
    "或": "or",
    "或者": "or",
    "非": "not",
    "不": "not",
    "属于": "in",
}
_SIGNS = str.maketrans({"≥": "\x01", "≤": "\x02", "≠": "\x03", "×": "*", "÷": "/", "−": "-", "＝": "=",
                        "“": "'", "”": "'", "‘": "'", "’": "'", '"': "'", "、": ","})  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d[\d.]*)\s*(?P<suffix>%|个百分点|个工作日|工作日|分|件|次|个|篇|项)?(?![A-Za-z0-9_.])"
    r"|'(?P<text>[^'\n]{0,60})'|(?P<name>并且|或者|属于|且|或|非|不|[A-Za-z_][A-Za-z0-9_]*"
    r"|[一-鿿](?:(?!并且|或者|属于|且|或)[一-鿿])*)|(?P<sign>>=|<=|==|!=|[-+*/(),<>=]))"
)


def parse(text: str, names: Mapping[str, Name]) -> Expression:
    """Read an expression over the given names. Raises ExpressionError with the way out."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"算式超过{MAX_LENGTH}个字符。", "拆成几条条款。")
    found = _Parser(_tokens(text), names).whole()
    return replace(found, text=text)


def plain(text: str) -> str:
    """Full-width signs and Chinese operators as the grammar knows them."""
    signed = text.translate(_SIGNS)
    for mark, sign in (("\x01", ">="), ("\x02", "<="), ("\x03", "!=")):
        signed = signed.replace(mark, sign)
    return unicodedata.normalize("NFKC", signed).replace('"', "'")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, text, name, sign, end
    raw: str
    suffix: str = ""


def _tokens(text: str) -> list[_Token]:
    written, at, found = plain(text).rstrip(), 0, []
    while at < len(written):
        match = _TOKEN.match(written, at)
        if match is None:
            raise ExpressionError(
                f"从“{written[at:].strip()[:12]}”起读不懂。",
                "只能写数、名称、加引号的文字、+ - * / ( ) 和 > >= < <= == !=。",
            )
        kind = str(match.lastgroup if match.lastgroup != "suffix" else "number")
        raw = match[kind]
        if kind == "name" and raw in _WORDS:
            raw = _WORDS[raw]
        found.append(_Token(kind, raw, match["suffix"] or ""))
        at = match.end()
    return [*found, _Token("end", "")]


class _Parser:
    """Recursive descent: or, and, not, comparison, sum, product, unary, atom."""

    def __init__(self, tokens: Sequence[_Token], names: Mapping[str, Name]) -> None:
        self._tokens, self._names, self._at, self._depth = tokens, names, 0, 0
        self._spoken = {name.told: key for key, name in names.items()}

    def whole(self) -> Expression:
        found = self._or()
        if self._now.kind != "end":
            raise ExpressionError(f"“{self._now.raw}”放错了位置。", "检查括号和运算符。")
        return found

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *raws: str) -> str:
        """Step over one of these signs or words, if it is next."""
        token = self._now
        if token.kind in {"sign", "name"} and token.raw in raws:
            self._at += 1
            return token.raw
        return ""

    def _need(self, raw: str) -> None:
        if not self._take(raw):
            said = self._now.raw or "结尾"
            raise ExpressionError(f"“{said}”之前少了“{raw}”。", "检查括号是否成对、逗号是否齐全。")

    def _or(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"括号套了{MAX_DEPTH}层以上。", "拆成几条条款。")
        found = self._and()
        while self._take("or"):
            found = logic(found, self._and(), any)
        self._depth -= 1
        return found

    def _and(self) -> Expression:
        found = self._not()
        while self._take("and"):
            found = logic(found, self._not(), all)
        return found

    def _not(self) -> Expression:
        turns = 0
        while self._take("not"):
            turns += 1
        found = self._comparison()
        if turns:
            want(found, Type.BOOL)
        if not turns % 2:
            return found
        return replace(found, run=lambda env: not found.run(env))

    def _comparison(self) -> Expression:
        left = self._sum()
        if self._take("in"):
            return self._among(left)
        sign = self._take(">=", "<=", "==", "!=", ">", "<", "=")
        if not sign:
            return left
        if sign == "=":
            raise ExpressionError("“=”不是比较。", "相等写“==”。")
        return compare(sign, left, self._sum())

    def _among(self, left: Expression) -> Expression:
        want(left, Type.TEXT)
        self._need("(")
        words = {self._word()}
        while self._take(","):
            words.add(self._word())
        self._need(")")
        return made(Type.BOOL, 0, lambda env: left.run(env) in words, left)

    def _word(self) -> str:
        token = self._now
        if token.kind != "text":
            raise ExpressionError("in 后面要写加引号的文字。", "写成 level in ('市级', '省级')。")
        self._at += 1
        return token.raw

    def _sum(self) -> Expression:
        found = self._product()
        while sign := self._take("+", "-"):
            found = added(sign, found, self._product())
        return found

    def _product(self) -> Expression:
        found = self._unary()
        while sign := self._take("*", "/"):
            right = self._unary()
            found = times(found, right) if sign == "*" else over(found, right)
        return found

    def _unary(self) -> Expression:
        minus = False
        while self._take("-"):
            minus = not minus
        found = self._atom()
        return times(constant("-1", ""), found) if minus else found

    def _atom(self) -> Expression:
        token = self._now
        if self._take("("):
            found = self._or()
            self._need(")")
            return found
        self._at += 1
        if token.kind == "number":
            return constant(token.raw, token.suffix)
        if token.kind == "text":
            return made(Type.TEXT, 0, lambda env: token.raw)
        if token.kind == "name" and self._now.raw == "(" and self._now.kind == "sign":
            return self._call(token.raw)
        if token.kind == "name":
            return self._name(token.raw)
        self._at -= 1
        raise ExpressionError(f"“{token.raw or '结尾'}”之前少了一个数或名称。", "把算式写完整。")

    def _name(self, raw: str) -> Expression:
        key = self._spoken.get(raw, raw)
        name = self._names.get(key)
        if name is None:
            near = get_close_matches(raw, [*self._names, *self._spoken], n=1, cutoff=0.6)
            listed = "、".join(f"{each}（{name.told}）" for each, name in self._names.items())
            asked = f"是不是“{near[0]}”？" if near else ""
            raise ExpressionError(f"没有“{raw}”这个名称。", f"{asked}这一条可用：{listed}。")
        found = made(name.type, name.digits, lambda env: env[key])
        return replace(found, names=(key,))

    def _call(self, raw: str) -> Expression:
        self._need("(")
        if raw in {"points_of", "条款得分"}:
            ref = self._word()
            self._need(")")
            found = made(Type.POINTS, 3, lambda env: env[OTHER + ref])
            return replace(found, refs=(ref,))
        function = FUNCTIONS.get(raw)
        if function is None:
            raise ExpressionError(
                f"没有“{raw}”这个函数。", f"可用：{'、'.join(FUNCTIONS)}、points_of。"
            )
        given = [self._or()]
        while self._take(","):
            given.append(self._or())
        self._need(")")
        return function(raw, given)
