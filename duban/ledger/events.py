"""The record: append-only events with two times and a hash chain, and their projection to rows.

An event says what happened (``kind``, ``subject``), who did it, why, when it happened
(``occurred_at``) and when we recorded it (``recorded_at``, the software's own stamp). Its ``data`` holds
the change as column values of one projected row, so current rows are nothing but events applied in
order, and ``rebuild`` gives the same rows again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban import clock
from duban.ledger import bulk, tables
from duban.ledger.canon import canonical

GENESIS = "0" * 64

# kind of event -> (projected table, how its row changes)
KINDS: Mapping[str, tuple[sa.Table, str]] = {
    "ledger.opened": (tables.trait, "insert"),
    "ledger.marked": (tables.trait, "upsert"),
    "plan.applied": (tables.plan, "upsert"),
    "unit.written": (tables.unit, "upsert"),
    "unit.left": (tables.unit, "update"),
    "task.written": (tables.task, "upsert"),
    "task.withdrawn": (tables.task, "update"),
    "obligation.planned": (tables.obligation, "insert"),
    "obligations.expanded": (tables.obligation, "expand"),  # many of one task at once
    "obligation.replanned": (tables.obligation, "update"),  # wording, weight, owner's role
    "obligation.moved": (tables.obligation, "update"),  # a new due that supersedes the old one
    "obligation.cancelled": (tables.obligation, "update"),
    "obligation.restored": (tables.obligation, "update"),
    "obligation.requested": (tables.obligation, "update"),
    "obligation.acknowledged": (tables.obligation, "update"),
    "obligation.missed": (tables.obligation, "update"),
    "obligation.reported": (tables.obligation, "update"),
    "obligation.returned": (tables.obligation, "update"),
    "obligation.closed": (tables.obligation, "update"),
    "obligation.accepted_part": (tables.obligation, "update"),  # what is still owed has its own due
    "obligation.reopened": (tables.obligation, "update"),
    "obligation.extended": (tables.obligation, "update"),
    "obligation.suspended": (tables.obligation, "update"),
    "obligation.resumed": (tables.obligation, "update"),
    "obligation.adopted": (tables.obligation, "update"),  # imported history
    "obligation.adjusted": (tables.obligation, "update"),  # by request, the old value kept
    "obligation.merged": (tables.obligation, "update"),
    "obligation.split": (tables.obligation, "update"),
    "request.asked": (tables.request, "insert"),
    "request.decided": (tables.request, "update"),
    "request.withdrawn": (tables.request, "update"),
    "submission.received": (tables.submission, "insert"),
    "submission.reviewed": (tables.submission, "update"),
    "evidence.stored": (tables.evidence, "insert"),
    "notice.claimed": (tables.notice, "insert"),
    "notice.settled": (tables.notice, "update"),
    "notice.held": (tables.notice, "update"),  # it has to wait for another day
    "holders.seen": (tables.holders, "upsert"),
    "message.queued": (tables.message, "insert"),
    "message.settled": (tables.message, "update"),
    "message.requeued": (tables.message, "update"),
    "proposal.raised": (tables.proposal, "insert"),
    "proposal.decided": (tables.proposal, "update"),
    "proposal.handed": (tables.proposal, "update"),  # to another named decider
    "policy.kept": (tables.policy, "insert"),
    "ladder.started": (tables.climb, "upsert"),
    "ladder.adopted": (tables.climb, "update"),  # moved to another version by a named person
    "ladder.climbed": (tables.climb, "update"),
    "ladder.cleared": (tables.climb, "update"),
    "lamps.recorded": (tables.lamp, "rows"),  # many of one month at once
    "link.issued": (tables.link, "insert"),
    "link.revoked": (tables.link, "update"),
    "silence.set": (tables.silence, "insert"),
    "silence.ended": (tables.silence, "update"),
    "digest.drafted": (tables.digest, "upsert"),
    "digest.approved": (tables.digest, "update"),
    "digest.published": (tables.digest, "update"),
    "paper.made": (tables.paper, "insert"),
    "paper.voided": (tables.paper, "update"),
    "paper.covers": (tables.paper_proposal, "insert"),  # a confirmed proposal that it was made from
    "run.scored": (tables.run, "upsert"),
    "run.published": (tables.run, "update"),
    "stage.ticked": (tables.tick, "upsert"),
    "account.added": (tables.account, "insert"),
    "account.changed": (tables.account, "update"),  # role, unit, claim, active
    "account.invited": (tables.account, "update"),  # the old password ended; a link sets a new one
    "account.password_set": (tables.account, "update"),
    "account.totp_on": (tables.account, "update"),
    "account.totp_off": (tables.account, "update"),
    "account.recovery_used": (tables.account, "update"),
    "sign_in.done": (tables.sign_in, "insert"),
    "sign_in.ended": (tables.sign_in, "insert"),
    "sign_in.refused": (tables.sign_in, "insert"),
    "mail.taken": (tables.mail, "insert"),  # or refused: each mail once
    "token.issued": (tables.api_token, "insert"),
    "token.revoked": (tables.api_token, "update"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A change about to be recorded. ``row`` holds the primary key and the columns that change."""

    kind: str
    subject: str
    row: Mapping[str, Any]
    why: str = ""
    obligation: str | None = None
    cause: str = ""
    occurred_at: datetime | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """A recorded change, as read back."""

    seq: int
    kind: str
    subject: str
    obligation: str | None
    actor: str
    cause: str
    occurred_at: datetime
    recorded_at: datetime
    data: Mapping[str, Any]
    prev_hash: str
    hash: str

    @property
    def why(self) -> str:
        """The reason that was recorded with it."""
        return str(self.data.get("why", ""))


