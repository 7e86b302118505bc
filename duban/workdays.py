"""Working days by the State Council's yearly notices, with make-up days (调休). Pure but for the loader.

A loaded year is exactly what its notice says. A year whose notice is not out follows the principle
rule of the November 2024 revision (春节自除夕起 8 天、劳动节 5 天、国庆 7 天，其余与周末连休，逢周三只休
当日); its make-up weekends cannot be guessed, so everything computed there is provisional (暂定).
"""

from __future__ import annotations

import hashlib
import re
from array import array
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, compress
from pathlib import Path

from duban.errors import Issues, Place
from duban.yamltext import Row, Text, read_date, read_rows

SATURDAY = 6
FIRST_DAY = date(1990, 1, 1)  # a Monday, so that the plain weeks below begin in step
LAST_DAY = date(2119, 12, 31)
PRINCIPLE_FROM = 2025  # the revised rule holds from 2025; earlier unloaded years know weekends only

# 春节（正月初一）、清明、端午、中秋. Computed from new moons and solar longitude on Beijing time; the
# same computation gives the dates of the notices for 2024–2026. 2027 and 2030 have new moons within
# minutes of midnight, which is why other countries' calendars may differ by a day.
FESTIVALS: Mapping[int, tuple[date, date, date, date]] = {
    2025: (date(2025, 1, 29), date(2025, 4, 4), date(2025, 5, 31), date(2025, 10, 6)),
    2026: (date(2026, 2, 17), date(2026, 4, 5), date(2026, 6, 19), date(2026, 9, 25)),
    2027: (date(2027, 2, 6), date(2027, 4, 5), date(2027, 6, 9), date(2027, 9, 15)),
    2028: (date(2028, 1, 26), date(2028, 4, 4), date(2028, 5, 28), date(2028, 10, 3)),
    2029: (date(2029, 2, 13), date(2029, 4, 4), date(2029, 6, 16), date(2029, 9, 22)),
    2030: (date(2030, 2, 3), date(2030, 4, 5), date(2030, 6, 5), date(2030, 9, 12)),
}


@dataclass(frozen=True, slots=True)
class YearDays:
    """One year's notice: ``off`` are rest days, ``work`` are weekend days that are worked (调休)."""

    year: int
    notice: str
    off: frozenset[date]
    work: frozenset[date]


class Calendar:
    """Answers in constant time from one table of running working-day counts."""

    def __init__(self, years: Iterable[YearDays]) -> None:
        loaded = sorted(years, key=lambda year: year.year)
        self.years: Mapping[int, YearDays] = {year.year: year for year in loaded}
        self.version: str = _version(loaded)
        flags = _plain_weeks()
        for year in range(PRINCIPLE_FROM, LAST_DAY.year + 1):
            if year not in self.years:
                _set(flags, (day for day in principle_rest(year) if day.year == year), 0)
        for notice in loaded:
            _set(flags, notice.off, 0)
            _set(flags, notice.work, 1)
        self._flags = flags
        self._running = array("l", accumulate(flags))
        self._workdays = array("l", compress(range(len(flags)), flags))

    def is_workday(self, day: date) -> bool:
        """Whether offices work on that day."""
        return bool(self._flags[_index(day)])

    def is_provisional(self, day: date) -> bool:
        """Whether that year's notice is not loaded, so that the answer may still change."""
        return day.year not in self.years

    def add(self, day: date, working_days: int) -> date:
        """The N-th working day after ``day`` (not counted), or before it when negative.

        Raises ValueError beyond the table (1990–2119).
        """
        if working_days == 0:
            return day
        index = _index(day)
        if working_days > 0:
            rank = self._running[index] + working_days - 1
        else:
            rank = self._running[index] - self._flags[index] + working_days
        if not 0 <= rank < len(self._workdays):
            raise ValueError(_BEYOND)
        return FIRST_DAY + timedelta(self._workdays[rank])

    def between(self, start: date, end: date) -> int:
        """Working days after ``start`` up to and with ``end``; negative when ``end`` is earlier."""
        return int(self._running[_index(end)] - self._running[_index(start)])

    def roll(self, day: date) -> date:
        """The day itself, or the first working day after a holiday (民法典第二百零三条)."""
        return day if self.is_workday(day) else self.add(day, 1)

    def roll_back(self, day: date) -> date:
        """The day itself, or the last working day before a holiday."""
        return day if self.is_workday(day) else self.add(day, -1)

    def next_workday(self, day: date) -> date:
        """The first working day strictly after ``day``."""
        return self.add(day, 1)

    def missing_year_warning(self, today: date) -> str | None:
        """A sentence when this year, or from 1 November the next, has no notice loaded."""
        wanted = [today.year] + ([today.year + 1] if today.month >= 11 else [])
        missing = [str(year) for year in wanted if year not in self.years]
        if not missing:
            return None
        years = "、".join(missing)
        return (
            f"config/calendar.yaml 里还没有 {years} 年的放假安排，{years} 年的工作日均按放假原则推算，"
            f"属暂定。国务院办公厅的通知一般在上一年十一月前后印发，印发后请把放假日和调休上班日补进 config/calendar.yaml。"
        )


