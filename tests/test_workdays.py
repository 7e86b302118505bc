"""Working days: the notices, the principle rule, the Civil Code, and the loader's mistakes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban.errors import Issues
from duban.workdays import Calendar, YearDays, add_months, load_calendar, principle_rest

ROOT = Path(__file__).parent.parent
DAYS = st.dates(date(2023, 6, 1), date(2028, 6, 1))


def shipped() -> Calendar:
    issues = Issues()
    calendar = load_calendar(ROOT / "config/calendar.yaml", "config/calendar.yaml", issues)
    assert list(issues) == []
    return calendar


CALENDAR = shipped()


def test_the_shipped_years_agree_with_an_independent_calendar_on_every_day() -> None:
    days = [date(2024, 1, 1) + timedelta(step) for step in range(1096)]
    assert days[-1] == date(2026, 12, 31)
    wrong = [d for d in days if CALENDAR.is_workday(d) != chinese_calendar.is_workday(d)]
    assert wrong == []


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-09-29", 5, "2026-10-12"),  # weekday arithmetic says 10-06
        ("2024-09-28", 5, "2024-10-10"),  # from a Saturday over a worked Sunday and the holiday
        ("2026-10-12", -5, "2026-09-29"),
        ("2026-10-03", 1, "2026-10-08"),
        ("2026-10-03", -1, "2026-09-30"),
        ("2026-10-03", 0, "2026-10-03"),
        ("2026-02-13", 1, "2026-02-14"),  # a make-up Saturday counts
    ],
)
def test_add_counts_from_the_next_day(start: str, count: int, end: str) -> None:
    assert CALENDAR.add(date.fromisoformat(start), count) == date.fromisoformat(end)


@given(DAYS, st.integers(-300, 300).filter(bool))
def test_between_undoes_add(day: date, count: int) -> None:
    end = CALENDAR.add(day, count)
    assert CALENDAR.is_workday(end)
    if count > 0:
        assert CALENDAR.between(day, end) == count
    else:
        # counted back, the end itself lies outside (end, day] and a resting start adds nothing
        assert CALENDAR.between(end, day) == -count - (0 if CALENDAR.is_workday(day) else 1)


@given(DAYS, DAYS)
def test_between_agrees_with_counting_days(start: date, end: date) -> None:
    low, high = sorted((start, end))
    counted = sum(
        CALENDAR.is_workday(low + timedelta(step)) for step in range(1, (high - low).days + 1)
    )
    assert CALENDAR.between(start, end) == (counted if start <= end else -counted)


@given(DAYS)
def test_rolling_moves_only_rest_days_and_lands_on_the_nearest_working_day(day: date) -> None:
    on, back = CALENDAR.roll(day), CALENDAR.roll_back(day)
    assert back <= day <= on
    assert CALENDAR.is_workday(on)
    assert CALENDAR.is_workday(back)
    assert (on == day == back) == CALENDAR.is_workday(day)
    assert CALENDAR.next_workday(day) > day


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2024-01-03", 2, "2024-03-03"),
        ("2023-12-31", 2, "2024-02-29"),
        ("2024-12-31", 2, "2025-02-28"),
        ("2024-03-31", -1, "2024-02-29"),
        ("2024-11-15", 14, "2026-01-15"),
    ],
)
def test_months_end_on_the_matching_day_or_the_last(start: str, months: int, end: str) -> None:
    assert add_months(date.fromisoformat(start), months) == date.fromisoformat(end)


def test_two_months_after_approval_roll_from_sunday_to_monday() -> None:
    assert CALENDAR.roll(add_months(date(2024, 1, 3), 2)) == date(2024, 3, 4)


@pytest.mark.parametrize(("year", "wrong_rest"), [(2025, 0), (2026, 0)])
def test_the_principle_rule_misses_only_make_up_days(year: int, wrong_rest: int) -> None:
    guessed = Calendar([])
    days = [date(year, 1, 1) + timedelta(step) for step in range(365)]
    rest_said_work = [d for d in days if guessed.is_workday(d) and not CALENDAR.is_workday(d)]
    work_said_rest = [d for d in days if not guessed.is_workday(d) and CALENDAR.is_workday(d)]
    assert len(rest_said_work) == wrong_rest
    assert set(work_said_rest) == CALENDAR.years[year].work


@pytest.mark.parametrize(
    ("rest", "work"),
    [
        (["2027-01-01", "2027-02-05", "2027-02-12", "2027-04-05", "2027-06-09"], ["2027-06-10"]),
        (["2028-01-25", "2028-10-08", "2028-05-29"], ["2028-02-02", "2028-10-09"]),
        (["2029-12-31", "2030-01-01"], ["2030-01-02"]),  # 元旦 on a Tuesday takes the Monday before
        (["2035-05-04", "2035-10-05"], ["2035-02-08"]),  # no lunar table: fixed holidays only
    ],
)
def test_unpublished_years_follow_the_principle(rest: list[str], work: list[str]) -> None:
    assert [d for d in rest if CALENDAR.is_workday(date.fromisoformat(d))] == []
    assert [d for d in work if not CALENDAR.is_workday(date.fromisoformat(d))] == []


def test_a_loaded_year_is_not_touched_by_its_neighbours_principle() -> None:
    loaded = YearDays(2029, "甲号", frozenset({date(2029, 1, 1)}), frozenset())
    assert Calendar([loaded]).is_workday(date(2029, 12, 31))
    assert date(2029, 12, 31) in principle_rest(2029)


def test_only_years_without_a_notice_are_provisional() -> None:
    days = [date(2023, 12, 31), date(2024, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [CALENDAR.is_provisional(d) for d in days] == [True, False, False, True]


def test_the_missing_year_is_called_for_from_november() -> None:
    assert CALENDAR.missing_year_warning(date(2026, 10, 31)) is None
    sentence = CALENDAR.missing_year_warning(date(2026, 11, 1))
    assert sentence is not None
    assert "2027 年的放假安排" in sentence
    assert CALENDAR.missing_year_warning(date(2027, 3, 1)) is not None


def test_the_version_changes_with_the_days_and_not_with_the_order() -> None:
    years = list(CALENDAR.years.values())
    assert Calendar(reversed(years)).version == CALENDAR.version
    assert Calendar(years[:-1]).version != CALENDAR.version


def test_days_beyond_the_table_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="1990—2119"):
        CALENDAR.is_workday(date(1989, 12, 31))
    with pytest.raises(ValueError, match="1990—2119"):
        CALENDAR.add(date(2119, 12, 1), 100)


@pytest.mark.parametrize(
    ("off", "work", "said"),
    [
        ("[2027-01-01, 2026-12-31]", "[]", "不在 2027 年内"),
        ("[2027-01-01]", "[2027-02-03]", "2027-02-03 是周三"),
        ("[2027-01-01, 2027-01-01]", "[]", "写了两次"),
        ("[2027-02-06]", "[2027-02-06]", "写了两次"),
        ("[2027-02-12/2027-02-05]", "[]", "终点早于起点"),
        ("[2027-02-30]", "[]", "不是日期"),
        ("[国庆节]", "[]", "不是日期"),
        ("[]", "[]", "没有写放假日"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, off: str, work: str, said: str) -> None:
    path = tmp_path / "calendar.yaml"
    path.write_text(
        f"years:\n  - year: 2027\n    notice: 甲号\n    off: {off}\n    work: {work}\n", "utf-8"
    )
    issues = Issues()
    load_calendar(path, "calendar.yaml", issues)
    (issue,) = issues
    assert said in issue.message
    assert issue.place.line in {2, 4, 5}
    assert issue.way_out


def test_a_rest_day_on_a_weekend_is_harmless_and_a_repeated_year_is_not(tmp_path: Path) -> None:
    path = tmp_path / "calendar.yaml"
    entry = "  - {year: 2027, notice: 甲号, off: [2027-01-01/2027-01-03]}\n"
    path.write_text("years:\n" + entry * 2, "utf-8")
    issues = Issues()
    calendar = load_calendar(path, "calendar.yaml", issues)
    assert [(issue.message, issue.place.line) for issue in issues] == [("2027 年写了两次。", 3)]
    assert not calendar.is_provisional(date(2027, 6, 1))
