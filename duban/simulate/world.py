"""The place of a play: a told clock, the folders, and the office as it opens for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from duban import clock
from duban.desk import Desk, need_desk
from duban.errors import NOWHERE, InputError
from duban.ledger import queries
from duban.ledger.apply import apply
from duban.ledger.events import Draft
from duban.ledger.store import open_ledger
from duban.matrix.model import Holder, Unit
from duban.office import Office
from duban.settings import Home
from duban.simulate.people import BEHAVIOURS, Shares, temper_of, thrown


@dataclass(slots=True)
class ToldClock:
    """The clock of a simulation: it shows what it was told."""

    moment: datetime

    def __call__(self) -> datetime:
        """The told moment."""
        return self.moment


class SimulationHome(Home):
    """The text files of a home with a ledger of the simulation's own, apart from record and example."""

    @property
    def var(self) -> Path:
        """A folder that every simulation begins anew."""
        return self.root / "var" / "simulation"


def fresh_home(home: Home) -> SimulationHome:
    """An empty place for simulated years below ``home``; what an earlier simulation left is removed."""
    found = SimulationHome(home.root, example=True)
    shutil.rmtree(found.var, ignore_errors=True)
    return found


@contextmanager
def open_world(home: Home, first: date) -> Iterator[tuple[Office, ToldClock]]:
    """The office of a home on the morning of ``first``, its ledger not waiting for the disk."""
    told = ToldClock(clock.at(first, time(6, 0)))
    desk = need_desk(home, first)
    ledger = open_ledger(home.database_url, ask=told, durable=False)
    try:
        yield (
            Office(**{each.name: getattr(desk, each.name) for each in fields(Desk)}, ledger=ledger),
            told,
        )
    finally:
        ledger.close()


def open_example(office: Office, told: ToldClock, first: date) -> date:
    """Mark an empty ledger as an example and apply the plan; the day to go on from.

    Raises InputError for a ledger that holds an office's record.
    """
    with office.ledger.read() as conn:
        empty, example = queries.is_empty(conn), queries.is_example(conn)
        newest = max((tick.logical_at for tick in queries.ticks(conn)), default=None)
    if not empty and not example:
        raise InputError.one(
            "not-example",
            NOWHERE,
            "这是正式台账，不能在里面演示。",
            "设 DUBAN_EXAMPLE=1，示例台账放在 var/example/ 下。",
        )
    if empty:
        _mark(office)
    if newest is not None:
        told.moment = max(newest, told.moment)
        first = clock.day_of(newest) + timedelta(days=1)
    put_into_use(office, first, "示例")
    return first


def open_empty(office: Office, first: date) -> None:
    """Mark the ledger and apply the plan. Raises InputError when the ledger is not empty."""
    with office.ledger.read() as conn:
        if not queries.is_empty(conn):
            raise InputError.one(
                "not-empty",
                NOWHERE,
                "模拟要从空台账开始，这个数据库里已有记录。",
                "DUBAN_EXAMPLE_DATABASE_URL 指到一个空库，或不设它。",
            )
    _mark(office)
    put_into_use(office, first, "模拟")


def put_into_use(office: Office, first: date, why: str) -> None:
    """Apply the office's matrix as one in use from ``first`` on."""
    plan = replace(office.matrix.plan, in_use_from=first)
    matrix = replace(office.matrix, plan=plan)
    apply(office.ledger, matrix, office.planned(), actor="duban:simulate", confirmed=why)


def _mark(office: Office) -> None:
    with office.ledger.write("duban:simulate") as writing:
        row = {"name": "example", "value": "1"}
        why = "示例数据：由程序按种子生成，不是真实报送"
        writing.record(Draft("ledger.opened", "ledger", row, why=why))


def days_between(first: date, last: date) -> list[date]:
    """Every day from one to another, both counted."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def with_leaving_liaisons(office: Office, shares: Shares, seed: int, first: date) -> Office:
    """The office whose leaving liaisons really leave: some months in, with nobody there for two weeks."""
    units = {
        key: _leaving(unit, seed, first)
        if temper_of(office, shares, seed, key) is BEHAVIOURS["leaving"]
        else unit
        for key, unit in office.matrix.directory.units.items()
    }
    directory = replace(office.matrix.directory, units=units)
    return replace(office, matrix=replace(office.matrix, directory=directory))


def _leaving(unit: Unit, seed: int, first: date) -> Unit:
    holders = unit.posts.get("liaison", ())
    if not holders:
        return unit
    goes = first + timedelta(days=thrown(seed, "leaves", unit.id).randint(60, 300))
    comes = goes + timedelta(days=14)
    next_one = Holder("继任联络员（示例）", comes, None, f"{unit.id}.jiren@simulation.example")
    posts = {**unit.posts, "liaison": (*holders[:-1], replace(holders[-1], until=goes), next_one)}
    return replace(unit, posts=posts)
