"""A run for a day in the past scores what was known on that day, whatever came in later."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from asking import extend
from cast import ROOT, home_of
from conftest import Told
from duban import clock
from duban.assessment.model import Fact
from duban.desk import Desk, need_desk
from duban.ledger import queries, tables, transitions
from duban.ledger.apply import apply
from duban.ledger.asof import known_at
from duban.ledger.events import Draft
from duban.ledger.facts import gather_facts, year_period
from duban.ledger.store import Ledger
from duban.ledger.transitions import Report, Stored
from duban.office import Office
from duban.settings import Home
from duban.stages.assess import assess

TASK: dict[str, Any] = {
    "id": "T-01",
    "title": "建立机制",
    "lead": ["市市场监管局"],
    "support": ["市法院"],
    "deadline": "2026年6月30日前",
    "indicators": ["cases"],
    "report": {"every": "quarter", "due": "每季度最后一个月25日前", "by": ["龙湖镇", "辛店镇"]},
}
LONG_TASK: dict[str, Any] = {
    "id": "T-02",
    "title": "全年工作",
    "lead": ["市市场监管局"],
    "deadline": "2026年12月31日前",
    "report": {"every": "quarter", "due": "每季度最后一个月25日前", "by": ["龙湖镇"]},
}
INDICATOR: dict[str, Any] = {
    "id": "cases",
    "name": "调解件数",
    "unit": "件",
    "measure": "flow",
    "targets": {"2026": "100"},
    "unit_targets": [{"unit": "龙湖镇", "2026": "40"}, {"unit": "辛店镇", "2026": "60"}],
}
LONGHU_Q1, LONGHU_Q2 = "T-01/longhu/report:2026Q1", "T-01/longhu/report:2026Q2"
XINDIAN_Q1, XINDIAN_Q2 = "T-01/xindian/report:2026Q1", "T-01/xindian/report:2026Q2"
FINISH = "T-01/scjgj/finish:end"
FILE = Stored("ab" * 32, "佐证.pdf", "application/pdf", 10)
Cli = Callable[..., tuple[int, str, str]]


class World:
    """An office that works through its year, and asks for runs at any moment."""

    def __init__(self, root: Path, ledger: Ledger, told: Told) -> None:
        home = home_of(root, {"tasks": [TASK, LONG_TASK], "indicators": [INDICATOR]})
        (home / "config" / "assessment").mkdir(exist_ok=True)
        shutil.copy(ROOT / "config" / "assessment" / "2024.yaml", home / "config" / "assessment")
        desk = need_desk(Home(home), date(2026, 1, 1))
        parts = {each.name: getattr(desk, each.name) for each in fields(Desk)}
        self.office, self.ledger, self.told = Office(**parts, ledger=ledger), ledger, told
        told.set("2026-01-01 09:00")
        apply(ledger, desk.matrix, desk.planned(), actor="办公室")

    def report(self, at: str, key: str, **more: Any) -> str:
        with self.ledger.write("联络员", self.told.set(at)) as writing:
            given = Report(**({"progress": "已办。"} | more))
            return transitions.submit(writing, key, given, actor="联络员").submission

    def send_back(self, at: str, submission: str) -> None:
        with self.ledger.write("办公室", self.told.set(at)) as writing:
            transitions.send_back(
                writing,
                submission,
                actor="办公室",
                reason="缺佐证",
                calendar=self.office.calendar,
                days=3,
            )

    def accept(self, at: str, submission: str) -> None:
        with self.ledger.write("办公室", self.told.set(at)) as writing:
            transitions.accept(writing, submission, actor="办公室")

    def extend(self, at: str, key: str, until: date) -> None:
        with self.ledger.write("办公室", self.told.set(at)) as writing:
            extend(writing, key, until, self.office.calendar, "汛期")

    def facts(self, on: date, year: int = 2026) -> dict[str, Fact]:
        with self.ledger.read() as conn:
            period = year_period(year, clock.end_of(on))
            _, found = gather_facts(conn, self.office.matrix, period)
        return {fact.id: fact for fact in found}

    def run(self, on: date) -> dict[str, Any]:
        assess(self.office, year_period(on.year, clock.end_of(on)))
        with self.ledger.read() as conn:
            found = queries.one_run(conn, f"{on.year}@{on}")
        assert found is not None
        return dict(found)

    def runs_recorded(self) -> int:
        query = sa.select(sa.func.count()).where(tables.event.c.kind == "run.scored")
        with self.ledger.read() as conn:
            return int(conn.execute(query).scalar_one())


@pytest.fixture
def world(tmp_path: Path, ledger: Ledger, told: Told) -> World:
    return World(tmp_path / "home", ledger, told)


def plain_spring(world: World) -> None:
    world.report("2026-03-24 10:00", XINDIAN_Q1, figures={"cases": 7})
    world.report("2026-03-30 10:00", LONGHU_Q1)


def changeful_spring(world: World) -> None:
    plain_spring(world)
    world.send_back("2026-04-01 10:00", f"{XINDIAN_Q1}#1")
    world.report("2026-04-07 10:00", XINDIAN_Q1, files=(FILE,))
    world.send_back("2026-04-09 10:00", f"{LONGHU_Q1}#1")
    world.extend("2026-06-20 10:00", LONGHU_Q2, date(2026, 7, 20))
    world.extend("2026-06-20 11:00", FINISH, date(2026, 8, 20))


def busy_autumn(world: World) -> None:
    world.report("2026-07-10 10:00", XINDIAN_Q2, figures={"cases": 9}, files=(FILE,))
    world.report("2026-07-11 10:00", LONGHU_Q1, files=(FILE,))
    world.send_back("2026-07-12 10:00", f"{XINDIAN_Q2}#1")
    world.accept("2026-07-21 10:00", world.report("2026-07-20 10:00", FINISH, percent=100))
    with world.ledger.write("催办", world.told.set("2026-07-22 08:00")) as writing:
        missed = clock.end_of(date(2026, 6, 25))
        row = {"key": LONGHU_Q2, "missed_at": missed}
        # Dated back to June, but nobody had noted it in June.
        writing.record(
            Draft("obligation.missed", LONGHU_Q2, row, obligation=LONGHU_Q2, occurred_at=missed)
        )


@pytest.mark.parametrize("spring", [plain_spring, changeful_spring])
def test_the_run_for_june_is_the_same_in_june_and_in_november(
    world: World, spring: Callable[[World], None]
) -> None:
    june = date(2026, 6, 30)
    spring(world)
    world.told.set("2026-06-30 23:59")
    then = world.run(june)
    then_facts = world.facts(june)
    assert f"{XINDIAN_Q2}!missing" in then_facts
    busy_autumn(world)
    world.told.set("2026-11-22 09:00")
    assert world.facts(june) == then_facts
    assert world.run(june) == then
    assert world.runs_recorded() == 1
    now = world.run(date(2026, 11, 20))
    assert now["input_hash"] != then["input_hash"]
    assert f"{XINDIAN_Q2}!late" in world.facts(date(2026, 11, 20))


def test_closed_in_july_is_not_done_in_june(world: World) -> None:
    busy_autumn(world)
    assert world.facts(date(2026, 6, 30))[f"{FINISH}!completion"].done == 0
    assert world.facts(date(2026, 8, 1))[f"{FINISH}!completion"].done == 1


def test_the_ledger_itself_is_read_when_nothing_came_since(world: World) -> None:
    plain_spring(world)
    with world.ledger.read() as conn:
        with known_at(conn, world.told.moment) as seen:
            assert seen is conn
        with known_at(conn, world.told.moment - timedelta(seconds=1)) as seen:
            assert seen is not conn
            assert queries.one_submission(seen, f"{XINDIAN_Q1}#1") is not None
            assert queries.one_submission(seen, f"{LONGHU_Q1}#1") is None
        assert queries.one_submission(conn, f"{LONGHU_Q1}#1") is not None


def test_before_the_plan_was_written_there_is_nothing_to_score(world: World) -> None:
    assert world.facts(date(2025, 12, 31)) == {}
    assert "cases/longhu!indicator" in world.facts(date(2026, 1, 1))


# ---- returns and extensions --------------------------------------------------------------------


def test_late_and_returned_have_their_own_day_and_tell_the_due(world: World) -> None:
    changeful_spring(world)
    found = world.facts(date(2026, 6, 30))
    late, back = found[f"{LONGHU_Q1}!late"], found[f"{LONGHU_Q1}!returned"]
    assert (late.happened_on, late.note) == (
        date(2026, 3, 30),
        "时限2026-03-25，2026-03-30 10:00收到",
    )
    assert (back.happened_on, back.note) == (date(2026, 4, 9), "时限2026-03-25，2026-04-09被退回")
    world.send_back("2026-07-01 10:00", f"{XINDIAN_Q1}#2")
    twice = world.facts(date(2026, 7, 1))[f"{XINDIAN_Q1}!returned"]
    assert (twice.count, twice.happened_on) == (2, date(2026, 7, 1))
    assert twice.note == "时限2026-03-25，2026-04-01、2026-07-01被退回，共2次"


def test_a_return_gives_days_but_leaves_the_due(world: World) -> None:
    first = world.report("2026-06-24 10:00", LONGHU_Q2)
    world.send_back("2026-06-25 10:00", first)  # it has until the end of June to be mended
    found = world.facts(date(2026, 6, 26))
    assert {f"{LONGHU_Q2}!on_time", f"{LONGHU_Q2}!returned"} <= set(found)


def test_an_extension_beyond_the_year_stays_in_the_year_of_its_first_due(world: World) -> None:
    q4 = "T-02/longhu/report:2026Q4"
    world.extend("2026-12-20 10:00", q4, date(2027, 1, 15))
    assert not any(q4 in key for key in world.facts(date(2026, 12, 31)))
    assert not any(q4 in key for key in world.facts(date(2027, 1, 10)))
    missing = world.facts(date(2027, 1, 16))[f"{q4}!missing"]
    assert missing.note == "时限2026-12-25（延期至2027-01-15），至今未报"
    assert not any(q4 in key for key in world.facts(date(2027, 1, 16), 2027))
    world.report("2027-01-18 10:00", q4)
    assert world.facts(date(2027, 1, 20))[f"{q4}!late"].happened_on == date(2027, 1, 18)


def test_what_came_in_while_its_extension_runs_counts_at_once(world: World) -> None:
    world.extend("2026-06-20 10:00", FINISH, date(2026, 8, 20))
    world.extend("2026-06-20 10:30", XINDIAN_Q2, date(2026, 8, 20))
    world.report("2026-07-08 10:00", XINDIAN_Q2)
    world.report("2026-07-08 11:00", FINISH, percent=60)
    found = world.facts(date(2026, 7, 8))
    assert f"{XINDIAN_Q2}!on_time" in found
    assert not any(FINISH in key for key in found)  # at work, and the extension is not over
    sent = world.report("2026-07-09 10:00", FINISH, percent=100)
    found = world.facts(date(2026, 7, 9))
    assert found[f"{FINISH}!completion"].done == 1
    assert f"{FINISH}!on_time" in found
    world.send_back("2026-07-10 15:00", sent)
    found = world.facts(date(2026, 7, 10))
    assert {f"{FINISH}!on_time", f"{FINISH}!returned"} <= set(found)
    assert f"{FINISH}!completion" not in found
    assert world.facts(date(2026, 8, 21))[f"{FINISH}!completion"].done == 0


# ---- the command -------------------------------------------------------------------------------


def test_a_day_that_has_not_come_is_refused(cli: Cli, shipped: Path) -> None:
    assert cli("apply", "--home", shipped)[0] == 0
    tomorrow = clock.day_of(clock.now()) + timedelta(days=1)
    args = ("assess", "run", "--year", str(tomorrow.year), "--home", shipped)
    code, _, noted = cli(*args, "--date", str(tomorrow))
    assert (code, f"{tomorrow} 还没有到" in noted) == (2, True)
    code, _, noted = cli("assess", "run", "--year", str(tomorrow.year + 1), "--home", shipped)
    assert (code, "还没有开始" in noted) == (2, True)
    assert not list(shipped.glob("var/scores/*"))
    assert cli("assess", "show", "--home", shipped)[0] == 2  # nothing was frozen
