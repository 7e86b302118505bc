"""What a mail outage does: nothing is lost, what went stale is said anew, and the report says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cast import home_of
from conftest import Told
from duban.desk import need_desk
from duban.ledger import queries
from duban.ledger.apply import apply
from duban.ledger.store import open_ledger
from duban.office import Office
from duban.settings import Home
from duban.stages import SLOTS, StageReport, stage_function, ticks

DEAD = "dubanmail://127.0.0.1:1?from=duban@cast.example"
TASK: dict[str, Any] = {
    "id": "T-01",
    "title": "建立机制",
    "lead": ["龙湖镇"],
    "deadline": "2026年3月25日前",
}


@pytest.fixture
def office(tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.delenv("DUBAN_SMTP_URL", raising=False)
    home = Home(home_of(tmp_path / "home", {"tasks": [TASK]}))
    told.set("2026-03-02 09:00")
    desk = need_desk(home, told.moment.date())
    with closing(
        open_ledger(f"sqlite:///{tmp_path / 'l.sqlite3'}", ask=told, durable=False)
    ) as ledger:
        apply(ledger, desk.matrix, desk.planned(), actor="办公室")
        names = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
        yield Office(**{name: getattr(desk, name) for name in names}, ledger=ledger)


def morning(office: Office, told: Told, day: str) -> StageReport:
    """Collect, escalate, remind and deliver on a day; what delivery reported."""
    report = None
    for name in ("collect", "escalate", "remind", "deliver"):
        moment = told.set(f"{day} {SLOTS[name]:%H:%M}")
        report = stage_function(name)(office, moment)
    assert report is not None
    return report


def mails(office: Office) -> int:
    return sum(1 for path in (office.home.var / "mail").rglob("*") if path.is_file())


def states(office: Office) -> list[str]:
    with office.ledger.read() as conn:
        return sorted(row["state"] for row in queries.messages(conn))


def test_an_outage_keeps_everything_queued_and_says_so(
    office: Office, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_SMTP_URL", DEAD)
    report = morning(office, told, "2026-03-04")
    assert report.outside
    assert any("在队列里" in line for line in report.lines)
    assert states(office) == ["queued"]
    monkeypatch.delenv("DUBAN_SMTP_URL")
    report = morning(office, told, "2026-03-05")
    assert not report.outside
    assert (states(office), mails(office)) == (["sent"], 1)


def test_a_reminder_gone_stale_is_said_anew(
    office: Office, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_SMTP_URL", DEAD)
    morning(office, told, "2026-03-04")
    monkeypatch.delenv("DUBAN_SMTP_URL")
    told.set("2026-03-12 08:35")
    stage_function("deliver")(office, told.moment)
    assert states(office) == ["expired"]
    morning(office, told, "2026-03-12")
    assert states(office) == ["expired", "sent"]
    with office.ledger.read() as conn:
        outcomes = {row["outcome"] for row in queries.notices(conn)}
    assert outcomes <= {"grouped", "superseded"}


def test_what_was_urged_never_expires(
    office: Office, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_SMTP_URL", DEAD)
    morning(office, told, "2026-03-26")
    monkeypatch.delenv("DUBAN_SMTP_URL")
    told.set("2026-05-29 08:35")
    stage_function("deliver")(office, told.moment)
    assert "sent" in states(office)
    assert "expired" not in states(office)


def test_a_tick_in_the_future_does_not_stop_today(office: Office, told: Told) -> None:
    with office.ledger.write("duban:remind", told.set("2027-03-01 08:30")) as writing:
        ticks.tick(writing, "remind", told.moment, {})
    told.set("2026-03-24 08:30")
    report = stage_function("remind")(office, told.moment)
    assert report.counts["新到提醒梯级"] > 0
