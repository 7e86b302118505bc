"""What a matrix makes its units owe: task × unit × period, each with its own due."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cast import home_of
from duban import clock
from duban.desk import need_desk
from duban.ledger.plan import SETTLED
from duban.obligations import HISTORIC, NOT_STARTED, WAITING, Planned, first_state
from duban.settings import Home
from duban.status import OPEN_STATES, STATE_NAMES


def planned(root: Path, *tasks: dict[str, Any], **plan: Any) -> dict[str, Planned]:
    full = [{"title": "任务", "lead": ["龙湖镇"], **task} for task in tasks]
    desk = need_desk(Home(home_of(root, {"tasks": full, **plan})), date(2026, 3, 2))
    return {each.key: each for each in desk.planned()}


def test_a_finish_for_the_lead_alone(tmp_path: Path) -> None:
    found = planned(
        tmp_path, {"id": "T", "lead": ["龙湖镇", "辛店镇"], "deadline": "2026年6月底前"}
    )
    assert list(found) == ["T/longhu/finish:end"]
    only = found["T/longhu/finish:end"]
    assert (only.role, only.due_on, only.label) == ("lead", date(2026, 6, 30), "办结")
    assert only.due_at == clock.end_of(date(2026, 6, 30))


def test_joint_leads_each_owe(tmp_path: Path) -> None:
    task = {"id": "T", "lead": ["龙湖镇", "辛店镇"], "joint": "是", "deadline": "2026年6月底前"}
    found = planned(tmp_path, task)
    assert {each.unit: each.role for each in found.values()} == {
        "longhu": "lead",
        "xindian": "joint",
    }


def test_what_never_ends_owes_reports_alone(tmp_path: Path) -> None:
    report = {"every": "quarter", "due": "每季度最后一个月25日前"}
    found = planned(tmp_path, {"id": "T", "deadline": "持续推进", "report": report})
    assert [each.due_on for each in found.values()] == [
        date(2026, month, 25) for month in (3, 6, 9, 12)
    ]
    assert {each.kind for each in found.values()} == {"report"}


def test_reports_stop_at_the_deadline(tmp_path: Path) -> None:
    report = {"every": "month", "due": "每月25日前"}
    found = planned(tmp_path, {"id": "T", "deadline": "2026年4月30日前", "report": report})
    assert sorted(found) == [
        "T/longhu/finish:end",
        *(f"T/longhu/report:2026-0{month}" for month in (1, 2, 3, 4)),
    ]


def test_milestones_and_time_of_day(tmp_path: Path) -> None:
    stone = {"id": "a", "title": "初稿", "deadline": "2026年3月25日上午10时前"}
    found = planned(tmp_path, {"id": "T", "deadline": "2026年6月底前", "milestones": [stone]})
    due = found["T/longhu/milestone:a"]
    assert due.due_at is not None
    assert f"{clock.local(due.due_at):%Y-%m-%d %H:%M}" == "2026-03-25 10:00"


def test_the_summary_falls_due_after_the_parts(tmp_path: Path) -> None:
    report = {"every": "month", "due": "每月25日前", "by": ["各乡镇"], "summary": "每月28日前"}
    task = {"id": "T", "lead": ["市市场监管局"], "deadline": "持续推进", "report": report}
    found = planned(tmp_path, task)
    parts = found["T/longhu/report:2026-03"], found["T/scjgj/summary:2026-03"]
    assert [each.due_on for each in parts] == [date(2026, 3, 25), date(2026, 3, 28)]
    assert [each.role for each in parts] == ["part", "lead"]


def test_a_report_is_asked_for_working_days_before(tmp_path: Path) -> None:
    report = {"every": "month", "due": "每月25日前"}
    found = planned(tmp_path, {"id": "T", "deadline": "持续推进", "report": report})
    assert found["T/longhu/report:2026-03"].opens_on == date(2026, 3, 18)
    assert found["T/longhu/report:2026-02"].opens_on == date(2026, 2, 11)  # before the holiday


@pytest.mark.parametrize(
    ("anchor", "due"),
    [
        ("2026-01-08", date(2026, 3, 9)),
        ("2026-12-31", date(2027, 3, 1)),
        ("2026-02-10", date(2026, 4, 10)),
    ],
)
def test_counted_from_an_anchor(tmp_path: Path, anchor: str, due: date) -> None:
    """A last day at rest (2026-03-08 and 2027-02-28 are Sundays) moves on to the next working day."""
    anchors = [{"id": "approved", "name": "批复", "on": anchor}]
    found = planned(tmp_path, {"id": "T", "deadline": "自批复之日起2个月内"}, anchors=anchors)
    only = found["T/longhu/finish:end"]
    assert only.due_on == due
    assert first_state(only.due_on, date(2026, 1, 1)) == WAITING


def test_an_anchor_not_known_has_not_begun(tmp_path: Path) -> None:
    anchors = [{"id": "approved", "name": "批复", "on": ""}]
    found = planned(tmp_path, {"id": "T", "deadline": "自批复之日起2个月内"}, anchors=anchors)
    only = found["T/longhu/finish:end"]
    assert (only.due_on, only.due_at) == (None, None)
    assert only.reason
    assert first_state(only.due_on, date(2026, 1, 1)) == NOT_STARTED


def test_a_withdrawn_task_owes_nothing(tmp_path: Path) -> None:
    task = {"id": "T", "deadline": "2026年6月底前", "withdrawn": "2026-03-01"}
    assert planned(tmp_path, task) == {}


def test_beyond_the_published_years_is_provisional(tmp_path: Path) -> None:
    anchors = [{"id": "approved", "name": "批复", "on": "2026-12-25"}]
    task = {"id": "T", "deadline": "自批复之日起30个工作日内"}
    term = {"from": "2026-01-01", "to": "2027-12-31"}
    found = planned(tmp_path, task, anchors=anchors, term=term)
    assert found["T/longhu/finish:end"].provisional


def test_before_use_is_historic(tmp_path: Path) -> None:
    found = planned(tmp_path, {"id": "T", "deadline": "2026年1月31日前"})
    only = found["T/longhu/finish:end"]
    assert first_state(only.due_on, date(2026, 1, 31)) == WAITING
    assert first_state(only.due_on, date(2026, 2, 1)) == HISTORIC


def test_every_state_has_a_name() -> None:
    assert {HISTORIC, NOT_STARTED, WAITING, *OPEN_STATES, *SETTLED} <= set(STATE_NAMES)
