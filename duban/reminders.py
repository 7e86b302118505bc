"""Which reminders come up, and for whom: ladders as data and one pure decision.

A rung is due when its moment lies between the last tick and now, never when it equals today: a missed
run loses nothing, and a week's outage gives one message. Rules are applied to today's windows, not to
rows: ``windows`` gives the few due dates that matter, and the ledger seeks just those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from duban import clock
from duban.errors import NOWHERE, Place
from duban.matrix.model import DeadlineClass
from duban.workdays import Calendar

ROLES = ("lead", "joint", "support", "part")
KINDS = ("finish", "milestone", "report", "summary")
CLASSES = tuple(each.value for each in DeadlineClass)
DEFAULT = "default"
"""The id of the ladder at the top of the file, which serves whatever no other ladder is for."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of a ladder: so many days before the due (negative ``before``: after it)."""

    id: str
    before: int
    working: bool  # working days, or calendar days
    to: tuple[str, ...]
    repeats: bool = False  # every ``repeat_every`` working days from here on
    words: str = ""
    summary: bool = False  # its recipients get the unit's whole open list, not the item alone
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs for some obligations: those it is ``for``, or those of tasks that name it."""

    id: str
    rungs: tuple[Rung, ...]
    roles: tuple[str, ...] = ROLES
    kinds: tuple[str, ...] = KINDS
    classes: tuple[str, ...] = CLASSES
    by_name: bool = False  # serves only tasks that name it
    place: Place = NOWHERE

    def fits(self, role: str, kind: str, deadline_class: str) -> bool:
        """Whether it is for an obligation of this role, kind and hardness."""
        return (
            not self.by_name
            and role in self.roles
            and kind in self.kinds
            and deadline_class in self.classes
        )


@dataclass(frozen=True, slots=True)
class ReminderPolicy:
    """``config/reminders.yaml``. Two knobs for the office: ``digest_time`` and ``repeat_every``."""

    digest_time: time
    repeat_every: int
    open_before: int  # working days before its due that a report is asked for
    resubmit_days: int  # working days to come back after a return
    rungs: tuple[Rung, ...]
    urgent_per_day: int = 2
    ack_quiet: int = 5  # working days for which 签收 quiets the one who signed
    ladders: tuple[Ladder, ...] = ()  # the first that fits serves; none: the rungs above

    @property
    def default(self) -> Ladder:
        """The rungs at the top of the file as a ladder."""
        return Ladder(DEFAULT, self.rungs)

    @property
    def all_ladders(self) -> tuple[Ladder, ...]:
        """Every ladder in the order in which it is tried; the default comes last."""
        return (*self.ladders, self.default)

    def ladder_for(self, each: Candidate) -> Ladder:
        """The ladder that its task names, else the first that fits.

        A name that is no longer in the file (edited, not yet applied) is passed over.
        """
        named = next((one for one in self.all_ladders if one.id == each.ladder), None)
        return named or next(
            one for one in self.all_ladders if one.fits(each.role, each.kind, each.deadline_class)
        )


@dataclass(frozen=True, slots=True)
class RungMoment:
    """A rung of one due date that came up at a moment, on a ladder."""

    rung: str
    to: tuple[str, ...]
    moment: datetime
    words: str
    ladder: str = DEFAULT
    summary: bool = False


class Candidate(NamedTuple):
    """What the decision needs to know of an open obligation. A tuple: a morning makes thousands."""

    obligation: str
    unit: str
    task: str
    due_on: date
    round: int
    urgent: bool
    opens_on: date | None = None  # a report is not reminded of before its period opens
    acked_on: date | None = None  # the day on which the liaison signed for it
    role: str = "lead"
    kind: str = "finish"
    deadline_class: str = "planned"
    ladder: str = ""  # the ladder that its applied task names


class Claim(NamedTuple):
    """A rung that came up for an obligation and a post, with the reason."""

    candidate: Candidate
    rung: str
    to: str
    moment: datetime
    outcome: str  # pending | superseded
    reason: str
    summary: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """Who must not be reminded of what (empty: of anything), by whom, why, and until which day."""

    unit: str
    task: str
    post: str
    until_on: date
    author: str
    reason: str

    def hides(self, unit: str, task: str, post: str, today: date) -> bool:
        """Whether it keeps a post quiet about a unit's task today."""
        return (
            self.unit == unit
            and self.task in {"", task}
            and self.post in {"", post}
            and today <= self.until_on
        )

    def covers(self, each: Claim, today: date) -> bool:
        """Whether it keeps this claim quiet today."""
        return self.hides(each.candidate.unit, each.candidate.task, each.to, today)

    @property
    def words(self) -> str:
        """Until when, by whom and why."""
        return f"免扰至{self.until_on}（{self.author}：{self.reason}）"


