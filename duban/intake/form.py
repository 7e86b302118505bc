"""The reporting form (报送表) as values: what a unit owes, what it said last, and what it may fill in."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from duban import clock
from duban.errors import NOWHERE, InputError
from duban.lamps import Lamp, LampPolicy
from duban.ledger import queries
from duban.ledger.canon import canonical
from duban.ledger.figures import Connection
from duban.ledger.links import home_key
from duban.ledger.transitions import FINISHES
from duban.matrix.model import Indicator, Task
from duban.office import Office
from duban.status import standing
from duban.workdays import Calendar

FORM_VERSION = "2"
"""Goes up when a cell changes its place or meaning; older forms are then refused with a sentence."""

UNCHANGED, PROGRESS, DONE = "无变化", "有进展", "办结"
OWN_ROLES = frozenset({"lead", "joint"})


@dataclass(frozen=True, slots=True)
class FormFigure:
    """An indicator that a row asks for. ``target``: of the row's year, this unit's own when it has one."""

    id: str
    name: str
    unit: str
    target: str
    last: str


@dataclass(frozen=True, slots=True)
class LampFrom:
    """A lamp and the first day on which the row shows it."""

    lamp: Lamp
    since: date


@dataclass(frozen=True, slots=True)
class FormRow:
    """One open item. ``version`` changes with every report and return: an older form is then stale."""

    key: str
    version: str
    task: str
    title: str
    label: str
    wanted: str
    phrase: str
    due_on: date | None
    kind: str
    percent: int | None
    last: str
    lamps: tuple[LampFrom, ...]  # most urgent first; empty when there is no due
    lamp: Lamp
    figures: tuple[FormFigure, ...]

    @property
    def finishes(self) -> bool:
        """Whether the row asks for a percentage and can be reported done."""
        return self.kind in FINISHES

    @property
    def choices(self) -> tuple[str, ...]:
        """What may be chosen in its state cell."""
        return (UNCHANGED, PROGRESS, DONE) if self.finishes else (UNCHANGED, PROGRESS)


@dataclass(frozen=True, slots=True)
class FormData:
    """A unit's form. ``key`` signs it, which shows that it is the office's own and was not changed."""

    unit: str
    unit_name: str
    office: str
    contact: str
    plan_title: str
    made_at: datetime
    example: bool
    rows: tuple[FormRow, ...]
    key: bytes = field(repr=False)


def form_for(office: Office, conn: Connection, unit_id: str, now: datetime) -> FormData:
    """The form of everything the unit has open at ``now``. Raises InputError for an unknown unit."""
    unit = office.units.get(unit_id)
    if unit is None:
        raise InputError.one(
            "unknown-unit", NOWHERE, f"没有单位“{unit_id}”。", "单位编号见 config/units.yaml。"
        )
    made_at = clock.local(now)
    return FormData(
        unit=unit.id,
        unit_name=unit.name,
        office=office.settings.office_name,
        contact=office.settings.contact,
        plan_title=office.matrix.plan.title,
        made_at=made_at,
        example=office.home.example or queries.is_example(conn),
        rows=_rows(office, conn, unit_id, now),
        key=home_key(office.home),
    )


def baseline(row: FormRow) -> str:
    """What the row's prefilled input cells hold when the form goes out: the last percentage."""
    return "" if row.percent is None or not row.finishes else str(row.percent)


Stamp = tuple[str, str, str, str, str]
"""What a form remembers of a row: key, version, baseline, ids of the indicators asked for, seal of its cells."""


def sign(
    key: bytes, unit: str, made_at: str, rows: Iterable[Stamp], *, head: str, example: bool
) -> str:
    """HMAC over everything that comes back and must not have been changed on the way."""
    text = canonical([FORM_VERSION, unit, made_at, example, head, list(rows)])
    return hmac.new(key, b"form:" + text.encode(), hashlib.sha256).hexdigest()


def version_of(row: Mapping[Any, Any]) -> str:
    """The version of an obligation that a form is stale against: reports taken in, rounds begun."""
    return f"{row['versions']}.{row['round']}"


def _rows(office: Office, conn: Connection, unit: str, now: datetime) -> tuple[FormRow, ...]:
    items = queries.open_items(conn, unit, clock.day_of(now))
    wanted = {task["id"]: task for task in queries.tasks(conn, office.matrix.plan.id)}
    asked = _figures_asked(office, conn, unit, items, now)
    return tuple(
        _row(
            office,
            conn,
            item,
            wanted.get(item["task"], {}),
            figures=asked.get(item["key"], ()),
            now=now,
        )
        for item in items
    )


