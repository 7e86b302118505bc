"""The stages of the work: each gathers, decides and applies for a logical moment. No Prefect here.

A stage covers every gap since its last recorded tick, and running it twice for the same moment changes
nothing. The flows call these functions, and so does ``duban run … --direct`` when Prefect is down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from importlib import import_module
from typing import TYPE_CHECKING

from duban import clock
from duban.errors import UsageError

if TYPE_CHECKING:
    from duban.office import Office

STAGES: tuple[str, ...] = (
    "publish",
    "remind",
    "collect",
    "escalate",
    "digest",
    "assess",
    "deliver",
    "upkeep",
)

SLOTS: Mapping[str, time] = {
    "publish": time(7, 40),
    "collect": time(7, 50),
    "digest": time(8, 0),
    "escalate": time(8, 10),
    "remind": time(8, 30),
    "assess": time(6, 0),
    "upkeep": time(3, 30),
    "deliver": time(8, 35),
}
"""The time of day that a logical date stands for; flows are scheduled by the same table."""


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a stage did: counts by Chinese name, sentences worth reading, files written."""

    stage: str
    logical_at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    outside: bool = False  # something outside failed; nothing is lost, a later run goes on

    def as_json(self) -> dict[str, object]:
        """The documented keys of a report."""
        return {
            "stage": self.stage,
            "logical_at": self.logical_at.isoformat(),
            "counts": dict(self.counts),
            "lines": list(self.lines),
            "files": list(self.files),
            "outside": self.outside,
        }


Stage = Callable[["Office", datetime], StageReport]


def stage_function(name: str) -> Stage:
    """The function of a stage by name. Raises KeyError for a name that is none."""
    if name not in STAGES:
        raise KeyError(name)
    found: Stage = import_module(f"duban.stages.{name}").run
    return found


def logical_moment(name: str, on: date | None, slot: datetime | None, now: datetime) -> datetime:
    """The moment a stage works for: the slot it was scheduled for, or its time on a given day.

    Today is worked at the present moment once its slot has passed, so that what came in since counts.
    """
    if slot is not None:
        return clock.local(slot)
    if on is None or on == clock.day_of(now):
        return max(now, clock.at(clock.day_of(now), SLOTS[name])) if on is not None else now
    return clock.at(on, SLOTS[name])


def run_stage(
    name: str, home: str | None = None, on: date | None = None, slot: datetime | None = None
) -> StageReport:
    """Open the office at ``home`` and run one stage for a logical date. Raises DubanError."""
    from duban.office import open_office
    from duban.settings import find_home

    with open_office(find_home(home), create=False) as office:
        now = office.ledger.now()
        if on is not None and on > clock.day_of(now) and not office.home.example:
            raise UsageError(
                f"{on} 还没有到，正式台账不能预先处理。", "去掉 --date，或用 duban preview 预演。"
            )
        return stage_function(name)(office, logical_moment(name, on, slot, now))
