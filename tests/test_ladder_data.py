"""Reminder ladders through the stages: which ladder serves, summaries, hand-over, when messages leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cast import UNITS_YAML, home_of, write_matrix
from conftest import ROOT
from duban import clock
from duban.desk import read_desk
from duban.ledger import transitions
from duban.ledger.apply import apply
from duban.ledger.audit import rebuilt_differs
from duban.ledger.events import Draft
from duban.settings import Home
from duban.stages import SLOTS
from ladder_play import FINISH, LATER, OTHER, REPORT, SECOND, Play, Starts

# ---- which ladder serves ---------------------------------------------------------------------------


def heard(play: Play, unit: str, first: str, last: str, post: str = "liaison") -> list[str]:
    """Rungs claimed for a unit's post between two days, run every day."""
    day, until = date.fromisoformat(first), date.fromisoformat(last)
    while day <= until:
        play.run("remind", clock.at(day, SLOTS["remind"]))
        day += timedelta(days=1)
    rows = play.notices(unit=unit, recipient=post)
    return [row["rung"] for row in sorted(rows, key=lambda row: str(row["moment"]))]


def test_hard_deadlines_are_told_of_earlier_and_to_more(starts: Starts) -> None:
    play = starts(FINISH | {"kind": "hard"}, at="2026-01-12 09:00")
    wanted = ["before-30", "before-15", "before-7", "before-3", "before-1", "today"]
    assert heard(play, "longhu", "2026-01-13", "2026-03-25") == wanted
    section = [row["rung"] for row in play.notices(recipient="section")]
    assert sorted(section) == ["before-1", "before-3", "today"]


def test_supporters_hear_less_than_leads(starts: Starts) -> None:
    own = {"every": "month", "due": "每月25日前", "by": ["lead"]}
    lead = REPORT | {"id": "T-06", "lead": ["郭店镇"], "report": own}
    play = starts(REPORT, lead, at="2026-03-02 09:00")
    assert heard(play, "longhu", "2026-03-03", "2026-03-25") == ["before-1", "today"]
    rows = play.notices(unit="guodian")
    assert sorted(row["rung"] for row in rows) == ["before-1", "before-3", "today"]


OWN = """rungs: [{id: today, before: 0}]
ladders:
  - {id: a, for: {role: [support]}, rungs: [{id: mine, before: 2}]}
  - {id: b, for: {role: [part]}, rungs: [{id: list, after: 1, to: [head], summary: 是}]}
"""


def test_who_only_reports_is_no_supporter_and_an_enterprise_gets_no_list(starts: Starts) -> None:
    by = {"every": "month", "due": "每月25日前", "by": ["龙湖镇", "辛店镇", "示例食品公司"]}
    play = starts(REPORT | {"support": ["龙湖镇"], "report": by})
    (play.home.config / "reminders.yaml").write_text(OWN, encoding="utf-8")
    play.reopen()
    for day in ("2026-03-23", "2026-03-25", "2026-03-26"):
        play.remind(day)
    found = {(row["unit"], row["rung"], row["kind"], row["outcome"]) for row in play.notices()}
    assert found == {
        ("longhu", "mine", "remind", "grouped"),
        ("xindian", "list", "summary", "grouped"),
        ("qiye", "list", "summary", "inhibited"),
    }


def test_a_task_names_its_ladder_and_only_what_was_applied_counts(starts: Starts) -> None:
    play = starts(FINISH, at="2026-01-12 09:00")
    write_matrix(play.home.root, {"tasks": [FINISH | {"reminders": "hard"}]})
    play.reopen()  # edited, not applied
    assert heard(play, "longhu", "2026-01-13", "2026-03-04") == ["before-15"]
    play.applies()
    assert heard(play, "longhu", "2026-03-05", "2026-03-20")[-1] == "before-3"
    assert [row["rung"] for row in play.notices(recipient="section")] == ["before-3"]
    write_matrix(play.home.root, {"tasks": [FINISH]})  # struck, not applied: still the applied one
    play.reopen()
    play.remind("2026-03-24")
    assert len(play.notices(recipient="section")) == 2


