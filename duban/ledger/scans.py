"""What the stages ask every day. Each scan seeks a partial index with its predicate as a literal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban import clock
from duban.handover import Known
from duban.ledger import tables
from duban.ledger.queries import OPEN, Row
from duban.reminders import Candidate, Silence

_o, _n, _t = tables.obligation.c, tables.notice.c, tables.task.c
_PENDING = sa.text("notice.outcome = 'pending'")
_CHUNK = 500


def _chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    left = iter(values)
    while some := list(islice(left, _CHUNK)):
        yield some


# ---- obligations by their due ------------------------------------------------------------------


def oldest_open_due(conn: Connection) -> date | None:
    """The oldest due of anything open; windows reach back to it."""
    return conn.execute(oldest_open_due_query()).scalar()


def oldest_open_due_query() -> sa.Select[Any]:
    """As a statement, for the plan test."""
    return sa.select(_o.due_on).where(OPEN, _o.due_on.is_not(None)).order_by(_o.due_on).limit(1)


_WANTED = (
    _o.key,
    _o.unit,
    _o.task,
    _o.due_on,
    _o.round,
    _o.urgent,
    _o.opens_on,
    _o.acked_at,
    _o.role,
    _o.kind,
    _o.deadline_class,
    _o.plan,
)


def due_query(dues: Sequence[date]) -> sa.Select[Any]:
    """Open obligations with one of these dues: cost follows the hits, not the table."""
    return sa.select(*_WANTED).where(OPEN, _o.due_on.in_(dues)).order_by(_o.due_on, _o.key)


def due_candidates(conn: Connection, dues: Sequence[date]) -> list[Candidate]:
    """Candidates for reminders, in the order of due and key, with what their applied task asks for."""
    found: list[Candidate] = []
    wishes: dict[tuple[str, str], Wish] = {}
    for some in _chunks(dues):
        rows = conn.execute(due_query(some)).all()
        _learn(conn, {(row[11], row[2]) for row in rows}, wishes)
        found += [_candidate(row, wishes) for row in rows]
    return found


def candidates_of(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Candidate]:
    """The same for rows of obligations that were read already; a due that is not known is left out."""
    dated = [row for row in rows if row["due_on"] is not None]
    wishes: dict[tuple[str, str], Wish] = {}
    _learn(conn, {(row["plan"], row["task"]) for row in dated}, wishes)
    return [_candidate([row[column.name] for column in _WANTED], wishes) for row in dated]


class Wish(NamedTuple):
    """What an applied task says of reminders: who supports it, and the ladder it asks for by name."""

    support: frozenset[str]
    ladder: str


_NO_WISH = Wish(frozenset(), "")


def _learn(
    conn: Connection, tasks: set[tuple[str, str]], wishes: dict[tuple[str, str], Wish]
) -> None:
    """Read the wishes of tasks that are not known yet, from what was applied and not from the files."""
    unknown = sorted(tasks - wishes.keys())
    for plan in sorted({plan for plan, _ in unknown}):
        for some in _chunks(task for owner, task in unknown if owner == plan):
            query = sa.select(_t.id, _t.data).where(_t.plan == plan, _t.id.in_(some))
            for task, text in conn.execute(query):
                data = json.loads(text)
                wishes[plan, task] = Wish(frozenset(data["support"]), data.get("reminders", ""))


def _candidate(row: Sequence[Any], wishes: Mapping[tuple[str, str], Wish]) -> Candidate:
    key, unit, task, due_on, round_, urgent, opens_on, acked_at, role, kind, hardness, plan = row
    wish = wishes.get((plan, task), _NO_WISH)
    return Candidate(
        key,
        unit,
        task,
        due_on,
        round_,
        bool(urgent),
        opens_on,
        None if acked_at is None else clock.day_of(acked_at),
        "support" if role == "part" and unit in wish.support else role,
        kind,
        hardness,
        wish.ladder,
    )


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


def open_lists(conn: Connection, units: Iterable[str], today: date) -> dict[str, list[Row]]:
    """Unit to everything it sees as open on that day: what a summary or a hand-over lists."""
    found: dict[str, list[Row]] = {}
    for some in _chunks(sorted(set(units))):
        query = (
            sa.select(_o.key, _o.unit, _o.task, _o.round, _o.title, _o.label)
            .where(_o.unit.in_(some), OPEN, sa.or_(_o.opens_on.is_(None), _o.opens_on <= today))
            .order_by(_o.unit, _o.due_on.is_(None), _o.due_on, _o.key)
        )
        for row in conn.execute(query).mappings():
            found.setdefault(row["unit"], []).append(row)
    return found


# ---- what keeps reminders quiet ------------------------------------------------------------------


def severe_rounds(conn: Connection, keys: Sequence[str]) -> set[tuple[str, int]]:
    """(obligation, round) for which a severe step was confirmed: routine reminders stay silent."""
    p = tables.proposal.c
    found: set[tuple[str, int]] = set()
    for some in _chunks(keys):
        query = sa.select(p.obligation, p.round).where(
            p.state == "confirmed", p.obligation.in_(some)
        )
        found.update((row[0], row[1]) for row in conn.execute(query))
    return found


def working_silences(conn: Connection, today: date) -> list[Silence]:
    """Silences in force on a day."""
    s = tables.silence.c
    query = sa.select(s.unit, s.task, s.post, s.until_on, s.author, s.reason).where(
        s.ended_at.is_(None), s.until_on >= today
    )
    return [Silence(*row) for row in conn.execute(query.order_by(s.id))]


def known_holders(conn: Connection) -> dict[str, dict[str, Known]]:
    """Unit to its posts' holders as the last reminder run saw them."""
    h = tables.holders.c
    return {
        unit: {
            post: Known(name, address, date.fromisoformat(since) if since else None)
            for post, (name, address, since) in json.loads(text).items()
        }
        for unit, text in conn.execute(sa.select(h.unit, h.data))
    }


