"""Turns facts into scores: pure, exact, in a fixed order.

Every point is a line. Base points, caps and floors are lines too, so the total of a unit is exactly
the sum of its lines; it is rounded half-up once, for show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from duban.assessment.amounts import (
    MICRO,
    micro,
    percent_text,
    points_text,
    round_ratio,
    shown_total,
)
from duban.assessment.factindex import FactIndex, Span, left_aside, needs_facts
from duban.assessment.grades import Standing, rank_and_grade
from duban.assessment.kinds_event import Veto
from duban.assessment.model import (
    DUTY_KINDS,
    Case,
    Category,
    Fact,
    Line,
    Result,
    Rule,
    RuleSheet,
    UnitEntry,
    UnitScore,
)
from duban.assessment.sheetchecks import in_order

BASE = "基础分"
TOTAL = "总分限度"


def score(
    sheet: RuleSheet,
    units: Iterable[UnitEntry],
    facts: Iterable[Fact],
    period: Span | None = None,
) -> tuple[UnitScore, ...]:
    """The scores of all units, in the order given.

    ``period``: the assessed days, for clauses that count only what happened in them; without it the
    days on which the sheet is valid.
    Facts of units that are not assessed are left aside. Raises InputError for an unknown unit, a
    unit or a fact given twice: a score on such input could not be defended.
    """
    entries = tuple(units)
    index = FactIndex.of(sheet, entries, facts, period)
    order = in_order(sheet.rules)
    lines = {
        entry.id: tuple(_unit_lines(sheet, order, entry, index))
        for entry in entries
        if entry.assessed
    }
    sums = {unit: sum(line.millipoints for line in found) for unit, found in lines.items()}
    vetoes = {unit: _vetoes(sheet, found) for unit, found in lines.items()}
    standings = rank_and_grade(
        sheet,
        [
            Standing(
                entry.id,
                entry.group,
                _compared(sheet, sums[entry.id]),
                vetoes[entry.id],
                _breaks(sheet, lines[entry.id]),
            )
            for entry in entries
            if entry.assessed
        ],
    )
    return tuple(
        _scored(sheet, entry, lines[entry.id], standings[entry.id], index)
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
    index = FactIndex.of(sheet, entries, facts)
    read = {
        fact.id for entry in entries for rule in sheet.rules for fact in index.facts(rule, entry)
    } | {fact.id for fact in index.all_facts if fact.kind in index.beside_rules}
    assessed = {entry.id for entry in entries if entry.assessed}
    return tuple(fact for fact in index.all_facts if fact.unit in assessed and fact.id not in read)


def _unit_lines(
    sheet: RuleSheet, order: Sequence[Rule], unit: UnitEntry, index: FactIndex
) -> list[Line]:
    base = _Frame(sheet, unit, BASE, sheet.basis)
    lines = [base.line("base", BASE, sheet.base, f"基础分{points_text(sheet.base)}分")]
    found = _results(sheet, order, unit, index)
    for category in sheet.categories:
        lines += _category_lines(sheet, category, unit, found)
    frame = _Frame(sheet, unit, TOTAL, sheet.basis)
    lines += frame.bounds("total", "总分", lines, sheet.floor, sheet.cap)
    return lines


def _results(
    sheet: RuleSheet, order: Sequence[Rule], unit: UnitEntry, index: FactIndex
) -> Mapping[int, list[Line]]:
    """The lines of each rule; a rule that uses another's points comes after it."""
    by_id: dict[str, Result] = {}
    found: dict[int, list[Line]] = {}
    for rule in order:
        others = {ref: by_id[ref] for ref in rule.refs if ref in by_id}
        lines = _rule_lines(sheet, rule, unit, index, others)
        found[id(rule)] = lines
        before = by_id.get(rule.id, Result(0, ()))
        by_id[rule.id] = Result(
            before.millipoints + sum(line.millipoints for line in lines),
            before.fact_ids + tuple(key for line in lines for key in line.fact_ids),
        )
    return found