def test_the_plan_says_that_a_task_changed_its_ladder(starts: Starts) -> None:
    play = starts(FINISH)
    write_matrix(play.home.root, {"tasks": [FINISH | {"reminders": "hard"}]})
    play.reopen()
    found = apply(
        play.ledger, play.office.matrix, play.office.planned(), actor="经办人（测试）"
    ).sentences()
    assert any("T-01" in each and "提醒梯级" in each for each in found)


def test_a_new_due_starts_anew_and_silences_the_old_rungs(starts_both: Starts) -> None:
    """Moved at noon while a rung waits: it is not said any more, and no fired rung fires again."""
    play = starts_both(FINISH, at="2026-03-02 09:00")
    play.remind("2026-03-04")  # before-15
    play.remind("2026-03-16 17:45")  # before-7, after hours: it waits
    assert [row["outcome"] for row in play.notices(rung="before-7")] == ["pending"]
    play.told.set("2026-03-16 18:00")
    write_matrix(play.home.root, {"tasks": [FINISH | {"deadline": "2026年3月27日前"}]})
    play.applies("会议纪要")
    play.news()
    play.remind("2026-03-17")
    (old,) = play.notices(rung="before-7", round=1)
    assert (old["outcome"], old["reason"]) == (
        "superseded",
        "时限或轮次已变，按新的时限另行提醒",
    )
    assert play.news() == {}
    play.remind("2026-03-18")  # seven working days before the new due
    assert list(play.news()) == ["longhu/liaison"]
    found = Counter((row["rung"], row["round"]) for row in play.notices())
    assert found == {("before-15", 1): 1, ("before-7", 1): 1, ("before-7", 2): 1}


# ---- what check says of ladders ----------------------------------------------------------------------


def warned(tmp_path: Path, text: str, task: Mapping[str, Any] = FINISH) -> list[str]:
    home = Home(home_of(tmp_path, {"tasks": [dict(task)]}))
    (home.config / "reminders.yaml").write_text(text, encoding="utf-8")
    _, issues = read_desk(home, date(2026, 3, 2))
    assert not issues.errors, [str(issue) for issue in issues]
    return [
        f"{issue.code}:{issue.place.line}:{issue.level}"
        for issue in issues
        if issue.place.file == "config/reminders.yaml" and issue.message and issue.way_out
    ]


RUNG = "[{id: today, before: 0}]"


@pytest.mark.parametrize(
    ("ladders", "expected"),
    [
        (
            f"- {{id: a, for: {{role: [support], kind: [finish]}}, rungs: {RUNG}}}",
            ["ladder-idle:4:warning"],
        ),
        (
            f"- {{id: a, for: {{role: [joint], kind: [summary]}}, rungs: {RUNG}}}",
            ["ladder-idle:4:warning"],
        ),
        (f"- {{id: a, rungs: {RUNG}}}", ["ladder-idle:4:warning"]),
        (
            f"- {{id: a, for: {{kind: [finish, milestone]}}, rungs: {RUNG}}}\n"
            f"- {{id: b, for: {{class: [hard], kind: [finish]}}, rungs: {RUNG}}}",
            ["ladder-shadowed:5:warning"],
        ),
        (
            f"- {{id: a, for: {{kind: [finish]}}, rungs: {RUNG}}}\n"
            f"- {{id: b, for: {{kind: [finish, report]}}, rungs: {RUNG}}}",
            [],
        ),
        (
            "- {id: a, for: {}, rungs: [{id: x, before: 3}, {id: y, before: 3}]}",
            ["rung-clash:4:warning"],
        ),
        (
            "- {id: a, for: {}, rungs: [{id: x, after: 1, repeats: 是}, {id: y, after: 7}]}",
            ["rung-clash:4:warning"],
        ),
        (
            "- {id: a, for: {}, rungs: [{id: x, after: 1, repeats: 是}, {id: y, after: 7, to: [head]}]}",
            [],
        ),
        ("- {id: a, for: {}, rungs: [{id: x, before: 3}, {id: y, before: 3, count: days}]}", []),
        (
            "- {id: a, for: {}, rungs: [{id: x, before: 0}, {id: y, before: 0, count: days}]}",
            ["rung-clash:4:warning"],
        ),
        ("- {id: a, for: {kind: [report]}, rungs: [{id: x, before: 9}]}", ["rung-early:4:info"]),
    ],
)
def test_ladders_that_cannot_work_are_told(
    tmp_path: Path, ladders: str, expected: list[str]
) -> None:
    text = f"rungs:\n  - {{id: today, before: 0}}\nladders:\n{ladders}\n"
    assert warned(tmp_path, text) == expected


