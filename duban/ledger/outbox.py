"""The outbox: messages wait here, written in the same transaction as what they tell.

One worker at a time holds a message under a lease. Handing over (the fence: "from here on it may have
left the house") is committed *before* sending, so a crash can be told from a message never tried. Lease
columns are operational and written directly; a state changes only through an event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger.claiming import LEASE_SECONDS, Hours, claim, expire
from duban.ledger.events import Draft
from duban.ledger.letters import (
    ACTOR,
    BAD_ADDRESS,
    FREE,
    IS_QUEUED,
    RATE,
    UNREACHABLE,
    WHY_CHARS,
    Letter,
    Outcome,
    Policy,
    known,
    row_of,
    settlement,
    write,
)
from duban.ledger.rates import CLOCKS_AGREE, Rate, waits
from duban.ledger.store import Ledger, Writing
from duban.ledger.tables import attempt, message
from duban.ledger.undelivered import (
    Stats,
    cancel,
    dead_addresses,
    fallback_id,
    give_up,
    letters_in,
    mark_arrived,
    mark_down,
    mark_up,
    move,
    requeue,
    stats,
    stranded,
    waiting_for,
)

__all__ = [
    "ACTOR",
    "BAD_ADDRESS",
    "LEASE_SECONDS",
    "MAX_TRIES",
    "RATE",
    "UNREACHABLE",
    "Hours",
    "Letter",
    "Outcome",
    "Policy",
    "Rate",
    "Reaped",
    "Settled",
    "Stats",
    "cancel",
    "claim",
    "dead_addresses",
    "expire",
    "fallback_id",
    "give_back",
    "give_up",
    "hand_over",
    "letters_in",
    "mark_arrived",
    "mark_down",
    "mark_up",
    "move",
    "queue",
    "reap",
    "requeue",
    "settle",
    "stats",
    "stranded",
    "wait_seconds",
    "waiting_for",
]

MAX_TRIES = 6
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Settled:
    """How many messages a settlement sent, put off, failed or left unknown."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Reaped:
    """What was done with messages whose worker disappeared."""

    requeued: int = 0  # never handed over: nothing can have left
    resent: int = 0  # handed over; goes again under the same number
    held: int = 0  # handed over; a person decides


def queue(writing: Writing, letters: Sequence[Letter]) -> int:
    """Put letters into the outbox in the caller's transaction; how many were really new.

    A letter whose id is already there is left out: a flow that runs again says nothing twice.
    """
    wanted: dict[str, Letter] = {}
    for letter in letters:
        wanted.setdefault(letter.id, letter)
    there = known(writing.conn, list(wanted))
    fresh = [letter for key, letter in wanted.items() if key not in there]
    writing.record(
        *(Draft("message.queued", letter.id, row_of(letter, writing.at)) for letter in fresh)
    )
    return len(fresh)


def hand_over(
    ledger: Ledger,
    owner: str,
    ids: Sequence[str],
    now: datetime,
    rates: Mapping[str, Sequence[Rate]] | None = None,
) -> list[str]:
    """Raise the fence before sending: mark letters handed over and note the attempt, committed.

    Returns the ids that may be sent. The others must not: their lease has passed on, or ``rates`` (by
    channel) are used up; then they are free again and wait until there is room, without losing a try.
    """
    with ledger.write(ACTOR, now) as writing:
        conn = writing.conn
        ours = sa.select(message.c.id, message.c.channel, message.c.address).where(
            message.c.id.in_(ids),
            IS_QUEUED,
            message.c.lease_owner == owner,
            message.c.lease_until > now,
        )
        mine = {row.id: row for row in conn.execute(ours.with_for_update())}
        wanted = [mine[key] for key in ids if key in mine]
        room = waits(conn, wanted, now, rates or {})
        why = "渠道限速，等有余量再发"
        for until in set(room.values()):
            keys = [key for key, at in room.items() if at == until]
            write(conn, keys, **FREE, retry_at=until, wait_why=why, waits_from=now)
        kept = [row.id for row in wanted if row.id not in room]
        write(conn, kept, handed_over=1, attempts=message.c.attempts + 1)
        tried = _tries_noted(conn, kept)
        rows = [
            {"message": key, "n": tried.get(key, 0) + 1, "worker": owner, "started_at": now}
            for key in kept
        ]
        if rows:
            conn.execute(attempt.insert(), rows)
    return kept


