"""Mails about one task hang together in the reader's mailbox."""

from __future__ import annotations

import email
import email.policy
from dataclasses import fields
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from cast import home_of
from conftest import Told
from duban.desk import Desk, need_desk
from duban.ledger.apply import apply
from duban.ledger.claiming import _told_by
from duban.ledger.store import Ledger
from duban.office import Office
from duban.settings import Home
from duban.stages import stage_function
from notifier.mime import Sender, build_mail, thread_id
from test_notifier import NOW

DOMAIN = "cast.example"


def task(number: int, day: str) -> dict[str, Any]:
    title = f"第{number}件"
    return {"id": f"T-{number:02}", "title": title, "lead": ["龙湖镇"], "deadline": f"{day}前"}


@pytest.fixture
def office(tmp_path: Path, told: Told, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.delenv("DUBAN_SMTP_URL", raising=False)
    tasks = [task(1, "2026年3月20日"), task(2, "2026年3月18日"), task(3, "2026年4月15日")]
    home = Home(home_of(tmp_path / "home", {"tasks": tasks}))
    told.set("2026-03-02 09:00")
    desk = need_desk(home, told.moment.date())
    apply(ledger, desk.matrix, desk.planned(), actor="办公室")
    return Office(**{each.name: getattr(desk, each.name) for each in fields(Desk)}, ledger=ledger)


def mails(office: Office) -> list[EmailMessage]:
    folder = office.home.var / "mail" / "new"
    parse = email.message_from_bytes
    return [parse(file.read_bytes(), policy=email.policy.default) for file in folder.iterdir()]


def test_each_mail_of_a_task_refers_to_the_same_thread(office: Office, told: Told) -> None:
    threads = {n: thread_id(f"story/T-{n:02}", DOMAIN) for n in (1, 2, 3)}
    seen: list[list[str]] = []
    for day in range(9, 21):
        for stage in ("remind", "deliver"):
            stage_function(stage)(office, told.set(f"2026-03-{day:02} 09:00"))
    for mail in mails(office):
        seen.append(str(mail["References"]).split())
        told_of = {n for n in threads if f"第{n}件" in mail.get_body(("plain",)).get_content()}  # type: ignore[union-attr]
        assert set(seen[-1]) == {threads[n] for n in told_of}
        assert mail["Message-ID"] not in seen[-1]
    assert sum(threads[1] in each for each in seen) > 1
    both = [each for each in seen if len(each) > 1]
    assert all(each.index(threads[2]) > each.index(threads[1]) for each in both if threads[2] in each)  # fmt: skip


def built(threads: list[str]) -> bytes:
    return build_mail(
        key="day:1",
        sender=Sender("duban@e.example", "", "e.example"),
        to_name="",
        to_address="a@e.example",
        subject="x",
        text="x",
        html="",
        attachments=[],
        sent_at=NOW,
        threads=threads,
    )


def test_a_long_list_names_its_first_tasks_and_the_most_pressing_is_the_parent() -> None:
    raw = built([f"p/{n}" for n in range(40)])
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert str(mail["References"]).split() == [
        thread_id(f"p/{n}", "e.example") for n in range(7, -1, -1)
    ]
    assert max(map(len, raw.split(b"\r\n"))) <= 100
    assert b"References" not in built([])


def test_a_thread_is_the_same_for_ever_and_another_task_is_another() -> None:
    assert thread_id("p/T-01", "e.example") == thread_id("p/T-01", "e.example")
    assert len({thread_id(name, "e.example") for name in ("p/T-01", "p/T-02", "q/T-01")}) == 3


@pytest.mark.parametrize(
    ("key", "told_by"),
    [("day:x", "day:x"), ("day:x@wecom", "day:x"), ("day:x#2/3", "day:x#1/3"), ("day:x@m#2/2", "day:x")],
)  # fmt: skip
def test_another_channels_copy_and_a_later_part_tell_what_the_first_letter_told(
    key: str, told_by: str
) -> None:
    assert _told_by(key) == told_by
