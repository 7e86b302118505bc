"""Ordinary letters leave only in the working hours of working days, whatever made them late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cast import home_of
from conftest import Told
from duban import clock
from duban.desk import Desk, need_desk
from duban.ledger import outbox
from duban.ledger.apply import apply
from duban.ledger.outbox import Letter, Outcome
from duban.ledger.store import Ledger
from duban.ledger.tables import attempt, message
from duban.office import Office
from duban.settings import Home
from duban.stages import StageReport, stage_function

Cli = Callable[..., tuple[int, str, str]]
NOW = clock.at(date(2026, 9, 1))
TASK: dict[str, Any] = {
    "id": "T-01",
    "title": "建立机制",
    "lead": ["龙湖镇"],
    "deadline": "2026年10月20日前",
}


@pytest.fixture
def office(tmp_path: Path, told: Told, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.delenv("DUBAN_SMTP_URL", raising=False)
    home = Home(home_of(tmp_path / "home", {"tasks": [TASK]}))
    told.set("2026-09-01 09:00")
    desk = need_desk(home, told.moment.date())
    apply(ledger, desk.matrix, desk.planned(), actor="办公室")
    return Office(**{each.name: getattr(desk, each.name) for each in fields(Desk)}, ledger=ledger)


def put(office: Office, key: str, **changes: Any) -> None:
    values: dict[str, Any] = {
        "id": key,
        "kind": "day",
        "unit": "longhu",
        "post": "liaison",
        "person": "联络员（待填）",
        "address": "longhu.lianluo@cast.example",
        "channel": "mail",
        "subject": "【提醒】1件待办",
        "text": "请办理",
        "html": "",
        "attachments": (),
        "urgent": False,
        "not_before": office.ledger.now(),
    }
    with office.ledger.write("remind") as writing:
        outbox.queue(writing, [Letter(**values | changes)])


def deliver(office: Office, told: Told, moment: str) -> StageReport:
    return stage_function("deliver")(office, told.set(moment))


def row(office: Office, key: str) -> Any:
    with office.ledger.read() as conn:
        return conn.execute(sa.select(message).where(message.c.id == key)).one()


def tries(office: Office) -> int:
    with office.ledger.read() as conn:
        return int(conn.scalar(sa.select(sa.func.count()).select_from(attempt)) or 0)


def at(text: str) -> datetime:
    return Told(NOW).set(text)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-09-04 20:00", "2026-09-07 08:30"),  # a Friday evening
        ("2026-09-05 10:00", "2026-09-07 08:30"),  # a Saturday
        ("2026-09-07 07:59", "2026-09-07 08:30"),  # before work
        ("2026-10-01 10:00", "2026-10-08 08:30"),  # a holiday of a week
    ],
)
def test_a_backlog_waits_for_the_next_working_time_and_loses_no_try(
    office: Office, told: Told, moment: str, until: str
) -> None:
    put(office, "late")
    report = deliver(office, told, moment)
    assert (report.counts["已送出"], report.outside) == (0, False)
    found = row(office, "late")
    assert (found.state, found.retry_at, found.attempts, tries(office)) == (
        "queued",
        at(until),
        0,
        0,
    )
    assert "工作时间" in found.wait_why
    assert deliver(office, told, until).counts["已送出"] == 1
    assert (row(office, "late").state, tries(office)) == ("sent", 1)


def test_a_make_up_saturday_is_a_working_day(office: Office, told: Told) -> None:
    put(office, "a")
    assert deliver(office, told, "2026-10-10 10:00").counts["已送出"] == 1


def test_a_retry_that_slips_into_the_evening_waits_for_the_morning(
    office: Office, told: Told
) -> None:
    told.set("2026-09-07 17:29")
    put(office, "a")
    [letter] = outbox.claim(office.ledger, "w", told.moment)
    outbox.hand_over(office.ledger, "w", [letter.id], told.moment)
    outbox.settle(office.ledger, "w", [("a", Outcome("temporary", "451", "later"))], told.moment)
    deliver(office, told, "2026-09-07 17:45")
    assert (row(office, "a").retry_at, row(office, "a").attempts) == (at("2026-09-08 08:30"), 1)
    assert deliver(office, told, "2026-09-08 08:30").counts["已送出"] == 1


def test_an_urgent_letter_waits_too_unless_the_office_lets_it_go(
    office: Office, told: Told
) -> None:
    put(office, "urgent", urgent=True)
    put(office, "day")
    assert deliver(office, told, "2026-09-05 10:00").counts["已送出"] == 0
    assert row(office, "urgent").retry_at == at("2026-09-07 08:30")
    settings = office.home.config / "duban.yaml"
    settings.write_text(settings.read_text("utf-8") + "urgent_any_time: 是\n", "utf-8")
    desk = need_desk(office.home, told.moment.date())
    put(office, "second", urgent=True)
    allowed = replace(office, settings=desk.settings)
    assert deliver(allowed, told, "2026-09-05 10:05").counts["已送出"] == 1
    assert [row(office, key).state for key in ("second", "urgent", "day")] == [
        "sent",
        "queued",
        "queued",
    ]


def test_a_clock_that_jumped_into_the_night_sends_nothing_and_one_set_right_sends_all(
    office: Office, told: Told
) -> None:
    told.set("2026-09-07 10:00")
    put(office, "a")
    deliver(office, told, "2026-10-07 03:00")
    assert row(office, "a").retry_at == at("2026-10-08 08:30")
    assert deliver(office, told, "2026-09-07 10:05").counts["已送出"] == 1


def test_a_round_asked_for_a_later_hour_sends_by_the_clock_on_the_wall(
    office: Office, told: Told
) -> None:
    told.set("2026-09-07 06:00")
    put(office, "a")
    stage_function("deliver")(office, at("2026-09-07 08:35"))
    assert row(office, "a").state == "queued"


def test_what_waits_says_until_when_and_why(
    office: Office, told: Told, cli: Cli, monkeypatch: pytest.MonkeyPatch, ledger_url: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("DUBAN_SMTP_URL", "dubanmail://127.0.0.1:1?from=duban@cast.example")
        for stage in ("remind", "deliver"):
            stage_function(stage)(office, told.set("2026-10-15 17:25"))
    deliver(office, told, "2026-10-15 18:00")
    monkeypatch.setenv("DUBAN_DATABASE_URL", ledger_url)
    home = ("--home", str(office.home.root))
    code, said, _ = cli("messages", "list", "--state", "queued", *home)
    assert code == 0
    assert "等到10-16 08:30再发：不在发送时段" in said
    code, said, _ = cli("why", "--unit", "龙湖镇", *home)
    assert code == 0
    assert "08:30再发：不在发送时段" in said
