"""The only module that reads the clock; everything else is told ``now``.

Times are aware. They are kept in UTC and shown in Asia/Shanghai, which has had no daylight
saving since 1991, so a fixed offset is exact for every date this software can meet.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

Clock = Callable[[], datetime]


def now() -> datetime:
    """This moment, aware, in Asia/Shanghai."""
    return datetime.now(SHANGHAI)  # noqa: TID251 - this is the one place that may ask


def local(moment: datetime) -> datetime:
    """The same moment on a clock in Asia/Shanghai. Refuses a naive datetime."""
    if moment.tzinfo is None:
        msg = f"naive datetime {moment!r}: every moment must carry its zone"
        raise ValueError(msg)
    return moment.astimezone(SHANGHAI)


def day_of(moment: datetime) -> date:
    """The calendar day of a moment in Asia/Shanghai."""
    return local(moment).date()


def at(day: date, clock_time: time = time(0, 0)) -> datetime:
    """The moment of a day and a wall-clock time in Asia/Shanghai."""
    return datetime.combine(day, clock_time, SHANGHAI)


def end_of(day: date) -> datetime:
    """The last second of a day in Asia/Shanghai: what arrives by then is in time."""
    return at(day, time(23, 59, 59))


def stamp(moment: datetime) -> str:
    """Fixed-width UTC text of a moment (``2026-11-22T00:30:00.000000Z``); sorts as time does."""
    return local(moment).astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def parse_stamp(text: str) -> datetime:
    """The moment written by ``stamp``, in Asia/Shanghai."""
    return datetime.fromisoformat(text).astimezone(SHANGHAI)
