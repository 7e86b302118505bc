"""Which facts a rule reads of a unit: by kind, filter, condition, version, year, and exemption."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from duban.assessment.conditions import fact_env
from duban.assessment.kinds_event import Veto
from duban.assessment.model import Case, Fact, Line, Rule, RuleSheet, UnitEntry
from duban.assessment.words import describe
from duban.errors import NOWHERE, InputError

Span = tuple[date, date]
_SELECTORS = ("obligation", "title", "task", "matter")


def needs_facts(rule: Rule) -> bool:
    """Whether a rule says nothing about a unit of which it reads no fact."""
    return bool(getattr(rule.body, "needs_facts", not hasattr(rule.body, "when_none")))


@dataclass(frozen=True, slots=True)
class Share:
    """What a rule reads: the facts that count, and those that do not, each with the reason."""

    counted: Sequence[Fact]
    aside: Sequence[tuple[tuple[Fact, ...], str]] = ()


def left_aside(case: Case, facts: tuple[Fact, ...], why: str) -> Line:
    """The line of no points that says why a fact does not count."""
    return case.line(facts, describe(facts[0]), "不计分", 0, values={}, sentence=why)


@dataclass(slots=True)
class FactIndex:
    """Facts by unit and kind, in order, and by rule for the rules that compare units."""

    all_facts: tuple[Fact, ...]
    units: tuple[UnitEntry, ...]
    undated: date  # what has no date is judged by the version in force at the end of the sheet
    span: Span
    exemptions: str
    by_kind: dict[tuple[str, str], list[Fact]] = field(default_factory=dict)
    rivals: dict[tuple[int, str], tuple[Fact, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        sheet: RuleSheet,
        units: tuple[UnitEntry, ...],
        facts: Iterable[Fact],
        period: Span | None = None,
    ) -> FactIndex:
        """Raises InputError for an unknown unit, a unit or a fact given twice."""
        ordered = tuple(sorted(facts, key=_order))
        _refuse_doubles(units, ordered)
        end = sheet.valid_to or date.max
        index = cls(ordered, units, end, period or (sheet.valid_from, end), sheet.exemptions)
        for fact in ordered:
            index.by_kind.setdefault((fact.unit, fact.kind), []).append(fact)
        return index

    @property
    def beside_rules(self) -> frozenset[str]:
        """Kinds of facts that count without a rule that reads them."""
        return frozenset({"self_score", "exemption"} if self.exemptions else {"self_score"})

    def self_scores(self, unit: UnitEntry) -> Sequence[Fact]:
        """What the unit gave itself."""
        return self.by_kind.get((unit.id, "self_score"), [])

    def facts(self, rule: Rule, unit: UnitEntry) -> list[Fact]:
        """What one rule reads of one unit, whether it counts or not."""
        found = self.by_kind.get((unit.id, rule.fact), [])
        if rule.valid_from is not None or rule.valid_to is not None:
            found = [fact for fact in found if rule.holds_on(fact.happened_on or self.undated)]
        if rule.filter.only or rule.filter.unless:
            found = [fact for fact in found if rule.filter.takes(fact, unit)]
        if rule.when is not None:
            found = [fact for fact in found if rule.when.holds(fact_env(fact, unit))]
        return found

    def share(self, rule: Rule, unit: UnitEntry) -> Share:
        """The facts of a unit that count by a rule, and those left aside with the reason."""
        found = self.facts(rule, unit)
        spared = self._exemptions(rule, unit)
        if not spared and not rule.year_only:
            return Share(found)
        counted: list[Fact] = []
        aside: list[tuple[tuple[Fact, ...], str]] = []
        for fact in found:
            why = self._outside(rule, fact)
            grant = next((each for each in spared if _covers(each, fact)), None)
            if why:
                aside.append(((fact,), why))
            elif grant is not None:
                aside.append(((fact, grant), self._spared(fact, grant)))
            else:
                counted.append(fact)
        return Share(counted, aside)

    def _exemptions(self, rule: Rule, unit: UnitEntry) -> list[Fact]:
        """The grants for a rule. A rule that compares units or a veto cannot be spared one of them."""
        if not self.exemptions or rule.body.compares or isinstance(rule.body, Veto):
            return []
        granted = self.by_kind.get((unit.id, "exemption"), [])
        return [fact for fact in granted if fact.rule == rule.id]

    def _spared(self, fact: Fact, grant: Fact) -> str:
        reason = f"（{grant.note}）" if grant.note else ""
        return f"{fact.title or fact.matter or fact.id}免予按本条计分{reason}：{self.exemptions}"

    def _outside(self, rule: Rule, fact: Fact) -> str:
        """Why a fact is not of the assessed period, or an empty text."""
        if not rule.year_only:
            return ""
        name = fact.matter or fact.title or fact.id
        if fact.happened_on is None:
            return f"{name}没有写日期，不能认定属于本考核年度，不计分"
        first, last = self.span
        if first <= fact.happened_on <= last:
            return ""
        return f"{name}（{fact.happened_on}）不在考核年度（{first}至{last}）内，不计分"

    def peers(self, rule: Rule, unit: UnitEntry) -> tuple[Fact, ...]:
        """What a comparing rule reads of all assessed units, or of those of the same group."""
        if not rule.body.compares:
            return ()
        group = unit.group if getattr(rule.body, "within_group", True) else ""
        key = (id(rule), group)
        if key not in self.rivals:
            self.rivals[key] = tuple(
                fact
                for entry in self.units
                if entry.assessed and (not group or entry.group == group)
                for fact in self.share(rule, entry).counted
            )
        return self.rivals[key]


def _covers(grant: Fact, fact: Fact) -> bool:
    """Whether every selector that the grant names agrees; one that names none covers the clause."""
    return all(
        not (asked := getattr(grant, key)) or asked == getattr(fact, key) for key in _SELECTORS
    )


def _order(fact: Fact) -> tuple[date, str]:
    return fact.happened_on or date.max, fact.id


def _refuse_doubles(units: Sequence[UnitEntry], facts: Sequence[Fact]) -> None:
    known = {unit.id for unit in units}
    if len(known) < len(units):
        twice = sorted({unit.id for unit in units if sum(u.id == unit.id for u in units) > 1})
        raise _refusal("unit-twice", f"单位“{twice[0]}”列了两次。", "每个单位只列一次。")
    seen: set[str] = set()
    for fact in facts:
        if fact.unit not in known:
            raise _refusal(
                "unknown-unit",
                f"事实“{fact.id}”的单位“{fact.unit}”不在考核单位里。",
                "把单位列入（可写明不考核及原因），或改正单位。",
            )
        if fact.id in seen:
            raise _refusal("fact-twice", f"事实“{fact.id}”出现了两次。", "同一事实只能计一次分。")
        seen.add(fact.id)


def _refusal(code: str, message: str, way_out: str) -> InputError:
    return InputError.one(code, NOWHERE, message, way_out)