def _row(
    office: Office,
    conn: Connection,
    item: queries.Row,
    task: Mapping[str, Any],
    *,
    figures: tuple[FormFigure, ...],
    now: datetime,
) -> FormRow:
    how = standing(
        state=item["state"],
        due_on=item["due_on"],
        due_at=item["due_at"],
        now=now,
        calendar=office.calendar,
        lamps=office.lamps,
    )
    return FormRow(
        key=item["key"],
        version=version_of(item),
        task=item["task"],
        title=item["title"],
        label=item["label"],
        wanted=str(task.get("deliverable") or ""),
        phrase=item["phrase"],
        due_on=item["due_on"],
        kind=item["kind"],
        percent=item["percent"],
        last=_last(conn, item),
        lamps=lamp_days(office.calendar, office.lamps, item["due_on"]),
        lamp=how.lamp,
        figures=figures,
    )


def _last(conn: Connection, item: queries.Row) -> str:
    """What was said last of this item, and why it was returned if it was."""
    found = queries.one_submission(conn, item["submission"]) if item["submission"] else None
    if found is None:
        return ""
    day = clock.day_of(found["received_at"])
    percent = f"{found['percent']}%，" if found["percent"] is not None else ""
    said = UNCHANGED if found["nil"] else found["progress"]
    returned = f"【退回：{found['review_reason']}】" if found["state"] == "returned" else ""
    return f"{returned}{day.month}月{day.day}日：{percent}{said}"


# ---- indicators --------------------------------------------------------------------------------


def _figures_asked(
    office: Office, conn: Connection, unit: str, items: list[queries.Row], now: datetime
) -> dict[str, tuple[FormFigure, ...]]:
    """Each indicator once in the form, on its task's first report, or on a task that has no reports.

    The same number is never asked twice, neither for two periods nor for two tasks.
    """
    known = {indicator.id: indicator for indicator in office.matrix.plan.indicators}
    last = queries.last_figures(conn, unit)
    seen: set[str] = set()
    found: dict[str, tuple[FormFigure, ...]] = {}
    for item in sorted(items, key=lambda each: each["kind"] in FINISHES):
        task = office.matrix.tasks_by_id.get(item["task"])
        mine = [
            known[name]
            for name in _measures(task, item["kind"])
            if name in known and name not in seen and _is_asked(known[name], unit, item["role"])
        ]
        seen.update(indicator.id for indicator in mine)
        year = (item["due_on"] or clock.day_of(now)).year
        found[item["key"]] = tuple(
            FormFigure(
                indicator.id,
                indicator.name,
                indicator.unit,
                _plain(_target(indicator, unit, year)),
                last.get((item["task"], indicator.id), ("", now))[0],
            )
            for indicator in mine
        )
    return found


def _measures(task: Task | None, kind: str) -> tuple[str, ...]:
    """A task with periodic reports is measured there, not when it is finished."""
    if task is None or (task.report is not None and kind in FINISHES):
        return ()
    return task.indicators


def _is_asked(indicator: Indicator, unit: str, role: str) -> bool:
    """The lead gives the county's figure; others only one they have a target of their own for."""
    return role in OWN_ROLES or unit in indicator.unit_targets


def _target(indicator: Indicator, unit: str, year: int) -> Decimal | None:
    return indicator.unit_targets.get(unit, indicator.targets).get(year)


def _plain(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


# ---- lamps -------------------------------------------------------------------------------------


def lamp_days(calendar: Calendar, policy: LampPolicy, due_on: date | None) -> tuple[LampFrom, ...]:
    """The first day of each lamp, most urgent first, so that a workbook can show them without our calendar.

    By days: on the due day itself it is not overdue yet, whatever the hour. The last lamp's day is the
    first of all days.
    """
    if due_on is None or not policy.by_days:  # progress is not in the workbook's hands
        return ()
    return tuple(
        LampFrom(step.lamp, _lamp_since(calendar, due_on, step.at_most_days_left))
        for step in policy.steps
    )


def _lamp_since(calendar: Calendar, due_on: date, at_most: int | None) -> date:
    if at_most is None:
        return date.min
    day = due_on + timedelta(days=1)  # the first day overdue
    if at_most < 0:
        while max(1, calendar.between(due_on, day)) < -at_most:
            day += timedelta(days=1)
        return day
    while calendar.between(day - timedelta(days=1), due_on) <= at_most:
        day -= timedelta(days=1)
    return day