# ---- claims and what becomes of them ---------------------------------------------------------------


def known_notices(conn: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these claims were already made."""
    found: set[str] = set()
    for some in _chunks(ids):
        found.update(conn.execute(sa.select(_n.id).where(_n.id.in_(some))).scalars())
    return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """A unit and post for which claims wait to be said."""

    unit: str
    post: str
    number: int


def waiting_query(after: str, limit: int) -> sa.Select[Any]:
    """The next units with claims that wait, as a statement for the plan test."""
    return (
        sa.select(_n.unit)
        .where(_PENDING, _n.unit > after)
        .group_by(_n.unit)
        .order_by(_n.unit)
        .limit(limit)
    )


def waiting_places(conn: Connection, after: str, limit: int = 200) -> list[Waiting]:
    """Where claims wait, by unit and post, for the next ``limit`` units after ``after``.

    Asked page by page: what is written between two pages cannot disturb the reading.
    """
    units = list(conn.execute(waiting_query(after, limit)).scalars())
    if not units:
        return []
    query = (
        sa.select(_n.unit, _n.recipient, sa.func.count())
        .where(_PENDING, _n.unit > after, _n.unit <= units[-1])
        .group_by(_n.unit, _n.recipient)
        .order_by(_n.unit, _n.recipient)
    )
    return [Waiting(unit, post, int(number)) for unit, post, number in conn.execute(query)]


def pending_query(units: Sequence[str]) -> sa.Select[Any]:
    """Claims of these units that were not said yet, with the obligation as it stands now."""
    return (
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
            _o.round.label("obligation_round"),
        )
        .join(tables.obligation, _o.key == _n.obligation)
        .where(_PENDING, _n.unit.in_(units))
        .order_by(_o.due_on, _n.moment.desc(), _n.id)  # the newest rung speaks for an item
    )


def pending_notices(conn: Connection, units: Sequence[str]) -> list[Row]:
    """Claims of these units that were not said yet, oldest due first."""
    return list(conn.execute(pending_query(units)).mappings())


def message_ids(conn: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these messages exist."""
    found: set[str] = set()
    m = tables.message.c
    for some in _chunks(ids):
        found.update(conn.execute(sa.select(m.id).where(m.id.in_(some))).scalars())
    return found


def unsaid_notices(conn: Connection, limit: int = 1000) -> list[Mapping[str, Any]]:
    """Notices whose message never reached anybody: expired or refused for good; at most so many.

    Two statements on purpose: as one, SQLite reads every notice there ever was on each round.
    """
    m = tables.message.c
    lost = {
        row[0]: row[1]
        for row in conn.execute(sa.select(m.id, m.state).where(m.state.in_(("expired", "failed"))))
    }
    found: list[Mapping[str, Any]] = []
    for some in _chunks(sorted(lost)):
        query = sa.select(_n.id, _n.obligation, _n.message).where(
            _n.message.in_(some), _n.outcome == "grouped"
        )
        found += [
            {"id": row[0], "obligation": row[1], "message_state": lost[row[2]]}
            for row in conn.execute(query)
        ]
    return sorted(found, key=lambda row: str(row["id"]))[:limit]
