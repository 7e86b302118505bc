"""Rules that read what happened: counted occurrences, levels, judgements, vetoes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import (
    MICRO,
    Rounding,
    micro,
    points_text,
    quantity_text,
    read_micro,
    round_ratio,
)
from duban.assessment.model import Case, Fact, Line
from duban.assessment.words import common_values, describe, signed
from duban.yamltext import Row

VETO_EFFECTS = ("取消评优", "降一等", "一票否决")


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often the same thing may happen before it costs more: the factor of the 1st, 2nd … time."""

    same: str  # matter, title, task or unit
    factors: tuple[int, ...]  # millionths; the last one holds for all further times

    @classmethod
    def read(cls, row: Row) -> Repeat | None:
        """``repeat: {same: matter, factors: [1, 2]}``."""
        inner = row.row("repeat")
        if inner is None:
            return None
        same = inner.choice("same", ("matter", "title", "task", "unit"), "unit", required=True)
        texts = inner.texts("factors")
        factors = [read_micro(text.raw.strip()) for text in texts]
        inner.close()
        if not texts or any(factor is None or factor < 0 for factor in factors):
            inner.issues.error(
                "repeat-factors",
                inner.place_of("factors"),
                "“factors”应是第一次、第二次……各乘几，如第二次起加倍。",
                "写成“factors: [1, 2]”。",
            )
        return cls(same, tuple(factor or 0 for factor in factors) or (MICRO,))

    def key(self, fact: Fact) -> str:
        """What counts as the same; a fact that does not tell is the same as no other."""
        return "" if self.same == "unit" else str(getattr(fact, self.same)) or f"\0{fact.id}"

    def total(self, before: int, count: int) -> int:
        """The sum of the factors of ``count`` times that come after ``before`` others."""
        listed = self.factors[before : before + count]
        return sum(listed) + (count - len(listed)) * self.factors[-1]


@dataclass(frozen=True, slots=True)
class PerOccurrence:
    """So many points each time. ``role``: a factor for lead and support, if the sheet has one."""

    fields: ClassVar[frozenset[str]] = frozenset()
    compares: ClassVar[bool] = False
    points: int
    lead: int
    support: int
    rounding: Rounding
    repeat: Repeat | None

    @classmethod
    def read(cls, row: Row) -> PerOccurrence:
        """``points`` (signed) and perhaps ``role_weight`` and ``repeat``."""
        lead, support = read_role_weight(row, required=False)
        weighs = row.has("role_weight")
        return cls(
            points=params.points(row, "points") or 0,
            lead=lead,
            support=support,
            rounding=params.rounding(row, required=weighs),
            repeat=Repeat.read(row),
        )

    def lines(self, case: Case) -> Iterable[Line]:
        """One line a fact; its count multiplies, and so does having happened before."""
        before: dict[str, list[Fact]] = {}
        for fact in case.facts:
            earlier = before.setdefault(self.repeat.key(fact), []) if self.repeat else []
            yield self._line(case, fact, earlier)
            earlier.append(fact)

    def _line(self, case: Case, fact: Fact, earlier: Sequence[Fact]) -> Line:
        role = self.support if fact.role == "support" else self.lead
        times, words = fact.count * MICRO, str(fact.count)
        if self.repeat is not None:
            past = sum(each.count for each in earlier)
            times = self.repeat.total(past, fact.count)
            words = f"第{past + 1}次起{fact.count}次折{quantity_text(times)}次"
        millipoints = self.rounding.apply(times * self.points * role, MICRO * MICRO)
        share = f"×{quantity_text(role)}" if role != MICRO else ""
        return case.line(
            (fact,),
            describe(fact),
            f"{words}×{signed(self.points)}{share}＝{points_text(millipoints)}",
            millipoints,
            values=common_values(case, fact, millipoints),
            read=earlier,
        )


def read_role_weight(row: Row, *, required: bool) -> tuple[int, int]:
    """``role_weight: {lead: 1, support: 0.5}`` in millionths; a fact without a role counts as lead."""
    inner = row.row("role_weight")
    if inner is None:
        if required and not row.has("role_weight"):
            row.issues.error(
                "role-weight",
                row.place,
                "没有写明牵头与配合的权重。",
                "补上“role_weight: {lead: 1, support: 0.5}”。",
            )
        return MICRO, MICRO
    lead, support = params.amount(inner, "lead"), params.amount(inner, "support")
    inner.close()
    for key, value in (("lead", lead), ("support", support)):
        if value is not None and value < 0:
            inner.issues.error(
                "role-weight", inner.place_of(key), "权重不能小于 0。", "写成 0 或正数。"
            )
    return MICRO if lead is None else lead, MICRO if support is None else support