def append(
    conn: Connection,
    drafts: Sequence[Draft],
    *,
    actor: str,
    recorded_at: datetime,
    occurred_at: datetime,
) -> list[int]:
    """Append drafts to the chain and project them. The caller holds the writers' lock.

    Returns the sequence numbers. Raises whatever the database raises (a unique constraint that fires
    undoes the whole transaction).
    """
    if not drafts:
        return []
    seq, head = chain_head(conn)
    rows = []
    for draft in drafts:
        seq += 1
        row = _event_row(
            draft,
            seq,
            head,
            actor=actor,
            recorded_at=recorded_at,
            occurred_at=draft.occurred_at or occurred_at,
        )
        head = row["hash"]
        rows.append(row)
    conn.execute(tables.event.insert(), rows)
    _project(conn, ((draft.kind, draft.row) for draft in drafts))
    return [row["seq"] for row in rows]


_NEWEST = (
    sa.select(tables.event.c.seq, tables.event.c.hash).order_by(tables.event.c.seq.desc()).limit(1)
)


def chain_head(conn: Connection) -> tuple[int, str]:
    """Sequence number and hash of the newest event; (0, GENESIS) of an empty ledger."""
    newest = conn.execute(_NEWEST).first()
    return (newest.seq, newest.hash) if newest else (0, GENESIS)


def _event_row(
    draft: Draft, seq: int, prev: str, *, actor: str, recorded_at: datetime, occurred_at: datetime
) -> dict[str, Any]:
    data = canonical(
        {"row": dict(draft.row), **({"why": draft.why} if draft.why else {}), **draft.more}
    )
    row: dict[str, Any] = {
        "seq": seq,
        "kind": draft.kind,
        "subject": draft.subject,
        "obligation": draft.obligation,
        "actor": actor,
        "cause": draft.cause,
        "occurred_at": occurred_at,
        "recorded_at": recorded_at,
        "data": data,
        "prev_hash": prev,
    }
    row["hash"] = event_hash(row)
    return row


