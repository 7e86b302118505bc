"""Publish: what a named person confirmed goes out. Nothing severe leaves without a name."""

from __future__ import annotations

from datetime import datetime

from duban.ledger import queries
from duban.office import Office
from duban.stages import StageReport, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch


def run(office: Office, at: datetime) -> StageReport:
    """Tell the recipients of every confirmed step that was not told yet; one transaction."""
    with office.ledger.write("duban:publish", at) as writing:
        ticks.begins(office, writing, "publish")
        confirmed = queries.proposals(writing.conn, states=("confirmed",))
        fresh = claim(writing, [notice for row in confirmed for notice in _notices(office, row)])
        sent = dispatch(office, writing)
        counts = {"确认后发出的督办": len(fresh)} | sent.counts
        ticks.tick(writing, "publish", at, counts)
    return StageReport("publish", at, counts, sent.lines)


def _notices(office: Office, row: queries.Row) -> list[Notice]:
    step = next((each for each in office.escalation.steps if each.id == row["step"]), None)
    posts = dict.fromkeys((*step.to, *step.copies)) if step else {"head": None}
    return [
        Notice(
            obligation=row["obligation"],
            unit=row["unit"],
            task=row["task"],
            rung=f"step:{row['step']}",
            round=row["round"],
            recipient=post,
            kind="supervise",
            moment=row["decided_at"],
            reason=f"{row['name']}（{row['decided_by']}确认）：{row['reason']}",
        )
        for post in posts
    ]