def hush(
    policy: ReminderPolicy,
    calendar: Calendar,
    each: Claim,
    silences: Iterable[Silence],
    today: date,
) -> tuple[str, str] | None:
    """Why a reminder that came up is not said: a silence, or the liaison's own 签收; else None.

    Signing for an item quiets only the one who signed, only before the due, and wears off after
    ``ack_quiet`` working days.
    """
    for silence in silences:
        if silence.covers(each, today):
            return "silenced", silence.words
    signed = each.candidate.acked_on
    if each.to != "liaison" or signed is None or each.candidate.due_on <= today:
        return None
    if calendar.between(signed, today) >= policy.ack_quiet:
        return None
    return "acknowledged", f"{signed}已签收，{policy.ack_quiet}个工作日内不再提醒"


# ---- due dates whose rungs come up -----------------------------------------------------------------


def windows(
    policy: ReminderPolicy,
    calendar: Calendar,
    since: datetime,
    now: datetime,
    oldest_due: date | None,
) -> dict[date, tuple[RungMoment, ...]]:
    """Due dates whose rungs have a moment in (since, now], each with those rungs in order of time.

    ``oldest_due``: the oldest open due in the ledger; repeats after the due reach back to it.
    """
    found: dict[date, list[RungMoment]] = {}
    for day in _days(since, now):
        moment = clock.at(day, policy.digest_time)
        if not since < moment <= now:
            continue
        for ladder in policy.all_ladders:
            for rung in ladder.rungs:
                came_up = _came_up(rung, day, moment, ladder)
                for due in _due_dates(policy, calendar, rung, day, oldest_due):
                    found.setdefault(due, []).append(came_up)
    return {
        due: tuple(sorted(moments, key=lambda each: each.moment))
        for due, moments in sorted(found.items())
    }


def _days(since: datetime, now: datetime) -> Iterator[date]:
    day, last = clock.day_of(since), clock.day_of(now)
    while day <= last:
        yield day
        day += timedelta(days=1)


def _came_up(rung: Rung, day: date, moment: datetime, ladder: Ladder) -> RungMoment:
    """A repeating rung is another rung each day it comes up."""
    name = f"{rung.id}@{day.isoformat()}" if rung.repeats else rung.id
    return RungMoment(name, rung.to, moment, rung.words, ladder.id, rung.summary)


def _due_dates(
    policy: ReminderPolicy, calendar: Calendar, rung: Rung, day: date, oldest_due: date | None
) -> Iterator[date]:
    """Due dates for which the rung falls on this day."""
    if not rung.repeats:
        yield from _single_dues(calendar, rung, day)
    elif oldest_due is not None and calendar.is_workday(day):
        late = -rung.before
        first, last = _late_dues(calendar, day, late)
        while oldest_due <= last:
            yield from _span(max(first, oldest_due), last)
            late += policy.repeat_every
            first, last = _late_dues(calendar, day, late)


def _single_dues(calendar: Calendar, rung: Rung, day: date) -> Iterator[date]:
    if not rung.working:
        yield day + timedelta(days=rung.before)
    elif rung.before == 0:
        yield day
    elif calendar.is_workday(day):
        # A working day is so many working days before one working day and the rest days leading to it.
        yield from _span(
            *(
                calendar.add(day, rung.before - 1) + timedelta(days=1),
                calendar.add(day, rung.before),
            )
            if rung.before > 0
            else _late_dues(calendar, day, -rung.before)
        )


