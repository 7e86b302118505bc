"""Each night: the house is swept, audited and backed up."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="upkeep", flow_run_name=run_name, timeout_seconds=1800)
def upkeep(date: str | None = None, home: str | None = None) -> Report:
    """Verify the chain of events, compare what should have happened with what did, back up.

    Prefect forgets its own history by itself (see ``flows/environment.py``).
    """
    return work("upkeep", date, home)
