"""Decisions on the ladder that need the office's own files: which steps there are, who may order whom."""

from __future__ import annotations

from duban.ledger import decisions, ladder
from duban.ledger.store import Writing
from duban.office import Office
from duban.stages.escalate import keep_current, ladders_of


def soften(
    office: Office, writing: Writing, proposal: str, *, to: str, actor: str, reason: str
) -> None:
    """Let a milder step of the frozen ladder leave in place of the one proposed. Raises InputError."""
    found = ladder.one_proposal(writing.conn, proposal)
    policy = ladders_of(office, writing).policy(found["policy"]) if found else None
    frozen = policy.ladder(found["ladder"]) if policy and found else None
    decisions.soften(writing, proposal, to=to, frozen=frozen, actor=actor, reason=reason)


def raise_by_hand(
    office: Office, writing: Writing, obligation: str, *, step: str, actor: str, reason: str
) -> str:
    """Start or raise an obligation's ladder at a step, in a person's name; the proposal's id."""
    keep_current(office, writing)
    climbing = ladder.climbs(writing.conn, obligation=obligation)
    frozen = ladders_of(office, writing).policy(climbing[0]["policy"]) if climbing else None
    return decisions.raise_by_hand(
        writing,
        frozen or office.escalation,
        obligation,
        step=step,
        to_lower=office.settings.paper_to_lower,
        actor=actor,
        reason=reason,
    )
