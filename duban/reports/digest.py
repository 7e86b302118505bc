"""The weekly digest (督查周报): gathered from the ledger, made once, written as page, note, paper and JSON."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from duban import clock
from duban.ledger import figures, queries
from duban.ledger.figures import Connection
from duban.matrix.model import Unit
from duban.office import Office
from duban.reports import bulletinpaper, fonts
from duban.reports.digestpaper import Writer, docx_bytes, pdf_bytes, write_docx
from duban.reports.mailpage import render_html
from duban.reports.note import BOT_BYTES, render_bot, render_markdown, render_text
from duban.reports.periods import WORDS, Period, period_of
from duban.reports.week import Digest, Frame, as_json
from duban.reports.weekitems import Rules
from duban.reports.weekwork import build, month_start

__all__ = [
    "BOT_BYTES",
    "Digest",
    "as_json",
    "build",
    "digest_for",
    "digest_id",
    "render_bot",
    "render_html",
    "render_markdown",
    "render_text",
    "write_digest",
    "write_docx",
]

PAGE = "/office/digests"
"""Where the portal lists digests and their files."""


def digest_id(day: date) -> str:
    """The ISO week of a day: 2026-W47."""
    return period_of("week", day).id


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose items a digest tells: a leader's portfolio or one unit. ``id`` goes into names of files."""

    id: str
    name: str
    units: frozenset[str]


def digest_for(
    office: Office,
    conn: Connection,
    day: date,
    as_of: datetime,
    *,
    kind: str = "week",
    scope: Scope | None = None,
    issue: int = 0,
) -> Digest:
    """The digest of the week (month, quarter) that ``day`` lies in, from what the ledger knows at ``as_of``.

    ``issue``: 第几期 of a bulletin.
    """
    frame = _frame(office, conn, period_of(kind, day), as_of, scope)
    if issue:
        frame = replace(frame, issue=issue)
    earliest = clock.at(frame.period.three[2].from_on)
    known = figures.gather(
        conn,
        office.matrix.plan.id,
        since=min(earliest, month_start(frame.to_on)),
        week_since=clock.at(frame.from_on),
        until=as_of,
        units=None if scope is None else scope.units,
    )
    return build(frame, known, _rules(office), _vacancies(office, as_of))


def _frame(
    office: Office, conn: Connection, period: Period, as_of: datetime, scope: Scope | None
) -> Frame:
    found = period.id if scope is None else f"{period.id}-{scope.id}"
    return Frame(
        id=found,
        from_on=period.from_on,
        to_on=period.to_on,
        as_of=clock.local(as_of),
        title=WORDS[period.kind].title,
        plan_title=office.matrix.plan.title,
        office=office.settings.office_name,
        issuer=office.settings.issuer,
        contact=office.settings.contact,
        url=f"{office.settings.public_url}{PAGE}#{period.id}",
        example=office.home.example or queries.is_example(conn),
        kind=period.kind,
        scope="" if scope is None else scope.name,
    )


def _rules(office: Office) -> Rules:
    return Rules(
        calendar=office.calendar,
        lamps=office.lamps,
        steps=tuple(step.id for step in office.escalation.steps),
        groups=tuple(dict.fromkeys(unit.group for unit in office.units.values())),
    )


def _vacancies(office: Office, as_of: datetime) -> dict[str, str]:
    """Units whose liaison cannot be reached, with what the office should do about it."""
    day = clock.day_of(as_of)
    return {
        unit.id: _vacancy(unit, day)
        for unit in office.units.values()
        if unit.holder("liaison", day) is None
    }


def _vacancy(unit: Unit, day: date) -> str:
    others = any(unit.holder(post, day) for post in ("section", "deputy", "head"))
    where = "通知改发本单位上一级岗位" if others else "通知改发办公室所在单位"
    return f"空缺或没有地址，{where}，请在 config/units.yaml 补填"


def write_digest(
    digest: Digest, folder: Path, fonts_dir: Path | None = None, *, word: bool = True
) -> tuple[Path, ...]:
    """Write ``{id}.html``, ``.md``, ``.docx``, ``.pdf`` and ``.json``, each whole or not at all; their paths.

    The same digest gives the same bytes. ``word=False``: no Word draft, which only the office edits. Without a Chinese font on the machine there is no PDF: ``doctor``
    says so, and nothing else is held up by it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writer = None if digest.frame.kind == "week" else bulletinpaper.write
    data = json.dumps(as_json(digest), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    contents = {
        ".html": render_html(digest, drawings=True).encode(),
        ".md": render_markdown(digest).encode(),
        **({".docx": docx_bytes(digest, writer)} if word else {}),
        **_pdf(digest, fonts_dir, writer),
        ".json": data.encode(),
    }
    return tuple(
        write_whole(folder / f"{digest.id}{suffix}", content)
        for suffix, content in contents.items()
    )


def _pdf(digest: Digest, fonts_dir: Path | None, writer: Writer | None) -> dict[str, bytes]:
    if fonts.choose(fonts.families(fonts_dir)) is None:
        return {}
    return {".pdf": pdf_bytes(digest, fonts_dir, writer)}


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all; its path."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path
