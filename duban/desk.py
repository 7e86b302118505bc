"""What the text files of an office say, read and checked; without a ledger and without a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from duban.errors import InputError, Issues, Place
from duban.ladderfile import check_together, load_escalation
from duban.ladders import EscalationPolicy
from duban.lamps import LampPolicy, load_lamps
from duban.matrix.check import check
from duban.matrix.load import load_matrix
from duban.matrix.model import Matrix, Unit
from duban.matrix.names import Names
from duban.obligations import Wanted, expand
from duban.paperrules import load_papers
from duban.reminderfile import check_ladders, load_reminders
from duban.reminders import ReminderPolicy
from duban.settings import Home, Settings, load_settings
from duban.status import Course
from duban.workdays import Calendar, load_calendar


@dataclass(frozen=True)
class Desk:
    """What the text files say: everything but the ledger. Values only."""

    home: Home
    settings: Settings
    matrix: Matrix
    calendar: Calendar
    reminders: ReminderPolicy
    escalation: EscalationPolicy
    lamps: LampPolicy

    @cached_property
    def names(self) -> Names:
        """The table of unit and group names."""
        return Names(self.matrix.directory)

    @property
    def units(self) -> dict[str, Unit]:
        """Units by id."""
        return dict(self.matrix.directory.units)

    @property
    def office_unit(self) -> Unit | None:
        """The unit that runs the office: what can be told to nobody else is told to it."""
        meaning = self.names.find(self.settings.office_unit)
        return (
            self.matrix.directory.units.get(meaning.units[0]) if meaning and meaning.units else None
        )

    def portfolio(self, leader: str, day: date) -> frozenset[str]:
        """Ids of the units that somebody is in charge of (分管): by the setting, or by the county post."""
        found = {
            unit
            for each in self.settings.board.portfolios
            if each.leader == leader
            for name in each.units
            for unit in self._units_named(name.raw)
        }
        return frozenset(found | {u.id for u in self.units.values() if _in_charge(u, leader, day)})

    def _units_named(self, name: str) -> tuple[str, ...]:
        meaning = self.names.find(name)
        return () if meaning is None else meaning.units

    def course(self, task: str, opens_on: date | None) -> Course:
        """Where the schedule of an obligation begins, and its task's milestones: for lamps by progress."""
        return Course(opens_on or self.matrix.plan.starts_on, self._milestones.get(task, ()))

    @cached_property
    def _milestones(self) -> dict[str, tuple[date, ...]]:
        """Task to the days of its milestones, asked for only by lamps that go by them."""
        if self.lamps.by_days or self.lamps.schedule != "milestones":
            return {}
        found: dict[str, set[date]] = {}
        for each in self.planned().expansions:
            days = {slot.due.on for slot in each.slots if slot.kind == "milestone" and slot.due.on}
            found.setdefault(each.task.id, set()).update(days)
        return {task: tuple(sorted(days)) for task, days in found.items()}

    def planned(self) -> Wanted:
        """All obligations of the matrix."""
        return expand(self.matrix, self.calendar, open_before_days=self.reminders.open_before)


def _in_charge(unit: Unit, leader: str, day: date) -> bool:
    return any(
        holder.name == leader
        and (holder.since is None or holder.since <= day)
        and (holder.until is None or day <= holder.until)
        for holder in unit.posts.get("county", ())
    )


def read_desk(home: Home, today: date) -> tuple[Desk | None, Issues]:
    """Read and check every file of the home; None when something needed could not be read."""
    issues = Issues()
    settings = load_settings(home, issues)
    calendar = load_calendar(
        home.config / "calendar.yaml", home.shown(home.config / "calendar.yaml"), issues
    )
    reminders = load_reminders(
        home.config / "reminders.yaml", home.shown(home.config / "reminders.yaml"), issues
    )
    escalation = load_escalation(
        home.config / "escalation.yaml", home.shown(home.config / "escalation.yaml"), issues
    )
    lamps = load_lamps(home.config / "lamps.yaml", home.shown(home.config / "lamps.yaml"), issues)
    if settings is None:
        return None, issues
    matrix = load_matrix(home, settings.plan, issues)
    if matrix is None or reminders is None or escalation is None or lamps is None:
        return None, issues
    issues.extend(check(matrix, calendar, today))
    check_together(escalation, lamps, matrix, issues)
    load_papers(home, issues)
    issues.extend(check_ladders(matrix, reminders))
    issues.found.sort(key=lambda issue: (issue.place.file, issue.place.line or 0))
    desk = Desk(home, settings, matrix, calendar, reminders, escalation, lamps)
    if desk.office_unit is None:
        issues.error(
            "office-unit",
            Place(home.shown(home.config / "duban.yaml")),
            f"办公室所在单位“{settings.office_unit}”不在单位名录里。",
            "改成 config/units.yaml 里的名称。",
        )
    _check_portfolios(desk, issues)
    return desk, issues


def _check_portfolios(desk: Desk, issues: Issues) -> None:
    for portfolio in desk.settings.board.portfolios:
        for unit in portfolio.units:
            if desk.names.find(unit.raw) is None:
                issues.error(
                    "portfolio-unit",
                    unit.place,
                    f"“{portfolio.leader}”分管的单位“{unit.raw}”不在单位名录里。",
                    "改成 config/units.yaml 里的名称或单位组。",
                )


def need_desk(home: Home, today: date) -> Desk:
    """The desk of a home without mistakes. Raises InputError with all of them."""
    desk, issues = read_desk(home, today)
    issues.stop_on_errors()
    if desk is None:
        raise InputError(list(issues))
    return desk
