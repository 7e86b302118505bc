"""Gathers what the dashboard shows, as of a moment and for a scope; the same for the page and its exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated

from fastapi import Depends

from duban.ledger import boardviews, ladder, queries, views
from duban.ledger.queries import Row
from duban.ledger.views import Reader
from duban.matrix.model import Unit
from duban.office import Office
from duban.portal import board
from duban.portal.items import Item, plain_items, unit_name
from duban.portal.seen import Scope, Seen, known
from duban.portal.state import Portal
from duban.workdays import add_months

STEPS_SHOWN = ("waiting", "confirmed", "softened", "taken")


@dataclass(frozen=True, slots=True)
class Show:
    """How the heat map is asked for. ``year``: 2026, or ``all``; ``view``: lamp or rate."""

    year: str = ""
    view: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        """As the parameters of an address."""
        return asdict(self)

    @property
    def by_rate(self) -> bool:
        """Whether shares are shown instead of lamps."""
        return self.view == "rate"


Wanted = Annotated[Show, Depends(Show)]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows of the dashboard, read in one transaction, and what was worked out from them."""

    columns: tuple[board.Month, ...]
    heat: tuple[board.HeatRow, ...]
    items: tuple[Item, ...]
    late: tuple[Item, ...]
    reasons: Mapping[str, str]
    steps: Mapping[str, Row]
    month: board.Cell
    spans: Sequence[Row]
    states: Mapping[str, int]
    historic: int


def in_order(office: Office) -> list[Unit]:
    """Units in the order of their groups, as the directory has them."""
    units = list(office.matrix.directory.units.values())
    order = {group: n for n, group in enumerate(dict.fromkeys(unit.group for unit in units))}
    return sorted(units, key=lambda unit: order[unit.group])


def span(office: Office, show: Show, today: date) -> tuple[str, date, date]:
    """The year shown (or ``all``) with its first and last day, kept within the plan's term."""
    plan = office.matrix.plan
    if show.year == "all":
        return "all", plan.starts_on, plan.ends_on
    year = int(show.year) if show.year.isdigit() and len(show.year) == 4 else today.year
    year = min(max(year, plan.starts_on.year), plan.ends_on.year)
    return str(year), date(year, 1, 1), date(year, 12, 31)


def gather(portal: Portal, seen: Seen, scope: Scope, show: Show) -> Gathered:
    """Everything the dashboard shows; the number of statements does not grow with the ledger."""
    office, today = portal.office, seen.today
    _, first, last = span(office, show, today)
    with known(portal, seen) as conn:
        rows = [row for row in views.open_rows(conn, today) if scope.holds(row["unit"])]
        items = tuple(plain_items(office, rows, seen.now))
        late = tuple(board.laggards(items))
        stated = views.stated_problems(conn, [item.key for item in late])
        columns = board.months(first, last, boardviews.recorded_months(conn), today)
        found = _due(conn, show, columns, today, scope)
        heat = _heat(office, conn, found, columns, seen=seen, scope=scope, by_rate=show.by_rate)
        steps = ladder.proposals(conn, states=STEPS_SHOWN)
        return Gathered(
            columns=columns,
            heat=heat,
            items=items,
            late=late,
            reasons={item.key: board.reason(item, stated) for item in late},
            steps=_newest(steps),
            month=board.month_cell(found, today, seen.now),
            spans=boardviews.task_spans(conn),
            states=views.totals(conn),
            historic=views.historic(conn),
        )


def _due(
    conn: Reader, show: Show, columns: Sequence[board.Month], today: date, scope: Scope
) -> list[Row]:
    """What fell due in the months shown (by share), and in the present month (the tile)."""
    first = today.replace(day=1)
    last = add_months(first, 1)
    if show.by_rate:
        first = min(first, columns[0].first)
        last = max(last, add_months(columns[-1].first, 1))
    return [row for row in views.came_due(conn, first, last) if scope.holds(row["unit"])]


def _heat(
    office: Office,
    conn: Reader,
    due: Sequence[Row],
    columns: Sequence[board.Month],
    *,
    seen: Seen,
    scope: Scope,
    by_rate: bool,
) -> tuple[board.HeatRow, ...]:
    units = [unit for unit in in_order(office) if scope.holds(unit.id)]
    if by_rate:
        return tuple(board.rate_heat(due, units, columns, seen.now))
    recorded = boardviews.month_lamps(conn, columns[0].key, columns[-1].key)
    running: list[Item] = []
    if any(each.kind == "now" for each in columns):
        running = running_items(office, conn, seen)
    return tuple(board.lamp_heat(recorded, running, units, columns))


def running_items(office: Office, conn: Reader, seen: Seen) -> list[Item]:
    """What runs in the present month up to today, as it stands; the same choice as the record makes."""
    rows = boardviews.running(conn, seen.today.replace(day=1), seen.today)
    units = office.matrix.directory.units
    mine = [row for row in rows if row["unit"] in units and units[row["unit"]].kind.supervised]
    return plain_items(office, mine, seen.now)


def _newest(rows: Sequence[Row]) -> dict[str, Row]:
    """Obligation to its newest step; rows come newest first."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row["obligation"], row)
    return found


def newest_steps(conn: Reader) -> dict[str, Row]:
    """Obligation to the newest step of its ladder that was raised."""
    return _newest(ladder.proposals(conn, states=STEPS_SHOWN))


def task_names(office: Office) -> dict[str, tuple[str, str]]:
    """Task to its title and the short name of its first lead."""
    return {
        task.id: (task.title, unit_name(office, task.lead[0]) if task.lead else "")
        for task in office.matrix.plan.tasks
    }


def papers(portal: Portal) -> tuple[Row | None, Row | None]:
    """The newest digest and the newest run."""
    with portal.ledger.read() as conn:
        digests, runs = queries.digests(conn, 1), queries.runs(conn, 1)
    return (digests[0] if digests else None), (runs[0] if runs else None)
