"""What the text files of an office say, read and checked; without a ledger and without a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from duban.errors import InputError, Issues, Place
from duban.escalation import EscalationPolicy, load_escalation
from duban.lamps import LampPolicy, load_lamps
from duban.matrix.check import check
from duban.matrix.load import load_matrix
from duban.matrix.model import Matrix, Unit
from duban.matrix.names import Names
from duban.obligations import Wanted, expand
from duban.reminders import ReminderPolicy, load_reminders
from duban.settings import Home, Settings, load_settings
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

    def planned(self) -> Wanted:
        """All obligations of the matrix."""
        return expand(self.matrix, self.calendar, open_before_days=self.reminders.open_before)


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
    issues.found.sort(key=lambda issue: (issue.place.file, issue.place.line or 0))
    desk = Desk(home, settings, matrix, calendar, reminders, escalation, lamps)
    if desk.office_unit is None:
        issues.error(
            "office-unit",
            Place(home.shown(home.config / "duban.yaml")),
            f"办公室所在单位“{settings.office_unit}”不在单位名录里。",
            "改成 config/units.yaml 里的名称。",
        )
    return desk, issues


def need_desk(home: Home, today: date) -> Desk:
    """The desk of a home without mistakes. Raises InputError with all of them."""
    desk, issues = read_desk(home, today)
    issues.stop_on_errors()
    if desk is None:
        raise InputError(list(issues))
    return desk
