"""A channel that is down for too long: another one takes over, once, and nothing comes twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from duban.ledger import audit, events, outbox
from duban.ledger.outbox import Letter
from duban.ledger.store import Ledger
from fakes_http import FakeWeb, Reply
from notifier.config import Channel, Fallback
from notifier.deliver import Report
from test_channels_pace import INBOX, NOW, channels_of, deliver, put, rows
from test_channels_pace import box as box  # noqa: PLC0414 - a fixture is used by its name
from test_channels_pace import letter as any_letter
from test_smtp import free_port

MINUTE = timedelta(minutes=1)
DEAD = "dubanmail://127.0.0.1:1"
MAIL = Channel("mail", "电子邮件", DEAD, on_unknown="resend", fallback=Fallback("inbox", 60))
WORKS = replace(MAIL, url="dubanmaildir://mail")
WRONG_KEY = replace(MAIL, url="${env:DUBAN_NO_SUCH_SECRET}")


def letter(key: str, **changes: Any) -> Letter:
    return any_letter(key, **{"attachments": ()} | changes)


def later(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


@pytest.mark.parametrize("mail", [MAIL, WRONG_KEY], ids=["unreachable", "no-secret"])
def test_what_waits_too_long_goes_another_way_once(
    box: Ledger, tmp_path: Path, mail: Channel
) -> None:
    put(box, *(letter(f"m{n:02}", channel="mail") for n in range(45)))
    down, up = channels_of(tmp_path, mail, INBOX), channels_of(tmp_path, WORKS, INBOX)
    first = deliver(box, down)
    assert (first.sent, first.taken_over, len(first.problems)) == (0, 0, 1)
    assert "暂时用不了" in rows(box)["m44"].wait_why  # also those that were not tried
    assert deliver(box, down, later(59)).taken_over == 0
    moved = deliver(box, down, later(60))
    assert (moved.taken_over, moved.sent, moved.failed) == (45, 45, 0)
    found = rows(box)
    assert {found[f"m{n:02}"].state for n in range(45)} == {"moved"}
    assert {found[f"m{n:02}@inbox"].state for n in range(45)} == {"sent"}
    assert "改走站内信" in found["m00"].detail
    assert deliver(box, up, later(61)) == Report()  # it works again: nothing is left to go
    assert not (tmp_path / "var" / "mail").exists()
    with box.read() as conn:
        assert events.verify_chain(conn) is None
    assert audit.rebuilt_differs(box) == []


def test_a_channel_that_comes_back_in_time_keeps_its_letters(box: Ledger, tmp_path: Path) -> None:
    put(box, *(letter(f"m{n}", channel="mail") for n in range(3)))
    down, up = channels_of(tmp_path, MAIL, INBOX), channels_of(tmp_path, WORKS, INBOX)
    deliver(box, down)
    assert deliver(box, up, later(59)) == Report(sent=3)
    put(box, letter("next", channel="mail", not_before=later(90)))
    deliver(box, down, later(90))
    report = deliver(box, down, later(120))  # down for half an hour only: it was up in between
    assert report.taken_over == 0
    assert deliver(box, down, later(150)).taken_over == 1


def test_letters_wait_from_when_they_were_due_and_not_from_when_it_broke(
    box: Ledger, tmp_path: Path
) -> None:
    down = channels_of(tmp_path, MAIL, INBOX)
    put(box, letter("old", channel="mail"), letter("new", channel="mail", not_before=later(30)))
    deliver(box, down)
    deliver(box, down, later(30))
    assert deliver(box, down, later(60)).taken_over == 1
    assert {key: row.state for key, row in rows(box).items()} == {
        "old": "moved",
        "old@inbox": "sent",
        "new": "queued",
    }


def test_a_channel_that_is_only_busy_is_not_down(box: Ledger, tmp_path: Path) -> None:
    busy = Reply(body={"errcode": 45009, "errmsg": "too fast"})
    with FakeWeb(replies=[busy]) as fake:
        url = f"dubanwecombot://key?host={fake.url}"
        bot = Channel("bot", "群", url, form="md", fallback=Fallback("inbox", 60))
        put(box, letter("a", address="bot"), letter("b", address="bot"))
        for minutes in (0, 61, 122):
            assert deliver(box, channels_of(tmp_path, bot, INBOX), later(minutes)).taken_over == 0
    assert {row.down_since for row in rows(box).values()} == {None}


def test_what_has_no_other_way_stays_where_it_is(box: Ledger, tmp_path: Path) -> None:
    app = Channel("wecom", "企业微信", "dubanwecom://c:s@1", form="md", limit_bytes=2000)
    mail = replace(MAIL, fallback=Fallback("wecom", 60))
    put(box, letter("a", channel="mail"))
    for minutes in (0, 61, 122):
        assert deliver(box, channels_of(tmp_path, mail, app), later(minutes)).taken_over == 0
    assert rows(box)["a"].state == "queued"
    works = channels_of(tmp_path, replace(WORKS, fallback=Fallback("wecom", 60)), app)
    assert deliver(box, works, later(123)).sent == 1


def test_one_that_another_worker_holds_is_not_moved(box: Ledger, tmp_path: Path) -> None:
    down = channels_of(tmp_path, MAIL, INBOX)
    put(box, letter("a", channel="mail"), letter("b", channel="mail"))
    deliver(box, down)
    now = later(61)
    [held] = outbox.claim(box, "other", now, 1)
    assert deliver(box, down, now).taken_over == 1
    assert rows(box)[held.id].state == "queued"
    assert outbox.hand_over(box, "other", [held.id], now) == [held.id]


def test_unreachable_tries_are_not_counted_against_a_letter(box: Ledger, tmp_path: Path) -> None:
    nobody = channels_of(tmp_path, replace(MAIL, url=f"dubanmail://127.0.0.1:{free_port()}", fallback=None))  # fmt: skip
    put(box, letter("a", channel="mail"))
    for round_ in range(outbox.MAX_TRIES + 2):
        assert deliver(box, nobody, later(round_ * 5)).retried == 1
    found: Any = rows(box)["a"]
    assert (found.state, found.attempts) == ("queued", 0)
