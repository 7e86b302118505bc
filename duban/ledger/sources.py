"""Where the facts of an assessment come from: events, submissions, evidence, and the due in force."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban import clock
from duban.ledger import tables

RETURNED = "obligation.returned"
_AGAIN = ("obligation.accepted_part", "obligation.reopened")
_GRANTS = ("obligation.extended", "obligation.moved")


@dataclass(frozen=True, slots=True)
class Due:
    """The due by which an obligation is judged: the first one, and the one in force."""

    first_on: date
    first_at: datetime
    on: date
    at: datetime

    @property
    def words(self) -> str:
        """How a note tells it."""
        moved = f"（延期至{self.on}）" if self.on != self.first_on else ""
        return f"时限{self.first_on}{moved}"


def due_of(row: Any, sources: Sources) -> Due:
    """An extension moves the due. A return, and what is owed again, give days but leave the due as it was."""
    first_on, due_on, due_at = row["original_due_on"], row["due_on"], row["due_at"]
    first_at = due_at if due_on == first_on else clock.end_of(first_on)
    if row["extended"]:
        due_on, due_at = sources.granted(row["key"]) or (due_on, due_at)
    elif row["returned"] or sources.owed_again(row["key"]):
        due_on, due_at = first_on, first_at
    return Due(first_on, first_at, due_on, due_at)


class Sources:
    """The newest event of each kind and obligation, whether a report was late, and its evidence."""

    def __init__(self, conn: Connection, keys: list[str]) -> None:
        self._event: dict[tuple[str, str], str] = {}
        self._returned: dict[str, list[date]] = {}
        self._granted: dict[str, tuple[date, datetime]] = {}
        self._listed: dict[str, str] = {}
        self._read_listed(conn)
        self._late: dict[str, bool] = {}
        self._files: dict[str, list[str]] = {}
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            self._read_events(conn, some)
            self._read_days(conn, some)
            self._read_submissions(conn, some)
            self._read_evidence(conn, some)

    def _read_events(self, conn: Connection, keys: list[str]) -> None:
        e = tables.event.c
        query = (
            sa.select(e.obligation, e.kind, e.seq, e.hash)
            .where(e.obligation.in_(keys), e.kind.like("obligation.%"))
            .order_by(e.seq)
        )
        for obligation, kind, seq, digest in conn.execute(query):
            self._event[obligation, kind] = f"{seq}:{digest[:12]}"

    def _read_days(self, conn: Connection, keys: list[str]) -> None:
        """The days of returns, and the due that was granted last."""
        e = tables.event.c
        query = (
            sa.select(e.obligation, e.kind, e.occurred_at, e.data)
            .where(e.obligation.in_(keys), e.kind.in_((RETURNED, *_GRANTS)))
            .order_by(e.seq)
        )
        for obligation, kind, occurred_at, data in conn.execute(query):
            if kind == RETURNED:
                self._returned.setdefault(obligation, []).append(clock.day_of(occurred_at))
                continue
            row = json.loads(data)["row"]
            if row.get("due_on") and row.get("due_at"):
                moment = clock.parse_stamp(row["due_at"])
                self._granted[obligation] = date.fromisoformat(row["due_on"]), moment

    def _read_listed(self, conn: Connection) -> None:
        """Where the obligations of each task were first listed."""
        e = tables.event.c
        query = sa.select(e.subject, e.seq, e.hash).where(e.kind == "obligations.expanded")
        for subject, seq, digest in conn.execute(query.order_by(e.seq.desc())):
            self._listed[subject] = f"{seq}:{digest[:12]}"

    def _read_submissions(self, conn: Connection, keys: list[str]) -> None:
        """Late is judged once, by the first report that was owed."""
        s = tables.submission.c
        query = (
            sa.select(s.obligation, s.late)
            .where(
                s.obligation.in_(keys), sa.or_(s.state != "accepted", s.reviewed_at.is_not(None))
            )
            .order_by(s.obligation, s.version)
        )
        for obligation, late in conn.execute(query):
            self._late.setdefault(obligation, bool(late))

    def _read_evidence(self, conn: Connection, keys: list[str]) -> None:
        s, e = tables.submission.c, tables.evidence.c
        query = (
            sa.select(s.obligation, e.sha256)
            .join(tables.submission, s.id == e.submission)
            .where(s.obligation.in_(keys))
            .order_by(e.id)
        )
        for obligation, digest in conn.execute(query):
            self._files.setdefault(obligation, []).append(digest)

    def event(self, key: str, *kinds: str) -> str:
        """The newest event of the first kind that happened; else where its task was listed."""
        listed = self._listed.get(f"task:{key.split('/', maxsplit=1)[0]}", "")
        return next(
            (self._event[key, kind] for kind in kinds if (key, kind) in self._event), listed
        )

    def returned(self, key: str) -> tuple[date, ...]:
        """The days on which it was returned."""
        return tuple(self._returned.get(key, ()))

    def owed_again(self, key: str) -> bool:
        """Whether it was accepted in part or opened again, and so has a due of its own for the rest."""
        return any((key, kind) in self._event for kind in _AGAIN)

    def granted(self, key: str) -> tuple[date, datetime] | None:
        """The due that was granted last, by an extension or a change of plan."""
        return self._granted.get(key)

    def late(self, key: str) -> bool:
        """Whether the first report came after the due."""
        return self._late.get(key, False)

    def files(self, key: str) -> tuple[str, ...]:
        """Hashes of the evidence."""
        return tuple(dict.fromkeys(self._files.get(key, ())))
