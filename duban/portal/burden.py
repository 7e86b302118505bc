"""The burden meter: how often each unit was asked, what that may have cost, and who asks most. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from duban import clock
from duban.board_settings import Board
from duban.ledger.queries import Row
from duban.matrix.model import Unit


@dataclass(frozen=True, slots=True)
class Asks:
    """So many reports asked of a unit in a month; minutes are an estimate by the office's setting."""

    number: int
    minutes: int
    over: bool


@dataclass(frozen=True, slots=True)
class UnitAsks:
    """A unit's months."""

    unit: Unit
    months: tuple[Asks, ...]
    whole: Asks

    @property
    def over(self) -> int:
        """Months above a limit."""
        return sum(each.over for each in self.months)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the lead of the tasks that ask, or one task."""

    id: str
    name: str
    number: int
    units: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Burden:
    """All that the page of the burden shows."""

    rows: tuple[UnitAsks, ...]
    leads: tuple[Asker, ...]
    tasks: tuple[Asker, ...]
    number: int
    minutes: int

    @property
    def over(self) -> tuple[UnitAsks, ...]:
        """Units with a month above a limit."""
        return tuple(row for row in self.rows if row.over)


def burden(
    asked: Sequence[Row],
    units: Sequence[Unit],
    months: Sequence[str],
    leads: Mapping[str, tuple[str, str]],
    limits: Board,
) -> Burden:
    """Asks by unit and month (``2026-03``). ``leads``: task to its lead's id and name."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for row in asked:
        table[row["unit"]][f"{clock.day_of(row['requested_at']):%Y-%m}"] += 1
    rows = [_unit(unit, table[unit.id], months, limits) for unit in units if table.get(unit.id)]
    return Burden(
        rows=tuple(sorted(rows, key=lambda row: -row.whole.number)),
        leads=_askers((leads.get(row["task"], ("", "")), row) for row in asked),
        tasks=_askers(((row["task"], row["title"]), row) for row in asked),
        number=len(asked),
        minutes=len(asked) * limits.minutes_per_ask,
    )


def _unit(unit: Unit, by_month: Counter[str], months: Sequence[str], limits: Board) -> UnitAsks:
    cells = tuple(_asks(by_month[month], limits) for month in months)
    number = sum(cell.number for cell in cells)
    return UnitAsks(unit, cells, Asks(number, number * limits.minutes_per_ask, over=False))


def _asks(number: int, limits: Board) -> Asks:
    minutes = number * limits.minutes_per_ask
    over = number > limits.asks_per_month or minutes > limits.minutes_per_month
    return Asks(number, minutes, over)


def _askers(found: Iterable[tuple[tuple[str, str], Row]]) -> tuple[Asker, ...]:
    rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for who, row in found:
        rows[who].append(row)
    askers = [
        Asker(
            key,
            name or "（未列牵头单位）",
            len(own),
            len({row["unit"] for row in own}),
            len({row["task"] for row in own}),
        )
        for (key, name), own in rows.items()
    ]
    return tuple(sorted(askers, key=lambda each: (-each.number, each.id)))
