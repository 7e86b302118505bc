"""Turns rows of the ledger into what the API answers, and moments into cursors and back."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from duban import clock
from duban.errors import InputError, Place
from duban.intake.submission import read_day
from duban.ledger import events, requests, views
from duban.ledger.queries import Row
from duban.ledger.views import Reader
from duban.portal.api_access import Program
from duban.portal.api_shapes import Asked, Asking, File, Happened, Item, Message, Submission
from duban.portal.items import Item as Shown
from duban.portal.office_pages import who
from duban.portal.shown import EVENT_NAMES
from duban.portal.state import Portal
from duban.portal.unit_pages import own_link
from duban.status import STATE_NAMES

_OFFICE_ONLY = ("proposal.", "ladder.", "notice.")
"""Events that a unit does not read: what is weighed about it, and the wheels of sending."""


def item(shown: Shown) -> Item:
    """An obligation as it stands."""
    return Item(**item_values(shown))


def item_values(shown: Shown) -> dict[str, Any]:
    """The values of an ``Item``."""
    row, standing = shown.row, shown.standing
    same = ("key", "task", "title", "label", "unit", "kind", "role", "state", "due_on", "due_at")
    more = ("original_due_on", "percent", "extended", "returned", "submission")
    return {name: row[name] for name in (*same, *more)} | {
        "unit_name": shown.unit_name,
        "state_name": STATE_NAMES[row["state"]],
        "lamp": standing.lamp.colour,
        "lamp_name": standing.lamp.name,
        "words": standing.words,
        "overdue": standing.overdue,
        "days_overdue": standing.days_overdue,
        "provisional": bool(row["provisional"]),
        "acknowledged": row["acked_at"] is not None,
    }


def asked(shown: Shown) -> list[Asked]:
    """The indicators that an item's report tells."""
    return [
        Asked(
            indicator=each.indicator.id,
            name=each.indicator.name,
            unit=each.indicator.unit,
            target=None if each.target is None else format(each.target, "f"),
            last=each.last,
            last_at=each.last_at,
        )
        for each in shown.asked
    ]


def submissions(conn: Reader, rows: Sequence[Row]) -> list[Submission]:
    """Submissions with their files."""
    files = views.evidence_for(conn, [row["id"] for row in rows])
    return [_submission(row, files.get(row["id"], [])) for row in rows]


def _submission(row: Row, files: Sequence[Row]) -> Submission:
    same = ("id", "unit", "version", "received_at", "stated_on", "progress", "problem", "next_step")
    more = ("percent", "signed_by", "door", "state", "reviewed_at", "review_reason")
    return Submission(
        **{name: row[name] for name in (*same, *more)},
        key=row["obligation"],
        late=bool(row["late"]),
        nil=bool(row["nil"]),
        figures=json.loads(row["figures"]),
        files=[file(each) for each in files],
    )


def asking(row: Row) -> Asking:
    """A request of a unit and what came of it."""
    same = ("kind", "state", "asked_at", "reason", "progress", "decided_at", "decision_reason")
    return Asking(
        **{name: row[name] for name in (*same, "due_on", "original_due_on")},
        request=row["id"],
        key=row["obligation"],
        kind_name=requests.KIND_NAMES[row["kind"]],
        state_name=requests.STATE_NAMES[row["state"]],
        words=requests.words(row),
    )


def file(row: Row) -> File:
    """A file of evidence."""
    return File.model_validate(
        {name: row[name] for name in ("id", "name", "media_type", "size", "sha256")}
    )


def history(portal: Portal, conn: Reader, program: Program, key: str) -> list[Happened]:
    """What happened to an item, oldest first; a unit does not read what the office weighs."""
    return [
        Happened(
            seq=each.seq,
            kind=each.kind,
            name=EVENT_NAMES.get(each.kind, each.kind),
            occurred_at=each.occurred_at,
            recorded_at=each.recorded_at,
            actor=who(portal, each.actor),
            why=each.why,
        )
        for each in events.read_events(conn, obligation=key)
        if not program.unit or not each.kind.startswith(_OFFICE_ONLY)
    ]


def message(row: Row, public_url: str) -> Message:
    """A message without addresses; where a personal link would stand, the address of the unit's page."""
    same = ("id", "kind", "unit", "post", "channel", "subject", "state", "created_at", "settled_at")
    text = own_link(row["text"], public_url)
    return Message(**{name: row[name] for name in same}, text=text, detail=row["detail"])


# ---- cursors and days --------------------------------------------------------------------------


def cursor(at: date | datetime | None, key: str) -> str:
    """Where a page ended, as an opaque text."""
    said = clock.stamp(at) if isinstance(at, datetime) else at and at.isoformat()
    packed = json.dumps([said, key], ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _opened(text: str) -> tuple[str | None, str]:
    try:
        said, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _bad_cursor() from None
    if not isinstance(key, str) or not isinstance(said, str | None) or "\0" in key:
        raise _bad_cursor()
    return said, key


def _bad_cursor() -> InputError:
    way_out = "用上一页回答里的 next，不要自己拼。"
    return InputError.one("cursor", Place("cursor"), "这不是上一页给的。", way_out)


def after_day(text: str) -> tuple[date | None, str] | None:
    """Where a list by due goes on; None for its beginning. Raises InputError."""
    if not text:
        return None
    said, key = _opened(text)
    found = read_day(said) if said else None
    if said and found is None:
        raise _bad_cursor()
    return found, key


def after_moment(text: str) -> tuple[datetime, str] | None:
    """Where a list by moment goes on; None for its beginning. Raises InputError."""
    if not text:
        return None
    said, key = _opened(text)
    try:
        moment = clock.parse_stamp(said or "")
    except (ValueError, OverflowError):
        raise _bad_cursor() from None
    return moment, key


def day(text: str, field: str) -> date | None:
    """A day of a query, None when it is not given. Raises InputError."""
    if not text:
        return None
    found = read_day(text)
    if found is None:
        message = f"“{text}”不是日期。"
        raise InputError.one("day", Place(field), message, "写成 2026-11-23。")
    return found
