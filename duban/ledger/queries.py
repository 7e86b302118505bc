"""Plain reads of the ledger. Scheduled scans seek a partial index with its predicate as a literal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from duban import clock
from duban.ledger import tables

OPEN = sa.text("obligation.is_open = 1")
Row = RowMapping
_o, _n = tables.obligation.c, tables.notice.c
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Tick:
    """The last time a stage ran, by its logical moment."""

    stage: str
    logical_at: datetime
    finished_at: datetime
    counts: Mapping[str, int]


def is_example(conn: Connection) -> bool:
    """Whether this ledger holds the living example instead of an office's record."""
    return (
        conn.execute(
            sa.select(tables.trait.c.value).where(tables.trait.c.name == "example")
        ).scalar()
        == "1"
    )


def is_empty(conn: Connection) -> bool:
    """Whether nothing was ever recorded."""
    return conn.execute(sa.select(tables.event.c.seq).limit(1)).first() is None


_TICK = sa.select(tables.tick).where(tables.tick.c.stage == sa.bindparam("of"))


def last_tick(conn: Connection, stage: str) -> Tick | None:
    """The last tick of a stage."""
    row = conn.execute(_TICK, {"of": stage}).mappings().first()
    return (
        None
        if row is None
        else Tick(stage, row["logical_at"], row["finished_at"], json.loads(row["counts"]))
    )


def ticks(conn: Connection) -> list[Tick]:
    """The last tick of every stage."""
    rows = conn.execute(sa.select(tables.tick).order_by(tables.tick.c.stage)).mappings()
    return [
        Tick(row["stage"], row["logical_at"], row["finished_at"], json.loads(row["counts"]))
        for row in rows
    ]


def plan_row(conn: Connection, plan_id: str) -> Row | None:
    """The applied plan, or None before the first apply."""
    return (
        conn.execute(sa.select(tables.plan).where(tables.plan.c.id == plan_id)).mappings().first()
    )


# ---- scheduled scans -------------------------------------------------------------------------


# ---- one thing, or the things of one unit ------------------------------------------------------


def one_obligation(conn: Connection, key: str) -> Row | None:
    """One obligation by key."""
    return conn.execute(sa.select(tables.obligation).where(_o.key == key)).mappings().first()


def obligations(
    conn: Connection,
    *,
    unit: str | None = None,
    task: str | None = None,
    states: Iterable[str] | None = None,
    due_from: date | None = None,
    due_until: date | None = None,
) -> list[Row]:
    """Obligations by any of these, oldest due first; those without a due last."""
    query = sa.select(tables.obligation).order_by(_o.due_on.is_(None), _o.due_on, _o.key)
    if unit is not None:
        query = query.where(_o.unit == unit)
    if task is not None:
        query = query.where(_o.task == task)
    if states is not None:
        query = query.where(_o.state.in_(list(states)))
    if due_from is not None:
        query = query.where(_o.due_on >= due_from)
    if due_until is not None:
        query = query.where(_o.due_on <= due_until)
    return list(conn.execute(query).mappings())


def open_items(conn: Connection, unit: str, today: date) -> list[Row]:
    """What a unit sees as its open items: overdue, asked for, or a task of its own still running."""
    query = (
        sa.select(tables.obligation)
        .where(_o.unit == unit, OPEN, sa.or_(_o.opens_on.is_(None), _o.opens_on <= today))
        .order_by(_o.due_on.is_(None), _o.due_on, _o.key)
    )
    return list(conn.execute(query).mappings())


def task_row(conn: Connection, plan_id: str, task: str) -> dict[str, Any] | None:
    """A task with its data opened."""
    query = sa.select(tables.task).where(tables.task.c.plan == plan_id, tables.task.c.id == task)
    row = conn.execute(query).mappings().first()
    return None if row is None else {**row, **json.loads(row["data"])}


