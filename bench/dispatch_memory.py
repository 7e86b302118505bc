"""Peak memory of saying many pending notices, over what was held before: 10,000 and 100,000 messages.

Each size is measured in a process of its own on SQLite, by the peak resident size the kernel counted. The
directory of the units is part of the base; what grows with the queue is what is measured.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa

from duban import clock
from duban.desk import need_desk
from duban.ledger import tables
from duban.ledger.store import Ledger, open_ledger
from duban.matrix.model import Directory, Holder, Unit, UnitKind
from duban.office import Office
from duban.settings import Home
from duban.stages.dispatch import dispatch

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 16, 9, 0, tzinfo=clock.SHANGHAI)
SIZES = (10_000, 100_000)
GOAL_MB = 100
_BATCH = 5000


def office_of(number: int, ledger: Ledger) -> Office:
    """The shipped office with so many units, each with a liaison who can be reached."""
    desk = need_desk(Home(ROOT), date(2026, 3, 16))
    units = dict(desk.matrix.directory.units)
    for each in range(number):
        key = f"u{each:06}"
        holder = Holder("联络员", None, None, f"{key}@bench.example")
        units[key] = Unit(
            key,
            f"单位{each}",
            f"单位{each}",
            "",
            (),
            UnitKind.TOWNSHIP,
            "乡镇街道",
            "",
            {"liaison": (holder,)},
        )
    matrix = replace(desk.matrix, directory=Directory(units, ()))
    names = ("home", "settings", "calendar", "reminders", "escalation", "lamps")
    return Office(**{name: getattr(desk, name) for name in names}, matrix=matrix, ledger=ledger)


def fill(ledger: Ledger, number: int) -> None:
    """One open obligation and one pending notice for each unit, straight into the tables."""
    with ledger.engine.begin() as conn:
        for start in range(0, number, _BATCH):
            units = [f"u{each:06}" for each in range(start, min(start + _BATCH, number))]
            conn.execute(tables.obligation.insert(), [_obligation(unit) for unit in units])
            conn.execute(tables.notice.insert(), [_notice(unit) for unit in units])


def _obligation(unit: str) -> dict[str, object]:
    return {
        "key": f"T/{unit}/finish:end",
        "plan": "p",
        "task": "T",
        "unit": unit,
        "role": "lead",
        "kind": "finish",
        "period": "end",
        "label": "办结",
        "title": "建立知识产权保护机制",
        "phrase": "2026年3月25日前",
        "due_on": date(2026, 3, 25),
        "due_at": clock.end_of(date(2026, 3, 25)),
        "original_due_on": date(2026, 3, 25),
        "weight": 1,
        "deadline_class": "planned",
        "state": "waiting",
        "is_open": 1,
        "round": 1,
    }


def _notice(unit: str) -> dict[str, object]:
    return {
        "id": f"T/{unit}/finish:end|before-7|1|liaison",
        "obligation": f"T/{unit}/finish:end",
        "rung": "before-7",
        "round": 1,
        "recipient": "liaison",
        "unit": unit,
        "task": "T",
        "kind": "remind",
        "moment": NOW,
        "decided_at": NOW,
        "outcome": "pending",
        "reason": "距时限7个工作日",
    }


def measure(number: int) -> tuple[int, float, float]:
    """Messages queued, and resident megabytes: the base, and the peak over it."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/l.sqlite3", ask=lambda: NOW, durable=False)
        fill(ledger, number)
        office = office_of(number, ledger)
        with ledger.write("bench", NOW) as writing:
            base = peak()
            sent = dispatch(office, writing)
        over = peak() - base
        with ledger.read() as conn:
            queued = conn.execute(sa.select(sa.func.count()).select_from(tables.message)).scalar()
        ledger.close()
    assert sent.counts["发出消息"] == queued == number
    return number, base, over


def peak() -> float:
    """The process's peak resident size so far, in megabytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 1024 if sys.platform != "darwin" else size / 1024 / 1024


def main() -> None:
    """Measure the sizes given, or both, each in a process of its own, and print them with the goal."""
    if len(sys.argv) > 1:
        number, base, over = measure(int(sys.argv[1]))
        word = "达标" if over <= GOAL_MB else "超出"
        told = f"{number} 条消息入队的峰值内存（基数 {base:.0f} MB）"
        print(f"{word}  {over:6.1f} MB ≤ {GOAL_MB}  {told}", flush=True)
        return
    for size in SIZES:
        subprocess.run([sys.executable, __file__, str(size)], check=True)


if __name__ == "__main__":
    main()
