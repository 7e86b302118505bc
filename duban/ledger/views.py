"""Reads for pages: what the dashboard, the lists and the unit's pages show. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import tables
from duban.ledger.queries import OPEN, Row

Reader: TypeAlias = Connection
"""A read transaction of the ledger, for those who may not name the database library."""

_o, _s, _e = tables.obligation.c, tables.submission.c, tables.evidence.c
_m, _n, _p = tables.message.c, tables.notice.c, tables.proposal.c
_COUNTED_OUT = ("historic", "cancelled", "merged", "unstarted", "suspended")
_CHUNK = 500
TROUBLE = ("failed", "unknown", "expired")
"""States of a message that did not arrive, or may not have: a person decides what becomes of it."""
INBOX_STATES = ("sent", "failed", "unknown")
"""States in which a message has been decided on; the unit may read it even if the mail bounced."""


def open_rows(conn: Connection, today: date) -> list[Row]:
    """Everything that owes something on that day, all units, oldest due first."""
    query = (
        sa.select(tables.obligation)
        .where(OPEN, sa.or_(_o.opens_on.is_(None), _o.opens_on <= today))
        .order_by(_o.due_on.is_(None), _o.due_on, _o.key)
    )
    return list(conn.execute(query).mappings())


def came_due(conn: Connection, first: date, last: date) -> list[Row]:
    """What fell due from one day to another and counts towards being in time, few columns each.

    The day counted is the original due, but the new one after an agreed extension; a return moves
    the due without excusing anybody.
    """
    counted = sa.case((_o.extended > 0, _o.due_on), else_=_o.original_due_on)
    query = (
        sa.select(
            _o.unit, counted.label("counted_on"), _o.submitted_at, _o.missed_at, _o.due_at, _o.state
        )
        .where(_o.state.notin_(_COUNTED_OUT), _o.due_on >= first, counted.between(first, last))
        .order_by(_o.unit)
    )
    return list(conn.execute(query).mappings())


def totals(conn: Connection) -> dict[str, int]:
    """Obligations by state, without those from before the software was in use."""
    query = sa.select(_o.state, sa.func.count()).where(_o.state != "historic").group_by(_o.state)
    return {state: int(count) for state, count in conn.execute(query)}


def historic(conn: Connection) -> int:
    """Obligations that fell due before the software was in use; they are listed and not counted."""
    query = sa.select(sa.func.count()).select_from(tables.obligation)
    return _count(conn, query.where(_o.state == "historic"))


def waiting_counts(conn: Connection) -> dict[str, int]:
    """What waits for the office: submissions to review, steps to decide, messages in trouble."""
    # Not versions that were replaced, nor items that were withdrawn meanwhile: the desk has neither.
    newest = tables.submission.join(tables.obligation, _o.submission == _s.id)
    pending = sa.select(sa.func.count()).select_from(newest).where(_o.state == "submitted")
    steps = tables.proposal.join(tables.obligation, _o.key == _p.obligation)
    waiting = sa.select(sa.func.count()).select_from(steps).where(OPEN)
    failed = sa.select(sa.func.count()).select_from(tables.message)
    return {
        "review": _count(conn, pending.where(sa.text("submission.state = 'pending'"))),
        "proposals": _count(conn, waiting.where(_p.state == "waiting")),
        "failed": _count(conn, failed.where(_m.state.in_(TROUBLE))),
    }


def _count(conn: Connection, query: sa.Select[Any]) -> int:
    return int(conn.execute(query).scalar() or 0)


def unit_submissions(conn: Connection, unit: str, limit: int = 100) -> list[Row]:
    """What a unit has sent in, newest first, with its obligation."""
    query = (
        sa.select(tables.submission, _o.title, _o.label, _o.task)
        .join(tables.obligation, _o.key == _s.obligation)
        .where(_s.unit == unit)
        .order_by(_s.received_at.desc(), _s.id.desc())
        .limit(limit)
    )
    return list(conn.execute(query).mappings())


def last_returns(conn: Connection, keys: Sequence[str]) -> dict[str, Row]:
    """Obligation to the newest of its submissions that the office sent back."""
    found: dict[str, Row] = {}
    for some in _chunks(keys):
        query = (
            sa.select(tables.submission)
            .where(_s.obligation.in_(some), _s.state == "returned")
            .order_by(_s.version)
        )
        found |= {row["obligation"]: row for row in conn.execute(query).mappings()}
    return found


def evidence_for(conn: Connection, submissions: Sequence[str]) -> dict[str, list[Row]]:
    """Submission to its files."""
    found: dict[str, list[Row]] = {}
    for some in _chunks(submissions):
        query = sa.select(tables.evidence).where(_e.submission.in_(some)).order_by(_e.name)
        for row in conn.execute(query).mappings():
            found.setdefault(row["submission"], []).append(row)
    return found


def one_evidence(conn: Connection, evidence: str) -> Row | None:
    """A file with the unit whose submission it belongs to."""
    query = (
        sa.select(tables.evidence, _s.unit, _s.obligation)
        .join(tables.submission, _s.id == _e.submission)
        .where(_e.id == evidence)
    )
    return conn.execute(query).mappings().first()


def notices_of(conn: Connection, obligation: str) -> list[Row]:
    """What was said, and what was not said and why, about an obligation, newest first."""
    query = (
        sa.select(tables.notice)
        .where(_n.obligation == obligation)
        .order_by(_n.decided_at.desc(), _n.id)
    )
    return list(conn.execute(query).mappings())


def proposals_of(conn: Connection, obligation: str) -> list[Row]:
    """Escalation steps of an obligation, newest first."""
    query = (
        sa.select(tables.proposal).where(_p.obligation == obligation).order_by(_p.raised_at.desc())
    )
    return list(conn.execute(query).mappings())


def stated_problems(conn: Connection, keys: Sequence[str]) -> dict[str, Row]:
    """Obligation to the newest submission in which the unit stated a problem."""
    found: dict[str, Row] = {}
    for some in _chunks(keys):
        query = (
            sa.select(tables.submission)
            .where(_s.obligation.in_(some), _s.problem != "")
            .order_by(_s.version)
        )
        found |= {row["obligation"]: row for row in conn.execute(query).mappings()}
    return found


def outbox(
    conn: Connection,
    *,
    states: Sequence[str] = (),
    unit: str = "",
    channel: str = "",
    limit: int = 20,
    skip: int = 0,
) -> list[Row]:
    """Messages by state, unit and channel, newest first."""
    query = sa.select(tables.message).order_by(_m.created_at.desc(), _m.id)
    query = query.limit(limit).offset(skip)
    if states:
        query = query.where(_m.state.in_(list(states)))
    if unit:
        query = query.where(_m.unit == unit)
    if channel:
        query = query.where(_m.channel == channel)
    return list(conn.execute(query).mappings())


def trouble_by_channel(conn: Connection) -> dict[str, int]:
    """How many messages of each channel need a person."""
    query = (
        sa.select(_m.channel, sa.func.count())
        .where(_m.state.in_(TROUBLE))
        .group_by(_m.channel)
        .order_by(_m.channel)
    )
    return {channel: int(count) for channel, count in conn.execute(query)}


def outbox_size(
    conn: Connection, *, states: Sequence[str] = (), unit: str = "", channel: str = ""
) -> int:
    """How many messages ``outbox`` has for the same choice."""
    query = sa.select(sa.func.count()).select_from(tables.message)
    if states:
        query = query.where(_m.state.in_(list(states)))
    if unit:
        query = query.where(_m.unit == unit)
    if channel:
        query = query.where(_m.channel == channel)
    return _count(conn, query)


def letters_by_id(conn: Connection, ids: Sequence[str]) -> dict[str, Row]:
    """Messages by their number; those that do not exist are left out."""
    found: dict[str, Row] = {}
    for some in _chunks(ids):
        query = sa.select(tables.message).where(_m.id.in_(some))
        found |= {row["id"]: row for row in conn.execute(query).mappings()}
    return found


def message_states(conn: Connection) -> dict[str, int]:
    """How many messages are in each state."""
    query = sa.select(_m.state, sa.func.count()).group_by(_m.state)
    return {state: int(count) for state, count in conn.execute(query)}


def asks(conn: Connection, since: datetime) -> dict[str, int]:
    """The burden meter: how many times each unit was asked for a report since a moment."""
    query = sa.select(_o.unit, sa.func.count()).where(_o.requested_at >= since).group_by(_o.unit)
    return {unit: int(count) for unit, count in conn.execute(query)}


def _chunks(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK)]
