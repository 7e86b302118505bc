"""Reads for the dashboard: months on record, spans of tasks, asks, and histories. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban import clock
from duban.ledger import ladder, tables
from duban.ledger.events import Event
from duban.ledger.queries import Row

_o, _s, _l = tables.obligation.c, tables.submission.c, tables.lamp.c
_e, _n = tables.event.c, tables.notice.c
_CHUNK = 500
NOT_COUNTED = ("historic", "cancelled", "merged", "unstarted", "suspended")
"""States that are neither in time nor late."""


# ---- months ------------------------------------------------------------------------------------


def month_lamps(conn: Connection, first: str, last: str) -> list[Row]:
    """Unit, month, lamp and how many showed it: as recorded when the month closed (``2026-03``)."""
    query = (
        sa.select(_l.unit, _l.month, _l.colour, _l.name, sa.func.count().label("number"))
        .where(_l.month.between(first, last))
        .group_by(_l.unit, _l.month, _l.colour, _l.name)
        .order_by(_l.unit, _l.month)
    )
    return list(conn.execute(query).mappings())


def recorded_months(conn: Connection) -> list[str]:
    """Every month whose lamps were recorded, oldest first."""
    return list(conn.execute(sa.select(_l.month).distinct().order_by(_l.month)).scalars())


def cell_lamps(conn: Connection, unit: str, month: str) -> list[Row]:
    """What a unit's month showed when it closed, each with its obligation as it is now."""
    query = (
        sa.select(
            tables.obligation,
            _l.colour.label("lamp_colour"),
            _l.name.label("lamp_name"),
            _l.why.label("lamp_why"),
            _l.policy.label("lamp_policy"),
        )
        .join(tables.lamp, _l.obligation == _o.key)
        .where(_l.unit == unit, _l.month == month)
        .order_by(_o.due_on, _o.key)
    )
    return list(conn.execute(query).mappings())


def lamps_recorded_at(conn: Connection, month: str) -> datetime | None:
    """When a month's lamps were recorded, by our own stamp; None while they are not."""
    query = sa.select(sa.func.min(_e.recorded_at)).where(
        _e.subject == f"lamps:{month}", _e.kind == "lamps.recorded"
    )
    found: datetime | None = conn.execute(query).scalar()
    return found


def cell_due(conn: Connection, unit: str, first: date, last: date) -> list[Row]:
    """A unit's obligations that count towards being in time between two days (see ``came_due``)."""
    counted = sa.case((_o.extended > 0, _o.due_on), else_=_o.original_due_on)
    query = (
        sa.select(tables.obligation, counted.label("counted_on"))
        .where(_o.unit == unit, _o.state.notin_(NOT_COUNTED), counted.between(first, last))
        .order_by(counted, _o.key)
    )
    return list(conn.execute(query).mappings())


def running(conn: Connection, first: date, last: date) -> list[Row]:
    """What runs at some time between two days: not closed before, opened by the end, with a due."""
    return ladder.live_in(conn, first, last, clock.end_of(last))


# ---- tasks -------------------------------------------------------------------------------------


def task_spans(conn: Connection) -> list[Row]:
    """Task to its first opening and last due, how many obligations it has and how many are done."""
    done = sa.func.sum(sa.case((_o.state == "closed", 1), else_=0))
    query = (
        sa.select(
            _o.task,
            sa.func.min(_o.opens_on).label("opens_on"),
            sa.func.max(_o.due_on).label("due_on"),
            sa.func.count().label("number"),
            done.label("done"),
        )
        .where(_o.state.notin_(("historic", "cancelled", "merged")))
        .group_by(_o.task)
        .order_by(_o.task)
    )
    return list(conn.execute(query).mappings())


# ---- the burden --------------------------------------------------------------------------------


def asked_between(conn: Connection, since: datetime, until: datetime) -> list[Row]:
    """Every report that was asked for in [since, until): unit, task, when."""
    query = (
        sa.select(_o.unit, _o.task, _o.title, _o.requested_at)
        .where(_o.requested_at >= since, _o.requested_at < until)
        .order_by(_o.requested_at, _o.key)
    )
    return list(conn.execute(query).mappings())


# ---- evidence and history ----------------------------------------------------------------------


def submissions_of(conn: Connection, keys: Sequence[str]) -> dict[str, list[Row]]:
    """Obligation to its submissions, newest first."""
    found: dict[str, list[Row]] = {}
    for start in range(0, len(keys), _CHUNK):
        query = (
            sa.select(tables.submission)
            .where(_s.obligation.in_(keys[start : start + _CHUNK]))
            .order_by(_s.obligation, _s.version.desc())
        )
        for row in conn.execute(query).mappings():
            found.setdefault(row["obligation"], []).append(row)
    return found


@dataclass(frozen=True, slots=True)
class Of:
    """Whose history is asked for; one of the three."""

    obligation: str = ""
    task: str = ""
    unit: str = ""

    def where(self) -> sa.ColumnElement[bool]:
        """Its events: those of its obligations, and of the listing of its tasks."""
        if self.obligation:
            listed = self.obligation.split("/", maxsplit=1)[0]
            return sa.or_(_e.obligation == self.obligation, _listing(listed))
        if self.task:
            keys = sa.select(_o.key).where(_o.task == self.task)
            return sa.or_(_e.obligation.in_(keys), _e.subject == f"task:{self.task}")
        return _e.obligation.in_(sa.select(_o.key).where(_o.unit == self.unit))


def _listing(task: str) -> sa.ColumnElement[bool]:
    return sa.and_(_e.kind == "obligations.expanded", _e.subject == f"task:{task}")


def history(
    conn: Connection,
    of: Of,
    until: datetime,
    *,
    without: Sequence[str] = (),
    before: int = 0,
    limit: int = 0,
) -> list[Event]:
    """Events recorded by a moment, newest first. ``without``: kinds left out; ``before``: a number."""
    query = sa.select(tables.event).where(of.where(), _e.recorded_at <= until)
    if without:
        query = query.where(_e.kind.notin_(list(without)))
    if before:
        query = query.where(_e.seq < before)
    if limit:
        query = query.limit(limit)
    rows = conn.execute(query.order_by(_e.seq.desc())).mappings()
    return [Event(**{**row, "data": json.loads(row["data"])}) for row in rows]


def titles(conn: Connection, keys: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Obligation to its title, label and unit."""
    found: dict[str, tuple[str, str, str]] = {}
    for start in range(0, len(keys), _CHUNK):
        query = sa.select(_o.key, _o.title, _o.label, _o.unit).where(
            _o.key.in_(keys[start : start + _CHUNK])
        )
        found |= {key: (title, label, unit) for key, title, label, unit in conn.execute(query)}
    return found


def notices_by(conn: Connection, obligation: str, until: datetime) -> list[dict[str, Any]]:
    """What was said and not said about an obligation and decided by a moment, newest first."""
    query = (
        sa.select(tables.notice)
        .where(_n.obligation == obligation, _n.decided_at <= until)
        .order_by(_n.decided_at.desc(), _n.id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]
