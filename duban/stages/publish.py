"""Publish: what a named person confirmed goes out. Nothing severe leaves without a name."""

from __future__ import annotations

from datetime import datetime

from duban.escalation import Ladders
from duban.ladders import Step, paper_for
from duban.ledger import ladder
from duban.ledger.ladder import Row
from duban.office import Office
from duban.stages import StageReport, digest, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch, unit_of
from duban.stages.escalate import kind_of, ladders_of, step_of


def run(office: Office, at: datetime) -> StageReport:
    """Tell the recipients of every confirmed or softened step that was not told yet; one transaction."""
    with office.ledger.write("duban:publish", at) as writing:
        ticks.begins(office, writing, "publish")
        ladders = ladders_of(office, writing)
        decided = ladder.proposals(writing.conn, states=("confirmed", "softened"))
        fresh = claim(
            writing, [notice for row in decided for notice in _notices(office, ladders, row)]
        )
        sent = dispatch(office, writing)
        counts = {"确认后发出的督办": len(fresh)} | sent.counts
        released = digest.release(office, writing, digest.policy_of(office))
        counts |= {"审定后发出的周报": released} if released else {}
        ticks.tick(writing, "publish", at, counts)
    return StageReport("publish", at, counts, sent.lines)


def _notices(office: Office, ladders: Ladders, row: Row) -> list[Notice]:
    if row["state"] == "softened":
        return _softened(office, ladders, row)
    step = step_of(ladders, row)
    said = f"{row['name']}（{row['decided_by']}确认）：{row['reason']}"
    posts = step.posts if step else ("head",)
    return [_notice(row, f"step:{row['step']}", post, row["paper"], said) for post in posts]


def _softened(office: Office, ladders: Ladders, row: Row) -> list[Notice]:
    """The milder step that a person chose leaves in place of the one proposed."""
    milder = _milder(ladders, row)
    if milder is None:
        return []
    kind = unit_of(office, row["unit"]).kind
    paper, name = paper_for(milder, kind, office.settings.paper_to_lower)
    said = f"{name}（{row['decided_by']}由“{row['name']}”降级）：{row['reason']}"
    return [_notice(row, f"soft:{row['step']}", post, paper, said) for post in milder.posts]


def _milder(ladders: Ladders, row: Row) -> Step | None:
    policy = ladders.policy(row["policy"]) or ladders.current
    found = policy.ladder(row["ladder"])
    return found.step(row["softened_to"]) if found else None


def _notice(row: Row, rung: str, post: str, paper: str, said: str) -> Notice:
    return Notice(
        obligation=row["obligation"],
        unit=row["unit"],
        task=row["task"],
        rung=rung,
        round=row["round"],
        recipient=post,
        kind=kind_of(paper),
        moment=row["decided_at"],
        reason=said,
    )
