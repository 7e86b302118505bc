"""What the review desk reads: the queue, what stands beside a report, and which files are known.

However many reports wait, the number of queries is the same: one for the queue, and one each for texts,
earlier reports, peers and files of those that are looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger import tables
from duban.ledger.queries import Row

_o, _s, _e = tables.obligation.c, tables.submission.c, tables.evidence.c
_CHUNK = 400
_PEERS_AT_MOST = 3000


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside some reports, each by the report's id where it has one.

    ``before``: what the same unit said last of the same; ``sent_back``: the version that was returned;
    ``peers``: by (task, period), what others said; ``files``: by submission; ``seen``: by hash, where a
    file came before.
    """

    before: dict[str, Row] = field(default_factory=dict)
    sent_back: dict[str, Row] = field(default_factory=dict)
    peers: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    files: dict[str, list[Row]] = field(default_factory=dict)
    seen: dict[str, list[Row]] = field(default_factory=dict)


def waiting(conn: Connection) -> list[Row]:
    """Every report that waits for the office, oldest first, without its texts."""
    query = (
        sa.select(
            *(_s[name] for name in ("id", "obligation", "unit", "version", "received_at", "late")),
            *(_s[name] for name in ("percent", "nil")),
            *(
                _o[name]
                for name in ("title", "label", "task", "period", "due_on", "due_at", "kind")
            ),
            *(_o[name] for name in ("opens_on", "returned", "urgent")),
        )
        .join(tables.obligation, _o.key == _s.obligation)
        .where(sa.text("submission.state = 'pending'"))
        # A version that was replaced, or an item that was withdrawn meanwhile, needs no review.
        .where(_o.submission == _s.id, _o.state == "submitted")
        .order_by(_s.received_at, _s.id)
    )
    return list(conn.execute(query).mappings())


def whole(conn: Connection, ids: Sequence[str]) -> dict[str, Row]:
    """Reports with their texts and what their obligation says, by id."""
    found: dict[str, Row] = {}
    for some in _chunks(ids):
        query = (
            sa.select(
                tables.submission,
                *(_o[name] for name in ("title", "label", "task", "period", "kind", "phrase")),
                *(_o[name] for name in ("due_on", "due_at", "original_due_on", "returned", "role")),
                _o.extended,
                _o.state.label("obligation_state"),
            )
            .join(tables.obligation, _o.key == _s.obligation)
            .where(_s.id.in_(some))
        )
        found |= {row["id"]: row for row in conn.execute(query).mappings()}
    return found


def beside(conn: Connection, rows: Sequence[Row]) -> Beside:
    """What stands beside these reports: a handful of queries, however many there are."""
    files = _files(conn, [row["id"] for row in rows])
    hashes = sorted({file["sha256"] for some in files.values() for file in some})
    return Beside(
        before=_before(conn, rows),
        sent_back=_sent_back(conn, rows),
        peers=_peers(conn, rows),
        files=files,
        seen=_seen(conn, hashes),
    )


def _before(conn: Connection, rows: Sequence[Row]) -> dict[str, Row]:
    """The report before each: same unit, task and kind; those that were returned do not count."""
    ordered = sa.select(
        _s.id,
        sa.func.lag(_s.id)
        .over(
            partition_by=(_s.unit, _o.task, _o.kind),
            order_by=(_s.received_at, _s.version, _s.id),
        )
        .label("earlier"),
    ).join(tables.obligation, _o.key == _s.obligation)
    ordered = ordered.where(
        _s.state != "returned",
        _o.task.in_(sorted({row["task"] for row in rows})),
        _s.unit.in_(sorted({row["unit"] for row in rows})),
    )
    pairs = ordered.subquery()
    found: dict[str, str] = {}
    for some in _chunks([row["id"] for row in rows]):
        query = sa.select(pairs.c.id, pairs.c.earlier).where(
            pairs.c.id.in_(some), pairs.c.earlier.is_not(None)
        )
        found |= {row.id: row.earlier for row in conn.execute(query)}
    texts = whole(conn, sorted(set(found.values())))
    return {later: texts[earlier] for later, earlier in found.items()}


