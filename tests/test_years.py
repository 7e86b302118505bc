"""Three simulated years keep every rule on every day; and each rule catches what is planted against it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from conftest import copy_home
from duban import clock
from duban.errors import InputError, Issues
from duban.ledger import queries
from duban.ledger.events import Draft, chain_head
from duban.ledger.outbox import Letter, Outcome, queue
from duban.ledger.store import open_ledger
from duban.matrix.model import UnitKind
from duban.rehearsal import foretell
from duban.rehearsal.gather import happened
from duban.settings import Home
from duban.simulate import IDLE, INVARIANTS, Played, fresh_home, simulate_years
from duban.simulate import faults as wrong
from duban.simulate import invariants as rules
from duban.simulate.invariants import Day, Message, Notice, Step, violations
from duban.simulate.people import BEHAVIOURS, YEARS, temper_of
from duban.simulate.play import _arrives
from duban.simulate.watch import Watch
from duban.simulate.world import days_between, open_empty, open_world
from duban.stages import SLOTS, stage_function
from duban.workdays import load_calendar
from notifier.pretend import instead_of_sending
from smallhome import write_home

ROOT = Path(__file__).parent.parent
CALENDAR = load_calendar(ROOT / "config" / "calendar.yaml", "calendar.yaml", Issues())
MONDAY = date(2026, 3, 9)
NINE = clock.at(MONDAY, time(9, 0))
YEARS_ON_DEMAND = os.environ.get("DUBAN_TEST_YEARS", "") == "1"
"""Three years on end take minutes: ``DUBAN_TEST_YEARS=1 make test`` plays them."""

PLAN = """
id: small
title: 三年小方案
issuer: 新郑市人民政府
office: 市市场监管局
term: {from: 2024-01-01, to: 2026-12-31}
year: 2024
areas: [{id: one, name: 第一块}]
"""
TASKS = """
area: one
tasks:
  - {id: Y-1, title: 出台办法, text: 印发办法, source: example, lead: [市财政局], responsibility: 市财政局牵头, deliverable: 文件, deadline: 2024年9月30日前, kind: hard, weight: 2, urgent: 是}
  - {id: Y-2, title: 建成工作站, text: 建成, source: example, lead: [龙湖镇, 孟庄镇], joint: 是, responsibility: 两镇分别负责, deliverable: 工作站, deadline: 2025年11月20日前, weight: 2}
  - {id: Y-3, title: 季度调度, text: 按季报送, source: example, lead: [市市场监管局], support: [龙湖镇, 孟庄镇], responsibility: 市市场监管局牵头, deliverable: 台账, deadline: 持续推进, weight: 1, report: {every: quarter, due: 每季度末月25日前, by: [龙湖镇, 孟庄镇]}}
  - {id: Y-4, title: 企业提供情况, text: 请企业提供情况, source: example, lead: [市财政局], support: [示范企业（待定）三], responsibility: 市财政局牵头, deliverable: 情况, deadline: 2026年12月20日前, weight: 1, report: {every: half, due: 每半年末月20日前, by: [示范企业（待定）三]}}
