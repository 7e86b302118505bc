"""Morning and evening: reporting periods open, workbooks come in, periods close."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="collect", flow_run_name=run_name, timeout_seconds=1800)
def collect(date: str | None = None, home: str | None = None) -> Report:
    """Take in what lies in the drop folder, open the periods that begin, record who is missing.

    The evening run closes the day; both cover everything since the last one.
    """
    return work("collect", date, home)
