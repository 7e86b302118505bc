"""Figures for digests and forms: plain reads that gather what happened, without deciding anything.

Only obligations that count are gathered: what lay before the software was in use, was cancelled or was
merged into another never enters a figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import tables
from duban.matrix.model import UnitKind

__all__ = [  # with Connection, so that readers need not know the database
    "Connection",
    "Detour",
    "Duty",
    "Figures",
    "Lit",
    "Raised",
    "SentOut",
    "detours",
    "duties",
    "gather",
    "lit",
    "raised",
    "returns",
    "sent",
]

NOT_COUNTED = ("historic", "cancelled", "merged")
UNSETTLED = ("failed", "unknown", "expired")
_o, _n, _m, _p = tables.obligation.c, tables.notice.c, tables.message.c, tables.proposal.c


@dataclass(frozen=True, slots=True)
class Duty:
    """An obligation that counts, with its unit and what its last report said of problems.

    ``late``: whether the report that answered it came in late, by our own stamp; None: no such report.
    """

    key: str
    task: str
    title: str
    label: str
    kind: str
    unit: str
    unit_name: str
    unit_kind: UnitKind
    group: str
    opens_on: date | None
    due_on: date | None
    due_at: datetime | None
    original_due_on: date | None
    state: str
    round: int
    extended: int
    returned: int
    requested_at: datetime | None
    submitted_at: datetime | None
    closed_at: datetime | None
    late: bool | None
    problem: str


@dataclass(frozen=True, slots=True)
class Raised:
    """An escalation step that was raised on an obligation."""

    id: str
    obligation: str
    task: str
    title: str
    label: str
    unit: str
    unit_name: str
    step: str
    name: str
    round: int
    raised_at: datetime
    state: str
    decided_at: datetime | None
    obligation_state: str


@dataclass(frozen=True, slots=True)
class SentOut:
    """A message that carried notices and was handed over."""

    unit: str
    post: str
    settled_at: datetime


@dataclass(frozen=True, slots=True)
class Detour:
    """A notice that did not reach the post it was meant for.

    ``to_unit`` and ``to_post``: who got it instead; ``state`` and ``address`` tell whether anybody did.
    """

    unit: str
    unit_name: str
    post: str
    to_unit: str
    to_unit_name: str
    to_post: str
    state: str
    address: str


@dataclass(frozen=True, slots=True)
class Lit:
    """How many obligations of a unit showed a lamp when a month closed."""

    month: str
    unit: str
    name: str
    colour: str
    count: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a digest is made from."""

    duties: tuple[Duty, ...]
    raised: tuple[Raised, ...]
    returns: tuple[datetime, ...]
    sent: tuple[SentOut, ...]
    detours: tuple[Detour, ...]
    lamps: tuple[Lit, ...] = ()


Units = frozenset[str] | None
"""The units that are asked about; None: all."""


def gather(
    conn: Connection,
    plan: str,
    *,
    since: datetime,
    week_since: datetime,
    until: datetime,
    units: Units = None,
) -> Figures:
    """What the digest needs of a plan: every duty and step, what was sent in [since, until), and what
    went astray in [week_since, until). ``units``: of these alone.
    """
    return Figures(
        duties=duties(conn, plan, units),
        raised=raised(conn, plan, until, units),
        returns=returns(conn, plan, since, until, units),
        sent=sent(conn, since, until, units),
        detours=detours(conn, week_since, until, units),
        lamps=lit(conn, plan, until, units),
    )


def _of(column: Any, units: Units) -> sa.ColumnElement[bool]:
    return sa.true() if units is None else column.in_(sorted(units))


LIT_MONTHS = 6


def lit(conn: Connection, plan: str, until: datetime, units: Units = None) -> tuple[Lit, ...]:
    """The lamps of the newest closed months before a moment, by month, unit and lamp."""
    lamp = tables.lamp.c
    last = f"{until:%Y-%m}"
    closed = (
        sa.select(lamp.month)
        .where(lamp.month < last)
        .group_by(lamp.month)
        .order_by(lamp.month.desc())
        .limit(LIT_MONTHS)
    )
    months = list(conn.execute(closed).scalars())
    query = (
        sa.select(lamp.month, lamp.unit, lamp.name, lamp.colour, sa.func.count())
        .join(tables.obligation, _o.key == lamp.obligation)
        .where(lamp.month.in_(months), _o.plan == plan, _of(lamp.unit, units))
        .group_by(lamp.month, lamp.unit, lamp.name, lamp.colour)
        .order_by(lamp.month, lamp.unit, lamp.name)
    )
    return tuple(Lit(*row) for row in conn.execute(query))