def _tries_noted(conn: Connection, ids: Sequence[str]) -> dict[str, int]:
    query = (
        sa.select(attempt.c.message, sa.func.max(attempt.c.n))
        .where(attempt.c.message.in_(ids))
        .group_by(attempt.c.message)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def give_back(ledger: Ledger, owner: str, ids: Sequence[str], now: datetime) -> None:
    """Return letters that were claimed, perhaps handed over, but certainly not sent."""
    with ledger.write(ACTOR, now) as writing:
        conn = writing.conn
        rows = _leased(conn, owner, ids)
        over = [row["id"] for row in rows if row["handed_over"]]
        _note(conn, owner, [(key, Outcome("returned")) for key in over], now)
        write(conn, over, attempts=message.c.attempts - 1)
        write(conn, [row["id"] for row in rows], **FREE)


def _leased(conn: Connection, owner: str, ids: Sequence[str]) -> list[Any]:
    query = sa.select(message).where(
        message.c.id.in_(ids), IS_QUEUED, message.c.lease_owner == owner
    )
    return list(conn.execute(query.order_by(message.c.id).with_for_update()).mappings())


def _note(
    conn: Connection, owner: str, results: Iterable[tuple[str, Outcome]], now: datetime
) -> None:
    """Finish the open attempts of ``owner`` with what became of them."""
    rows = [
        {
            "key_message": key,
            "new_finished_at": now,
            "new_outcome": outcome.kind,
            "new_code": outcome.code[:40],
            "new_detail": outcome.detail[:1000],
        }
        for key, outcome in results
    ]
    names = ("finished_at", "outcome", "code", "detail")
    statement = (
        attempt.update()
        .where(
            attempt.c.message == sa.bindparam("key_message"),
            attempt.c.worker == owner,
            attempt.c.finished_at.is_(None),
        )
        .values({name: sa.bindparam(f"new_{name}") for name in names})
    )
    if rows:
        conn.execute(statement, rows)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What an outcome means for a message: its final state, or when it is tried again."""

    state: str  # queued: not final
    detail: str
    retry_at: datetime | None = None
    free: bool = False  # cost no try: it was not the letter's fault


def settle(
    ledger: Ledger,
    owner: str,
    results: Sequence[tuple[str, Outcome]],
    now: datetime,
    policy: Policy | None = None,
) -> Settled:
    """Write down what became of letters; only those whose lease ``owner`` still holds.

    Final states are recorded as events. A temporary refusal leaves the letter queued with a later
    ``retry_at``; after six tries it has failed. A channel that is unreachable or says "too many" never
    makes a letter fail.
    """
    outcomes = dict(results)
    with ledger.write(ACTOR, now) as writing:
        rows = _leased(writing.conn, owner, list(outcomes))
        _note(writing.conn, owner, [(row["id"], outcomes[row["id"]]) for row in rows], now)
        verdicts = {row["id"]: _judge(row, outcomes[row["id"]], now, policy or {}) for row in rows}
        _carry_out(writing, verdicts, now)
    count = [verdict.state for verdict in verdicts.values()].count
    return Settled(count("sent"), count("queued"), count("failed"), count("unknown"))


def _carry_out(writing: Writing, verdicts: Mapping[str, _Verdict], now: datetime) -> None:
    final = {key: each for key, each in verdicts.items() if each.state != "queued"}
    write(writing.conn, list(final), **FREE, retry_at=None, waits_from=None)
    for key in verdicts.keys() - final.keys():
        verdict = verdicts[key]
        waiting: dict[str, Any] = {"retry_at": verdict.retry_at, "waits_from": now}
        if verdict.free:
            waiting["attempts"] = message.c.attempts - 1
        write(writing.conn, [key], **FREE, **waiting, wait_why=verdict.detail[:WHY_CHARS])
    writing.record(*(settlement(key, each.state, each.detail, now) for key, each in final.items()))


def _judge(row: Any, outcome: Outcome, now: datetime, policy: Policy) -> _Verdict:
    """Decide about one message from its outcome and how often it was tried."""
    said = f"{outcome.code} {outcome.detail}".strip()
    tries = int(row["attempts"])
    if outcome.kind == "sent":
        return _Verdict("sent", said)
    if outcome.kind == "permanent":
        return _Verdict("failed", said)
    if outcome.kind == "unknown" and (policy.get(row["channel"]) != "resend" or tries >= MAX_TRIES):
        return _Verdict("unknown", f"{said}（可能已送达，请人工核实）")
    free = outcome.code in {UNREACHABLE, RATE}
    if not free and tries >= MAX_TRIES:
        return _Verdict("failed", f"{said}（试了 {tries} 次）")
    wait = max(wait_seconds(row["id"], tries), outcome.retry_after or 0)
    return _Verdict("queued", said, now + timedelta(seconds=wait), free)


def wait_seconds(key: str, tries: int) -> int:
    """How long to wait after the n-th try: 30 s doubling to an hour, spread by the id's hash.

    The spread (half to whole) comes from the id and not from chance, so a replay waits the same.
    """
    whole = min(FIRST_WAIT_SECONDS << max(0, min(tries - 1, 20)), LONGEST_WAIT_SECONDS)
    spread = int.from_bytes(hashlib.sha256(f"{key}#{tries}".encode()).digest()[:2], "big")
    return whole // 2 + (whole - whole // 2) * spread // 0xFFFF


def reap(
    ledger: Ledger, now: datetime, policy: Policy, lease_seconds: float = LEASE_SECONDS
) -> Reaped:
    """Free letters whose lease ran out because their worker died or hung.

    Not handed over: queued again at once. Handed over: it may have left the house, so the channel's
    policy decides: send again under the same Message-ID, or hold for a person. ``lease_seconds``: the
    longest lease there can be; one that ends later was given by a clock that has since been set back.
    """
    lapsed = sa.select(message).where(
        IS_QUEUED, message.c.lease_owner != "", message.c.lease_until <= now
    )
    with ledger.write(ACTOR, now) as writing:
        _void_what_a_wrong_clock_wrote(writing.conn, now, lease_seconds)
        rows = list(writing.conn.execute(lapsed.with_for_update()).mappings())
        untried = [row["id"] for row in rows if not row["handed_over"]]
        write(writing.conn, untried, **FREE)
        lost = Outcome("unknown", "lost", "发送途中程序中断，结果不明")
        over = [row for row in rows if row["handed_over"]]
        for row in over:
            _note(writing.conn, row["lease_owner"], [(row["id"], lost)], now)
        verdicts = {row["id"]: _after_loss(row, lost, now, policy) for row in over}
        _carry_out(writing, verdicts, now)
    held = sum(verdict.state == "unknown" for verdict in verdicts.values())
    return Reaped(len(untried), len(over) - held, held)


def _void_what_a_wrong_clock_wrote(conn: Connection, now: datetime, lease_seconds: float) -> None:
    """After a clock was set back: a lease lasts no longer than a lease, a wait begun in the future is void.

    A worker that still lives counts its lease by a clock that is never set, and stops within it.
    """
    longest = now + timedelta(seconds=lease_seconds)
    ahead = now + CLOCKS_AGREE
    queued = message.update().where(IS_QUEUED)
    too_long = message.c.lease_until > longest + CLOCKS_AGREE
    conn.execute(queued.where(too_long).values(lease_until=longest))
    begun = message.c.waits_from > ahead
    conn.execute(queued.where(begun).values(retry_at=None, waits_from=None, wait_why=""))
    conn.execute(queued.where(message.c.down_since > ahead).values(down_since=now))


def _after_loss(row: Any, lost: Outcome, now: datetime, policy: Policy) -> _Verdict:
    verdict = _judge(row, lost, now, policy)
    # The lease has already been waited for: what is sent again goes at once.
    return replace(verdict, retry_at=None)
