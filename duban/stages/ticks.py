"""Records that a stage has worked up to a moment; the next run begins where this one ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from duban import clock
from duban.errors import NOWHERE, InputError
from duban.ledger import queries
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.office import Office
from duban.stages import StageReport


def begins(office: Office, writing: Writing, stage: str) -> datetime:
    """The moment after which this stage has not worked yet: its last tick, else the first day of use."""
    known = _known(writing, stage)
    if known is not None:
        return known
    return clock.at(in_use_from(office, writing)) - timedelta(seconds=1)


def _known(writing: Writing, stage: str) -> datetime | None:
    """The last tick that can be true: one in the future came from a mistaken date and does not count."""
    found = queries.last_tick(writing.conn, stage)
    horizon = max(writing.at, writing.recorded_at)
    return found.logical_at if found is not None and found.logical_at <= horizon else None


def in_use_from(office: Office, writing: Writing) -> date:
    """The day from which the plan is worked. Raises InputError before the first apply."""
    row = queries.plan_row(writing.conn, office.matrix.plan.id)
    if row is None:
        raise InputError.one(
            "not-applied",
            NOWHERE,
            "任务分工还没有写入台账。",
            "先运行 duban check 和 duban apply。",
        )
    found: date = row["in_use_from"]
    return found


def resting(writing: Writing, stage: str, at: datetime) -> StageReport:
    """What a stage does on a rest day: nothing but to say that it ran. The next working day covers it."""
    tick(writing, stage, at, {})
    return StageReport(stage, at, lines=(f"{clock.day_of(at)}是休息日，顺到下一个工作日。",))


def tick(writing: Writing, stage: str, at: datetime, counts: Mapping[str, int]) -> None:
    """Record the tick in the same transaction as what it did; a moment already passed is not recorded."""
    known = _known(writing, stage)
    if known is not None and known >= at:
        return
    row = {
        "stage": stage,
        "logical_at": at,
        "finished_at": writing.recorded_at,
        "counts": canonical(dict(counts)),
    }
    writing.record(Draft("stage.ticked", f"stage:{stage}", row))
