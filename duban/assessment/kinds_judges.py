"""Rules of several judges (自评、考核组评、领导评), and of a table times a factor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import (
    MICRO,
    Rounding,
    percent_text,
    points_text,
    quantity_text,
    ratio_text,
    read_micro,
)
from duban.assessment.model import Case, Fact, Line
from duban.assessment.words import common_values, describe, signed
from duban.yamltext import Row

_KEYS = ("level", "matter", "title", "task", "role", "counted_in")


@dataclass(frozen=True, slots=True)
class Panel:
    """The full points times the weighted mean of what several judges gave; each by name and weight."""

    fields: ClassVar[frozenset[str]] = frozenset({"given", "full"})
    compares: ClassVar[bool] = False
    full: int
    most: int  # milli-points: what a judge can give at most
    judges: tuple[tuple[str, int], ...]  # name, weight in millionths
    rounding: Rounding

    @classmethod
    def read(cls, row: Row) -> Panel:
        """``full``, ``judges: [{name: 自评, weight: 20%}]``, ``scale: 100``, ``rounding``."""
        judges = tuple(_read_judge(part) for part in row.rows("judges"))
        params.whole(row, "judges", [weight for _, weight in judges], "各评定主体的权重")
        scale = params.points(row, "scale") or 0
        if scale <= 0 and row.has("scale"):
            row.issues.error(
                "not-positive", row.place_of("scale"), "“scale”应大于 0。", "百分制写 100。"
            )
        return cls(
            full=params.points(row, "full") or 0,
            most=max(scale, 1),
            judges=judges,
            rounding=params.rounding(row, required=True),
        )

    def lines(self, case: Case) -> Iterable[Line]:
        """One line a subject (题名); it counts only when every judge has given points on evidence."""
        subjects: dict[str, list[Fact]] = {}
        for fact in case.facts:
            subjects.setdefault(fact.title or fact.task, []).append(fact)
        for title, facts in subjects.items():
            yield self._line(case, title or case.rule.name, facts)

    def _line(self, case: Case, title: str, facts: Sequence[Fact]) -> Line:
        given = {name: self._mean(name, facts) for name, _ in self.judges}
        open_judges = [name for name, mean in given.items() if mean is None]
        words = f"{title}：" + "，".join(
            f"{name}{_text(mean) if mean is not None else '未评'}" for name, mean in given.items()
        )
        if open_judges:
            said = f"{title}尚缺{'、'.join(open_judges)}评分（须有依据、在{points_text(self.most)}分以内），暂不计分"
            return case.line(facts, words, "评分未齐，不计分", 0, values={}, sentence=said)
        mean = sum(
            ((given[name] or Fraction(0)) * weight / MICRO for name, weight in self.judges),
            Fraction(0),
        )
        value = self.full * mean * 1000 / self.most
        millipoints = self.rounding.apply(value.numerator, value.denominator)
        values = common_values(case, facts[0], millipoints)
        values.update(given=_text(mean), full=points_text(self.full))
        terms = "＋".join(
            f"{_text(given[name] or Fraction(0))}×{percent_text(weight, MICRO)}"
            for name, weight in self.judges
        )
        return case.line(
            facts,
            words,
            f"{terms}＝{_text(mean)}，{points_text(self.full)}×{_text(mean)}÷{points_text(self.most)}"
            f"＝{points_text(millipoints)}（{self.rounding.words}）",
            millipoints,
            values=values,
        )

    def _mean(self, judge: str, facts: Sequence[Fact]) -> Fraction | None:
        """The mean of a judge's points; only those within the scale and on evidence count."""
        given = [
            Fraction(fact.done)
            for fact in facts
            if fact.judge == judge and fact.done is not None and fact.evidence
        ]
        inside = [each for each in given if 0 <= each * 1000 <= self.most]
        return sum(inside, Fraction(0)) / len(inside) if inside else None


def _read_judge(row: Row) -> tuple[str, int]:
    found = row.text("name", required=True), params.amount(row, "weight") or 0
    row.close()
    return found


def _text(value: Fraction) -> str:
    return ratio_text(value.numerator, value.denominator)


@dataclass(frozen=True, slots=True)
class Lookup:
    """Points out of a table times a factor out of another: 基准分 × 难度系数 × 次数."""

    fields: ClassVar[frozenset[str]] = frozenset({"factor"})
    compares: ClassVar[bool] = False
    of: str
    table: Mapping[str, int]
    factor_of: str
    factors: Mapping[str, int]
    rounding: Rounding

    @classmethod
    def read(cls, row: Row) -> Lookup:
        """``of``, ``levels: {一类: 5}``, ``factor: {of: role, values: {lead: 1}}``, ``rounding``."""
        of = row.choice("of", _KEYS, "level", required=True)
        inner = row.row("levels")
        if inner is None:
            row.issues.error(
                "levels-missing", row.place, "没有写分值表。", "补上“levels: {一类: 5, 二类: 3}”。"
            )
        table = {key: params.points(inner, key) or 0 for key in inner.written()} if inner else {}
        factor_of, factors = _read_factor(row)
        return cls(of, table, factor_of, factors, params.rounding(row, required=bool(factors)))

    def lines(self, case: Case) -> Iterable[Line]:
        """One line a fact; what stands in no table counts nothing, and the line says so."""
        for fact in case.facts:
            key = str(getattr(fact, self.of))
            part = str(getattr(fact, self.factor_of)) if self.factors else ""
            unknown = key if key not in self.table else part
            if key in self.table and (not self.factors or part in self.factors):
                yield self._line(case, fact, self.table[key], self.factors.get(part, MICRO))
            else:
                yield case.line(
                    (fact,),
                    describe(fact),
                    "表内没有，不计分",
                    0,
                    values={},
                    sentence=f"“{unknown or '未写'}”不在本条表内，不计分",
                )

    def _line(self, case: Case, fact: Fact, points: int, factor: int) -> Line:
        millipoints = self.rounding.apply(fact.count * points * factor, MICRO)
        times = f"×{quantity_text(factor)}" if self.factors else ""
        count = f"×{fact.count}" if fact.count != 1 else ""
        values = common_values(case, fact, millipoints)
        values["factor"] = quantity_text(factor)
        return case.line(
            (fact,),
            f"{describe(fact)}（{getattr(fact, self.of)}）",
            f"{signed(points)}{times}{count}＝{points_text(millipoints)}",
            millipoints,
            values=values,
        )


def _read_factor(row: Row) -> tuple[str, Mapping[str, int]]:
    inner = row.row("factor")
    if inner is None:
        return "", {}
    of = inner.choice("of", _KEYS, "role", required=True)
    values = inner.row("values")
    found: dict[str, int] = {}
    for key in values.written() if values else ():
        factor = values.convert(key, read_micro, "数（最多六位小数）", None) if values else None
        found[key] = factor or 0
    if not found:
        inner.issues.error(
            "factor-missing", inner.place, "没有写系数。", "补上“values: {lead: 1, support: 0.5}”。"
        )
    inner.close()
    return of, found
