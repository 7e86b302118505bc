"""Rehearses the coming days: the same stages on the same ledger, in a transaction that is undone.

What it shows is what will happen if nothing comes in meanwhile – it is the scheduler itself, told the
time, and not a second opinion about it. Weekly digests are left out: writing one writes files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from duban import clock
from duban.ledger import events, ladder
from duban.office import Office
from duban.rehearsal.gather import files_of, happened
from duban.rehearsal.values import Preview, message_json
from duban.stages import SLOTS, Stage, collect, stage_function

STAGES = ("publish", "collect", "escalate", "remind")
"""The stages that say something to a person, in the order of their slots."""
LONGEST_DAYS = 370

Progress = Callable[[int, int, date], None]


def stage_for_rehearsal(name: str) -> Stage:
    """A stage as rehearsed: files in the drop folder are left alone, for nothing undoes a move."""
    return collect.periods if name == "collect" else stage_function(name)


def foretell(office: Office, now: datetime, days: int, progress: Progress | None = None) -> Preview:
    """What is said from ``now`` to the end of the day ``days`` days later, as the stages would say it.

    ``progress`` is told after each day. Other writers wait until the rehearsal is over.
    """
    told = [now]
    first = clock.day_of(now)
    with office.ledger.rehearse(lambda: told[0]) as ledger:
        rehearsal = replace(office, ledger=ledger)
        with ledger.read() as conn:
            seq, head = events.chain_head(conn)
        for number in range(days + 1):
            day = first + timedelta(days=number)
            for name in STAGES:
                moment = clock.at(day, SLOTS[name])
                if moment > now:
                    told[0] = moment
                    stage_for_rehearsal(name)(rehearsal, moment)
                    _deliver(rehearsal, moment)
            if progress is not None:
                progress(number + 1, days + 1, day)
        with ledger.read() as conn:
            messages, unsaid = happened(office, conn, seq)
    return Preview(
        as_of=now.isoformat(),
        days=days,
        last_day=(first + timedelta(days=days)).isoformat(),
        seq=seq,
        head=head,
        files=files_of(office.home),
        messages=messages,
        unsaid=unsaid,
    )


def _deliver(office: Office, moment: datetime) -> None:
    """Nothing leaves in a rehearsal; the ladder goes on as if what was queued arrived."""
    with office.ledger.write("duban:deliver", moment) as writing:
        ladder.assume_sent(writing)


def rehearse(office: Office, now: datetime, days: int) -> list[dict[str, Any]]:
    """The messages of the next ``days`` days, oldest first, as they would be queued."""
    return [message_json(told) for told in foretell(office, now, days).messages]
