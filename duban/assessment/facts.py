"""Reads a file of units and facts (YAML, or JSON, which is YAML too) for scoring without a ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from duban.assessment.amounts import read_quantity
from duban.assessment.model import FACT_KINDS, Fact, UnitEntry
from duban.assessment.score import without_tasks
from duban.assessment.traces import TRACE_BASIS, trace_in
from duban.errors import Issues
from duban.yamltext import Row, read_rows

_NUMBER = "数（最多六位小数）"
_OF_TEST = "条款测试"  # the source of a test's facts that name none
# Kinds whose title is written for the score itself: there a trace of use would count.
_TITLED = frozenset({"indicator", "bonus", "deduction", "judged", "veto"})


@dataclass(frozen=True, slots=True)
class FactFile:
    """Units and facts of a file. ``unsourced``: facts without event or evidence; they do not count."""

    units: tuple[UnitEntry, ...] = ()
    facts: tuple[Fact, ...] = ()
    unsourced: tuple[Fact, ...] = ()
    period: tuple[date, date] | None = None


def load_facts(path: Path, shown_as: str, issues: Issues) -> FactFile:
    """Units and facts of a file; mistakes go to ``issues``. Units without a duty are not assessed."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return FactFile()
    units = read_units(row)
    if not units:
        row.issues.error("units-missing", row.place, "没有列考核单位。", "补上“units:”。")
    facts = read_facts(row, units)
    period = read_period(row)
    row.close()
    counted = tuple(fact for fact in facts if fact.sourced)
    unsourced = tuple(fact for fact in facts if not fact.sourced)
    return FactFile(without_tasks(units, counted), counted, unsourced, period)


def read_period(row: Row) -> tuple[date, date] | None:
    """The assessed days under ``period``, or None."""
    inner = row.row("period")
    if inner is None:
        return None
    inner.text("from", required=True)
    inner.text("to", required=True)
    found = inner.day("from") or date.min, inner.day("to") or date.max
    inner.close()
    return found


def read_facts(row: Row, units: Sequence[UnitEntry], *, of_test: bool = False) -> tuple[Fact, ...]:
    """The facts under ``facts``. In a rule test id, unit and evidence may be left out."""
    names = {unit.id: unit.id for unit in units} | {unit.name: unit.id for unit in units}
    rows = row.rows("facts")
    facts = [
        _read_fact(part, names, f"f{number}" if of_test else "")
        for number, part in enumerate(rows, 1)
    ]
    _refuse_twice(rows, facts)
    return tuple(facts)


def read_units(row: Row) -> tuple[UnitEntry, ...]:
    """The units under ``units``; who is not assessed has a reason."""
    found: dict[str, UnitEntry] = {}
    for part in row.rows("units"):
        unit = UnitEntry(
            id=part.text("id", required=True),
            name=part.text("name", required=True),
            group=part.text("group", required=True),
            assessed=part.flag("assessed", default=True),
            reason=part.text("reason"),
        )
        part.close()
        if not unit.assessed and not unit.reason:
            part.issues.error(
                "reason-missing",
                part.place,
                f"“{unit.name}”不纳入考核，没有写原因。",
                "补上“reason: …”。",
            )
        if unit.id in found:
            part.issues.error(
                "unit-twice", part.place, f"单位“{unit.id}”列了两次。", "删去其中一个。"
            )
        found[unit.id] = unit
    return tuple(found.values())


def _read_fact(row: Row, names: Mapping[str, str], test_id: str) -> Fact:
    kind = _read_kind(row)
    first = next(iter(names), "") if test_id else ""
    asked = row.text("unit", first, required=not first) or first
    evidence = tuple(text.raw for text in row.texts("evidence"))
    if asked and asked not in names:
        row.issues.error(
            "unknown-unit",
            row.place_of("unit"),
            f"单位“{asked}”不在 units 里。",
            "写 units 里的 id 或 name。",
        )
    fact = Fact(
        id=row.text("id", test_id, required=not test_id) or test_id,
        unit=names.get(asked, asked),
        kind=kind,
        obligation=row.text("obligation"),
        task=row.text("task"),
        title=row.text("title"),
        role=row.choice("role", ("lead", "support")),
        weight=_quantity(row, "weight") or Decimal(1),
        target=_quantity(row, "target"),
        done=_quantity(row, "done"),
        level=row.text("level"),
        matter=row.text("matter"),
        count=row.integer("count", 1, least=0),
        happened_on=row.day("happened_on"),
        event=row.text("event"),
        evidence=evidence if row.has("evidence") or not test_id else (_OF_TEST,),
        note=row.text("note"),
        counted_in=row.text("counted_in"),
        days=row.integer("days", 0, least=0) if row.has("days") else None,
        judge=row.text("judge"),
        rule=row.text("rule"),
    )
    row.close()
    _check_needs(row, fact)
    return fact


def _quantity(row: Row, key: str) -> Decimal | None:
    value: Decimal | None = row.convert(key, read_quantity, _NUMBER, None)
    if value is not None and value < 0 and key == "weight":
        row.issues.error("weight", row.place_of(key), "权重不能小于 0。", "写成 0 或正数。")
    return value


def _read_kind(row: Row) -> str:
    for key in ("kind", "title", "matter", "level"):
        word = trace_in(row.text(key))
        if word and (key == "kind" or row.text("kind") in _TITLED):
            row.issues.error(
                "trace-fact",
                row.place_of(key),
                f"“{word}”是使用痕迹，不是工作结果，{TRACE_BASIS}不允许据此计分。",
                f"改为结果类事实：{'、'.join(FACT_KINDS)}。",
            )
            return ""
    return row.choice("kind", tuple(FACT_KINDS), required=True)


def _check_needs(row: Row, fact: Fact) -> None:
    if fact.kind == "judged" and not fact.evidence:
        row.issues.error(
            "evidence-missing", row.place, "评定没有写依据。", "补上“evidence: [评议表…]”。"
        )
    if fact.kind == "indicator" and fact.target is None:
        row.issues.error("target-missing", row.place, "指标没有写目标。", "补上“target: …”。")
    if fact.kind == "exemption" and not (fact.rule and fact.evidence):
        row.issues.error(
            "exemption-rule",
            row.place,
            "免予计分没有写哪一条，或没有写批准的依据。",
            "补上“rule: 条款编号”和“evidence: [批准文件]”。",
        )
    if fact.kind == "self_score" and fact.done is None:
        row.issues.error("self-score", row.place, "自评没有写分数。", "补上“done: 98”。")


def _refuse_twice(rows: Sequence[Row], facts: Sequence[Fact]) -> None:
    seen: set[str] = set()
    for fact, part in zip(facts, rows, strict=True):
        if fact.id in seen:
            part.issues.error(
                "fact-twice",
                part.place_of("id"),
                f"事实“{fact.id}”写了两次。",
                "同一事实只能计一次分；另一件事请换一个 id。",
            )
        seen.add(fact.id)
