"""Letters that did not arrive, or that a person decides about; and what waits because a channel is down.

Every decision is an event with its actor and reason. What waits only because its channel cannot be
reached is marked since when (operational columns), so that another channel can take it over in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.errors import UsageError
from duban.ledger.events import Draft
from duban.ledger.letters import (
    ACTOR,
    BAD_ADDRESS,
    FREE,
    IS_QUEUED,
    WHY_CHARS,
    Letter,
    known,
    letter_of,
    settlement,
    write,
)
from duban.ledger.store import Ledger, Writing
from duban.ledger.tables import message
from duban.ledger.views import TROUBLE

STATE_NAMES: Mapping[str, str] = {
    "queued": "待发送",
    "sent": "已送达",
    "failed": "发送失败",
    "unknown": "不确定是否送达",
    "expired": "过期未发",
    "cancelled": "已取消",
    "moved": "已改走备用渠道",
}


# ---- a person decides ----------------------------------------------------------------------------


def cancel(writing: Writing, ids: Sequence[str], why: str) -> int:
    """Take letters back that nobody is sending yet; how many. ``why`` is recorded."""
    query = sa.select(message.c.id).where(
        message.c.id.in_(ids), IS_QUEUED, message.c.handed_over == 0
    )
    found = list(writing.conn.execute(query.order_by(message.c.id).with_for_update()).scalars())
    write(writing.conn, found, **FREE)
    writing.record(*(settlement(key, "cancelled", why, writing.at) for key in found))
    return len(found)


def requeue(writing: Writing, key: str, why: str) -> None:
    """Send a failed, unknown or expired letter again: a person's decision, with its reason.

    Raises UsageError when the letter does not exist or is not in such a state.
    """
    _need_trouble(writing, key, "重发")
    row = {"id": key, "state": "queued", "settled_at": None, "detail": why, "expires_at": None}
    writing.record(Draft("message.requeued", key, row, why=why))
    fresh = {"attempts": 0, "retry_at": None, "down_since": None, "wait_why": ""}
    write(writing.conn, [key], **FREE, **fresh)


def give_up(writing: Writing, key: str, why: str) -> None:
    """A letter that did not arrive is not sent any more. Raises UsageError like ``requeue``."""
    _need_trouble(writing, key, "作罢")
    writing.record(settlement(key, "cancelled", why, writing.at))


def mark_arrived(writing: Writing, key: str, why: str) -> None:
    """Somebody asked, and it did arrive. Raises UsageError like ``requeue``, and for an expired letter.

    What expired was never handed over, so it cannot have arrived.
    """
    _need_trouble(writing, key, "记为已送达", ("failed", "unknown"))
    writing.record(settlement(key, "sent", why, writing.at))


def _need_trouble(writing: Writing, key: str, act: str, states: Sequence[str] = TROUBLE) -> None:
    query = sa.select(message.c.state).where(message.c.id == key)
    state = writing.conn.execute(query.with_for_update()).scalar()
    if state in states:
        return
    said = "没有这封通知" if state is None else f"这封通知的状态是“{STATE_NAMES.get(state, state)}”"
    may = "、".join(STATE_NAMES[each] for each in states)
    raise UsageError(f"{said}，不能{act}：{key}", f"只有{may}的才可以{act}。")


def letters_in(
    conn: Connection,
    states: Sequence[str] = TROUBLE,
    *,
    channel: str = "",
    unit: str = "",
    limit: int = 1000,
) -> list[Mapping[str, Any]]:
    """Letters in these states without their texts, the newest first; of one channel or unit if given."""
    columns = [each for each in message.c if each.name not in {"text", "html", "attachments"}]
    query = sa.select(*columns).where(message.c.state.in_(list(states)))
    if channel:
        query = query.where(message.c.channel == channel)
    if unit:
        query = query.where(message.c.unit == unit)
    query = query.order_by(message.c.created_at.desc(), message.c.id).limit(limit)
    return [dict(row) for row in conn.execute(query).mappings()]


# ---- another channel takes over ------------------------------------------------------------------


def fallback_id(key: str, channel: str) -> str:
    """The id of a message that takes another's place on ``channel``: there can be only one."""
    return f"{key}@{channel}"


