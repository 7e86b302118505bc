"""Lists in pages that go on where the last one ended, whatever was added meanwhile. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import tables
from duban.ledger.queries import OPEN, Row

_o, _s, _m = tables.obligation.c, tables.submission.c, tables.message.c


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows a list holds; empty means all. ``open_by``: those that owe something on that day."""

    unit: str = ""
    task: str = ""
    key: str = ""
    states: Sequence[str] = ()
    due_from: date | None = None
    due_until: date | None = None
    open_by: date | None = None
    since: datetime | None = None


def items(
    conn: Connection, choice: Choice, after: tuple[date | None, str] | None, limit: int
) -> list[Row]:
    """Obligations after a due and a key, oldest due first; those without a due last."""
    query = sa.select(tables.obligation).order_by(_o.due_on.is_(None), _o.due_on, _o.key)
    for column, value in ((_o.unit, choice.unit), (_o.task, choice.task)):
        if value:
            query = query.where(column == value)
    if choice.states:
        query = query.where(_o.state.in_(list(choice.states)))
    if choice.due_from is not None:
        query = query.where(_o.due_on >= choice.due_from)
    if choice.due_until is not None:
        query = query.where(_o.due_on <= choice.due_until)
    if choice.open_by is not None:
        query = query.where(OPEN, sa.or_(_o.opens_on.is_(None), _o.opens_on <= choice.open_by))
    if after is not None:
        query = query.where(_behind(*after))
    return list(conn.execute(query.limit(limit)).mappings())


def _behind(due_on: date | None, key: str) -> sa.ColumnElement[bool]:
    if due_on is None:
        return sa.and_(_o.due_on.is_(None), _o.key > key)
    same_day = sa.and_(_o.due_on == due_on, _o.key > key)
    return sa.or_(_o.due_on.is_(None), _o.due_on > due_on, same_day)


def submissions(
    conn: Connection, choice: Choice, after: tuple[datetime, str] | None, limit: int
) -> list[Row]:
    """Submissions after a moment and a number, in the order in which they came in.

    Pending ones are those that still wait: the newest version of an item that was not withdrawn.
    """
    s = tables.submission
    query = sa.select(s).order_by(s.c.received_at, s.c.id)
    if choice.states == ["pending"]:
        query = query.join(tables.obligation, _o.key == s.c.obligation)
        query = query.where(_o.submission == s.c.id, _o.state == "submitted")
    if choice.states:
        query = query.where(s.c.state.in_(list(choice.states)))
    if choice.unit:
        query = query.where(s.c.unit == choice.unit)
    if choice.key:
        query = query.where(s.c.obligation == choice.key)
    if choice.since is not None:
        query = query.where(s.c.received_at >= choice.since)
    if after is not None:
        query = query.where(_later(s.c.received_at, s.c.id, *after))
    return list(conn.execute(query.limit(limit)).mappings())


def messages(
    conn: Connection, choice: Choice, after: tuple[datetime, str] | None, limit: int
) -> list[Row]:
    """Messages after a moment and a number, in the order in which they were written."""
    query = sa.select(tables.message).order_by(_m.created_at, _m.id)
    if choice.states:
        query = query.where(_m.state.in_(list(choice.states)))
    if choice.unit:
        # What a group was told too is no second letter to the unit.
        query = query.where(_m.unit == choice.unit, _m.kind != "copy")
    if choice.since is not None:
        query = query.where(_m.created_at >= choice.since)
    if after is not None:
        query = query.where(_later(_m.created_at, _m.id, *after))
    return list(conn.execute(query.limit(limit)).mappings())


def _later(
    at: sa.ColumnElement[datetime], key: sa.ColumnElement[str], moment: datetime, last: str
) -> sa.ColumnElement[bool]:
    return sa.or_(at > moment, sa.and_(at == moment, key > last))


def overdue(conn: Connection, now: datetime) -> int:
    """How many items owe something whose due has passed."""
    query = sa.select(sa.func.count()).select_from(tables.obligation).where(OPEN, _o.due_at < now)
    return int(conn.execute(query).scalar() or 0)
