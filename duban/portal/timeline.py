"""What falls due: the next days, and every task on a line from its opening to its last due. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from duban.lamps import COLOURS, Lamp
from duban.ledger.queries import Row
from duban.portal.items import Item
from duban.workdays import add_months

NEXT_DAYS = 14


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


@dataclass(frozen=True, slots=True)
class Bar:
    """A task on the timeline. Places are thousandths of its width; ``next_on``: what falls due next."""

    task: str
    title: str
    lead: str
    left: int
    width: int
    number: int
    done: int
    lamp: Lamp
    ends_on: date | None
    next_on: date | None
    next_at: int | None
    late: int

    @property
    def percent(self) -> int:
        """How many of its items are closed, in whole percents."""
        return 100 * self.done // self.number if self.number else 0


@dataclass(frozen=True, slots=True)
class Axis:
    """The days that the timeline spans."""

    first: date
    last: date

    def place(self, day: date) -> int:
        """Where a day stands, in thousandths."""
        span = max((self.last - self.first).days, 1)
        return min(max(1000 * (day - self.first).days // span, 0), 1000)

    @property
    def quarters(self) -> list[tuple[int, date]]:
        """Where each quarter begins."""
        month = self.first.replace(day=1)
        month = month.replace(month=(month.month - 1) // 3 * 3 + 1)
        found = []
        while month <= self.last:
            if month >= self.first:
                found.append((self.place(month), month))
            month = add_months(month, 3)
        return found


def bars(
    spans: Iterable[Row],
    items: Iterable[Item],
    names: Mapping[str, tuple[str, str]],
    axis: Axis,
    today: date,
) -> list[Bar]:
    """Tasks that still owe something, the most urgent first. ``names``: task to title and first lead."""
    open_items: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        open_items[item.row["task"]].append(item)
    found = [
        _bar(span, open_items[span["task"]], names.get(span["task"], ("", "")), axis, today)
        for span in spans
        if open_items.get(span["task"])
    ]
    return sorted(
        found,
        key=lambda bar: (COLOURS.index(bar.lamp.colour), bar.next_on or date.max, bar.task),
    )


def _bar(span: Row, items: list[Item], name: tuple[str, str], axis: Axis, today: date) -> Bar:
    begins = axis.place(span["opens_on"] or axis.first)
    ends = axis.place(span["due_on"] or axis.last)
    worst = min(items, key=lambda item: COLOURS.index(item.standing.lamp.colour))
    ahead = [i.row["due_on"] for i in items if i.row["due_on"] and i.row["due_on"] >= today]
    next_on = min(ahead, default=None)
    return Bar(
        task=span["task"],
        title=name[0] or items[0].row["title"],
        lead=name[1],
        left=begins,
        width=max(ends - begins, 6),
        number=int(span["number"]),
        done=int(span["done"]),
        lamp=worst.standing.lamp,
        ends_on=span["due_on"],
        next_on=next_on,
        next_at=None if next_on is None else axis.place(next_on),
        late=sum(item.standing.overdue for item in items),
    )
