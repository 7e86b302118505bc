"""Rehearses the coming days: the same stages on the same ledger, in a transaction that is undone.

What it shows is what will happen if nothing comes in meanwhile – it is the scheduler itself, told the
time, and not a second opinion about it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from duban import clock
from duban.ledger import queries
from duban.office import Office
from duban.stages import SLOTS, Stage, collect, stage_function

_STAGES = ("publish", "collect", "escalate", "remind")


def _work(name: str) -> Stage:
    """A stage as rehearsed: files in the drop folder are left alone, for nothing undoes a move."""
    return collect.periods if name == "collect" else stage_function(name)


def rehearse(office: Office, now: datetime, days: int) -> list[dict[str, Any]]:
    """The messages of the next ``days`` days, oldest first, as they would be queued."""
    told = [now]
    first = clock.day_of(now)
    with office.ledger.rehearse(lambda: told[0]) as ledger:
        rehearsal = replace(office, ledger=ledger)
        with ledger.read() as conn:
            before = {row["id"] for row in queries.messages(conn, limit=100_000)}
        for number in range(days + 1):
            day = first + timedelta(days=number)
            if not office.calendar.is_workday(day):
                continue
            for name in _STAGES:
                moment = clock.at(day, SLOTS[name])
                if moment > now:
                    told[0] = moment
                    _work(name)(rehearsal, moment)
        with ledger.read() as conn:
            rows = [row for row in queries.messages(conn, limit=100_000) if row["id"] not in before]
            lines = queries.lines_of(conn, [row["id"] for row in rows])
    units = office.matrix.directory.units
    return [
        {
            "id": row["id"],
            "day": clock.day_of(row["created_at"]).isoformat(),
            "unit": row["unit"],
            "unit_name": units[row["unit"]].short if row["unit"] in units else row["unit"],
            "post": row["post"],
            "person": row["person"],
            "subject": row["subject"],
            "text": row["text"],
            "lines": lines.get(row["id"], 0),
            "bytes": len(row["text"].encode()),
        }
        for row in sorted(rows, key=lambda row: (row["created_at"], row["id"]))
    ]
