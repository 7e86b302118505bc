"""Turns facts into scores: pure, exact, in a fixed order.

Every point is a line. Base points, caps and floors are lines too, so the total of a unit is exactly
the sum of its lines; it is rounded half-up once, for show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from duban.assessment.amounts import points_text, shown_total
from duban.assessment.grades import Standing, rank_and_grade
from duban.assessment.kinds_event import Veto
from duban.assessment.model import (
    DUTY_KINDS,
    Case,
    Category,
    Fact,
    Line,
    Rule,
    RuleSheet,
    UnitEntry,
    UnitScore,
)
from duban.errors import NOWHERE, InputError

BASE = "基础分"
TOTAL = "总分限度"


def score(
    sheet: RuleSheet, units: Iterable[UnitEntry], facts: Iterable[Fact]
) -> tuple[UnitScore, ...]:
    """The scores of all units, in the order given.

    Facts of units that are not assessed are left aside. Raises InputError for an unknown unit, a
    unit or a fact given twice: a score on such input could not be defended.
    """
    entries = tuple(units)
    index = _Index.of(sheet, entries, facts)
    lines = {
        entry.id: tuple(_unit_lines(sheet, entry, index)) for entry in entries if entry.assessed
    }
    sums = {unit: sum(line.millipoints for line in found) for unit, found in lines.items()}
    vetoes = {unit: _vetoes(sheet, found) for unit, found in lines.items()}
    standings = rank_and_grade(
        sheet,
        [
            Standing(entry.id, entry.group, _compared(sheet, sums[entry.id]), vetoes[entry.id])
            for entry in entries
            if entry.assessed
        ],
    )
    return tuple(
        _scored(sheet, entry, lines[entry.id], standings[entry.id])
        if entry.assessed
        else _not_assessed(entry)
        for entry in entries
    )


def without_tasks(units: Iterable[UnitEntry], facts: Iterable[Fact]) -> tuple[UnitEntry, ...]:
    """The units, those without any duty among the facts marked *not assessed* (not 100)."""
    owing = {fact.unit for fact in facts if fact.kind in DUTY_KINDS}
    return tuple(
        entry
        if entry.id in owing or not entry.assessed
        else replace(entry, assessed=False, reason="本期没有应办事项")
        for entry in units
    )


def unread_facts(
    sheet: RuleSheet, units: Iterable[UnitEntry], facts: Iterable[Fact]
) -> tuple[Fact, ...]:
    """Facts of assessed units that no rule of the sheet reads: to be told, never dropped silently."""
    entries = tuple(units)
    index = _Index.of(sheet, entries, facts)
    read = {
        fact.id for entry in entries for rule in sheet.rules for fact in index.facts(rule, entry)
    }
    assessed = {entry.id for entry in entries if entry.assessed}
    return tuple(fact for fact in index.all_facts if fact.unit in assessed and fact.id not in read)


@dataclass(slots=True)
class _Index:
    """Facts by unit and kind, in order, and by rule for the rules that compare units."""

    all_facts: tuple[Fact, ...]
    units: tuple[UnitEntry, ...]
    undated: date  # what has no date is judged by the version in force at the end of the sheet
    by_kind: dict[tuple[str, str], list[Fact]] = field(default_factory=dict)
    rivals: dict[tuple[int, str], tuple[Fact, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, sheet: RuleSheet, units: tuple[UnitEntry, ...], facts: Iterable[Fact]) -> _Index:
        ordered = tuple(sorted(facts, key=_order))
        _refuse_doubles(units, ordered)
        index = cls(ordered, units, sheet.valid_to or date.max)
        for fact in ordered:
            index.by_kind.setdefault((fact.unit, fact.kind), []).append(fact)
        return index

    def facts(self, rule: Rule, unit: UnitEntry) -> list[Fact]:
        """What one rule reads of one unit."""
        found = self.by_kind.get((unit.id, rule.fact), [])
        if rule.valid_from is not None or rule.valid_to is not None:
            found = [fact for fact in found if rule.holds_on(fact.happened_on or self.undated)]
        if rule.filter.only or rule.filter.unless:
            found = [fact for fact in found if rule.filter.takes(fact, unit)]
        return found

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
                for fact in self.facts(rule, entry)
            )
        return self.rivals[key]


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


def _unit_lines(sheet: RuleSheet, unit: UnitEntry, index: _Index) -> list[Line]:
    base = _Frame(sheet, unit, BASE, sheet.basis)
    lines = [base.line("base", BASE, sheet.base, f"基础分{points_text(sheet.base)}分")]
    for category in sheet.categories:
        lines += _category_lines(sheet, category, unit, index)
    frame = _Frame(sheet, unit, TOTAL, sheet.basis)
    lines += frame.bounds("total", "总分", lines, sheet.floor, sheet.cap)
    return lines


def _category_lines(
    sheet: RuleSheet, category: Category, unit: UnitEntry, index: _Index
) -> list[Line]:
    frame = _Frame(sheet, unit, category.name, category.basis or sheet.basis)
    lines: list[Line] = []
    if category.base is not None:
        said = f"{category.name}基础分{points_text(category.base)}分"
        lines.append(
            frame.line(f"{category.id}.base", f"{category.name}基础分", category.base, said)
        )
    for rule in sheet.rules:
        if rule.category == category.name:
            lines += _rule_lines(frame, rule, unit, index)
    lines += frame.bounds(category.id, f"“{category.name}”", lines, category.floor, category.cap)
    return lines


def _rule_lines(frame: _Frame, rule: Rule, unit: UnitEntry, index: _Index) -> list[Line]:
    facts = index.facts(rule, unit)
    if not facts and not hasattr(rule.body, "when_none"):
        return []
    case = Case(rule, unit, facts, index.peers(rule, unit))
    lines = list(rule.body.lines(case))
    own = _Frame(frame.sheet, unit, rule.category, rule.basis, rule.version)
    return lines + own.bounds(rule.id, f"“{rule.name}”", lines, rule.floor, rule.cap)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Makes the lines that no fact makes: base points, floors, caps."""

    sheet: RuleSheet
    unit: UnitEntry
    category: str
    basis: str
    version: str = ""

    def line(
        self,
        rule: str,
        words: str,
        millipoints: int,
        sentence: str,
        *,
        arithmetic: str = "",
        fact_ids: tuple[str, ...] = (),
    ) -> Line:
        return Line(
            unit=self.unit.id,
            rule=rule,
            version=self.version or self.sheet.id,
            category=self.category,
            basis=self.basis,
            obligation="",
            fact_ids=fact_ids,
            fact=words,
            evidence=(),
            arithmetic=arithmetic or points_text(millipoints),
            millipoints=millipoints,
            sentence=sentence,
        )

    def bounds(
        self, key: str, what: str, lines: Sequence[Line], floor: int | None, cap: int | None
    ) -> list[Line]:
        """The line that brings a sum back within its bounds; none when it is within."""
        total = sum(line.millipoints for line in lines)
        if cap is not None and total > cap:
            return [self._bound(f"{key}.cap", what, lines, total, cap)]
        if floor is not None and total < floor:
            return [self._bound(f"{key}.floor", what, lines, total, floor)]
        return []

    def _bound(self, rule: str, what: str, lines: Sequence[Line], total: int, bound: int) -> Line:
        is_cap = bound < total
        gap, sum_text, edge = (
            points_text(abs(bound - total)),
            points_text(total),
            points_text(bound),
        )
        said = (
            f"{what}最高{edge}分，超出的{gap}分不计"
            if is_cap
            else f"{what}最低{edge}分，扣完为止，多扣的{gap}分不计"
        )
        ids = dict.fromkeys(fact_id for line in lines for fact_id in line.fact_ids)
        words = f"{what}各行合计{sum_text}，{'最高' if is_cap else '最低'}{edge}"
        return self.line(
            rule,
            words,
            bound - total,
            said,
            arithmetic=f"{edge}−（{sum_text}）",
            fact_ids=tuple(ids),
        )


