"""Works out the dashboard from rows: tiles, groups, heat map, the next days. Pure.

Shares are whole percents, rounded down: 100 means all of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from duban import clock
from duban.lamps import Lamp
from duban.ledger.queries import Row
from duban.matrix.model import Unit
from duban.portal.items import Item

NEXT_DAYS = 14


@dataclass(slots=True)
class Cell:
    """How many things fell due in a month and how many of them came in time."""

    due: int = 0
    in_time: int = 0

    @property
    def share(self) -> int | None:
        """Percent in time, rounded down; None when nothing was due."""
        return None if not self.due else 100 * self.in_time // self.due

    @property
    def step(self) -> str:
        """The shade of the cell: the darker, the more came late."""
        share = self.share
        if share is None:
            return "none"
        return next(name for floor, name in SHADES if share >= floor)

    def add(self, *, in_time: bool) -> None:
        """Count one more."""
        self.due += 1
        self.in_time += in_time


SHADES = ((100, "s0"), (90, "s1"), (80, "s2"), (60, "s3"), (40, "s4"), (0, "s5"))
SHADE_WORDS = (
    ("s0", "100"),
    ("s1", "90–99"),
    ("s2", "80–89"),
    ("s3", "60–79"),
    ("s4", "40–59"),
    ("s5", "不足40"),
    ("none", "无事项"),
)


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A unit's months."""

    unit: Unit
    cells: tuple[Cell, ...]
    year: Cell


def counted(rows: Iterable[Row], now: datetime) -> Iterable[tuple[str, date, bool]]:
    """(unit, day counted, in time) of what can be judged: it came in, or its time is up."""
    for row in rows:
        day, came = row["counted_on"], row["submitted_at"]
        if came is not None:
            yield row["unit"], day, row["missed_at"] is None and clock.day_of(came) <= day
        elif row["due_at"] < now or clock.end_of(day) < now:
            yield row["unit"], day, False


def heat(rows: Iterable[Row], units: Sequence[Unit], year: int, now: datetime) -> list[HeatRow]:
    """Unit × month of a year, for units that owed something in it."""
    table: dict[str, list[Cell]] = defaultdict(lambda: [Cell() for _ in range(12)])
    for unit, day, in_time in counted(rows, now):
        if day.year == year:
            table[unit][day.month - 1].add(in_time=in_time)
    return [
        HeatRow(unit, tuple(table[unit.id]), _sum(table[unit.id]))
        for unit in units
        if unit.id in table
    ]


def _sum(cells: Iterable[Cell]) -> Cell:
    total = Cell()
    for cell in cells:
        total.due += cell.due
        total.in_time += cell.in_time
    return total


def month_cell(rows: Sequence[HeatRow], month: int) -> Cell:
    """All units together in a month."""
    return _sum(row.cells[month - 1] for row in rows)


@dataclass(slots=True)
class GroupLamps:
    """A group of units: its open items by lamp, and how much it has finished."""

    name: str
    lamps: Counter[Lamp] = field(default_factory=Counter)
    units: set[str] = field(default_factory=set)

    @property
    def open(self) -> int:
        """Items that owe something now."""
        return sum(self.lamps.values())


def groups(items: Iterable[Item], units: Mapping[str, Unit]) -> list[GroupLamps]:
    """Open items by assessment group and lamp, in the order of the directory."""
    found: dict[str, GroupLamps] = {}
    for unit in units.values():
        found.setdefault(unit.group, GroupLamps(unit.group))
    for item in items:
        unit_id = item.row["unit"]
        group = found.setdefault(units[unit_id].group if unit_id in units else "", GroupLamps(""))
        group.lamps[item.standing.lamp] += 1
        group.units.add(unit_id)
    return [group for group in found.values() if group.open]


def lamp_counts(items: Iterable[Item]) -> Counter[Lamp]:
    """Items by lamp."""
    return Counter(item.standing.lamp for item in items)


@dataclass(frozen=True, slots=True)
class Day:
    """A day to come and what falls due on it."""

    day: date
    items: tuple[Item, ...]
    works: bool


def next_days(items: Sequence[Item], today: date, is_workday: Mapping[date, bool]) -> list[Day]:
    """The days of the next two weeks on which something falls due."""
    last = today + timedelta(days=NEXT_DAYS)
    by_day: dict[date, list[Item]] = defaultdict(list)
    for item in items:
        due_on = item.row["due_on"]
        if due_on is not None and today <= due_on <= last and not item.standing.overdue:
            by_day[due_on].append(item)
    return [Day(day, tuple(by_day[day]), is_workday.get(day, True)) for day in sorted(by_day)]


def laggards(items: Iterable[Item]) -> list[Item]:
    """Overdue items, the longest first."""
    late = [item for item in items if item.standing.overdue]
    return sorted(late, key=lambda item: (-item.standing.days_overdue, item.unit_name, item.key))


def by_unit(items: Iterable[Item]) -> list[tuple[str, str, tuple[Item, ...]]]:
    """(unit id, unit name, items), the unit with most items first."""
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.row["unit"]].append(item)
    ordered = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [(unit, own[0].unit_name, tuple(own)) for unit, own in ordered]
