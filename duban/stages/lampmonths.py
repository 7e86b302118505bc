"""Records the lamps of months that have closed, once: later corrections do not change what was shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from duban import clock
from duban.lamps import Lamp
from duban.ledger import ladder
from duban.ledger.events import Draft
from duban.ledger.ladder import Row
from duban.ledger.store import Writing
from duban.office import Office
from duban.stages import ticks
from duban.status import standing
from duban.workdays import add_months

_ROWS_AN_EVENT = 500


def record(office: Office, writing: Writing) -> int:
    """Record every month that closed since the last one recorded; how many lamps were recorded."""
    count = 0
    kinds = ladder.unit_kinds(writing.conn)
    for first in _months(office, writing):
        rows = [row for row in _lamps(office, writing, first) if kinds[str(row["unit"])].supervised]
        if rows:
            lamps = office.lamps
            ladder.keep_policy(writing, lamps.version, "lamps", json.loads(lamps.canonical))
        for start in range(0, len(rows), _ROWS_AN_EVENT):
            some = {"rows": rows[start : start + _ROWS_AN_EVENT]}
            writing.record(Draft("lamps.recorded", f"lamps:{first:%Y-%m}", some, why="月末亮灯"))
        count += len(rows)
    return count


def closed_months(at: datetime, count: int) -> tuple[str, ...]:
    """The months that have closed before a moment, the newest first."""
    first = clock.day_of(at).replace(day=1)
    return tuple(f"{add_months(first, -number):%Y-%m}" for number in range(1, count + 1))


def _months(office: Office, writing: Writing) -> Iterator[date]:
    """First days of the months that closed and were not recorded, from the first month of use."""
    known = ladder.lamp_months(writing.conn)
    if known is None:
        month = ticks.in_use_from(office, writing).replace(day=1)
    else:
        month = add_months(date.fromisoformat(f"{known[1]}-01"), 1)
    this_month = clock.day_of(writing.at).replace(day=1)
    while month < this_month:
        yield month
        month = add_months(month, 1)


def _lamps(office: Office, writing: Writing, first: date) -> Iterator[dict[str, Any]]:
    """The lamp of everything that ran in a month, as it stood at its end."""
    last = add_months(first, 1) - timedelta(days=1)
    end = clock.end_of(last)
    reports = ladder.reports_until(writing.conn, end)
    for row in ladder.live_in(writing.conn, first, last, end):
        lamp, why = _lamp(office, row, reports.get(row["key"]), end)
        yield {
            "obligation": row["key"],
            "month": f"{first:%Y-%m}",
            "unit": row["unit"],
            "task": row["task"],
            "colour": lamp.colour,
            "name": lamp.name,
            "why": why,
            "policy": office.lamps.version,
        }


def _lamp(office: Office, row: Row, report: Row | None, end: datetime) -> tuple[Lamp, str]:
    percent = report["percent"] if report else None
    course = office.course(row["task"], row["opens_on"])
    progress = course.progress(office.lamps, percent, row["due_on"], clock.day_of(end))
    how = standing(
        state=_state_then(row, report, end),
        due_on=row["due_on"],
        due_at=row["due_at"],
        now=end,
        calendar=office.calendar,
        lamps=office.lamps,
        progress=progress,
    )
    return how.lamp, how.words + _progress_words(office, percent, progress)


def _state_then(row: Row, report: Row | None, end: datetime) -> str:
    """The state at the end of the month, by what had come in and been decided by then."""
    if row["closed_at"] is not None and row["closed_at"] <= end:
        return "closed"
    if row["state"] == "suspended":
        return "suspended"
    if report is None or report["state"] == "accepted":
        return "active"  # progress that leaves a task open is accepted at once
    undecided = report["reviewed_at"] is None or report["reviewed_at"] > end
    return "submitted" if undecided else "returned"


def _progress_words(office: Office, percent: int | None, progress: Fraction | None) -> str:
    if progress is None:
        return ""
    value = _number(progress)
    if office.lamps.basis == "points_behind":
        return f"；累计进度{percent or 0}%，落后序时进度{value}个百分点"
    return f"；累计进度{percent or 0}%，完成序时进度的{value}%"


def _number(value: Fraction) -> str:
    """One decimal, rounded half up, without a float."""
    tenths = (value * 10 + Fraction(1, 2)).__floor__()
    whole, rest = divmod(abs(tenths), 10)
    return f"{'-' if tenths < 0 else ''}{whole}" + (f".{rest}" if rest else "")
