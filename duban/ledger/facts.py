"""Gathers the facts of an assessment from the ledger: plain values, each with its source event.

Only outcomes are facts: whether something came, when, whether it was returned, finished, or reached a
number. Traces (logins, reads, online time, uploads) are not kept in the ledger at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban import clock
from duban.assessment.model import Fact, UnitEntry
from duban.ledger import tables
from duban.ledger.asof import known_at
from duban.ledger.sources import RETURNED, Due, Sources, due_of
from duban.matrix.model import Indicator, Matrix, Task

REPORTS = frozenset({"report", "summary"})
_LEFT_OUT = ("historic", "cancelled", "merged", "unstarted", "suspended")


@dataclass(frozen=True, slots=True)
class Period:
    """The span that is assessed, seen at a moment: what fell due from ``first`` to ``last``."""

    name: str
    first: date
    last: date
    as_of: datetime

    @property
    def months_gone(self) -> int:
        """Whole months of the period that are over at ``as_of`` (12 of a full year)."""
        end = min(clock.day_of(self.as_of), self.last)
        over = (end.year - self.first.year) * 12 + end.month - self.first.month
        return over + (1 if end == self.last else 0)


def year_period(year: int, as_of: datetime) -> Period:
    """A calendar year as seen at a moment."""
    return Period(str(year), date(year, 1, 1), date(year, 12, 31), as_of)


def gather_facts(
    conn: Connection, matrix: Matrix, period: Period
) -> tuple[list[UnitEntry], list[Fact]]:
    """Units and facts of a period, as known at its ``as_of``: what was recorded later is not there yet.

    Units without any duty are marked by ``score.without_tasks``.
    """
    with known_at(conn, period.as_of) as seen:
        return _units(matrix), [*_duties(seen, matrix, period), *_indicators(seen, matrix, period)]


def _duties(conn: Connection, matrix: Matrix, period: Period) -> Iterator[Fact]:
    rows = _obligations(conn, matrix.plan.id, period)
    sources = Sources(conn, [row["key"] for row in rows])
    tasks = matrix.tasks_by_id
    for row in rows:
        due = due_of(row, sources)
        if due.first_at > period.as_of:
            continue
        running = due.at > period.as_of  # extended, and the extension is not over
        yield from _timeliness(row, due, sources, running=running)
        yield from _completion(row, tasks.get(row["task"]), sources, running=running)


def _units(matrix: Matrix) -> list[UnitEntry]:
    return [
        UnitEntry(
            unit.id,
            unit.short,
            unit.group,
            assessed=unit.kind.supervised,
            reason="" if unit.kind.supervised else "企业和事业单位不列入考核",
        )
        for unit in sorted(matrix.directory.units.values(), key=lambda unit: (unit.group, unit.id))
    ]


def _obligations(conn: Connection, plan_id: str, period: Period) -> list[Any]:
    """What was due in the period, by the original due: an extension does not move it to another period."""
    o = tables.obligation.c
    query = (
        sa.select(tables.obligation)
        .where(
            o.plan == plan_id, o.original_due_on >= period.first, o.original_due_on <= period.last
        )
        .where(o.due_at.is_not(None), o.state.notin_(_LEFT_OUT))
        .where(o.original_due_on <= clock.day_of(period.as_of))
        .order_by(o.key)
    )
    return list(conn.execute(query).mappings())


def _role(row: Any) -> str:
    return "support" if row["role"] == "part" else "lead"


def _title(row: Any) -> str:
    return f"{row['title']}（{row['label']}）"


def _fact(
    row: Any, kind: str, event: str, sources: Sources, *, on: date | None = None, **more: Any
) -> Fact:
    """A fact of an obligation; ``on``: its own day, when that is not the day it was due."""
    return Fact(
        id=f"{row['key']}!{kind}",
        unit=row["unit"],
        kind=kind,
        obligation=row["key"],
        task=row["task"],
        title=_title(row),
        role=_role(row),
        weight=row["weight"],
        happened_on=on or row["original_due_on"],
        event=event,
        evidence=sources.files(row["key"]),
        **more,
    )


def _timeliness(row: Any, due: Due, sources: Sources, *, running: bool) -> Iterator[Fact]:
    """Missing, late or on time – charged per time, never per day – and how often it was returned."""
    if row["submitted_at"] is not None:
        yield _received(row, due, sources)
    elif row["kind"] in REPORTS and not running:
        event = sources.event(row["key"], "obligation.missed", "obligation.planned")
        yield _fact(row, "missing", event, sources, note=f"{due.words}，至今未报")
    if row["returned"]:
        yield _returned(row, due, sources)


def _received(row: Any, due: Due, sources: Sources) -> Fact:
    came = clock.local(row["submitted_at"])
    # Imported history brings no report of its own: its day is compared with the due.
    late = sources.late(row["key"]) or (row["versions"] == 0 and came.date() > due.on)
    event = sources.event(row["key"], "obligation.reported", "obligation.adopted")
    note = f"{due.words}，{came:%Y-%m-%d %H:%M}收到"
    if late:
        return _fact(row, "late", event, sources, on=came.date(), note=note)
    return _fact(row, "on_time", event, sources, note=note)


def _returned(row: Any, due: Due, sources: Sources) -> Fact:
    """All returns of an obligation are one fact, of the day of the last one."""
    days = sources.returned(row["key"])
    times = f"，共{row['returned']}次" if row["returned"] > 1 else ""
    return _fact(
        row,
        "returned",
        sources.event(row["key"], RETURNED),
        sources,
        on=max(days, default=None),
        count=row["returned"],
        note=f"{due.words}，{'、'.join(str(day) for day in days)}被退回{times}",
    )


def _completion(row: Any, task: Task | None, sources: Sources, *, running: bool) -> Iterator[Fact]:
    """Finished or not: for the units that owe it, and at half weight for those that support."""
    done = Decimal(1) if row["state"] in {"closed", "submitted"} else Decimal(0)
    if row["kind"] in REPORTS or (running and not done):
        return
    event = sources.event(
        row["key"],
        "obligation.closed",
        "obligation.reported",
        "obligation.missed",
        "obligation.planned",
    )
    note = "已办结" if row["state"] == "closed" else "已报办结，待审核" if done else "未办结"
    own = _fact(row, "completion", event, sources, target=Decimal(1), done=done, note=note)
    yield own
    if task is None or row["unit"] != task.lead[0]:
        return  # supporters share in the outcome once, through the first lead
    for unit in task.support:
        yield Fact(
            id=f"{row['key']}!support:{unit}",
            unit=unit,
            kind="completion",
            obligation=row["key"],
            task=row["task"],
            title=_title(row),
            role="support",
            weight=row["weight"],
            target=Decimal(1),
            done=done,
            happened_on=row["original_due_on"],
            event=event,
            evidence=sources.files(row["key"]),
            note=f"配合：{note}",
        )


# ---- indicators --------------------------------------------------------------------------------


def _indicators(conn: Connection, matrix: Matrix, period: Period) -> Iterator[Fact]:
    values = _values(conn, period)
    whole = _in_use_from(conn, matrix.plan.id) <= period.first
    for indicator in matrix.plan.indicators:
        for unit, targets in _owners(matrix, indicator).items():
            target = _target(indicator, targets, period)
            if target is None:
                continue
            given = values.get((unit, indicator.id), [])
            if not whole and (indicator.measure == "flow" or not given):
                continue  # nobody was asked for what came before the software was in use
            done, event = _done(indicator, given)
            yield Fact(
                id=f"{indicator.id}/{unit}!indicator",
                unit=unit,
                kind="indicator",
                title=indicator.name,
                role="lead",
                target=target[0],
                done=done,
                level=indicator.direction,
                happened_on=min(period.last, clock.day_of(period.as_of)),
                event=event,
                counted_in=indicator.unit,
                note=target[1],
            )


def _in_use_from(conn: Connection, plan_id: str) -> date:
    found = conn.execute(
        sa.select(tables.plan.c.in_use_from).where(tables.plan.c.id == plan_id)
    ).scalar()
    return found or date.max


def _owners(matrix: Matrix, indicator: Indicator) -> Mapping[str, Mapping[int, Decimal]]:
    """Who owes the number: units with a target of their own, else the lead of the task that asks for it."""
    if indicator.unit_targets:
        return indicator.unit_targets
    asking = next((task for task in matrix.plan.tasks if indicator.id in task.indicators), None)
    return {} if asking is None or not indicator.targets else {asking.lead[0]: indicator.targets}


def _target(
    indicator: Indicator, targets: Mapping[int, Decimal], period: Period
) -> tuple[Decimal, str] | None:
    """The target in force: the year's, or its share of the months gone (序时), rounded for the unit."""
    year = period.first.year
    if year not in targets:
        return None
    whole, gone = targets[year], period.months_gone
    if gone >= 12:
        return whole, f"全年目标{whole}{indicator.unit}"
    start = Decimal(0)
    if indicator.measure != "flow":
        start = targets.get(
            year - 1, indicator.baseline if indicator.baseline is not None else Decimal(0)
        )
    share = start + (whole - start) * gone / 12
    places = Decimal(1) if whole == whole.to_integral() else Decimal("0.01")
    return share.quantize(
        places, ROUND_FLOOR
    ), f"全年目标{whole}{indicator.unit}，按序时进度（{gone}/12）计"


