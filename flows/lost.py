"""Which runs are lost, and what becomes of them: pure decisions, free of Prefect.

The limits are ours (*default*): three runs in all, for a day, and never one that may still live.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

RUNS_AT_MOST = 3
GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_RUN = timedelta(hours=2)
"""Longer than any flow's ``timeout_seconds``: a run by hand sends no heartbeat."""

T = TypeVar("T")


class Verdict(StrEnum):
    """What becomes of a run, as the operator reads it."""

    ALIVE = "仍在运行"
    CANCELLED = "取消已完成"
    AGAIN = "异常终止，重新运行"
    ENDED = "异常终止，不再重来"
    SUPERSEDED = "错过的时点，由更近的一次补上"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the decision needs to know of one run; ``state`` is the name of Prefect's state type."""

    state: str
    last_sign: datetime
    slot: datetime
    run_count: int
    deployed: bool


def verdict(seen: Seen, moment: datetime, quiet: timedelta) -> Verdict:
    """What becomes of an open or crashed run whose last sign of life was then."""
    if seen.state != "CRASHED":
        patience = quiet if seen.deployed else max(quiet, LONGEST_RUN)
        if moment - seen.last_sign < patience:
            return Verdict.ALIVE
    if seen.state == "CANCELLING":
        return Verdict.CANCELLED
    # Nobody would start a run by hand again; a slot of yesterday is covered by today's.
    hopeless = not seen.deployed or seen.run_count >= RUNS_AT_MOST
    return Verdict.ENDED if hopeless or moment - seen.slot > GIVE_UP_AFTER else Verdict.AGAIN


def superseded(
    late: Iterable[T], *, line: Callable[[T], Hashable], slot: Callable[[T], datetime]
) -> list[T]:
    """Of the runs that are late, those whose line (deployment) has a newer late slot.

    Prefect would start them all at once after an outage; a stage covers every gap since its last
    tick, so the newest slot alone does the work of all.
    """
    newest: dict[Hashable, T] = {}
    older: list[T] = []
    for run in sorted(late, key=slot):
        if line(run) in newest:
            older.append(newest[line(run)])
        newest[line(run)] = run
    return older