def duties(conn: Connection, plan: str, units: Units = None) -> tuple[Duty, ...]:
    """Every obligation of a plan that counts, in the order of its key."""
    u, answer, last = tables.unit.c, tables.submission.alias(), tables.submission.alias()
    late = (
        sa.select(sa.func.max(answer.c.late))
        .where(answer.c.obligation == _o.key, answer.c.received_at == _o.submitted_at)
        .scalar_subquery()
    )
    query = (
        sa.select(
            *(_o[name] for name in ("key", "task", "title", "label", "kind", "unit")),
            u.short.label("unit_name"),
            u.kind.label("unit_kind"),
            u.grp.label("group"),
            *(_o[name] for name in ("opens_on", "due_on", "due_at", "original_due_on", "state")),
            *(_o[name] for name in ("round", "extended", "returned", "requested_at")),
            *(_o[name] for name in ("submitted_at", "closed_at")),
            late.label("late"),
            sa.func.coalesce(last.c.problem, "").label("problem"),
        )
        .join(tables.unit, u.id == _o.unit)
        .join(last, last.c.id == _o.submission, isouter=True)
        .where(_o.plan == plan, _o.state.notin_(NOT_COUNTED), _of(_o.unit, units))
        .order_by(_o.key)
    )
    return tuple(_duty(row) for row in conn.execute(query).mappings())


def _duty(row: sa.RowMapping) -> Duty:
    late = None if row["late"] is None else bool(row["late"])
    return Duty(**{**row, "unit_kind": UnitKind(row["unit_kind"]), "late": late})


def raised(conn: Connection, plan: str, until: datetime, units: Units = None) -> tuple[Raised, ...]:
    """Escalation steps raised before a moment, oldest first."""
    u = tables.unit.c
    query = (
        sa.select(
            _p.id,
            _p.obligation,
            _p.task,
            _o.title,
            _o.label,
            _p.unit,
            u.short.label("unit_name"),
            _p.step,
            _p.name,
            _p.round,
            _p.raised_at,
            _p.state,
            _p.decided_at,
            _o.state.label("obligation_state"),
        )
        .join(tables.obligation, _o.key == _p.obligation)
        .join(tables.unit, u.id == _p.unit)
        .where(_o.plan == plan, _o.state.notin_(NOT_COUNTED), _p.raised_at < until)
        .where(_of(_p.unit, units))
        .order_by(_p.raised_at, _p.id)
    )
    return tuple(Raised(**row) for row in conn.execute(query).mappings())


def returns(
    conn: Connection, plan: str, since: datetime, until: datetime, units: Units = None
) -> tuple[datetime, ...]:
    """When the office returned submissions, in [since, until)."""
    s = tables.submission.c
    query = (
        sa.select(s.reviewed_at)
        .join(tables.obligation, _o.key == s.obligation)
        .where(_o.plan == plan, _o.state.notin_(NOT_COUNTED), s.state == "returned")
        .where(s.reviewed_at >= since, s.reviewed_at < until, _of(s.unit, units))
        .order_by(s.reviewed_at)
    )
    return tuple(conn.execute(query).scalars())


def sent(
    conn: Connection, since: datetime, until: datetime, units: Units = None
) -> tuple[SentOut, ...]:
    """Messages with notices that were handed over in [since, until), oldest first."""
    carries = sa.select(_n.id).where(_n.message == _m.id).exists()
    query = (
        sa.select(_m.unit, _m.post, _m.settled_at)
        .where(_m.state == "sent", _m.settled_at >= since, _m.settled_at < until, carries)
        .where(_of(_m.unit, units))
        .order_by(_m.settled_at, _m.id)
    )
    return tuple(SentOut(*row) for row in conn.execute(query))


def detours(
    conn: Connection, since: datetime, until: datetime, units: Units = None
) -> tuple[Detour, ...]:
    """Notices of [since, until) whose message went to another post or unit, or to nobody."""
    meant, got = tables.unit.alias(), tables.unit.alias()
    astray = sa.or_(
        _n.unit != _m.unit, _n.recipient != _m.post, _m.address == "", _m.state.in_(UNSETTLED)
    )
    query = (
        sa.select(
            _n.unit,
            meant.c.short,
            _n.recipient,
            _m.unit,
            got.c.short,
            _m.post,
            _m.state,
            _m.address,
        )
        .join(tables.message, _m.id == _n.message)
        .join(meant, meant.c.id == _n.unit)
        .join(got, got.c.id == _m.unit)
        .where(_m.created_at >= since, _m.created_at < until, astray, _of(_n.unit, units))
        .distinct()
        .order_by(_n.unit, _n.recipient, _m.unit, _m.post)
    )
    return tuple(Detour(*row) for row in conn.execute(query))
