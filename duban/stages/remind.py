"""Remind: claim the rungs that came up since the last tick, then say them, one message a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from duban import clock, handover, reminders
from duban.handover import Taken
from duban.ledger import scans
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.office import Office
from duban.reminders import Claim, Silence
from duban.stages import StageReport, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch, unit_of

Verdict = tuple[str, str]
"""What becomes of a claim, and why."""


def run(office: Office, at: datetime) -> StageReport:
    """Work the reminder ladders up to ``at``; one transaction. On a rest day nothing is claimed."""
    today = clock.day_of(at)
    with office.ledger.write("duban:remind", at) as writing:
        since = ticks.begins(office, writing, "remind")
        before = clock.at(office.calendar.add(today, -1), office.reminders.digest_time)
        if not office.calendar.is_workday(today):
            # A tick here may only stand for rest days: what an outage left before stays open.
            return ticks.resting(writing, "remind", at) if since >= before else _nothing(at)
        taken = _hand_over(office, writing, since) if at > since else ()
        if not office.calendar.is_workday(clock.day_of(since)):
            since = min(since, before)
        fresh = claim(writing, _notices(office, writing, since, taken))
        sent = dispatch(office, writing)
        counts = _counts(fresh) | {"交接": len(taken)} | sent.counts
        ticks.tick(writing, "remind", at, counts)
    return StageReport("remind", at, counts, sent.lines)


def _nothing(at: datetime) -> StageReport:
    return StageReport("remind", at, lines=("休息日，停机期间的提醒到下一个工作日一并补上。",))


# ---- gather --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Quiet:
    """What keeps claims from being said today."""

    severe: frozenset[tuple[str, int]]
    silences: Sequence[Silence]


def came_up(office: Office, writing: Writing, since: datetime) -> list[Claim]:
    """The rungs of open obligations with a moment after ``since`` and up to the writing's time."""
    oldest = scans.oldest_open_due(writing.conn)
    moments = reminders.windows(office.reminders, office.calendar, since, writing.at, oldest)
    candidates = scans.due_candidates(writing.conn, list(moments))
    return reminders.decide(office.reminders, moments, candidates)


def _notices(
    office: Office, writing: Writing, since: datetime, taken: Sequence[Taken]
) -> list[Notice]:
    today = clock.day_of(writing.at)
    claims = came_up(office, writing, since)
    quiet = _Quiet(
        frozenset(
            scans.severe_rounds(writing.conn, [each.candidate.obligation for each in claims])
        ),
        scans.working_silences(writing.conn, today),
    )
    notices = [_notice(each, *_verdict(office, quiet, each, today)) for each in claims]
    whole = [each for each in notices if each.kind == "summary" and each.outcome == "pending"]
    listed = scans.open_lists(
        writing.conn, {each.unit for each in whole} | {each.unit for each in taken}, today
    )
    return [
        *notices,
        *_summaries(whole, listed, quiet, writing.at),
        *_handed_over(taken, listed, quiet, writing.at),
    ]


# ---- decide --------------------------------------------------------------------------------------


def _verdict(office: Office, quiet: _Quiet, each: Claim, today: date) -> Verdict:
    """Why a claim is not said, or that it is, with the reason."""
    if each.outcome != "pending":
        return each.outcome, each.reason
    if (each.candidate.obligation, each.candidate.round) in quiet.severe:
        return "inhibited", "已进入通报或约谈，不再重复日常提醒"
    if each.summary and not unit_of(office, each.candidate.unit).kind.supervised:
        return "inhibited", "企业、事业单位只请提供情况，不向其负责人发总清单"
    silent = reminders.hush(office.reminders, office.calendar, each, quiet.silences, today)
    return silent or ("pending", _reason(each, today))


def _notice(each: Claim, outcome: str, reason: str) -> Notice:
    candidate = each.candidate
    return Notice(
        obligation=candidate.obligation,
        unit=candidate.unit,
        task=candidate.task,
        rung=each.rung,
        round=candidate.round,
        recipient=each.to,
        kind="summary" if each.summary else "remind",
        moment=each.moment,
        reason=reason,
        outcome=outcome,
        urgent=candidate.urgent and not each.summary,  # a list is one message and never urgent
    )


