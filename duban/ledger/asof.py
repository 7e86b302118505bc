"""Shows the ledger as it stood at an earlier moment: by what had been *recorded* by then.

An event has two times. What counts here is ``recorded_at``, our own stamp: an event that is dated back
(a missed due noted the next morning, history imported in autumn) was not known before it was recorded,
so a run for a day in the past sees exactly what a run made on that day saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import events, tables

_SEEN = (tables.plan, tables.obligation, tables.submission, tables.evidence)
BOARD = (tables.proposal, tables.lamp)
"""What the dashboard shows besides: escalation steps and the lamps of closed months."""
_BATCH = 2000


@contextmanager
def known_at(
    conn: Connection, as_of: datetime, also: Sequence[sa.Table] = ()
) -> Iterator[Connection]:
    """Plan, obligations, submissions, evidence and their events as known at a moment; ``also``: more.

    Gives the connection itself when nothing was recorded since; otherwise one to a scratch database in
    memory, made from the events recorded by then. The other tables of the scratch database are empty.
    The ledger is only read.
    """
    seen = {*_SEEN, *also}
    kinds = tuple(kind for kind, (table, _) in events.KINDS.items() if table in seen)
    if not _changed_since(conn, as_of, kinds):
        yield conn
        return
    scratch = sa.create_engine("sqlite://")
    try:
        with scratch.begin() as copy:
            tables.metadata.create_all(copy)
            _copy_events(conn, copy, as_of, kinds)
            events.rebuild(copy)
            yield copy
    finally:
        scratch.dispose()


def _changed_since(conn: Connection, as_of: datetime, kinds: Sequence[str]) -> bool:
    e = tables.event.c
    later = sa.exists().where(e.recorded_at > as_of, e.kind.in_(kinds))
    return bool(conn.execute(sa.select(later)).scalar())


def _copy_events(conn: Connection, copy: Connection, as_of: datetime, kinds: Sequence[str]) -> None:
    e = tables.event.c
    query = (
        sa.select(tables.event)
        .where(e.recorded_at <= as_of, e.kind.in_(kinds))
        .order_by(e.seq)
        .execution_options(yield_per=_BATCH)
    )
    with conn.execute(query) as found:
        for some in found.mappings().partitions():
            copy.execute(tables.event.insert(), [dict(row) for row in some])
