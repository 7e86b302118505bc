"""The first of each month: the record of the periods that ended becomes a score sheet."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="assess", flow_run_name=run_name, timeout_seconds=3600)
def assess(date: str | None = None, home: str | None = None) -> Report:
    """Compute the draft score sheet of every period that ended and has none yet.

    Review, publication and objections are people's steps: they happen in the ledger, not here.
    """
    return work("assess", date, home)
