"""The first of each month: the record becomes a score sheet with a reason for every point."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="assess", flow_run_name=run_name, timeout_seconds=3600)
def assess(date: str | None = None, home: str | None = None) -> Report:
    """Score the year of the logical date as it stands and freeze the run with its inputs.

    Review, publication and objections are people's steps: they happen in the ledger, not here.
    """
    return work("assess", date, home)
