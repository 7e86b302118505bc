"""Twenty group bots at their limits under three workers; and clocks that jump."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from conftest import Told
from duban.ledger import outbox
from duban.ledger.outbox import Outcome, Rate
from duban.ledger.store import Ledger, open_ledger
from duban.ledger.tables import attempt, message
from fakes_http import FakeWeb, Reply
from notifier.config import Channel, Channels
from notifier.deliver import Report
from test_channels_pace import MINUTE, NOW, SENT, channels_of, deliver, letter, put, rows, take
from test_channels_pace import box as box  # noqa: PLC0414 - a fixture is used by its name

BOTS = 20
PER_MINUTE = 18
EACH = 22  # letters for one bot: more than a minute's worth
STEP = timedelta(seconds=20)
MONTH = timedelta(days=31)


def bots(root: Path, fake: FakeWeb) -> Channels:
    made = [
        Channel(f"bot{n}", f"第{n}群", f"dubanwecombot://key{n}?host={fake.url}", form="md")
        for n in range(BOTS)
    ]
    return channels_of(root, *made)


def test_twenty_bots_stay_below_their_rates_under_three_workers(
    ledger_url: str, told: Told, tmp_path: Path
) -> None:
    told.moment = NOW
    ledgers = [open_ledger(ledger_url, ask=told, durable=False) for _ in range(3)]
    names = [(f"bot{n}", k) for n in range(BOTS) for k in range(EACH)]
    put(ledgers[0], *(letter(f"{bot}:{k:02}", channel=bot, address=bot) for bot, k in names))
    arrived: dict[str, list[datetime]] = {f"key{n}": [] for n in range(BOTS)}
    with FakeWeb(replies=[Reply(body={"errcode": 0})]) as fake:
        channels = bots(tmp_path, fake)
        for _ in range(4):
            before = len(fake.asked)
            _all_at_once(ledgers, channels, told.moment)
            for asked in fake.asked[before:]:
                arrived[asked.query["key"]].append(told.moment)
            told.moment += STEP
    assert {len(moments) for moments in arrived.values()} == {EACH}  # everything, and nothing twice
    for moments in arrived.values():
        for first, last in zip(moments, moments[PER_MINUTE:], strict=False):
            assert last - first >= MINUTE
    assert {(row.state, row.attempts) for row in rows(ledgers[0]).values()} == {("sent", 1)}
    for each in ledgers:
        each.close()


def _all_at_once(ledgers: list[Ledger], channels: Channels, now: datetime) -> None:
    """Three workers at the same moment; a failure of one is the test's."""
    problems: list[BaseException] = []

    def work(ledger: Ledger) -> None:
        try:
            deliver(ledger, channels, now)
        except BaseException as problem:  # noqa: BLE001 - raised again in the test's own thread
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


# Clocks that jump

JUMPS = {"an-hour-back": -timedelta(hours=1), "a-month-ahead": MONTH}


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_after_a_jump_nothing_is_lost_and_nothing_sent_twice(
    box: Ledger, told: Told, tmp_path: Path, jump: timedelta
) -> None:
    put(box, *(letter(f"m{n:02}", channel="bot0", address="bot0") for n in range(40)))
    with FakeWeb(replies=[Reply(body={"errcode": 0})]) as fake:
        channels = bots(tmp_path, fake)
        assert deliver(box, channels, told.moment).sent == PER_MINUTE
        told.moment = NOW + jump
        # The hour is lived through again; the month may be: then the clock is set right.
        total, found = PER_MINUTE, Report()
        for step in range(12):
            if step == 2 and jump > timedelta(0):
                told.moment = NOW + 3 * MINUTE
            found = deliver(box, channels, told.moment)
            total += found.sent
            told.moment += MINUTE
        assert (total, len(fake.asked)) == (40, 40)
    assert {row.state for row in rows(box).values()} == {"sent"}


def busy(box: Ledger, key: str, now: datetime) -> None:
    put(box, letter(key))
    assert take(box, "w", now, ()) == [key]
    outbox.settle(box, "w", [(key, Outcome("temporary", "451", "later"))], now)


def test_a_wait_that_began_in_the_future_is_void(box: Ledger) -> None:
    busy(box, "a", NOW + MONTH)
    assert rows(box)["a"].retry_at > NOW + MONTH
    assert outbox.claim(box, "w", NOW) == []
    outbox.reap(box, NOW, {})
    assert [one.id for one in outbox.claim(box, "w", NOW)] == ["a"]


@pytest.mark.parametrize("ahead", [timedelta(hours=1), MONTH], ids=["hour", "month"])
def test_a_lease_given_in_the_future_ends_after_one_lease(box: Ledger, ahead: timedelta) -> None:
    put(box, letter("a"))
    outbox.claim(box, "dead", NOW + ahead)
    assert outbox.reap(box, NOW, {}) == outbox.Reaped()
    assert outbox.reap(box, NOW + timedelta(seconds=119), {}) == outbox.Reaped()
    assert outbox.reap(box, NOW + timedelta(seconds=120), {}) == outbox.Reaped(requeued=1)


def test_a_lease_is_not_shortened_by_clocks_that_differ_by_seconds(box: Ledger) -> None:
    put(box, letter("a"))
    outbox.claim(box, "w", NOW + timedelta(seconds=30))  # this worker's clock is half a minute fast
    outbox.reap(box, NOW, {})
    assert rows(box)["a"].lease_until == NOW + timedelta(seconds=150)


def test_rates_recover_and_are_kept_when_the_clock_is_set_back(box: Ledger) -> None:
    rates = (Rate(2, 60),)
    put(box, *(letter(f"m{n}") for n in range(5)))
    for key in take(box, "w", NOW + MONTH, rates, 2):
        outbox.settle(box, "w", [(key, SENT)], NOW + MONTH)
    # Set right: what was sent by the wrong clock counts as sent just now, for a minute and no longer.
    assert take(box, "w", NOW, rates) == []
    assert take(box, "w", NOW + timedelta(seconds=59), rates) == []
    assert len(take(box, "w", NOW + MINUTE, rates)) == 2
    with box.read() as conn:
        ends: Counter[Any] = Counter(conn.execute(sa.select(attempt.c.finished_at)).scalars())
        assert ends[NOW + MONTH] == 0
        begun = conn.execute(sa.select(attempt.c.started_at)).scalars()
        assert NOW + MONTH in set(begun)  # the log still shows what happened


def test_a_fallback_is_not_hurried_by_a_clock_that_ran_ahead(box: Ledger) -> None:
    put(box, letter("a"))
    outbox.mark_down(box, "bot", "不通", NOW + MONTH)
    outbox.reap(box, NOW, {})
    with box.read() as conn:
        assert conn.scalar(sa.select(message.c.down_since)) == NOW
