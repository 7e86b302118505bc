"""How much a channel is sent, counted over all workers; and what another channel takes over, once."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from conftest import Told
from duban.clock import SHANGHAI
from duban.errors import Issues
from duban.ledger import outbox
from duban.ledger.links import PLACEHOLDER
from duban.ledger.outbox import BAD_ADDRESS, RATE, Letter, Outcome, Rate
from duban.ledger.store import Ledger, open_ledger
from duban.ledger.tables import attempt, message
from duban.settings import Home
from fakes_http import FakeWeb, Reply
from notifier.config import Channel, Channels, Fallback, load_channels, rate_of
from notifier.deliver import Report, deliver_due
from notifier.fallback import OF_USE, fall_back
from notifier.mime import Sender

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI)
MINUTE = timedelta(minutes=1)
SENT = Outcome("sent", "ok")


@pytest.fixture
def box(ledger: Ledger, told: Told) -> Ledger:
    told.moment = NOW
    return ledger


def letter(key: str, **changes: Any) -> Letter:
    values: dict[str, Any] = {
        "id": key,
        "kind": "day",
        "unit": "scjgj",
        "post": "liaison",
        "person": "联络员（待填）",
        "address": f"{key}@e.example",
        "channel": "bot",
        "subject": "【提醒】1件待办",
        "text": f"请办理*第一件*\nhttps://d.example/u/{PLACEHOLDER}",
        "html": "<p>请办理</p>",
        "attachments": ("files/a.pdf",),
        "urgent": False,
        "not_before": NOW - timedelta(hours=2),
    }
    return Letter(**values | changes)


def put(box: Ledger, *letters: Letter) -> None:
    with box.write("remind") as writing:
        outbox.queue(writing, letters)


def take(
    box: Ledger, owner: str, now: datetime, rates: tuple[Rate, ...], limit: int = 50
) -> list[str]:
    ids = [one.id for one in outbox.claim(box, owner, now, limit)]
    return outbox.hand_over(box, owner, ids, now, {"bot": rates})


def rows(box: Ledger) -> dict[str, Any]:
    with box.read() as conn:
        return {row.id: row for row in conn.execute(sa.select(message))}


# Rates


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("18/min", Rate(18, 60)),
        ("300/h", Rate(300, 3600)),
        ("1/min  per person", Rate(1, 60, per_person=True)),
        ("10/day per person", Rate(10, 86400, per_person=True)),
        ("0/min", None),
        ("18", None),
        ("18/week", None),
        ("-1/min", None),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate | None) -> None:
    assert rate_of(text) == rate


def test_what_exceeds_waits_and_loses_no_try(box: Ledger) -> None:
    put(box, *(letter(f"m{n}") for n in range(5)))
    assert take(box, "one", NOW, (Rate(2, 60),)) == ["m0", "m1"]
    waiting = {key: row for key, row in rows(box).items() if key not in {"m0", "m1"}}
    assert {row.state for row in waiting.values()} == {"queued"}
    assert {(row.attempts, row.lease_owner, row.handed_over) for row in waiting.values()} == {
        (0, "", 0)
    }
    # Room for two a minute from now, and for the last a minute later.
    assert [rows(box)[f"m{n}"].retry_at for n in (2, 3, 4)] == [
        NOW + MINUTE,
        NOW + MINUTE,
        NOW + 2 * MINUTE,
    ]
    assert outbox.claim(box, "two", NOW + timedelta(seconds=59)) == []


def test_a_place_is_taken_until_a_minute_after_sending_ended(box: Ledger) -> None:
    put(box, letter("a"), letter("b"))
    rates = (Rate(1, 60),)
    assert take(box, "one", NOW, rates) == ["a"]
    assert take(box, "two", NOW + MINUTE, rates) == []  # still under way: may leave any moment
    outbox.settle(box, "one", [("a", SENT)], NOW + 1.5 * MINUTE)
    assert take(box, "two", NOW + 2 * MINUTE, rates) == []
    assert rows(box)["b"].retry_at == NOW + 2.5 * MINUTE
    assert take(box, "two", NOW + 2.5 * MINUTE, rates) == ["b"]


def test_a_letter_that_was_given_back_takes_no_place(box: Ledger) -> None:
    put(box, letter("a"), letter("b"))
    assert take(box, "one", NOW, (Rate(1, 60),), 1) == ["a"]
    outbox.give_back(box, "one", ["a"], NOW)
    assert take(box, "two", NOW, (Rate(1, 60),), 1) == ["a"]


def test_one_person_is_not_written_to_every_minute(box: Ledger) -> None:
    put(box, *(letter(f"a{n}", address="sms:1") for n in range(3)), letter("b", address="sms:2"))
    rates = (Rate(1, 60, per_person=True), Rate(2, 3600, per_person=True))
    assert take(box, "one", NOW, rates) == ["a0", "b"]
    found = rows(box)
    assert [found[key].retry_at for key in ("a1", "a2")] == [NOW + MINUTE, NOW + 60 * MINUTE]


def test_other_channels_are_not_held_up(box: Ledger) -> None:
    put(box, letter("a"), letter("b"), letter("c", channel="mail"))
    assert take(box, "one", NOW, (Rate(1, 60),)) == ["a", "c"]


def test_workers_share_one_count(ledger_url: str) -> None:
    ledgers = [open_ledger(ledger_url, ask=lambda: NOW) for _ in range(3)]
    put(ledgers[0], *(letter(f"m{n:02}") for n in range(60)))
    ours: list[list[str]] = [[], [], []]

    def work(n: int) -> None:
        for _ in range(6):
            ours[n] += take(ledgers[n], f"w{n}", NOW, (Rate(18, 60),), 5)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in ledgers:
        each.close()
    together = [key for some in ours for key in some]
    assert (len(together), len(set(together))) == (18, 18)


@pytest.mark.parametrize("seed", range(3))
def test_no_stretch_of_time_ever_holds_more(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    box = open_ledger(f"sqlite:///{tmp_path}/l.sqlite3", ask=lambda: NOW, durable=False)
    put(box, *(letter(f"m{n:02}") for n in range(40)))
    rates = (Rate(5, 60), Rate(12, 300))
    left: list[datetime] = []
    now, busy = NOW, [(NOW, "", "")]
    for step in range(250):
        for ends, owner, key in [one for one in busy if one[1] and one[0] <= now]:
            outbox.settle(box, owner, [(key, SENT)], ends)
        busy = [one for one in busy if one[0] > now]
        owner = f"w{step}"
        for key in take(box, owner, now, rates, 3):
            ends = now + timedelta(seconds=chance.randint(0, 40))
            left.append(now + (ends - now) * chance.random())
            busy.append((ends, owner, key))
        now += timedelta(seconds=chance.randint(1, 9))
    box.close()
    assert len(left) == 40
    left.sort()
    for rate in rates:
        for first, last in zip(left, left[rate.count :], strict=False):
            assert last - first >= timedelta(seconds=rate.seconds)


def test_too_many_never_makes_a_letter_fail(box: Ledger) -> None:
    put(box, letter("a"))
    now = NOW
    for _ in range(outbox.MAX_TRIES + 2):
        assert take(box, "one", now, ()) == ["a"]
        outbox.settle(box, "one", [("a", Outcome("temporary", RATE, "限流", 600))], now)
        assert rows(box)["a"].retry_at >= now + timedelta(seconds=600)
        now += timedelta(hours=2)
    assert rows(box)["a"].state == "queued"


def read(tmp_path: Path, text: str) -> tuple[Channels, list[str]]:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "channels.yaml").write_text(text, encoding="utf-8")
    issues = Issues()
    return load_channels(Home(tmp_path), issues), [issue.code for issue in issues]


def test_rates_and_fallbacks_are_read(tmp_path: Path) -> None:
    text = """default: a