def _category_lines(
    sheet: RuleSheet, category: Category, unit: UnitEntry, found: Mapping[int, list[Line]]
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
            lines += found[id(rule)]
    lines += frame.bounds(category.id, f"“{category.name}”", lines, category.floor, category.cap)
    return lines + frame.weighed(category, lines)


def _rule_lines(
    sheet: RuleSheet,
    rule: Rule,
    unit: UnitEntry,
    index: FactIndex,
    others: Mapping[str, Result],
) -> list[Line]:
    own = _Frame(sheet, unit, rule.category, rule.basis, rule.version)
    lines: list[Line] = []
    if rule.start is not None and rule.filter.concerns(unit):
        said = f"“{rule.name}”起评{points_text(rule.start)}分"
        lines.append(own.line(f"{rule.id}.start", f"{rule.name}起评分", rule.start, said))
    share = index.share(rule, unit)
    if share.counted or not needs_facts(rule):
        peers = index.peers(rule, unit)
        lines += rule.body.lines(Case(rule, unit, share.counted, peers, others))
    aside = Case(rule, unit, share.counted)
    lines += [left_aside(aside, fact, why) for fact, why in share.aside]
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

    def weighed(self, category: Category, lines: Sequence[Line]) -> list[Line]:
        """The line that brings the sum of a category to its weight (本类按 30% 折算)."""
        if category.weight is None:
            return []
        total = sum(line.millipoints for line in lines)
        counted = category.rounding.apply(total * category.weight, MICRO)
        share, ids = percent_text(category.weight, MICRO), _ids(lines)
        said = f"“{category.name}”得{points_text(total)}分，按权重{share}折算为{points_text(counted)}分"
        sum_words = (
            f"{points_text(total)}×{share}＝{points_text(counted)}（{category.rounding.words}）"
        )
        return [
            self.line(
                f"{category.id}.weight",
                f"“{category.name}”各行合计{points_text(total)}，权重{share}",
                counted - total,
                said,
                arithmetic=f"{sum_words}，{points_text(counted)}−（{points_text(total)}）",
                fact_ids=ids,
            )
        ]

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
        ids = _ids(lines)
        words = f"{what}各行合计{sum_text}，{'最高' if is_cap else '最低'}{edge}"
        return self.line(
            rule,
            words,
            bound - total,
            said,
            arithmetic=f"{edge}−（{sum_text}）",
            fact_ids=ids,
        )


def _ids(lines: Iterable[Line]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact_id for line in lines for fact_id in line.fact_ids))


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


def _breaks(sheet: RuleSheet, lines: Sequence[Line]) -> tuple[int, ...]:
    """The points that decide among equals, category by category."""
    names = sheet.ranking.tie_break if sheet.ranking else ()
    return tuple(sum(line.millipoints for line in lines if line.category == name) for name in names)


def _scored(
    sheet: RuleSheet,
    entry: UnitEntry,
    lines: tuple[Line, ...],
    standing: Standing,
    index: FactIndex,
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
        beside=tuple(_beside(sheet, fact, lines) for fact in index.self_scores(entry)),
    )


def _beside(sheet: RuleSheet, fact: Fact, lines: Sequence[Line]) -> str:
    """What a unit gave itself beside what it got, for the whole or for one clause."""
    keys = {fact.rule} | {f"{fact.rule}.{part}" for part in ("start", "cap", "floor")}
    counted = [line for line in lines if not fact.rule or line.rule in keys]
    own = sum(line.millipoints for line in counted)
    given = round_ratio(micro(fact.done or Decimal(0)), 1000, "half_up")
    name = next((rule.name for rule in sheet.rules if rule.id == fact.rule), fact.rule)
    what = f"“{name}”" if fact.rule else "总分"
    return f"{what}自评{points_text(given)}分，考核得{points_text(own)}分，相差{points_text(own - given)}分"


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
