"""What the outbox holds: letters and outcomes as values, and how their rows are written.

Columns that say who is sending a letter and what it waits for are operational and written directly; a
state changes only through an event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger.events import Draft
from duban.ledger.tables import message

ACTOR = "deliver"
UNREACHABLE = "unreachable"
"""Code of a temporary outcome that is the channel's fault: it never uses up a message's tries."""
RATE = "rate"
"""Code of a temporary outcome that says "too many just now": it never uses up a message's tries either."""
BAD_ADDRESS = "bad-address"
"""Code of a permanent outcome that says nobody is at this address."""
WHY_CHARS = 240

# A literal, not a bound value: only then does either database use the partial index.
IS_QUEUED = sa.text("message.state = 'queued'")

FREE: Mapping[str, Any] = {"lease_owner": "", "lease_until": None, "handed_over": 0}
"""What a letter that nobody is sending looks like."""


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
    route: str = ""
    """Which channel was chosen and why, in a sentence for the office."""
    threads: tuple[str, ...] = ()
    """``plan/task`` of what it tells, the most pressing first; found when it is claimed, not kept."""


_KEPT = tuple(name for name in Letter.__dataclass_fields__ if name != "threads")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sending. ``retry_after`` in seconds, when the other side named it.

    ``kind``: sent; temporary (try again); permanent (never); unknown (it may have arrived).
    """

    kind: str
    code: str = ""
    detail: str = ""
    retry_after: int | None = None


Policy = Mapping[str, str]
"""Per channel, what to do with a message that may have arrived: ``resend`` or ``hold`` (default)."""


def known(conn: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these letters exist."""
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        found.update(conn.execute(sa.select(message.c.id).where(message.c.id.in_(some))).scalars())
    return found


def row_of(letter: Letter, created_at: datetime) -> dict[str, Any]:
    """The row of a letter that is queued."""
    row = {name: getattr(letter, name) for name in _KEPT}
    attachments = json.dumps(list(letter.attachments), ensure_ascii=False)
    more = {"attachments": attachments, "urgent": int(letter.urgent)}
    return row | more | {"created_at": created_at, "state": "queued"}


def letter_of(row: Any, threads: Sequence[str] = ()) -> Letter:
    """The letter of a row."""
    values = {name: row[name] for name in _KEPT}
    values["attachments"] = tuple(json.loads(row["attachments"]))
    values["urgent"] = bool(row["urgent"])
    return Letter(**values, threads=tuple(threads))


def write(conn: Connection, ids: Sequence[str], **values: Any) -> None:
    """Write operational columns of messages that are still queued."""
    if ids:
        conn.execute(message.update().where(message.c.id.in_(ids), IS_QUEUED).values(**values))


def settlement(key: str, state: str, detail: str, now: datetime) -> Draft:
    """The event that ends a letter's waiting."""
    row = {"id": key, "state": state, "settled_at": now, "detail": detail}
    return Draft("message.settled", key, row, why=detail)
