"""Collect: open reporting periods, take in workbooks from the drop folder, mark what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from duban import clock
from duban.errors import InputError
from duban.ledger import queries, reviews, scans, transitions
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.office import Office
from duban.stages import StageReport, ticks
from duban.stages.claims import Notice, claim
from duban.stages.dispatch import dispatch


def run(office: Office, at: datetime) -> StageReport:
    """Take in what lies in ``var/inbox``, then open and close periods up to ``at``."""
    taken, lines, files = take_in_folder(office, at)
    report = periods(office, at, taken=taken)
    return replace(report, lines=(*lines, *report.lines), files=files)


def periods(office: Office, at: datetime, *, taken: int = 0) -> StageReport:
    """Open and close periods and tell returns; one transaction, and nothing outside the ledger."""
    with office.ledger.write("duban:collect", at) as writing:
        ticks.begins(office, writing, "collect")
        asked = _open_periods(office, writing)
        missing = _close_periods(writing)
        returned = _tell_returns(writing)
        sent = dispatch(office, writing)
        counts = {
            "新发报送通知": asked,
            "记为未报": missing,
            "新告知退回": returned,
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


def take_in_folder(office: Office, at: datetime) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Workbooks that the office dropped into ``var/inbox``: taken ones move to ``已收``, others to ``未收``.

    Returns how many reports came in, a sentence per file, and the files.
    """
    inbox = office.home.var / "inbox"
    paths = (
        sorted(path for path in inbox.glob("*.xlsx") if path.is_file() and path.name[:2] != "~$")
        if inbox.is_dir()
        else []
    )
    total, lines = 0, []
    for path in paths:
        taken, sentence = _take_in_file(office, path, at)
        total += taken
        lines.append(sentence)
    return total, tuple(lines), tuple(office.home.shown(path) for path in paths)


def _take_in_file(office: Office, path: Path, at: datetime) -> tuple[int, str]:
    try:
        reports = read_workbook(office, path.read_bytes(), at)
        taken = submit_all(office, reports, at, actor=f"drop:{path.name}"[:120])
    except OSError as problem:
        return 0, f"{path.name}：读不出来（{problem.strerror}），留在原处，下次再收。"
    except InputError as problem:
        _set_aside(path, "未收", str(problem))
        return 0, f"{path.name}：未收。{problem}"
    _set_aside(path, "已收", "")
    return taken, f"{path.name}：收到{taken}项。"


def _set_aside(path: Path, folder: str, why: str) -> None:
    target = path.parent / folder
    target.mkdir(exist_ok=True)
    place = target / path.name
    number = 1
    while place.exists():  # an earlier file of the same name is evidence too
        number += 1
        place = target / f"{path.stem}（{number}）{path.suffix}"
    path.replace(place)
    if why:
        place.with_name(f"{place.name}.说明.txt").write_text(why, encoding="utf-8")


def read_workbook(
    office: Office, data: bytes, at: datetime
) -> tuple[tuple[str, transitions.Report], ...]:
    """The reports in a returned workbook. Raises InputError with every cell that is wrong."""
    from duban.intake import workbook

    with office.ledger.read() as conn:
        result = workbook.read_form(data, office, conn, None, at)
    result.issues.stop_on_errors()
    return result.reports


def submit_all(
    office: Office, reports: tuple[tuple[str, transitions.Report], ...], at: datetime, *, actor: str
) -> int:
    """Submit several reports together or not at all; how many were new."""
    with office.ledger.write(actor, at) as writing:
        receipts = [
            transitions.submit(writing, key, report, actor=actor) for key, report in reports
        ]
    return sum(not receipt.repeated for receipt in receipts)
