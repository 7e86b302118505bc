"""What must hold on every day of every simulation, faults or not. Pure: values in, violations out.

An invariant is a function whose docstring is the sentence shown; it gives the details of each violation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from duban import clock
from duban.ladders import SEVERE
from duban.matrix.model import UnitKind
from duban.workdays import Calendar

UNSETTLED_WORKING_DAYS = 10
"""A message queued for longer without an outcome is forgotten (default)."""
_ROUTINE = frozenset({"remind", "request", "returned", "summary", "handover"})
_SAID = frozenset({"pending", "grouped"})


@dataclass(frozen=True, slots=True)
class Message:
    """A message queued today."""

    id: str
    kind: str
    unit: str
    post: str
    urgent: bool
    created_at: datetime
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """A candidate claimed or settled today, with the state of its item, and its step's paper and name."""

    id: str
    obligation: str
    rung: str
    round: int
    recipient: str
    kind: str
    outcome: str
    state: str
    is_open: bool
    paper: str = ""
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """An escalation step raised today."""

    id: str
    unit: str
    unit_kind: UnitKind


@dataclass(frozen=True, slots=True)
class Day:
    """All that one day's stages recorded, and the policy they had to keep.

    ``claimed``: how often each candidate was claimed, ever. ``owed``: candidates that came up today by the
    rules; ``known``: those of them that have a row. ``waiting``: messages queued for too long.
    ``broken``: the first event off the chain; ``differing``: tables that a rebuild gives otherwise.
    """

    day: date
    calendar: Calendar
    works_from: time
    works_until: time
    urgent_per_day: int
    messages: tuple[Message, ...] = ()
    notices: tuple[Notice, ...] = ()
    steps: tuple[Step, ...] = ()
    handed_over: tuple[tuple[str, datetime], ...] = ()
    claimed: Mapping[str, int] = field(default_factory=dict)
    owed: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    waiting: tuple[str, ...] = ()
    broken: int | None = None
    differing: tuple[str, ...] = ()

    def works(self, moment: datetime) -> bool:
        """Whether a moment lies in working hours of a working day."""
        there = clock.local(moment)
        hours = self.works_from <= there.time() <= self.works_until
        return hours and self.calendar.is_workday(there.date())


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold: the day, its name, its sentence, and what was found."""

    day: date
    name: str
    sentence: str
    detail: str


def one_routine_message(day: Day) -> Iterator[str]:
    """每人每个工作日最多一条日常消息。"""
    wholes = {
        (_whole(each.id), each.unit, each.post) for each in day.messages if each.kind == "day"
    }
    yield from _more(Counter((unit, post) for _, unit, post in wholes), 1)


def urgent_within_cap(day: Day) -> Iterator[str]:
    """加急消息每人每天不超过设定的条数。"""
    wholes = {
        (_whole(each.id), each.unit, each.post) for each in day.messages if each.kind == "urgent"
    }
    yield from _more(Counter((unit, post) for _, unit, post in wholes), day.urgent_per_day)


def only_in_working_time(day: Day) -> Iterator[str]:
    """消息只在工作日的工作时间排队和送出。"""
    for each in day.messages:
        if not day.works(each.not_before):
            yield f"{each.id} 可在{_moment(each.not_before)}发出"
    for key, at in day.handed_over:
        if not day.works(at):
            yield f"{key} 在{_moment(at)}送出"


def every_candidate_has_a_row(day: Day) -> Iterator[str]:
    """每个到了梯级的候选提醒都有一行记录，说或不说都有。"""
    yield from sorted(day.owed - day.known)


def no_rung_twice(day: Day) -> Iterator[str]:
    """同一事项、梯级、轮次、岗位只提醒一次。"""
    yield from (f"{key}（{times}次）" for key, times in sorted(day.claimed.items()) if times > 1)


def nothing_for_what_is_over(day: Day) -> Iterator[str]:
    """已办结、暂缓、取消、已报送的事项不再提醒。"""
    for each in day.notices:
        if each.kind in _ROUTINE and each.outcome in _SAID and not each.is_open:
            yield f"{each.id}（{each.state}）"


def severe_needs_a_name(day: Day) -> Iterator[str]:
    """通报、约谈、问责没有具名的人确认就不发出。"""
    for each in day.notices:
        if each.paper in SEVERE and each.outcome in _SAID and not each.decided_by.strip():
            yield f"{each.id}（{each.paper}）"


def enterprises_never_escalated(day: Day) -> Iterator[str]:
    """企业、事业单位不列入督办。"""
    yield from (each.id for each in day.steps if not each.unit_kind.supervised)


def nothing_forgotten_in_the_queue(day: Day) -> Iterator[str]:
    """排队的消息不会一直没有结果。"""
    yield from day.waiting


def chain_holds(day: Day) -> Iterator[str]:
    """台账的哈希链前后相符。"""
    if day.broken is not None:
        yield f"第{day.broken}条记录"


def rows_can_be_rebuilt(day: Day) -> Iterator[str]:
    """由记录重建的现状与现有的现状相同。"""
    yield from day.differing


Invariant = Callable[[Day], Iterable[str]]
INVARIANTS: tuple[Invariant, ...] = (
    one_routine_message,
    urgent_within_cap,
    only_in_working_time,
    every_candidate_has_a_row,
    no_rung_twice,
    nothing_for_what_is_over,
    severe_needs_a_name,
    enterprises_never_escalated,
    nothing_forgotten_in_the_queue,
    chain_holds,
    rows_can_be_rebuilt,
)


def violations(day: Day) -> list[Violation]:
    """Every violation of every invariant on a day."""
    return [
        Violation(day.day, _name(rule), _sentence(rule), detail)
        for rule in INVARIANTS
        for detail in rule(day)
    ]


def _name(rule: Invariant) -> str:
    return str(getattr(rule, "__name__", ""))


def _sentence(rule: Invariant) -> str:
    return (rule.__doc__ or "").strip().rstrip("。")


def _whole(key: str) -> str:
    return key.partition("#")[0]


def _more(counts: Counter[tuple[str, str]], cap: int) -> Iterator[str]:
    yield from (
        f"{unit}/{post} {times}条" for (unit, post), times in sorted(counts.items()) if times > cap
    )


def _moment(at: datetime) -> str:
    return f"{clock.local(at):%Y-%m-%d %H:%M}"