def test_a_ladder_that_a_task_names_is_not_idle(tmp_path: Path) -> None:
    text = f"rungs: {RUNG}\nladders:\n- {{id: mine, rungs: {RUNG}}}\n"
    assert warned(tmp_path, text, FINISH | {"reminders": "mine"}) == []


def test_what_ships_has_nothing_to_say(tmp_path: Path) -> None:
    text = (ROOT / "config" / "reminders.yaml").read_text(encoding="utf-8")
    assert warned(tmp_path, text) == []


# ---- the unit's whole list to its head -----------------------------------------------------------------


def test_the_head_gets_the_whole_list_once_and_nothing_else(starts: Starts) -> None:
    play = starts(FINISH, SECOND, LATER, OTHER)
    day = date(2026, 3, 3)
    told: dict[str, list[str]] = {}
    while day <= date(2026, 4, 24):
        play.run("remind", clock.at(day, SLOTS["remind"]))
        told |= {f"{day} {to}": said for to, said in play.news().items() if "/head" in to}
        day += timedelta(days=1)
    assert told == {
        "2026-04-09 longhu/head": [
            "summary T-01 已逾期10个工作日仍未办结",
            "summary T-02 本单位总清单（因1件已逾期10个工作日仍未办结）",
            "summary T-03 本单位总清单（因1件已逾期10个工作日仍未办结）",
        ],
        # Ten working days after the second's due: again the whole list, and again once.
        "2026-04-24 longhu/head": [
            "summary T-01 本单位总清单（因1件已逾期10个工作日仍未办结）",
            "summary T-02 已逾期10个工作日仍未办结",
            "summary T-03 本单位总清单（因1件已逾期10个工作日仍未办结）",
        ],
    }


def test_the_list_reads_overdue_today_this_week_later(starts: Starts) -> None:
    today = FINISH | {"id": "T-06", "title": "当天的事", "deadline": "2026年4月9日前"}
    play = starts(FINISH, SECOND, LATER, today)
    play.remind("2026-04-08")
    play.remind("2026-04-09")
    text = play.text_to("longhu/head")
    assert text.startswith("【总清单】龙湖镇：4件待办，1件已逾期，1件今天到期")
    order = [
        text.index(word) for word in ("建立保护机制", "当天的事", "开展宣传培训", "总结试点经验")
    ]
    assert order == sorted(order)
    headings = [text.index(word) for word in ("、已逾期", "、今天到期", "、本周到期", "、以后到期")]
    assert headings == sorted(headings)


def test_no_list_for_what_is_already_in_a_circular(starts: Starts) -> None:
    play = starts(FINISH, SECOND)
    play.remind("2026-04-08")
    row = {
        "id": "x",
        "obligation": "T-01/longhu/finish:end",
        "unit": "longhu",
        "task": "T-01",
        "step": "circular",
        "round": 1,
        "name": "通报",
        "paper": "通报",
        "policy": "x",
        "raised_at": play.told.moment,
        "state": "confirmed",
    }
    with play.ledger.write("办公室") as writing:
        writing.record(Draft("proposal.raised", "x", row))
    play.news()
    play.remind("2026-04-09")
    assert "longhu/head" not in play.news()
    (found,) = play.notices(rung="late-10")
    assert found["outcome"] == "inhibited"


def test_a_silence_leaves_an_item_out_of_the_list(starts: Starts) -> None:
    play = starts(FINISH, SECOND)
    play.remind("2026-04-08")
    with play.ledger.write("办公室") as writing:
        transitions.silence(
            writing,
            "longhu",
            task="T-02",
            post="head",
            until_on=date(2026, 4, 30),
            author="办公室",
            reason="另行协调",
        )
    play.news()
    play.remind("2026-04-09")
    assert [each.split()[1] for each in play.news()["longhu/head"]] == ["T-01"]
    (left,) = play.notices(task="T-02", recipient="head")
    assert left["outcome"] == "silenced"
    assert "另行协调" in left["reason"]


