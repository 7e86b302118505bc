"""Puts together what pages show of obligations: the row, how it stands, its task and its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from duban import clock
from duban.ledger import queries, requests, views
from duban.ledger.queries import Row
from duban.ledger.transitions import FINISHES
from duban.ledger.views import Reader
from duban.matrix.model import Indicator, Task
from duban.office import Office
from duban.status import Standing, standing

HEADINGS = ("已逾期", "今天到期", "本周到期", "以后到期")
LATER_DAYS = 45
"""Items due after so many days are listed in one line each, without a form."""
FORMS_ON_PAGE = 12
"""So many forms stand on one page; the others are one tap away, and the page stays small."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A number that is asked for: what it is, its last value and when, and the target of the year."""

    indicator: Indicator
    last: str | None
    last_at: datetime | None
    target: Decimal | None
    target_year: int


@dataclass(frozen=True, slots=True)
class Item:
    """An obligation as a page shows it."""

    row: Row
    standing: Standing
    task: Task | None
    unit_name: str
    asked: tuple[Asked, ...] = ()
    returned: Row | None = None
    rank: int = 3
    request: Row | None = None  # what the unit asked of the office and waits for
    extensions: int = 1  # so often may it be put off

    @property
    def key(self) -> str:
        """The obligation's key."""
        return str(self.row["key"])

    @property
    def needs_percent(self) -> bool:
        """Whether a report must say how far it is."""
        return self.row["kind"] in FINISHES

    @property
    def may_extend(self) -> bool:
        """Whether an extension can still be asked for: in time, within the bound, nothing waiting."""
        in_time = self.row["due_on"] is not None and not self.standing.overdue
        left = self.row["extended"] < self.extensions and self.request is None
        return in_time and left and bool(self.row["is_open"])


def unit_name(office: Office, unit: str) -> str:
    """The short name of a unit; its id when it is no longer in the directory."""
    found = office.matrix.directory.units.get(unit)
    return (found.short or found.name) if found else unit


def stand(office: Office, row: Row, now: datetime) -> Standing:
    """How an obligation stands at ``now``."""
    return standing(
        state=row["state"],
        due_on=row["due_on"],
        due_at=row["due_at"],
        now=now,
        calendar=office.calendar,
        lamps=office.lamps,
        progress=office.course(row["task"], row["opens_on"]).progress(
            office.lamps, row["percent"], row["due_on"], clock.day_of(now)
        ),
    )


def plain_items(office: Office, rows: Iterable[Row], now: datetime) -> list[Item]:
    """Items for lists: without numbers and returns."""
    tasks = office.matrix.tasks_by_id
    today = clock.day_of(now)
    return [
        Item(
            row,
            (standing := stand(office, row, now)),
            tasks.get(row["task"]),
            unit_name(office, row["unit"]),
            rank=_rank(row["due_on"], today, overdue=standing.overdue),
        )
        for row in rows
    ]


def _rank(due_on: date | None, today: date, *, overdue: bool) -> int:
    """Which heading an item belongs under; weeks end on Sunday, no due comes last."""
    if due_on is None:
        return 3
    if overdue:
        return 0
    if due_on <= today:
        return 1
    return 2 if due_on <= today + timedelta(days=6 - today.weekday()) else 3


def full_items(
    office: Office, conn: Reader, unit: str, rows: Sequence[Row], now: datetime
) -> list[Item]:
    """Items with everything their form needs."""
    figures = queries.last_figures(conn, unit)
    asked = {row["obligation"]: row for row in requests.waiting(conn, unit=unit)}
    returns = views.last_returns(conn, [row["key"] for row in rows if row["state"] == "returned"])
    return [
        Item(
            item.row,
            item.standing,
            item.task,
            item.unit_name,
            _asked(office, item, unit, figures),
            returns.get(item.key),
            item.rank,
            asked.get(item.key),
            office.settings.extensions_at_most,
        )
        for item in plain_items(office, rows, now)
    ]


def _asked(
    office: Office, item: Item, unit: str, figures: Mapping[tuple[str, str], tuple[str, datetime]]
) -> tuple[Asked, ...]:
    """The numbers this form asks for. With periodic reports they go there, so none is asked twice."""
    task = item.task
    if task is None or (task.report is not None and item.needs_percent):
        return ()
    year = (item.row["due_on"] or office.matrix.plan.ends_on).year
    found = []
    for indicator in office.matrix.plan.indicators:
        if indicator.id not in task.indicators:
            continue
        last, last_at = figures.get((task.id, indicator.id), (None, None))
        targets = indicator.unit_targets.get(unit)
        if targets is None and unit in task.lead:
            targets = indicator.targets
        found.append(Asked(indicator, last, last_at, (targets or {}).get(year), year))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Section:
    """Items under one heading."""

    heading: str
    items: tuple[Item, ...]


def sections(items: Sequence[Item], today: date) -> tuple[tuple[Section, ...], tuple[Item, ...]]:
    """Items under their headings, and those so far away that a line is enough."""
    edge = today + timedelta(days=LATER_DAYS)

    def far(item: Item) -> bool:
        due_on = item.row["due_on"]
        return item.rank == 3 and item.returned is None and (due_on is None or due_on > edge)

    near = [item for item in items if not far(item)]
    found = [
        Section(heading, tuple(item for item in near if item.rank == place))
        for place, heading in enumerate(HEADINGS)
    ]
    return tuple(each for each in found if each.items), tuple(each for each in items if far(each))


def reachable(office: Office, unit: str, day: date) -> dict[str, str]:
    """Post to who holds it and can be reached on a day; empty where nobody can."""
    found = office.matrix.directory.units.get(unit)
    posts = () if found is None else found.posts
    holders = {} if found is None else {post: found.holder(post, day) for post in posts}
    return {post: holder.name if holder else "" for post, holder in holders.items()}
