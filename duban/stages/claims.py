"""Claims notices: once for each obligation, rung, round and post, whatever crashes or runs twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from duban.ledger import scans
from duban.ledger.events import Draft
from duban.ledger.store import Writing

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be said to a post about an obligation, or not said, with the reason."""

    obligation: str
    unit: str
    task: str
    rung: str
    round: int
    recipient: str
    kind: str  # remind | request | urge | supervise | returned | summary | handover
    moment: datetime
    reason: str
    outcome: str = "pending"
    urgent: bool = False

    @property
    def id(self) -> str:
        """The identity of the claim; the ledger has a unique constraint on the same."""
        return f"{self.obligation}|{self.rung}|{self.round}|{self.recipient}"


def claim(writing: Writing, notices: Iterable[Notice]) -> list[Notice]:
    """Record the notices that were not claimed before; those that are really new."""
    unique = {notice.id: notice for notice in notices}
    known = scans.known_notices(writing.conn, list(unique))
    fresh = [notice for key, notice in unique.items() if key not in known]
    for start in range(0, len(fresh), _BATCH):
        writing.record(*(_draft(notice, writing) for notice in fresh[start : start + _BATCH]))
    return fresh


def _draft(notice: Notice, writing: Writing) -> Draft:
    row = {
        "id": notice.id,
        "obligation": notice.obligation,
        "rung": notice.rung,
        "round": notice.round,
        "recipient": notice.recipient,
        "unit": notice.unit,
        "task": notice.task,
        "kind": notice.kind,
        "urgent": int(notice.urgent),
        "moment": notice.moment,
        "decided_at": writing.at,
        "outcome": notice.outcome,
        "reason": notice.reason[:240],
    }
    return Draft("notice.claimed", notice.id, row, why=notice.reason, obligation=notice.obligation)
