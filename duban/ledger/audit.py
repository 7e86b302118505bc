"""Compares the current rows with what the events alone would give."""

from __future__ import annotations

import json

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import events, tables
from duban.ledger.canon import canonical
from duban.ledger.events import Event
from duban.ledger.store import Ledger


def rebuilt_differs(ledger: Ledger) -> list[str]:
    """Names of tables whose rows differ from a rebuild; nothing is changed.

    The rebuild happens in a scratch database in memory, so the ledger itself is only read.
    """
    scratch = sa.create_engine("sqlite://")
    with ledger.read() as conn, scratch.begin() as copy:
        tables.metadata.create_all(copy)
        batch: list[dict[str, object]] = []
        query = sa.select(tables.event).order_by(tables.event.c.seq)
        for row in conn.execute(query, execution_options={"yield_per": 2000}).mappings():
            batch.append(dict(row))
            if len(batch) == 2000:
                copy.execute(tables.event.insert(), batch)
                batch = []
        if batch:
            copy.execute(tables.event.insert(), batch)
        events.rebuild(copy)
        differing = [
            table.name for table in _recorded() if _rows(conn, table) != _rows(copy, table)
        ]
    scratch.dispose()
    return differing


def latest(conn: Connection, *, before: int, limit: int) -> list[Event]:
    """So many events before a sequence number, the newest first."""
    query = (
        sa.select(tables.event)
        .where(tables.event.c.seq < before)
        .order_by(tables.event.c.seq.desc())
        .limit(limit)
    )
    rows = conn.execute(query).mappings()
    return [Event(**{**row, "data": json.loads(row["data"])}) for row in rows]


def _recorded() -> list[sa.Table]:
    return [
        table
        for table in tables.metadata.sorted_tables
        if table is not tables.event and table.name not in tables.UNRECORDED
    ]


def _rows(conn: Connection, table: sa.Table) -> list[str]:
    skip = tables.OPERATIONAL.get(table.name, frozenset())
    columns = [column for column in table.c if column.name not in skip]
    return sorted(canonical(list(row)) for row in conn.execute(sa.select(*columns)))