def _reason(each: Claim, today: date) -> str:
    """“距时限7个工作日” was true on its own day; said later, it says which day that was."""
    day = clock.day_of(each.moment)
    if day == today:
        return each.reason
    return f"{each.reason}（应于{day.month}月{day.day}日提醒，现补发）"


def _summaries(
    whole: Iterable[Notice], listed: dict[str, list[Row]], quiet: _Quiet, at: datetime
) -> Iterator[Notice]:
    """The rest of a unit's open list for a post that a summary rung told of an item."""
    today = clock.day_of(at)
    cause: dict[tuple[str, str], list[Notice]] = {}
    for each in whole:
        cause.setdefault((each.unit, each.recipient), []).append(each)
    for (unit, post), items in cause.items():
        own = {each.obligation for each in items}
        why = f"本单位总清单（因{len(own)}件{items[0].reason}）"
        rest = [row for row in listed.get(unit, ()) if row["key"] not in own]
        yield from _list(rest, quiet, at, post=post, rung=f"list@{today}", kind="summary", why=why)


def _handed_over(
    taken: Iterable[Taken], listed: dict[str, list[Row]], quiet: _Quiet, at: datetime
) -> Iterator[Notice]:
    """Everything open, for the one who took over a post."""
    rung = f"handover@{clock.day_of(at)}"
    for each in taken:
        rows = listed.get(each.unit, [])
        yield from _list(
            rows, quiet, at, post=each.post, rung=rung, kind="handover", why=each.reason
        )


def _list(
    rows: Iterable[Row],
    quiet: _Quiet,
    at: datetime,
    *,
    post: str,
    rung: str,
    kind: str,
    why: str,
) -> Iterator[Notice]:
    """One notice for each item, so that every line has its reason; only silences leave one out."""
    today = clock.day_of(at)
    for row in rows:
        notice = Notice(
            obligation=row["key"],
            unit=row["unit"],
            task=row["task"],
            rung=rung,
            round=row["round"],
            recipient=post,
            kind=kind,
            moment=at,
            reason=why,
        )
        hiding = (s for s in quiet.silences if s.hides(notice.unit, notice.task, post, today))
        silence = next(hiding, None)
        yield replace(notice, outcome="silenced", reason=silence.words) if silence else notice


# ---- hand-over -----------------------------------------------------------------------------------


def _hand_over(office: Office, writing: Writing, since: datetime) -> tuple[Taken, ...]:
    """Who took over a post since the last run; the holders are noted down in the same transaction."""
    found = handover.changes(
        office.matrix.directory.units.values(),
        scans.known_holders(writing.conn),
        clock.day_of(writing.at),
        in_use_from=ticks.in_use_from(office, writing),
        last_day=clock.day_of(since),
    )
    writing.record(
        *(
            Draft(
                "holders.seen",
                f"unit:{unit}",
                {"unit": unit, "seen_at": writing.at, "data": _held_by(posts)},
            )
            for unit, posts in found.seen.items()
        )
    )
    return found.taken


def _held_by(posts: handover.Posts) -> str:
    return canonical(
        {
            post: [each.name, each.address, each.since and each.since.isoformat()]
            for post, each in posts.items()
        }
    )


def _counts(fresh: list[Notice]) -> dict[str, int]:
    rungs = [notice for notice in fresh if "list@" not in notice.rung and notice.kind != "handover"]
    found = Counter(notice.outcome for notice in rungs)
    return {
        "新到提醒梯级": len(rungs),
        "并入后一梯级": found["superseded"],
        "因督办免扰": found["inhibited"],
        "免扰期内": found["silenced"],
        "已签收": found["acknowledged"],
        "总清单附带事项": sum(notice.rung.startswith("list@") for notice in fresh),
    }