def add_months(day: date, months: int) -> date:
    """The matching day N months on, or that month's last day (民法典第二百零二条)."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))


def principle_rest(year: int) -> frozenset[date]:
    """Rest days of a year by the principle of the November 2024 revision, beside plain weekends.

    Lunar festivals are known for the years of ``FESTIVALS``; other years get only 元旦, 劳动节, 国庆.
    """
    rest = set(_joined(date(year, 1, 1))) | set(_joined(date(year + 1, 1, 1)))
    rest |= set(_days(date(year, 5, 1), 5))
    national = 7
    if year in FESTIVALS:
        spring, qingming, dragon_boat, mid_autumn = FESTIVALS[year]
        rest |= set(_days(spring - timedelta(1), 8)) | set(_joined(qingming))
        rest |= set(_joined(dragon_boat))
        if date(year, 10, 1) <= mid_autumn <= date(year, 10, 8):
            national = 8
        else:
            rest |= set(_joined(mid_autumn))
    return frozenset(rest | set(_days(date(year, 10, 1), national)))


def _joined(festival: date) -> Iterator[date]:
    """A one-day festival joined with its weekend to three days; alone on a Wednesday."""
    first_by_weekday = {1: -2, 2: -2, 3: 0, 4: 0, 5: 0, 6: 0, 7: -1}
    weekday = festival.isoweekday()
    yield from _days(festival + timedelta(first_by_weekday[weekday]), 1 if weekday == 3 else 3)


def _days(first: date, count: int) -> Iterator[date]:
    return (first + timedelta(step) for step in range(count))


def _plain_weeks() -> bytearray:
    days = (LAST_DAY - FIRST_DAY).days + 1
    return bytearray((b"\1\1\1\1\1\0\0" * (days // 7 + 1))[:days])


def _set(flags: bytearray, days: Iterable[date], value: int) -> None:
    for day in days:
        flags[_index(day)] = value


def _index(day: date) -> int:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(_BEYOND)
    return (day - FIRST_DAY).days


_BEYOND = f"工作日只能在 {FIRST_DAY.year}—{LAST_DAY.year} 年之间推算。"


def _version(years: Iterable[YearDays]) -> str:
    """A short hash of what was loaded; the notice's number is a label and does not count."""
    lines = (
        f"{year.year} off {sorted(year.off)} work {sorted(year.work)}"
        for year in sorted(years, key=lambda year: year.year)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def load_calendar(path: Path, shown_as: str, issues: Issues) -> Calendar:
    """Read ``config/calendar.yaml``; mistakes go to ``issues`` and the readable years are kept."""
    top = read_rows(path, shown_as, issues)
    found: dict[int, YearDays] = {}
    if top is not None:
        for row in top.rows("years"):
            year = _read_year(row, found, issues)
            if year is not None:
                found[year.year] = year
        top.close()
    return Calendar(found.values())


def _read_year(row: Row, found: Mapping[int, YearDays], issues: Issues) -> YearDays | None:
    place = row.place_of("year")
    year = row.integer("year")
    notice = row.text("notice", required=True)
    off_texts, work_texts = row.texts("off"), row.texts("work")
    row.close()
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        issues.error(
            "calendar-year",
            place,
            f"年份“{year}”读不懂。",
            f"写成“year: 2027”，须在 {FIRST_DAY.year}—{LAST_DAY.year} 之间。",
        )
        return None
    if year in found:
        issues.error("calendar-year", place, f"{year} 年写了两次。", "两处合为一处。")
        return None
    reader = _DayReader(year, issues)
    off = reader.days(off_texts, "off")
    work = reader.days(work_texts, "work")
    if not off_texts:
        issues.error(
            "calendar-empty",
            place,
            f"{year} 年没有写放假日。",
            "照国务院办公厅通知补上“off: [...]”；通知未印发时整段删去，系统按原则推算并标暂定。",
        )
        return None
    return YearDays(year, notice, frozenset(off), frozenset(work))


_RANGE = re.compile(r"([0-9-]+)(?:/([0-9-]+))?")


class _DayReader:
    """Reads the days of one year's lists, refusing a day that was already written."""

    def __init__(self, year: int, issues: Issues) -> None:
        self._year = year
        self._issues = issues
        self._seen: dict[date, Place] = {}

    def days(self, texts: Iterable[Text], key: str) -> set[date]:
        """All acceptable days of a list."""
        found: set[date] = set()
        for text in texts:
            span = self._span(text)
            if span is not None:
                found.update(day for day in span if self._accept(day, key, text.place))
        return found

    def _span(self, text: Text) -> list[date] | None:
        match = _RANGE.fullmatch(text.raw.strip())
        first = read_date(match[1]) if match else None
        last = read_date(match[2]) if match and match[2] else first
        if first is None or last is None:
            self._error(
                text.place,
                f"“{text.raw}”不是日期。",
                "写成 2026-10-01，或一段 2026-10-01/2026-10-07；须是日历上有的日子。",
            )
            return None
        if last < first:
            self._error(
                text.place, f"“{text.raw}”的终点早于起点。", "把两个日期对调，或改正写错的一个。"
            )
            return None
        outside = [day for day in (first, last) if day.year != self._year]
        if outside:
            self._error(
                text.place,
                f"“{text.raw}”不在 {self._year} 年内。",
                f"改正年份，或移到 {outside[0].year} 年下面。",
            )
            return None
        return [first + timedelta(step) for step in range((last - first).days + 1)]

    def _accept(self, day: date, key: str, place: Place) -> bool:
        if day in self._seen:
            self._error(
                place,
                f"{day} 写了两次（前一次在第 {self._seen[day].line} 行）。",
                "删去一个；同一天不能既放假又上班。",
            )
            return False
        self._seen[day] = place
        if key == "work" and day.isoweekday() < SATURDAY:
            self._error(
                place,
                f"{day} 是{_WEEKDAYS[day.isoweekday() - 1]}，本来就上班，不是调休上班日。",
                "“work”只写周六、周日的上班日；核对日期是否写错。",
            )
            return False
        return True

    def _error(self, place: Place, message: str, way_out: str) -> None:
        self._issues.error("calendar-day", place, message, way_out)


_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
