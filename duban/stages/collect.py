"""Collect: take in workbooks from drop folder and mailbox, open reporting periods, mark what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from duban import clock
from duban.ledger import queries, requests, reviews, scans
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.office import Office
from duban.stages import StageReport, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch
from duban.stages.dropfolder import take_in_folder
from duban.stages.mailin import take_in_mail


def run(office: Office, at: datetime) -> StageReport:
    """Take in what lies in ``var/inbox`` and in the mailbox, then open and close periods up to ``at``.

    A mailbox that cannot be reached is told, and holds nothing else up.
    """
    dropped = take_in_folder(office, at)
    mailed = take_in_mail(office, at)
    report = periods(office, at, taken=dropped.taken + mailed.taken)
    return replace(
        report,
        lines=(*dropped.lines, *mailed.lines, *report.lines),
        files=tuple(dropped.files),
        outside=mailed.outside,
    )


def periods(office: Office, at: datetime, *, taken: int = 0) -> StageReport:
    """Open and close periods and tell returns; one transaction, and nothing outside the ledger."""
    with office.ledger.write("duban:collect", at) as writing:
        since = ticks.begins(office, writing, "collect")
        resumed = requests.resume_due(writing, office.calendar)
        asked = _open_periods(office, writing)
        missing = _close_periods(writing)
        returned = _tell_returns(writing)
        answered = _tell_answers(writing, since)
        sent = dispatch(office, writing)
        counts = {
            "新发报送通知": asked,
            "记为未报": missing,
            "新告知退回": returned,
            "告知申请答复": answered,
            "暂缓期满恢复": resumed,
            "收到报送表": taken,
        } | sent.counts
        ticks.tick(writing, "collect", at, counts)
    return StageReport("collect", at, counts, sent.lines)


def _tell_returns(writing: Writing) -> int:
    """A report that was returned is told to its unit with the reason, once for each return."""
    rows = queries.obligations(writing.conn, states=("returned",))
    notices = [_return(row, writing) for row in rows]
    notices += [_still_owed(row, writing) for row in reviews.still_owed(writing.conn)]
    return len(claim(writing, notices))


def _still_owed(row: queries.Row, writing: Writing) -> Notice:
    """A report that was accepted in part, or a closed item that was opened again."""
    return Notice(
        obligation=row["key"],
        unit=row["unit"],
        task=row["task"],
        rung="returned",
        round=row["round"],
        recipient="liaison",
        kind="returned",
        moment=writing.at,
        reason=row["reason"],
        urgent=bool(row["urgent"]),
    )


def _return(row: queries.Row, writing: Writing) -> Notice:
    found = queries.one_submission(writing.conn, row["submission"]) if row["submission"] else None
    why = found["review_reason"] if found else ""
    return Notice(
        obligation=row["key"],
        unit=row["unit"],
        task=row["task"],
        rung="returned",
        round=row["round"],
        recipient="liaison",
        kind="returned",
        moment=writing.at,
        reason=f"已退回，请补正：{why}" if why else "已退回，请补正",
        urgent=bool(row["urgent"]),
    )


def _tell_answers(writing: Writing, since: datetime) -> int:
    """What the office answered to requests since the last run, in the day's message; each once."""
    rows = requests.decided_since(writing.conn, since, writing.at)
    return len(
        claim(
            writing,
            [_answer(row, writing) for row in rows if row["decided_by"] != requests.BY_RULE],
        )
    )


def _answer(row: queries.Row, writing: Writing) -> Notice:
    return Notice(
        obligation=row["obligation"],
        unit=row["unit"],
        task=row["task"],
        rung=f"answer{row['id'].rsplit('?', maxsplit=1)[-1]}",
        round=1,  # the rung names the request: told once, whatever round it began
        recipient="liaison",
        kind="answered",
        moment=writing.at,
        reason=requests.answer_words(row),
    )


def _open_periods(office: Office, writing: Writing) -> int:
    today = clock.day_of(writing.at)
    rows = scans.to_request(writing.conn, today)
    writing.record(
        *(
            Draft(
                "obligation.requested",
                row["key"],
                {"key": row["key"], "requested_at": writing.at},
                why=f"{row['label']}开始报送",
                obligation=row["key"],
            )
            for row in rows
        )
    )
    due = [
        row for row in rows if row["due_on"] >= today
    ]  # what is past its due is reminded, not asked for
    return len(claim(writing, [_request(row, writing) for row in due]))


def _request(row: queries.Row, writing: Writing) -> Notice:
    return Notice(
        obligation=row["key"],
        unit=row["unit"],
        task=row["task"],
        rung="open",
        round=row["round"],
        recipient="liaison",
        kind="request",
        moment=writing.at,
        reason=f"{row['label']}开始报送",
    )


def _close_periods(writing: Writing) -> int:
    rows = scans.to_miss(writing.conn, writing.at, clock.day_of(writing.at))
    writing.record(
        *(
            Draft(
                "obligation.missed",
                row["key"],
                {"key": row["key"], "missed_at": writing.at},
                why="时限已过，没有收到报送",
                obligation=row["key"],
                occurred_at=row["due_at"],
            )
            for row in rows
        )
    )
    return len(rows)
