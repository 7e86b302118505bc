"""The reminder ladders as a pure decision: what comes up between two moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from duban import clock
from duban.errors import Issues
from duban.reminderfile import load_reminders
from duban.reminders import (
    CLASSES,
    KINDS,
    ROLES,
    Candidate,
    Ladder,
    ReminderPolicy,
    Rung,
    decide,
    next_rung,
    windows,
)
from duban.workdays import Calendar, YearDays, load_calendar

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
    claims = decide(POLICY, moments, [candidate(due_on, **more)])
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


# ---- the ladders that ship -----------------------------------------------------------------------


def whole(due: date, **more: object) -> dict[str, list[str]]:
    """Post to every rung it hears of in the sixty days around a due, day by day."""
    found: dict[str, list[str]] = {}
    day = due - timedelta(days=60)
    while day < due + timedelta(days=20):
        yesterday = clock.at(day - timedelta(days=1), POLICY.digest_time)
        moments = windows(POLICY, CALENDAR, yesterday, clock.at(day, POLICY.digest_time), due)
        for each in decide(POLICY, moments, [candidate(due, **more)]):
            found.setdefault(each.to, []).append(each.rung.split("@")[0])
        day += timedelta(days=1)
    return found


def before(*days: int) -> list[str]:
    return [*(f"before-{day}" for day in days), "today"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, before(15, 7, 3, 1)),
        ({"deadline_class": "hard"}, before(30, 15, 7, 3, 1)),
        ({"kind": "milestone", "deadline_class": "internal"}, before(15, 7, 3, 1)),
        ({"kind": "report"}, before(3, 1)),
        ({"kind": "summary", "deadline_class": "hard"}, before(3, 1)),
        ({"kind": "report", "role": "support"}, before(1)),
        ({"kind": "report", "role": "part", "ladder": "hard"}, before(30, 15, 7, 3, 1)),
        ({"deadline_class": "hard", "ladder": "default"}, before(15, 7, 3, 1)),
        ({"ladder": "not there any more"}, before(15, 7, 3, 1)),
    ],
)
def test_shipped_ladders_by_role_kind_and_hardness(
    more: dict[str, object], expected: list[str]
) -> None:
    found = whole(date(2026, 6, 10), **more)["liaison"]
    assert [rung for rung in found if rung != "overdue"] == expected
    assert found.count("overdue") >= 3


def test_the_head_hears_once_and_only_of_what_was_to_be_finished() -> None:
    assert whole(date(2026, 6, 10))["head"] == ["late-10"]
    assert "head" not in whole(date(2026, 6, 10), kind="report")


def test_each_post_hears_the_newest_of_its_own_rungs() -> None:
    """After an outage the head's list is not swallowed by what the liaison hears."""
    moments = windows(
        POLICY, CALENDAR, at("2026-03-24 08:30"), at("2026-04-24 08:30"), date(2026, 3, 25)
    )
    claims = decide(POLICY, moments, [candidate(date(2026, 3, 25))])
    pending = {(each.to, each.rung): each.summary for each in claims if each.outcome == "pending"}
    assert pending == {("liaison", "overdue@2026-04-22"): False, ("head", "late-10"): True}


def test_two_rungs_of_one_moment_are_one() -> None:
    twice = replace(
        POLICY,
        ladders=(),
        rungs=tuple(
            Rung(name, 3, working=True, to=("liaison",), words=words)
            for name, words in (("a", "甲"), ("b", "乙"))
        ),
    )
    moments = windows(twice, CALENDAR, at("2026-03-19 08:30"), at("2026-03-20 08:30"), None)
    found = decide(twice, moments, [candidate(date(2026, 3, 25))])
    assert [(each.rung, each.outcome) for each in found] == [("a", "superseded"), ("b", "pending")]
    assert found[0].reason == "与它同时到，由“乙”一并说明"


# ---- against a reading day by day ------------------------------------------------------------------


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """A year with rest days and make-up weekends wherever they please."""
    days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
    off = draw(st.frozensets(days, max_size=30))
    work = draw(st.frozensets(days.filter(lambda day: day.isoweekday() > 5), max_size=10))
    return Calendar([YearDays(2026, "试", off - work, work)])


@st.composite
def ladders(draw: st.DrawFn, name: str) -> Ladder:
    rungs = []
    for number in range(draw(st.integers(1, 5))):
        before_ = draw(st.integers(-25, 30))
        repeats = before_ < 0 and draw(st.booleans())
        to = draw(st.lists(st.sampled_from(["liaison", "section", "head"]), min_size=1, max_size=2))
        rungs.append(
            Rung(
                f"r{number}",
                before_,
                repeats or draw(st.booleans()),
                tuple(dict.fromkeys(to)),
                repeats,
            )
        )

    def some(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from(words), min_size=1, max_size=2)))

    return Ladder(
        name, tuple(rungs), some(ROLES), some(KINDS), some(CLASSES), draw(st.integers(0, 4)) == 0
    )


@st.composite
def policies(draw: st.DrawFn) -> ReminderPolicy:
    return ReminderPolicy(
        digest_time=draw(st.sampled_from([time(7, 0), time(8, 30), time(14, 15)])),
        repeat_every=draw(st.integers(1, 5)),
        open_before=7,
        resubmit_days=3,
        rungs=draw(ladders("default")).rungs,
        ladders=tuple(draw(ladders(f"l{n}")) for n in range(draw(st.integers(0, 3)))),
    )


