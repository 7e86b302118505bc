"""What goes wrong in a simulation, drawn from its seed: crashes, idle days, bad channels, changed plans."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random

from duban import clock
from duban.ledger.events import Draft
from duban.ledger.outbox import UNREACHABLE, Letter, Outcome
from duban.ledger.store import Ledger, Writing
from duban.matrix.model import Matrix, Task
from duban.office import Office
from duban.simulate.people import thrown
from duban.workdays import Calendar

CRASH_PERCENT = 4
LOST_DAY_PERCENT = 2
FURTHEST_WRITE = 9
"""A crash comes at one of the first so many writes of a stage."""


class Crash(Exception):  # noqa: N818 - it stands for a process that died, not for a mistake of ours
    """The process ended between two writes."""


@dataclass(slots=True)
class Fuse:
    """Blows at the n-th write, and keeps everything from being written until it is replaced."""

    left: int | None = None

    def burn(self) -> None:
        """Count one write. Raises Crash at the n-th, and at every later one: a dead process writes nothing."""
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            raise Crash


class FusedLedger(Ledger):
    """A ledger whose writes go over a fuse; what is written when it blows is undone."""

    def __init__(self, ledger: Ledger, fuse: Fuse) -> None:
        super().__init__(ledger.engine, ledger.now)
        self._fuse = fuse

    @contextmanager
    def write(self, actor: str, at: datetime | None = None) -> Iterator[Writing]:
        """As the ledger's own, over the fuse; the commit counts as a write."""
        with super().write(actor, at) as writing:
            yield _FusedWriting(writing, self._fuse)
            self._fuse.burn()


class _FusedWriting(Writing):
    def __init__(self, writing: Writing, fuse: Fuse) -> None:
        super().__init__(writing.conn, writing.actor, writing.recorded_at, writing.at)
        self._fuse = fuse

    def record(
        self, *drafts: Draft, actor: str | None = None, at: datetime | None = None
    ) -> list[int]:
        """As the ledger's own, over the fuse."""
        self._fuse.burn()
        return super().record(*drafts, actor=actor, at=at)


