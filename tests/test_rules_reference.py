"""The engine against a naive reading of the same sheet, and what may change when one fact goes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from duban.assessment.model import Fact, RuleSheet, UnitEntry
from duban.assessment.rules import load_sheet
from duban.assessment.score import score
from duban.errors import Issues


def sheet() -> RuleSheet:
    issues = Issues()
    found = load_sheet(Path(__file__).parent / "data/assessment/more.yaml", "more.yaml", issues)
    assert [str(issue) for issue in issues] == []
    assert found is not None
    return found


MORE = sheet()
F = Fraction
UNITS = [UnitEntry(n, n, g) for n, g in (("甲镇", "乡镇"), ("乙镇", "乡镇"), ("丙局", "部门"))]
FACTS = st.lists(
    st.builds(
        Fact,
        id=st.just(""),
        unit=st.sampled_from([unit.id for unit in UNITS]),
        kind=st.sampled_from(
            ["missing", "late", "indicator", "indicator", "bonus", "judged", "exemption"]
        ),
        title=st.sampled_from(["甲", "乙"]),
        role=st.sampled_from(["lead", "support", ""]),
        target=st.sampled_from([Decimal(0), Decimal(3), Decimal("7.5"), None]),
        done=st.sampled_from([None, Decimal(0), Decimal(1), Decimal("2.9"), Decimal(8)]),
        level=st.sampled_from(["国家级", "省级", "县级"]),
        count=st.integers(0, 6),
        happened_on=st.sampled_from([None, date(2023, 12, 31), date(2024, 3, 1), date(2024, 9, 1)]),
        evidence=st.sampled_from([(), ("纪要",)]),
        judge=st.sampled_from(["自评", "考核组", "别人"]),
        rule=st.sampled_from(["M-1", "M-6", "M-8", "M-3"]),
    ),
    min_size=1,
    max_size=16,
).map(lambda facts: [replace(fact, id=f"f{n:02}") for n, fact in enumerate(facts)])

# ── the same sheet once more, as one would work it out with pencil and paper ──


def rounded(value: Fraction, step: str, mode: str) -> Fraction:
    exact = abs(value) / F(step)
    low = math.floor(exact)
    rest = exact - low
    more = {"half_up": rest >= F(1, 2), "up": rest > 0, "down": False}[mode]
    return (low + more) * F(step) * (1 if value >= 0 else -1)


def within(value: Fraction, floor: int | None, cap: int | None) -> Fraction:
    value = value if cap is None else min(value, F(cap))
    return value if floor is None else max(value, F(floor))


def own(facts: Iterable[Fact], unit: str, kind: str, rule: str) -> list[Fact]:
    """A unit's facts of a kind in order of day, without those spared."""
    mine = [fact for fact in facts if fact.unit == unit]
    spared = {f.title for f in mine if f.kind == "exemption" and f.rule == rule}
    found = [f for f in mine if f.kind == kind and f.title not in spared]
    return sorted(found, key=lambda f: (f.happened_on or date.max, f.id))


def rate(fact: Fact) -> Fraction:
    done, target = F(fact.done or 0), F(fact.target or 0)
    return (done / target) if target else F(1 if done >= 0 else 0)


def m1(facts: Sequence[Fact], unit: str) -> Fraction:
    total, seen = F(8), {"甲": 0, "乙": 0}
    for fact in own(facts, unit, "late", "M-1"):
        for _ in range(fact.count):
            seen[fact.title] += 1
            total -= F("0.5") * {1: F(1), 2: F(2)}.get(seen[fact.title], F("3.5"))
    return within(total, -4, None)


def m2(facts: Sequence[Fact], unit: str) -> Fraction:
    total = F(0)
    for fact in own(facts, unit, "indicator", "M-2"):
        if fact.title != "甲" or fact.target is None:
            continue
        gap = (rate(fact) - 1) * 100
        points = F(10)
        if gap < 0:
            near, far = min(-gap, F(10)), max(-gap - 10, F(0))
            points -= rounded(near * F("0.2"), "0.001", "half_up")
            points -= rounded(far / 2 * F("0.5"), "0.001", "half_up")
        else:
            points += rounded(min(gap, F(20)) / 5 * F("0.5"), "0.001", "half_up")
        total += within(points, 0, 12)
    return total


def m3(facts: Sequence[Fact], unit: str) -> Fraction:
    group = next(each.group for each in UNITS if each.id == unit)
    sums: dict[str, Fraction] = {}
    for each in UNITS:
        mine = [f for f in facts if f.unit == each.id and f.kind == "indicator" and f.title == "乙"]
        if each.group == group and mine:
            sums[each.id] = sum((F(f.done or 0) for f in mine), F(0))
    if unit not in sums:
        return F(0)
    low, high = min(sums.values()), max(sums.values())
    share = F(1) if low == high else F("0.6") + F("0.4") * (sums[unit] - low) / (high - low)
    return within(rounded(20 * share, "0.01", "half_up"), 0, 20)


