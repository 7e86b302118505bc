"""Delivers what is due: take a few letters, raise the fence, send, write down what became of them.

Nothing is lost whatever happens in between: a worker that dies leaves a lease behind that runs out, and
the fence tells whether a letter may have left. Tries are counted here and nowhere else – never put a
retry around this.
"""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from duban.errors import DubanError
from duban.ledger import outbox
from duban.ledger.outbox import RATE, UNREACHABLE, Letter, Outcome
from duban.ledger.store import Ledger
from duban.settings import Home
from notifier.config import Channels
from notifier.fallback import fall_back
from notifier.gateway import Gateway

BATCH = 20
LEASE_SECONDS = 120
_SETTLE_EVERY = timedelta(seconds=1)
_BEFORE_LEASE_ENDS = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Report:
    """What one round of delivery did. ``problems``: sentences about channels that could not be used."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    unknown: int = 0
    expired: int = 0
    taken_over: int = 0  # messages that another channel takes over
    problems: tuple[str, ...] = ()


Progress = Callable[[Report], None]


def deliver_due(
    ledger: Ledger,
    home: Home,
    channels: Channels,
    now: datetime,
    worker: str,
    *,
    limit: int = 500,
    progress: Progress | None = None,
    prepare: Callable[[Letter], Letter] | None = None,
) -> Report:
    """Send up to ``limit`` letters that are due at ``now``; what cannot be sent stays queued.

    ``prepare`` fills in what is not kept in the outbox (the reader's own link) just before sending.
    Time goes on from ``now`` as the ledger's clock does. On SIGTERM it ends after the letter under way,
    gives the others back, and only then lets the signal have its effect.
    """
    with _told_to_stop() as stopped, Gateway(channels, home) as gateway:
        run = _Run(
            ledger,
            gateway,
            channels,
            now=now,
            worker=worker,
            progress=progress,
            stopped=stopped,
            prepare=prepare,
        )
        run.tidy()
        run.deliver(limit)
        return run.report


class _Run:
    """One round of delivery and its counts."""

    def __init__(
        self,
        ledger: Ledger,
        gateway: Gateway,
        channels: Channels,
        *,
        now: datetime,
        worker: str,
        progress: Progress | None,
        stopped: Callable[[], bool],
        prepare: Callable[[Letter], Letter] | None = None,
    ) -> None:
        self.report = Report()
        self._ledger = ledger
        self._gateway = gateway
        self._channels = channels
        self._start = (now, ledger.now())
        # A lease belongs to this very run: two processes of one name must not settle each other's.
        self._owner = f"{worker[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._progress = progress
        self._stopped = stopped
        self._prepare = prepare or (lambda letter: letter)
        self._down: dict[str, str] = {}

    def _moment(self) -> datetime:
        told, by_clock = self._start
        return told + max(self._ledger.now() - by_clock, timedelta(0))

    def tidy(self) -> None:
        """Free what a dead worker held, and settle what waited too long."""
        reaped = outbox.reap(self._ledger, self._moment(), self._channels.policy)
        expired = outbox.expire(self._ledger, self._moment())
        taken_over = fall_back(self._ledger, self._channels, self._moment())
        self.report = replace(
            self.report, unknown=reaped.held, expired=expired, taken_over=taken_over
        )

    def deliver(self, limit: int) -> None:
        """Claim and send batch by batch until nothing is due, the limit is reached, or told to stop."""
        left = limit
        while left > 0 and not self._stopped():
            now = self._moment()
            size = min(BATCH, left)
            letters = outbox.claim(
                self._ledger, self._owner, now, size, LEASE_SECONDS, without=self._down
            )
            if not letters:
                return
            left -= len(letters)
            self._batch(letters, now + timedelta(seconds=LEASE_SECONDS) - _BEFORE_LEASE_ENDS)

    def _batch(self, letters: Sequence[Letter], deadline: datetime) -> None:
        waiting = sorted(letters, key=lambda letter: letter.channel)  # stable: order is kept within
        for channel, some in groupby(waiting, key=lambda letter: letter.channel):
            group = list(some)
            if self._usable(channel):
                self._hand_over(channel, group, deadline)
            else:
                self._give_back([letter.id for letter in group])

    def _usable(self, channel: str) -> bool:
        try:
            self._gateway.open(channel)
        except DubanError as problem:
            self._tell_down(channel, str(problem))
        return channel not in self._down

    def _tell_down(self, channel: str, why: str) -> None:
        """Leave a channel alone for this round: one try tells as much as five hundred."""
        if channel not in self._down:
            self._down[channel] = why
            known = self._channels.by_id.get(channel)
            name = known.name if known else channel
            told = f"渠道“{name}”暂时用不了：{why.rstrip('。')}。走这个渠道的信都留在队列里，下次再发。"
            self.report = replace(self.report, problems=(*self.report.problems, told))

    def _hand_over(self, channel: str, letters: Sequence[Letter], deadline: datetime) -> None:
        ids = [letter.id for letter in letters]
        rates = {channel: self._channels.rates_of(channel)}
        ours = set(outbox.hand_over(self._ledger, self._owner, ids, self._moment(), rates))
        self._send(channel, [letter for letter in letters if letter.id in ours], deadline)

    def _send(self, channel: str, letters: Sequence[Letter], deadline: datetime) -> None:
        left = [letter.id for letter in letters]
        results: list[tuple[str, Outcome]] = []
        settled_at = self._moment()
        prepared = [self._prepare(letter) for letter in letters]
        sending = self._gateway.send_many(channel, prepared, self._moment)
        try:
            while left and not self._must_pause(channel, deadline):
                left.pop(0)  # if sending this one breaks off, nobody knows: its fence stays up
                _, outcome = result = next(sending)
                results.append(result)
                if outcome.code in {UNREACHABLE, RATE}:
                    self._tell_down(channel, outcome.detail)
                if self._moment() - settled_at >= _SETTLE_EVERY:
                    self._settle(results)
                    results, settled_at = [], self._moment()
        finally:
            self._settle(results)
            self._give_back(left)

    def _must_pause(self, channel: str, deadline: datetime) -> bool:
        return self._stopped() or channel in self._down or self._moment() >= deadline

    def _settle(self, results: Sequence[tuple[str, Outcome]]) -> None:
        if not results:
            return
        done = outbox.settle(
            self._ledger, self._owner, results, self._moment(), self._channels.policy
        )
        self.report = replace(
            self.report,
            sent=self.report.sent + done.sent,
            retried=self.report.retried + done.retried,
            failed=self.report.failed + done.failed,
            unknown=self.report.unknown + done.unknown,
        )
        if self._progress is not None:
            self._progress(self.report)

    def _give_back(self, ids: Sequence[str]) -> None:
        if ids:
            outbox.give_back(self._ledger, self._owner, ids, self._moment())


@contextmanager
def _told_to_stop() -> Iterator[Callable[[], bool]]:
    """A flag that SIGTERM raises instead of killing us; the signal is sent again at the end.

    Somebody else's handler (Prefect's) is left alone, and so is every thread but the main one.
    """
    told = threading.Event()
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if ours:
        signal.signal(signal.SIGTERM, lambda _number, _frame: told.set())
    try:
        yield told.is_set
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if told.is_set():
                signal.raise_signal(signal.SIGTERM)