def event_hash(row: Any) -> str:
    """SHA-256 over the previous hash and every recorded field of the event."""
    parts = (
        row["prev_hash"],
        str(row["seq"]),
        row["kind"],
        row["subject"],
        row["obligation"] or "",
        row["actor"],
        row["cause"],
        clock.stamp(row["occurred_at"]),
        clock.stamp(row["recorded_at"]),
        row["data"],
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def read_events(
    conn: Connection, *, after: int = 0, obligation: str | None = None, subject: str | None = None
) -> Iterator[Event]:
    """Events in order; those of one obligation or subject when given."""
    query = sa.select(tables.event).where(tables.event.c.seq > after).order_by(tables.event.c.seq)
    if obligation is not None:
        listed = (
            f"task:{obligation.split('/', maxsplit=1)[0]}"  # it was listed with all of its task
        )
        query = query.where(
            sa.or_(
                tables.event.c.obligation == obligation,
                sa.and_(
                    tables.event.c.kind == "obligations.expanded", tables.event.c.subject == listed
                ),
            )
        )
    if subject is not None:
        query = query.where(tables.event.c.subject == subject)
    with conn.execute(query, execution_options={"yield_per": 1000}) as result:
        for row in result.mappings():
            yield Event(**{**row, "data": json.loads(row["data"])})


def verify_chain(conn: Connection) -> Event | None:
    """The first event that does not fit the chain, or None when all of them do."""
    prev, expected = GENESIS, 1
    query = sa.select(tables.event).order_by(tables.event.c.seq)
    # Closed at once, also when a misfit ends the reading: a server-side cursor left open blocks.
    with conn.execute(query, execution_options={"yield_per": 1000}) as result:
        for row in result.mappings():
            fits = row["seq"] == expected and row["prev_hash"] == prev
            if not fits or event_hash(row) != row["hash"]:
                return Event(**{**row, "data": {"raw": row["data"]}})
            prev, expected = row["hash"], expected + 1
    return None


def rebuild(conn: Connection) -> int:
    """Throw all projected rows away and build them again from the events; how many were applied."""
    for table in reversed(tables.metadata.sorted_tables):
        if table is not tables.event and table.name not in tables.KEPT:
            conn.execute(table.delete())
    count = 0
    batch: list[tuple[str, Mapping[str, Any]]] = []
    for happened in list(read_events(conn)):
        batch.append((happened.kind, _typed(*KINDS[happened.kind], happened.data["row"])))
        count += 1
    _project(conn, batch)
    return count


def _typed(table: sa.Table, how: str, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Row values read from an event's JSON, as the columns want them."""
    if how == "expand":
        return row  # plain values: the database spells them out
    if how == "rows":
        return {"rows": [_typed(table, "insert", each) for each in row["rows"]]}
    return {name: _typed_value(table.c[name].type, value) for name, value in row.items()}


def _typed_value(kind: sa.types.TypeEngine[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, tables.Moment):
        return clock.parse_stamp(value)
    if isinstance(kind, sa.Date):
        return date.fromisoformat(value)
    if isinstance(kind, tables.Exact):
        return Decimal(value)
    return value


def _project(conn: Connection, changes: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Apply changes in order; runs of the same shape become one executemany."""

    def shape(change: tuple[str, Mapping[str, Any]]) -> tuple[str, tuple[str, ...]]:
        return change[0], tuple(change[1])

    for (kind, columns), run in groupby(changes, shape):
        table, how = KINDS[kind]
        _write(conn, table, how, columns, [dict(row) for _, row in run])


def _write(
    conn: Connection, table: sa.Table, how: str, columns: Sequence[str], rows: list[dict[str, Any]]
) -> None:
    keys = [column.name for column in table.primary_key]
    if how == "expand":
        for row in rows:
            bulk.expand(conn, row)
    elif how == "rows":
        conn.execute(table.insert(), [each for row in rows for each in row["rows"]])
    elif how == "insert":
        conn.execute(table.insert(), rows)
    elif how == "upsert":
        conn.execute(_upsert(conn.dialect.name, table.name, tuple(columns)), rows)
    else:
        changing = [name for name in columns if name not in keys]
        conn.execute(
            _update(table.name, tuple(changing)), [_bound(row, keys, changing) for row in rows]
        )


@lru_cache(maxsize=256)
def _update(name: str, changing: tuple[str, ...]) -> sa.Update:
    """A statement of a shape, made once: making it anew costs more than running it."""
    table = tables.metadata.tables[name]
    return (
        table.update()
        .where(*(column == sa.bindparam(f"key_{column.name}") for column in table.primary_key))
        .values({each: sa.bindparam(f"new_{each}") for each in changing})
    )


def _bound(row: Mapping[str, Any], keys: Sequence[str], changing: Sequence[str]) -> dict[str, Any]:
    return {f"key_{key}": row[key] for key in keys} | {
        f"new_{name}": row[name] for name in changing
    }


@lru_cache(maxsize=256)
def _upsert(dialect: str, name: str, columns: tuple[str, ...]) -> Any:
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    table = tables.metadata.tables[name]
    keys = [column.name for column in table.primary_key]
    statement = insert(table)
    changing = {each: statement.excluded[each] for each in columns if each not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changing)