lost: b
channels:
  - {id: a, url: "dubanmaildir://mail", rate: [18/min, "1/min per person"], fallback: b after 2h}
  - {id: b, url: "dubaninbox://", rate: 300/h}
"""
    channels, codes = read(tmp_path, text)
    assert codes == []
    first, second = channels.by_id.values()
    assert (first.rates, first.fallback) == (
        (Rate(18, 60), Rate(1, 60, per_person=True)),
        Fallback("b", 120),
    )
    assert (second.rates, second.fallback) == ((Rate(300, 3600),), None)


@pytest.mark.parametrize(
    ("a", "b", "codes"),
    [
        ("rate: often", "", ["channel-rate"]),
        ("fallback: b at night", "", ["channel-fallback"]),
        ("fallback: c after 60m", "", ["channel-fallback"]),
        ("fallback: a after 60m", "", ["channel-fallback"]),
        ("fallback: b after 60m", "fallback: a after 60m", ["channel-fallback"] * 2),
        ("fallback: b after 60m", "fallback: c after 60m", ["channel-fallback"]),
        ("fallback: b after 60m", "fallback: b after 60m", ["channel-fallback"]),
    ],
)
def test_a_wrong_rate_or_fallback_is_told(tmp_path: Path, a: str, b: str, codes: list[str]) -> None:
    text = "default: a\nlost: a\nchannels:\n"
    text += f"  - {{id: a, url: 'dubaninbox://', {a}}}\n"
    text += f"  - {{id: b, url: 'dubaninbox://'{', ' if b else ''}{b}}}\n"
    assert read(tmp_path, text)[1] == codes


# Delivering to a bot


def channels_of(tmp_path: Path, *channels: Channel) -> Channels:
    by_id = {channel.id: channel for channel in channels}
    return Channels(
        by_id, channels[0].id, "inbox", Sender("d@e.example", "督办", "e.example"), tmp_path
    )


INBOX = Channel("inbox", "站内信", "dubaninbox://", form="text")
MAIL = Channel("mail", "电子邮件", "dubanmaildir://mail", fallback=Fallback("inbox", 60))


def deliver(box: Ledger, channels: Channels, now: datetime = NOW) -> Report:
    return deliver_due(box, Home(channels.root), channels, now, "t")


def test_a_bot_gets_what_it_bears_and_the_rest_waits(box: Ledger, tmp_path: Path) -> None:
    with FakeWeb(replies=[Reply(body={"errcode": 0})]) as fake:
        bot = Channel("bot", "群机器人", f"dubanwecombot://key?host={fake.url}", form="md")
        channels = channels_of(tmp_path, bot, INBOX)
        put(box, *(letter(f"m{n:02}", address="bot") for n in range(25)))
        assert deliver(box, channels) == Report(sent=18)
        assert deliver(box, channels, NOW + MINUTE / 2) == Report()
        assert deliver(box, channels, NOW + 2 * MINUTE) == Report(sent=7)
        assert len(fake.asked) == 25


def test_a_bot_that_says_too_many_is_left_alone_for_the_round(box: Ledger, tmp_path: Path) -> None:
    replies = [Reply(body={"errcode": 0}), Reply(body={"errcode": 130101, "errmsg": "too fast"})]
    with FakeWeb(replies=replies) as fake:
        bot = Channel("bot", "群机器人", f"dubanding://t?secret=s&host={fake.url}", form="md")
        put(box, *(letter(f"m{n}", address="bot") for n in range(6)))
        report = deliver(box, channels_of(tmp_path, bot, INBOX))
        assert len(fake.asked) == 2
    assert (report.sent, report.retried, report.failed) == (1, 1, 0)
    assert "限流" in report.problems[0]
    assert sorted(row.attempts for row in rows(box).values()) == [0, 0, 0, 0, 0, 1]  # no try lost


def test_a_rate_of_ones_own_counts_instead(tmp_path: Path) -> None:
    bot = Channel("bot", "群", "dubanwecombot://key")
    assert channels_of(tmp_path, bot).rates_of("bot") == (Rate(18, 60),)
    own = replace(bot, rates=(Rate(3, 60),))
    assert channels_of(tmp_path, own).rates_of("bot") == (Rate(3, 60),)
    assert channels_of(tmp_path, MAIL).rates_of("mail") == ()


# Fallback


def settled(box: Ledger, one: Letter, outcome: Outcome, at: datetime = NOW) -> None:
    put(box, one)
    outbox.hand_over(box, "w", [each.id for each in outbox.claim(box, "w", at)], at)
    outbox.settle(box, "w", [(one.id, outcome)], at)


REFUSED = Outcome("permanent", BAD_ADDRESS, "550 5.1.1")
LOST = Outcome("unknown", "no-answer", "没有答复")


@pytest.mark.parametrize("outcome", [REFUSED, LOST])
def test_another_channel_takes_over_once(box: Ledger, tmp_path: Path, outcome: Outcome) -> None:
    channels = channels_of(tmp_path, MAIL, INBOX)
    settled(box, letter("a", channel="mail"), outcome)
    assert fall_back(box, channels, NOW + timedelta(minutes=59)) == 0
    hour = NOW + timedelta(minutes=60)
    assert [fall_back(box, channels, hour) for _ in range(3)] == [1, 0, 0]
    report = deliver(box, channels, hour)
    assert (report.sent, report.taken_over) == (1, 0)
    assert fall_back(box, channels, hour + timedelta(hours=5)) == 0
    found = rows(box)
    assert {key: row.state for key, row in found.items()} == {
        "a": "failed" if outcome is REFUSED else "unknown",
        "a@inbox": "sent",
    }
    there = found["a@inbox"]
    assert (there.channel, there.address, there.html, there.attachments) == (
        "inbox",
        "inbox",
        "",
        "[]",
    )
    assert there.text.startswith("（原经电子邮件发送，未能确认送达，改由站内信再发一次）\n")
    assert there.text.endswith(PLACEHOLDER)


def test_delivering_takes_over_and_sends_in_one_round(box: Ledger, tmp_path: Path) -> None:
    settled(box, letter("a", channel="mail"), REFUSED)
    report = deliver(box, channels_of(tmp_path, MAIL, INBOX), NOW + timedelta(hours=1))
    assert (report.taken_over, report.sent) == (1, 1)


def test_what_is_sent_queued_again_late_or_stale_is_not_taken_over(
    box: Ledger, tmp_path: Path
) -> None:
    channels = channels_of(tmp_path, MAIL, INBOX)
    settled(box, letter("sent", channel="mail"), SENT)
    settled(box, letter("old", channel="mail"), REFUSED, NOW - OF_USE)
    settled(box, letter("late", channel="mail", expires_at=NOW + MINUTE), REFUSED)
    settled(box, letter("again", channel="mail"), REFUSED)
    with box.write("office") as writing:
        outbox.requeue(writing, "again", "地址改好了")
    assert fall_back(box, channels, NOW + timedelta(hours=2)) == 0


def test_a_refused_mailbox_stays_refused_after_a_fallback(box: Ledger, tmp_path: Path) -> None:
    settled(box, letter("a", channel="mail"), REFUSED)
    deliver(box, channels_of(tmp_path, MAIL, INBOX), NOW + timedelta(hours=1))
    with box.read() as conn:
        assert outbox.dead_addresses(conn, NOW - timedelta(days=1)) == {"a@e.example"}


def test_a_person_is_reached_by_another_way_if_there_is_one(box: Ledger, tmp_path: Path) -> None:
    app = Channel("wecom", "企业微信", "dubanwecom://c:s@1", form="md", limit_bytes=2000)
    mail = replace(MAIL, fallback=Fallback("wecom", 60))
    settled(box, letter("none", channel="mail"), REFUSED)
    settled(box, letter("a", channel="mail", address="a@e.example wecom:zhang"), REFUSED)
    assert fall_back(box, channels_of(tmp_path, mail, app), NOW + timedelta(hours=1)) == 1
    found = rows(box)
    assert "none@wecom" not in found
    there = found["a@wecom"]
    assert there.address == "wecom:zhang"
    assert "请办理＊第一件＊\n" in there.text  # plain text neutralised, the link left whole
    assert there.text.endswith(f"https://d.example/u/{PLACEHOLDER}")


def test_a_group_does_not_get_one_persons_link(box: Ledger, tmp_path: Path) -> None:
    bot = Channel("bot", "群机器人", "dubanwecombot://key", form="md", limit_bytes=300)
    mail = replace(MAIL, fallback=Fallback("bot", 60))
    text = f"{'请办理。' * 80}\nhttps://d.example/u/{PLACEHOLDER}"
    settled(box, letter("a", channel="mail", text=text), REFUSED)
    channels = channels_of(tmp_path, mail, bot)
    assert [fall_back(box, channels, NOW + timedelta(hours=1)) for _ in range(2)] == [1, 0]
    there = {key: row for key, row in rows(box).items() if row.channel == "bot"}
    assert len(there) > 1
    assert "a@bot" in there
    assert all(
        len(row.text.encode()) <= 300 and PLACEHOLDER not in row.text for row in there.values()
    )
    assert "联系办公室" in "".join(row.text for row in there.values())


def test_a_fallback_whose_secret_is_missing_waits_and_says_so(box: Ledger, tmp_path: Path) -> None:
    bot = Channel("bot", "群机器人", "${env:DUBAN_NO_SUCH_SECRET}", form="text")
    mail = replace(MAIL, fallback=Fallback("bot", 60))
    settled(box, letter("a", channel="mail"), REFUSED)
    report = deliver(box, channels_of(tmp_path, mail, bot), NOW + timedelta(hours=1))
    assert (report.taken_over, report.sent) == (1, 0)
    assert "DUBAN_NO_SUCH_SECRET" in report.problems[0]
    assert rows(box)["a@bot"].state == "queued"
    with box.read() as conn:
        tries = conn.execute(sa.select(sa.func.count()).select_from(attempt)).scalar()
    assert tries == 1