def _sent_back(conn: Connection, rows: Sequence[Row]) -> dict[str, Row]:
    """The newest version that was returned, of the items that came again."""
    keys = {row["obligation"]: row["id"] for row in rows if row["version"] > 1}
    found: dict[str, Row] = {}
    for some in _chunks(sorted(keys)):
        query = (
            sa.select(tables.submission)
            .where(_s.obligation.in_(some), _s.state == "returned")
            .order_by(_s.version)
        )
        for row in conn.execute(query).mappings():
            found[keys[row["obligation"]]] = row
    return found


def _peers(conn: Connection, rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """What was said of the same task for the same period, by whomever."""
    query = (
        sa.select(_s.id, _s.unit, _s.progress, _s.received_at, _o.task, _o.period)
        .join(tables.obligation, _o.key == _s.obligation)
        .where(
            _o.task.in_(sorted({row["task"] for row in rows})),
            _o.period.in_(sorted({row["period"] for row in rows})),
            _s.state != "returned",
            _s.progress != "",
        )
        .order_by(_s.received_at, _s.id)
        .limit(_PEERS_AT_MOST)
    )
    found: dict[tuple[str, str], list[Row]] = {}
    for row in conn.execute(query).mappings():
        found.setdefault((row["task"], row["period"]), []).append(row)
    return found


def _files(conn: Connection, ids: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for some in _chunks(ids):
        query = sa.select(tables.evidence).where(_e.submission.in_(some)).order_by(_e.name, _e.id)
        for row in conn.execute(query).mappings():
            found.setdefault(row["submission"], []).append(row)
    return found


def _seen(conn: Connection, hashes: Sequence[str]) -> dict[str, list[Row]]:
    """Every time one of these files came, oldest first."""
    found: dict[str, list[Row]] = {}
    for some in _chunks(hashes):
        query = (
            sa.select(_e.sha256, _e.submission, _s.unit, _s.received_at, _s.obligation)
            .add_columns(_o.label, _o.title)
            .join(tables.submission, _s.id == _e.submission)
            .join(tables.obligation, _o.key == _s.obligation)
            .where(_e.sha256.in_(some))
            .order_by(_s.received_at, _e.submission)
        )
        for row in conn.execute(query).mappings():
            found.setdefault(row["sha256"], []).append(row)
    return found


def decided(conn: Connection, limit: int = 50, skip: int = 0) -> list[Row]:
    """Reports that were reviewed, newest first, with how their item stands now."""
    query = (
        sa.select(
            *(_s[name] for name in ("id", "obligation", "unit", "state", "version", "reviewer")),
            *(_s[name] for name in ("reviewed_at", "review_reason", "late")),
            *(_o[name] for name in ("title", "label", "task", "due_on")),
            _o.state.label("obligation_state"),
            (_o.submission == _s.id).label("newest"),
        )
        .join(tables.obligation, _o.key == _s.obligation)
        .where(_s.reviewed_at.is_not(None))
        .order_by(_s.reviewed_at.desc(), _s.id)
        .limit(limit)
        .offset(skip)
    )
    return list(conn.execute(query).mappings())


def still_owed(conn: Connection) -> list[Row]:
    """Open items whose newest report was reviewed and accepted: in part, or opened again later."""
    query = (
        sa.select(tables.obligation)
        .join(tables.submission, _s.id == _o.submission)
        .where(
            sa.text("obligation.is_open = 1"),
            _o.state == "active",
            _s.state == "accepted",
            _s.reviewed_at.is_not(None),
        )
        .order_by(_o.key)
    )
    return list(conn.execute(query).mappings())


def stored_hashes(conn: Connection, hashes: Collection[str]) -> set[str]:
    """Which of these files a report names."""
    found: set[str] = set()
    for some in _chunks(sorted(hashes)):
        query = sa.select(_e.sha256).where(_e.sha256.in_(some)).distinct()
        found |= set(conn.execute(query).scalars())
    return found


def _chunks(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK)]
