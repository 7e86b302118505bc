"""Rules whose amount is an expression: for each fact, or once for all facts of a unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import Rounding, points_text
from duban.assessment.conditions import (
    fact_env,
    names_of,
    other_env,
    read_expression,
    told,
    unit_env,
    unit_names,
)
from duban.assessment.measured import INDICATOR_FIELDS, ItemLimits, indicator_values, measure
from duban.assessment.model import Case, Fact, Line
from duban.assessment.operations import Env, Expression, Type
from duban.assessment.words import common_values, describe
from duban.yamltext import Row

NO_FACT = "none"  # the rule reads no facts, only the points of other rules
_FINEST = 3  # decimals of a point


@dataclass(frozen=True, slots=True)
class Formula:
    """``amount`` in points, for each fact or once a unit; ``when``: only if it holds (unit only)."""

    fields: ClassVar[frozenset[str]] = INDICATOR_FIELDS | {"days", "facts"}
    compares: ClassVar[bool] = False
    amount: Expression | None
    when: Expression | None
    per_unit: bool
    fact: str
    rounding: Rounding
    limits: ItemLimits

    @classmethod
    def read(cls, row: Row) -> Formula:
        """``scope: fact|unit``, ``amount``, ``when``, ``rounding`` when the amount can be finer than 0.001."""
        fact = row.text("fact")
        per_unit = row.choice("scope", ("fact", "unit"), "fact", required=True) == "unit"
        names = unit_names(fact) if per_unit else names_of(fact)
        amount = read_expression(row, "amount", names, (Type.POINTS, Type.NUMBER), required=True)
        when = read_expression(row, "when", names, (Type.BOOL,), required=False)
        if fact == NO_FACT and not per_unit:
            row.issues.error(
                "formula-scope",
                row.place_of("scope"),
                "不用事实的条款只能每个单位算一次。",
                "写“scope: unit”。",
            )
        fine = amount is not None and (amount.digits is None or amount.digits > _FINEST)
        return cls(
            amount=amount,
            when=when if per_unit else None,  # of a single fact it is the rule's own condition
            per_unit=per_unit,
            fact=fact,
            rounding=params.rounding(row, required=fine),
            limits=ItemLimits.read(row, required=False),
        )

    @property
    def refs(self) -> tuple[str, ...]:
        """Ids of the rules whose points it uses."""
        used = [each.refs for each in (self.amount, self.when) if each is not None]
        return tuple(dict.fromkeys(ref for refs in used for ref in refs))

    @property
    def needs_facts(self) -> bool:
        """Whether nothing is said about a unit without facts."""
        return self.fact != NO_FACT

    def lines(self, case: Case) -> Iterable[Line]:
        """One line a fact, or one for the unit if its condition holds."""
        if self.amount is None:
            return
        if self.per_unit:
            yield from self._of_unit(case, self.amount)
            return
        for fact in case.facts:
            yield self._of_fact(case, fact, self.amount)

    def _of_fact(self, case: Case, fact: Fact, amount: Expression) -> Line:
        if "days" in amount.names and fact.days is None:
            return case.line(
                (fact,),
                describe(fact),
                "没有写工作日数，暂不计分",
                0,
                values={},
                sentence=f"{fact.title}没有写工作日数，暂不计分",
            )
        env = {**fact_env(fact, case.unit), **other_env(case)}
        millipoints, arithmetic = self._worked(amount, env, told(amount, names_of(self.fact), env))
        return case.line(
            (fact,),
            describe(fact),
            arithmetic,
            millipoints,
            values=_values(case, fact, millipoints),
            read=_read(case),
        )

    def _of_unit(self, case: Case, amount: Expression) -> Iterable[Line]:
        env = unit_env(case)
        if self.when is not None and not self.when.holds(env):
            return
        used = told(amount, unit_names(self.fact), env)
        millipoints, arithmetic = self._worked(amount, env, used)
        condition = f"符合“{self.when.text}”，" if self.when is not None else ""
        first = case.facts[0] if case.facts else Fact("", case.unit.id, self.fact)
        values = _values(case, first, millipoints)
        values.update(count=str(env.get("count", 0)), facts=str(len(case.facts)))
        yield case.line(
            case.facts,
            "；".join(describe(fact) for fact in case.facts) or used or case.rule.name,
            condition + arithmetic,
            millipoints,
            values=values,
            read=_read(case),
        )

    def _worked(self, amount: Expression, env: Env, used: str) -> tuple[int, str]:
        value = amount.number(env) * 1000
        raw = self.rounding.apply(value.numerator, value.denominator)
        millipoints, clipped = self.limits.clip(raw)
        rounded = f"（{self.rounding.words}）" if Fraction(raw) != value else ""
        where = f"，其中{used}" if used else ""
        return millipoints, f"{amount.text}{where}，得{points_text(raw)}{rounded}{clipped}"


def _values(case: Case, fact: Fact, millipoints: int) -> dict[str, str]:
    measured = measure(fact, "normal", "zero")
    values = dict.fromkeys(INDICATOR_FIELDS, "")
    if isinstance(measured, str):
        values |= common_values(case, fact, millipoints)
    else:
        values |= indicator_values(case, fact, measured, millipoints)
    return {**values, "days": str(fact.days or 0), "facts": "1"}


def _read(case: Case) -> tuple[Fact, ...]:
    """The facts behind the points of other rules: without them this line would be another."""
    own = {fact.id for fact in case.facts}
    ids = dict.fromkeys(key for found in case.others.values() for key in found.fact_ids)
    return tuple(Fact(key, case.unit.id, "") for key in ids if key not in own)
