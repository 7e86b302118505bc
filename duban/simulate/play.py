"""Plays an office: a told clock, units that behave as units do, and the same functions as in service.

Everything goes through the stages and transitions that serve the real office; only the clock and the
people are invented, and the ledger is marked as an example before its first record. The living example
goes on from where it was left; simulated years begin in an empty ledger, nothing is really sent, and every
day is looked at for the invariants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from duban import clock
from duban.ledger import inspected
from duban.ledger.outbox import Letter, Outcome
from duban.ledger.store import rows_hash
from duban.office import Office
from duban.settings import Home
from duban.simulate.faults import Crash, Faults, Fuse, FusedLedger
from duban.simulate.invariants import Violation
from duban.simulate.people import EXAMPLE, YEARS, Actors, Shares, Tally
from duban.simulate.watch import Watch
from duban.simulate.world import (
    SimulationHome,
    ToldClock,
    days_between,
    open_empty,
    open_example,
    open_world,
    put_into_use,
    with_leaving_liaisons,
)
from duban.stages import SLOTS, stage_function
from notifier.pretend import instead_of_sending

DAILY = ("publish", "collect", "escalate", "remind", "deliver")
DIGEST_WEEKS = 3
"""Only the last weeks' papers are written: they are what a newcomer opens, and each takes a while."""
SECOND_ROUND = time(11, 0)
"""When simulated years deliver again what was put off in the morning."""


@dataclass(frozen=True, slots=True)
class Played:
    """The result of a simulation: days, counts, a hash over all rows, and every invariant that broke."""

    first: date
    last: date
    seed: int
    counts: Mapping[str, int]
    state_hash: str
    violations: tuple[Violation, ...] = ()


Progress = Callable[[date, int, int], None]


# ---- the living example --------------------------------------------------------------------------


def simulate(
    home: Home, first: date, last: datetime, *, seed: int = 1, progress: Progress | None = None
) -> Played:
    """Play from ``first`` up to the moment ``last`` in the example ledger of ``home``.

    An example that was played before is continued from its last day. Raises InputError for a ledger
    that holds an office's record: examples never mix with it.
    """
    with open_world(home, first) as (office, told):
        begin = open_example(office, told, first)
        actors = Actors(office, seed, EXAMPLE)
        tally = Tally()
        every = days_between(begin, clock.day_of(last))
        days = [day for day in every if office.calendar.is_workday(day)]
        for number, day in enumerate(days, 1):
            for name in stages_of(day, clock.day_of(last)):
                moment = clock.at(day, SLOTS[name])
                if moment <= last:
                    run_stage(office, told, tally, name, moment)
            act_all(actors, told, tally, day, last)
            if progress is not None:
                progress(day, number, len(days))
        return _played(office, begin, clock.day_of(last), seed, tally)


def stages_of(day: date, last: date) -> Iterator[str]:
    """The stages of a working day in order, with the digest on the last Mondays."""
    for name in DAILY:
        yield name
        if name == "collect" and day.weekday() == 0 and (last - day).days < DIGEST_WEEKS * 7:
            yield "digest"


def run_stage(office: Office, told: ToldClock, tally: Tally, name: str, moment: datetime) -> None:
    """Run one stage at a told moment and count what it did."""
    told.moment = moment
    for what, number in stage_function(name)(office, moment).counts.items():
        tally.add(f"{name}：{what}", number)


def act_all(actors: Actors, told: ToldClock, tally: Tally, day: date, last: datetime) -> None:
    """What people do on a day, in the order of the clock."""
    for moment, act in actors.day(day, last):
        told.moment = moment
        act(tally)


def _played(office: Office, begin: date, last: date, seed: int, tally: Tally) -> Played:
    with office.ledger.read() as conn:
        state = rows_hash(conn)
    return Played(begin, last, seed, dict(sorted(tally.counts.items())), state)


# ---- simulated years -----------------------------------------------------------------------------


