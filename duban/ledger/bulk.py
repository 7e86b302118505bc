"""Spells out many obligations of one task inside the database: slots × owners, one statement.

A row at a time cost some fifty times as much; this runs at the speed of a bare ``INSERT … SELECT`` into
the same indexes. The same function serves the first writing and a rebuild.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from duban.ledger import tables

_SLOT: Mapping[str, sa.types.TypeEngine[Any]] = {
    "kind": sa.Text(),
    "period": sa.Text(),
    "label": sa.Text(),
    "phrase": sa.Text(),
    "opens_on": sa.Date(),
    "due_on": sa.Date(),
    "due_at": sa.TIMESTAMP(timezone=True),
    "provisional": sa.Integer(),
    "state": sa.Text(),
    "reason": sa.Text(),
}
_OWNER: Mapping[str, sa.types.TypeEngine[Any]] = {
    "unit": sa.Text(),
    "role": sa.Text(),
    "first": sa.Date(),
    "last": sa.Date(),
}


def expand(conn: Connection, row: Mapping[str, Any]) -> None:
    """Insert the obligations that the row of an ``obligations.expanded`` event describes."""
    given = {name: row[name] for name in ("plan", "task", "title", "deadline_class", "urgent")}
    owners = [dict(zip(_OWNER, each, strict=True)) for each in row["owners"]]
    conn.execute(
        _statement(conn.dialect.name),
        {
            **given,
            "prefix": f"{row['task']}/",
            "weight": Decimal(row["weight"]),
            "slots": json.dumps(row["slots"], ensure_ascii=False),
            "owners": json.dumps(owners),
        },
    )


@lru_cache(maxsize=2)
def _statement(dialect: str) -> sa.Insert:
    """The statement of a database; made once, so that its compiled form is found again."""
    table = _jsonb_table if dialect == "postgresql" else _json_each
    return _insert(table("slot", _SLOT), table("owner", _OWNER))


def _jsonb_table(name: str, types: Mapping[str, sa.types.TypeEngine[Any]]) -> sa.FromClause:
    """A JSON array of objects as a typed table, in PostgreSQL."""
    raw = sa.cast(sa.bindparam(f"{name}s", type_=sa.Text()), JSONB)
    columns = [sa.column(key, kind) for key, kind in types.items()]
    return (
        sa.func.jsonb_to_recordset(raw)
        .table_valued(*columns, name=name)
        .render_derived(with_types=True)
    )


def _json_each(name: str, types: Mapping[str, sa.types.TypeEngine[Any]]) -> sa.FromClause:
    """A JSON array of objects as a table, in SQLite, where dates and moments are text.

    The offset keeps SQLite from taking the JSON apart again for each joined row.
    """
    raw = sa.func.json_each(sa.bindparam(f"{name}s", type_=sa.Text())).table_valued(
        "value", name=f"{name}_raw"
    )
    columns = [sa.func.json_extract(raw.c.value, f"$.{key}").label(key) for key in types]
    return sa.select(*columns).limit(-1).offset(0).subquery(name)


def _insert(slot: sa.FromClause, owner: sa.FromClause) -> sa.Insert:
    s, o = slot.c, owner.c

    def given(name: str, kind: sa.types.TypeEngine[Any] | None = None) -> Any:
        return sa.bindparam(name, type_=kind or sa.Text())

    key = (
        given("prefix")
        + o.unit
        + sa.literal_column("'/'")
        + s.kind
        + sa.literal_column("':'")
        + s.period
    )
    is_open = sa.case((s.state == "waiting", 1), else_=0)
    belongs = sa.or_(
        sa.and_(s.due_on.is_(None), o.last == sa.literal_column("'9999-12-31'")),
        sa.and_(s.due_on >= o.first, s.due_on <= o.last),
    )
    columns: dict[str, Any] = {
        "key": key,
        "plan": given("plan"),
        "task": given("task"),
        "unit": o.unit,
        "role": o.role,
        "kind": s.kind,
        "period": s.period,
        "label": s.label,
        "title": given("title"),
        "phrase": s.phrase,
        "opens_on": s.opens_on,
        "due_on": s.due_on,
        "due_at": s.due_at,
        "original_due_on": s.due_on,
        "provisional": s.provisional,
        "weight": given("weight", tables.Exact()),
        "deadline_class": given("deadline_class"),
        "urgent": given("urgent", sa.Integer()),
        "state": s.state,
        "is_open": is_open,
        "reason": s.reason,
    }
    chosen = (
        sa.select(*(value.label(name) for name, value in columns.items()))
        .select_from(slot.join(owner, sa.true()))
        .where(belongs)
    )
    return tables.obligation.insert().from_select(list(columns), chosen, include_defaults=False)
