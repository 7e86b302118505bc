"""Mails that came in: which were seen, what became of them, and what a reply belongs to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import tables
from duban.ledger.events import Draft
from duban.ledger.store import Writing

_m = tables.mail.c
_CHUNK = 500
_MARK = "mailbox:"


@dataclass(frozen=True, slots=True)
class Seen:
    """A mail that was dealt with. ``state``: taken, partly, refused, ignored, or again (a second copy)."""

    id: str
    number: str
    message_id: str
    sender: str
    unit: str
    subject: str
    arrived_at: datetime | None
    state: str
    detail: str
    answer: str


def record(writing: Writing, seen: Seen) -> None:
    """Note that a mail was dealt with, in the transaction of what it brought."""
    row = {
        "id": seen.id,
        "number": seen.number,
        "message_id": seen.message_id[:240],
        "sender": seen.sender[:240],
        "unit": seen.unit,
        "subject": seen.subject[:240],
        "arrived_at": seen.arrived_at,
        "taken_at": writing.at,
        "state": seen.state,
        "detail": seen.detail,
        "answer": seen.answer,
    }
    writing.record(Draft("mail.taken", f"mail:{seen.number}", row, why=seen.detail[:240]))


def known_places(conn: Connection, places: Sequence[str]) -> set[str]:
    """Which of these places hold a mail that was dealt with."""
    found: set[str] = set()
    for start in range(0, len(places), _CHUNK):
        some = places[start : start + _CHUNK]
        found.update(conn.execute(sa.select(_m.id).where(_m.id.in_(some))).scalars())
    return found


def is_known(conn: Connection, number: str) -> bool:
    """Whether this mail was dealt with at another place."""
    return conn.execute(sa.select(_m.id).where(_m.number == number).limit(1)).first() is not None


def answers_since(conn: Connection, sender: str, since: datetime) -> int:
    """How many answers an address was given."""
    query = sa.select(sa.func.count()).where(
        _m.sender == sender, _m.taken_at >= since, _m.answer != ""
    )
    return int(conn.execute(query).scalar_one())


def read_until(conn: Connection, box: str) -> str:
    """The day up to which a mailbox was read completely, as ``2026-11-22``; empty before the first time."""
    query = sa.select(tables.trait.c.value).where(tables.trait.c.name == _MARK + box)
    return str(conn.execute(query).scalar() or "")


def mark_read(writing: Writing, box: str, day: str) -> None:
    """Note that a mailbox was read completely on a day."""
    if read_until(writing.conn, box) != day:
        row = {"name": _MARK + box, "value": day}
        writing.record(Draft("ledger.marked", _MARK + box, row))


def letters_to(conn: Connection, units: Collection[str], most: int = 2000) -> list[str]:
    """Ids of the letters that went to posts of these units, newest first."""
    m = tables.message.c
    query = sa.select(m.id).where(m.unit.in_(sorted(units)))
    return list(conn.execute(query.order_by(m.created_at.desc(), m.id).limit(most)).scalars())


def items_of(conn: Connection, letters: Iterable[str], units: Collection[str]) -> list[str]:
    """Keys of the items of these units that the letters told."""
    n = tables.notice.c
    query = sa.select(n.obligation).where(n.message.in_(sorted(letters)), n.unit.in_(sorted(units)))
    return sorted(set(conn.execute(query).scalars()))
