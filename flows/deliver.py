"""Every five minutes: what waits in the outbox goes out."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="deliver", flow_run_name=run_name, timeout_seconds=1800)
def deliver(date: str | None = None, home: str | None = None) -> Report:
    """Send what is due in the outbox, row by row, each committed alone.

    No retries: the outbox knows what failed for now and what failed for good. A second run that
    would start while one is sending is cancelled; the next slot takes over.
    """
    return work("deliver", date, home, retry=False)
