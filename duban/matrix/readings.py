"""What a deadline phrase was understood to say, and the due day it gives once its event is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from enum import StrEnum

from duban.errors import Level
from duban.matrix.occurrences import Recurrence, shifted
from duban.workdays import Calendar, add_months


class Kind(StrEnum):
    """The kinds of deadline that real matrices use."""

    DATE = "date"
    MONTH = "month"
    YEAR = "year"
    BEFORE = "before"  # 2022年10月前: ambiguous by a month
    RANGE = "range"
    RECURRING = "recurring"
    OPEN = "open"  # never overdue, owes periodic reports
    CONDITIONAL = "conditional"
    COMPOUND = "compound"  # a due day, and something standing after it
    SPLIT = "split"  # several parts with their own days and quantities
    RELATIVE = "relative_event"
    AFTER = "after"  # begins then, ends never
    NOT_A_DATE = "not_a_date"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Offset:
    """How far from an event; ``unit`` is days, workdays or months. Negative: before the event."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a split or compound deadline. ``quantity`` as written (5家, 50%, 全部完成)."""

    text: str
    quantity: str
    due: date | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A phrase and what it was understood to say.

    ``outcome``: settled; ask (there is a value, and a person must confirm it); refused (not
    understood, no value). ``due`` is the last day in time. ``shift``: what a rest day does to a
    calendar date, when the phrase says so (顺延 next, 提前 previous).
    """

    phrase: str
    kind: Kind
    start: date | None = None
    due: date | None = None
    time: time | None = None
    alternatives: tuple[date, ...] = ()
    parts: tuple[Part, ...] = ()
    recurrence: Recurrence | None = None
    until: date | None = None
    anchor: str = ""
    offset: Offset | None = None
    inclusive: bool = True
    level: Level = Level.INFO
    note: str = ""
    outcome: str = "settled"
    shift: str = "none"

    def as_json(self) -> dict[str, object]:
        """The documented keys of a reading in ``--format json``."""
        return {
            "kind": self.kind.value,
            "start": _iso(self.start),
            "due": _iso(self.due),
            "time": _iso(self.time or (self.recurrence.time if self.recurrence else None)),
            "alternatives": [day.isoformat() for day in self.alternatives],
            "parts": [
                {"text": part.text, "quantity": part.quantity, "due": _iso(part.due)}
                for part in self.parts
            ],
            "every": self.recurrence.every.value if self.recurrence else None,
            "day": self.recurrence.as_json() if self.recurrence else None,
            "until": _iso(self.until),
            "anchor": self.anchor,
            "offset": {"amount": self.offset.amount, "unit": self.offset.unit}
            if self.offset
            else None,
            "shift": self.recurrence.shift if self.recurrence else self.shift,
            "outcome": self.outcome,
            "level": self.level.value,
            "note": self.note,
        }


def from_anchor(reading: Reading, anchor: str) -> Reading:
    """The reading counted from the event a task names itself, which settles a phrase without one."""
    if reading.offset is None or not anchor:
        return reading
    if reading.anchor or reading.outcome != "ask":
        return replace(reading, anchor=anchor)
    note = f"从任务写明的起算点“{anchor}”的次日起算（民法典第二百零一条）。"
    return replace(reading, anchor=anchor, level=Level.INFO, outcome="settled", note=note)


def _iso(value: date | time | None) -> str | None:
    return None if value is None else value.isoformat()


@dataclass(frozen=True, slots=True)
class Due:
    """A due day, or why there is none: ``on`` None means 未起算, or that it never falls due."""

    on: date | None
    time: time | None = None
    provisional: bool = False
    reason: str = ""


def settle(reading: Reading, calendar: Calendar, anchors: Mapping[str, date | None]) -> Due:
    """The due day of a reading, given the days of named events.

    ``anchors`` maps event names and aliases to their day, None while it is unknown; the key ``""``
    stands for a phrase that names no event (30个工作日内). Periods follow the Civil Code, arts.
    201–203: the first day is not counted, months end on the matching day or the month's last, a last
    day on a holiday moves to the next working day. Calendar dates stay unless the phrase moves them.
    """
    if reading.kind in {Kind.NOT_A_DATE, Kind.BLANK}:
        return Due(None, reason=reading.note)
    if reading.due is not None:
        day, provisional = shifted(reading.due, reading.shift, calendar)
        return Due(day, reading.time, provisional, reading.note)
    if reading.offset is not None and reading.inclusive:
        return _from_event(reading, reading.offset, calendar, anchors)
    return Due(None, reading.time, reason=_NEVER.get(reading.kind, reading.note))


_NEVER = {
    Kind.OPEN: "长期任务，没有时限，不会逾期。",
    Kind.RECURRING: "按期报送，每期各有时限。",
    Kind.AFTER: "只写了从何时开始，没有写何时完成。",
    Kind.CONDITIONAL: "未起算：条件还没有发生。条件发生后，请把时限改为具体日期。",
}


def _from_event(
    reading: Reading, offset: Offset, calendar: Calendar, anchors: Mapping[str, date | None]
) -> Due:
    known = {event_name(name): day for name, day in anchors.items()}
    name = event_name(reading.anchor)
    if name not in known:
        asked = f"没有名为“{reading.anchor}”的起算点" if name else "没有写从何时起算"
        return Due(
            None,
            reading.time,
            reason=f"未起算：{asked}。请在 plan.yaml 的 anchors 里登记它或它的别名，或给任务写 anchor。",
        )
    event = known[name]
    if event is None:
        shown = f"“{reading.anchor}”" if reading.anchor else "起算点"
        return Due(None, reading.time, reason=f"未起算：{shown}的日期还没有登记。")
    try:
        day, provisional = _count(event, offset, reading.shift, calendar)
    except (ValueError, OverflowError):
        return Due(None, reading.time, reason="算出的日期超出日历范围。请核对起算日和期限。")
    return Due(day, reading.time, provisional, f"从 {event}（{reading.anchor or '起算点'}）起算。")


def _count(event: date, offset: Offset, shift: str, calendar: Calendar) -> tuple[date, bool]:
    """Count from the day after the event; backwards, a rest day moves to the one before (default)."""
    if offset.amount == 0:
        return shifted(event, shift, calendar)
    if offset.unit == "workdays":
        due = calendar.add(event, offset.amount)
        first, last = sorted((event.year, due.year))
        unknown = any(calendar.is_provisional(date(y, 1, 1)) for y in range(first, last + 1))
        return due, unknown
    months = offset.unit == "months"
    end = add_months(event, offset.amount) if months else event + timedelta(offset.amount)
    default = "next" if offset.amount > 0 else "previous"
    return shifted(end, default if shift == "none" else shift, calendar)


_DECORATION = re.compile(r"^[本该此]?(?P<name>.+?)(?:之日|之时|当日|当天|之后|后)?$")
_SAME_EVENT = {"会": "会议", "会议召开": "会议", "会议结束": "会议", "开会": "会议"}


def event_name(name: str) -> str:
    """An event's name without 本, 之日 and the like, so that 批复之日 and 批复 are one event."""
    match = _DECORATION.match(name.strip())
    bare = match["name"] if match else name.strip()
    return _SAME_EVENT.get(bare, bare)
