"""The reminder ladder as a pure decision: what comes up between two moments."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from duban import clock
from duban.errors import Issues
from duban.reminders import Candidate, ReminderPolicy, decide, load_reminders, windows
from duban.workdays import Calendar, load_calendar

ISSUES = Issues()
CALENDAR: Calendar = load_calendar(ROOT / "config" / "calendar.yaml", "calendar.yaml", ISSUES)


def shipped() -> ReminderPolicy:
    found = load_reminders(ROOT / "config" / "reminders.yaml", "reminders.yaml", ISSUES)
    assert found is not None
    return found


POLICY = shipped()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=clock.SHANGHAI)


def candidate(due_on: date, **more: object) -> Candidate:
    base: dict[str, object] = {
        "obligation": "T/u/finish:end",
        "unit": "u",
        "task": "T",
        "due_on": due_on,
        "round": 1,
        "urgent": False,
    }
    return Candidate(**(base | more))  # type: ignore[arg-type]


def said(due_on: date, since: str, now: str, **more: object) -> list[tuple[str, str]]:
    """(rung, outcome) of one open obligation between two moments."""
    moments = windows(POLICY, CALENDAR, at(since), at(now), due_on)
    claims = decide(moments, [candidate(due_on, **more)])
    return [(claim.rung, claim.outcome) for claim in claims]


@pytest.mark.parametrize(
    ("day", "rung"),
    [
        ("2026-03-04", "before-15"),
        ("2026-03-16", "before-7"),
        ("2026-03-20", "before-3"),
        ("2026-03-24", "before-1"),
        ("2026-03-25", "today"),
        ("2026-03-26", "overdue@2026-03-26"),
        ("2026-03-31", "overdue@2026-03-31"),
        ("2026-04-03", "overdue@2026-04-03"),
    ],
)
def test_each_rung_on_its_working_day(day: str, rung: str) -> None:
    yesterday = date.fromisoformat(day) - timedelta(days=1)
    assert said(date(2026, 3, 25), f"{yesterday} 08:30", f"{day} 08:30") == [(rung, "pending")]


@pytest.mark.parametrize("day", ["2026-03-17", "2026-03-27", "2026-03-28", "2026-04-05"])
def test_no_rung_between(day: str) -> None:
    yesterday = date.fromisoformat(day) - timedelta(days=1)
    assert said(date(2026, 3, 25), f"{yesterday} 08:30", f"{day} 08:30") == []


def test_a_rung_belongs_to_one_window_only() -> None:
    """Half open: the moment itself counts for the run at that moment and not for the next."""
    due = date(2026, 3, 25)
    assert said(due, "2026-03-25 08:29", "2026-03-25 08:30") == [("today", "pending")]
    assert said(due, "2026-03-25 08:30", "2026-03-25 18:00") == []


def test_an_outage_says_the_newest_and_keeps_the_others() -> None:
    found = said(date(2026, 3, 25), "2026-03-18 08:30", "2026-03-26 08:30")
    assert found == [
        ("before-3", "superseded"),
        ("before-1", "superseded"),
        ("today", "superseded"),
        ("overdue@2026-03-26", "pending"),
    ]


def test_not_before_the_period_opens() -> None:
    since, now = "2026-03-15 08:30", "2026-03-16 08:30"
    assert said(date(2026, 3, 25), since, now, opens_on=date(2026, 3, 18)) == []
    assert said(date(2026, 3, 25), since, now, opens_on=date(2026, 3, 16)) != []


def test_the_make_up_saturday_counts() -> None:
    """2026-02-14 is worked: it is the working day before everything due in the Spring Festival."""
    for due in (date(2026, 2, 15), date(2026, 2, 20), date(2026, 2, 24)):
        assert said(due, "2026-02-13 08:30", "2026-02-14 08:30") == [("before-1", "pending")]


@given(
    due=st.dates(date(2026, 1, 5), date(2026, 12, 20)),
    start=st.dates(date(2025, 12, 1), date(2026, 12, 1)),
    cuts=st.lists(st.integers(1, 60 * 24 * 40), max_size=6),
)
def test_however_the_runs_are_cut_the_rungs_are_the_same(
    due: date, start: date, cuts: list[int]
) -> None:
    """Missed or extra runs change what is said when, never which rungs are claimed."""
    first = clock.at(start, time(9, 0))
    last = first + timedelta(days=45)
    stops = sorted({first + timedelta(minutes=cut) for cut in cuts} | {last})
    claimed: list[str] = []
    since = first
    for now in stops:
        moments = windows(POLICY, CALENDAR, since, now, due)
        claims = decide(moments, [candidate(due)])
        assert sum(claim.outcome == "pending" for claim in claims) <= 1
        claimed += [claim.rung for claim in claims]
        since = now
    whole = decide(windows(POLICY, CALENDAR, first, last, due), [candidate(due)])
    assert claimed == [claim.rung for claim in whole]
    assert len(claimed) == len(set(claimed))
