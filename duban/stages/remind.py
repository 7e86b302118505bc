"""Remind: claim the rungs that came up since the last tick, then say them, one message a person."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from duban import reminders
from duban.ledger import queries
from duban.office import Office
from duban.reminders import Claim
from duban.stages import StageReport, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch


def run(office: Office, at: datetime) -> StageReport:
    """Work the reminder ladder up to ``at``; one transaction."""
    with office.ledger.write("duban:remind", at) as writing:
        since = ticks.begins(office, writing, "remind")
        oldest = queries.oldest_open_due(writing.conn)
        moments = reminders.windows(office.reminders, office.calendar, since, at, oldest)
        candidates = queries.due_candidates(writing.conn, list(moments))
        claims = reminders.decide(moments, candidates)
        severe = queries.severe_rounds(
            writing.conn, [claim.candidate.obligation for claim in claims]
        )
        fresh = claim(writing, [_notice(each, severe) for each in claims])
        sent = dispatch(office, writing)
        counts = _counts(fresh) | sent.counts
        ticks.tick(writing, "remind", at, counts)
    return StageReport("remind", at, counts, sent.lines)


def _notice(each: Claim, severe: set[tuple[str, int]]) -> Notice:
    """A unit in a severe rung does not also get routine nags for the same item."""
    candidate = each.candidate
    inhibited = each.outcome == "pending" and (candidate.obligation, candidate.round) in severe
    return Notice(
        obligation=candidate.obligation,
        unit=candidate.unit,
        task=candidate.task,
        rung=each.rung,
        round=candidate.round,
        recipient=each.to,
        kind="remind",
        moment=each.moment,
        reason="已进入通报或约谈，不再重复日常提醒" if inhibited else each.reason,
        outcome="inhibited" if inhibited else each.outcome,
        urgent=candidate.urgent,
    )


def _counts(fresh: list[Notice]) -> dict[str, int]:
    found = Counter(notice.outcome for notice in fresh)
    return {
        "新到提醒梯级": len(fresh),
        "并入后一梯级": found["superseded"],
        "因督办免扰": found["inhibited"],
    }
