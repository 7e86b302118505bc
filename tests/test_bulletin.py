"""Digests and bulletins: drafts that leave approved, figures that agree, papers that never change again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.errors import InputError
from duban.ledger import papers, queries, transitions
from duban.office import Office
from duban.paperrules import PaperPolicy
from duban.reports import digest as reports
from duban.reports import svg, week
from duban.reports.periods import ended, period_of
from duban.reports.week import Column, GroupProgress, Heat, HeatRow, LitMonth
from duban.stages import digest as stage
from smallhome import Hands, moment, small_office
from test_digest import FRAME, came, duty, make

MONDAY = moment(30, 8)  # the Monday after the week of 2026-11-23
DECEMBER = moment(7, 8, month=12)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Office, Hands]]:
    with small_office(tmp_path) as (office, hands):
        hands.at = MONDAY
        yield office, hands


def set_papers(office: Office, **changed: str) -> None:
    path = office.home.config / "papers.yaml"
    text = path.read_text("utf-8")
    for key, value in changed.items():
        text = re.sub(rf"^{key}: *\S+", f"{key}: {value}", text, flags=re.MULTILINE)
    path.write_text(text, "utf-8")


def letters(office: Office) -> dict[str, str]:
    """Post to subject of the digest letters that are queued."""
    with office.ledger.read() as conn:
        rows = queries.messages(conn, limit=100)
    return {
        f"{row['unit']}/{row['post']}": row["subject"] for row in rows if row["kind"] == "digest"
    }


def states(office: Office) -> dict[str, str]:
    with office.ledger.read() as conn:
        return {row["id"]: row["state"] for row in queries.digests(conn)}


def contents(office: Office) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((office.home.var / "digest").iterdir())}


def test_leaders_get_nothing_before_a_name_stands_under_it(opened: tuple[Office, Hands]) -> None:
    office, hands = opened
    stage.run(office, MONDAY)
    assert {key.rpartition("/")[0] for key in letters(office)} == {"scjgj"}
    assert all("（待审定）" in subject for subject in letters(office).values())
    with office.ledger.write("duban:publish") as writing:
        assert stage.release(office, writing, stage.policy_of(office)) == 0
    hands.at = moment(30, 10)
    with office.ledger.write("领导丙") as writing:
        stage.approve(office, writing, "2026-W48")
    assert "zfb/county" in letters(office)
    assert "待审定" not in letters(office)["zfb/county"]
    with office.ledger.read() as conn:
        row = queries.one_digest(conn, "2026-W48")
    assert row is not None
    assert (row["state"], row["approved_by"], row["published_at"]) == (
        "published",
        "领导丙",
        moment(30, 10),
    )


def test_approved_twice_is_sent_once_and_what_is_not_there_is_refused(
    opened: tuple[Office, Hands],
) -> None:
    office, _ = opened
    stage.run(office, MONDAY)
    with office.ledger.write("领导丙") as writing:
        assert stage.approve(office, writing, "2026-W48") == 1
        assert stage.approve(office, writing, "2026-W48") == 0
        with pytest.raises(InputError, match="草稿"):
            stage.approve(office, writing, "2020-W01")


def test_without_approval_it_leaves_at_once(opened: tuple[Office, Hands]) -> None:
    office, _ = opened
    set_papers(office, digest_needs_approval="否")
    stage.run(office, MONDAY)
    assert states(office)["2026-W48"] == "published"
    assert "zfb/county" in letters(office)


@pytest.mark.parametrize(("unapproved", "left"), [("hold", "draft"), ("send", "published")])
def test_what_nobody_approves(opened: tuple[Office, Hands], unapproved: str, left: str) -> None:
    office, hands = opened
    set_papers(office, unapproved=unapproved)
    stage.run(office, MONDAY)
    for at in (moment(30, 17), moment(3, 9, month=12)):
        hands.at = at
        with office.ledger.write("duban:publish") as writing:
            stage.release(office, writing, stage.policy_of(office))
        assert states(office)["2026-W48"] == ("draft" if at.month == 11 else left)


def test_published_never_changes_whatever_comes_later(opened: tuple[Office, Hands]) -> None:
    office, hands = opened
    stage.run(office, MONDAY)
    with office.ledger.write("领导丙") as writing:
        stage.approve(office, writing, "2026-W48")
        row = queries.one_digest(writing.conn, "2026-W48")
        before, frozen = contents(office), row and row["data"]
    hands.at = moment(1, 10, month=12)
    with office.ledger.write("test") as writing:
        report = transitions.Report(progress="补报")
        key = "T-2/mengzhuang/report:2026-11"
        transitions.submit(writing, key, report, actor="mengzhuang/liaison")
    settings_file = office.home.config / "duban.yaml"
    settings_file.write_text(
        settings_file.read_text("utf-8").replace("office_name: 新郑市", "office_name: 改名后的"),
        "utf-8",
    )
    stage.run(office, moment(1, 11, month=12))
    with office.ledger.write("duban:digest") as writing:
        period = period_of("week", date(2026, 11, 25))
        again, _ = stage.drafted(office, writing, PaperPolicy(()), period)
        row = queries.one_digest(writing.conn, "2026-W48")
    assert row is not None
    assert row["data"] == frozen
    assert {name: contents(office)[name] for name in before} == before
    assert json.loads(row["hashes"]) == {
        f"digest/{name}": papers.sha256(content)
        for name, content in before.items()
        if name.startswith("2026-W48.")
    }
    assert reports.as_json(again) == json.loads(row["data"])


def test_a_head_reads_the_own_unit_alone(opened: tuple[Office, Hands]) -> None:
    office, _ = opened
    set_papers(office, digest_to_heads="是")
    stage.run(office, MONDAY)
    with office.ledger.write("领导丙") as writing:
        stage.approve(office, writing, "2026-W48")
        row = queries.one_digest(writing.conn, "2026-W48-unit-longhu")
    assert row is not None
    found = week.from_json(json.loads(row["data"]))
    assert row["state"] == "published"
    assert {each.unit for each in found.red} == {"龙湖镇"}
    assert found.frame.scope == "龙湖镇"
    assert "longhu/head" in letters(office)


def test_the_months_bulletin_is_numbered_and_comes_once(opened: tuple[Office, Hands]) -> None:
    office, hands = opened
    stage.run(office, MONDAY)
    hands.at = DECEMBER
    for _ in range(2):
        stage.run(office, DECEMBER)
    with office.ledger.read() as conn:
        row = queries.one_digest(conn, "2026-11")
        assert papers.next_issue(conn, "month", 2026) == 2
    assert row is not None
    assert (row["kind"], row["issue"], row["from_on"]) == ("month", 1, date(2026, 11, 1))
    names = {path.rpartition(".")[2] for path in papers.files_of(row)}
    assert {"html", "md", "docx", "json"} <= names
    page = (office.home.var / "digest" / "2026-11.html").read_text("utf-8")
    assert "第1期" in page
    assert "本月" in page
    assert "本周" not in page
    assert "<svg" in page


def test_periods() -> None:
    assert period_of("month", date(2028, 2, 10)).to_on == date(2028, 2, 29)
    assert period_of("quarter", date(2026, 11, 30)).id == "2026-Q4"
    assert period_of("quarter", date(2026, 12, 31)).to_on == date(2026, 12, 31)
    assert period_of("month", date(2027, 1, 1)).previous.name == "2026年12月"
    found = ended("week", date(2026, 11, 2), date(2026, 11, 23), 3)
    assert [each.id for each in found] == ["2026-W45", "2026-W46", "2026-W47"]


# ---- figures agree -----------------------------------------------------------------------------

ANSWER = st.one_of(st.none(), st.tuples(st.integers(1, 27), st.booleans()))
HISTORY = st.lists(st.tuples(st.integers(1, 30), ANSWER), max_size=25)
SUMMED = ("fell_due", "on_time", "late", "missing", "closed", "returned")


def column(history: list[tuple[int, Any]], kind: str, day: date) -> Column:
    duties = [
        duty(f"K{n}", due, **({} if answer is None else came(answer[0], late=answer[0] > due)))
        for n, (due, answer) in enumerate(history)
    ]
    period = period_of(kind, day)
    frame = replace(FRAME, kind=kind, from_on=period.from_on, to_on=period.to_on)
    frame = replace(frame, as_of=moment(30, 23, month=12))
    return make(*duties, frame=frame, returns=(moment(3), moment(17))).this_week


@settings(max_examples=25, deadline=None)
@given(HISTORY)
def test_weeks_months_and_quarter_agree_with_the_history(history: list[tuple[int, Any]]) -> None:
    month = column(history, "month", date(2026, 11, 15))
    quarter = column(history, "quarter", date(2026, 11, 15))
    mondays = [date(2026, 10, 26) + timedelta(days=7 * n) for n in range(6)]
    weeks = [column(history, "week", monday) for monday in mondays]
    for name in SUMMED:
        assert sum(getattr(each, name) for each in weeks) == getattr(month, name)
        assert getattr(quarter, name) == getattr(month, name)
    late = sum(1 for due, answer in history if answer and answer[0] > due)
    missing = sum(1 for _, answer in history if answer is None)
    assert (month.fell_due, month.late, month.missing) == (len(history), late, missing)


# ---- drawings ----------------------------------------------------------------------------------


def test_heat_counts_what_was_not_in_time() -> None:
    found = make(
        duty("A", 18), duty("B", 19, **came(19)), duty("C", 12, **came(14, late=True))
    ).heat
    assert found.months[-1] == "2026-11"
    assert [(row.unit, row.cells[-1]) for row in found.rows] == [("龙湖镇", (3, 2))]


def test_drawings_say_the_numbers_and_escape_names() -> None:
    drawn = svg.heat(Heat(("2026-10", "2026-11"), (HeatRow("<甲镇>", "乡镇", ((4, 0), (0, 0))),)))
    assert "&lt;甲镇&gt;" in drawn
    assert "0/4" in drawn
    assert "—" in drawn
    lamps = (("红灯", "red", 2), ("绿灯", "green", 3))
    assert svg.trend([LitMonth("2026-10", lamps)]).count("<rect") == 4
    group = GroupProgress("乡镇", 2, 8, 2, 0, 1, 4, 3)
    assert "办结2/8" in svg.bars([group])
    assert [svg.shade(0, 0), svg.shade(5, 0), svg.shade(1000, 1), svg.shade(2, 2)] == [0, 0, 1, 5]


def test_mail_says_the_drawings_in_tables() -> None:
    found = make(duty("A", 18), duty("B", 19, **came(19)))
    mail, page = reports.render_html(found), reports.render_html(found, drawings=True)
    assert "<svg" not in mail
    assert ">1/2<" in mail
    assert "1/2" in page
    assert page.count("<svg") == 2


def test_frozen_data_gives_the_same_digest_again() -> None:
    found = make(duty("A", 18), duty("B", 19, **came(19)))
    assert week.from_json(json.loads(json.dumps(reports.as_json(found)))) == found
