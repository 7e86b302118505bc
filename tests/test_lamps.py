"""Lamps: thresholds by days and by progress, the real counties' rules to the letter, months on record."""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Told
from duban import preset
from duban.errors import Issues
from duban.lamps import LampPolicy, load_lamps, planned_percent
from duban.ledger import ladder
from duban.ledger.audit import rebuilt_differs
from duban.ledger.store import Ledger
from duban.status import standing
from duban.workdays import load_calendar
from town import LATE, Town

CALENDAR = load_calendar(ROOT / "config" / "calendar.yaml", "calendar.yaml", Issues())
FACTS = json.loads((Path(__file__).parent / "data" / "lamp_examples.json").read_text("utf-8"))


def policy(name: str) -> LampPolicy:
    issues = Issues()
    found = load_lamps(preset.path_of(name, "lamps.yaml"), name, issues)
    assert [str(issue) for issue in issues] == []
    assert found is not None
    return found


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact['actual']}")
@pytest.mark.parametrize(("name", "county"), [("points", "yinchuan"), ("schedule", "sanya")])
def test_what_two_counties_light(name: str, county: str, fact: dict[str, Any]) -> None:
    """Plan 60 percent, actual so much: the lamp that the county's own rule gives."""
    lamps = policy(name)
    progress = lamps.progress(fact["actual"], Fraction(fact["plan"]))
    shown = lamps.show(20, done=False, progress=progress).name
    assert shown[: len(fact[county])] == fact[county][: len(shown)]


def test_a_rule_with_a_hole_is_refused_where_the_hole_is(tmp_path: Path) -> None:
    """As the county wrote it, nothing is said of 0 to 10 points behind."""
    text = preset.path_of("points", "lamps.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "name: 未规定" not in line]
    (tmp_path / "lamps.yaml").write_text("\n".join(lines), encoding="utf-8")
    issues = Issues()
    load_lamps(tmp_path / "lamps.yaml", "lamps.yaml", issues)
    assert [issue.code for issue in issues] == ["lamp-gap"]
    assert "0与10之间没有灯" in issues.errors[0].message


def test_three_colours_by_nearness_and_overdue_until_closed() -> None:
    """宿迁: blue when near, yellow when behind schedule, red when overdue until it is closed."""
    lamps = policy("three-slips")

    def shown(state: str, day: str, behind: int = 0) -> str:
        now = date.fromisoformat(day)
        return standing(
            state=state,
            due_on=date(2026, 3, 25),
            due_at=_end(date(2026, 3, 25)),
            now=_end(now),
            calendar=CALENDAR,
            lamps=lamps,
            progress=Fraction(behind),
        ).lamp.name

    assert shown("active", "2026-03-17") == "正常"
    assert shown("active", "2026-03-18") == "蓝色"
    assert shown("active", "2026-03-18", behind=1) == "黄色"
    assert shown("active", "2026-03-26") == "红色"
    assert shown("submitted", "2026-03-26") == "红色"
    assert shown("closed", "2026-03-26") == "已办结"


def _end(day: date) -> Any:
    from duban import clock

    return clock.end_of(day)


@pytest.mark.parametrize(
    ("day", "percent"),
    [
        (date(2025, 12, 31), Fraction(0)),
        (date(2026, 1, 1), Fraction(100, 100)),
        (date(2026, 2, 19), Fraction(50)),
        (date(2026, 4, 10), Fraction(100)),
        (date(2026, 5, 1), Fraction(100)),
    ],
)
def test_the_schedule_by_time(day: date, percent: Fraction) -> None:
    assert planned_percent("time", date(2026, 1, 1), date(2026, 4, 10), day) == percent


def test_the_schedule_by_milestones() -> None:
    days = (date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1))
    first, due = date(2026, 1, 1), date(2026, 6, 30)
    passed = [
        planned_percent("milestones", first, due, date(2026, month, 15), days)
        for month in range(1, 8)
    ]
    assert passed == [0, 25, 50, 75, 75, 75, 100]
    assert planned_percent("milestones", first, due, due, ()) == 100


# ---- months on record ------------------------------------------------------------------------------

KEY = "T-01/scjgj/finish:end"
HALF_YEAR = {**LATE, "deadline": "2026年6月30日前"}


@pytest.fixture
def town(tmp_path: Path, ledger: Ledger, told: Told) -> Town:
    found = Town(tmp_path / "home", ledger, told, HALF_YEAR)
    for name in preset.FILES:
        text = preset.path_of("points", name).read_text(encoding="utf-8")
        (found.home.config / name).write_text(text, encoding="utf-8")
    found.office = found.open()
    found.apply()
    return found


def months(town: Town) -> dict[str, str]:
    with town.ledger.read() as conn:
        return {row["month"]: row["name"] for row in ladder.lamps_of(conn, KEY)}


def test_months_are_recorded_once_whatever_came_later(town: Town) -> None:
    """A gap of two months is covered; each month's lamp is as of its own end; nothing is recomputed."""
    town.submit(KEY, "2026-03-20 10:00", percent=45)
    town.stage("escalate", "2026-04-01")
    assert months(town) == {"2026-03": "未规定"}  # 45 of 49.7
    town.submit(KEY, "2026-05-10 10:00", percent=80)
    town.stage("escalate", "2026-06-01")
    assert months(town) == {"2026-03": "未规定", "2026-04": "黄灯", "2026-05": "未规定"}
    with town.ledger.read() as conn:
        rows = ladder.lamps_of(conn, KEY)
    assert "累计进度45%，落后序时进度21.3个百分点" in rows[1]["why"]
    assert {row["policy"] for row in rows} == {town.office.lamps.version}
    text = (town.home.config / "lamps.yaml").read_text(encoding="utf-8")
    (town.home.config / "lamps.yaml").write_text(
        text.replace("over: 30", "over: 20").replace("to: 30", "to: 20"), "utf-8"
    )
    town.office = town.open()
    town.stage("escalate", "2026-06-02")
    assert months(town)["2026-04"] == "黄灯"
    assert rebuilt_differs(town.ledger) == []


def test_a_red_month_brings_the_letter(town: Town) -> None:
    """The trigger reads the record: what was caught up since does not undo it."""
    town.mornings("2026-03-30", "2026-04-01")
    assert months(town) == {"2026-03": "红灯"}  # 0 of 49.7
    assert [step for step, _ in town.steps()] == ["letter"]
    assert "连续1个月亮红灯" in town.proposal("letter")["reason"]
    assert town.proposal("letter")["score"] == "督办函"
    town.mornings("2026-04-02", "2026-04-03")
    assert len(town.steps()) == 1


def test_a_stated_reason_is_judged_by_a_person_first(town: Town) -> None:
    town.submit(KEY, "2026-03-20 10:00", percent=5, problem="承建单位破产，正在重新招标")
    town.morning("2026-04-01")
    assert town.steps() == [("letter", "waiting")]
    assert "是否正当请先认定" in town.proposal("letter")["reason"]
    assert town.proposal("letter")["stated"] == "承建单位破产，正在重新招标"