def stranded(
    conn: Connection, channel: str, other: str, since: datetime, until: datetime
) -> list[Letter]:
    """Letters of ``channel`` that failed or stayed unknown between two moments and are still of use.

    Those that have their message on the channel ``other`` already are left out.
    """
    query = sa.select(message).where(
        message.c.channel == channel,
        message.c.state.in_(("failed", "unknown")),
        message.c.settled_at > since,
        message.c.settled_at <= until,
    )
    return _without_fallback(conn, query.order_by(message.c.id), other)


def waiting_for(conn: Connection, channel: str, other: str, until: datetime) -> list[Letter]:
    """Letters that are queued because ``channel`` is down since ``until`` or longer, 500 at most.

    One that a worker holds is left out: it may just be leaving.
    """
    query = sa.select(message).where(
        IS_QUEUED,
        message.c.channel == channel,
        message.c.lease_owner == "",
        message.c.down_since <= until,
    )
    found = query.order_by(message.c.id).limit(500).with_for_update()
    return _without_fallback(conn, found, other)


def _without_fallback(conn: Connection, query: sa.Select[Any], other: str) -> list[Letter]:
    found = [letter_of(row) for row in conn.execute(query).mappings()]
    there = known(conn, [fallback_id(letter.id, other) for letter in found])
    return [letter for letter in found if fallback_id(letter.id, other) not in there]


def move(writing: Writing, key: str, why: str) -> None:
    """End a letter whose place another one takes: when its channel comes back it must not go too."""
    write(writing.conn, [key], **FREE)
    writing.record(settlement(key, "moved", why, writing.at))


def mark_down(ledger: Ledger, channel: str, why: str, now: datetime) -> None:
    """Note on every letter that is due on ``channel`` that it waits for it, and since when."""
    since = sa.func.coalesce(
        message.c.down_since, sa.bindparam("since", now, message.c.not_before.type)
    )
    with ledger.write(ACTOR, now) as writing:
        writing.conn.execute(
            message.update()
            .where(IS_QUEUED, message.c.channel == channel, message.c.not_before <= now)
            .values(down_since=since, wait_why=why[:WHY_CHARS])
        )


def mark_up(ledger: Ledger, channel: str, now: datetime) -> None:
    """The channel has answered: nothing waits for it any more."""
    with ledger.write(ACTOR, now) as writing:
        writing.conn.execute(
            message.update()
            .where(IS_QUEUED, message.c.channel == channel, message.c.down_since.is_not(None))
            .values(down_since=None, wait_why="")
        )


# ---- how it stands -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stats:
    """How the outbox stands. ``states``: number of messages by state."""

    states: Mapping[str, int] = field(default_factory=dict)
    sending: int = 0
    retrying: int = 0
    oldest_queued: datetime | None = None


def stats(conn: Connection) -> Stats:
    """How many messages stand in which state, how many are being sent or tried again."""
    states = conn.execute(
        sa.select(message.c.state, sa.func.count().label("n")).group_by(message.c.state)
    ).all()
    idle = message.c.lease_owner == ""
    counts = sa.select(
        sa.func.count().filter(~idle).label("sending"),
        sa.func.count().filter(idle, message.c.retry_at.is_not(None)).label("again"),
        sa.func.min(message.c.not_before, type_=message.c.not_before.type).label("oldest"),
    )
    now = conn.execute(counts.where(IS_QUEUED)).one()
    return Stats({row.state: row.n for row in states}, now.sending, now.again, now.oldest)


def dead_addresses(conn: Connection, since: datetime) -> frozenset[str]:
    """Addresses refused after ``since`` with nothing sent to them later: routing passes them over.

    ``since`` lets a refusal wear off, so that a mailbox that was set up again is tried again.
    """
    refused = sa.select(message.c.address, message.c.settled_at).where(
        message.c.state == "failed",
        message.c.settled_at >= since,
        message.c.detail.startswith(BAD_ADDRESS),
    )
    bad = [(row.address, row.settled_at) for row in conn.execute(refused)]
    if not bad:  # as on nearly every round
        return frozenset()
    sent = (
        sa.select(message.c.address, sa.func.max(message.c.settled_at).label("at"))
        .where(message.c.state == "sent", message.c.settled_at >= since)
        .group_by(message.c.address)
    )
    arrived = {row.address: row.at for row in conn.execute(sent)}
    return frozenset(at for at, when in bad if at not in arrived or arrived[at] < when)
