"""Digest: last week's bulletin, written as pages and papers and sent to office and leaders."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

from duban import clock
from duban.errors import Issues
from duban.ledger import outbox, queries
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.outbox import Letter
from duban.ledger.store import Writing
from duban.matrix.model import Unit
from duban.office import Office
from duban.reports import digest as reports
from duban.reports.digest import Digest
from duban.settings import EXAMPLE_MARK
from duban.stages import StageReport, ticks
from duban.stages.hours import next_sending
from notifier.config import load_channels
from notifier.envelope import fitted
from notifier.route import choose


def run(office: Office, at: datetime) -> StageReport:
    """Write the digest of the last whole week before ``at``, once; weeks missed in an outage follow."""
    with office.ledger.write("duban:digest", at) as writing:
        since = ticks.begins(office, writing, "digest")
        weeks = _weeks(since, at)
        written = [_write(office, writing, monday) for monday in weeks]
        queued = sum(_send(office, writing, found, paths) for found, paths in written)
        counts = {"周报": len(written), "发出周报": queued}
        ticks.tick(writing, "digest", at, counts)
    files = tuple(office.home.shown(path) for _, paths in written for path in paths)
    return StageReport(
        "digest", at, counts, tuple("".join(found.summary) for found, _ in written), files
    )


def _weeks(since: datetime, at: datetime) -> list[date]:
    """Mondays of the weeks that ended after ``since`` and before ``at``; at most the last three."""
    monday = clock.day_of(at) - timedelta(days=clock.day_of(at).weekday() + 7)
    found: list[date] = []
    while clock.end_of(monday + timedelta(days=6)) > since and len(found) < 3:
        found.append(monday)
        monday -= timedelta(days=7)
    return found[::-1]


def _write(office: Office, writing: Writing, monday: date) -> tuple[Digest, tuple[Path, ...]]:
    found = reports.digest_for(office, writing.conn, monday, writing.at)
    known = queries.one_digest(writing.conn, found.id)
    if known is not None:  # frozen: neither the record nor its files are written over
        return found, tuple(office.home.var / name for name in json.loads(known["files"]))
    paths = reports.write_digest(found, office.home.var / "digest")
    row = {
        "id": found.id,
        "from_on": found.frame.from_on,
        "to_on": found.frame.to_on,
        "as_of": writing.at,
        "state": "draft",
        "data": canonical(reports.as_json(found)),
        "files": canonical([path.relative_to(office.home.var).as_posix() for path in paths]),
    }
    writing.record(
        Draft("digest.drafted", f"digest:{found.id}", row, why="".join(found.summary)[:200])
    )
    return found, paths


def _send(office: Office, writing: Writing, found: Digest, paths: tuple[Path, ...]) -> int:
    """One mail each for the office and the county leader, the Word draft with it."""
    issues = Issues()
    channels = load_channels(office.home, issues)
    letters: list[Letter] = []
    for unit, post in _readers(office):
        route = choose(unit, post, clock.day_of(writing.at), office=office.office_unit)
        home = office.matrix.directory.units[route.unit]
        way = channels.way(unit=home.id, post=route.post, address=route.address, kind="digest")
        letter = Letter(
            id=f"digest:{found.id}:{home.id}/{route.post}",
            kind="digest",
            unit=home.id,
            post=route.post,
            person=route.person,
            address=route.address,
            channel=way.channel,
            subject=_subject(found),
            text=reports.render_text(found),
            html=reports.render_html(found),
            attachments=tuple(
                path.relative_to(office.home.var).as_posix()
                for path in paths
                if path.suffix == ".docx"
            ),
            urgent=False,
            not_before=next_sending(office, writing.at),
            route=way.told,
        )
        letters += fitted(letter, channels.by_id[way.channel])
    return outbox.queue(writing, list({letter.id: letter for letter in letters}.values()))


def _subject(found: Digest) -> str:
    mark = f"【{EXAMPLE_MARK}】" if found.frame.example else ""
    return f"{mark}{found.frame.title}（{found.id}）：{found.summary[0]}"[:120]


def _readers(office: Office) -> list[tuple[Unit, str]]:
    units = office.matrix.directory.units.values()
    readers = [(unit, "county") for unit in units if unit.posts.get("county")]
    if office.office_unit is not None:
        readers += [(office.office_unit, "liaison"), (office.office_unit, "head")]
    return readers