class Faults:
    """The faults of one seed: the same seed has the same ones on the same days."""

    def __init__(self, seed: int, first: date, calendar: Calendar) -> None:
        self._seed = seed
        self._first = first
        self._whole = calendar  # with years that are published only later in the play

    def begin(self, office: Office) -> Office:
        """The office before the calendars of later years were published."""
        return replace(office, calendar=self._calendar_until(self._first.year))

    def _calendar_until(self, year: int) -> Calendar:
        return Calendar(each for number, each in self._whole.years.items() if number <= year)

    def _hit(self, percent: int, *what: object) -> bool:
        return thrown(self._seed, "fault", *what).randrange(100) < percent

    def idle(self, day: date) -> str:
        """Why no stage runs on a day: 漏跑一天, 停机一周; empty when they run."""
        quarter = f"{day.year}Q{(day.month - 1) // 3}"
        starts = thrown(self._seed, "outage", quarter).randint(10, 80)
        number = (day - date(day.year, (day.month - 1) // 3 * 3 + 1, 1)).days
        if starts <= number < starts + 7 and self._hit(50, "outage", quarter):
            return "停机一周"
        return "漏跑一天" if self._hit(LOST_DAY_PERCENT, "lost", day) else ""

    def crash(self, day: date, stage: str) -> int | None:
        """After how many writes a stage's process dies on a day; None: it lives."""
        if not self._hit(CRASH_PERCENT, "crash", day, stage):
            return None
        return thrown(self._seed, "nth", day, stage).randrange(FURTHEST_WRITE)

    def judge(self, letter: Letter, at: datetime) -> Outcome:
        """What a channel says: some weeks it is slow, some weeks it lies, sometimes nobody is there."""
        week = clock.day_of(at).isocalendar()[:2]
        mood = thrown(self._seed, "channel", week).randrange(100)
        throw = thrown(self._seed, letter.id, clock.stamp(at)).randrange(100)
        if mood < 8 and throw < 60:
            return Outcome("temporary", "busy", "对方忙，稍后再试", 1800)
        if 8 <= mood < 14 and throw < 40:
            return Outcome("unknown", "lied", "对方没有说清收到没有")
        if 14 <= mood < 18 and throw < 50:
            return Outcome("temporary", UNREACHABLE, "连不上")
        if throw < 1:
            return Outcome("permanent", "bad-address", "查无此人")
        return Outcome("sent", "250", "")

    def edits(self, office: Office, day: date) -> Iterator[tuple[str, Office]]:
        """Changes of the text files on a day: what changed, and the office as it reads then."""
        gone = (day - self._first).days
        for every, on, name, change in _CHANGES:
            if gone % every == on:
                matrix = change(office.matrix, thrown(self._seed, name, day), day)
                if matrix is not None:
                    office = replace(office, matrix=matrix)
                    yield name, office
        later = set(self._whole.years) - set(office.calendar.years)
        if (day.month, day.day) == (11, 10) and day.year + 1 in later:
            yield "新增一年日历", replace(office, calendar=self._calendar_until(day.year + 1))


# ---- changes of the plan -------------------------------------------------------------------------

_DATED = re.compile(r"\d{4}年(\d{1,2}月)?(\d{1,2}日)?(底)?前?")


def _move_deadline(matrix: Matrix, dice: Random, day: date) -> Matrix | None:
    """A task gets a new date some weeks from now."""
    dated = [task for task in _running(matrix) if _DATED.fullmatch(task.deadline_phrase)]
    if not dated:
        return None
    task = dice.choice(dated)
    on = min(day + timedelta(days=dice.randint(40, 120)), matrix.plan.ends_on)
    phrase = f"{on.year}年{on.month}月{on.day}日前"
    return _with_tasks(matrix, {task.id: replace(task, deadline_phrase=phrase)})


def _withdraw_task(matrix: Matrix, dice: Random, day: date) -> Matrix | None:
    """A task is struck from the plan."""
    running = _running(matrix)
    if len(running) < 2:
        return None
    task = dice.choice(running)
    return _with_tasks(matrix, {task.id: replace(task, withdrawn_on=day)})


def _merge_units(matrix: Matrix, dice: Random, day: date) -> Matrix | None:
    """A unit is merged into another of its group, which takes over its tasks."""
    units = matrix.directory.units
    here = [unit for unit in units.values() if unit.left_on is None and unit.kind.supervised]
    pairs = [
        (old, new)
        for old in here
        for new in here
        if old.id != new.id and old.group == new.group and not old.posts.get("county")
    ]
    if not pairs:
        return None
    old, new = dice.choice(pairs)
    directory = replace(
        matrix.directory, units={**units, old.id: replace(old, left_on=day - timedelta(days=1))}
    )
    tasks = {task.id: _handed(task, old.id, new.id) for task in matrix.plan.tasks}
    return replace(_with_tasks(matrix, tasks), directory=directory)


_CHANGES: tuple[tuple[int, int, str, Callable[[Matrix, Random, date], Matrix | None]], ...] = (
    (90, 20, "调整时限", _move_deadline),
    (180, 75, "取消任务", _withdraw_task),
    (400, 200, "合并单位", _merge_units),
)
"""Every so many days, on which of them, what."""


def _running(matrix: Matrix) -> list[Task]:
    return [task for task in matrix.plan.tasks if task.withdrawn_on is None]


def _with_tasks(matrix: Matrix, changed: Mapping[str, Task]) -> Matrix:
    tasks = tuple(changed.get(task.id, task) for task in matrix.plan.tasks)
    return replace(matrix, plan=replace(matrix.plan, tasks=tasks))


def _handed(task: Task, old: str, new: str) -> Task:
    def those(units: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(new if unit == old else unit for unit in units))

    lead = those(task.lead)
    support = tuple(unit for unit in those(task.support) if unit not in lead)
    report = task.report and replace(task.report, by=those(task.report.by))
    return replace(task, lead=lead, support=support, report=report)
