"""The outbox: messages wait here, written in the same transaction as what they tell.

One worker at a time holds a message under a lease. Handing over (the fence: "from here on it may have
left the house") is committed *before* sending, so a crash can be told from a message never tried. Lease
columns are operational and written directly; a state changes only through an event.
"""

from __future__ import annotations

import hashlib
import json
from bisect import insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.errors import UsageError
from duban.ledger.events import Draft
from duban.ledger.store import Ledger, Writing
from duban.ledger.tables import attempt, message

ACTOR = "deliver"
MAX_TRIES = 6
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 3600
UNREACHABLE = "unreachable"
"""Code of a temporary outcome that is the channel's fault: it never uses up a message's tries."""
RATE = "rate"
"""Code of a temporary outcome that says "too many just now": it never uses up a message's tries either."""
BAD_ADDRESS = "bad-address"
"""Code of a permanent outcome that says nobody is at this address."""

# A literal, not a bound value: only then does either database use the partial index.
_IS_QUEUED = sa.text("message.state = 'queued'")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to one person. ``id`` is its idempotency key: what it is, for whom, which day."""

    id: str
    kind: str
    unit: str
    post: str
    person: str
    address: str
    channel: str
    subject: str
    text: str
    html: str
    attachments: tuple[str, ...]
    urgent: bool
    not_before: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sending. ``retry_after`` in seconds, when the other side named it.

    ``kind``: sent; temporary (try again); permanent (never); unknown (it may have arrived).
    """

    kind: str
    code: str = ""
    detail: str = ""
    retry_after: int | None = None


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


