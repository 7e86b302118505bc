"""The escalation ladder as a pure decision: steps by days and working days, each once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time

import pytest

from conftest import ROOT
from duban import clock
from duban.errors import Issues
from duban.escalation import EscalationPolicy, Overdue, decide, latest_due, load_escalation
from duban.matrix.model import UnitKind
from duban.workdays import load_calendar

ISSUES = Issues()
CALENDAR = load_calendar(ROOT / "config" / "calendar.yaml", "calendar.yaml", ISSUES)


def shipped() -> EscalationPolicy:
    found = load_escalation(ROOT / "config" / "escalation.yaml", "escalation.yaml", ISSUES)
    assert found is not None
    return found


POLICY = shipped()
LATE = Overdue(
    "T/u/report:2026-03", "u", UnitKind.TOWNSHIP, "T", "report", date(2026, 3, 25), 1, urgent=False
)


def morning(day: str) -> datetime:
    return clock.at(date.fromisoformat(day), time(8, 10))


def reached(
    day: str, overdue: Overdue = LATE, taken: frozenset[str] = frozenset()
) -> dict[str, bool]:
    """Step id to whether it waits for a person."""
    before = {(overdue.obligation, overdue.round): taken}
    found = decide(POLICY, CALENDAR, morning(day), [overdue], before)
    return {each.step.id: each.waits for each in found}


@pytest.mark.parametrize(
    ("day", "steps"),
    [
        ("2026-03-25", []),
        ("2026-03-26", ["urge"]),
        ("2026-03-29", ["urge"]),
        ("2026-03-30", ["urge", "section"]),
        ("2026-03-31", ["urge", "section"]),
        ("2026-04-01", ["urge", "section", "circular"]),
    ],
)
def test_the_ladder_day_by_day(day: str, steps: list[str]) -> None:
    assert list(reached(day)) == steps


def test_severe_steps_wait_for_a_person() -> None:
    found = reached("2026-04-01", replace(LATE, missed_in_row=2))
    assert found == {"urge": False, "section": False, "circular": True, "talk": True}


def test_a_step_is_taken_once_a_round() -> None:
    taken = frozenset({"urge", "section"})
    assert list(reached("2026-04-01", taken=taken)) == ["circular"]
    assert list(reached("2026-04-01", replace(LATE, round=2))) == ["urge", "section", "circular"]


def test_urgent_starts_higher() -> None:
    assert list(reached("2026-03-26", replace(LATE, urgent=True))) == ["urge", "section"]
    assert list(reached("2026-03-25", replace(LATE, urgent=True))) == []


@pytest.mark.parametrize("kind", [UnitKind.ENTERPRISE, UnitKind.INSTITUTION])
def test_never_an_enterprise(kind: UnitKind) -> None:
    overdue = replace(LATE, unit_kind=kind, urgent=True, missed_in_row=9)
    assert reached("2026-12-31", overdue) == {}


def test_the_reason_tells_the_figures() -> None:
    found = decide(POLICY, CALENDAR, morning("2026-04-01"), [replace(LATE, missed_in_row=2)], {})
    reasons = {each.step.id: each.reason for each in found}
    assert reasons["circular"] == "已逾期5个工作日（7天），达到“通报”的条件"
    assert "同一任务连续2期未报" in reasons["talk"]


@pytest.mark.parametrize("day", ["2026-02-24", "2026-03-30", "2026-04-07", "2026-10-08"])
def test_the_ledger_is_asked_up_to_every_due_that_counts(day: str) -> None:
    """``latest_due`` may be too wide, never too narrow."""
    now = morning(day)
    bound = latest_due(POLICY, CALENDAR, now)
    for back in range(1, 40):
        due = date.fromordinal(clock.day_of(now).toordinal() - back)
        if decide(POLICY, CALENDAR, now, [replace(LATE, due_on=due)], {}):
            assert due <= bound


def test_an_edited_ladder_has_another_version() -> None:
    assert POLICY.version != shipped_with_other_days().version
    assert POLICY.version == shipped().version


def shipped_with_other_days() -> EscalationPolicy:
    import tempfile
    from pathlib import Path

    text = (ROOT / "config" / "escalation.yaml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "escalation.yaml"
        path.write_text(text.replace("overdue: 3", "overdue: 4"), encoding="utf-8")
        found = load_escalation(path, "escalation.yaml", Issues())
    assert found is not None
    return found