def m4(facts: Sequence[Fact], unit: str) -> Fraction:
    total = F(0)
    for fact in own(facts, unit, "bonus", "M-4"):
        if fact.happened_on is None or fact.happened_on.year != 2024:
            continue
        table, factors = {"国家级": F(3), "省级": F(2)}, {"lead": F(1), "support": F("0.35")}
        if fact.level in table and fact.role in factors:
            points = table[fact.level] * factors[fact.role] * fact.count
            total += rounded(points, "0.01", "up")
    return within(total, 0, 15)


def m5(facts: Sequence[Fact], unit: str) -> Fraction:
    total = F(0)
    for title in ("甲", "乙"):
        means = {}
        for judge in ("自评", "考核组"):
            given = [
                F(f.done)
                for f in facts
                if (f.unit, f.kind, f.title, f.judge) == (unit, "judged", title, judge)
                and f.done is not None
                and f.evidence
            ]
            if given:
                means[judge] = sum(given, F(0)) / len(given)
        if len(means) == 2:
            mean = means["自评"] * F("0.2") + means["考核组"] * F("0.8")
            total += rounded(15 * mean / 100, "0.01", "half_up")
    return total


def m6(facts: Sequence[Fact], unit: str) -> Fraction:
    mine = own(facts, unit, "missing", "M-6")
    return -min(F(5), F("0.3") * sum(f.count for f in mine) + F("0.1") * len(mine))


def m8(facts: Sequence[Fact], unit: str) -> Fraction:
    total = F(0)
    for fact in own(facts, unit, "indicator", "M-8"):
        reached = rate(fact) if fact.target is not None else F(1)
        if fact.title == "甲" and reached < F("0.6"):
            total += max(F(-3), -F("0.1") * math.ceil((F("0.6") - reached) * 100))
    return total


def by_hand(facts: Sequence[Fact], unit: str) -> Fraction:
    weighed = within(m1(facts, unit) + m2(facts, unit) + m3(facts, unit), -20, None)
    other = within(m4(facts, unit) + m5(facts, unit), None, 60)
    missing = m6(facts, unit)
    halved = rounded(-m4(facts, unit) / 2, "0.01", "half_up") if missing < -1 else F(0)
    return (
        10
        + rounded(weighed * F("0.4"), "0.001", "half_up")
        + rounded(other * F("0.6"), "0.01", "down")
        + missing
        + halved
        + m8(facts, unit)
    )


@settings(max_examples=300, deadline=None)
@given(FACTS)
def test_the_engine_agrees_with_pencil_and_paper(facts: list[Fact]) -> None:
    for one in score(MORE, UNITS, facts):
        assert F(one.millipoints, 1000) == by_hand(facts, one.unit)
        assert one.millipoints == sum(line.millipoints for line in one.lines)
        assert abs(one.total * 1000 - one.millipoints) <= 5
        assert all(type(line.millipoints) is int and line.sentence for line in one.lines)


# ── one fact less ──


def reached_by(fact: Fact) -> set[str]:
    """The rules that read a fact, those that use their points, and the bounds and weights above them."""
    reading = {rule.id for rule in MORE.rules if fact.kind == rule.fact}
    reading |= {fact.rule} if fact.kind == "exemption" else set()
    for _ in MORE.rules:
        reading |= {rule.id for rule in MORE.rules if reading & set(rule.refs)}
    return reading


@settings(max_examples=200, deadline=None)
@given(FACTS, st.data())
def test_removing_a_fact_changes_its_lines_and_what_depends_on_them(
    facts: list[Fact], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(facts))
    before = {one.unit: one for one in score(MORE, UNITS, facts)}
    reached = reached_by(gone)
    for after in score(MORE, UNITS, [fact for fact in facts if fact is not gone]):
        old = before[after.unit].lines
        kept = [line for line in old if gone.id not in line.fact_ids]
        assert [line for line in kept if line not in after.lines] == []
        for line in after.lines:
            rule, _, part = line.rule.partition(".")
            assert line in old or rule in reached or part in {"cap", "floor", "weight"}


@settings(max_examples=50, deadline=None)
@given(FACTS)
def test_the_order_of_facts_does_not_matter(facts: list[Fact]) -> None:
    assert score(MORE, UNITS, facts) == score(MORE, UNITS, list(reversed(facts)))
