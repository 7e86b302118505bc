"""Each night: the ledger is looked over while nobody works."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="upkeep", flow_run_name=run_name, timeout_seconds=1800)
def upkeep(date: str | None = None, home: str | None = None) -> Report:
    """Verify the chain of records and name the stages that did not run; nothing is mended silently.

    Prefect clears its own history (``PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED``).
    """
    return work("upkeep", date, home)
