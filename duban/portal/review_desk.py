"""Puts the review desk together: the queue with lamps and flags, and one report beside the one before.

A report's lamp is that of the moment it came in: how long it lies on the office's desk is not the unit's
doing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from markupsafe import Markup

from duban import clock
from duban.intake.flags import Case, Figure, Flag, Told, flags
from duban.intake.submission import TEXT_NAMES
from duban.lamps import Lamp
from duban.ledger import queries, reviews, views
from duban.ledger.queries import Row
from duban.ledger.reviews import Beside
from duban.ledger.views import Reader
from duban.matrix.model import Task
from duban.office import Office
from duban.portal.items import stand, unit_name
from duban.portal.textdiff import compared

PER_PAGE = 50
MOST_FLAGGED = 400
"""So many of the oldest reports are looked at when the queue is narrowed to a flag."""
ORDERS = {"age": "先报先审", "lamp": "先红后绿"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the queue is narrowed to, and its order; empty means all."""

    unit: str = ""
    task: str = ""
    lamp: str = ""
    flag: str = ""
    kind: str = ""
    order: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        """As the parameters of an address."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Line:
    """One report in the queue. ``waited``: working days that it has been lying here."""

    row: Row
    lamp: Lamp
    words: str
    unit_name: str
    waited: int
    flags: tuple[Flag, ...] = ()

    @property
    def id(self) -> str:
        """The report's id."""
        return str(self.row["id"])


@dataclass(frozen=True, slots=True)
class Change:
    """A number beside the one before."""

    name: str
    unit: str
    old: Decimal | None
    new: Decimal | None

    @property
    def step(self) -> str:
        """By how much it changed: +8, -2, 0; empty where there is nothing to compare."""
        if self.old is None or self.new is None:
            return ""
        return f"{self.new - self.old:+f}" if self.new != self.old else "0"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a report's text beside the one before, with what changed marked."""

    name: str
    old: Markup
    new: Markup


@dataclass(frozen=True, slots=True)
class Chosen:
    """The report that is looked at, with everything beside it."""

    line: Line
    row: Row
    task: Task | None
    other: Row | None
    other_name: str
    changes: tuple[Change, ...]
    parts: tuple[Part, ...]
    versions: Sequence[Row]
    files: Mapping[str, list[Row]]
    place: int
    previous: str
    following: str


@dataclass(frozen=True, slots=True)
class Desk:
    """The queue's page and the report that is looked at. ``total``: all that wait; ``count``: as narrowed."""

    lines: tuple[Line, ...]
    chosen: Chosen | None
    total: int
    count: int
    number: int
    pages: int
    units: tuple[tuple[str, str], ...]
    tasks: tuple[str, ...]


