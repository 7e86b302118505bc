"""Morning and evening: reporting periods open, submissions come in, periods close."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="collect", flow_run_name=run_name, timeout_seconds=1800)
def collect(date: str | None = None, home: str | None = None) -> Report:
    """Open the periods that begin, take in what arrived, and record who is missing.

    The evening run closes the day; both cover everything since the last one.
    """
    return work("collect", date, home)