def _late_dues(calendar: Calendar, day: date, late: int) -> tuple[date, date]:
    """The first and last due that are ``late`` working days overdue on a working day."""
    first = calendar.add(day, -late)
    return first, calendar.add(first, 1) - timedelta(days=1)


def _span(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


# ---- the decision ------------------------------------------------------------------------------------


def decide(
    policy: ReminderPolicy,
    moments: Mapping[date, tuple[RungMoment, ...]],
    candidates: Iterable[Candidate],
) -> list[Claim]:
    """A claim for each rung, obligation and post; of several missed rungs a post hears the newest."""
    claims: list[Claim] = []
    known: dict[tuple[object, ...], tuple[RungMoment, ...]] = {}
    for each in candidates:
        of = (each.due_on, each.role, each.kind, each.deadline_class, each.ladder)
        came_up = known.get(of)
        if came_up is None:
            came_up = known[of] = _on_its_ladder(policy, moments, each)
        if came_up:
            claims += _claims(each, came_up)
    return claims


def _on_its_ladder(
    policy: ReminderPolicy, moments: Mapping[date, tuple[RungMoment, ...]], each: Candidate
) -> tuple[RungMoment, ...]:
    ladder = policy.ladder_for(each).id
    return tuple(one for one in moments.get(each.due_on, ()) if one.ladder == ladder)


def _claims(candidate: Candidate, came_up: Sequence[RungMoment]) -> list[Claim]:
    if len(came_up) == 1:  # as on nearly every morning
        only = came_up[0]
        if not _is_open(candidate, only):
            return []
        return [
            Claim(candidate, only.rung, post, only.moment, "pending", only.words, only.summary)
            for post in only.to
        ]
    opened = [each for each in came_up if _is_open(candidate, each)]
    newest = {post: each for each in opened for post in each.to}
    whole = {post for each in opened if each.summary for post in each.to}
    found = []
    for each in opened:
        for post in each.to:
            said = newest[post] is each
            reason = each.words if said else _passed_over(each, newest[post])
            outcome = "pending" if said else "superseded"
            summary = said and post in whole  # a list that was missed comes with the newest rung
            found.append(Claim(candidate, each.rung, post, each.moment, outcome, reason, summary))
    return found


def _is_open(candidate: Candidate, rung: RungMoment) -> bool:
    return candidate.opens_on is None or clock.day_of(rung.moment) >= candidate.opens_on


def _passed_over(each: RungMoment, newest: RungMoment) -> str:
    why = "与它同时到" if each.moment == newest.moment else "停机期间错过"
    return f"{why}，由“{newest.words or newest.rung}”一并说明"


# ---- looking ahead -----------------------------------------------------------------------------------


def next_rung(
    policy: ReminderPolicy, calendar: Calendar, each: Candidate, after: datetime
) -> RungMoment | None:
    """The first rung of an obligation that comes up later than a moment; None: there is none any more."""
    ladder = policy.ladder_for(each)
    first = max(clock.day_of(after), each.opens_on or date.min)
    found = []
    for rung in ladder.rungs:
        for day in _rung_days(policy, calendar, rung, each.due_on, first):
            came_up = _came_up(rung, day, clock.at(day, policy.digest_time), ladder)
            if came_up.moment > after and _is_open(each, came_up):
                found.append(came_up)
                break
    return min(found, key=lambda one: one.moment, default=None)


def _rung_days(
    policy: ReminderPolicy, calendar: Calendar, rung: Rung, due: date, after: date
) -> Iterator[date]:
    """Days on which a rung of a due falls, from ``after`` on; of a repeating one the next few."""
    if not rung.working and not rung.repeats:
        yield due - timedelta(days=rung.before)
    elif rung.before > 0:
        yield calendar.add(calendar.roll(due), -rung.before)
    elif rung.before == 0:
        yield due
    elif not rung.repeats:
        yield calendar.add(due, -rung.before)
    else:
        rounds = max(0, (calendar.between(due, after) + rung.before) // policy.repeat_every)
        for number in range(rounds, rounds + 3):
            yield calendar.add(due, -rung.before + number * policy.repeat_every)