def tasks(conn: Connection, plan_id: str) -> list[dict[str, Any]]:
    """All tasks of a plan with their data opened."""
    query = sa.select(tables.task).where(tables.task.c.plan == plan_id).order_by(tables.task.c.id)
    return [{**row, **json.loads(row["data"])} for row in conn.execute(query).mappings()]


def units(conn: Connection) -> list[Row]:
    """All units."""
    return list(
        conn.execute(
            sa.select(tables.unit).order_by(tables.unit.c.grp, tables.unit.c.id)
        ).mappings()
    )


def submissions(conn: Connection, obligation: str) -> list[Row]:
    """All versions that came in for an obligation, newest first."""
    s = tables.submission
    query = sa.select(s).where(s.c.obligation == obligation).order_by(s.c.version.desc())
    return list(conn.execute(query).mappings())


def one_submission(conn: Connection, submission: str) -> Row | None:
    """One submission by id."""
    return (
        conn.execute(sa.select(tables.submission).where(tables.submission.c.id == submission))
        .mappings()
        .first()
    )


def submission_by_idem(conn: Connection, idem_key: str) -> Row | None:
    """The submission that came with this idempotency key."""
    query = sa.select(tables.submission).where(tables.submission.c.idem_key == idem_key)
    return conn.execute(query).mappings().first()


def to_review(conn: Connection) -> list[Row]:
    """Submissions that wait for the office, oldest first, with their obligation."""
    s = tables.submission
    query = (
        sa.select(s, _o.title, _o.label, _o.task, _o.due_on, _o.kind.label("obligation_kind"))
        .join(tables.obligation, _o.key == s.c.obligation)
        .where(sa.text("submission.state = 'pending'"))
        # A version that was replaced, or an item that was withdrawn meanwhile, needs no review.
        .where(_o.submission == s.c.id, _o.state == "submitted")
        .order_by(s.c.received_at, s.c.id)
    )
    return list(conn.execute(query).mappings())


def evidence_of(conn: Connection, submission: str) -> list[Row]:
    """Files that came with a submission."""
    e = tables.evidence
    return list(
        conn.execute(sa.select(e).where(e.c.submission == submission).order_by(e.c.name)).mappings()
    )


def last_figures(conn: Connection, unit: str) -> dict[tuple[str, str], tuple[str, datetime]]:
    """(task, indicator) to the value a unit last gave, and when."""
    s = tables.submission.c
    query = (
        sa.select(_o.task, s.figures, s.received_at)
        .join(tables.obligation, _o.key == s.obligation)
        .where(s.unit == unit, s.figures != "{}", s.state != "returned")
        .order_by(s.received_at)
    )
    found: dict[tuple[str, str], tuple[str, datetime]] = {}
    for task, figures, received_at in conn.execute(query):
        for indicator, value in json.loads(figures).items():
            found[task, indicator] = (value, received_at)
    return found


def notices(
    conn: Connection,
    *,
    unit: str | None = None,
    task: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    about: date | None = None,
) -> list[Row]:
    """Claims with their outcome and reason, newest first: the answer to ``why``.

    ``about``: those that came up, were decided or were said on a day.
    """
    query = (
        sa.select(
            tables.notice,
            _o.label,
            _o.title,
            _o.due_on,
            tables.message.c.state.label("message_state"),
            tables.message.c.channel.label("message_channel"),
            tables.message.c.route.label("message_route"),
            tables.message.c.not_before.label("message_not_before"),
            tables.message.c.retry_at.label("message_retry_at"),
            tables.message.c.wait_why.label("message_wait_why"),
            tables.message.c.address.label("message_address"),
            tables.message.c.created_at.label("message_at"),
        )
        .join(tables.obligation, _o.key == _n.obligation)
        .outerjoin(tables.message, tables.message.c.id == _n.message)
    )
    if unit is not None:
        query = query.where(_n.unit == unit)
    if task is not None:
        query = query.where(_n.task == task)
    if since is not None:
        query = query.where(_n.decided_at >= since)
    if until is not None:
        query = query.where(_n.decided_at < until)
    if about is not None:
        query = query.where(_concerns(about))
    return list(conn.execute(query.order_by(_n.decided_at.desc(), _n.id)).mappings())


