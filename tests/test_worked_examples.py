"""Worked examples from published documents come out to the last digit (tests/data/worked_examples.json).

Its part on lamps is about lamps.yaml and is tested with the lamps.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from duban.assessment.model import Fact, UnitEntry, UnitScore
from duban.assessment.rules import load_sheet
from duban.assessment.score import score
from duban.errors import Issues
from duban.workdays import Calendar, add_months, load_calendar

ROOT = Path(__file__).resolve().parent.parent
FOUND: dict[str, Any] = json.loads(
    (ROOT / "tests" / "data" / "worked_examples.json").read_text(encoding="utf-8"),
    parse_float=Decimal,
)


def scored(sheet: str, *facts: Fact) -> UnitScore:
    path = ROOT / "config" / "assessment" / "examples" / f"{sheet}.yaml"
    found = load_sheet(path, path.name, Issues())
    assert found is not None
    (one,) = score(found, [UnitEntry("u", "甲镇", "乡镇")], facts)
    return one


def indicator(title: str, target: Any, done: Any) -> Fact:
    return Fact(title, "u", "indicator", title=title, target=Decimal(target), done=Decimal(done))


def test_nothing_in_the_file_is_left_out() -> None:
    assert set(FOUND) == {"nanjiang", "liuan_step", "chengdu", "paper", "lamps", "calendar"}


@pytest.mark.parametrize("case", FOUND["nanjiang"]["cases"])
def test_nanjiang(case: dict[str, Any]) -> None:
    one = scored("nanjiang", indicator("专利申报", case["t"], case["d"]))
    assert one.total == case["score"]


@pytest.mark.parametrize(
    ("title", "case"),
    [("申请", case) for case in FOUND["liuan_step"]["cases"]]
    + [("授权", case) for case in FOUND["liuan_step"]["grant"]],
)
def test_liuan(title: str, case: dict[str, Any]) -> None:
    assert scored("liuan", indicator(title, case["t"], case["d"])).total == case["score"]


def test_chengdu() -> None:
    told = FOUND["chengdu"]
    one = scored(
        "chengdu",
        indicator("重点目标", 100, "130.6"),
        Fact("n", "u", "judged", title="网络", done=told["network"], evidence=("评议表",)),
        Fact("s", "u", "bonus", level="专项", count=3),
        Fact("h1", "u", "bonus", level="市级", matter="质押融资"),
        Fact("h2", "u", "bonus", level="省级", matter="质押融资"),
        Fact("d", "u", "deduction", title="通报", count=3),
    )
    points = {line.rule: Decimal(line.millipoints) / 1000 for line in one.lines}
    assert points == {
        "base": told["base"],
        "C-1": told["over"],
        "C-2": told["network"],
        "C-3": told["items"],
        "C-4": told["honour_same_matter_highest"],
        "C-5": -told["deduct"],
    }
    assert one.total == told["total"]


def test_paper() -> None:
    told = FOUND["paper"]
    one = scored(
        "paper",
        Fact("m", "u", "missing", count=told["missing"]),
        Fact("l", "u", "late", count=told["late"]),
        indicator("信息", 24, told["info"]),
        indicator("用稿", 6, told["used"]),
    )
    assert 10 - one.total == told["deduct"]


# ── the calendar ──


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return load_calendar(ROOT / "config" / "calendar.yaml", "calendar.yaml", Issues())


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_months_and_the_last_day(calendar: Calendar) -> None:
    told = FOUND["calendar"]
    due = add_months(date(2024, 1, 3), 2)
    assert (due, due.strftime("%a")) == (day(told["two_months_from_2024_01_03"]), told["weekday"])
    assert calendar.roll(due) == day(told["rolled"])
    assert add_months(date(2023, 12, 31), 2) == day(told["two_months_from_2023_12_31"])


def test_five_working_days_over_a_holiday(calendar: Calendar) -> None:
    told = FOUND["calendar"]["overdue_2024_09_27"]
    notice = date(2024, 9, 27) + timedelta(days=1)
    assert notice.isoformat() == told["notice"][:10]
    fifth = calendar.add(notice, 5)
    assert fifth == day(told["five_workdays_after_notice"])
    assert calendar.add(fifth, 1) == day(told["circular_from"])
    assert fifth != day(told["naive_mon_fri"])


def test_days_that_are_worked_and_days_that_are_not(calendar: Calendar) -> None:
    told = FOUND["calendar"]
    made_up = [day(text) for text in told["workday_saturdays_2024"]]
    assert all(each.weekday() >= 5 and calendar.is_workday(each) for each in made_up)
    resting = [date(2024, month, 28) for month in range(1, 13)]
    assert [each.isoformat() for each in resting if not calendar.is_workday(each)] == (
        told["month28_2024"]
    )
    for text, worked in told["quarter_end"]:
        assert calendar.is_workday(day(text)) is worked
