"""The escalation ladder: a pure decision by days, and what becomes of it in an office over many days."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import ROOT, Told
from duban import clock
from duban.errors import InputError, Issues
from duban.escalation import (
    Facts,
    Ladders,
    Overdue,
    decide,
    latest_due,
    working_minutes,
)
from duban.escalation import Told as WasTold
from duban.ladderfile import load_escalation
from duban.ladders import EscalationPolicy, as_values, from_values
from duban.ledger import decisions, ladder, transitions
from duban.ledger.audit import rebuilt_differs
from duban.ledger.store import Ledger, open_ledger
from duban.matrix.model import UnitKind
from duban.stages import decide as acts
from duban.stages import escalate
from duban.workdays import load_calendar
from town import LATE as TASK
from town import Town

ISSUES = Issues()
CALENDAR = load_calendar(ROOT / "config" / "calendar.yaml", "calendar.yaml", ISSUES)


def shipped() -> EscalationPolicy:
    found = load_escalation(ROOT / "config" / "escalation.yaml", "escalation.yaml", ISSUES)
    assert found is not None
    return found


POLICY = shipped()
LADDERS = Ladders(POLICY)
LATE = Overdue(
    "T/u/report:2026-03", "u", UnitKind.BUREAU, "T", "report", date(2026, 3, 25), 1, urgent=False
)


def morning(day: str) -> datetime:
    return clock.at(date.fromisoformat(day), time(8, 10))


def told_of(steps: frozenset[str], *, arrived: bool = True) -> dict[str, WasTold]:
    return {step: WasTold(date(2026, 3, 26), sent_out=True, arrived=arrived) for step in steps}


def reached(
    day: str,
    overdue: Overdue = LATE,
    taken: str = "",
    facts: Facts = Facts(),  # noqa: B008 - frozen
) -> dict[str, bool]:
    """Step id to whether it waits for a person."""
    before = frozenset(taken.split())
    known = replace(facts, told=told_of(before))
    found = decide(LADDERS, CALENDAR, morning(day), [(replace(overdue, taken=before), known)])
    return {each.step.id: each.waits for each in found}


# ---- the decision --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "taken", "steps"),
    [
        ("2026-03-25", "", []),
        ("2026-03-26", "", ["urge"]),
        ("2026-03-29", "urge", []),
        ("2026-03-30", "urge", ["section"]),
        ("2026-03-31", "urge section", []),
        ("2026-04-01", "urge section", ["circular"]),
        ("2026-04-01", "", ["urge"]),  # an outage is caught up rung by rung
    ],
)
def test_the_ladder_day_by_day(day: str, taken: str, steps: list[str]) -> None:
    assert list(reached(day, taken=taken)) == steps


def test_severe_steps_wait_for_a_person() -> None:
    found = reached("2026-04-01", taken="urge section", facts=Facts(missed_in_row=2))
    assert found == {"circular": True, "talk": True}


def test_urgent_starts_higher() -> None:
    assert list(reached("2026-03-26", replace(LATE, urgent=True))) == ["urge", "section"]
    assert list(reached("2026-03-25", replace(LATE, urgent=True))) == []


@pytest.mark.parametrize("kind", [UnitKind.ENTERPRISE, UnitKind.INSTITUTION])
def test_never_an_enterprise(kind: UnitKind) -> None:
    overdue = replace(LATE, unit_kind=kind, urgent=True)
    assert reached("2026-12-31", overdue, facts=Facts(missed_in_row=9)) == {}


def test_a_ladder_is_never_climbed_downwards() -> None:
    assert reached("2026-12-31", taken="circular") == {}


def test_the_reason_tells_the_figures() -> None:
    taken = frozenset({"urge", "section"})
    facts = Facts(missed_in_row=2, told=told_of(taken))
    found = decide(LADDERS, CALENDAR, morning("2026-04-01"), [(replace(LATE, taken=taken), facts)])
    reasons = {each.step.id: each.reason for each in found}
    assert reasons["circular"] == "已逾期5个工作日（7天），达到“通报”的条件"
    assert "同一任务连续2期未报" in reasons["talk"]


@pytest.mark.parametrize("to_lower", ["工作提示", "函"])
def test_a_township_gets_no_order(to_lower: str) -> None:
    """《整治形式主义为基层减负若干规定》: a coordinating body issues no orders to lower governments."""
    each = replace(LATE, unit_kind=UnitKind.TOWNSHIP, taken=frozenset({"urge"}))
    facts = Facts(told=told_of(each.taken))
    found = decide(LADDERS, CALENDAR, morning("2026-03-30"), [(each, facts)], to_lower=to_lower)
    assert [(each.paper, each.name) for each in found] == [(to_lower, to_lower)]
    assert f"对乡镇街道发{to_lower}，不发督办单" in found[0].reason


@pytest.mark.parametrize("day", ["2026-02-24", "2026-03-30", "2026-04-07", "2026-10-08"])
def test_the_ledger_is_asked_up_to_every_due_that_counts(day: str) -> None:
    """``latest_due`` may be too wide, never too narrow; also for steps before the due."""
    before = replace(POLICY.ladders[0].steps[0], id="near", overdue=-3, working=True)
    near = replace(POLICY, ladders=(replace(POLICY.ladders[0], steps=(before,)),), version="near")
    for policy in (POLICY, near):
        ladders, now = Ladders(policy), morning(day)
        bound = latest_due(ladders, CALENDAR, now)
        for back in range(-40, 40):
            due = date.fromordinal(clock.day_of(now).toordinal() - back)
            if decide(ladders, CALENDAR, now, [(replace(LATE, due_on=due), Facts())]):
                assert due <= bound


def test_a_policy_comes_back_from_the_ledger_as_it_went_in() -> None:
    values = as_values(POLICY.ladders, POLICY.delivery_wait, POLICY.title)
    assert from_values(values, POLICY.version) == POLICY


def test_working_minutes_know_make_up_days_and_nights() -> None:
    opens, closes = time(8, 30), time(17, 30)
    friday, monday = (
        clock.at(date(2026, 3, 27), time(16, 30)),
        clock.at(date(2026, 3, 30), time(9, 30)),
    )
    assert working_minutes(CALENDAR, opens, closes, friday, monday) == 120
    assert working_minutes(CALENDAR, opens, closes, monday, friday) == 0


# ---- in an office --------------------------------------------------------------------------------

KEY = "T-01/scjgj/finish:end"
REPORTS = {
    "id": "T-02",
    "title": "月报",
    "lead": ["市市场监管局"],
    "support": ["龙湖镇"],
    "deadline": "持续推进",
    "report": {"every": "month", "due": "每月25日前", "by": ["龙湖镇"]},
}


@pytest.fixture
def town(tmp_path: Path, ledger: Ledger, told: Told) -> Town:
    found = Town(tmp_path / "home", ledger, told)
    found.apply()
    return found


@pytest.fixture
def quick(tmp_path: Path, told: Told) -> Any:
    """The same on SQLite alone, for what does not depend on the database."""
    with closing(
        open_ledger(f"sqlite:///{tmp_path / 'l.sqlite3'}", ask=told, durable=False)
    ) as opened:
        found = Town(tmp_path / "home", opened, told)
        found.apply()
        yield found


def steps(*more: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    first = {"id": "urge", "name": "催办", "overdue": 1, "to": ["liaison"], "paper": "催办"}
    return {"steps": [first, *more], **others}


SHEET = {"id": "sheet", "name": "督办单", "overdue": 3, "to": ["section"], "paper": "督办单"}


def test_a_ladder_is_frozen_where_it_started(town: Town) -> None:
    """An edit holds for what starts later, and for what has started only by a recorded decision."""
    before = town.office.escalation.version
    town.mornings("2026-03-26", "2026-03-27")
    text = (town.home.config / "escalation.yaml").read_text(encoding="utf-8")
    (town.home.config / "escalation.yaml").write_text(
        text.replace("overdue: 3", "overdue: 4"), "utf-8"
    )
    town.office = town.open()
    assert town.office.escalation.version != before
    town.add({**TASK, "id": "T-03", "deadline": "2026年3月27日前"})
    town.mornings("2026-03-30", "2026-04-01")
    assert town.steps(KEY) == [("urge", "taken"), ("section", "taken"), ("circular", "waiting")]
    assert clock.day_of(town.proposal("section")["raised_at"]) == date(2026, 3, 30)
    assert town.steps("T-03/scjgj/finish:end") == [("urge", "taken")]
    with town.ledger.read() as conn:
        assert {row["policy"] for row in ladder.climbs(conn)} == {
            before,
            town.office.escalation.version,
        }
        assert set(ladder.policies(conn)) == {before, town.office.escalation.version}

    def adopt(writing: Any, obligations: list[str] | None) -> int:
        escalate.keep_current(town.office, writing)
        return decisions.adopt(
            writing,
            town.office.escalation,
            obligations=obligations,
            actor="经办人甲",
            reason="改办法",
        )

    with pytest.raises(InputError, match="没有正在走的督办梯级"):
        town.act("2026-04-02 15:00", lambda writing: adopt(writing, ["T-99/scjgj/finish:end"]))
    assert town.act("2026-04-02 15:00", lambda writing: adopt(writing, None)) == 1
    assert town.act("2026-04-02 15:01", lambda writing: adopt(writing, None)) == 0
    with town.ledger.read() as conn:
        moved = next(row for row in ladder.climbs(conn) if row["obligation"] == KEY)
    assert (moved["policy"], moved["adopted_by"], moved["reason"]) == (
        town.office.escalation.version,
        "经办人甲",
        "改办法",
    )
    assert rebuilt_differs(town.ledger) == []


def test_a_rung_waits_for_the_notice_before_but_not_for_ever(town: Town) -> None:
    """Nobody is reprimanded for a notice that never came; after the bounded wait it goes up and says so."""
    town.mornings("2026-03-26", "2026-03-30", post=False)
    assert town.steps() == [("urge", "taken")]
    town.morning("2026-03-31", post=False)
    assert town.steps() == [("urge", "taken"), ("section", "taken")]
    assert "前一级“催办”等了3个工作日仍未送达" in town.proposal("section")["reason"]
    listed = town.notices("unheard:section")
    assert [(row["recipient"], row["outcome"]) for row in listed] == [("office", "grouped")]


def test_a_return_goes_on_where_the_ladder_stood(town: Town) -> None:
    town.mornings("2026-03-26", "2026-03-30")  # three working days late: 督办单
    town.submit(KEY, "2026-03-31 10:00")  # four working days were used up
    town.mornings("2026-04-01", "2026-04-08")
    assert town.steps() == [("urge", "taken"), ("section", "taken")]
    town.send_back(KEY, "2026-04-08 16:00")  # due again on 04-13
    town.mornings("2026-04-09", "2026-04-13")
    assert len(town.steps()) == 2
    town.morning("2026-04-14")  # the fifth working day altogether
    assert town.steps()[2:] == [("circular", "waiting")]
    assert "已逾期5个工作日" in town.proposal("circular")["reason"]


def test_what_comes_in_takes_a_proposal_back(quick: Town) -> None:
    quick.mornings("2026-03-26", "2026-04-01")
    quick.submit(KEY, "2026-04-01 10:00")
    quick.morning("2026-04-02")
    assert quick.steps()[-1] == ("circular", "withdrawn")


def test_soften_hand_over_confirm(town: Town) -> None:
    town.submit(KEY, "2026-03-25 10:00", percent=60, problem="印章被收走，正在重刻")
    town.mornings("2026-03-26", "2026-04-01")
    proposal = town.proposal("circular")
    assert proposal["stated"] == "印章被收走，正在重刻"
    at, key = "2026-04-01 15:00", proposal["id"]

    def soften(to: str, by: str, reason: str = "情有可原") -> Any:
        return lambda w: acts.soften(town.office, w, key, to=to, actor=by, reason=reason)

    for to, by, reason, words in (
        ("section", "经办人甲", "", "要写明理由"),
        ("section", " ", "情有可原", "须署名"),
        ("talk", "经办人甲", "情有可原", "不在“通报”之下"),
    ):
        with pytest.raises(InputError, match=words):
            town.act(at, soften(to, by, reason))
    town.act(
        at, lambda w: decisions.hand_over(w, key, to="经办人乙", actor="经办人甲", reason="归口乙")
    )
    for refused in (
        soften("section", "经办人甲"),
        lambda w: transitions.decide_proposal(w, key, confirm=True, actor="经办人甲", reason=""),
    ):
        with pytest.raises(InputError, match="已移交经办人乙"):
            town.act(at, refused)
    town.act(at, soften("section", "经办人乙"), by="经办人乙")
    town.morning("2026-04-02")
    assert town.proposal("circular")["state"] == "softened"
    said = town.notices("soft:circular")
    assert {row["recipient"] for row in said} == {"section", "deputy"}
    assert all("经办人乙由“通报”降级" in row["reason"] for row in said)
    assert {row["outcome"] for row in said} == {"grouped"}


def test_nobody_decides(quick: Town) -> None:
    """Held: the office is told again each period. Gone: only what is not severe, and it says why."""
    quick.write(
        "escalation.yaml",
        steps(
            {**SHEET, "overdue": 2, "confirm": "是", "timeout_hours": 9, "on_timeout": "go"},
            {**SHEET, "id": "circular", "paper": "通报", "confirm": "是", "timeout_days": 1},
        ),
    )
    quick.mornings("2026-03-26", "2026-03-27")
    assert quick.steps()[-1] == ("sheet", "waiting")
    quick.mornings("2026-03-30", "2026-03-31")
    assert quick.proposal("sheet")["state"] == "taken"
    assert "无人处理，按规定发出" in quick.proposal("sheet")["reason"]
    assert {row["outcome"] for row in quick.notices("step:sheet")} == {"grouped"}
    quick.mornings("2026-04-01", "2026-04-02")
    assert quick.proposal("circular")["state"] == "waiting"
    assert [row["recipient"] for row in quick.notices("wait:circular")] == ["office"] * len(
        quick.notices("wait:circular")
    )
    assert quick.notices("wait:circular")


def test_a_person_starts_at_any_step(quick: Town) -> None:
    quick.morning("2026-03-24")

    def start(step: str, key: str = KEY, by: str = "经办人甲") -> Any:
        return lambda w: acts.raise_by_hand(quick.office, w, key, step=step, actor=by, reason="急")

    for wrong, said in (
        (start("no"), "没有“no”"),
        (start("section", "X"), "没有正在办理"),
        (start("section", by=""), "须署名"),
    ):
        with pytest.raises(InputError, match=said):
            quick.act("2026-03-24 10:00", wrong)
    quick.act("2026-03-24 10:00", start("section"))
    quick.mornings("2026-03-25", "2026-03-31")
    assert quick.steps() == [("section", "confirmed")]  # nothing below it follows
    assert {row["outcome"] for row in quick.notices("step:section")} == {"grouped"}


def test_other_units_and_deadlines_climb_other_ladders(tmp_path: Path, quick: Town) -> None:
    hard = {**TASK, "id": "T-03", "kind": "hard"}
    quick.add(hard)
    quick.write(
        "escalation.yaml",
        steps(
            ladders=[
                {"id": "hard", "for": {"class": ["hard"]}, "steps": [{**SHEET, "overdue": 1}]},
                {"id": "towns", "for": {"unit_kind": ["township"]}, "steps": [SHEET]},
            ]
        ),
    )
    quick.morning("2026-03-26")
    assert quick.steps(KEY) == [("urge", "taken")]
    assert quick.steps("T-03/scjgj/finish:end") == [("sheet", "taken")]


def test_times_in_a_year_and_unanswered_reminders(quick: Town) -> None:
    for number in (3, 4):
        quick.add({**TASK, "id": f"T-0{number}", "deadline": f"2026年3月{23 + number}日前"})
    quick.write(
        "escalation.yaml",
        steps(
            {**SHEET, "overdue": 2, "unanswered": 1},
            {
                "id": "talk", "name": "约谈", "times_in_year": 3, "times_of": ["督办单"],
                "to": ["head"], "paper": "约谈", "confirm": "是", "score": "约谈一次",
            },
        ),
    )  # fmt: skip
    quick.mornings("2026-03-26", "2026-04-08")
    talks = [step for step in quick.steps() if step[0] == "talk"]
    assert talks == [("talk", "waiting")]  # once, on the third paper
    assert quick.proposal("talk")["obligation"] == "T-04/scjgj/finish:end"
    assert quick.proposal("talk")["score"] == "约谈一次"
    assert "今年第3次收到督办单" in quick.proposal("talk")["reason"]


def test_a_signed_for_reminder_counts_as_answered(quick: Town) -> None:
    quick.write("escalation.yaml", steps({**SHEET, "overdue": 2, "unanswered": 2}))
    quick.morning("2026-03-25")
    quick.act("2026-03-26 16:00", lambda w: transitions.acknowledge(w, KEY, actor="联络员"))
    quick.mornings("2026-03-27", "2026-03-30")
    assert ("sheet", "taken") not in quick.steps()


def test_a_half_finished_run_leaves_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(escalate, "dispatch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            town.stage("escalate", "2026-03-26")
    assert town.steps() == []
    town.morning("2026-03-26")
    assert town.steps() == [("urge", "taken")]


def test_two_runs_at_once_raise_once(town: Town) -> None:
    moment = town.told.set("2026-03-26 08:10")
    failed: list[BaseException] = []

    def work() -> None:
        try:
            escalate.run(town.office, moment)
        except BaseException as problem:  # noqa: BLE001 - told below
            failed.append(problem)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert town.steps() == [("urge", "taken")]
    assert len(town.notices("step:urge")) == 2


# ---- whatever was missed, the same end -----------------------------------------------------------

DAYS = [date(2026, 3, 26 + n).isoformat() for n in range(6)] + ["2026-04-01", "2026-04-02"]
END = ["2026-04-03", "2026-04-07", "2026-04-08", "2026-04-09"]


def _end(root: Path, told: Told, runs: list[tuple[str, str]]) -> tuple[Any, ...]:
    with closing(open_ledger(f"sqlite:///{root / 'l.sqlite3'}", ask=told, durable=False)) as opened:
        town = Town(root / "home", opened, told, TASK, REPORTS)
        town.apply()
        for day, how in runs:
            if how == "skip":
                continue
            town.stage("collect", day)
            if how == "crash" and CALENDAR.is_workday(date.fromisoformat(day)):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(escalate, "dispatch", lambda *_: 1 / 0)
                    with pytest.raises(ZeroDivisionError):
                        town.stage("escalate", day)
                continue
            for _ in range(2 if how == "twice" else 1):
                town.stage("escalate", day)
            town.stage("remind", day)  # within working hours: what was claimed is said
            town.deliver()
        with opened.read() as conn:
            lamps = sorted((r["obligation"], r["month"], r["colour"]) for r in _lamps(conn, town))
        rungs = sorted((n["obligation"], n["rung"], n["recipient"]) for n in town.notices("step:"))
        return sorted(town.steps(KEY)), sorted(town.steps()), lamps, rungs


def _lamps(conn: Any, town: Town) -> list[Any]:
    keys = [KEY, "T-02/longhu/report:2026-03"]
    return [row for key in keys for row in ladder.lamps_of(conn, key)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    told = Told(clock.at(date(2026, 1, 5), time(8)))
    runs = [(day, "run") for day in DAYS + END]
    return _end(tmp_path_factory.mktemp("undisturbed"), told, runs)


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(hows=st.lists(st.sampled_from(("run", "skip", "crash", "twice")), min_size=8, max_size=8))
def test_whatever_was_missed_the_end_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, undisturbed: tuple[Any, ...], hows: list[str]
) -> None:
    """A day or a week missed, a run that broke off, a run made twice: the same steps, lamps, notices."""
    told = Told(clock.at(date(2026, 1, 5), time(8)))
    runs = [*zip(DAYS, hows, strict=True), *((day, "run") for day in END)]
    assert _end(tmp_path_factory.mktemp("run"), told, runs) == undisturbed
