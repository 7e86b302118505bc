"""Why somebody was told or not: any unit, task and day, and sums that add up over a random month."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from asking import extend
from cast import home_of, write_matrix
from conftest import Told
from duban import clock
from duban.ledger import queries, transitions
from duban.ledger.events import Draft
from duban.ledger.store import Writing, open_ledger
from duban.office import Office
from duban.reasons import CODES, SENT, Answer
from duban.settings import Home
from duban.stages import SLOTS
from ladder_play import FINISH, HEAD, OTHER, REPORT, SECOND, Play, Starts, Tasks

Cli = Callable[..., tuple[int, str, str]]

# ---- reasons ---------------------------------------------------------------------------------------------


def code(found: Answer) -> str:
    (each,) = found.silent
    return each.code


def test_why_when_nothing_was_due(starts: Starts) -> None:
    play = starts(FINISH, REPORT)
    play.remind("2026-03-16")
    play.remind("2026-03-17")
    (each,) = play.why(task="T-01", on="2026-03-17").silent
    assert (each.code, each.next_on, each.next_rung) == ("between", date(2026, 3, 20), "before-3")
    assert each.reason == "这天没有到梯级：下一次是2026-03-20“距时限3个工作日”（发给联络员）"
    assert play.why(task="T-01", on="2026-03-17").sums["candidates"] == 0


def test_why_on_days_that_are_none_of_work_or_of_use(starts_both: Starts) -> None:
    play = starts_both(FINISH)
    play.remind("2026-03-16")
    early = play.why(on="2026-02-20")
    assert "在启用（2026-03-02）之前" in early.day
    assert code(early) == "unlisted"
    rest = play.why(on="2026-03-15")
    assert "是休息日，不发提醒，顺到2026-03-16" in rest.day
    assert code(rest) == "rest_day"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("suspended", "suspended"),
        ("unstarted", "unstarted"),
        ("closed", "closed"),
        ("submitted", "submitted"),
        ("cancelled", "cancelled"),
        ("merged", "merged"),
        ("historic", "historic"),
    ],
)
def test_why_not_of_what_owes_nothing_now(starts: Starts, state: str, expected: str) -> None:
    play = starts(FINISH)
    play.remind("2026-03-16")
    with play.ledger.write("办公室", play.told.set("2026-03-17 10:00")) as writing:
        changed = {"key": "T-01/longhu/finish:end", "state": state, "is_open": 0}
        writing.record(
            Draft("obligation.suspended", "x", changed, obligation="T-01/longhu/finish:end")
        )
    play.remind("2026-03-24")
    assert code(play.why(task="T-01", on="2026-03-24")) == expected
    # The day before it still owed: the answer is of that day.
    play.told.set("2026-04-01 09:00")
    assert code(play.why(task="T-01", on="2026-03-13")) == "between"


def test_why_of_a_task_that_is_not_the_units(starts: Starts) -> None:
    play = starts(FINISH, OTHER)
    assert code(play.why("longhu", "T-04", "2026-03-16")) == "not_owed"


def test_why_before_a_period_opens_and_after_the_ladder_ends(starts: Starts) -> None:
    play = starts(REPORT, FINISH)
    path = play.home.config / "reminders.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "  - {id: mine, rungs: [{id: today, before: 0}]}\n", encoding="utf-8")
    write_matrix(
        play.home.root, {"tasks": [each | {"reminders": "mine"} for each in (REPORT, FINISH)]}
    )
    play.applies()
    play.remind("2026-03-26")
    found = {each.code for each in play.why(on="2026-03-26").silent}
    assert {"not_open"} <= found
    play.remind("2026-03-31")
    (ended,) = play.why(task="T-01", on="2026-03-31").silent
    assert (ended.code, ended.next_on) == ("ended", None)


def test_why_ahead_is_what_then_happens(starts_both: Starts) -> None:
    """Plan mode: the same decisions on a ledger that is put back afterwards."""
    play = starts_both(FINISH, SECOND, REPORT)
    play.told.set("2026-03-20 10:00")
    ahead = play.why(on="2026-03-24")
    assert ahead.mode == "plan"
    assert "按现有台账预演" in ahead.day
    assert play.notices() == []
    for stage in ("publish", "collect", "escalate", "remind", "deliver"):
        play.run(stage, clock.at(date(2026, 3, 20), SLOTS[stage]).replace(hour=10, minute=0))
    day = date(2026, 3, 21)
    while day <= date(2026, 3, 24):
        for stage in ("publish", "collect", "escalate", "remind", "deliver"):
            play.run(stage, clock.at(day, SLOTS[stage]))
        day += timedelta(days=1)
    then = play.why(on="2026-03-24")
    assert then.mode == "record"

    def told(found: Answer) -> list[tuple[Any, ...]]:
        return sorted(
            (row["id"], row["outcome"], row["reason"], row["message"]) for row in found.notices
        )

    assert told(ahead) == told(then)
    assert ahead.sums["candidates"] == then.sums["candidates"] > 0


def test_why_today_before_the_morning_run(starts: Starts) -> None:
    play = starts(FINISH)
    play.remind("2026-03-13")
    play.told.set("2026-03-16 07:00")
    found = play.why(on="2026-03-16")
    assert (found.mode, [row["rung"] for row in found.notices]) == ("plan", ["before-7"])
    assert play.notices(rung="before-7") == []


def test_why_of_a_day_of_an_outage(starts: Starts) -> None:
    """The day came and nothing ran: the answer is what the next run will say."""
    play = starts(FINISH)
    play.remind("2026-03-10")
    play.told.set("2026-03-18 10:00")
    found = play.why(on="2026-03-16")
    assert found.mode == "plan"
    (row,) = found.notices
    assert (row["rung"], row["reason"]) == (
        "before-7",
        "距时限7个工作日（应于3月16日提醒，现补发）",
    )


def test_why_from_the_command_line(
    cli: Cli, tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUBAN_DATABASE_URL", raising=False)
    home = home_of(tmp_path / "home", {"tasks": [dict(FINISH), dict(OTHER)]})
    ledger = open_ledger(Home(home).database_url, ask=told)
    told.set(HEAD)
    play = Play(Home(home), ledger, told, None)  # type: ignore[arg-type]
    play.applies()
    for day in ("2026-03-13", "2026-03-16", "2026-03-17"):
        play.remind(day)
    ledger.close()
    ask = ("why", "--unit", "龙湖镇", "--home", str(home))
    exit_code, out, _ = cli(*ask, "--date", "2026-03-16", "--format", "json")
    found = json.loads(out)
    assert exit_code == 0
    assert set(found) == {"unit", "task", "date", "mode", "day", "notices", "silent", "sums"}
    assert found["sums"] == {
        "candidates": 1,
        "sent": 1,
        "not_sent": 0,
        "codes": {"queued": 1},
        "kinds": {"remind": 1},
    }
    _, out, _ = cli(*ask, "--date", "2026-03-17", "--task", "T-01")
    assert "下一次是2026-03-20" in out
    assert cli(*ask, "--task", "T-04", "--date", "2026-03-17")[1].count("没有应办事项") == 1
    exit_code, _, noted = cli(*ask, "--task", "T-1", "--date", "2026-03-17")
    assert exit_code == 2
    assert "是不是：T-01" in noted


# ---- the sums of a random month --------------------------------------------------------------------------


@dataclass
class Month:
    """A month of random mornings, reports and acts, and the candidates it must have had, counted apart."""

    play: Play
    dice: random.Random
    expected: set[tuple[str, str, int, str]] = field(default_factory=set)

    def go(self, first: date, days: int) -> None:
        since = clock.at(first) - timedelta(seconds=1)
        for number in range(days):
            day = first + timedelta(days=number)
            if self.dice.random() < 0.75:  # else the computer was off that morning
                now = clock.at(day, SLOTS["remind"])
                if self.play.office.calendar.is_workday(day):
                    self._count(since, now)
                    since = now
                for stage in ("collect", "remind"):
                    self.play.run(stage, clock.at(day, SLOTS[stage]))
            self.play.told.moment = clock.at(day) + timedelta(hours=15)
            with self.play.ledger.write("测试") as writing:
                self._act(writing)

    def _count(self, since: datetime, now: datetime) -> None:
        """Every rung of every open obligation whose moment lies in between, read day by day."""
        with self.play.ledger.read() as conn:
            rows = [row for row in queries.obligations(conn) if row["is_open"] and row["due_on"]]
        day = clock.day_of(since)
        while day <= clock.day_of(now):
            if since < clock.at(day, SLOTS["remind"]) <= now:
                self.expected |= {
                    (row["key"], rung, row["round"], post)
                    for row in rows
                    if row["opens_on"] is None or row["opens_on"] <= day
                    for rung, post in _rungs_on(self.play.office, row, day)
                }
            day += timedelta(days=1)

    def _act(self, writing: Writing) -> None:
        for row in queries.obligations(writing.conn, states=("waiting", "active", "returned")):
            throw = self.dice.random()
            if throw < 0.03:
                report = transitions.Report(progress="完成。", percent=100)
                transitions.submit(writing, row["key"], report, actor="联络员（测试）")
            elif throw < 0.05:
                transitions.acknowledge(writing, row["key"], actor="联络员（测试）")
            elif throw < 0.06 and writing.at < row["due_at"] and not row["extended"]:
                until = row["due_on"] + timedelta(days=self.dice.randint(1, 20))
                extend(writing, row["key"], until, self.play.office.calendar)
            elif throw < 0.1 and row["kind"] == "finish":
                transitions.silence(
                    writing,
                    row["unit"],
                    task=row["task"],
                    post="",
                    until_on=clock.day_of(writing.at) + timedelta(days=4),
                    author="办公室",
                    reason="检查",
                )


def _rungs_on(office: Office, row: Any, day: date) -> Iterator[tuple[str, str]]:
    """The shipped ladders spelt out once more, by hand."""
    due, calendar = row["due_on"], office.calendar
    before: tuple[int, ...] = (15, 7, 3, 1)
    if row["kind"] == "report":
        before = (3, 1) if row["role"] in {"lead", "joint"} else (1,)
    elif row["deadline_class"] == "hard":
        before = (30, 15, 7, 3, 1)
    hard = row["kind"] != "report" and row["deadline_class"] == "hard"
    posts = ("liaison", "section")
    work = [due - timedelta(days=n) for n in range(90)]
    ahead = [each for each in work if each < due and calendar.is_workday(each)]
    for number in before:
        if ahead[number - 1] == day:
            yield from ((f"before-{number}", post) for post in posts[: 1 + (hard and number <= 3)])
    if day == due:
        yield from (("today", post) for post in posts[: 1 + hard])
    late = sum(calendar.is_workday(due + timedelta(days=n)) for n in range(1, (day - due).days + 1))
    if day > due and calendar.is_workday(day):
        if late % 3 == 1:
            yield f"overdue@{day}", "liaison"
        if late == 10 and row["kind"] != "report":
            yield "late-10", "head"


@pytest.mark.parametrize("seed", [1, 2])
def test_candidates_are_sends_and_non_sends(starts_both: Starts, seed: int) -> None:
    dice = random.Random(seed)
    units = ["龙湖镇", "辛店镇", "郭店镇", "空缺镇", "市市场监管局"]
    tasks: Tasks = [
        FINISH
        | {
            "id": f"F-{number:02}",
            "lead": [dice.choice(units)],
            "kind": dice.choice(["planned", "hard", "internal"]),
            "deadline": f"2026年3月{dice.randint(5, 31)}日前",
            "urgent": dice.choice(["是", "否", "否"]),
        }
        for number in range(8)
    ]
    tasks += [REPORT | {"id": f"R-{number}"} for number in range(2)]
    play = starts_both(*tasks, at="2026-03-02 00:10")
    month = Month(play, dice)
    month.go(date(2026, 3, 2), 42)
    rows = play.notices()
    ladder = [
        row for row in rows if row["kind"] in {"remind", "summary"} and "list@" not in row["rung"]
    ]
    found = {(row["obligation"], row["rung"], row["round"], row["recipient"]) for row in ladder}
    assert found == month.expected
    assert len(ladder) == len(month.expected) > 40
    total: Counter[str] = Counter()
    for unit in play.office.units:
        answered = play.why(unit)
        sums = answered.sums
        assert sums["candidates"] == sums["sent"] + sums["not_sent"] == len(answered.notices)
        assert sums["candidates"] == sum(sums["codes"].values()) == sum(sums["kinds"].values())
        assert sums["sent"] == sum(n for each, n in sums["codes"].items() if each in SENT)
        assert set(sums["codes"]) <= set(CODES)
        assert all(row["reason"] for row in answered.notices)
        total.update(sums["kinds"])
    assert total == Counter(row["kind"] for row in rows)
    outcomes = {row["outcome"] for row in rows}
    assert {"grouped", "superseded", "silenced"} <= outcomes
