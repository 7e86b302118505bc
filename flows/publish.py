"""Each morning before anything else: the text of the plan becomes the ledger's obligations."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="publish", flow_run_name=run_name, timeout_seconds=600)
def publish(date: str | None = None, home: str | None = None) -> Report:
    """Bring the ledger up to the matrix as it stands in the text files.

    A change that touches a closed period or a published score is left for a person to apply.
    """
    return work("publish", date, home)
