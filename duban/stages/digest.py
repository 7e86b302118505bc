"""Digest: the week's and the month's bulletin, frozen as drafts; what leaves, leaves approved.

The office gets its copy at once, as a draft. Leaders and heads get theirs when a named person has approved
it, or when nobody did for so long that the setting lets it go.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from duban import clock
from duban.errors import Issues
from duban.escalation import working_minutes
from duban.ledger import papers, queries
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.office import Office
from duban.paperrules import PaperPolicy, load_papers
from duban.reports import digest as reports
from duban.reports import week
from duban.reports.digest import Digest, Scope
from duban.reports.periods import Period, ended
from duban.stages import StageReport, ticks
from duban.stages.digestmail import leaders, readers, send

AT_MOST = {"week": 3, "month": 2, "quarter": 1}
"""So many periods that an outage missed are made up for."""
NAMES = {"week": "周报", "month": "通报", "quarter": "季度通报"}


def run(office: Office, at: datetime) -> StageReport:
    """Write the digest of the last whole week before ``at``, and the bulletins of months and quarters that
    have ended, once each; periods missed in an outage follow.
    """
    policy = policy_of(office)
    with office.ledger.write("duban:digest", at) as writing:
        since = clock.day_of(ticks.begins(office, writing, "digest"))
        written = [
            drafted(office, writing, policy, period)
            for kind, most in AT_MOST.items()
            for period in ended(kind, since, clock.day_of(at), most)
        ]
        queued = sum(send(office, writing, found, paths) for found, paths in written)
        queued += release(office, writing, policy)
        counts = {"周报": sum(found.frame.kind == "week" for found, _ in written)}
        counts["发出周报"] = queued
        bulletins = len(written) - counts["周报"]
        if bulletins:
            counts["督查通报"] = bulletins
        ticks.tick(writing, "digest", at, counts)
    files = tuple(office.home.shown(path) for _, paths in written for path in paths)
    return StageReport(
        "digest", at, counts, tuple("".join(found.summary) for found, _ in written), files
    )


def policy_of(office: Office) -> PaperPolicy:
    """What ``config/papers.yaml`` says. Raises InputError with its mistakes."""
    issues = Issues()
    policy = load_papers(office.home, issues)
    issues.stop_on_errors()
    return policy


# ---- drafts ------------------------------------------------------------------------------------


def drafted(
    office: Office, writing: Writing, policy: PaperPolicy, period: Period
) -> tuple[Digest, tuple[Path, ...]]:
    """The draft of a period and its files: as it was frozen, or made and frozen now with its copies."""
    known = queries.one_digest(writing.conn, period.id)
    if known is not None:  # frozen: neither the record nor its files are written over
        return thawed(known), paths_of(office, known)
    issue = 0
    if period.kind != "week":
        issue = papers.next_issue(writing.conn, period.kind, period.from_on.year)
    found = _made(office, writing, period, None, issue)
    paths = _freeze(office, writing, policy, found)
    if period.kind == "week":
        for scope in scopes(office, policy, clock.day_of(writing.at)):
            copy = _made(office, writing, period, scope, 0)
            _freeze(office, writing, policy, copy, parent=found.id, scope=scope)
    return found, paths


def _made(
    office: Office, writing: Writing, period: Period, scope: Scope | None, issue: int
) -> Digest:
    return reports.digest_for(
        office,
        writing.conn,
        period.from_on,
        writing.at,
        kind=period.kind,
        scope=scope,
        issue=issue,
    )


def _freeze(
    office: Office,
    writing: Writing,
    policy: PaperPolicy,
    found: Digest,
    *,
    parent: str = "",
    scope: Scope | None = None,
) -> tuple[Path, ...]:
    paths = reports.write_digest(
        found, office.home.var / "digest", policy.fonts_dir, word=scope is None
    )
    names = [path.relative_to(office.home.var).as_posix() for path in paths]
    hashes = {
        name: papers.sha256(path.read_bytes()) for name, path in zip(names, paths, strict=True)
    }
    row: dict[str, Any] = {
        "id": found.id,
        "from_on": found.frame.from_on,
        "to_on": found.frame.to_on,
        "as_of": writing.at,
        "state": "draft",
        "kind": found.frame.kind,
        "scope": scope.id if scope else "",
        "parent": parent,
        "issue": found.frame.issue,
        "data": canonical(reports.as_json(found)),
        "files": canonical(names),
        "hashes": canonical(hashes),
    }
    why = "".join(found.summary)[:200]
    writing.record(Draft("digest.drafted", f"digest:{found.id}", row, why=why))
    return paths


def scopes(office: Office, policy: PaperPolicy, day: date) -> list[Scope]:
    """Leaders in charge of some units, and heads where they are to get their own unit's."""
    found = [scope for _, scope in leaders(office, day) if scope is not None]
    if policy.to_heads:
        found += [
            Scope(f"unit-{unit.id}", unit.short, frozenset({unit.id}))
            for unit in office.units.values()
            if unit.kind.supervised and unit.holder("head", day) is not None
        ]
    return found


def thawed(row: Row) -> Digest:
    """A digest as it was frozen."""
    return week.from_json(json.loads(row["data"]))


def paths_of(office: Office, row: Row) -> tuple[Path, ...]:
    """The files of a digest."""
    return tuple(office.home.var / name for name in papers.files_of(row))


# ---- approval and publication ------------------------------------------------------------------


def approve(office: Office, writing: Writing, digest: str) -> int:
    """A named person approves a draft, and it leaves; how many letters. Raises InputError."""
    papers.approve_digest(writing, digest)
    return release(office, writing, policy_of(office))


def release(office: Office, writing: Writing, policy: PaperPolicy) -> int:
    """Publish what is approved, needs no approval or has waited long enough; how many letters leave."""
    queued = 0
    for row in papers.unpublished(writing.conn):
        why = reason_to_publish(office, policy, row, writing.at)
        if why:
            papers.publish_digest(writing, row["id"], why)
            queued += _send_all(office, writing, policy, row)
    return queued


def reason_to_publish(office: Office, policy: PaperPolicy, row: Row, now: datetime) -> str:
    """Why a draft may leave now; empty: it may not yet."""
    if row["state"] == "approved":
        return f"{row['approved_by']}审定"
    if not policy.needs_approval:
        return "按设置不须审定"
    waited = working_minutes(
        office.calendar,
        office.settings.works_from,
        office.settings.works_until,
        row["as_of"],
        now,
    )
    if policy.unapproved == "send" and waited >= policy.after_hours * 60:
        return f"等待审定满{policy.after_hours}个工作小时无人处理，按设置发出"
    return ""


def _send_all(office: Office, writing: Writing, policy: PaperPolicy, row: Row) -> int:
    """Letters of a published digest and its copies to leaders and heads, from what was frozen."""
    copies = {each["scope"]: each for each in papers.copies_of(writing.conn, row["id"])}
    queued = 0
    for to, scope in readers(office, policy, row["kind"], clock.day_of(writing.at)):
        told = copies.get(scope, row) if scope else row
        if scope and scope not in copies:
            continue  # somebody's portfolio that came after the draft: the next one tells it
        queued += send(office, writing, thawed(told), paths_of(office, told), to=[to])
    return queued
