"""Turns a matrix into obligations: one for each task × unit × period, each with its own due. Pure.

Kinds: ``finish`` (the task's own deadline), ``milestone``, ``report`` (a periodic report) and
``summary`` (the lead's report that falls due after its townships' parts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import TypedDict, overload

from duban import clock
from duban.matrix.deadlines import Due, Kind, Occurrence, Reading, occurrences, read, settle
from duban.matrix.model import Every, Matrix, Plan, Task, Unit
from duban.matrix.phrases import read_deadline
from duban.workdays import Calendar

NOT_STARTED = "unstarted"
WAITING = "waiting"
HISTORIC = "historic"
OPEN_BEFORE = {Every.WEEK: 2, Every.MONTH: 5, Every.QUARTER: 15, Every.HALF: 15, Every.YEAR: 20}
"""At most so many working days before its due is a report asked for: a weekly one not all week."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An obligation as the matrix wants it. ``due_on`` None: the anchor is not known (未起算)."""

    key: str
    task: str
    unit: str
    role: str  # lead | joint | part
    kind: str  # finish | milestone | report | summary
    period: str
    label: str
    title: str
    phrase: str
    opens_on: date | None
    due_on: date | None
    due_at: datetime | None
    provisional: bool
    weight: Decimal
    deadline_class: str
    urgent: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """A kind and period of one task before it is given to units."""

    kind: str
    period: str
    label: str
    phrase: str
    due: Due
    opens_on: date | None = None

    @property
    def due_at(self) -> datetime | None:
        """The last moment that is in time."""
        return None if self.due.on is None else due_moment(self.due.on, self.due.time)

    @property
    def reason(self) -> str:
        """Why there is no due yet; empty when there is one."""
        return self.due.reason if self.due.on is None else ""


class _Reports(TypedDict):
    plan: Plan
    first: date
    last: date
    calendar: Calendar
    open_before: int


@dataclass(frozen=True, slots=True)
class Expansion:
    """The obligations of one task in compact form: every slot is owed by every owner that belongs.

    ``owners``: unit id, role, and the first and last day on which it belongs.
    """

    task: Task
    slots: tuple[Slot, ...]
    owners: tuple[tuple[str, str, date, date], ...]

    def number(self) -> int:
        """How many obligations it stands for."""
        return sum(
            _belongs(slot.due.on, first, last)
            for slot in self.slots
            for _, _, first, last in self.owners
        )

    def planned(self) -> Iterator[Planned]:
        """One obligation for each slot and owner, spelt out."""
        for slot in self.slots:
            for unit, role, first, last in self.owners:
                if _belongs(slot.due.on, first, last):
                    yield _planned(slot, self.task, unit, role)


class Wanted(Sequence[Planned]):
    """All obligations of a plan's whole term: compact, and spelt out in order of key when asked."""

    def __init__(self, expansions: Iterable[Expansion], version: str = "") -> None:
        self.expansions = tuple(expansions)
        self.version = version  # of the calendar and settings they were computed with

    @cached_property
    def _all(self) -> list[Planned]:
        found = [planned for each in self.expansions for planned in each.planned()]
        return sorted(found, key=lambda planned: planned.key)

    @overload
    def __getitem__(self, index: int) -> Planned: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Planned]: ...
    def __getitem__(self, index: int | slice) -> Planned | Sequence[Planned]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)


def expand(matrix: Matrix, calendar: Calendar, *, open_before_days: int = 7) -> Wanted:
    """All obligations of a plan's whole term.

    ``open_before_days``: working days before its due that a report is asked for.
    """
    anchors = anchor_days(matrix.plan)
    found = (
        expansion
        for task in matrix.plan.tasks
        if task.withdrawn_on is None
        for expansion in _of_task(task, matrix, calendar, anchors, open_before_days)
        if expansion.slots and expansion.owners
    )
    return Wanted(found, f"{calendar.version}:{open_before_days}")


def anchor_days(plan: Plan) -> dict[str, date | None]:
    """Every name of every anchor to its day (None: not known yet)."""
    return {name: plan.anchors[anchor] for name, anchor in plan.anchor_names.items()}


def _of_task(
    task: Task,
    matrix: Matrix,
    calendar: Calendar,
    anchors: Mapping[str, date | None],
    open_before: int,
) -> Iterator[Expansion]:
    plan, units = matrix.plan, matrix.directory.units
    reading = read_deadline(task, plan)
    due = settle(reading, calendar, anchors)
    leads = task.lead if task.joint else task.lead[:1]
    ends = (
        *_finish_slots(task, reading, due, plan, calendar),
        *_milestone_slots(task, plan, calendar, anchors),
    )
    yield Expansion(task, ends, _owners(task, leads, units))
    if task.report is None:
        return
    how: _Reports = {
        "plan": plan,
        "first": _reports_from(reading, plan),
        "last": _reports_until(reading, due, plan),
        "calendar": calendar,
        "open_before": open_before,
    }
    reports = tuple(_report_slots(task.report.due_phrase, "report", **how))
    yield Expansion(task, reports, _owners(task, task.report.by, units))
    if task.report.lead_summary_phrase:
        summaries = tuple(_report_slots(task.report.lead_summary_phrase, "summary", **how))
        yield Expansion(task, summaries, _owners(task, task.lead[:1], units))


