"""A request in one line, for tests that are about something else."""

from __future__ import annotations

from datetime import date

from duban.ledger import requests
from duban.ledger.store import Writing
from duban.workdays import Calendar


def extend(writing: Writing, key: str, until: date, calendar: Calendar, why: str = "顺延") -> None:
    """An extension that holds at once, as where the office need not be asked."""
    asked = requests.Asked("extension", why, "已完成前期工作", {"until": until.isoformat()})
    requests.ask(
        writing,
        key,
        asked,
        actor="联络员（测试）",
        calendar=calendar,
        bounds=requests.Bounds(needs_office=False),
    )