def test_the_list_is_not_lost_in_an_outage(starts_both: Starts) -> None:
    play = starts_both(FINISH, SECOND)
    play.remind("2026-03-20")
    play.news()
    play.remind("2026-05-20")
    found = play.news()
    assert [each.split()[1] for each in found["longhu/head"]] == ["T-01", "T-02"]
    assert len(found["longhu/liaison"]) == 2


# ---- hand-over -----------------------------------------------------------------------------------------

HELD = "liaison: [{name: 联络员（待填）, address: longhu.lianluo@cast.example}]"
TAKEN = """liaison:
        - {name: 联络员（待填）, address: longhu.lianluo@cast.example, until: 2026-04-03}
        - {name: 联络员乙, address: longhu.yi@cast.example, since: 2026-04-04}"""


def test_a_new_holder_gets_everything_open_once(starts: Starts) -> None:
    """Since a holiday Saturday: told on the first working day, in that day's only message."""
    play = starts(FINISH, SECOND, LATER)
    play.remind("2026-03-03")
    play.units(HELD, TAKEN)
    play.remind("2026-04-03")
    play.news()
    for day in ("2026-04-04", "2026-04-05", "2026-04-06"):
        play.remind(day)
    assert play.news() == {}
    play.remind("2026-04-07")
    found = play.news()
    assert list(found) == ["longhu/liaison"]
    why = "交接：联络员乙自4月4日任联络员，本单位待办一并告知"
    assert [each for each in found["longhu/liaison"] if each.startswith("handover")] == [
        f"handover {task} {why}" for task in ("T-01", "T-02", "T-03")
    ]
    text = play.text_to("longhu/liaison")
    assert "【交接】" in text
    assert "联络员乙" in text
    for day in ("2026-04-08", "2026-04-09", "2026-04-10"):
        play.remind(day)
    assert all("handover" not in each for said in play.news().values() for each in said)
    assert len(play.notices(kind="handover")) == 3


def test_hand_over_after_an_outage_and_after_a_crash(
    starts_both: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = starts_both(FINISH, LATER)
    play.remind("2026-03-20")
    play.units(HELD, TAKEN)
    play.news()

    def crash(*_args: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr("duban.stages.remind.dispatch", crash)
        with pytest.raises(RuntimeError):
            play.run("remind", play.told.set("2026-05-06 08:30"))
    assert play.notices(kind="handover") == []
    play.remind("2026-05-07")
    assert sum(each.startswith("handover") for each in play.news()["longhu/liaison"]) == 2
    play.remind("2026-05-08")
    assert len(play.notices(kind="handover")) == 2


def test_a_change_written_late_is_still_told_once(starts: Starts) -> None:
    """The clerk edits the file a week after the day: the next morning tells it, and no other does."""
    play = starts(LATER)
    for day in ("2026-04-03", "2026-04-07", "2026-04-10"):
        play.remind(day)
    play.units(HELD, TAKEN)
    play.remind("2026-04-13")
    play.remind("2026-04-14")
    assert len(play.notices(kind="handover")) == 1


@pytest.mark.parametrize(
    ("new", "number"),
    [
        ("{name: 联络员乙, address: longhu.lianluo@cast.example}", 0),  # filled in
        ("{name: 联络员（待填）, address: longhu.new@cast.example}", 0),  # the same, a new address
        ("{name: 联络员（待填）, address: longhu.lianluo@cast.example, since: 2026-01-01}", 0),
        ("{name: 联络员乙, address: longhu.yi@cast.example}", 1),  # another one, without a date
        ("{name: 联络员（待填）, address: longhu.yi@cast.example, since: 2026-04-01}", 1),
    ],
)
def test_what_is_a_hand_over_and_what_a_correction(starts: Starts, new: str, number: int) -> None:
    play = starts(LATER)
    play.remind("2026-04-03")
    play.units(HELD, f"liaison: [{new}]")
    play.remind("2026-04-07")
    assert len(play.notices(kind="handover")) == number


def test_holders_of_the_first_day_get_no_hand_over(starts: Starts) -> None:
    dated = UNITS_YAML.replace(HELD, HELD.replace("example}", "example, since: 2026-03-02}"))
    play = starts(LATER, units=dated)
    play.remind("2026-03-03")
    play.remind("2026-03-04")
    assert play.notices(kind="handover") == []


def test_nothing_open_no_hand_over_message(starts: Starts) -> None:
    play = starts(OTHER)
    play.remind("2026-03-20")
    play.units(HELD, TAKEN)
    play.remind("2026-04-07")
    assert "longhu/liaison" not in play.news()
    assert rebuilt_differs(play.ledger) == []


# ---- when messages leave -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-03-16 08:29", False),
        ("2026-03-16 08:30", True),
        ("2026-03-16 17:30", True),
        ("2026-03-16 17:31", False),
    ],
)
def test_working_hours(starts: Starts, at: str, said: bool) -> None:
    play = starts(FINISH)
    play.remind("2026-03-13 17:31")
    play.news()
    play.remind(at)
    assert bool(play.news()) is said