def _values(conn: Connection, period: Period) -> dict[tuple[str, str], list[tuple[Decimal, str]]]:
    """(unit, indicator) to the values given in the period, in the order in which they came."""
    s, o = tables.submission.c, tables.obligation.c
    query = (
        sa.select(s.id, s.unit, s.figures)
        .join(tables.obligation, o.key == s.obligation)
        .where(s.figures != "{}", s.state != "returned", s.received_at <= period.as_of)
        .where(o.original_due_on >= period.first, o.original_due_on <= period.last)
        .order_by(o.original_due_on, s.version)
    )
    latest: dict[tuple[str, str, str], tuple[Decimal, str]] = {}
    for submission, unit, figures in conn.execute(query):
        obligation = submission.rsplit("#", 1)[0]
        for indicator, value in json.loads(figures).items():
            latest[unit, indicator, obligation] = (Decimal(value), submission)
    found: dict[tuple[str, str], list[tuple[Decimal, str]]] = {}
    for (unit, indicator, _), value in latest.items():
        found.setdefault((unit, indicator), []).append(value)
    return found


def _done(indicator: Indicator, values: list[tuple[Decimal, str]]) -> tuple[Decimal | None, str]:
    """A flow is the sum of its periods; a stock or cumulative number is the last one given."""
    if not values:
        return None, ""
    if indicator.measure == "flow":
        return sum((value for value, _ in values), Decimal(0)), values[-1][1]
    return values[-1]


def as_json(units: Iterable[UnitEntry], facts: Iterable[Fact]) -> dict[str, Any]:
    """Units and facts as plain JSON, for the frozen inputs of a run."""
    return {
        "units": [
            {
                "id": each.id,
                "name": each.name,
                "group": each.group,
                "assessed": each.assessed,
                "reason": each.reason,
            }
            for each in units
        ],
        "facts": [_fact_json(fact) for fact in facts],
    }


def _fact_json(fact: Fact) -> dict[str, Any]:
    plain = {name: getattr(fact, name) for name in Fact.__dataclass_fields__}
    for name in ("weight", "target", "done"):
        plain[name] = None if plain[name] is None else format(plain[name], "f")
    plain["happened_on"] = None if fact.happened_on is None else fact.happened_on.isoformat()
    plain["evidence"] = list(fact.evidence)
    return {name: value for name, value in plain.items() if value not in ("", None, [])}
