"""Each working morning: who owes what today, at most one message a person."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="remind", flow_run_name=run_name, timeout_seconds=900)
def remind(date: str | None = None, home: str | None = None) -> Report:
    """Put today's reminders into the outbox; every rung between the last tick and the slot counts.

    Whether the day is a working day is the stage's own first question, to our calendar.
    """
    return work("remind", date, home)