@pytest.mark.parametrize(
    ("day", "said"),
    [("2026-02-14", True), ("2026-02-21", False), ("2026-02-23", False), ("2026-02-24", True)],
)
def test_a_make_up_saturday_counts_and_a_holiday_monday_does_not(
    starts: Starts, day: str, said: bool
) -> None:
    """国办发明电〔2025〕7号: 14 February is worked, the 23rd, a Monday, is not."""
    play = starts(
        FINISH | {"deadline": f"2026年{int(day[5:7])}月{int(day[8:])}日前"}, at="2026-02-02 09:00"
    )
    play.remind((date.fromisoformat(day) - timedelta(days=1)).isoformat())
    play.news()
    play.remind(day)
    assert bool(play.news()) is said


def test_what_waits_until_tomorrow_says_so(starts_both: Starts) -> None:
    play = starts_both(FINISH)
    play.remind("2026-03-13")
    play.remind("2026-03-16 17:31")
    (row,) = play.why(on="2026-03-16").notices
    assert (row["code"], row["held"]) == ("waiting_hours", "hours")
    play.remind("2026-03-17")
    assert play.why(on="2026-03-16").sums["codes"] == {"queued": 1}
    (row,) = play.why(on="2026-03-17").notices
    assert row["rung"] == "before-7"


def test_a_second_message_of_the_day_waits(starts: Starts) -> None:
    play = starts(FINISH, SECOND | {"urgent": "是"})
    play.remind("2026-03-16")
    play.news()
    with play.ledger.write("办公室") as writing:
        changed = {"key": "T-02/longhu/finish:end", "due_on": date(2026, 3, 16), "round": 2}
        writing.record(Draft("obligation.moved", changed["key"], changed))  # type: ignore[arg-type]
    day = replace(play.office.reminders, digest_time=(play.told.moment + timedelta(hours=2)).time())
    play.office = replace(play.office, reminders=day)
    play.remind("2026-03-16 11:00")
    assert list(play.news()) == ["longhu/liaison"]  # urgent: apart


# ---- memory does not grow with the queue ---------------------------------------------------------------


def test_dispatch_never_holds_many_notices(
    starts_both: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, and still one message for each reader, whoever it was led to."""
    from duban.ledger import scans
    from duban.stages import dispatch

    tasks = [
        FINISH | {"id": f"T-{number:02}", "lead": [unit]}
        for number, unit in enumerate(
            ["龙湖镇", "辛店镇", "空缺镇", "市市场监管局", "市政府办公室"] * 4
        )
    ]
    play = starts_both(*tasks)
    pages: list[int] = []
    asked = scans.pending_notices

    def noted(conn: Any, units: Any) -> list[Any]:
        found = asked(conn, units)
        pages.append(len(found))
        return found

    monkeypatch.setattr(scans, "pending_notices", noted)
    monkeypatch.setattr(dispatch, "BATCH", 1)
    play.remind("2026-03-03")
    play.remind("2026-03-04")
    assert max(pages) == 4
    found = play.news()
    assert {to: len(said) for to, said in found.items()} == {
        "longhu/liaison": 4,
        "scjgj/liaison": 8,  # its own four, and those of the unit where nobody can be reached
        "xindian/liaison": 4,
        "zfb/liaison": 4,
    }