def _concerns(day: date) -> sa.ColumnElement[bool]:
    first, last = clock.at(day), clock.at(day + timedelta(days=1))
    columns = (_n.moment, _n.decided_at, tables.message.c.created_at)
    return sa.or_(*(sa.and_(column >= first, column < last) for column in columns))


def messages(
    conn: Connection, *, unit: str | None = None, since: datetime | None = None, limit: int = 200
) -> list[Row]:
    """Messages, newest first."""
    m = tables.message
    query = sa.select(m).order_by(m.c.created_at.desc(), m.c.id).limit(limit)
    if unit is not None:
        query = query.where(m.c.unit == unit)
    if since is not None:
        query = query.where(m.c.created_at >= since)
    return list(conn.execute(query).mappings())


def link_by_hash(conn: Connection, token_hash: str) -> Row | None:
    """A personal link by the hash of its token."""
    return (
        conn.execute(sa.select(tables.link).where(tables.link.c.token_hash == token_hash))
        .mappings()
        .first()
    )


def digests(conn: Connection, limit: int = 60) -> list[Row]:
    """Digests, newest first."""
    d = tables.digest
    return list(conn.execute(sa.select(d).order_by(d.c.from_on.desc()).limit(limit)).mappings())


def one_digest(conn: Connection, digest: str) -> Row | None:
    """One digest by id."""
    return (
        conn.execute(sa.select(tables.digest).where(tables.digest.c.id == digest))
        .mappings()
        .first()
    )


def runs(conn: Connection, limit: int = 60) -> list[Row]:
    """Assessment runs, newest first."""
    r = tables.run
    return list(
        conn.execute(sa.select(r).order_by(r.c.as_of.desc(), r.c.id).limit(limit)).mappings()
    )


def one_run(conn: Connection, run: str) -> Row | None:
    """One assessment run by id."""
    return conn.execute(sa.select(tables.run).where(tables.run.c.id == run)).mappings().first()


def counts(conn: Connection) -> dict[str, int]:
    """Rows of each table, for the table of what happened."""
    found = {}
    for table in tables.metadata.sorted_tables:
        found[table.name] = int(
            conn.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0
        )
    return found


def states(conn: Connection) -> dict[str, int]:
    """How many obligations are in each state."""
    query = sa.select(_o.state, sa.func.count()).group_by(_o.state)
    return {state: int(count) for state, count in conn.execute(query)}


def lines_of(conn: Connection, messages_: Sequence[str]) -> dict[str, int]:
    """How many notices each of these messages carries."""
    found: dict[str, int] = {}
    for start in range(0, len(messages_), _CHUNK):
        query = (
            sa.select(_n.message, sa.func.count(_n.obligation.distinct()))
            .where(_n.message.in_(messages_[start : start + _CHUNK]))
            .group_by(_n.message)
        )
        found.update({row[0]: int(row[1]) for row in conn.execute(query)})
    return found


def working_links(conn: Connection, unit: str, now: datetime) -> list[Row]:
    """A unit's links that are neither expired nor revoked."""
    link = tables.link.c
    query = sa.select(tables.link).where(
        link.unit == unit, link.revoked_at.is_(None), link.expires_at > now
    )
    return list(conn.execute(query.order_by(link.created_at)).mappings())


def silences(conn: Connection) -> list[Row]:
    """All silences, newest first."""
    query = sa.select(tables.silence).order_by(tables.silence.c.from_at.desc(), tables.silence.c.id)
    return list(conn.execute(query).mappings())


def revoked_links(conn: Connection, unit: str, post: str) -> int:
    """How many links of a post were revoked: the number of the next generation."""
    link = tables.link.c
    query = sa.select(sa.func.count()).where(
        link.unit == unit, link.post == post, link.revoked_at.is_not(None)
    )
    return int(conn.execute(query.select_from(tables.link)).scalar() or 0)
