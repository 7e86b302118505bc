"""What a preview holds, as values, and its JSON. Pure.

The same values describe what was foreseen and what then happened, so that the two can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any

from duban.errors import NOWHERE, InputError

FORMAT = "duban-preview/1"

OUTCOMES: Mapping[str, str] = {
    "pending": "待发",
    "grouped": "已并入消息",
    "superseded": "并入后一梯级",
    "inhibited": "因督办免扰",
    "silenced": "免扰期内未发",
    "acknowledged": "已签收未发",
    "submitted": "已报送未发",
    "closed": "已办结未发",
    "cancelled": "已取消未发",
    "suspended": "暂缓未发",
    "unstarted": "未起算",
    "moot": "状态已变未发",
}
"""What became of a candidate, in a word."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line's cause: a candidate (``notice``) that a message says, or that is not said."""

    notice: str
    obligation: str
    unit: str
    task: str
    title: str
    label: str
    due_on: str  # ISO, empty: no date yet
    rung: str
    recipient: str  # the post it is meant for
    kind: str
    reason: str

    @property
    def name(self) -> str:
        """As a sentence names it: “建立机制（办结）”."""
        return f"“{self.title}（{self.label}）”" if self.label else f"“{self.title}”"


@dataclass(frozen=True, slots=True)
class Told:
    """A message exactly as it is queued. ``bytes``: of the text in UTF-8; ``html_bytes`` of the HTML part.

    ``part`` of ``parts``: a channel that limits bytes gets several; ``limit_bytes`` 0: no limit.
    """

    id: str
    day: str
    at: str
    kind: str
    unit: str
    unit_name: str
    post: str
    person: str
    address: str
    channel: str
    channel_name: str
    form: str
    subject: str
    text: str
    bytes: int
    html_bytes: int
    html_hash: str
    limit_bytes: int
    part: int
    parts: int
    lines: int
    items: tuple[Item, ...] = ()

    @property
    def base(self) -> str:
        """The id of the whole message, without the number of the part."""
        return self.id.partition("#")[0]


@dataclass(frozen=True, slots=True)
class Unsaid:
    """A candidate that is not said, or not on its day, and why. ``outcome``: a key of OUTCOMES."""

    day: str
    unit_name: str
    outcome: str
    outcome_name: str
    item: Item


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be said from ``as_of`` on for ``days`` days, if nothing changes meanwhile.

    ``seq`` and ``head``: the newest event it was made on; ``files``: the text files and their hashes.
    """

    as_of: str
    days: int
    last_day: str
    seq: int
    head: str
    files: Mapping[str, str] = field(default_factory=dict)
    messages: tuple[Told, ...] = ()
    unsaid: tuple[Unsaid, ...] = ()

    @property
    def made_at(self) -> datetime:
        """The moment it was made."""
        return datetime.fromisoformat(self.as_of)

    @property
    def until(self) -> date:
        """The last day it covers."""
        return date.fromisoformat(self.last_day)


def as_json(preview: Preview) -> dict[str, Any]:
    """The documented JSON of a preview."""
    return {"format": FORMAT, **asdict(preview)}


def message_json(told: Told) -> dict[str, Any]:
    """The documented JSON of one message."""
    return asdict(told)


def read(text: str, name: str) -> Preview:
    """A preview from its JSON. Raises InputError for a file that holds none."""
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise _none(name)
        rows = {each.name: data[each.name] for each in fields(Preview)}
        rows["messages"] = tuple(_told(row) for row in data["messages"])
        rows["unsaid"] = tuple(_unsaid(row) for row in data["unsaid"])
        found = Preview(**rows)
        _ = found.made_at, found.until
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _none(name) from None
    return found


def _told(row: Mapping[str, Any]) -> Told:
    return Told(**{**row, "items": tuple(Item(**item) for item in row["items"])})


def _unsaid(row: Mapping[str, Any]) -> Unsaid:
    return Unsaid(**{**row, "item": Item(**row["item"])})


def _none(name: str) -> InputError:
    return InputError.one(
        "not-a-preview",
        NOWHERE,
        f"{name} 不是保存下来的预演。",
        "用 duban preview --save 文件.json 保存，过些日子再用 --against 对照。",
    )


def whole(messages: Iterable[Told]) -> dict[str, list[Told]]:
    """Messages by their id without part numbers, parts in order."""
    found: dict[str, list[Told]] = {}
    for each in sorted(messages, key=lambda told: (told.at, told.base, told.part)):
        found.setdefault(each.base, []).append(each)
    return found
