"""The plan that ships: it checks, it covers its frame, and it invents nobody."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from conftest import ROOT
from duban.desk import Desk, read_desk
from duban.matrix.deadlines import Kind
from duban.matrix.model import Source
from duban.matrix.phrases import read_deadline
from duban.obligations import Wanted
from duban.settings import Home


@pytest.fixture(scope="module")
def desk() -> Desk:
    found, issues = read_desk(Home(ROOT), date(2026, 3, 2))
    assert [str(issue) for issue in issues.errors] == []
    assert found is not None
    return found


@pytest.fixture(scope="module")
def planned(desk: Desk) -> Wanted:
    return desk.planned()


def test_every_area_and_safeguard_has_tasks(desk: Desk) -> None:
    plan = desk.matrix.plan
    assert len(plan.tasks) >= 45
    assert (len(plan.goals), len(plan.areas), len(plan.safeguards)) == (5, 5, 3)
    assert {task.area for task in plan.tasks} == {
        each.id for each in (*plan.areas, *plan.safeguards)
    }
    assert {goal for task in plan.tasks for goal in task.goals} == {each.id for each in plan.goals}


def test_nobody_takes_an_example_for_an_order(desk: Desk) -> None:
    assert {task.source for task in desk.matrix.plan.tasks} == {Source.SEED, Source.EXAMPLE}
    assert all(each.source is not Source.OWN for each in desk.matrix.plan.indicators)


def test_every_kind_of_deadline_is_used(desk: Desk) -> None:
    plan = desk.matrix.plan
    used = Counter(read_deadline(task, plan).kind for task in plan.tasks)
    # “X起” is how ranges are worded in speech; the plan writes its ranges with both ends.
    assert set(used) >= set(Kind) - {Kind.BLANK, Kind.NOT_A_DATE, Kind.AFTER}


def test_obligations_of_three_years(desk: Desk, planned: Wanted) -> None:
    keys = [each.key for each in planned]
    assert len(keys) == len(set(keys))
    years = Counter(each.due_on.year for each in planned if each.due_on)
    assert years.pop(2027) == 1  # 试点期满后30日内
    assert set(years) == {2024, 2025, 2026}
    assert all(300 <= count <= 3000 for count in years.values()), years
    assert {each.unit for each in planned} <= set(desk.matrix.directory.units)
    assert {each.kind for each in planned} == {"finish", "milestone", "report", "summary"}


def test_reporting_stays_bearable(desk: Desk, planned: Wanted) -> None:
    """The office leads most tasks and reports on them; nobody else owes more than 12 a month."""
    asked = Counter(
        (each.unit, each.due_on.year, each.due_on.month)
        for each in planned
        if each.due_on and each.kind in {"report", "summary"}
    )
    assert desk.office_unit is not None
    office = desk.office_unit.id
    others = [(count, who) for who, count in asked.items() if who[0] != office]
    assert max(others)[0] <= 12, max(others)
    assert max(count for who, count in asked.items() if who[0] == office) <= 32


def test_nobody_is_invented(desk: Desk) -> None:
    holders = [
        holder
        for unit in desk.matrix.directory.units.values()
        for posts in unit.posts.values()
        for holder in posts
    ]
    assert len(holders) > 100
    assert all("待填" in holder.name for holder in holders)
    assert all(not each.address or each.address.endswith(".example") for each in holders)


def test_units_of_a_county(desk: Desk) -> None:
    kinds = Counter(unit.kind.value for unit in desk.matrix.directory.units.values())
    assert kinds["bureau"] >= 20
    assert kinds["township"] + kinds["street"] >= 12
    assert kinds["court"] >= 1
    assert kinds["enterprise"] + kinds["institution"] >= 1
