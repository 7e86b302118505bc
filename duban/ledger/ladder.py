"""Reads of the ledger for the escalation ladder: what is overdue, what was told, what was recorded.

The scan seeks the partial index on open dues and brings one row for each obligation; costlier facts are
asked only for the few that the shortlist names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from duban import clock
from duban.errors import NOWHERE, InputError
from duban.escalation import Overdue, Told
from duban.ladders import EscalationPolicy, Step, from_values
from duban.ledger import tables
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.matrix.model import UnitKind
from duban.workdays import Calendar

OPEN = sa.text("obligation.is_open = 1")
Row = RowMapping
_o, _n, _p, _m = tables.obligation.c, tables.notice.c, tables.proposal.c, tables.message.c
_c, _l, _s = tables.climb.c, tables.lamp.c, tables.submission.c
_CHUNK = 500
LEFT = ("taken", "confirmed")
"""States in which a step's paper left the house."""


def _chunks(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK)]


# ---- the scan ----------------------------------------------------------------------------------


def _first_round() -> sa.ColumnElement[int]:
    """Where the present climb began: a return goes on with the round before it."""
    return sa.case((_o.climb_round == _o.round, _o.climb_since), else_=_o.round)


def _scan() -> sa.Select[Any]:
    """One row for each obligation: what is asked for costs no more than a join by key."""
    going = _c.cleared_at.is_(None)
    carried = _o.climb_round == _o.round
    return (
        sa.select(
            _o.key,
            _o.unit,
            _o.task,
            _o.round,
            _o.kind,
            _o.due_on,
            _o.urgent,
            _o.deadline_class,
            sa.case((carried, _o.late_days), else_=0),
            sa.case((carried, _o.late_working), else_=0),
            sa.case((going, _c.policy), else_=None),
            _c.ladder,
            sa.case((_c.round >= _first_round(), _c.step), else_=None),
        )
        .outerjoin(tables.climb, _c.obligation == _o.key)
        .order_by(_o.due_on, _o.key)
    )


def overdue_query(latest_due: date, today: date) -> sa.Select[Any]:
    """Open obligations due on that day or before; what is not due yet only once its period has opened."""
    query = _scan().where(OPEN, _o.due_on <= latest_due)
    if latest_due < today:
        return query
    return query.where(sa.or_(_o.due_on < today, _o.opens_on.is_(None), _o.opens_on <= today))


Ready = Callable[[Overdue], tuple[Step, ...]]
"""Says which steps may be new; asked once for all that are alike in everything but their key."""
Wanted = list[tuple[Overdue, tuple[Step, ...]]]


def overdue(conn: Connection, latest_due: date, today: date, ready: Ready) -> Wanted:
    """What may have a new step, with the highest taken and the policy frozen onto it, oldest first.

    Of missed reports only the newest of a unit and task can carry a row of misses.
    """
    return _read(conn, overdue_query(latest_due, today), ready)


def some(conn: Connection, keys: Iterable[str], ready: Ready) -> Wanted:
    """The same for open obligations by key."""
    found: Wanted = []
    for chunk in _chunks(sorted(keys)):
        query = _scan().where(OPEN, _o.due_on.is_not(None), _o.key.in_(list(chunk)))
        found += _read(conn, query, ready)
    return found


def _read(conn: Connection, query: sa.Select[Any], ready: Ready) -> Wanted:
    kinds = unit_kinds(conn)
    known: dict[tuple[Any, ...], tuple[tuple[Step, ...], tuple[Step, ...]]] = {}
    wanted: dict[str, Sequence[Any]] = {}
    newest: dict[tuple[str, str], Sequence[Any]] = {}
    for row in conn.execute(query).all():  # at once: row by row costs half as much again
        key, unit, task, _, *rest = row
        alike = (unit, *rest)
        steps = known.get(alike)
        if steps is None:
            every = ready(_overdue(kinds[unit], *row))
            steps = known[alike] = every, tuple(s for s in every if s.misses_in_row is None)
        if rest[0] == "report":
            newest[task, unit] = row  # rows come oldest first
        if steps[1]:
            wanted[key] = row
    last = {row[0] for row in newest.values()}
    wanted.update({row[0]: row for row in newest.values() if known[row[1], *row[4:]][0]})
    found = [
        (_overdue(kinds[row[1]], *row), known[row[1], *row[4:]][key not in last])
        for key, row in wanted.items()
    ]
    return sorted(found, key=lambda each: (each[0].due_on, each[0].obligation))


