"""Recurring deadlines: what a recurrence says, and the periods it makes in a stretch of days. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta

from duban.matrix.model import Every
from duban.workdays import Calendar

MONTHS_IN = {Every.MONTH: 1, Every.QUARTER: 3, Every.HALF: 6, Every.YEAR: 12}
MONTH_END = 31
_ORDINALS = "一二三四"
_PERIOD_NAMES = {
    Every.WEEK: "每周",
    Every.MONTH: "每月",
    Every.QUARTER: "每季度",
    Every.HALF: "每半年",
    Every.YEAR: "每年",
}


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A due day in every period.

    ``weekday``: 1 = Monday; ``day``: day of the month, 31 or None = its last; ``month``: month of the
    year, or within the quarter or half (None: the last, or the first when ``in_next_period``);
    ``shift``: what a rest day does (none, previous, next); ``in_next_period``: due after the period
    it is about (次月5日前).
    """

    every: Every
    weekday: int | None = None
    day: int | None = None
    month: int | None = None
    time: time | None = None
    shift: str = "none"
    in_next_period: bool = False

    @property
    def words(self) -> str:
        """Which day of each period it is, as a person would say it (每季度第3个月25日, 次月5日)."""
        if self.every is Every.WEEK:
            return "每周" + (
                "一二三四五六日"[self.weekday - 1] if self.weekday else "最后一个工作日"
            )
        day = f"{self.day}日" if self.day else "最后一天"
        return f"{self._period_words()}{self._month_words()}{day}"

    def as_json(self) -> dict[str, object]:
        """Which day of each period it is; the documented keys of ``day`` in ``--format json``."""
        return {
            "words": self.words,
            "weekday": self.weekday,
            "month": self.month,
            "day": self.day,
            "next_period": self.in_next_period,
        }

    def _period_words(self) -> str:
        if not self.in_next_period:
            return _PERIOD_NAMES[self.every]
        after = f"{_PERIOD_NAMES[self.every]}结束后"
        return {Every.MONTH: "次月", Every.YEAR: "次年"}.get(self.every, after)

    def _month_words(self) -> str:
        if self.every is Every.MONTH:
            return ""
        if self.every is Every.YEAR and self.month:
            return f"{self.month}月"
        if self.month:
            return f"第{self.month}个月"
        return "第1个月" if self.in_next_period else "最后一个月"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One period of a recurrence and its due day."""

    key: str  # 2026-W47, 2026-03, 2026Q1, 2026H1, 2026
    label: str  # 2026年第47周, 2026年3月, 2026年一季度 …
    starts_on: date
    ends_on: date
    due_on: date
    time: time | None
    provisional: bool


def occurrences(rec: Recurrence, first: date, last: date, calendar: Calendar) -> list[Occurrence]:
    """The periods whose due day lies in ``first`` … ``last``, in order.

    Raises ValueError when a rest day must be moved outside the calendar's table.
    """
    if last < first:
        return []
    periods = _weeks(first, last) if rec.every is Every.WEEK else _months(rec.every, first, last)
    found = (_occurrence(rec, period, calendar) for period in periods)
    return [one for one in found if first <= one.due_on <= last]


@dataclass(frozen=True, slots=True)
class _Period:
    key: str
    label: str
    first: date
    last: date


def _weeks(first: date, last: date) -> Iterator[_Period]:
    # a shift moves a due day by a holiday at most, and it may lie in the week after its period
    monday = first - timedelta(first.weekday() + 28)
    while monday <= last + timedelta(14):
        year, week, _ = monday.isocalendar()
        label = f"{year}年第{week}周"
        yield _Period(f"{year}-W{week:02}", label, monday, monday + timedelta(6))
        monday += timedelta(7)


def _months(every: Every, first: date, last: date) -> Iterator[_Period]:
    span = MONTHS_IN[every]
    start = (first.year * 12 + first.month - 1) // span - 2
    stop = (last.year * 12 + last.month - 1) // span + 1
    for index in range(start, stop + 1):
        year, month0 = divmod(index * span, 12)
        begins, ends = date(year, month0 + 1, 1), _last_of(year, month0 + span)
        yield _Period(*_names(every, year, month0 // span + 1), begins, ends)


def _names(every: Every, year: int, number: int) -> tuple[str, str]:
    if every is Every.MONTH:
        return f"{year}-{number:02}", f"{year}年{number}月"
    if every is Every.QUARTER:
        return f"{year}Q{number}", f"{year}年{_ORDINALS[number - 1]}季度"
    if every is Every.HALF:
        return f"{year}H{number}", f"{year}年{'上下'[number - 1]}半年"
    return f"{year}", f"{year}年"


def _last_of(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def _occurrence(rec: Recurrence, period: _Period, calendar: Calendar) -> Occurrence:
    named = _due_of_week(rec, period) if rec.every is Every.WEEK else _due_of_months(rec, period)
    due, provisional = shifted(named, rec.shift, calendar)
    return Occurrence(
        period.key, period.label, period.first, period.last, due, rec.time, provisional
    )


def _due_of_week(rec: Recurrence, period: _Period) -> date:
    return period.first + timedelta((rec.weekday or 7) - 1 + (7 if rec.in_next_period else 0))


def _due_of_months(rec: Recurrence, period: _Period) -> date:
    span = MONTHS_IN[rec.every]
    month = rec.month or (1 if rec.in_next_period else span)
    later = span if rec.in_next_period else 0
    year, month0 = divmod(period.first.year * 12 + period.first.month - 1 + later + month - 1, 12)
    end = _last_of(year, month0 + 1)
    return end.replace(day=min(rec.day or MONTH_END, end.day))


def shifted(day: date, shift: str, calendar: Calendar) -> tuple[date, bool]:
    """The day moved off a rest day as told, and whether that is provisional."""
    if shift == "none":
        return day, False
    moved = calendar.roll(day) if shift == "next" else calendar.roll_back(day)
    return moved, calendar.is_provisional(day) or calendar.is_provisional(moved)
