"""The weekly digest: what it counts, what it leaves out, and what its reader sees first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban import clock
from duban.errors import Issues
from duban.lamps import LampPolicy, load_lamps
from duban.ledger import transitions
from duban.ledger.events import Draft
from duban.ledger.figures import Detour, Duty, Figures, Raised, SentOut, gather
from duban.ledger.store import Ledger
from duban.matrix.model import UnitKind
from duban.office import Office
from duban.reports import digest as reports
from duban.reports.shares import percent, rate, shares
from duban.reports.week import Digest, Frame
from duban.reports.weekitems import Rules
from duban.reports.weekwork import build
from duban.workdays import Calendar, load_calendar
from smallhome import Hands, moment, small_office

CONFIG = Path(__file__).parent.parent / "config"
MONDAY, SUNDAY = date(2026, 11, 16), date(2026, 11, 22)


# ---- small values ----


def office_rules() -> tuple[Calendar, LampPolicy]:
    issues = Issues()
    calendar = load_calendar(CONFIG / "calendar.yaml", "calendar.yaml", issues)
    lamps = load_lamps(CONFIG / "lamps.yaml", "lamps.yaml", issues)
    assert lamps is not None
    return calendar, lamps


CALENDAR, LAMPS = office_rules()
RULES = Rules(CALENDAR, LAMPS, ("urge", "section", "circular"), ("市直部门", "乡镇街道"))
FRAME = Frame(
    id="2026-W47",
    from_on=MONDAY,
    to_on=SUNDAY,
    as_of=moment(23, 8),
    title="重点任务督查周报",
    plan_title="试点工作方案",
    office="专班办公室",
    issuer="专班办公室",
    contact="62696021",
    url="http://127.0.0.1:8420/office/digests",
    example=True,
)


def duty(key: str, due: int, *, unit: str = "龙湖镇", **more: Any) -> Duty:
    """An open report due on a day of November, answered or changed by ``more``."""
    due_on = date(2026, 11, due)
    kind = more.pop("unit_kind", UnitKind.TOWNSHIP)
    base = Duty(
        key=key,
        task=key.split("/", maxsplit=1)[0],
        title=f"任务{key}",
        label="11月报送",
        kind="report",
        unit=unit,
        unit_name=unit,
        unit_kind=kind,
        group="乡镇街道" if kind is UnitKind.TOWNSHIP else "市直部门",
        opens_on=date(2026, 11, 1),
        due_on=due_on,
        due_at=clock.end_of(due_on),
        original_due_on=due_on,
        state="waiting",
        round=1,
        extended=0,
        returned=0,
        requested_at=moment(2),
        submitted_at=None,
        closed_at=None,
        late=None,
        problem="",
    )
    return replace(base, **more)


def came(day: int, *, late: bool = False, closed: bool = True) -> dict[str, Any]:
    """What changes when a report comes in on a day and is closed the day after."""
    done = (
        {"state": "closed", "closed_at": moment(day + 1, 7)} if closed else {"state": "submitted"}
    )
    return {"submitted_at": moment(day), "late": late, **done}


def step(of: str, name: str, state: str, *, day: int = 20, unit: str = "龙湖镇") -> Raised:
    ids = {"催办": "urge", "督办单": "section", "通报": "circular"}
    return Raised(
        id=f"{of}:{name}",
        obligation=of,
        task=of,
        title=f"任务{of}",
        label="11月报送",
        unit=unit,
        unit_name=unit,
        step=ids[name],
        name=name,
        round=1,
        raised_at=moment(day),
        state=state,
        decided_at=None,
        obligation_state="waiting",
    )


def make(*duties: Duty, frame: Frame = FRAME, **more: Any) -> Digest:
    figures = Figures(duties, more.pop("raised", ()), more.pop("returns", ()), (), ())
    return build(frame, replace(figures, **more), RULES)


STORY = (
    duty("A", 18, **came(17)),
    duty("B", 18, unit="孟庄镇", **came(19, late=True)),
    duty("C", 20, unit="薛店镇", problem="缺人手。\n正在招录"),
    duty("D", 12, unit="薛店镇"),
    duty("E", 11, unit="孟庄镇", **came(11)),
    duty("F", 25, unit="市财政局", unit_kind=UnitKind.BUREAU, kind="finish", **came(18)),
    duty("G", 24, unit="龙湖镇"),
    duty("H", 19, unit="某企业", unit_kind=UnitKind.ENTERPRISE),
)


def test_week_adds_up() -> None:
    this, last, before = make(*STORY, returns=(moment(17), moment(10))).weeks
    assert (this.fell_due, this.on_time, this.late, this.missing) == (3, 1, 1, 1)
    assert (last.fell_due, last.on_time, last.missing, last.overdue) == (2, 1, 1, 1)
    assert (before.fell_due, before.overdue) == (0, 0)
    assert (this.closed, last.closed, this.returned, last.returned) == (3, 1, 1, 1)
    assert this.overdue == 2


def test_red_list_is_longest_first_with_step_and_reason() -> None:
    raised = (
        step("C", "催办", "taken"),
        step("C", "通报", "waiting"),
        step("D", "通报", "dropped"),
    )
    red = make(*STORY, raised=raised).red
    assert [(each.unit, each.task, each.days_overdue) for each in red] == [
        ("薛店镇", "D", 11),
        ("薛店镇", "C", 3),
    ]
    assert [each.step for each in red] == ["", "通报（待确认）"]
    assert red[1].reason == "缺人手。 正在招录"


def test_two_sentences_say_how_it_stands() -> None:
    first, second = make(*STORY).summary
    assert first == (
        "截至2026年11月23日8时，已开始办理的7项中已办结4项（57.1%），逾期2项，涉及1个单位，比上周增加1项。"
    )
    assert second == (
        "本周到期3项，按时1项（33.3%），迟报1项，未报1项；逾期最久的是薛店镇的“任务D”（D），已逾期11天。"
    )


def test_quiet_week_in_words() -> None:
    assert make().summary == (
        "截至2026年11月23日8时，还没有开始办理的事项。",
        "本周没有事项到期。",
    )
    assert make(duty("A", 18, **came(17))).summary == (
        "截至2026年11月23日8时，已开始办理的1项中已办结1项（100.0%），没有逾期。",
        "本周到期1项，全部按时。",
    )


def test_lists_of_names() -> None:
    digest = make(*STORY)
    assert [(each.unit, each.items) for each in digest.absent] == [
        ("薛店镇", ("C 任务C（11月报送）",))
    ]
    assert [each.unit for each in digest.punctual] == ["龙湖镇"]
    assert [(each.unit, each.days_early) for each in digest.early] == [("市财政局", 7)]
    assert [(day.on.day, day.count) for day in digest.coming] == [(24, 1)]


def test_enterprises_are_never_named_as_laggards() -> None:
    digest = make(*STORY)
    assert digest.asked_only == 1
    assert "某企业" not in json.dumps([reports.as_json(digest)["red"]], ensure_ascii=False)
    assert "某企业" not in str(digest.absent)


def test_shares_of_lamps_and_states_are_whole() -> None:
    digest = make(*STORY)
    assert sum(share.tenths for share in digest.lamps) == 1000
    assert sum(share.tenths for share in digest.states) == 1000
    assert {share.name: share.count for share in digest.states if share.count} == {
        "已办结": 4,
        "办理中": 1,
        "逾期": 2,
    }


def test_handed_in_is_not_yet_done() -> None:
    digest = make(duty("A", 18, **came(17, closed=False)), duty("B", 18, **came(17)))
    assert [(lamp.name, lamp.count) for lamp in digest.lamps if lamp.count] == [
        ("已办结", 1),
        ("待审核", 1),
    ]
    assert "已办结1项（50.0%）" in digest.summary[0]


def test_report_whose_period_has_not_opened_is_not_counted() -> None:
    later = duty("Z", 30, opens_on=date(2026, 11, 25))
    assert make(later).current == 0
    assert make(later).coming[0].count == 1


def test_what_came_after_the_moment_is_not_there_yet() -> None:
    known = make(duty("A", 18, **came(25, late=True)))
    assert [each.task for each in known.red] == ["A"]
    assert known.this_week.missing == 1


def test_return_does_not_excuse_a_late_report() -> None:
    returned = replace(
        duty("A", 18, **came(19, late=True)),
        due_on=date(2026, 11, 27),
        due_at=moment(27),
        returned=1,
        state="returned",
        round=2,
    )
    week = make(returned).this_week
    assert (week.fell_due, week.late) == (1, 1)


def test_groups_keep_the_offices_order() -> None:
    groups = make(*STORY).groups
    assert [(group.name, group.units, group.overdue) for group in groups] == [
        ("市直部门", 1, 0),
        ("乡镇街道", 3, 2),
    ]
    assert (groups[1].fell_due, groups[1].on_time) == (5, 2)


def test_proposals_wait_with_their_state() -> None:
    raised = (step("C", "通报", "waiting", day=19), step("A", "通报", "waiting", day=18))
    raised = (raised[0], replace(raised[1], obligation_state="closed"))
    assert [(each.task, each.days, each.now) for each in make(*STORY, raised=raised).waiting] == [
        ("C", 4, "仍未报"),
        ("A", 5, "已办结"),
    ]


def test_units_that_nobody_asked_do_not_lower_the_median() -> None:
    idle = [
        duty(f"I{n}", 28, unit=f"闲置{n}镇", requested_at=None, state="waiting") for n in range(9)
    ]
    burden = make(*STORY, *idle).burden
    assert (burden.units, burden.asks, burden.median) == (5, 8, Decimal(2))


def test_burden_of_the_month() -> None:
    sent = tuple(SentOut("longhu", "liaison", moment(day)) for day in (3, 4, 5))
    sent += (SentOut("czj", "liaison", moment(30, month=10)), SentOut("czj", "head", moment(6)))
    burden = make(*STORY, sent=sent).burden
    assert (burden.units, burden.asks, burden.median) == (5, 8, Decimal(2))
    assert burden.top[0].count == 2
    assert (burden.messages, burden.people, burden.average, burden.most) == (
        4,
        2,
        Decimal("2.0"),
        3,
    )


def test_people_who_were_not_reached() -> None:
    astray = (
        Detour("a", "甲镇", "liaison", "a", "甲镇", "section", "sent", "x@y.example"),
        Detour("b", "乙镇", "liaison", "o", "市市场监管局", "liaison", "sent", "x@y.example"),
        Detour("c", "丙镇", "head", "c", "丙镇", "head", "failed", "x@y.example"),
        Detour("d", "丁镇", "liaison", "d", "丁镇", "liaison", "queued", ""),
    )
    figures = Figures((duty("A", 25, unit="e"),), (), (), (), astray)
    found = build(FRAME, figures, RULES, {"e": "空缺", "f": "空缺但没有任务"}).unreached
    assert [(each.unit, each.what) for each in found] == [
        ("甲镇", "已改发本单位科室负责人"),
        ("乙镇", "已改发市市场监管局联络员"),
        ("丙镇", "发送失败，请电话联系并核对地址"),
        ("丁镇", "没有可以送达的人，请补填在岗人和地址"),
        ("e", "空缺"),
    ]


# ---- shares ----


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_shares_add_to_a_hundred(counts: list[int]) -> None:
    found = shares(counts)
    assert sum(found) == (1000 if sum(counts) else 0)
    total = sum(counts) or 1
    for count, tenths in zip(counts, found, strict=True):
        assert abs(tenths * total - count * 1000) < total  # never off by a whole step


def test_equal_thirds() -> None:
    assert shares([1, 1, 1]) == (334, 333, 333)
    assert (rate(1, 8), rate(2, 3), rate(0, 0)) == (125, 667, None)
    assert (percent(1000), percent(5), percent(None)) == ("100.0%", "0.5%", "—")


# ---- what is read ----


def many(count: int) -> Digest:
    return make(
        *(duty(f"T-{n:03}", 18, unit=f"单位{n}", title="很长的任务名称" * 6) for n in range(count))
    )


def test_page_survives_mail_readers() -> None:
    page = reports.render_html(make(*STORY))
    assert "<style" not in page
    assert "<script" not in page
    assert "http" not in page.replace(FRAME.url, "")
    assert 'width="640"' in page
    assert page.index("已逾期11天") < page.index("逾期事项（2项）") < page.index("本周与前两周")
    assert "■ 红灯" in page
    assert "示例数据" in page
    assert len(reports.render_html(many(400)).encode()) < 100_000


def test_page_escapes_what_units_wrote() -> None:
    page = reports.render_html(make(duty("A", 18, problem="<img src=x onerror=alert(1)>")))
    assert "<img" not in page
    assert "&lt;img" in page


def test_note_for_bots_fits_and_leads_on() -> None:
    short = reports.render_bot(many(300))
    assert len(short.encode()) <= reports.BOT_BYTES
    assert short.endswith(f"[查看全部]({FRAME.url})")
    shown, left = short.count("**逾期5天**"), int(re.findall(r"另有(\d+)项逾期", short)[0])
    assert shown + left == 300
    assert shown > 10
    with pytest.raises(ValueError, match="do not fit"):
        reports.render_bot(many(1), 20)


def test_full_note_has_every_section_and_no_links_from_units() -> None:
    note = reports.render_markdown(
        make(duty("A", 18, problem="[点我](http://evil.example) @所有人"), *STORY[1:])
    )
    for heading in (
        "逾期事项",
        "本周与前两周",
        "未按时报送",
        "未来两周到期",
        "分组进展",
        "报送负担",
    ):
        assert f"### {heading}" in note or heading in note
    assert "](http://evil" not in note
    assert "@所有人" not in note


def test_json_is_plain() -> None:
    plain = reports.as_json(make(*STORY))
    assert json.loads(json.dumps(plain))["frame"]["as_of"] == "2026-11-23T08:00:00+08:00"
    assert plain["burden"]["median"] == "2"


# ---- from a ledger ----


@pytest.fixture
def played(tmp_path: Path) -> Iterator[tuple[Office, Hands]]:
    """Longhu reports in time and is returned, Mengzhuang does not report, an enterprise is silent."""
    with small_office(tmp_path, example=True) as (office, hands):
        hands.at = moment(17)
        with office.ledger.write("test") as writing:
            report = transitions.Report(progress="已建账", problem="缺人手")
            sent = transitions.submit(
                writing, "T-2/longhu/report:2026-11", report, actor="link:longhu"
            )
        hands.at = moment(18)
        with office.ledger.write("office") as writing:
            transitions.send_back(
                writing,
                sent.submission,
                actor="office",
                reason="缺台账",
                calendar=office.calendar,
                days=3,
            )
            writing.record(Draft("message.queued", "m1", _message()))
            writing.record(Draft("notice.claimed", "n1", _notice()))
        hands.at = moment(23, 8)
        yield office, hands


def _message() -> dict[str, Any]:
    names = ("kind", "person", "subject", "text")
    at = {"created_at": moment(17), "not_before": moment(17), "settled_at": moment(17)}
    base = {"id": "m1", "unit": "scjgj", "post": "liaison", "address": "a@b.example", "channel": ""}
    return base | dict.fromkeys(names, "x") | at | {"state": "sent"}


def _notice() -> dict[str, Any]:
    return {
        "id": "n1",
        "obligation": "T-2/mengzhuang/report:2026-11",
        "rung": "today",
        "round": 1,
        "recipient": "liaison",
        "unit": "mengzhuang",
        "task": "T-2",
        "kind": "remind",
        "moment": moment(17),
        "decided_at": moment(17),
        "outcome": "grouped",
        "message": "m1",
    }


def digest_of(office: Office) -> Digest:
    with office.ledger.read() as conn:
        return reports.digest_for(office, conn, date(2026, 11, 19), moment(23, 8))


def test_digest_from_the_ledger(played: tuple[Office, Hands]) -> None:
    found = digest_of(played[0])
    assert (found.id, found.frame.from_on, found.frame.example) == ("2026-W47", MONDAY, True)
    this = found.this_week
    assert (this.fell_due, this.on_time, this.missing, this.returned) == (3, 1, 2, 1)
    assert this.reminders == 1
    assert [(each.unit, each.task) for each in found.red] == [
        ("市财政局", "T-3"),
        ("孟庄镇", "T-2"),
        ("市市场监管局", "T-1"),
    ]
    assert found.asked_only == 1
    assert ("孟庄镇", "已改发市市场监管局联络员") in [(e.unit, e.what) for e in found.unreached]


def test_history_and_cancelled_do_not_count(played: tuple[Office, Hands]) -> None:
    office, _ = played
    key = "T-2/mengzhuang/report:2026-11"
    with office.ledger.write("office") as writing:
        row = {"key": key, "state": "cancelled", "is_open": 0}
        writing.record(Draft("obligation.cancelled", key, row, obligation=key))
    found = digest_of(office)
    assert found.this_week.fell_due == 2
    assert "孟庄镇" not in [each.unit for each in found.red]
    assert found.weeks[2].fell_due == 0  # what fell due before the first of use is history


def test_files_are_the_same_for_the_same_data(played: tuple[Office, Hands], tmp_path: Path) -> None:
    first = reports.write_digest(digest_of(played[0]), tmp_path / "a")
    again = reports.write_digest(digest_of(played[0]), tmp_path / "b")
    assert [path.name for path in first] == [
        "2026-W47.html",
        "2026-W47.md",
        "2026-W47.docx",
        "2026-W47.pdf",
        "2026-W47.json",
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert len(list((tmp_path / "a").iterdir())) == 5  # nothing half-written stays behind


def test_figures_are_read_from_both_databases(ledger: Ledger) -> None:
    with ledger.read() as conn:
        known = gather(conn, "small", since=moment(1), week_since=moment(16), until=moment(23))
    assert known == Figures((), (), (), (), ())


def test_week_ids_follow_iso() -> None:
    assert reports.digest_id(date(2027, 1, 1)) == "2026-W53"
    assert reports.digest_id(SUNDAY) == "2026-W47"
    assert reports.digest_id(SUNDAY + timedelta(days=1)) == "2026-W48"
