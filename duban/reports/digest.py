"""The weekly digest (督查周报): gathered from the ledger, made once, written as page, note, paper and JSON."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

from duban import clock
from duban.ledger import figures, queries
from duban.ledger.figures import Connection
from duban.matrix.model import Unit
from duban.office import Office
from duban.reports.digestpaper import docx_bytes, write_docx
from duban.reports.mailpage import render_html
from duban.reports.note import BOT_BYTES, render_bot, render_markdown, render_text
from duban.reports.week import Digest, Frame, as_json
from duban.reports.weekitems import Rules
from duban.reports.weekwork import WEEK_NAMES, build, month_start

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

TITLE = "重点任务督查周报"
PAGE = "/office/digests"
"""Where the portal lists digests and their files."""


def digest_id(day: date) -> str:
    """The ISO week of a day: 2026-W47."""
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"


def digest_for(office: Office, conn: Connection, week_of: date, as_of: datetime) -> Digest:
    """The digest of the week that ``week_of`` lies in, from what the ledger knows at ``as_of``."""
    frame = _frame(office, conn, week_of, as_of)
    earliest = clock.at(frame.from_on - timedelta(days=7 * (len(WEEK_NAMES) - 1)))
    known = figures.gather(
        conn,
        office.matrix.plan.id,
        since=min(earliest, month_start(frame.to_on)),
        week_since=clock.at(frame.from_on),
        until=as_of,
    )
    return build(frame, known, _rules(office), _vacancies(office, as_of))


def _frame(office: Office, conn: Connection, week_of: date, as_of: datetime) -> Frame:
    from_on = week_of - timedelta(days=week_of.weekday())
    found = digest_id(week_of)
    return Frame(
        id=found,
        from_on=from_on,
        to_on=from_on + timedelta(days=6),
        as_of=clock.local(as_of),
        title=TITLE,
        plan_title=office.matrix.plan.title,
        office=office.settings.office_name,
        issuer=office.settings.issuer,
        contact=office.settings.contact,
        url=f"{office.settings.public_url}{PAGE}#{found}",
        example=office.home.example or queries.is_example(conn),
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


def write_digest(digest: Digest, folder: Path) -> tuple[Path, ...]:
    """Write ``{id}.html``, ``.md``, ``.docx`` and ``.json``, each whole or not at all; their paths.

    The same digest gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(as_json(digest), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    contents = {
        ".html": render_html(digest).encode(),
        ".md": render_markdown(digest).encode(),
        ".docx": docx_bytes(digest),
        ".json": data.encode(),
    }
    return tuple(
        _write(folder / f"{digest.id}{suffix}", content) for suffix, content in contents.items()
    )


def _write(path: Path, content: bytes) -> Path:
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
