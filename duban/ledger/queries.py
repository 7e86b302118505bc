"""Plain reads of the ledger. Scheduled scans seek a partial index with its predicate as a literal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from duban import clock
from duban.escalation import Overdue
from duban.ledger import tables
from duban.matrix.model import UnitKind
from duban.reminders import Candidate, Silence

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


def last_tick(conn: Connection, stage: str) -> Tick | None:
    """The last tick of a stage."""
    row = (
        conn.execute(sa.select(tables.tick).where(tables.tick.c.stage == stage)).mappings().first()
    )
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


def oldest_open_due(conn: Connection) -> date | None:
    """The oldest due of anything open; windows reach back to it."""
    return conn.execute(oldest_open_due_query()).scalar()


def oldest_open_due_query() -> sa.Select[Any]:
    """As a statement, for the plan test."""
    return sa.select(_o.due_on).where(OPEN, _o.due_on.is_not(None)).order_by(_o.due_on).limit(1)


def due_query(dues: Sequence[date]) -> sa.Select[Any]:
    """Open obligations with one of these dues: cost follows the hits, not the table."""
    return (
        sa.select(
            _o.key, _o.unit, _o.task, _o.due_on, _o.round, _o.urgent, _o.opens_on, _o.acked_at
        )
        .where(OPEN, _o.due_on.in_(dues))
        .order_by(_o.due_on, _o.key)
    )


def due_candidates(conn: Connection, dues: Sequence[date]) -> list[Candidate]:
    """Candidates for reminders, in the order of due and key."""
    found = []
    for start in range(0, len(dues), _CHUNK):
        rows = conn.execute(due_query(dues[start : start + _CHUNK]))
        found += [
            Candidate(row[0], row[1], row[2], row[3], row[4], bool(row[5]), row[6], _day(row[7]))
            for row in rows
        ]
    return found


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else clock.day_of(moment)


def overdue_query(latest_due: date) -> sa.Select[Any]:
    """Open obligations due on that day or before."""
    return (
        sa.select(
            _o.key, _o.unit, tables.unit.c.kind, _o.task, _o.kind, _o.due_on, _o.round, _o.urgent
        )
        .join(tables.unit, tables.unit.c.id == _o.unit)
        .where(OPEN, _o.due_on <= latest_due)
        .order_by(_o.due_on, _o.key)
    )


def overdue(conn: Connection, latest_due: date) -> list[Overdue]:
    """Overdue obligations with how many periods of the same task were missed in a row."""
    rows = conn.execute(overdue_query(latest_due)).all()
    in_row = _missed_in_row(conn, {(row[3], row[1]) for row in rows})
    return [
        Overdue(
            row[0],
            row[1],
            UnitKind(row[2]),
            row[3],
            row[4],
            row[5],
            row[6],
            bool(row[7]),
            in_row.get(row[0], 0),
        )
        for row in rows
    ]


def _missed_in_row(conn: Connection, pairs: set[tuple[str, str]]) -> dict[str, int]:
    """The newest missing report of a task and unit to how many in a row never came.

    Only the newest carries the row, so that two misses are one talk; what came late did come.
    """
    if not pairs:
        return {}
    query = (
        sa.select(_o.key, _o.task, _o.unit, _o.submitted_at)
        .where(_o.kind == "report", _o.unit.in_(sorted({unit for _, unit in pairs})))
        .where(_o.state.notin_(("historic", "cancelled")))
        .where(sa.or_(_o.missed_at.is_not(None), _o.submitted_at.is_not(None)))
        .order_by(_o.task, _o.unit, _o.due_on.desc())
    )
    counted: dict[str, int] = {}
    newest: dict[tuple[str, str], str] = {}
    ended: set[tuple[str, str]] = set()
    for key, task, unit, submitted_at in conn.execute(query):
        pair = (task, unit)
        if pair in ended:
            continue
        if submitted_at is not None:
            ended.add(pair)
        else:
            first = newest.setdefault(pair, key)
            counted[first] = counted.get(first, 0) + 1
    return counted


def steps_taken(conn: Connection, keys: Sequence[str]) -> dict[tuple[str, int], set[str]]:
    """(obligation, round) to the escalation steps already raised."""
    found: dict[tuple[str, int], set[str]] = {}
    p = tables.proposal.c
    for start in range(0, len(keys), _CHUNK):
        query = sa.select(p.obligation, p.round, p.step).where(
            p.obligation.in_(keys[start : start + _CHUNK])
        )
        for obligation, round_, step in conn.execute(query):
            found.setdefault((obligation, round_), set()).add(step)
    return found


def to_request(conn: Connection, today: date) -> list[Row]:
    """Reports whose period has opened and that were not asked for yet."""
    query = (
        sa.select(tables.obligation)
        .where(
            sa.text("obligation.is_open = 1 AND obligation.requested_at IS NULL"),
            _o.opens_on <= today,
        )
        .order_by(_o.due_on, _o.key)
    )
    return list(conn.execute(query).mappings())


def to_miss(conn: Connection, now: datetime, today: date) -> list[Row]:
    """Open obligations whose due passed without the report that was owed, not marked missing yet."""
    query = (
        sa.select(tables.obligation)
        .where(
            OPEN,
            _o.due_on <= today,
            _o.due_at < now,
            _o.missed_at.is_(None),
            _o.submitted_at.is_(None),
        )
        .order_by(_o.due_on, _o.key)
    )
    return list(conn.execute(query).mappings())


def known_notices(conn: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these claims were already made."""
    found: set[str] = set()
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(_n.id).where(_n.id.in_(ids[start : start + _CHUNK]))
        found.update(row[0] for row in conn.execute(query))
    return found