@st.composite
def obligations(draw: st.DrawFn) -> list[Candidate]:
    dues = st.dates(date(2026, 2, 1), date(2026, 11, 30))
    return [
        candidate(
            draw(dues),
            obligation=f"o{number}",
            role=draw(st.sampled_from(ROLES)),
            kind=draw(st.sampled_from(KINDS)),
            deadline_class=draw(st.sampled_from(CLASSES)),
            ladder=draw(st.sampled_from(["", "", "l0", "l1", "default", "gone"])),
            opens_on=draw(st.one_of(st.none(), dues)),
        )
        for number in range(draw(st.integers(1, 4)))
    ]


@dataclass
class Naive:
    """The ladders read day by day, without windows: slow, and nothing to get wrong."""

    policy: ReminderPolicy
    calendar: Calendar

    def workdays(self, after: date, until: date) -> int:
        """Working days later than one day and not later than another."""
        count, day = 0, after
        while day < until:
            day += timedelta(days=1)
            count += self.calendar.is_workday(day)
        return count

    def ladder(self, each: Candidate) -> tuple[Rung, ...]:
        every = {one.id: one.rungs for one in self.policy.ladders} | {"default": self.policy.rungs}
        if each.ladder in every:
            return every[each.ladder]
        for one in self.policy.ladders:
            fits = each.role in one.roles and each.kind in one.kinds
            if fits and each.deadline_class in one.classes and not one.by_name:
                return one.rungs
        return self.policy.rungs

    def falls_on(self, rung: Rung, due: date, day: date) -> bool:
        if not rung.working:
            return (due - day).days == rung.before
        if rung.before == 0:
            return day == due
        if not self.calendar.is_workday(day):
            return False
        if rung.before > 0:
            # So many days of work are left, today's among them, when the due's own is not counted.
            left = self.workdays(day - timedelta(days=1), due - timedelta(days=1))
            return day < due and left == rung.before
        late = self.workdays(due, day)
        if day <= due or late < -rung.before:
            return False
        apart = late + rung.before
        return apart % self.policy.repeat_every == 0 if rung.repeats else apart == 0

    def claims(
        self, found: list[Candidate], since: datetime, now: datetime
    ) -> Iterator[tuple[str, str, str]]:
        day = clock.day_of(since)
        while day <= clock.day_of(now):
            if since < clock.at(day, self.policy.digest_time) <= now:
                for each in found:
                    for rung in self.ladder(each):
                        opened = each.opens_on is None or each.opens_on <= day
                        if opened and self.falls_on(rung, each.due_on, day):
                            name = f"{rung.id}@{day}" if rung.repeats else rung.id
                            yield from ((each.obligation, name, post) for post in rung.to)
            day += timedelta(days=1)


@settings(deadline=None)
@given(
    policy=policies(),
    calendar=calendars(),
    found=obligations(),
    start=st.dates(date(2026, 1, 1), date(2026, 9, 30)),
    minute=st.integers(0, 24 * 60 - 1),
    outages=st.lists(st.integers(0, 60 * 24 * 60), min_size=1, max_size=5),
)
def test_as_an_independent_reading_has_it(
    *,
    policy: ReminderPolicy,
    calendar: Calendar,
    found: list[Candidate],
    start: date,
    minute: int,
    outages: list[int],
) -> None:
    """Random ladders, calendars, runs and outages of up to sixty days: the same rungs, each once."""
    first = since = clock.at(start) + timedelta(minutes=minute)
    oldest = min(each.due_on for each in found)
    got: list[tuple[str, str, str]] = []
    for minutes in outages:
        now = since + timedelta(minutes=minutes)
        claims = decide(policy, windows(policy, calendar, since, now, oldest), found)
        newest = {(each.candidate.obligation, each.to) for each in claims}
        pending = [each for each in claims if each.outcome == "pending"]
        assert {(each.candidate.obligation, each.to) for each in pending} == newest
        assert len(pending) == len(newest)  # one message for each post, however much was missed
        got += [(each.candidate.obligation, each.rung, each.to) for each in claims]
        since = now
    assert sorted(got) == sorted(Naive(policy, calendar).claims(found, first, since))
    assert len(got) == len(set(got))


@settings(max_examples=100, deadline=None)
@given(
    policy=policies(),
    calendar=calendars(),
    found=obligations(),
    start=st.dates(date(2026, 1, 15), date(2026, 10, 31)),
)
def test_the_next_rung_is_the_next_that_comes_up(
    policy: ReminderPolicy, calendar: Calendar, found: list[Candidate], start: date
) -> None:
    after = clock.at(start, time(12, 0))
    until = after + timedelta(days=45)
    for each in found:
        coming = [
            one.moment
            for one in windows(policy, calendar, after, until, each.due_on).get(each.due_on, ())
            if one.ladder == policy.ladder_for(each).id
            and (each.opens_on is None or each.opens_on <= clock.day_of(one.moment))
        ]
        ahead = next_rung(policy, calendar, each, after)
        if coming:
            assert ahead is not None
            assert ahead.moment == min(coming)
        else:
            assert ahead is None or ahead.moment > until
