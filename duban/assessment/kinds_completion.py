"""The rule of completed obligations, weighted by task and by role (lead : support = 1 : 0.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import (
    MICRO,
    Rounding,
    micro,
    percent_text,
    points_text,
    quantity_text,
    ratio_text,
)
from duban.assessment.kinds_event import read_role_weight
from duban.assessment.model import Case, Fact, Line
from duban.assessment.words import common_values
from duban.yamltext import Row

_LISTED = 8  # items named in one list; the line holds the ids of all
_SQUARE = MICRO * MICRO  # task weight × role weight, both in millionths


@dataclass(frozen=True, slots=True)
class Completion:
    """The full points times the weighted share of obligations completed, or the rest taken off."""

    fields: ClassVar[frozenset[str]] = frozenset({"rate", "finished", "all", "unfinished", "full"})
    compares: ClassVar[bool] = False
    full: int
    deducts: bool
    lead: int
    support: int
    pro_rata: bool
    rounding: Rounding
    when_none: str

    @classmethod
    def read(cls, row: Row) -> Completion:
        """``full``, ``mode``, ``role_weight``, ``granularity: whole|pro_rata``, ``rounding``."""
        deducts = row.choice("mode", ("award", "deduct"), "award", required=True) == "deduct"
        lead, support = read_role_weight(row, required=True)
        part = row.choice("granularity", ("whole", "pro_rata"), "whole", required=True)
        return cls(
            full=params.points(row, "full") or 0,
            deducts=deducts,
            lead=lead,
            support=support,
            pro_rata=part == "pro_rata",
            rounding=params.rounding(row, required=True),
            # A deduction needs no answer: nothing owed, nothing taken off.
            when_none=row.choice("when_none", ("full", "zero"), "zero", required=not deducts),
        )

    def lines(self, case: Case) -> Iterable[Line]:
        """One line for all obligations of the unit: each share depends on all of them."""
        facts = case.facts
        owed = sum(self._weight(fact) for fact in facts)
        if owed:
            yield self._line(case, facts, owed)
        elif not self.deducts:
            yield self._nothing_owed(case)

    def _weight(self, fact: Fact) -> int:
        return micro(fact.weight) * (self.support if fact.role == "support" else self.lead)

    def _share(self, fact: Fact) -> int:
        """The finished part in millionths."""
        whole = MICRO if fact.target is None else micro(fact.target)
        done = 0 if fact.done is None else micro(fact.done)
        if done >= whole:
            return MICRO
        return max(done, 0) * MICRO // whole if self.pro_rata else 0

    def _line(self, case: Case, facts: Sequence[Fact], owed: int) -> Line:
        shares = [(fact, self._share(fact)) for fact in facts]
        reached = sum(self._weight(fact) * share for fact, share in shares)
        open_facts = [fact for fact, share in shares if share < MICRO]
        top, bottom = reached, owed * MICRO
        scored = top - bottom if self.deducts else top
        millipoints = self.rounding.apply(self.full * scored, bottom)
        rate = percent_text(top, bottom)
        values = common_values(case, facts[0], millipoints)
        values.update(
            rate=rate,
            full=points_text(self.full),
            finished=str(len(facts) - len(open_facts)),
            all=str(len(facts)),
            unfinished="、".join(_name(fact) for fact in open_facts) or "无",
        )
        minus = f"（{rate}−100%）" if self.deducts else rate
        reached_text, owed_text = ratio_text(top, _SQUARE * MICRO), ratio_text(owed, _SQUARE)
        return case.line(
            facts,
            self._words(shares),
            f"应办 {self._sum((fact, MICRO) for fact in facts)}＝{owed_text}，"
            f"完成 {self._sum(shares)}＝{reached_text}，"
            f"完成率＝{reached_text}÷{owed_text}＝{rate}，"
            f"{points_text(self.full)}×{minus}＝{points_text(millipoints)}（{self.rounding.words}）",
            millipoints,
            values=values,
            sentence=None if open_facts or not self.deducts else "应办事项全部完成，不扣分",
        )

    def _factors(self, fact: Fact) -> str:
        """Task weight × role weight, as in the sum."""
        role = self.support if fact.role == "support" else self.lead
        return f"{quantity_text(micro(fact.weight))}×{quantity_text(role)}"

    def _sum(self, shares: Iterable[tuple[Fact, int]]) -> str:
        """The weighted sum as written by hand; equal terms are put together (``1×0.5×4项``)."""
        terms = Counter(
            self._factors(fact) + ("" if share == MICRO else f"×{percent_text(share, MICRO)}")
            for fact, share in shares
            if share
        )
        said = (f"{term}×{times}项" if times > 1 else term for term, times in terms.items())
        return "＋".join(said) or "0"

    def _words(self, shares: Sequence[tuple[Fact, int]]) -> str:
        support = sum(1 for fact, _ in shares if fact.role == "support")
        finished = [fact for fact, share in shares if share == MICRO]
        unfinished = [fact for fact, share in shares if share < MICRO]
        said = (
            f"牵头{len(shares) - support}项、配合{support}项"
            f"（角色权重 {quantity_text(self.lead)}∶{quantity_text(self.support)}），"
            f"完成{len(finished)}项；各项按“任务权重×角色权重”计"
        )
        lists = (("已完成", finished), ("未完成", unfinished))
        return "；".join([said, *(f"{name}：{self._list(some)}" for name, some in lists if some)])

    def _list(self, facts: Sequence[Fact]) -> str:
        """Items with their weights; of many only the first."""
        names = "、".join(f"{_name(fact)} {self._factors(fact)}" for fact in facts[:_LISTED])
        return f"{names}等{len(facts)}项" if len(facts) > _LISTED else names

    def _nothing_owed(self, case: Case) -> Line:
        millipoints = self.full if self.when_none == "full" else 0
        words = f"没有应办事项，按{'满分' if millipoints else '0分'}计"
        return case.line(
            (), "没有应办事项", points_text(millipoints), millipoints, values={}, sentence=words
        )


def _name(fact: Fact) -> str:
    return fact.title or fact.obligation or fact.task or fact.id
