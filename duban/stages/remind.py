"""Remind: claim the rungs that came up since the last tick, then say them, one message a person."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from duban import clock, reminders
from duban.ledger import queries
from duban.office import Office
from duban.reminders import Claim
from duban.stages import StageReport, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch


def run(office: Office, at: datetime) -> StageReport:
    """Work the reminder ladder up to ``at``; one transaction. On a rest day nothing is claimed."""
    today = clock.day_of(at)
    with office.ledger.write("duban:remind", at) as writing:
        since = ticks.begins(office, writing, "remind")
        before = clock.at(office.calendar.add(today, -1), office.reminders.digest_time)
        if not office.calendar.is_workday(today):
            # A tick here may only stand for rest days: what an outage left before stays open.
            return ticks.resting(writing, "remind", at) if since >= before else _nothing(at)
        if not office.calendar.is_workday(clock.day_of(since)):
            since = min(since, before)
        oldest = queries.oldest_open_due(writing.conn)
        moments = reminders.windows(office.reminders, office.calendar, since, at, oldest)
        candidates = queries.due_candidates(writing.conn, list(moments))
        claims = reminders.decide(moments, candidates)
        severe = queries.severe_rounds(
            writing.conn, [claim.candidate.obligation for claim in claims]
        )
        silences = queries.working_silences(writing.conn, today)

        def verdict(each: Claim) -> tuple[str, str]:
            """Why a claim is not said, or that it is, with the reason."""
            if each.outcome != "pending":
                return each.outcome, each.reason
            if (each.candidate.obligation, each.candidate.round) in severe:
                return "inhibited", "已进入通报或约谈，不再重复日常提醒"
            quiet = reminders.hush(office.reminders, office.calendar, each, silences, today)
            return quiet or ("pending", _reason(each, today))

        fresh = claim(writing, [_notice(each, *verdict(each)) for each in claims])
        sent = dispatch(office, writing)
        counts = _counts(fresh) | sent.counts
        ticks.tick(writing, "remind", at, counts)
    return StageReport("remind", at, counts, sent.lines)


def _nothing(at: datetime) -> StageReport:
    return StageReport("remind", at, lines=("休息日，停机期间的提醒到下一个工作日一并补上。",))


def _notice(each: Claim, outcome: str, reason: str) -> Notice:
    candidate = each.candidate
    return Notice(
        obligation=candidate.obligation,
        unit=candidate.unit,
        task=candidate.task,
        rung=each.rung,
        round=candidate.round,
        recipient=each.to,
        kind="remind",
        moment=each.moment,
        reason=reason,
        outcome=outcome,
        urgent=candidate.urgent,
    )


def _reason(each: Claim, today: date) -> str:
    """“距时限7个工作日” was true on its own day; said later, it says which day that was."""
    day = clock.day_of(each.moment)
    if day == today:
        return each.reason
    return f"{each.reason}（应于{day.month}月{day.day}日提醒，现补发）"


def _counts(fresh: list[Notice]) -> dict[str, int]:
    found = Counter(notice.outcome for notice in fresh)
    return {
        "新到提醒梯级": len(fresh),
        "并入后一梯级": found["superseded"],
        "因督办免扰": found["inhibited"],
        "免扰期内": found["silenced"],
        "已签收": found["acknowledged"],
    }
