"""Lays a saved preview beside the ledger: what came as foreseen, what did not, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from duban import clock
from duban.errors import NOWHERE, InputError
from duban.ledger import foretold
from duban.ledger.foretold import Act
from duban.office import Office
from duban.rehearsal.compare import Difference, Known, compare
from duban.rehearsal.gather import files_of, happened
from duban.rehearsal.values import Preview
from duban.stages import SLOTS


def against(office: Office, preview: Preview, now: datetime) -> list[Difference]:
    """How what happened up to ``now`` differs from ``preview``. Raises InputError for another ledger's."""
    until = min(now, clock.end_of(preview.until))
    with office.ledger.read() as conn:
        _same_ledger(foretold.hash_at(conn, preview.seq), preview)
        messages, unsaid = happened(office, conn, preview.seq, until)
        acts = foretold.acts_since(conn, preview.seq)
        worked = _worked(acts)
        known = Known(
            messages=messages,
            unsaid=unsaid,
            acts=acts,
            until=until,
            worked=worked,
            idle=_idle(office, preview, until, worked),
            files=_changed(preview.files, files_of(office.home)),
        )
    return compare(preview, known)


def _worked(acts: Sequence[Act]) -> frozenset[date]:
    """Days for which reminders were worked since the preview was made."""
    ticks = (act for act in acts if act.kind == "stage.ticked" and act.subject == "stage:remind")
    return frozenset(clock.day_of(clock.parse_stamp(act.row["logical_at"])) for act in ticks)


def _idle(
    office: Office, preview: Preview, until: datetime, worked: frozenset[date]
) -> tuple[date, ...]:
    """Working days on which reminders should have been worked by now and were not."""
    first, slot = clock.day_of(preview.made_at), SLOTS["remind"]
    days = (first + timedelta(days=number) for number in range(preview.days + 1))
    return tuple(
        day
        for day in days
        if preview.made_at < clock.at(day, slot) <= until
        and office.calendar.is_workday(day)
        and day not in worked
    )


def _same_ledger(head: str, preview: Preview) -> None:
    if preview.seq and head != preview.head:
        raise InputError.one(
            "other-ledger",
            NOWHERE,
            "这份预演不是在这本台账上做的，不能对照。",
            "用 --home 指到做预演时的文件夹，或重新 duban preview --save。",
        )


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    names = sorted(before.keys() | now.keys())
    return tuple(name for name in names if before.get(name) != now.get(name))