def _vetoes(sheet: RuleSheet, lines: Iterable[Line]) -> tuple[str, ...]:
    """The effects of the veto rules that were met, each rule once however many facts met it."""
    met = {(line.rule, line.version) for line in lines}
    return tuple(
        rule.body.effect
        for rule in sheet.rules
        if isinstance(rule.body, Veto) and (rule.id, rule.version) in met
    )


def _compared(sheet: RuleSheet, millipoints: int) -> int:
    if sheet.ranking is None or not sheet.ranking.shown:
        return millipoints
    return int(shown_total(millipoints, sheet.digits) * 1000)


def _scored(
    sheet: RuleSheet, entry: UnitEntry, lines: tuple[Line, ...], standing: Standing
) -> UnitScore:
    millipoints = sum(line.millipoints for line in lines)
    grade = sheet.levels[standing.level].name if standing.level is not None else ""
    return UnitScore(
        unit=entry.id,
        name=entry.name,
        group=entry.group,
        assessed=True,
        reason="",
        lines=lines,
        millipoints=millipoints,
        total=shown_total(millipoints, sheet.digits),
        rank=standing.rank,
        grade=grade,
        effects=(*_effect_words(sheet, lines), *standing.notes),
    )


def _effect_words(sheet: RuleSheet, lines: Sequence[Line]) -> list[str]:
    words = []
    for rule in sheet.rules:
        if isinstance(rule.body, Veto):
            met = [line for line in lines if (line.rule, line.version) == (rule.id, rule.version)]
            words += [f"{rule.body.effect}：{line.sentence}" for line in met]
    return words


def _not_assessed(entry: UnitEntry) -> UnitScore:
    return UnitScore(
        unit=entry.id,
        name=entry.name,
        group=entry.group,
        assessed=False,
        reason=entry.reason or "未纳入考核",
        lines=(),
        millipoints=0,
        total=Decimal(0),
        rank=None,
        grade="",
        effects=(),
    )