@dataclass(frozen=True, slots=True)
class ByLevel:
    """Points by level (国家级, 省级…); of the same matter only the highest counts, once."""

    fields: ClassVar[frozenset[str]] = frozenset({"others"})
    compares: ClassVar[bool] = False
    levels: tuple[tuple[str, int], ...]
    highest_only: bool

    @classmethod
    def read(cls, row: Row) -> ByLevel:
        """``levels: {国家级: 3, 省级: 2}`` and ``same_matter: highest|each``."""
        inner = row.row("levels")
        levels: list[tuple[str, int]] = []
        if inner is None:
            row.issues.error(
                "levels-missing", row.place, "没有写各级别的分值。", "补上“levels: {国家级: 3}”。"
            )
        else:
            levels = [(key, params.points(inner, key) or 0) for key in inner.written()]
        same = row.choice("same_matter", ("highest", "each"), "highest", required=True)
        return cls(tuple(levels), same == "highest")

    def lines(self, case: Case) -> Iterable[Line]:
        """One line a matter."""
        matters: dict[str, list[Fact]] = {}
        for fact in case.facts:
            single = not (self.highest_only and fact.matter)
            matters.setdefault(f"\0{fact.id}" if single else fact.matter, []).append(fact)
        table = dict(self.levels)
        for facts in matters.values():
            yield self._line(case, facts, table)

    def _line(self, case: Case, facts: list[Fact], table: dict[str, int]) -> Line:
        # The first of equals stays first: sorted() is stable and facts come in order.
        best, *others = sorted(facts, key=lambda fact: -abs(table.get(fact.level, 0)))
        millipoints = table.get(best.level, 0)
        left_off = "、".join(fact.level or "未写级别" for fact in others)
        values = common_values(case, best, millipoints)
        values["others"] = left_off
        known = best.level in table
        return case.line(
            (best, *others),
            f"{describe(best)}（{best.level or '未写级别'}）",
            f"{best.level}{signed(millipoints)}"
            + (f"；同一事项另有{left_off}，只计最高一次" if others else ""),
            millipoints,
            values=values,
            sentence=None if known else f"级别“{best.level}”不在本条分值表内，不计分",
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """Points within a range, given by a named judge on evidence."""

    fields: ClassVar[frozenset[str]] = frozenset({"judge", "given"})
    compares: ClassVar[bool] = False
    judge: str
    least: int
    most: int

    @classmethod
    def read(cls, row: Row) -> Judged:
        """``judge`` (who) and ``range: {from, to}``."""
        judge = row.text("judge", required=True)
        inner = row.row("range")
        least = most = 0
        if inner is None:
            row.issues.error(
                "range-missing",
                row.place,
                "没有写评定的分值范围。",
                "补上“range: {from: 0, to: 10}”。",
            )
        else:
            least, most = params.points(inner, "from") or 0, params.points(inner, "to") or 0
            inner.close()
            if least > most:
                row.issues.error(
                    "range-order", inner.place, "评定范围的下限大于上限。", "对调 from 与 to。"
                )
        return cls(judge, least, most)

    def lines(self, case: Case) -> Iterable[Line]:
        """One line a judgement; without points or evidence it does not count and says so."""
        for fact in case.facts:
            given, why = self._given(fact)
            values = common_values(case, fact, given)
            asked = quantity_text(micro(fact.done)) if fact.done is not None else "未评分"
            values.update(judge=self.judge, given=asked)
            bounds = f"{points_text(self.least)}至{points_text(self.most)}分"
            yield case.line(
                (fact,),
                f"{describe(fact)}，{self.judge}评定{asked}",
                f"评定{asked}，范围{bounds}{why}，计{points_text(given)}",
                given,
                values=values,
                sentence=f"{fact.title}：{why[1:]}" if why and not given else None,
            )

    def _given(self, fact: Fact) -> tuple[int, str]:
        if fact.done is None:
            return 0, "，尚未评分，暂不计分"
        if not fact.evidence:
            return 0, "，没有评定依据，暂不计分"
        given = round_ratio(micro(fact.done), 1000, "half_up")
        why = "，四舍五入到0.001" if given * 1000 != micro(fact.done) else ""
        bounded = min(max(given, self.least), self.most)
        return bounded, why + ("，超出范围，按限度计" if bounded != given else "")


@dataclass(frozen=True, slots=True)
class Veto:
    """An effect on the grade, not points: 取消评优, 降一等, 一票否决."""

    fields: ClassVar[frozenset[str]] = frozenset({"effect"})
    compares: ClassVar[bool] = False
    effect: str

    @classmethod
    def read(cls, row: Row) -> Veto:
        """``effect``."""
        return cls(row.choice("effect", VETO_EFFECTS, required=True))

    def lines(self, case: Case) -> Iterable[Line]:
        """A line of no points for each fact; the effect itself is applied once, by the grades."""
        for fact in case.facts:
            values = common_values(case, fact, 0)
            values["effect"] = self.effect
            yield case.line((fact,), describe(fact), f"{self.effect}，不计分值", 0, values=values)
