"""Rules by place: points for the rank among the assessed units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import (
    MICRO,
    micro,
    percent_text,
    ratio_text,
)
from duban.assessment.model import Case, Fact, Line
from duban.assessment.words import common_values, signed
from duban.yamltext import Row

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RankPoints:
    """Points by the place among the assessed units; ties share the better place (1,1,3)."""

    fields: ClassVar[frozenset[str]] = frozenset({"done", "place", "rivals"})
    compares: ClassVar[bool] = True
    by: str
    ascending: bool
    within_group: bool
    table: tuple[tuple[int, int], ...]  # up to which place, how many milli-points
    rest: int

    @classmethod
    def read(cls, row: Row) -> RankPoints:
        """``by: done|rate``, ``order``, ``within``, ``table: [{to: 1, give: 5}]``, ``rest``."""
        table = []
        for place in row.rows("table"):
            table.append((place.integer("to", 1, least=1), params.points(place, "give") or 0))
            place.close()
        if not table or [to for to, _ in table] != sorted({to for to, _ in table}):
            row.issues.error(
                "rank-table",
                row.place_of("table"),
                "名次表应从第1名起、由前到后、不重复。",
                "写成“table: [{to: 1, give: 5}, {to: 3, give: 3}]”。",
            )
        return cls(
            by=row.choice("by", ("done", "rate"), "done", required=True),
            ascending=row.choice("order", ("desc", "asc"), "desc", required=True) == "asc",
            within_group=row.choice("within", ("group", "all"), "group", required=True) == "group",
            table=tuple(table),
            rest=params.points(row, "rest") or 0,
        )

    def lines(self, case: Case) -> Iterable[Line]:
        """One line for a unit that has a result; its place is counted among all that have one."""
        results = self._results(case.peers)
        own = results.get(case.unit.id)
        if own is None:
            return
        place = 1 + sum(1 for other in results.values() if self._better(other, own))
        millipoints = next((give for to, give in self.table if place <= to), self.rest)
        rivals = [fact for fact in case.peers if fact.unit != case.unit.id]
        shown = percent_text(*own) if self.by == "rate" else ratio_text(own[0], own[1] * MICRO)
        values = common_values(case, case.facts[0], millipoints)
        values.update(done=shown, place=str(place), rivals=str(len(results)))
        yield case.line(
            case.facts,
            f"{case.facts[0].title}：{'完成率' if self.by == 'rate' else '完成'}{shown}，"
            f"{len(results)}家中第{place}名",
            f"第{place}名，{signed(millipoints)}",
            millipoints,
            values=values,
            read=rivals,
        )

    def _results(self, facts: Iterable[Fact]) -> dict[str, tuple[int, int]]:
        sums: dict[str, tuple[int, int]] = {}
        for fact in facts:
            if fact.done is not None:
                done, target = sums.get(fact.unit, (0, 0))
                sums[fact.unit] = (
                    done + micro(fact.done),
                    target + micro(fact.target or _ZERO),
                )
        if self.by == "done":
            return {unit: (done, 1) for unit, (done, _) in sums.items()}
        return {unit: pair for unit, pair in sums.items() if pair[1] > 0}

    def _better(self, other: tuple[int, int], own: tuple[int, int]) -> bool:
        left, right = other[0] * own[1], own[0] * other[1]
        return left < right if self.ascending else left > right