def _owners(
    task: Task, owners: Iterable[str], units: Mapping[str, Unit]
) -> tuple[tuple[str, str, date, date], ...]:
    """Who owes it. A late joiner owes from its day, a unit that left owes until its day."""
    known = [units[owner] for owner in owners if owner in units]
    return tuple(
        (unit.id, _role(task, unit.id), unit.joined_on or date.min, unit.left_on or date.max)
        for unit in known
    )


def _role(task: Task, owner: str) -> str:
    return "lead" if owner == task.lead[0] else "joint" if owner in task.lead else "part"


def _finish_slots(
    task: Task, reading: Reading, due: Due, plan: Plan, calendar: Calendar
) -> Iterator[Slot]:
    phrase = task.deadline_phrase
    if reading.kind is Kind.RECURRING and reading.recurrence is not None:
        last = min(reading.until or plan.ends_on, plan.ends_on)
        for each in occurrences(reading.recurrence, _reports_from(reading, plan), last, calendar):
            opens = calendar.add(each.due_on, -OPEN_BEFORE[reading.recurrence.every])
            yield Slot("finish", each.key, f"{each.label}办结", phrase, _due_of(each), opens)
        return
    dated = [part for part in reading.parts if part.due is not None]
    if reading.kind is Kind.SPLIT and dated:
        for number, part in enumerate(dated, 1):
            last_part = number == len(dated)
            kind, period = ("finish", "end") if last_part else ("milestone", f"part{number}")
            yield Slot(
                kind,
                period,
                f"第{number}部分：{part.quantity or part.text}",
                part.text,
                Due(part.due, None, provisional=False, reason=""),
            )
        return
    if reading.kind in {Kind.OPEN, Kind.CONDITIONAL, Kind.AFTER} or (
        due.on is None and reading.offset is None
    ):
        return
    yield Slot("finish", "end", "办结", phrase, due)


def _due_of(each: Occurrence) -> Due:
    return Due(each.due_on, each.time, each.provisional, "")


def _milestone_slots(
    task: Task, plan: Plan, calendar: Calendar, anchors: Mapping[str, date | None]
) -> Iterator[Slot]:
    for stone in task.milestones:
        due = settle(read(stone.deadline_phrase, year=plan.year), calendar, anchors)
        yield Slot("milestone", stone.id, f"节点：{stone.title}", stone.deadline_phrase, due)


def _reports_from(reading: Reading, plan: Plan) -> date:
    """A range and a beginning (X起) are reported from their first day; all else from the plan's."""
    begins = {Kind.RANGE, Kind.RECURRING, Kind.AFTER}
    start = reading.start if reading.kind in begins and reading.start else plan.starts_on
    return max(start, plan.starts_on)


def _reports_until(reading: Reading, due: Due, plan: Plan) -> date:
    """Reports are owed to the deadline; to the plan's end for what never ends or has not begun."""
    if reading.kind in {Kind.COMPOUND, Kind.OPEN, Kind.CONDITIONAL, Kind.RECURRING, Kind.AFTER}:
        return plan.ends_on
    dated = [part.due for part in reading.parts if part.due is not None]
    return min(max([due.on or plan.ends_on, *dated]), plan.ends_on)


def _report_slots(
    phrase: str,
    kind: str,
    *,
    plan: Plan,
    first: date,
    last: date,
    calendar: Calendar,
    open_before: int,
) -> Iterator[Slot]:
    recurrence = read(phrase, year=plan.year).recurrence
    if recurrence is None:
        return
    word = "报送" if kind == "report" else "汇总"
    for each in occurrences(recurrence, first, last, calendar):
        opens = calendar.add(each.due_on, -min(open_before, OPEN_BEFORE[recurrence.every]))
        yield Slot(kind, each.key, f"{each.label}{word}", phrase, _due_of(each), opens)


def _belongs(due_on: date | None, first: date, last: date) -> bool:
    return last == date.max if due_on is None else first <= due_on <= last


def _planned(slot: Slot, task: Task, owner: str, role: str) -> Planned:
    due_on = slot.due.on
    return Planned(
        key=f"{task.id}/{owner}/{slot.kind}:{slot.period}",
        task=task.id,
        unit=owner,
        role=role,
        kind=slot.kind,
        period=slot.period,
        label=slot.label,
        title=task.title,
        phrase=slot.phrase,
        opens_on=slot.opens_on,
        due_on=due_on,
        due_at=slot.due_at,
        provisional=slot.due.provisional,
        weight=task.weight,
        deadline_class=task.deadline_class.value,
        urgent=task.urgent,
        reason=slot.reason,
    )


def due_moment(due_on: date, due_time: time | None) -> datetime:
    """The last moment that is in time: the day's last second unless a time of day was given."""
    return clock.at(due_on, due_time) if due_time else clock.end_of(due_on)


def first_state(due_on: date | None, in_use_from: date) -> str:
    """未起算 without a due; 启用前 when it fell due before the software was in use; else 待签收."""
    if due_on is None:
        return NOT_STARTED
    return HISTORIC if due_on < in_use_from else WAITING