def pending_notices(conn: Connection) -> list[Row]:
    """Claims that were not said yet, with the obligation as it stands now."""
    query = (
        sa.select(
            tables.notice,
            _o.title,
            _o.label,
            _o.phrase,
            _o.due_on,
            _o.due_at,
            _o.state,
            _o.is_open,
            _o.period,
            _o.kind.label("obligation_kind"),
        )
        .join(tables.obligation, _o.key == _n.obligation)
        .where(sa.text("notice.outcome = 'pending'"))
        .order_by(_o.due_on, _n.moment.desc(), _n.id)  # the newest rung speaks for an item
    )
    return list(conn.execute(query).mappings())


def message_ids(conn: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these messages exist."""
    found: set[str] = set()
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(tables.message.c.id).where(
            tables.message.c.id.in_(ids[start : start + _CHUNK])
        )
        found.update(row[0] for row in conn.execute(query))
    return found


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
) -> list[Row]:
    """Claims with their outcome and reason, newest first: the answer to ``why``."""
    query = (
        sa.select(
            tables.notice,
            _o.label,
            _o.title,
            _o.due_on,
            tables.message.c.state.label("message_state"),
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
    return list(conn.execute(query.order_by(_n.decided_at.desc(), _n.id)).mappings())


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


def proposals(
    conn: Connection, *, states: Iterable[str] | None = None, since: datetime | None = None
) -> list[Row]:
    """Escalation steps raised, newest first, with their obligation."""
    p = tables.proposal
    query = (
        sa.select(
            p,
            _o.title,
            _o.label,
            _o.due_on,
            _o.due_at,
            _o.state.label("obligation_state"),
            _o.is_open,
        )
        .join(tables.obligation, _o.key == p.c.obligation)
        .order_by(p.c.raised_at.desc(), p.c.id)
    )
    if states is not None:
        query = query.where(p.c.state.in_(list(states)))
    if since is not None:
        query = query.where(p.c.raised_at >= since)
    return list(conn.execute(query).mappings())


def one_proposal(conn: Connection, proposal: str) -> Row | None:
    """One escalation step by id."""
    return (
        conn.execute(sa.select(tables.proposal).where(tables.proposal.c.id == proposal))
        .mappings()
        .first()
    )


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


def severe_rounds(conn: Connection, keys: Sequence[str]) -> set[tuple[str, int]]:
    """(obligation, round) for which a severe step was confirmed: routine reminders stay silent."""
    p = tables.proposal.c
    found: set[tuple[str, int]] = set()
    for start in range(0, len(keys), _CHUNK):
        query = sa.select(p.obligation, p.round).where(
            p.state == "confirmed", p.obligation.in_(keys[start : start + _CHUNK])
        )
        found.update((row[0], row[1]) for row in conn.execute(query))
    return found


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


def working_silences(conn: Connection, today: date) -> list[Silence]:
    """Silences in force on a day."""
    s = tables.silence.c
    query = sa.select(s.unit, s.task, s.post, s.until_on, s.author, s.reason).where(
        s.ended_at.is_(None), s.until_on >= today
    )
    return [Silence(*row) for row in conn.execute(query.order_by(s.id))]


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


def unsaid_notices(conn: Connection) -> list[Row]:
    """Notices whose message never reached anybody: expired or refused for good."""
    m = tables.message.c
    query = (
        sa.select(tables.notice, m.state.label("message_state"))
        .join(tables.message, m.id == _n.message)
        .where(_n.outcome == "grouped", m.state.in_(("expired", "failed")))
        .order_by(_n.id)
    )
    return list(conn.execute(query).mappings())
