"""How a ledger stands in a few numbers: what ``duban status`` and the end of ``make run`` show."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban import clock
from duban.ledger import events, queries, tables


def overview(conn: Connection, now: datetime) -> dict[str, Any]:
    """Obligations, messages, requests, escalations, newest digest and scores. Keys are documented."""
    seq, head = events.chain_head(conn)
    return {
        "as_of": now,
        "example": queries.is_example(conn),
        "obligations": queries.states(conn),
        "overdue": _overdue(conn, now),
        "requests_open": _requests_open(conn),
        "to_review": len(queries.to_review(conn)),
        "messages": _grouped(conn, tables.message.c.state),
        "messages_last_7_days": _recent_messages(conn, now),
        "escalations": _escalations(conn),
        "digest": _papers(queries.digests(conn, 1)),
        "scores": _scores(queries.runs(conn, 1)),
        "ticks": [
            {"stage": tick.stage, "logical_at": tick.logical_at, "counts": dict(tick.counts)}
            for tick in queries.ticks(conn)
        ],
        "events": seq,
        "head": head,
    }


def _overdue(conn: Connection, now: datetime) -> int:
    o = tables.obligation.c
    query = sa.select(sa.func.count()).where(
        queries.OPEN, o.due_on <= clock.day_of(now), o.due_at < now
    )
    return int(conn.execute(query.select_from(tables.obligation)).scalar() or 0)


def _requests_open(conn: Connection) -> int:
    o = tables.obligation.c
    query = sa.select(sa.func.count()).where(queries.OPEN, o.requested_at.is_not(None))
    return int(conn.execute(query.select_from(tables.obligation)).scalar() or 0)


def _grouped(conn: Connection, column: sa.Column[Any]) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).group_by(column)
    return {name: int(number) for name, number in conn.execute(query)}


def _recent_messages(conn: Connection, now: datetime) -> int:
    m = tables.message.c
    query = sa.select(sa.func.count()).where(
        m.created_at >= now - timedelta(days=7), m.state == "sent"
    )
    return int(conn.execute(query.select_from(tables.message)).scalar() or 0)


def _escalations(conn: Connection) -> list[dict[str, Any]]:
    p = tables.proposal.c
    query = (
        sa.select(p.name, p.state, sa.func.count())
        .group_by(p.name, p.state)
        .order_by(p.name, p.state)
    )
    return [
        {"step": name, "state": state, "number": int(number)}
        for name, state, number in conn.execute(query)
    ]


def _papers(found: list[queries.Row]) -> dict[str, Any] | None:
    return {"id": found[0]["id"], "files": json.loads(found[0]["files"])} if found else None


def _scores(found: list[queries.Row]) -> dict[str, Any] | None:
    if not found:
        return None
    units = json.loads(found[0]["result"])["units"]
    assessed = [each for each in units if each["assessed"]]
    groups = [
        {"group": group, "units": len(some), "best": some[0]["total"], "worst": some[-1]["total"]}
        for group, some in _by_group(assessed)
    ]
    return {
        "id": found[0]["id"],
        "files": json.loads(found[0]["files"]),
        "assessed": len(assessed),
        "groups": groups,
    }


def _by_group(units: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in sorted(units, key=lambda each: -each["millipoints"]):
        groups.setdefault(each["group"], []).append(each)
    return sorted(groups.items())
