"""Reads for ``why``: how a unit's items stood at the end of a day that is gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import queries, tables

Reader: TypeAlias = Connection
"""A read transaction of the ledger, for those who may not name the database library."""
UNLISTED = "unlisted"
"""Not a state of the ledger: the item was not there yet."""
_e = tables.event.c
_CHUNK = 500
_DAYS = ("due_on", "opens_on", "original_due_on")
_KEPT = ("state", "is_open", "round", "reason", *_DAYS)
"""What may have been otherwise then; the rest of an item is told as it is now."""

Item = dict[str, Any]
_Change = tuple[datetime, str, Mapping[str, Any]]


def items_at(conn: Connection, unit: str, task: str, until: datetime | None) -> list[Item]:
    """A unit's obligations as they were known at ``until`` (None: now), oldest due first.

    ``task`` empty: all of them. One that was not listed yet then has the state ``unlisted``.
    """
    rows = [dict(row) for row in queries.obligations(conn, unit=unit, task=task or None)]
    if until is None:
        return rows
    changes = _changes(conn, [row["key"] for row in rows])
    listed = _listings(conn, {row["task"] for row in rows})
    return [_stood(row, changes.get(row["key"], []), listed, until) for row in rows]


def _stood(
    row: Item,
    changes: Sequence[_Change],
    listed: Mapping[str, tuple[datetime, Mapping[str, Any]]],
    until: datetime,
) -> Item:
    """An item as its events up to a moment leave it."""
    if all(recorded_at <= until for recorded_at, _, _ in changes) and (
        row["task"] not in listed or listed[row["task"]][0] <= until
    ):
        return row
    found = dict(_born(row, listed, until))
    for recorded_at, kind, changed in changes:
        if recorded_at <= until and (found or kind == "obligation.planned"):
            found.update({name: changed[name] for name in _KEPT if name in changed})
    return row | _dated(found) if found else row | {"state": UNLISTED, "is_open": 0}


def _born(
    row: Item, listed: Mapping[str, tuple[datetime, Mapping[str, Any]]], until: datetime
) -> Mapping[str, Any]:
    """The item as it was listed together with all of its task; empty: it was not, or later."""
    recorded_at, data = listed.get(row["task"], (None, {}))
    if recorded_at is None or recorded_at > until:
        return {}
    slots = (
        slot
        for slot in data["slots"]
        if (slot["kind"], slot["period"]) == (row["kind"], row["period"])
    )
    slot = next(slots, None)
    if slot is None or not any(owner[0] == row["unit"] for owner in data["owners"]):
        return {}
    given = {name: slot[name] for name in _KEPT if name in slot}
    is_open = int(slot["state"] == "waiting")
    return given | {"is_open": is_open, "round": 1, "original_due_on": slot["due_on"]}


def _dated(found: Mapping[str, Any]) -> Item:
    """Days read from an event's JSON as days."""
    return {
        name: date.fromisoformat(value) if name in _DAYS and value else value
        for name, value in found.items()
    }


def _changes(conn: Connection, keys: Sequence[str]) -> dict[str, list[_Change]]:
    """Obligation to everything that was recorded of it, in order."""
    found: dict[str, list[_Change]] = {}
    for start in range(0, len(keys), _CHUNK):
        query = (
            sa.select(_e.obligation, _e.recorded_at, _e.kind, _e.data)
            .where(_e.obligation.in_(keys[start : start + _CHUNK]))
            .where(_e.kind.like("obligation.%"))
            .order_by(_e.seq)
        )
        for key, recorded_at, kind, data in conn.execute(query):
            found.setdefault(key, []).append((recorded_at, kind, json.loads(data)["row"]))
    return found


def _listings(
    conn: Connection, tasks_: Iterable[str]
) -> dict[str, tuple[datetime, Mapping[str, Any]]]:
    """Task to when all of its obligations were listed at once, and how."""
    found = {}
    for task in sorted(tasks_):
        query = (
            sa.select(_e.recorded_at, _e.data)
            .where(_e.subject == f"task:{task}", _e.kind == "obligations.expanded")
            .order_by(_e.seq)
            .limit(1)
        )
        row = conn.execute(query).first()
        if row is not None:
            found[task] = (row.recorded_at, json.loads(row.data)["row"])
    return found
