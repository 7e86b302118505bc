"""The deadline grammar: a table of phrases, what follows from events, periods, and what it refuses."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import duban.matrix
from duban.errors import Issues, Level
from duban.matrix.deadlines import (
    Kind,
    Occurrence,
    Reading,
    Recurrence,
    from_anchor,
    occurrences,
    read,
    settle,
)
from duban.matrix.model import Every
from duban.workdays import Calendar, load_calendar
from duban.yamltext import Row, read_rows

ROOT = Path(__file__).parent.parent
TABLE = "tests/data/deadline_phrases.yaml"


def calendar() -> Calendar:
    issues = Issues()
    loaded = load_calendar(ROOT / "config/calendar.yaml", "config/calendar.yaml", issues)
    assert list(issues) == []
    return loaded


CALENDAR = calendar()


def table() -> list[Row]:
    issues = Issues()
    top = read_rows(ROOT / TABLE, TABLE, issues)
    assert top is not None
    rows = top.rows("phrases")
    assert list(issues) == []
    return rows


def recurrence_of(text: str) -> Recurrence | None:
    """``quarter month=3 day=25`` as a recurrence."""
    if not text:
        return None
    every, *pairs = text.split()
    said = dict(pair.split("=") for pair in pairs)
    return Recurrence(
        Every(every),
        weekday=int(said["weekday"]) if "weekday" in said else None,
        day=int(said["day"]) if "day" in said else None,
        month=int(said["month"]) if "month" in said else None,
        time=time.fromisoformat(said["time"]) if "time" in said else None,
        shift=said.get("shift", "none"),
        in_next_period="next" in said,
    )


def phrase_of(row: Row) -> Reading:
    year = None if row.text("plan") == "无" else row.integer("plan", 2024)
    return read(row.text("p"), year=year)


@pytest.mark.parametrize("row", table(), ids=lambda row: row.text("p") or "(blank)")
def test_phrase_is_read_as_the_table_says(row: Row) -> None:
    reading = phrase_of(row)
    assert reading.kind.value == row.text("kind")
    assert reading.outcome == row.text("outcome", "settled")
    assert reading.start == row.day("start")
    assert reading.due == row.day("due")
    assert (reading.time.isoformat() if reading.time else "").startswith(row.text("time"))
    assert [day.isoformat() for day in reading.alternatives] == [t.raw for t in row.texts("alt")]
    assert reading.recurrence == recurrence_of(row.text("rec"))
    assert reading.until == row.day("until")
    assert row.text("note") in reading.note
    if row.has("anchor"):
        assert reading.anchor == row.text("anchor")
    offset = reading.offset
    assert (f"{offset.amount} {offset.unit}" if offset else "") == row.text("offset")
    if row.has("parts"):
        parts = [f"{part.quantity} {part.due or '无'}" for part in reading.parts]
        assert parts == [text.raw for text in row.texts("parts")]
    if row.has("on"):
        due = settle(reading, CALENDAR, {reading.anchor: row.day("given")})
        assert due.on == row.day("on")
    row.text("src")
    row.close()
    assert list(row.issues) == []


@pytest.mark.parametrize("row", table(), ids=lambda row: row.text("p") or "(blank)")
def test_level_follows_outcome_and_what_is_doubted_or_refused_says_why(row: Row) -> None:
    reading = phrase_of(row)
    levels = {"settled": Level.INFO, "ask": Level.WARNING, "refused": Level.ERROR}
    assert reading.level is levels[reading.outcome]
    assert reading.phrase == row.text("p")
    if reading.outcome != "settled":
        assert reading.note.endswith("。")
        assert "请" in reading.note or "如果" in reading.note
    if reading.outcome == "refused":
        assert (reading.due, reading.start, reading.recurrence) == (None, None, None)


def test_every_kind_is_in_the_table() -> None:
    assert {row.text("kind") for row in table()} == {kind.value for kind in Kind}


# --- nothing is wrong in silence ------------------------------------------------------------------

GOOD = (
    "2026年6月30日前",
    "2026年6月底前完成",
    "3-4月",
    "每月28日前",
    "自批复之日起2个月内",
    "2026年12月",
)
GRAMMAR = "".join(path.read_text("utf-8") for path in Path(duban.matrix.__path__[0]).glob("*.py"))
FOREIGN = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5, exclude_characters=GRAMMAR)


def meaning(reading: Reading) -> tuple[object, ...]:
    return (reading.kind, reading.due, reading.recurrence, reading.anchor, reading.offset)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(GOOD), st.text(FOREIGN, min_size=1, max_size=8))
def test_foreign_words_after_a_good_phrase_are_never_swallowed(good: str, garbage: str) -> None:
    reading = read(good + garbage, year=2026)
    assert reading.outcome != "settled" or meaning(reading) != meaning(read(good, year=2026))
    assert reading.due is None


@pytest.mark.parametrize("good", ["2026年6月30日", "2026年6月底", "2026年6月", "年底"])
@pytest.mark.parametrize(
    "change",
    ["左右", "以外", "除外", "至", "暂定", "待定", "不完成", "前后", "之外", "起至", "前两周", "后两周"]
    + ["前一个月", "次日", "之前不", "、", "或7月底", "和12月底前", "前每月", "凌晨前", "中", "?", "？前", "前提"],
)  # fmt: skip
def test_words_that_move_the_day_are_not_read_as_that_day(good: str, change: str) -> None:
    plain = read(good, year=2026)
    changed = read(good + change, year=2026)
    swallowed = changed.outcome == "settled" and changed.due == plain.due
    # a trailing comma says nothing
    assert not swallowed or change == "、"


VOCABULARY = (
    "2026年 6月 30日 13月 31日 底 末 前 后 起 至 - 、 ， 每 每月 每季度 每年 次年 上旬 初 中 半年 内 以外 2个月 "
    "5个工作日 自 批复 会 之日 完成 50% 5家 持续推进 长期 并 之后 遇节假日顺延 （ ） 上午 3时 24:00 Q3 视 待 时 "
    "全年 试点期 年 月 日 一 二 十 〇 . 9999 0"
)
WORDS = st.sampled_from(VOCABULARY.split())


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=30), st.lists(WORDS, max_size=9).map("".join)))
def test_read_never_raises_and_settle_neither(phrase: str) -> None:
    for year in (2024, None):
        reading = read(phrase, year=year)
        assert reading.phrase == phrase
        due = settle(reading, CALENDAR, {reading.anchor: date(2024, 1, 3)})
        assert due.on is not None or due.reason
        if reading.outcome == "settled" and reading.start and reading.due:
            assert reading.start <= reading.due
        assert reading.as_json()["kind"] == reading.kind.value


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_any_real_day_comes_back_from_its_chinese_spelling(day: date) -> None:
    assert read(f"{day.year}年{day.month}月{day.day}日前").due == day
    assert read(day.isoformat()).due == day


# --- events ---------------------------------------------------------------------------------------


def test_an_unknown_event_has_not_started_and_is_no_due_day() -> None:
    reading = read("自批复之日起2个月内")
    assert settle(reading, CALENDAR, {"批复": None}).reason == "未起算：“批复”的日期还没有登记。"
    due = settle(reading, CALENDAR, {"印发": date(2024, 1, 3)})
    assert due.on is None
    assert due.reason.startswith("未起算：没有名为“批复”的起算点")


def test_names_of_one_event_meet() -> None:
    for name in ("批复", "批复之日", "批复后"):
        assert settle(read("批复后2日内"), CALENDAR, {name: date(2024, 1, 3)}).on
    assert settle(read("会后2日内"), CALENDAR, {"会议": date(2024, 1, 3)}).on == date(2024, 1, 5)
    assert settle(read("会议结束后2日内"), CALENDAR, {"会": date(2024, 1, 3)}).on == date(
        2024, 1, 5
    )


def test_a_task_can_name_the_event_its_phrase_leaves_out() -> None:
    reading = from_anchor(read("30个工作日内"), "approved")
    assert (reading.outcome, reading.level) == ("settled", Level.INFO)
    due = settle(reading, CALENDAR, {"approved": date(2026, 9, 1)})
    assert due.on == CALENDAR.add(date(2026, 9, 1), 30)
    assert from_anchor(read("2026年6月底前"), "approved").anchor == ""


def test_a_computed_day_beyond_the_notices_is_provisional_and_a_written_day_is_not() -> None:
    event = {"批复": date(2026, 12, 28)}
    assert settle(read("批复后5个工作日内"), CALENDAR, event).provisional
    assert settle(read("批复后2个月内"), CALENDAR, event).provisional
    assert not settle(read("批复后2日内"), CALENDAR, event).provisional
    assert not settle(read("2027年6月30日前"), CALENDAR, event).provisional
    assert settle(read("2027年6月30日前（遇节假日顺延）"), CALENDAR, event).provisional


# --- periods --------------------------------------------------------------------------------------


def periods(phrase: str, first: str, last: str) -> list[tuple[str, str, str]]:
    rec = read(phrase).recurrence
    assert rec is not None
    found = occurrences(rec, date.fromisoformat(first), date.fromisoformat(last), CALENDAR)
    return [(one.key, one.label, one.due_on.isoformat()) for one in found]


def test_months_keep_their_named_day_and_move_only_when_told() -> None:
    plain = periods("每月28日前", "2024-01-01", "2024-12-31")
    assert [due for _, _, due in plain] == [f"2024-{month:02}-28" for month in range(1, 13)]
    assert periods("每月28日前（遇节假日顺延）", "2024-01-01", "2024-02-01") == [
        ("2024-01", "2024年1月", "2024-01-29")
    ]
    assert periods("每月30日前", "2024-02-01", "2024-02-29") == [
        ("2024-02", "2024年2月", "2024-02-29")
    ]


@pytest.mark.parametrize(
    ("phrase", "first", "last", "found"),
    [
        (
            "每季度最后一个月25日前",
            "2026-03-25",
            "2026-06-24",
            [("2026Q1", "2026年一季度", "2026-03-25")],
        ),
        (
            "季度后10日内",  # ten days end on Saturday the 10th, a make-up working day
            "2026-10-01",
            "2026-12-31",
            [("2026Q3", "2026年三季度", "2026-10-10")],
        ),
        (
            "季度后5日内",  # ends within the National Day holiday
            "2026-10-01",
            "2026-12-31",
            [("2026Q3", "2026年三季度", "2026-10-08")],
        ),
        (
            "次月5日前",
            "2026-12-20",
            "2027-01-31",
            [("2026-12", "2026年12月", "2027-01-05")],
        ),
        (
            "每半年末月25日前",
            "2026-01-01",
            "2026-12-31",
            [("2026H1", "2026年上半年", "2026-06-25"), ("2026H2", "2026年下半年", "2026-12-25")],
        ),
        ("每年2月29日前", "2026-01-01", "2026-12-31", [("2026", "2026年", "2026-02-28")]),
        (
            "每年度次年1月20日前",
            "2027-01-01",
            "2027-12-31",
            [("2026", "2026年", "2027-01-20")],
        ),
        (
            "每周三下午15:00前",
            "2026-11-16",
            "2026-11-22",
            [("2026-W47", "2026年第47周", "2026-11-18")],
        ),
        ("每周", "2026-10-05", "2026-10-11", [("2026-W41", "2026年第41周", "2026-10-10")]),
        ("每周五前", "2027-01-01", "2027-01-01", [("2026-W53", "2026年第53周", "2027-01-01")]),
    ],
)
def test_periods_whose_due_day_lies_in_the_stretch(
    phrase: str, first: str, last: str, found: list[tuple[str, str, str]]
) -> None:
    assert periods(phrase, first, last) == found


def test_a_period_knows_its_ends_its_hour_and_whether_it_may_move() -> None:
    rec = Recurrence(Every.QUARTER, day=25, month=3, time=time(17), shift="next")
    year = occurrences(rec, date(2026, 1, 1), date(2027, 12, 31), CALENDAR)
    assert (year[0].starts_on, year[0].ends_on, year[0].time) == (
        date(2026, 1, 1),
        date(2026, 3, 31),
        time(17),
    )
    assert [one.provisional for one in year] == [False] * 4 + [True] * 4


MONTHLY = st.builds(
    Recurrence,
    st.sampled_from([Every.MONTH, Every.QUARTER, Every.HALF, Every.YEAR]),
    day=st.one_of(st.none(), st.integers(1, 31)),
    shift=st.sampled_from(["none", "previous", "next"]),
    in_next_period=st.booleans(),
)
WEEKLY = st.builds(
    Recurrence,
    st.just(Every.WEEK),
    weekday=st.integers(1, 7),
    shift=st.sampled_from(["none", "previous", "next"]),
    in_next_period=st.booleans(),
)
DAYS_ON = st.integers(0, 200).map(timedelta)


@settings(max_examples=60, deadline=None)
@given(st.one_of(MONTHLY, WEEKLY), st.dates(date(2024, 1, 1), date(2027, 1, 1)), DAYS_ON, DAYS_ON)
def test_cutting_a_stretch_in_two_loses_and_doubles_no_period(
    rec: Recurrence, first: date, left: timedelta, right: timedelta
) -> None:
    cut = first + left
    last = cut + right
    after = occurrences(rec, cut + timedelta(1), last, CALENDAR)
    whole = occurrences(rec, first, last, CALENDAR)
    assert sorted(occurrences(rec, first, cut, CALENDAR) + after, key=key) == sorted(whole, key=key)
    assert len({one.key for one in whole}) == len(whole)


def key(one: Occurrence) -> date:
    return one.starts_on
