"""Tests of a rule sheet for those who own the rules: facts in, expected lines out, in YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from duban.assessment import params
from duban.assessment.amounts import points_text, read_quantity
from duban.assessment.facts import read_facts, read_period, read_units
from duban.assessment.model import Fact, Line, RuleSheet, UnitEntry, UnitScore
from duban.assessment.rules import load_sheet
from duban.assessment.score import score
from duban.errors import InputError, Issues, Place
from duban.yamltext import Row, read_rows

_CONSTANT = ("base", "start")  # last word of the lines that every unit has


@dataclass(frozen=True, slots=True)
class Expected:
    """A line that must come out: ``says`` is a part of its sentence, blank: any sentence."""

    unit: str
    rule: str
    millipoints: int
    says: str

    def fits(self, line: Line) -> bool:
        """Whether a line is the expected one."""
        wanted = (self.unit, self.rule, self.millipoints)
        return wanted == (line.unit, line.rule, line.millipoints) and self.says in line.sentence


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One case: units, facts, and all lines with points that must come out, no more."""

    name: str
    place: Place
    units: tuple[UnitEntry, ...]
    facts: tuple[Fact, ...]
    period: tuple[date, date] | None
    lines: tuple[Expected, ...]
    totals: Mapping[str, Decimal]
    ranks: Mapping[str, Decimal]
    grades: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file and the sheet they are about."""

    sheet: RuleSheet
    tests: tuple[RuleTest, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test and what differed; nothing: it passed."""

    test: RuleTest
    differences: tuple[str, ...]


def load_suite(
    path: Path, shown_as: str, issues: Issues, rules: Path | None = None
) -> Suite | None:
    """The tests of a file; ``rules`` takes the place of the sheet that the file names."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return None
    named = row.text("rules", required=rules is None)
    tests = tuple(_read_test(part) for part in row.rows("tests"))
    row.close()
    if not tests:
        row.issues.error("tests-missing", row.place, "没有写测试。", "补上“tests:”，每项一例。")
    where = rules or (path.parent / named if named else None)
    if where is None:
        return None
    sheet = load_sheet(where, str(where), issues)
    return None if sheet is None else Suite(sheet, tests)


def run_suite(suite: Suite) -> tuple[Outcome, ...]:
    """Score every test; pure."""
    return tuple(Outcome(test, tuple(_differences(suite.sheet, test))) for test in suite.tests)


def _differences(sheet: RuleSheet, test: RuleTest) -> Iterator[str]:
    try:
        counted = [fact for fact in test.facts if fact.sourced]
        found = score(sheet, test.units, counted, test.period)
    except InputError as problem:
        yield f"算不出来：{problem}"
        return
    yield from _line_differences(test, [line for one in found for line in one.lines])
    for one in found:
        yield from _unit_differences(test, one)


def _line_differences(test: RuleTest, lines: Sequence[Line]) -> Iterator[str]:
    left = [line for line in lines if line.rule.rsplit(".", 1)[-1] not in _CONSTANT]
    for expected in test.lines:
        match = next((line for line in left if expected.fits(line)), None)
        if match is not None:
            left.remove(match)
            continue
        near = next((line for line in left if line.rule == expected.rule), None)
        got = f"；算得{_said(near)}" if near is not None else "；这一条没有出分"
        says = f"“…{expected.says}…”" if expected.says else ""
        points = points_text(expected.millipoints)
        yield f"应有：{expected.unit} {expected.rule} {points}分{says}{got}"
        if near is not None:
            left.remove(near)
    yield from (f"多出：{_said(line)}" for line in left if line.millipoints)


def _said(line: Line) -> str:
    points = points_text(line.millipoints)
    return f"{line.unit} {line.rule} {points}分（{line.sentence}；算式 {line.arithmetic}）"


def _unit_differences(test: RuleTest, one: UnitScore) -> Iterator[str]:
    for what, expected, found in (
        ("总分", test.totals.get(one.unit), one.total),
        ("名次", test.ranks.get(one.unit), one.rank),
        ("等次", test.grades.get(one.unit), one.grade),
    ):
        if expected is not None and expected != found:
            shown = "无" if found is None or found == "" else found
            yield f"{one.name}{what}：应为{expected}，算得{shown}"


def _read_test(row: Row) -> RuleTest:
    given = read_units(row)
    group = row.text("group", "测试组") or "测试组"
    units = given or (UnitEntry("甲单位", "甲单位", group),)
    names = {unit.name: unit.id for unit in units} | {unit.id: unit.id for unit in units}
    alone = units[0].id if len(units) == 1 else ""
    if row.node("expect") is None:
        row.issues.error(
            "expect-missing", row.place, "没有写应得的行。", "写“expect:”；不应计分写“expect: []”。"
        )
    lines = tuple(_read_line(part, names, alone) for part in row.rows("expect"))
    test = RuleTest(
        name=row.text("name", required=True),
        place=row.place,
        units=units,
        facts=read_facts(row, units, of_test=True),
        period=read_period(row),
        lines=lines,
        totals=_numbers(row, "total", "totals", names, alone),
        ranks=_numbers(row, "rank", "ranks", names, alone),
        grades=_words(row, "grade", "grades", names, alone),
    )
    row.close()
    return test


def _read_line(row: Row, names: Mapping[str, str], alone: str) -> Expected:
    found = Expected(
        unit=_unit(row, "unit", row.text("unit", alone, required=not alone) or alone, names),
        rule=row.text("rule", required=True),
        millipoints=params.points(row, "points") or 0,
        says=row.text("says"),
    )
    row.close()
    return found


def _unit(row: Row, key: str, name: str, names: Mapping[str, str]) -> str:
    if name and name not in names:
        row.issues.error(
            "unknown-unit",
            row.place_of(key),
            f"单位“{name}”不在 units 里。",
            f"可用：{'、'.join(dict.fromkeys(names.values()))}。",
        )
    return names.get(name, name)


def _numbers(
    row: Row, single: str, many: str, names: Mapping[str, str], alone: str
) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = {}
    for unit, raw in _words(row, single, many, names, alone).items():
        value = read_quantity(raw)
        if value is None:
            row.issues.error(
                "expect-number",
                row.place_of(single if row.has(single) else many),
                f"“{raw}”不是数。",
                "写成数，如 99.8。",
            )
        else:
            found[unit] = value
    return found


def _words(
    row: Row, single: str, many: str, names: Mapping[str, str], alone: str
) -> Mapping[str, str]:
    """One value for the only unit, or one for each unit that is named."""
    found: dict[str, str] = {}
    text, inner = row.text(single), row.row(many)
    if text and not alone:
        row.issues.error(
            "expect-unit",
            row.place_of(single),
            f"有几个单位，“{single}”说的是哪一个？",
            f"写成“{many}: {{甲镇: …}}”。",
        )
    elif text:
        found[alone] = text
    for name in inner.written() if inner else ():
        found[_unit(row, many, name, names)] = inner.text(name) if inner else ""
    return found
