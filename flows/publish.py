"""Each morning: what a named person confirmed goes out."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="publish", flow_run_name=run_name, timeout_seconds=600)
def publish(date: str | None = None, home: str | None = None) -> Report:
    """Queue the notices of every confirmed step that were not told yet.

    Nothing severe leaves without a name; a failed morning is made good by the next.
    """
    return work("publish", date, home)