"""


def three_years(root: Path) -> Home:
    home = write_home(root, example=True)
    (home.tasks_def / "small" / "plan.yaml").write_text(PLAN, "utf-8")
    (home.tasks_def / "small" / "1-one.yaml").write_text(TASKS, "utf-8")
    return home


def play(
    root: Path, first: date, last: date, *, seed: int = 1, faults: bool = False, **more: Any
) -> Played:
    home = three_years(root) if not root.exists() else Home(root, example=True)
    return simulate_years(fresh_home(home), first, last, seed=seed, faults=faults, **more)


# ---- years ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "seed", "faults"), [(2024, 1, False), (2025, 2, True), (2026, 1, True)]
)
def test_each_of_three_years_keeps_every_rule(
    tmp_path: Path,
    year: int,
    seed: int,
    faults: bool,
) -> None:
    played = play(tmp_path / "h", date(year, 1, 1), date(year, 12, 31), seed=seed, faults=faults)
    assert played.violations == ()
    assert played.counts["报送"] > 5
    assert played.counts["deliver：已送出"] > 20
    if faults:
        came = {name for name in played.counts if name.startswith("故障")}
        assert came >= {"故障：中途断电", "故障：漏跑一天", "故障：调整时限", "故障：取消任务"}
        assert "故障：合并单位" in came


@pytest.mark.skipif(not YEARS_ON_DEMAND, reason="设 DUBAN_TEST_YEARS=1 才连续模拟三年")
@pytest.mark.parametrize("faults", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("plan", ["small", "shipped"])
def test_three_years_on_end_keep_every_rule(
    tmp_path: Path,
    plan: str,
    seed: int,
    faults: bool,
) -> None:
    root = tmp_path / "h"
    home = three_years(root) if plan == "small" else Home(copy_home(root), example=True)
    played = simulate_years(
        fresh_home(home), date(2024, 1, 1), date(2026, 12, 31), seed=seed, faults=faults
    )
    assert played.violations == ()


def test_the_same_seed_gives_the_same_state_on_both_databases(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = date(2024, 9, 2), date(2024, 11, 22)
    on_sqlite = play(tmp_path / "a", first, last, seed=3, faults=True)
    monkeypatch.setenv("DUBAN_EXAMPLE_DATABASE_URL", postgres_url)
    on_postgres = play(tmp_path / "b", first, last, seed=3, faults=True)
    assert on_sqlite == on_postgres
    assert on_sqlite.violations == ()
    with pytest.raises(InputError, match="要从空台账开始"):
        play(tmp_path / "b", first, last, seed=3)


def test_another_seed_or_faults_give_another_state(tmp_path: Path) -> None:
    first, last = date(2024, 9, 16), date(2024, 10, 18)
    plain = play(tmp_path / "h", first, last, seed=4)
    again = play(tmp_path / "h", first, last, seed=4)
    assert plain == again
    assert plain.state_hash != play(tmp_path / "h", first, last, seed=5).state_hash
    assert plain.state_hash != play(tmp_path / "h", first, last, seed=4, faults=True).state_hash


def test_a_preview_is_what_a_simulated_stretch_sends_when_nobody_does_anything(
    tmp_path: Path,
) -> None:
    first, days = date(2024, 8, 26), 60
    home = fresh_home(three_years(tmp_path / "h"))
    with open_world(home, first) as (office, told):
        open_empty(office, first)
        foreseen = foretell(office, told(), days)
    simulate_years(fresh_home(home), first, first + timedelta(days=days), shares=IDLE)
    with open_world(home, first) as (office, told), office.ledger.read() as conn:
        sent, _ = happened(office, conn, foreseen.seq)
    assert len(foreseen.messages) > 20
    assert foreseen.messages == sent


# ---- faults --------------------------------------------------------------------------------------


def test_a_dead_process_writes_nothing_more(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'l'}", ask=lambda: NINE)
    dying = wrong.FusedLedger(ledger, wrong.Fuse(1))

    def mark(name: str) -> Draft:
        return Draft("ledger.marked", "x", {"name": name, "value": "1"})

    def write(*names: str) -> None:
        with dying.write("t") as writing:
            for name in names:
                writing.record(mark(name))

    with pytest.raises(wrong.Crash):
        write("a", "b")
    with pytest.raises(wrong.Crash):
        write("c")
    with ledger.read() as conn:
        assert chain_head(conn)[0] == 0, "中断的事务什么也没有留下"
    ledger.close()


def test_liaisons_who_leave_are_among_the_units(tmp_path: Path) -> None:
    with open_world(fresh_home(three_years(tmp_path / "h")), MONDAY) as (office, _):
        tempers = {temper_of(office, YEARS, 1, unit).name for unit in office.units}
    assert {"联络员离任", "照抄上期", "沉默"} <= tempers
    assert BEHAVIOURS["leaving"].leaves


def test_nothing_is_really_sent(tmp_path: Path) -> None:
    home = fresh_home(three_years(tmp_path / "h"))
    simulate_years(home, date(2024, 9, 16), date(2024, 9, 27))
    assert not (home.var / "mail").exists()


# ---- every rule catches what is planted against it -------------------------------------------------


def blank(**more: Any) -> Day:
    return Day(
        day=MONDAY, calendar=CALENDAR, works_from=time(8, 30), works_until=time(17, 30),
        urgent_per_day=2, **more,
    )  # fmt: skip


def message(key: str, kind: str = "day", at: datetime = NINE) -> Message:
    return Message(key, kind, "longhu", "liaison", kind == "urgent", at, at)


def notice(**more: Any) -> Notice:
    plain = Notice("k", "o", "today", 1, "liaison", "remind", "grouped", "active", is_open=True)
    return replace(plain, **more)


PLANTED: dict[str, Day] = {
    "one_routine_message": blank(messages=(message("day:a"), message("day:b"))),
    "urgent_within_cap": blank(messages=tuple(message(f"u{n}", "urgent") for n in range(3))),
    "only_in_working_time": blank(messages=(message("day:a", at=NINE - timedelta(days=1)),)),
    "every_candidate_has_a_row": blank(owed=frozenset({"a", "b"}), known=frozenset({"a"})),
    "no_rung_twice": blank(claimed={"a": 2}),
    "nothing_for_what_is_over": blank(notices=(notice(state="closed", is_open=False),)),
    "severe_needs_a_name": blank(notices=(notice(kind="supervise", paper="通报"),)),
    "enterprises_never_escalated": blank(steps=(Step("s", "qy1", UnitKind.ENTERPRISE),)),
    "nothing_forgotten_in_the_queue": blank(waiting=("day:a",)),
    "chain_holds": blank(broken=7),
    "rows_can_be_rebuilt": blank(differing=("notice",)),
}


def test_a_day_as_it_should_be_breaks_nothing() -> None:
    day = blank(
        messages=(
            message("day:a#1/2"),
            message("day:a#2/2"),
            message("u1", "urgent"),
            message("u2", "urgent"),
        ),
        notices=(notice(), notice(outcome="closed", is_open=False, state="closed")),
        steps=(Step("s", "longhu", UnitKind.TOWNSHIP),),
        owed=frozenset({"a"}),
        known=frozenset({"a"}),
        claimed={"a": 1},
        handed_over=(("day:a", NINE),),
    )
    assert violations(day) == []


@pytest.mark.parametrize("name", [rule.__name__ for rule in INVARIANTS])
def test_each_rule_catches_what_is_planted(name: str) -> None:
    found = violations(PLANTED[name])
    assert {each.name for each in found} == {name}
    assert found[0].sentence == (getattr(rules, name).__doc__ or "").rstrip("。")
    assert found[0].detail


def test_every_rule_stands_in_the_documents() -> None:
    told = (ROOT / "docs" / "simulate.md").read_text("utf-8")
    for rule in INVARIANTS:
        assert rule.__name__ in told
        assert (rule.__doc__ or "").rstrip("。") in told


# ---- and the watch sees it in a real ledger ----------------------------------------------------------


def plant_a_second_message(office: Any, at: datetime) -> None:
    with office.ledger.write("t", at) as writing:
        queue(
            writing,
            [
                Letter(
                    f"day:plant{n}", "day", "longhu", "liaison", "甲", "a@x.example", "mail",
                    "s", "t", "", (), urgent=False, not_before=at,
                )
                for n in range(2)
            ],
        )  # fmt: skip


def plant_a_change_without_event(office: Any, at: datetime) -> None:
    with office.ledger.write("t", at) as writing:
        writing.conn.execute(sa.text("UPDATE obligation SET title = 'x'"))


def plant_a_changed_event(office: Any, at: datetime) -> None:
    with office.ledger.write("t", at) as writing:
        guards = writing.conn.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'event'")
        ).scalars()
        for guard in guards.all():  # whoever can change the file can take the lock off, too
            writing.conn.execute(sa.text(f'DROP TRIGGER "{guard}"'))
        writing.conn.execute(sa.text("UPDATE event SET actor = 'x' WHERE seq = 2"))


def plant_a_lost_notice(office: Any, at: datetime) -> None:
    with office.ledger.write("t", at) as writing:
        writing.conn.execute(sa.text("DELETE FROM notice WHERE kind = 'remind'"))


def said_today(office: Any, day: date) -> bool:
    """Whether reminders came up on a day."""
    with office.ledger.read() as conn:
        rows = queries.notices(conn, since=clock.at(day))
    return any(row["kind"] == "remind" for row in rows)


@pytest.mark.parametrize(
    ("plant", "name"),
    [
        (plant_a_second_message, "one_routine_message"),
        (plant_a_change_without_event, "rows_can_be_rebuilt"),
        (plant_a_changed_event, "chain_holds"),
        (plant_a_lost_notice, "every_candidate_has_a_row"),
    ],
)
def test_the_watch_sees_it(
    tmp_path: Path, plant: Callable[[Any, datetime], None], name: str
) -> None:
    first = date(2024, 9, 9)
    with (
        open_world(fresh_home(three_years(tmp_path / "h")), first) as (office, told),
        instead_of_sending(_arrives),
    ):
        open_empty(office, first)
        watch = Watch()
        watch.begin(office)
        for day in days_between(first, date(2024, 9, 30)):
            watch.before(office)
            for stage in ("publish", "collect", "escalate", "remind"):
                told.moment = clock.at(day, SLOTS[stage])
                stage_function(stage)(office, told.moment)
            if said_today(office, day):
                break
            watch.after(office, told.moment)
        plant(office, told.moment)
        watch.after(office, told.moment)
        watch.whole(office, clock.day_of(told.moment))
    assert name in {each.name for each in watch.found}


def test_the_judge_is_told_and_answers() -> None:
    letter = Letter(
        "k", "day", "u", "liaison", "甲", "a@x", "mail", "s", "t", "", (), urgent=False, not_before=NINE,
    )  # fmt: skip
    assert _arrives(letter, NINE) == Outcome("sent", "simulated", "")
    faults = wrong.Faults(1, date(2024, 1, 1), CALENDAR)
    kinds = {
        faults.judge(replace(letter, id=f"k{n}"), NINE + timedelta(days=7 * week)).kind
        for week in range(60)
        for n in range(8)
    }
    assert kinds == {"sent", "temporary", "unknown", "permanent"}
