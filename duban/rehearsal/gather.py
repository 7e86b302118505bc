"""Gathers what was said and not said after an event, from a rehearsal or from the real ledger alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from duban import clock
from duban.errors import Issues
from duban.ledger import foretold
from duban.ledger.queries import Row
from duban.ledger.views import Reader
from duban.office import Office
from duban.rehearsal.values import OUTCOMES, Item, Told, Unsaid
from duban.settings import Home
from notifier.config import Channels, load_channels

_HELD: Mapping[str, str] = {
    "hours": "不在工作时间，顺到下一工作时段",
    "today": "此人当天的消息已发，并入下一工作日",
    "cap": "此人当天的加急消息已到上限，改日再发",
}


def happened(
    office: Office, conn: Reader, seq: int, until: datetime | None = None
) -> tuple[tuple[Told, ...], tuple[Unsaid, ...]]:
    """Messages to persons queued after the event ``seq`` (not later than ``until``), and what was not said."""
    rows = [
        row
        for row in foretold.queued_since(conn, seq)
        if row["kind"] != "digest" and (until is None or row["created_at"] <= until)
    ]
    touched = foretold.touched_since(conn, seq)
    items = _items_by_message(touched)
    channels = load_channels(office.home, Issues())
    told = tuple(_told(office, channels, row, items) for row in rows)
    unsaid = tuple(
        _unsaid(office, row, at)
        for row, at in touched
        if row["outcome"] != "grouped" and (until is None or at <= until)
    )
    return told, unsaid


def files_of(home: Home) -> dict[str, str]:
    """The text files of a home and the hash of each: what a preview depends on besides the ledger."""
    paths = [*home.config.rglob("*.*"), *home.tasks_def.glob("*/*.yaml")]
    return {
        home.shown(path): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(paths)
        if path.is_file()
    }


def _items_by_message(touched: Sequence[tuple[Row, datetime]]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for row, _ in touched:
        if row["message"] and row["outcome"] == "grouped":
            found.setdefault(_base(row["message"]), []).append(_item(row))
    return found


def _base(key: str) -> str:
    return key.partition("#")[0]


def _item(row: Row) -> Item:
    return Item(
        notice=row["id"],
        obligation=row["obligation"],
        unit=row["unit"],
        task=row["task"],
        title=row["title"],
        label=row["label"],
        due_on=row["due_on"].isoformat() if row["due_on"] else "",
        rung=row["rung"],
        recipient=row["recipient"],
        kind=row["kind"],
        reason=row["reason"],
    )


def _told(
    office: Office, channels: Channels, row: Row, items: Mapping[str, Sequence[Item]]
) -> Told:
    base, _, number = row["id"].partition("#")
    part, _, parts = number.partition("/")
    own = sorted(items.get(base, ()), key=lambda item: (item.due_on, item.notice))
    channel = channels.by_id.get(row["channel"])
    return Told(
        id=row["id"],
        day=clock.day_of(row["created_at"]).isoformat(),
        at=clock.local(row["created_at"]).isoformat(),
        kind=row["kind"],
        unit=row["unit"],
        unit_name=_unit_name(office, row["unit"]),
        post=row["post"],
        person=row["person"],
        address=row["address"],
        channel=row["channel"],
        channel_name=channel.name if channel else row["channel"],
        form=channel.form if channel else "",
        subject=row["subject"],
        text=row["text"],
        bytes=len(row["text"].encode()),
        html_bytes=len(row["html"].encode()),
        html_hash=hashlib.sha256(row["html"].encode()).hexdigest()[:16] if row["html"] else "",
        limit_bytes=channel.limit_bytes if channel else 0,
        part=int(part or 1),
        parts=int(parts or 1),
        lines=len({item.obligation for item in own}),
        items=tuple(own) if part in {"", "1"} else (),
    )


def _unsaid(office: Office, row: Row, at: datetime) -> Unsaid:
    waits = _HELD.get(row["held"], "") if row["outcome"] == "pending" else ""
    return Unsaid(
        day=clock.day_of(at).isoformat(),
        unit_name=_unit_name(office, row["unit"]),
        outcome=row["outcome"],
        outcome_name=waits or OUTCOMES.get(row["outcome"], row["outcome"]),
        item=_item(row),
    )


def _unit_name(office: Office, key: str) -> str:
    unit = office.matrix.directory.units.get(key)
    return unit.short if unit else key
