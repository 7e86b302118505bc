"""What an obligation's facts mean at a moment: overdue, days left, lamp, and the words for them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from duban import clock
from duban.lamps import Lamp, LampPolicy, planned_percent
from duban.workdays import Calendar

STATE_NAMES = {
    "unstarted": "未起算",
    "historic": "启用前",
    "waiting": "待签收",
    "active": "进行中",
    "submitted": "已报送",
    "returned": "退回",
    "closed": "已办结",
    "suspended": "暂缓",
    "cancelled": "已取消",
    "merged": "已合并",
    "adjusting": "待调整",
}
OPEN_STATES = frozenset({"waiting", "active", "returned"})
"""States that owe something now; ``is_open`` in the ledger says the same."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an obligation stands: its lamp and the words that a clerk reads."""

    overdue: bool
    working_days_left: int | None
    days_overdue: int
    lamp: Lamp
    words: str


def standing(
    *,
    state: str,
    due_on: date | None,
    due_at: datetime | None,
    now: datetime,
    calendar: Calendar,
    lamps: LampPolicy,
    progress: Fraction | None = None,
) -> Standing:
    """How an obligation of this state and due stands at ``now``. 已报送 waits for review: not overdue.

    ``progress``: by the lamps' own basis, where they go by progress. A policy whose lamps burn until
    the item is closed (``until: closed``) still shows what a submitted one showed.
    """
    today = clock.day_of(now)
    done = state in {"closed", "submitted"}
    if state == "submitted" and lamps.until == "closed" and due_on is not None:
        left = days_left(calendar, due_on, due_at, now)
        lamp = lamps.show(left, done=False, progress=progress)
        return Standing(
            overdue=False,
            working_days_left=None,
            days_overdue=0,
            lamp=lamp,
            words=STATE_NAMES[state],
        )
    idle = (
        due_on is None
        or due_at is None
        or state in {"unstarted", "historic", "suspended", "cancelled", "merged"}
    )
    if idle or done:
        lamp = lamps.show(None, done=done)
        return Standing(
            overdue=False,
            working_days_left=None,
            days_overdue=0,
            lamp=lamp,
            words=STATE_NAMES[state],
        )
    assert due_on is not None
    assert due_at is not None
    overdue = now > due_at
    left = days_left(calendar, due_on, due_at, now)
    days_overdue = max((today - due_on).days, 0)
    return Standing(
        overdue=overdue,
        working_days_left=left,
        days_overdue=days_overdue,
        lamp=lamps.show(left, done=False, progress=progress),
        words=_words(overdue=overdue, today=today, due_on=due_on, due_at=due_at, left=left),
    )


def days_left(calendar: Calendar, due_on: date, due_at: datetime | None, now: datetime) -> int:
    """Working days left; negative once the due has passed, and then at least one."""
    today = clock.day_of(now)
    if due_at is not None and now > due_at:
        return -max(1, calendar.between(due_on, today))
    return calendar.between(today, due_on)


@dataclass(frozen=True, slots=True)
class Course:
    """What the schedule of an obligation is measured by: where it begins, and its milestones' days."""

    starts_on: date
    milestones: tuple[date, ...] = ()

    def progress(
        self, lamps: LampPolicy, percent: int | None, due_on: date | None, day: date
    ) -> Fraction | None:
        """How far it is behind, or how much of the schedule it reached; None where lamps go by days."""
        if lamps.by_days or due_on is None:
            return None
        planned = planned_percent(lamps.schedule, self.starts_on, due_on, day, self.milestones)
        return lamps.progress(percent, planned)


def _words(*, overdue: bool, today: date, due_on: date, due_at: datetime, left: int) -> str:
    if overdue:
        days = (today - due_on).days
        return f"逾期{days}天" if days else "今天已过时限"
    if due_on == today:
        ends = clock.local(due_at)
        return "今天到期" if ends.hour == 23 else f"今天{ends:%H:%M}前"
    return f"还剩{left}个工作日" if left else "休息日内到期"


def chinese_day(day: date) -> str:
    """A date as papers write it: 2026年11月22日."""
    return f"{day.year}年{day.month}月{day.day}日"


WEEKDAYS = "一二三四五六日"


def chinese_day_week(day: date) -> str:
    """A date with its weekday: 11月22日（周日）."""
    return f"{day.month}月{day.day}日（周{WEEKDAYS[day.weekday()]}）"
