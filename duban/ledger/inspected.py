"""Reads for the invariants of a simulation: what one day's stages recorded, and what still waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import events, tables
from duban.ledger.queries import Row

_e, _m, _n, _o, _p, _a = (
    tables.event.c,
    tables.message.c,
    tables.notice.c,
    tables.obligation.c,
    tables.proposal.c,
    tables.attempt.c,
)
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class News:
    """What was recorded after an event: its kinds and subjects, and the newest number."""

    seq: int
    found: tuple[tuple[str, str], ...]

    def of(self, kind: str) -> list[str]:
        """Subjects of one kind, in order, as often as they were recorded."""
        return [subject for each, subject in self.found if each == kind]


def news(conn: Connection, seq: int) -> News:
    """Kinds and subjects of the events after ``seq``."""
    query = sa.select(_e.seq, _e.kind, _e.subject).where(_e.seq > seq).order_by(_e.seq)
    rows = conn.execute(query).all()
    return News(rows[-1][0] if rows else seq, tuple((row[1], row[2]) for row in rows))


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))


def messages(conn: Connection, keys: Sequence[str]) -> list[Row]:
    """Messages by id, without their texts."""
    columns = (_m.id, _m.kind, _m.unit, _m.post, _m.urgent, _m.created_at, _m.not_before)
    found: list[Row] = []
    for some in _chunks(keys):
        found += conn.execute(sa.select(*columns).where(_m.id.in_(some))).mappings()
    return found


def notices(conn: Connection, keys: Sequence[str]) -> list[Row]:
    """Notices by id with the state of what they are about, and the paper of the step they tell of."""
    step = sa.and_(
        _p.obligation == _n.obligation,
        _p.round == _n.round,
        sa.literal("step:") + _p.step == _n.rung,
    )
    joined = tables.notice.join(tables.obligation, _o.key == _n.obligation).outerjoin(
        tables.proposal, step
    )
    query = sa.select(
        tables.notice,
        _o.state,
        _o.is_open,
        _p.paper,
        _p.decided_by,
        _p.state.label("proposal_state"),
    ).select_from(joined)
    found: list[Row] = []
    for some in _chunks(keys):
        found += conn.execute(query.where(_n.id.in_(some))).mappings()
    return found


def proposals(conn: Connection, keys: Sequence[str]) -> list[Row]:
    """Steps raised, by id, with the kind of their unit."""
    query = sa.select(tables.proposal, tables.unit.c.kind.label("unit_kind")).join(
        tables.unit, tables.unit.c.id == _p.unit
    )
    found: list[Row] = []
    for some in _chunks(keys):
        found += conn.execute(query.where(_p.id.in_(some))).mappings()
    return found


def waiting(conn: Connection, before: datetime) -> list[Row]:
    """Messages that could have left before a moment and are still queued."""
    query = sa.select(_m.id, _m.unit, _m.post, _m.not_before).where(
        sa.text("message.state = 'queued'"), _m.not_before < before
    )
    return list(conn.execute(query.order_by(_m.not_before, _m.id)).mappings())


def handed_over(conn: Connection, since: datetime) -> list[Row]:
    """Attempts begun after a moment, with the message's post."""
    query = (
        sa.select(_a.message, _a.started_at, _m.unit, _m.post)
        .join(tables.message, _m.id == _a.message)
        .where(sa.or_(_a.finished_at.is_(None), _a.finished_at > since), _a.started_at > since)
    )
    return list(conn.execute(query.order_by(_a.started_at, _a.message)).mappings())


def broken_link(conn: Connection) -> int | None:
    """The number of the first event that does not fit the chain; None when all do."""
    found = events.verify_chain(conn)
    return None if found is None else found.seq
