"""Each Monday before work: the digest of the week that ended, and the draft of its paper."""

from __future__ import annotations

from prefect import flow

from flows.stage import Report, run_name, work


@flow(name="digest", flow_run_name=run_name, timeout_seconds=1800)
def digest(date: str | None = None, home: str | None = None) -> Report:
    """Write last week's digest and its Word draft, and queue it; missed weeks follow."""
    return work("digest", date, home)
