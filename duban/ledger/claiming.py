"""Who may send what just now: claims what is due under a lease, urgent and oldest first.

What must not leave at this hour is put off, what is of no use any more expires.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger.letters import ACTOR, IS_QUEUED, Letter, letter_of, settlement, write
from duban.ledger.store import Ledger, Writing
from duban.ledger.tables import message, notice, obligation

LEASE_SECONDS = 120
"""How long one worker holds what it has claimed, unless told otherwise."""
_EXPIRE_AT_ONCE = 500

Hours = Callable[[bool, datetime], datetime]
"""When a letter (urgent or not) may leave that wants to at a moment: the moment itself, or a later one."""


def expire(ledger: Ledger, now: datetime) -> int:
    """Settle what waited beyond its use as expired; how many. A late "3 days left" helps nobody."""
    found = 0
    while True:
        with ledger.write(ACTOR, now) as writing:
            some = _expire(writing, now)
        found += some
        if some < _EXPIRE_AT_ONCE:
            return found


def _expire(writing: Writing, now: datetime) -> int:
    query = sa.select(message.c.id).where(
        IS_QUEUED, message.c.lease_owner == "", message.c.expires_at < now
    )
    query = query.order_by(message.c.id).limit(_EXPIRE_AT_ONCE).with_for_update()
    ids = list(writing.conn.execute(query).scalars())
    _settle_expired(writing, ids, now)
    return len(ids)


def _settle_expired(writing: Writing, ids: Sequence[str], now: datetime) -> None:
    why = "过了有效时间仍未发出，不再发送"
    writing.record(*(settlement(key, "expired", why, now) for key in ids))


def claim(
    ledger: Ledger,
    owner: str,
    now: datetime,
    limit: int = 20,
    lease_seconds: float = LEASE_SECONDS,
    *,
    without: Collection[str] = (),
    hours: Hours | None = None,
) -> list[Letter]:
    """Take up to ``limit`` letters that are due under a lease, urgent and oldest first.

    Two statements on purpose: ``UPDATE … WHERE id IN (SELECT … LIMIT 20 FOR UPDATE SKIP LOCKED)``
    claimed 1,500 rows on a PostgreSQL table without statistics. ``without``: channels to leave alone.
    ``hours``: what is due at a time when it must not leave is put off, and loses no try.
    """
    with ledger.write(ACTOR, now) as writing:
        conn = writing.conn
        if hours is not None:
            _put_off(conn, now, hours)
        rows: list[Any] = []
        for urgent in (1, 0):
            rows += _of_use(writing, now, _due(now, urgent, limit - len(rows), without))
        until = now + timedelta(seconds=lease_seconds)
        held = {"lease_owner": owner, "lease_until": until, "handed_over": 0}
        write(conn, [row["id"] for row in rows], **held, wait_why="", waits_from=None)
        threads = _threads(conn, [row["id"] for row in rows])
    return [letter_of(row, threads.get(_told_by(row["id"]), ())) for row in rows]


def _of_use(writing: Writing, now: datetime, due: sa.Select[Any]) -> list[Any]:
    """What is due and still of use; what is not expires on the way."""
    while True:
        rows = list(writing.conn.execute(due).mappings())
        late = [row["id"] for row in rows if row["expires_at"] and row["expires_at"] < now]
        if not late:
            return rows
        _settle_expired(writing, late, now)


def _is_due(now: datetime, urgent: int) -> list[sa.ColumnElement[bool] | sa.TextClause]:
    # Equal to a literal, urgent leads the partial index: no sorting, whatever waits.
    return [
        IS_QUEUED,
        sa.text(f"message.urgent = {urgent:d}"),
        message.c.lease_owner == "",
        message.c.not_before <= now,
        sa.or_(message.c.retry_at.is_(None), message.c.retry_at <= now),
    ]


def _due(now: datetime, urgent: int, limit: int, without: Collection[str]) -> sa.Select[Any]:
    query = sa.select(message).where(*_is_due(now, urgent))
    if without:
        query = query.where(message.c.channel.not_in(sorted(without)))
    query = query.order_by(message.c.not_before, message.c.id).limit(limit)
    return query.with_for_update(skip_locked=True)


def _put_off(conn: Connection, now: datetime, hours: Hours) -> None:
    """Let what is due outside the hours of work wait until they begin: a backlog, a late retry, a jump."""
    for urgent in (1, 0):
        until = hours(bool(urgent), now)
        if until > now:
            why = "不在发送时段（只在工作日的工作时间发送）"
            conn.execute(
                message.update()
                .where(*_is_due(now, urgent))
                .values(retry_at=until, wait_why=why, waits_from=now)
            )


def _told_by(key: str) -> str:
    """The letter that notices name, of a letter on another channel or a later part of a split one."""
    return re.sub(r"#\d+/(\d+)$", r"#1/\1", key.split("@", 1)[0])


def _threads(conn: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """``plan/task`` of what each letter tells, by the letter that its notices name.

    Looked up when a letter is claimed: the notices are the record of what it tells, and letters that
    were queued before there were threads have theirs too.
    """
    query = (
        sa.select(notice.c.message, obligation.c.plan, notice.c.task)
        .join(obligation, obligation.c.key == notice.c.obligation)
        .where(notice.c.message.in_(sorted({_told_by(key) for key in ids})))
        .order_by(obligation.c.due_on.is_(None), obligation.c.due_on, notice.c.task)
    )
    found: dict[str, list[str]] = {}
    for key, plan, task in conn.execute(query) if ids else ():
        tasks = found.setdefault(key, [])
        if f"{plan}/{task}" not in tasks:
            tasks.append(f"{plan}/{task}")
    return found
