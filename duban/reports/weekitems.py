"""How each obligation stood at the moment of a digest: the pure questions that its lists and counts ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from duban import clock
from duban.lamps import LampPolicy
from duban.ledger.figures import Duty
from duban.reports import week
from duban.reports.periods import Period
from duban.status import OPEN_STATES, Standing, standing
from duban.workdays import Calendar

IDLE = frozenset({"suspended", "unstarted"})


@dataclass(frozen=True, slots=True)
class Rules:
    """The office's policies that a digest is made by, in the office's own order."""

    calendar: Calendar
    lamps: LampPolicy
    steps: tuple[str, ...]  # ids of the ladder, mildest first
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A duty as it was known at the moment of the digest, with how it stood then."""

    duty: Duty
    how: Standing

    @property
    def open(self) -> bool:
        """Whether it owes something now."""
        return self.duty.state in OPEN_STATES


def item_of(duty: Duty, as_of: datetime, rules: Rules) -> Item:
    """The duty as known at ``as_of``, with how it stood then."""
    known = as_known(duty, as_of)
    how = standing(
        state=known.state,
        due_on=known.due_on,
        due_at=known.due_at,
        now=as_of,
        calendar=rules.calendar,
        lamps=rules.lamps,
    )
    return Item(known, how)


def as_known(duty: Duty, as_of: datetime) -> Duty:
    """The duty without what came in after ``as_of``: a digest made late says what it would have said."""
    if duty.submitted_at is not None and duty.submitted_at > as_of:
        return replace(
            duty, state="active", submitted_at=None, closed_at=None, late=None, returned=0
        )
    if duty.closed_at is not None and duty.closed_at > as_of:
        return replace(duty, state="submitted", closed_at=None)
    return duty


def is_current(item: Item, as_of: datetime) -> bool:
    """Begun, due or done. A report whose period has not opened is not asked for yet and not counted."""
    opens_on = item.duty.opens_on
    return opens_on is None or opens_on <= clock.day_of(as_of) or not item.open


def fell_due_at(duty: Duty) -> datetime | None:
    """The moment that decides on time or late: a return gives more days but not another due."""
    if duty.state in IDLE or duty.due_at is None:
        return None
    if duty.returned and not duty.extended and duty.original_due_on not in {None, duty.due_on}:
        assert duty.original_due_on is not None
        return clock.end_of(duty.original_due_on)
    return duty.due_at


def is_late(duty: Duty, fell_due: datetime) -> bool:
    """Whether the answer came after that moment, by the stamp set when it came in."""
    answered = duty.submitted_at or duty.closed_at
    return answered is not None and (answered > fell_due if duty.late is None else duty.late)


def is_answered(duty: Duty) -> bool:
    """Whether it was ever reported or closed; a return later does not undo that."""
    return duty.submitted_at is not None or duty.closed_at is not None


def overdue_at(duty: Duty, moment: datetime) -> bool:
    """Whether it stood open past its due at an earlier moment."""
    if duty.state in IDLE or duty.due_at is None or duty.due_at >= moment:
        return False
    answered = duty.submitted_at or duty.closed_at
    return answered is None or answered > moment or duty.state == "returned"


def in_time(duty: Duty) -> bool:
    """Whether it fell due at all and was answered in time."""
    fell_due = fell_due_at(duty)
    return fell_due is not None and is_answered(duty) and not is_late(duty, fell_due)


def count_closed(items: Iterable[Item]) -> int:
    """How many are closed (销号)."""
    return sum(item.duty.state == "closed" for item in items)


def span(period: Period) -> tuple[datetime, datetime]:
    """A period's first moment, and the first moment after it."""
    return clock.at(period.from_on), clock.at(period.to_on + timedelta(days=1))


def within(moment: datetime | None, since: datetime, until: datetime) -> bool:
    """Whether a moment lies in [since, until)."""
    return moment is not None and since <= moment < until


def due_this_period(frame: week.Frame, item: Item) -> bool:
    """Whether it fell due in the digest's period, as far as that has passed."""
    since, until = span(frame.period)
    return within(fell_due_at(item.duty), since, min(until, frame.as_of))
