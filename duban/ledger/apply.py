"""Writes the difference between matrix and ledger: gather, differ, apply in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import tables
from duban.ledger.events import Draft
from duban.ledger.plan import COMPARED, Current, Difference, differ, digest_of
from duban.ledger.store import Ledger, Writing
from duban.matrix.model import Matrix
from duban.obligations import Wanted


def gather(conn: Connection, plan_id: str, *, unless: str = "") -> Current:
    """What the ledger holds of a plan; only its frame when it was applied with the digest ``unless``."""
    plan = (
        conn.execute(sa.select(tables.plan).where(tables.plan.c.id == plan_id)).mappings().first()
    )
    if plan and plan["digest"] == unless:
        return Current(unless, plan["in_use_from"], dict(plan), {}, {}, {})
    units = _by(conn, sa.select(tables.unit), "id")
    tasks = _by(conn, sa.select(tables.task).where(tables.task.c.plan == plan_id), "id")
    o = tables.obligation.c
    wanted = sa.select(*(o[name] for name in COMPARED)).where(o.plan == plan_id)
    obligations = _by(conn, wanted, "key")
    return Current(
        digest=plan["digest"] if plan else "",
        in_use_from=plan["in_use_from"] if plan else None,
        plan=dict(plan) if plan else None,
        units=units,
        tasks=tasks,
        obligations=obligations,
        published=frozenset(conn.execute(_PUBLISHED).scalars()),
    )


_PUBLISHED = sa.select(tables.run.c.period).where(tables.run.c.state == "published")


def _gather(conn: Connection, matrix: Matrix, wanted: Wanted) -> Current:
    return gather(conn, matrix.plan.id, unless=digest_of(matrix, wanted))


def _by(conn: Connection, query: sa.Select[Any], key: str) -> dict[str, Any]:
    return {row[key]: row for row in conn.execute(query).mappings()}


def preview(ledger: Ledger, matrix: Matrix, wanted: Wanted, now: datetime) -> Difference:
    """What ``apply`` would write, without writing."""
    with ledger.read() as conn:
        return differ(matrix, wanted, _gather(conn, matrix, wanted), now)


def apply(
    ledger: Ledger, matrix: Matrix, wanted: Wanted, *, actor: str, confirmed: str = ""
) -> Difference:
    """Write the difference in one transaction; with none, nothing is written.

    ``confirmed``: the reason or document number with which a person allows changes that touch what is
    settled. Without it such a difference is returned and nothing is written (see ``Difference.asks``).
    """
    with ledger.write(actor) as writing:
        current = _gather(writing.conn, matrix, wanted)
        difference = differ(matrix, wanted, current, writing.at)
        if difference.asks and not confirmed:
            return difference
        _write(writing, difference, confirmed)
        return difference


def _write(writing: Writing, difference: Difference, confirmed: str) -> None:
    drafts = [
        Draft(
            change.kind,
            change.subject,
            change.row,
            why=change.sentence + (f"（{confirmed}）" if change.asks else ""),
            obligation=change.obligation,
        )
        for change in difference.changes
    ]
    writing.record(*drafts)