def desk(
    office: Office, conn: Reader, wanted: Wanted, now: datetime, *, at: str = "", number: int = 1
) -> Desk:
    """The desk: ``at`` is looked at where it still waits, else the first; a constant number of queries."""
    rows = reviews.waiting(conn)
    lines = _narrowed(office, conn, [_line(office, row, now) for row in rows], wanted)
    place = next((n for n, line in enumerate(lines) if line.id == at), -1)
    pages = max(1, -(-len(lines) // PER_PAGE))
    number = place // PER_PAGE + 1 if place >= 0 else min(max(number, 1), pages)
    start = (number - 1) * PER_PAGE
    shown = lines[start : start + PER_PAGE]
    texts, beside = _looked_at(conn, shown)
    shown = [_flagged(office, line, texts, beside) for line in shown]
    place = max(place, start)
    chosen = None
    if shown:
        line = shown[place - start]
        row = texts[line.id]
        chosen = _chosen(office, conn, lines, line, place=place, row=row, beside=beside)
    return Desk(
        tuple(shown),
        chosen,
        len(rows),
        len(lines),
        number,
        pages,
        _named(office, rows),
        tuple(sorted({row["task"] for row in rows})),
    )


def _named(office: Office, rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    units = sorted({row["unit"] for row in rows})
    return tuple((unit, unit_name(office, unit)) for unit in units)


def _line(office: Office, row: Row, now: datetime) -> Line:
    came = stand(office, cast(Row, {**row, "state": "active"}), row["received_at"])
    if row["due_on"] is None:
        words = "未设时限"
    elif came.overdue:
        words = f"迟报{came.days_overdue}天" if came.days_overdue else "当天迟报"
    else:
        words = "按时报"
    received_on = clock.day_of(row["received_at"])
    return Line(
        row,
        came.lamp,
        words,
        unit_name(office, row["unit"]),
        office.calendar.between(received_on, clock.day_of(now)),
    )


def _narrowed(office: Office, conn: Reader, lines: list[Line], wanted: Wanted) -> list[Line]:
    found = [
        line
        for line in lines
        if wanted.unit in {"", line.row["unit"]}
        and wanted.task in {"", line.row["task"]}
        and wanted.kind in {"", line.row["kind"]}
        and wanted.lamp in {"", line.lamp.colour}
    ]
    if wanted.order == "lamp":
        rank = {lamp.colour: place for place, lamp in enumerate(office.lamps.all)}
        found.sort(key=lambda line: rank[line.lamp.colour])
    if not wanted.flag:
        return found
    some = found[:MOST_FLAGGED]
    texts, beside = _looked_at(conn, some)
    marked = [_flagged(office, line, texts, beside) for line in some]
    return [line for line in marked if _has(line, wanted.flag)]


def _has(line: Line, flag: str) -> bool:
    return bool(line.flags) if flag == "any" else any(each.code == flag for each in line.flags)


def _looked_at(conn: Reader, lines: Sequence[Line]) -> tuple[dict[str, Row], Beside]:
    texts = reviews.whole(conn, [line.id for line in lines])
    return texts, reviews.beside(conn, list(texts.values()))


# ---- flags --------------------------------------------------------------------------------------


def _flagged(office: Office, line: Line, texts: Mapping[str, Row], beside: Beside) -> Line:
    return replace(line, flags=flags(_case(office, texts[line.id], beside)))


def _case(office: Office, row: Row, beside: Beside) -> Case:
    before, sent_back = beside.before.get(row["id"]), beside.sent_back.get(row["id"])
    task = office.matrix.tasks_by_id.get(row["task"])
    files = beside.files.get(row["id"], [])
    return Case(
        told=_told(row),
        nil=bool(row["nil"]),
        before=_told(before, label=before["label"]) if before else None,
        same_item=before is not None
        and (row["kind"] != "milestone" or before["obligation"] == row["obligation"]),
        sent_back=_told(sent_back) if sent_back else None,
        peers=[
            (unit_name(office, peer["unit"]), peer["progress"])
            for peer in beside.peers.get((row["task"], row["period"]), [])
            if peer["unit"] != row["unit"]
        ],
        figures={
            each.id: Figure(each.name, each.measure) for each in office.matrix.plan.indicators
        },
        wants_evidence=bool(task and task.evidence),
        files=len(files),
        old_files=[
            (file["name"], where)
            for file in files
            if (where := _came_before(office, row, beside.seen.get(file["sha256"], [])))
        ],
        stated_on=row["stated_on"],
        received_on=clock.day_of(row["received_at"]),
    )


def _told(row: Row, label: str = "") -> Told:
    figures = {key: Decimal(value) for key, value in json.loads(row["figures"]).items()}
    return Told(row["progress"], row["percent"], figures, label)


def _came_before(office: Office, row: Row, seen: Sequence[Row]) -> str:
    """Where a file came first with another item; the same item's own versions do not count."""
    for each in seen:
        earlier = (each["received_at"], each["submission"]) < (row["received_at"], row["id"])
        if earlier and each["obligation"] != row["obligation"]:
            return f"{unit_name(office, each['unit'])}“{each['title']}”{each['label']}"
    return ""


# ---- one report ---------------------------------------------------------------------------------


def _chosen(
    office: Office,
    conn: Reader,
    lines: Sequence[Line],
    line: Line,
    *,
    place: int,
    row: Row,
    beside: Beside,
) -> Chosen:
    versions = queries.submissions(conn, row["obligation"])
    other, name = _other(row, beside)
    return Chosen(
        line,
        row,
        office.matrix.tasks_by_id.get(row["task"]),
        other,
        name,
        _changes(office, row, other),
        _parts(row, other),
        versions,
        views.evidence_for(conn, [each["id"] for each in versions]),
        place,
        lines[place - 1].id if place else "",
        lines[place + 1].id if place + 1 < len(lines) else "",
    )


def _other(row: Row, beside: Beside) -> tuple[Row | None, str]:
    """What stands beside a report: the version that was returned, else what was said last time."""
    sent_back = beside.sent_back.get(row["id"])
    if sent_back is not None:
        return sent_back, f"第{sent_back['version']}次（已退回）"
    before = beside.before.get(row["id"])
    if before is None:
        return None, "上次"
    same = before["obligation"] == row["obligation"]
    return before, f"第{before['version']}次" if same else f"上次（{before['label']}）"


def _changes(office: Office, row: Row, other: Row | None) -> tuple[Change, ...]:
    new, old = _told(row), _told(other) if other is not None else Told()
    found = []
    if new.percent is not None:
        found.append(Change("累计进度", "%", _exact(old.percent), _exact(new.percent)))
    found += [
        Change(each.name, each.unit, old.figures.get(each.id), new.figures.get(each.id))
        for each in office.matrix.plan.indicators
        if each.id in new.figures or each.id in old.figures
    ]
    return tuple(found)


def _exact(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _parts(row: Row, other: Row | None) -> tuple[Part, ...]:
    found = []
    for key, name in TEXT_NAMES.items():
        new, old = row[key], other[key] if other is not None else ""
        if new or old:
            # Without anything before, all of it would be marked as new: nothing is.
            marked = compared(old, new) if other is not None else (Markup(), Markup.escape(new))
            found.append(Part(name, *marked))
    return tuple(found)


def rest_due(office: Office, now: datetime) -> date:
    """When what is still owed is due by itself: as many working days as a return gives."""
    return office.calendar.add(clock.day_of(now), office.reminders.resubmit_days)
