"""Each working morning: what is overdue climbs the ladder, each rung once."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="escalate", flow_run_name=run_name, timeout_seconds=900)
def escalate(date: str | None = None, home: str | None = None) -> Report:
    """Climb the ladder for what is overdue, and propose what a named person must confirm."""
    return work("escalate", date, home)
