"""Which reminders come up, and for whom: the ladder as data and one pure decision.

A rung is due when its moment lies between the last tick and now, never when it equals today: a missed
run loses nothing, and a week's outage gives one message. Rules are applied to today's windows, not to
rows: ``windows`` gives the few due dates that matter, and the ledger seeks just those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from duban import clock
from duban.errors import Issues
from duban.matrix.model import POSTS
from duban.workdays import Calendar
from duban.yamltext import Row, read_rows


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder: so many days before the due (negative ``before``: after it)."""

    id: str
    before: int
    working: bool  # working days, or calendar days
    to: tuple[str, ...]
    repeats: bool = False  # every ``repeat_every`` working days from here on
    words: str = ""


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


@dataclass(frozen=True, slots=True)
class RungMoment:
    """A rung of one due date that came up at a moment."""

    rung: str
    to: tuple[str, ...]
    moment: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the decision needs to know of an open obligation."""

    obligation: str
    unit: str
    task: str
    due_on: date
    round: int
    urgent: bool
    opens_on: date | None = None  # a report is not reminded of before its period opens
    acked_on: date | None = None  # the day on which the liaison signed for it


@dataclass(frozen=True, slots=True)
class Claim:
    """A rung that came up for an obligation and a post, with the reason."""

    candidate: Candidate
    rung: str
    to: str
    moment: datetime
    outcome: str  # pending | superseded
    reason: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Who must not be reminded of what (empty: of anything), by whom, why, and until which day."""

    unit: str
    task: str
    post: str
    until_on: date
    author: str
    reason: str

    def covers(self, each: Claim, today: date) -> bool:
        """Whether it keeps this claim quiet today."""
        return (
            self.unit == each.candidate.unit
            and self.task in {"", each.candidate.task}
            and self.post in {"", each.to}
            and today <= self.until_on
        )


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
            return "silenced", f"免扰至{silence.until_on}（{silence.author}：{silence.reason}）"
    signed = each.candidate.acked_on
    if each.to != "liaison" or signed is None or each.candidate.due_on <= today:
        return None
    if calendar.between(signed, today) >= policy.ack_quiet:
        return None
    return "acknowledged", f"{signed}已签收，{policy.ack_quiet}个工作日内不再提醒"


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
        for due, rung in _due_dates(policy, calendar, day, oldest_due):
            found.setdefault(due, []).append(
                RungMoment(_rung_id(rung, day), rung.to, moment, rung.words)
            )
    return {
        due: tuple(sorted(moments, key=lambda each: each.moment))
        for due, moments in sorted(found.items())
    }


def _days(since: datetime, now: datetime) -> Iterable[date]:
    day, last = clock.day_of(since), clock.day_of(now)
    while day <= last:
        yield day
        day += timedelta(days=1)


def _rung_id(rung: Rung, day: date) -> str:
    """A repeating rung is another rung each day it comes up."""
    return f"{rung.id}@{day.isoformat()}" if rung.repeats else rung.id


def _due_dates(
    policy: ReminderPolicy, calendar: Calendar, day: date, oldest_due: date | None
) -> Iterable[tuple[date, Rung]]:
    for rung in policy.rungs:
        if rung.repeats:
            yield from (
                (due, rung) for due in _repeat_dues(policy, calendar, rung, day, oldest_due)
            )
        else:
            yield from ((due, rung) for due in _single_dues(calendar, rung, day))


def _single_dues(calendar: Calendar, rung: Rung, day: date) -> Iterable[date]:
    """Due dates for which the rung falls on this day."""
    if not rung.working:
        yield day + timedelta(days=rung.before)
        return
    if rung.before == 0:
        yield day
        return
    if not calendar.is_workday(day):
        return
    # A working day is so many working days before one working day and before the rest days leading to it.
    due = calendar.add(day, rung.before - 1) + timedelta(days=1)
    last = calendar.add(day, rung.before)
    while due <= last:
        yield due
        due += timedelta(days=1)


def _repeat_dues(
    policy: ReminderPolicy, calendar: Calendar, rung: Rung, day: date, oldest_due: date | None
) -> Iterable[date]:
    if oldest_due is None or not calendar.is_workday(day):
        return
    late = -rung.before
    due = oldest_due
    while due < day:
        gone = calendar.between(due, day)
        if gone >= late and (gone - late) % policy.repeat_every == 0:
            yield due
        due += timedelta(days=1)


def decide(
    moments: Mapping[date, tuple[RungMoment, ...]], candidates: Iterable[Candidate]
) -> list[Claim]:
    """A claim for each rung, obligation and post; of several missed rungs only the newest is said."""
    claims: list[Claim] = []
    for candidate in candidates:
        came_up = [each for each in moments.get(candidate.due_on, ()) if _is_open(candidate, each)]
        if not came_up:
            continue
        newest = came_up[-1]
        for each in came_up:
            said = each is newest
            reason = (
                each.words if said else f"停机期间错过，由“{newest.words or newest.rung}”一并说明"
            )
            outcome = "pending" if said else "superseded"
            claims += [
                Claim(candidate, each.rung, post, each.moment, outcome, reason) for post in each.to
            ]
    return claims


def _is_open(candidate: Candidate, rung: RungMoment) -> bool:
    return candidate.opens_on is None or clock.day_of(rung.moment) >= candidate.opens_on


def load_reminders(path: Path, shown_as: str, issues: Issues) -> ReminderPolicy | None:
    """Read ``config/reminders.yaml``; mistakes go to ``issues``."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return None
    policy = ReminderPolicy(
        digest_time=row.clock("digest_time", time(8, 30)),
        repeat_every=row.integer("repeat_every_working_days", 3, least=1),
        open_before=row.integer("open_before_working_days", 7, least=1),
        resubmit_days=row.integer("resubmit_working_days", 3, least=1),
        rungs=tuple(_rung(entry) for entry in row.rows("rungs")),
        urgent_per_day=row.integer("urgent_per_day", 2, least=0),
        ack_quiet=row.integer("quiet_after_ack_working_days", 5, least=0),
    )
    row.close()
    ids = [rung.id for rung in policy.rungs]
    if len(ids) != len(set(ids)) or not ids:
        issues.error(
            "rungs", row.place_of("rungs"), "提醒梯级为空，或编号重复。", "每一级给一个不同的 id。"
        )
    return policy


def _rung(row: Row) -> Rung:
    before = row.integer("before", 0) if row.has("before") else -row.integer("after", 0)
    to = tuple(text.raw for text in row.texts("to")) or ("liaison",)
    for post in to:
        if post not in POSTS:
            row.issues.error(
                "post", row.place_of("to"), f"不认识的岗位“{post}”。", f"可用：{'、'.join(POSTS)}。"
            )
    rung = Rung(
        id=row.text("id", required=True),
        before=before,
        working=row.choice("count", ("working_days", "days"), "working_days") == "working_days",
        to=to,
        repeats=row.flag("repeats"),
        words=row.text("words"),
    )
    if rung.repeats and rung.before >= 0:
        row.issues.error(
            "repeat-before",
            row.place_of("repeats"),
            "只有到期之后的梯级才能重复。",
            "写 after: 天数，或去掉 repeats。",
        )
    row.close()
    return rung