@dataclass(frozen=True, slots=True)
class Stats:
    """How the outbox stands. ``states``: number of messages by state."""

    states: Mapping[str, int] = field(default_factory=dict)
    sending: int = 0
    retrying: int = 0
    oldest_queued: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` messages in any ``seconds`` running, of a channel or of each address on it."""

    count: int
    seconds: int
    per_person: bool = False


Policy = Mapping[str, str]
"""Per channel, what to do with a message that may have arrived: ``resend`` or ``hold`` (default)."""


def queue(writing: Writing, letters: Sequence[Letter]) -> int:
    """Put letters into the outbox in the caller's transaction; how many were really new.

    A letter whose id is already there is left out: a flow that runs again says nothing twice.
    """
    wanted: dict[str, Letter] = {}
    for letter in letters:
        wanted.setdefault(letter.id, letter)
    known = _known(writing.conn, list(wanted))
    fresh = [letter for key, letter in wanted.items() if key not in known]
    writing.record(
        *(Draft("message.queued", letter.id, _row(letter, writing.at)) for letter in fresh)
    )
    return len(fresh)


def _known(conn: Connection, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        found.update(conn.execute(sa.select(message.c.id).where(message.c.id.in_(some))).scalars())
    return found


def _row(letter: Letter, created_at: datetime) -> dict[str, Any]:
    return {
        "id": letter.id,
        "kind": letter.kind,
        "unit": letter.unit,
        "post": letter.post,
        "person": letter.person,
        "address": letter.address,
        "channel": letter.channel,
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html,
        "attachments": json.dumps(list(letter.attachments), ensure_ascii=False),
        "urgent": int(letter.urgent),
        "created_at": created_at,
        "not_before": letter.not_before,
        "expires_at": letter.expires_at,
        "state": "queued",
    }


def _letter(row: Any) -> Letter:
    names = Letter.__dataclass_fields__
    values = {name: row[name] for name in names}
    values["attachments"] = tuple(json.loads(row["attachments"]))
    values["urgent"] = bool(row["urgent"])
    return Letter(**values)


def expire(ledger: Ledger, now: datetime) -> int:
    """Settle what waited beyond its use as expired; how many. A late "3 days left" helps nobody."""
    with ledger.write(ACTOR, now) as writing:
        return _expire(writing, now)


def _expire(writing: Writing, now: datetime) -> int:
    query = sa.select(message.c.id).where(
        _IS_QUEUED, message.c.lease_owner == "", message.c.expires_at < now
    )
    ids = list(writing.conn.execute(query.order_by(message.c.id)).scalars())
    why = "过了有效时间仍未发出，不再发送"
    writing.record(*(_settlement(key, "expired", why, now) for key in ids))
    return len(ids)


def _settlement(key: str, state: str, detail: str, now: datetime) -> Draft:
    row = {"id": key, "state": state, "settled_at": now, "detail": detail}
    return Draft("message.settled", key, row, why=detail)


def claim(
    ledger: Ledger,
    owner: str,
    now: datetime,
    limit: int = 20,
    lease_seconds: int = 120,
    *,
    without: Collection[str] = (),
) -> list[Letter]:
    """Take up to ``limit`` letters that are due under a lease, urgent and oldest first.

    Two statements on purpose: ``UPDATE … WHERE id IN (SELECT … LIMIT 20 FOR UPDATE SKIP LOCKED)``
    claimed 1,500 rows on a PostgreSQL table without statistics. ``without``: channels to leave alone.
    """
    due = (
        sa.select(message)
        .where(
            _IS_QUEUED,
            message.c.lease_owner == "",
            message.c.not_before <= now,
            sa.or_(message.c.retry_at.is_(None), message.c.retry_at <= now),
            *([message.c.channel.not_in(sorted(without))] if without else []),
        )
        .order_by(message.c.urgent.desc(), message.c.not_before, message.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with ledger.write(ACTOR, now) as writing:
        _expire(writing, now)
        rows = list(writing.conn.execute(due).mappings())
        until = now + timedelta(seconds=lease_seconds)
        _write(
            writing.conn,
            [row["id"] for row in rows],
            lease_owner=owner,
            lease_until=until,
            handed_over=0,
        )
    return [_letter(row) for row in rows]


def _write(conn: Connection, ids: Sequence[str], **values: Any) -> None:
    """Write operational columns of messages that are still queued."""
    if ids:
        conn.execute(message.update().where(message.c.id.in_(ids), _IS_QUEUED).values(**values))


_FREE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None, "handed_over": 0}


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
            _IS_QUEUED,
            message.c.lease_owner == owner,
            message.c.lease_until > now,
        )
        mine = {row.id: row for row in conn.execute(ours.with_for_update())}
        wanted = [mine[key] for key in ids if key in mine]
        waits = _waits(conn, wanted, now, rates or {})
        for key, until in waits.items():
            _write(conn, [key], **_FREE, retry_at=until)
        kept = [row.id for row in wanted if row.id not in waits]
        _write(conn, kept, handed_over=1, attempts=message.c.attempts + 1)
        tried = _tries_noted(conn, kept)
        rows = [
            {"message": key, "n": tried.get(key, 0) + 1, "worker": owner, "started_at": now}
            for key in kept
        ]
        if rows:
            conn.execute(attempt.insert(), rows)
    return kept


def _waits(
    conn: Connection, rows: Sequence[Any], now: datetime, rates: Mapping[str, Sequence[Rate]]
) -> dict[str, datetime]:
    """Until when each letter has to wait for room on its channel; those that need not are left out.

    Writers take turns and attempts are noted in the same transaction, so workers share one count.
    """
    waits: dict[str, datetime] = {}
    for channel in sorted({row.channel for row in rows} & rates.keys()):
        if rates[channel]:
            meter = _Meter(rates[channel], _log(conn, channel, now, rates[channel]))
            for row in (row for row in rows if row.channel == channel):
                at = meter.take(row.address, now)
                waits |= {row.id: at} if at > now else {}
    return waits


def _log(
    conn: Connection, channel: str, now: datetime, rates: Sequence[Rate]
) -> list[tuple[datetime, str]]:
    """When each message that counts was sent at the latest, and to whom; oldest first.

    An attempt counts until its *end* is long enough ago, one under way always: whenever in between it
    really left, no stretch of time holds more than the rate.
    """
    since = now - timedelta(seconds=max(rate.seconds for rate in rates))
    query = (
        sa.select(attempt.c.finished_at, message.c.address)
        .join(message, message.c.id == attempt.c.message)
        .where(
            message.c.channel == channel,
            attempt.c.outcome != "returned",
            sa.or_(attempt.c.finished_at.is_(None), attempt.c.finished_at > since),
        )
    )
    return sorted((row.finished_at or now, row.address) for row in conn.execute(query))


class _Meter:
    """Gives out the room of one channel: the earliest moment that keeps every rate."""

    def __init__(self, rates: Sequence[Rate], log: list[tuple[datetime, str]]) -> None:
        self._rates = rates
        self._log = log

    def take(self, address: str, now: datetime) -> datetime:
        """Reserve a place for one message and say when it is."""
        at = max([now, *(self._free(rate, address) for rate in self._rates)])
        insort(self._log, (at, address))
        return at

    def _free(self, rate: Rate, address: str) -> datetime:
        used = [at for at, who in self._log if not rate.per_person or who == address]
        if len(used) < rate.count:
            return datetime.min.replace(tzinfo=UTC)
        return used[-rate.count] + timedelta(seconds=rate.seconds)


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
        _write(conn, over, attempts=message.c.attempts - 1)
        _write(conn, [row["id"] for row in rows], **_FREE)


def _leased(conn: Connection, owner: str, ids: Sequence[str]) -> list[Any]:
    query = sa.select(message).where(
        message.c.id.in_(ids), _IS_QUEUED, message.c.lease_owner == owner
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
    for key, verdict in verdicts.items():
        _write(writing.conn, [key], **_FREE, retry_at=verdict.retry_at)
    writing.record(
        *(
            _settlement(key, verdict.state, verdict.detail, now)
            for key, verdict in verdicts.items()
            if verdict.state != "queued"
        )
    )


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
    if outcome.code not in {UNREACHABLE, RATE} and tries >= MAX_TRIES:
        return _Verdict("failed", f"{said}（试了 {tries} 次）")
    wait = max(wait_seconds(row["id"], tries), outcome.retry_after or 0)
    return _Verdict("queued", said, now + timedelta(seconds=wait))


def wait_seconds(key: str, tries: int) -> int:
    """How long to wait after the n-th try: 30 s doubling to an hour, spread by the id's hash.

    The spread (half to whole) comes from the id and not from chance, so a replay waits the same.
    """
    whole = min(FIRST_WAIT_SECONDS << max(0, min(tries - 1, 20)), LONGEST_WAIT_SECONDS)
    spread = int.from_bytes(hashlib.sha256(f"{key}#{tries}".encode()).digest()[:2], "big")
    return whole // 2 + (whole - whole // 2) * spread // 0xFFFF


def reap(ledger: Ledger, now: datetime, policy: Policy) -> Reaped:
    """Free letters whose lease ran out because their worker died or hung.

    Not handed over: queued again at once. Handed over: it may have left the house, so the channel's
    policy decides: send again under the same Message-ID, or hold for a person.
    """
    lapsed = sa.select(message).where(
        _IS_QUEUED, message.c.lease_owner != "", message.c.lease_until <= now
    )
    with ledger.write(ACTOR, now) as writing:
        rows = list(writing.conn.execute(lapsed.with_for_update()).mappings())
        untried = [row["id"] for row in rows if not row["handed_over"]]
        _write(writing.conn, untried, **_FREE)
        lost = Outcome("unknown", "lost", "发送途中程序中断，结果不明")
        over = [row for row in rows if row["handed_over"]]
        for row in over:
            _note(writing.conn, row["lease_owner"], [(row["id"], lost)], now)
        verdicts = {row["id"]: _after_loss(row, lost, now, policy) for row in over}
        _carry_out(writing, verdicts, now)
    held = sum(verdict.state == "unknown" for verdict in verdicts.values())
    return Reaped(len(untried), len(over) - held, held)


def _after_loss(row: Any, lost: Outcome, now: datetime, policy: Policy) -> _Verdict:
    verdict = _judge(row, lost, now, policy)
    # The lease has already been waited for: what is sent again goes at once.
    return replace(verdict, retry_at=None)


def cancel(writing: Writing, ids: Sequence[str], why: str) -> int:
    """Take letters back that nobody is sending yet; how many. ``why`` is recorded."""
    query = sa.select(message.c.id).where(
        message.c.id.in_(ids), _IS_QUEUED, message.c.handed_over == 0
    )
    found = list(writing.conn.execute(query.order_by(message.c.id).with_for_update()).scalars())
    _write(writing.conn, found, **_FREE)
    writing.record(*(_settlement(key, "cancelled", why, writing.at) for key in found))
    return len(found)


def requeue(writing: Writing, key: str, why: str) -> None:
    """Send a failed, unknown or expired letter again: a person's decision, with its reason.

    Raises UsageError when the letter does not exist or is not in such a state.
    """
    query = sa.select(message.c.state, message.c.expires_at).where(message.c.id == key)
    found = writing.conn.execute(query.with_for_update()).first()
    if found is None or found.state not in {"failed", "unknown", "expired"}:
        state = "没有这封通知" if found is None else f"这封通知的状态是 {found.state}"
        raise UsageError(f"{state}，不能重发：{key}", "只有发送失败、结果不明或过期的才需要重发。")
    row = {"id": key, "state": "queued", "settled_at": None, "detail": why, "expires_at": None}
    writing.record(Draft("message.requeued", key, row, why=why))
    _write(writing.conn, [key], **_FREE, attempts=0, retry_at=None)


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
    found = [_letter(row) for row in conn.execute(query.order_by(message.c.id)).mappings()]
    known = _known(conn, [fallback_id(letter.id, other) for letter in found])
    return [letter for letter in found if fallback_id(letter.id, other) not in known]


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
    now = conn.execute(counts.where(_IS_QUEUED)).one()
    return Stats({row.state: row.n for row in states}, now.sending, now.again, now.oldest)


def dead_addresses(conn: Connection, since: datetime) -> frozenset[str]:
    """Addresses refused after ``since`` with nothing sent to them later: routing passes them over.

    ``since`` lets a refusal wear off, so that a mailbox that was set up again is tried again.
    """
    last_sent = (
        sa.select(message.c.address, sa.func.max(message.c.settled_at).label("at"))
        .where(message.c.state == "sent")
        .group_by(message.c.address)
        .subquery()
    )
    query = (
        sa.select(message.c.address)
        .outerjoin(last_sent, message.c.address == last_sent.c.address)
        .where(
            message.c.state == "failed",
            message.c.settled_at >= since,
            message.c.detail.startswith(BAD_ADDRESS),
            sa.or_(last_sent.c.at.is_(None), last_sent.c.at < message.c.settled_at),
        )
    )
    return frozenset(conn.execute(query).scalars())
