"""What a message says, as values: one line per obligation, one bundle per person and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

KINDS = (
    "supervise",
    "advise",
    "urge",
    "returned",
    "answered",
    "handover",
    "request",
    "summary",
    "remind",
    "cleared",
)
"""Kinds of line, the weightiest first."""

KIND_NAMES = {
    "supervise": "督办",
    "advise": "提示",
    "urge": "催办",
    "returned": "退回",
    "answered": "答复",
    "handover": "交接",
    "request": "报送通知",
    "summary": "总清单",
    "remind": "提醒",
    "cleared": "销号",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One obligation as a message tells it.

    ``due_on`` None: no date yet. ``status_text``: 逾期3天, 今天到期, 还剩5个工作日. ``lamp``: the word of the
    county's lamp (红灯), empty when there is none. ``unit_name`` only when it is not the reader's unit.
    """

    obligation: str
    task: str
    title: str
    label: str  # the period: 2026年一季度, 办结
    phrase: str  # the deadline as the plan words it
    due_on: date | None
    due_text: str
    status_text: str
    lamp: str
    url: str
    kind: str
    reason: str  # why this reader gets this line
    urgent: bool = False
    unit_name: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a message: a post of a unit and its holder. ``note``: how it came to them, if by a detour."""

    unit: str
    unit_name: str
    post: str
    person: str
    address: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One message to one person: its lines in reading order. ``link``: the reader's personal page."""

    person: str
    unit_name: str
    unit: str
    post: str
    day: date
    lines: tuple[Line, ...]
    office: str
    contact: str
    link: str
    example: bool
    urgent: bool
    address: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that fall due about the same time, under one heading."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in its final forms; nothing converts one into another.

    ``text`` and ``html`` are the mail; ``md`` is for bots, ``chat`` for channels of plain text.
    ``problems``: which of the office's templates could not be used, and why.
    """

    subject: str
    text: str
    html: str
    md: str
    chat: str = ""
    problems: tuple[str, ...] = ()
