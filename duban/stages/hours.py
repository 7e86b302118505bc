"""When ordinary messages may leave: the working hours of working days."""

from __future__ import annotations

from datetime import datetime, timedelta

from duban import clock
from duban.office import Office


def may_send(office: Office, at: datetime) -> bool:
    """Whether a moment lies in the working hours of a working day, make-up Saturdays included."""
    moment = clock.local(at)
    hours = office.settings.works_from <= moment.time() <= office.settings.works_until
    return hours and office.calendar.is_workday(moment.date())


def next_sending(office: Office, at: datetime) -> datetime:
    """The moment itself when it may be sent at, else the beginning of the next working time."""
    if may_send(office, at):
        return at
    day = clock.day_of(at)
    begins = clock.at(day, office.settings.works_from)
    if at >= begins or not office.calendar.is_workday(day):
        day = office.calendar.next_workday(day)
    while not office.calendar.is_workday(day):
        day += timedelta(days=1)
    return clock.at(day, office.settings.works_from)
