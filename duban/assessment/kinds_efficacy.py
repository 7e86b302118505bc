"""Linear efficacy (功效系数法): 60 + 40 × (x − low) ÷ (high − low), within a group or by stated values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import MICRO, Rounding, percent_text, points_text, ratio_text
from duban.assessment.measured import ItemLimits, read_unreported
from duban.assessment.model import Case, Fact, Line
from duban.assessment.words import common_values
from duban.yamltext import Row


@dataclass(frozen=True, slots=True)
class Efficacy:
    """The full points times the efficacy of a unit's result between the low and the high value."""

    fields: ClassVar[frozenset[str]] = frozenset({"done", "low", "high", "share", "full"})
    compares: ClassVar[bool] = True
    full: int
    base: int  # millionths given at the low value
    span: int  # millionths added on the way to the high value
    high: int | None  # stated (满意值), or None: the best of the group
    low: int | None  # stated (不允许值), or None: the last of the group
    by: str
    ascending: bool
    within_group: bool
    equal_is_full: bool
    skips: bool
    rounding: Rounding
    limits: ItemLimits

    @classmethod
    def read(cls, row: Row) -> Efficacy:
        """``full``, ``base_share``, ``span``, ``high``, ``low``, ``by``, ``order``, ``within``, ``when_equal``."""
        base, span = params.amount(row, "base_share") or 0, params.amount(row, "span") or 0
        high, low = (_stated(row, key) for key in ("high", "low"))
        order = row.choice("order", ("desc", "asc"), "desc", required=True)
        _check(row, base + span, high, low, ascending=order == "asc")
        return cls(
            full=params.points(row, "full") or 0,
            base=base,
            span=span,
            high=high,
            low=low,
            by=row.choice("by", ("done", "rate"), "done", required=True),
            ascending=order == "asc",
            within_group=row.choice("within", ("group", "all"), "group", required=True) == "group",
            equal_is_full=row.choice("when_equal", ("full", "base"), "base", required=True)
            == "full",
            skips=read_unreported(row) == "skip",
            rounding=params.rounding(row, required=True),
            limits=ItemLimits.read(row, required=True),
        )

    def lines(self, case: Case) -> Iterable[Line]:
        """One line for a unit that has a result."""
        results = self._results(case.peers)
        own = results.get(case.unit.id)
        if own is None:
            return
        low, high = self._ends(results)
        share, words = self._share(own, low, high)
        value = self.full * share
        raw = self.rounding.apply(value.numerator, value.denominator)
        millipoints, clipped = self.limits.clip(raw)
        values = common_values(case, case.facts[0], millipoints)
        values.update(
            done=self._text(own),
            low=self._text(low),
            high=self._text(high),
            full=points_text(self.full),
            share=percent_text(share.numerator, share.denominator),
        )
        stated = self.high is not None and self.low is not None
        title = case.facts[0].title or case.rule.name
        ends = ("不允许值", "满意值") if stated else ("最差", "最好")
        yield case.line(
            case.facts,
            f"{title}：{self._text(own)}，{ends[0]}{self._text(low)}，{ends[1]}{self._text(high)}",
            f"{points_text(self.full)}×（{words}）＝{points_text(raw)}（{self.rounding.words}）{clipped}",
            millipoints,
            values=values,
            read=() if stated else [each for each in case.peers if each.unit != case.unit.id],
        )

    def _results(self, facts: Iterable[Fact]) -> Mapping[str, Fraction]:
        sums: dict[str, tuple[Fraction, Fraction]] = {}
        for fact in facts:
            if fact.done is None and self.skips:
                continue
            done, target = sums.get(fact.unit, (Fraction(0), Fraction(0)))
            sums[fact.unit] = (
                done + Fraction(fact.done or Decimal(0)),
                target + Fraction(fact.target or Decimal(0)),
            )
        if self.by == "done":
            return {unit: done for unit, (done, _) in sums.items()}
        return {unit: done / target for unit, (done, target) in sums.items() if target > 0}

    def _ends(self, results: Mapping[str, Fraction]) -> tuple[Fraction, Fraction]:
        first, last = min(results.values()), max(results.values())
        worst, best = (last, first) if self.ascending else (first, last)
        return (
            worst if self.low is None else Fraction(self.low, MICRO),
            best if self.high is None else Fraction(self.high, MICRO),
        )

    def _share(self, own: Fraction, low: Fraction, high: Fraction) -> tuple[Fraction, str]:
        base, span = Fraction(self.base, MICRO), Fraction(self.span, MICRO)
        base_text = percent_text(self.base, MICRO)
        if high == low:
            share = base + span if self.equal_is_full else base
            return share, f"最好与最差相同，按{percent_text(share.numerator, share.denominator)}计"
        words = (
            f"{base_text}＋{percent_text(self.span, MICRO)}×（{self._text(own)}−{self._text(low)}）"
            f"÷（{self._text(high)}−{self._text(low)}）"
        )
        return base + span * (own - low) / (high - low), words

    def _text(self, value: Fraction) -> str:
        if self.by == "rate":
            return percent_text(value.numerator, value.denominator)
        return ratio_text(value.numerator, value.denominator)


def _stated(row: Row, key: str) -> int | None:
    return params.amount(row, key) if row.has(key) else None


def _check(row: Row, whole: int, high: int | None, low: int | None, *, ascending: bool) -> None:
    if whole != MICRO:
        row.issues.error(
            "weights-sum",
            row.place_of("span"),
            f"“base_share”与“span”合计{percent_text(whole, MICRO)}，不是100%。",
            "如“base_share: 60%”“span: 40%”。",
        )
    if high is not None and low is not None and (high <= low) is not ascending:
        row.issues.error(
            "efficacy-ends",
            row.place_of("high"),
            "满意值（high）和不允许值（low）与“order”不符，或两数相同。",
            "越多越好写 desc，high 大于 low；越少越好写 asc，high 小于 low。",
        )