def simulate_years(
    home: SimulationHome,
    first: date,
    last: date,
    *,
    seed: int = 1,
    faults: bool = False,
    shares: Shares = YEARS,
    progress: Progress | None = None,
) -> Played:
    """Play every day from ``first`` to ``last`` in an empty ledger, and look at the invariants each day.

    The same home, days, seed and faults give the same state hash on every database. Raises InputError
    for a ledger that is not empty.
    """
    with open_world(home, first) as (opened, told), ExitStack() as stack:
        wrong = Faults(seed, first, opened.calendar) if faults else None
        office = with_leaving_liaisons(
            wrong.begin(opened) if wrong else opened, shares, seed, first
        )
        open_empty(office, first)
        stack.enter_context(instead_of_sending(wrong.judge if wrong else _arrives))
        play = _Years(office, told, Actors(office, seed, shares), wrong, clock.end_of(last))
        days = days_between(first, last)
        for number, day in enumerate(days, 1):
            play.day(day)
            if progress is not None:
                progress(day, number, len(days))
        play.watch.whole(play.office, last)
        played = _played(play.office, first, last, seed, play.tally)
        return replace(played, violations=tuple(play.watch.found))


def _arrives(_letter: Letter, _at: datetime) -> Outcome:
    return Outcome("sent", "simulated", "")


class _Years:
    """Simulated years under way."""

    def __init__(
        self,
        office: Office,
        told: ToldClock,
        actors: Actors,
        faults: Faults | None,
        last: datetime,
    ) -> None:
        self.office = office
        self.tally = Tally()
        self.watch = Watch()
        self._told = told
        self._actors = actors
        self._faults = faults
        self._last = last
        self._first = clock.day_of(told.moment)
        self.watch.begin(office)

    def day(self, day: date) -> None:
        """One day: changed files, the stages, a look at what they did, then the people."""
        idle = self._faults.idle(day) if self._faults else ""
        if self._faults:
            self._edit(self._faults, day)
        if idle:
            self.tally.add(f"故障：{idle}")
        else:
            self._stages(day)
        if idle != "停机一周" and self.office.calendar.is_workday(day):
            act_all(self._actors, self._told, self.tally, day, self._last)
        if (day.month, day.day) == (12, 31) and clock.end_of(day) < self._last:
            self.watch.whole(self.office, day, rebuild=day.year == self._first.year)

    def _stages(self, day: date) -> None:
        self.watch.before(self.office)
        works = self.office.calendar.is_workday(day)
        names = list(DAILY if works else DAILY[:-1])
        if works and day.weekday() == 0 and (clock.day_of(self._last) - day).days < 7:
            names.insert(2, "digest")
        if (day.month, day.day) == (1, 1) and day > self._first:
            names.insert(0, "assess")
        for name in names:
            self._run(name, clock.at(day, SLOTS[name]))
        if works and self._left(clock.at(day, SECOND_ROUND)):
            self._run("deliver", clock.at(day, SECOND_ROUND))
        self.watch.after(self.office, self._told.moment)

    def _left(self, moment: datetime) -> bool:
        """Whether the morning's delivery put something off."""
        with self.office.ledger.read() as conn:
            return bool(inspected.waiting(conn, moment))

    def _run(self, name: str, moment: datetime) -> None:
        """A stage; one whose process dies on the way is simply run again."""
        nth = self._faults.crash(clock.day_of(moment), name) if self._faults else None
        if nth is not None:
            dying = replace(self.office, ledger=FusedLedger(self.office.ledger, Fuse(nth)))
            try:
                run_stage(dying, self._told, Tally(), name, moment)
            except Crash:
                self.tally.add("故障：中途断电")
        run_stage(self.office, self._told, self.tally, name, moment)

    def _edit(self, faults: Faults, day: date) -> None:
        """Apply what was changed in the text files, before the stages of the day."""
        for name, office in faults.edits(self.office, day):
            self._told.moment = clock.at(day, time(7, 0))
            self.office = self._actors.office = office
            put_into_use(office, self._first, f"模拟：{name}")
            self.tally.add(f"故障：{name}")
