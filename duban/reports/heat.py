"""Units by month, and the lamps of closed months: what the drawings of a digest are made from. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from duban.lamps import LampPolicy
from duban.ledger.figures import Lit
from duban.reports import week
from duban.reports.weekitems import Item, fell_due_at, in_time

MONTHS = 6


def heat_of(frame: week.Frame, items: Iterable[Item], groups: Sequence[str]) -> week.Heat:
    """Of what fell due in the last six months (up to ``as_of``): by unit, how much was not in time."""
    months = _months(frame)
    at = {month: n for n, month in enumerate(months)}
    cells: dict[tuple[str, str], list[list[int]]] = defaultdict(lambda: [[0, 0] for _ in months])
    for item in items:
        moment = fell_due_at(item.duty)
        n = at.get(f"{moment:%Y-%m}") if moment is not None else None
        if n is None or moment is None or moment >= frame.as_of:
            continue
        cell = cells[item.duty.group, item.duty.unit_name][n]
        cell[0] += 1
        cell[1] += not in_time(item.duty)
    order = {name: n for n, name in enumerate(groups)}
    ranked = sorted(cells, key=lambda key: (order.get(key[0], len(order)), key))
    rows = [
        week.HeatRow(unit, group, tuple((due, bad) for due, bad in cells[group, unit]))
        for group, unit in ranked
    ]
    return week.Heat(tuple(months), tuple(rows))


def _months(frame: week.Frame) -> list[str]:
    """The month in which the period ends and the five before."""
    day = frame.to_on.replace(day=1)
    found = []
    for _ in range(MONTHS):
        found.append(f"{day:%Y-%m}")
        day = (day - timedelta(days=1)).replace(day=1)
    return found[::-1]


def trend_of(lit: Iterable[Lit], policy: LampPolicy) -> tuple[week.LitMonth, ...]:
    """Lamps by closed month, oldest first; every month tells the same lamps in the same order."""
    counted: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for each in lit:
        counted[each.month][each.name, each.colour] += each.count
    known = [(lamp.name, lamp.colour) for lamp in policy.all]
    seen = {lamp for month in counted.values() for lamp in month}
    shown = [lamp for lamp in dict.fromkeys([*known, *sorted(seen)]) if lamp in seen]
    return tuple(
        week.LitMonth(month, tuple((*lamp, counted[month][lamp]) for lamp in shown))
        for month in sorted(counted)
    )
