"""From record to facts: what counts in an assessment, each fact with the event it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cast import home_of
from conftest import Told
from duban.assessment.model import Fact
from duban.desk import Desk, need_desk
from duban.ledger import transitions
from duban.ledger.apply import apply
from duban.ledger.facts import gather_facts, year_period
from duban.ledger.store import Ledger, open_ledger
from duban.ledger.transitions import Report
from duban.settings import Home

TASK: dict[str, Any] = {
    "id": "T-01",
    "title": "建立机制",
    "lead": ["市市场监管局"],
    "support": ["市法院"],
    "deadline": "2026年6月30日前",
    "weight": "3",
    "report": {"every": "quarter", "due": "每季度最后一个月25日前", "by": ["龙湖镇", "辛店镇"]},
}
INDICATOR: dict[str, Any] = {
    "id": "cases",
    "name": "调解件数",
    "unit": "件",
    "measure": "flow",
    "targets": {"2026": "100"},
    "unit_targets": [{"unit": "龙湖镇", "2026": "40"}, {"unit": "辛店镇", "2026": "60"}],
}
Q1 = "T-01/{}/report:2026Q1"
FINISH = "T-01/scjgj/finish:end"


class Office:
    """A small office whose units report and whose facts are asked for."""

    def __init__(self, root: Path, ledger: Ledger, told: Told, applied: str) -> None:
        task = TASK | {"indicators": ["cases"]}
        self.home = Home(home_of(root, {"tasks": [task], "indicators": [INDICATOR]}))
        self.ledger, self.told = ledger, told
        self.desk: Desk = need_desk(self.home, date(2026, 1, 1))
        told.set(applied)
        apply(ledger, self.desk.matrix, self.desk.planned(), actor="办公室")

    def report(self, at: str, key: str, **more: Any) -> str:
        moment = self.told.set(at)
        with self.ledger.write("联络员", moment) as writing:
            given = Report(**({"progress": "已办。"} | more))
            return transitions.submit(writing, key, given, actor="联络员").submission

    def send_back(self, at: str, submission: str) -> None:
        with self.ledger.write("办公室", self.told.set(at)) as writing:
            transitions.send_back(
                writing,
                submission,
                actor="办公室",
                reason="缺佐证",
                calendar=self.desk.calendar,
                days=3,
            )

    def facts(self, at: str) -> dict[str, Fact]:
        with self.ledger.read() as conn:
            _, found = gather_facts(conn, self.desk.matrix, year_period(2026, self.told.set(at)))
        assert len({fact.id for fact in found}) == len(found)
        return {fact.id: fact for fact in found}


@pytest.fixture
def office(tmp_path: Path, told: Told) -> Iterator[Office]:
    with closing(
        open_ledger(f"sqlite:///{tmp_path / 'l.sqlite3'}", ask=told, durable=False)
    ) as ledger:
        yield Office(tmp_path / "home", ledger, told, "2026-01-01 09:00")


@pytest.fixture
def newcomer(tmp_path: Path, told: Told) -> Iterator[Office]:
    """The same office, which began to use the software in April."""
    with closing(
        open_ledger(f"sqlite:///{tmp_path / 'l.sqlite3'}", ask=told, durable=False)
    ) as ledger:
        yield Office(tmp_path / "home", ledger, told, "2026-04-01 09:00")


def test_missing_late_and_on_time_are_charged_per_time(office: Office) -> None:
    office.report("2026-03-24 10:00", Q1.format("xindian"))
    office.report("2026-03-30 10:00", Q1.format("longhu"))
    found = office.facts("2026-07-01 09:00")
    assert found[Q1.format("xindian") + "!on_time"].happened_on == date(2026, 3, 25)
    late = found[Q1.format("longhu") + "!late"]
    assert (late.count, late.role) == (1, "support")
    assert late.event
    assert "T-01/longhu/report:2026Q2!missing" in found


def test_nothing_counts_before_its_due(office: Office) -> None:
    assert not any(fact.obligation for fact in office.facts("2026-03-20 09:00").values())


def test_a_return_counts_once_and_lateness_is_judged_by_the_first_report(office: Office) -> None:
    first = office.report("2026-03-24 10:00", Q1.format("longhu"))
    office.send_back("2026-03-25 10:00", first)
    office.report("2026-03-30 10:00", Q1.format("longhu"))
    found = office.facts("2026-04-10 09:00")
    assert found[Q1.format("longhu") + "!returned"].count == 1
    assert Q1.format("longhu") + "!on_time" in found
    assert Q1.format("longhu") + "!late" not in found


def test_completion_counts_for_the_lead_and_for_those_that_support(office: Office) -> None:
    before = office.facts("2026-07-01 09:00")
    assert before[FINISH + "!completion"].done == Decimal(0)
    office.report("2026-07-02 10:00", FINISH, percent=100)
    after = office.facts("2026-07-03 09:00")
    lead, support = after[FINISH + "!completion"], after[FINISH + "!support:fayuan"]
    assert (lead.role, lead.weight, lead.done) == ("lead", Decimal(3), Decimal(1))
    assert (support.unit, support.role, support.done) == ("fayuan", "support", Decimal(1))
    assert FINISH + "!late" in after


def test_a_flow_is_summed_and_measured_by_the_months_gone(office: Office) -> None:
    office.report("2026-03-20 10:00", Q1.format("longhu"), figures={"cases": Decimal(9)})
    office.report("2026-06-20 10:00", "T-01/longhu/report:2026Q2", figures={"cases": Decimal(8)})
    found = office.facts("2026-07-15 09:00")["cases/longhu!indicator"]
    assert (found.done, found.target, found.counted_in) == (Decimal(17), Decimal(20), "件")
    assert "全年目标40件" in found.note
    assert "6/12" in found.note
    assert office.facts("2026-12-31 23:59")["cases/longhu!indicator"].target == Decimal(40)
    assert office.facts("2026-07-15 09:00")["cases/xindian!indicator"].done is None


def test_what_was_returned_does_not_count_as_a_figure(office: Office) -> None:
    first = office.report("2026-03-20 10:00", Q1.format("longhu"), figures={"cases": Decimal(900)})
    office.send_back("2026-03-21 10:00", first)
    assert office.facts("2026-07-15 09:00")["cases/longhu!indicator"].done is None


def test_what_came_before_the_day_of_use_is_not_scored(newcomer: Office) -> None:
    found = newcomer.facts("2026-07-15 09:00")
    assert not any("2026Q1" in key for key in found)
    assert not any(fact.kind == "indicator" for fact in found.values())
    assert "T-01/longhu/report:2026Q2!missing" in found


def test_imported_history_counts_by_its_own_day(newcomer: Office) -> None:
    with newcomer.ledger.write("办公室") as writing:
        transitions.adopt(
            writing,
            Q1.format("longhu"),
            done_on=date(2026, 3, 20),
            actor="办公室",
            reason="纸质报送",
        )
        transitions.adopt(
            writing,
            Q1.format("xindian"),
            done_on=date(2026, 3, 31),
            actor="办公室",
            reason="纸质报送",
        )
    found = newcomer.facts("2026-07-15 09:00")
    assert Q1.format("longhu") + "!on_time" in found
    assert Q1.format("xindian") + "!late" in found
