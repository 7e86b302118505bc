"""Reads for the preview and for comparing it with what happened: what was recorded after an event.

One set of functions serves both sides: the rehearsal asks what was recorded since it began, the
comparison asks the real ledger the same question since the moment of the preview.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import tables
from duban.ledger.queries import Row

_e, _m, _n, _o = tables.event.c, tables.message.c, tables.notice.c, tables.obligation.c
_NOTICES = ("notice.claimed", "notice.settled", "notice.held")
_CHUNK = 500
_AUTOMATIC = ("message.", "notice.", "link.", "obligation.requested", "obligation.missed")
"""Events that follow from others: they explain nothing by themselves."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was recorded, as an explanation needs it. ``row``: the columns it changed."""

    seq: int
    kind: str
    subject: str
    obligation: str | None
    actor: str
    occurred_at: datetime
    row: dict[str, Any]
    why: str


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))


def hash_at(conn: Connection, seq: int) -> str:
    """The hash of an event by its number; empty when there is none."""
    return str(conn.execute(sa.select(_e.hash).where(_e.seq == seq)).scalar() or "")


def queued_since(conn: Connection, seq: int) -> list[Row]:
    """Messages queued after an event, oldest first."""
    newer = sa.select(_e.subject).where(_e.seq > seq, _e.kind == "message.queued")
    keys = list(conn.execute(newer).scalars())
    found: list[Row] = []
    for some in _chunks(keys):
        found += conn.execute(sa.select(tables.message).where(_m.id.in_(some))).mappings()
    return sorted(found, key=lambda row: (row["created_at"], row["id"]))


def touched_since(conn: Connection, seq: int) -> list[tuple[Row, datetime]]:
    """Notices claimed, settled or held after an event, with the last moment at which they were."""
    newer = (
        sa.select(_e.subject, sa.func.max(_e.occurred_at, type_=_e.occurred_at.type))
        .where(_e.seq > seq, _e.kind.in_(_NOTICES))
        .group_by(_e.subject)
    )
    last = {row[0]: row[1] for row in conn.execute(newer)}
    found: list[tuple[Row, datetime]] = []
    for some in _chunks(sorted(last)):
        query = (
            sa.select(tables.notice, _o.title, _o.label, _o.due_on)
            .join(tables.obligation, _o.key == _n.obligation)
            .where(_n.id.in_(some))
        )
        found += [(row, last[row["id"]]) for row in conn.execute(query).mappings()]
    return sorted(found, key=lambda each: (each[1], each[0]["id"]))


def acts_since(conn: Connection, seq: int) -> list[Act]:
    """What people, the plan and the stages did after an event, in order."""
    query = (
        sa.select(_e.seq, _e.kind, _e.subject, _e.obligation, _e.actor, _e.occurred_at, _e.data)
        .where(_e.seq > seq, *(_e.kind.not_like(f"{kind}%") for kind in _AUTOMATIC))
        .order_by(_e.seq)
    )
    found = []
    for row in conn.execute(query):
        seq_, kind, subject, obligation, actor, occurred_at, data = row
        told = json.loads(data)
        why = str(told.get("why", ""))
        found.append(Act(seq_, kind, subject, obligation, actor, occurred_at, told["row"], why))
    return found