def _overdue(unit_kind: UnitKind, *row: Any) -> Overdue:
    key, unit, task, round_, kind, due_on, urgent, *rest = row
    deadline_class, days, working, policy, ladder, step = rest
    return Overdue(
        obligation=key,
        unit=unit,
        unit_kind=unit_kind,
        task=task,
        kind=kind,
        due_on=due_on,
        round=round_,
        urgent=bool(urgent),
        deadline_class=deadline_class,
        late_days=days,
        late_working=working,
        policy=policy or "",
        ladder=ladder or "",
        taken=frozenset((step,)) if step else frozenset(),
    )


def unit_kinds(conn: Connection) -> dict[str, UnitKind]:
    """Unit to its kind."""
    query = sa.select(tables.unit.c.id, tables.unit.c.kind)
    return {unit: UnitKind(kind) for unit, kind in conn.execute(query)}


# ---- costlier facts, for the shortlist -------------------------------------------------------------


def missed_in_row(conn: Connection, pairs: Collection[tuple[str, str]]) -> dict[str, int]:
    """The newest missing report of a task and unit to how many in a row never came.

    Only the newest carries the row, so that two misses are one talk; what came late did come.
    """
    if not pairs:
        return {}
    query = (
        sa.select(_o.key, _o.task, _o.unit, _o.submitted_at)
        .where(_o.kind == "report", _o.unit.in_(sorted({unit for _, unit in pairs})))
        .where(_o.task.in_(sorted({task for task, _ in pairs})))
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


def told(conn: Connection, keys: Sequence[str]) -> dict[str, dict[str, Told]]:
    """Obligation to its steps of the present climb: the day, whether it went out, whether it arrived."""
    found: dict[str, dict[str, Told]] = {}
    for chunk in _chunks(keys):
        arrived = _arrived(conn, chunk)
        query = (
            sa.select(_p.obligation, _p.step, _p.round, _p.state, _p.raised_at, _p.decided_at)
            .join(tables.obligation, _o.key == _p.obligation)
            .where(_p.obligation.in_(list(chunk)), _p.round.between(_first_round(), _o.round))
            .order_by(_p.raised_at, _p.id)
        )
        for key, step, round_, state, raised_at, decided_at in conn.execute(query):
            day = clock.day_of(decided_at if state == "confirmed" else raised_at)
            there = (key, f"step:{step}", round_) in arrived
            found.setdefault(key, {})[step] = Told(day, state in LEFT, there)
    return found


def _arrived(conn: Connection, keys: Sequence[str]) -> set[tuple[str, str, int]]:
    """(obligation, rung, round) of steps whose message was handed over to anybody."""
    query = (
        sa.select(_n.obligation, _n.rung, _n.round)
        .join(tables.message, _m.id == _n.message)
        .where(_n.obligation.in_(list(keys)), _n.rung.like("step:%"), _m.state == "sent")
        .distinct()
    )
    return {(row[0], row[1], row[2]) for row in conn.execute(query)}


def unanswered(conn: Connection, keys: Sequence[str]) -> dict[str, int]:
    """Obligation to how many messages arrived in this round after its last sign of life."""
    found: dict[str, int] = {}
    for chunk in _chunks(keys):
        query = (
            sa.select(_n.obligation, sa.func.count(_n.message.distinct()))
            .join(tables.obligation, _o.key == _n.obligation)
            .join(tables.message, _m.id == _n.message)
            .where(_n.obligation.in_(list(chunk)), _n.round == _o.round, _m.state == "sent")
            .where(_n.kind.in_(("remind", "urge")))
            .where(sa.or_(_o.acked_at.is_(None), _n.decided_at > _o.acked_at))
            .group_by(_n.obligation)
        )
        found.update({key: int(count) for key, count in conn.execute(query)})
    return found


def times(conn: Connection, since: datetime, steps: Iterable[Step]) -> dict[str, dict[str, int]]:
    """Obligation to step to how many papers its unit has had since a moment.

    Only the newest paper's obligation carries the count, and not once the unit has had that step.
    """
    query = (
        sa.select(_p.unit, _p.obligation, _p.step, _p.paper, _p.state)
        .where(_p.raised_at >= since)
        .order_by(_p.raised_at, _p.id)
    )
    rows = conn.execute(query).all()
    found: dict[str, dict[str, int]] = {}
    for step in steps:
        if step.times_in_year is None:
            continue
        had = {row[0] for row in rows if row[2] == step.id}
        papers: dict[str, list[str]] = {}
        for unit, obligation, _, paper, state in rows:
            if paper in step.times_of and state in LEFT and unit not in had:
                papers.setdefault(unit, []).append(obligation)
        for obligations in papers.values():
            found.setdefault(obligations[-1], {})[step.id] = len(obligations)
    return found


def stated(conn: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Obligation to the reason its unit gave: the problem of its newest report, or of its extension."""
    found: dict[str, str] = {}
    for chunk in _chunks(keys):
        asked = sa.select(_o.key, _o.reason).where(_o.key.in_(list(chunk)), _o.extended > 0)
        found.update((key, reason) for key, reason in conn.execute(asked))
        query = (
            sa.select(_s.obligation, _s.problem)
            .where(_s.obligation.in_(list(chunk)), _s.problem != "")
            .order_by(_s.version)
        )
        found.update((key, problem) for key, problem in conn.execute(query))
    return found


# ---- lamps by month --------------------------------------------------------------------------------


def lamp_months(conn: Connection) -> tuple[str, str] | None:
    """The first and the last month whose lamps were recorded."""
    first, last = conn.execute(sa.select(sa.func.min(_l.month), sa.func.max(_l.month))).one()
    return None if last is None else (str(first), str(last))


def with_lamp(conn: Connection, month: str, colours: Collection[str]) -> set[str]:
    """Obligations that showed one of these colours when a month closed."""
    query = sa.select(_l.obligation).where(_l.month == month, _l.colour.in_(sorted(colours)))
    return set(conn.execute(query).scalars())


def lamps(
    conn: Connection, keys: Sequence[str], months: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Obligation to its colours of these months (the newest first), up to the first that is missing."""
    known: dict[str, dict[str, str]] = {}
    for chunk in _chunks(keys):
        query = sa.select(_l.obligation, _l.month, _l.colour).where(
            _l.obligation.in_(list(chunk)), _l.month.in_(list(months))
        )
        for key, month, colour in conn.execute(query):
            known.setdefault(key, {})[month] = colour
    found = {}
    for key, by_month in known.items():
        row: list[str] = []
        for month in months:
            if month not in by_month:
                break
            row.append(by_month[month])
        found[key] = tuple(row)
    return found


def lamps_of(conn: Connection, obligation: str) -> list[Row]:
    """The recorded lamps of an obligation, oldest first."""
    query = sa.select(tables.lamp).where(_l.obligation == obligation).order_by(_l.month)
    return list(conn.execute(query).mappings())


def live_in(conn: Connection, first: date, last: date, end: datetime) -> list[Row]:
    """What ran at some time between two days and had a due: not closed before, opened by the end."""
    query = (
        sa.select(tables.obligation)
        .where(_o.state.notin_(("historic", "cancelled", "merged", "unstarted")))
        .where(_o.due_on.is_not(None), sa.or_(_o.opens_on.is_(None), _o.opens_on <= last))
        .where(sa.or_(_o.closed_at.is_(None), _o.closed_at >= clock.at(first)))
        .order_by(_o.key)
    )
    return list(conn.execute(query).mappings())


def reports_until(conn: Connection, end: datetime) -> dict[str, Row]:
    """Obligation to its newest report that had come in by a moment, with the percent then known."""
    query = (
        sa.select(_s.obligation, _s.version, _s.state, _s.reviewed_at, _s.percent)
        .where(_s.received_at <= end)
        .order_by(_s.obligation, _s.version)
    )
    found: dict[str, Row] = {}
    for row in conn.execute(query).mappings():
        found[row["obligation"]] = row
    return found


def assume_sent(writing: Writing) -> None:
    """Settle what is queued as sent, without sending: only where everything is undone or played."""
    queued = writing.conn.execute(
        sa.select(_m.id)
        .where(sa.text("message.state = 'queued'"), _m.not_before <= writing.at)
        .order_by(_m.id)
    ).scalars()
    writing.record(
        *(
            Draft("message.settled", key, {"id": key, "state": "sent", "settled_at": writing.at})
            for key in queued.all()
        )
    )


# ---- policies and climbs ---------------------------------------------------------------------------


def policies(conn: Connection) -> dict[str, EscalationPolicy]:
    """Every ladder policy that was ever frozen, by version."""
    p = tables.policy.c
    query = sa.select(p.version, p.data).where(p.kind == "ladder")
    return {
        version: from_values(json.loads(data), version) for version, data in conn.execute(query)
    }


def keep_policy(writing: Writing, version: str, kind: str, data: Mapping[str, Any]) -> None:
    """Keep the whole content of a policy under its version, once."""
    p = tables.policy.c
    if writing.conn.execute(sa.select(p.version).where(p.version == version)).first() is None:
        row = {
            "version": version,
            "kind": kind,
            "kept_at": writing.at,
            "data": canonical(dict(data)),
        }
        writing.record(Draft("policy.kept", f"policy:{version}", row))


def climbs(conn: Connection, *, other_than: str = "", obligation: str = "") -> list[Row]:
    """Climbs that are under way, with what chooses a ladder."""
    query = (
        sa.select(tables.climb, _o.task, _o.unit, _o.kind, _o.deadline_class, _o.title, _o.label)
        .join(tables.obligation, _o.key == _c.obligation)
        .where(sa.text("climb.cleared_at IS NULL"))
        .order_by(_c.obligation)
    )
    if other_than:
        query = query.where(_c.policy != other_than)
    if obligation:
        query = query.where(_c.obligation == obligation)
    return list(conn.execute(query).mappings())


def to_clear(conn: Connection) -> list[Row]:
    """Climbs whose obligation is over: closed, or taken out of the matrix."""
    query = (
        sa.select(_c.obligation, _o.unit, _o.task, _o.round, _o.state, _o.urgent)
        .join(tables.obligation, _o.key == _c.obligation)
        .where(sa.text("climb.cleared_at IS NULL"), _o.state.in_(("closed", "cancelled", "merged")))
        .order_by(_c.obligation)
    )
    return list(conn.execute(query).mappings())


def listeners(conn: Connection, keys: Sequence[str]) -> dict[str, list[str]]:
    """Obligation to the posts that were told of one of its steps."""
    found: dict[str, list[str]] = {}
    for chunk in _chunks(keys):
        query = (
            sa.select(_n.obligation, _n.recipient)
            .where(_n.obligation.in_(list(chunk)), _n.outcome == "grouped")
            .where(sa.or_(_n.rung.like("step:%"), _n.rung.like("soft:%")))
            .distinct()
            .order_by(_n.obligation, _n.recipient)
        )
        for key, post in conn.execute(query):
            found.setdefault(key, []).append(post)
    return found


def goes_on(row: Row, received_at: datetime, calendar: Calendar) -> dict[str, int]:
    """What a return keeps of the climb: it goes on with the time that is left, not from the start.

    The days that were used up are those between the due and the moment the report came in.
    """
    carried = row["climb_round"] == row["round"]
    came = clock.day_of(received_at)
    late = row["due_on"] is not None and came > row["due_on"]
    days = (came - row["due_on"]).days if late else 0
    working = calendar.between(row["due_on"], came) if late else 0
    return {
        "climb_round": row["round"] + 1,
        "climb_since": row["climb_since"] if carried else row["round"],
        "late_days": days + (row["late_days"] if carried else 0),
        "late_working": working + (row["late_working"] if carried else 0),
    }


# ---- proposals -------------------------------------------------------------------------------------


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


def need_decider(proposal: Row, actor: str) -> None:
    """A proposal that was handed over is decided by the one who was named. Raises InputError."""
    if proposal["assigned_to"] and proposal["assigned_to"] != actor:
        raise InputError.one(
            "not-the-decider",
            NOWHERE,
            f"这条督办建议已移交{proposal['assigned_to']}决定。",
            "请由其本人处理，或再移交。",
        )


def said_anyway(conn: Connection) -> set[tuple[str, str, int]]:
    """(obligation, rung, round) of pending notices that a named person confirmed: said even when
    the report came in meanwhile."""
    query = (
        sa.select(_n.obligation, _n.rung, _n.round)
        .join(
            tables.proposal,
            sa.and_(_p.obligation == _n.obligation, _p.round == _n.round),
        )
        .where(sa.text("notice.outcome = 'pending'"))
        .where(
            sa.or_(
                sa.and_(_p.state == "confirmed", _n.rung == sa.literal("step:") + _p.step),
                sa.and_(_p.state == "softened", _n.rung == sa.literal("soft:") + _p.step),
            )
        )
    )
    return {(row[0], row[1], row[2]) for row in conn.execute(query)}
