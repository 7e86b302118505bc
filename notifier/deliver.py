"""Delivers what is due: take a few letters, raise the fence, send, write down what became of them.

Nothing is lost whatever happens in between: a worker that dies leaves a lease behind that runs out, and
the fence tells whether a letter may have left. Tries are counted here and nowhere else – never put a
retry around this. No letter is begun that could outlast the lease, by either clock: the ledger's, which
may be set, and the machine's own, which may sleep.
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
from duban.ledger.outbox import LEASE_SECONDS, RATE, UNREACHABLE, Hours, Letter, Outcome
from duban.ledger.store import Ledger
from duban.settings import Home
from notifier.config import Channels
from notifier.deadline import SEND_SECONDS, Deadline
from notifier.fallback import fall_back, move_on
from notifier.gateway import Gateway

BATCH = 20
_SETTLE_EVERY = timedelta(seconds=1)
_SHARE_OF_ONE = SEND_SECONDS / LEASE_SECONDS
"""How much of the lease one letter may take; none is begun later than that before its end."""


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
    hours: Hours | None = None,
    lease_seconds: float = LEASE_SECONDS,
) -> Report:
    """Send up to ``limit`` letters that are due at ``now``; what cannot be sent stays queued.

    ``prepare`` fills in what is not kept in the outbox (the reader's own link) just before sending.
    ``hours`` says when a letter may leave; what is due at another time waits until then. Time goes on
    from ``now`` as the ledger's clock does. On SIGTERM it ends after the letter under way, gives the
    others back, and only then lets the signal have its effect.
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
            hours=hours,
            lease_seconds=lease_seconds,
        )
        run.tidy()
        left = run.deliver(limit)
        if run.move_on():
            run.deliver(left)
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
        prepare: Callable[[Letter], Letter] | None,
        hours: Hours | None,
        lease_seconds: float,
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
        self._hours = hours
        self._lease_seconds = lease_seconds
        self._seconds_each = min(SEND_SECONDS, lease_seconds * _SHARE_OF_ONE)
        self._down: dict[str, str] = {}
        self._up: set[str] = set()

    def _moment(self) -> datetime:
        told, by_clock = self._start
        return told + max(self._ledger.now() - by_clock, timedelta(0))

    def tidy(self) -> None:
        """Free what a dead worker held, and settle what waited too long."""
        lease = self._lease_seconds
        reaped = outbox.reap(self._ledger, self._moment(), self._channels.policy, lease)
        expired = outbox.expire(self._ledger, self._moment())
        taken_over = fall_back(self._ledger, self._channels, self._moment())
        self.report = replace(
            self.report, unknown=reaped.held, expired=expired, taken_over=taken_over
        )

    def deliver(self, limit: int) -> int:
        """Claim and send batch by batch until nothing is due, the limit is reached, or told to stop.

        How many letters are left of the limit.
        """
        left = limit
        while left > 0 and not self._stopped():
            now = self._moment()
            lease = _Lease(now, self._lease_seconds - self._seconds_each)
            letters = outbox.claim(
                self._ledger,
                self._owner,
                now,
                min(BATCH, left),
                self._lease_seconds,
                without=self._down,
                hours=self._hours,
            )
            if not letters:
                break
            left -= len(letters)
            self._batch(letters, lease)
        return left

    def move_on(self) -> bool:
        """Let other channels take over what waits too long for those that this round found down."""
        if not self._down or self._stopped():
            return False
        moved = move_on(self._ledger, self._channels, tuple(self._down), self._moment())
        self.report = replace(self.report, taken_over=self.report.taken_over + moved)
        return moved > 0

    def _batch(self, letters: Sequence[Letter], lease: _Lease) -> None:
        waiting = sorted(letters, key=lambda letter: letter.channel)  # stable: order is kept within
        for channel, some in groupby(waiting, key=lambda letter: letter.channel):
            group = list(some)
            if self._usable(channel):
                self._hand_over(channel, group, lease)
            else:
                self._give_back([letter.id for letter in group])

    def _usable(self, channel: str) -> bool:
        try:
            self._gateway.open(channel)
        except DubanError as problem:
            self._tell_down(channel, str(problem), waits=True)
        return channel not in self._down

    def _tell_down(self, channel: str, why: str, *, waits: bool) -> None:
        """Leave a channel alone for this round: one try tells as much as five hundred.

        ``waits``: it cannot be reached, and since when is noted; a channel that is only busy is not down.
        """
        if channel not in self._down:
            self._down[channel] = why
            known = self._channels.by_id.get(channel)
            name = known.name if known else channel
            told = f"渠道“{name}”暂时用不了：{why.rstrip('。')}。走这个渠道的信都留在队列里，下次再发。"
            self.report = replace(self.report, problems=(*self.report.problems, told))
            if waits:
                outbox.mark_down(self._ledger, channel, told, self._moment())

    def _tell_up(self, channel: str) -> None:
        """A channel that answers is waited for no more; once a round."""
        if channel not in self._up:
            self._up.add(channel)
            outbox.mark_up(self._ledger, channel, self._moment())

    def _hand_over(self, channel: str, letters: Sequence[Letter], lease: _Lease) -> None:
        # Before the fence: what fails in filling a letter in has surely not left the house.
        prepared = [self._prepare(letter) for letter in letters]
        ids = [letter.id for letter in letters]
        rates = {channel: self._channels.rates_of(channel)}
        ours = set(outbox.hand_over(self._ledger, self._owner, ids, self._moment(), rates))
        self._send(channel, [letter for letter in prepared if letter.id in ours], lease)

    def _send(self, channel: str, letters: Sequence[Letter], lease: _Lease) -> None:
        left = [letter.id for letter in letters]
        results: list[tuple[str, Outcome]] = []
        settled_at = self._moment()
        sending = self._gateway.send_many(channel, letters, self._moment, self._seconds_each)
        try:
            while left and not self._must_pause(channel, lease):
                left.pop(0)  # if sending this one breaks off, nobody knows: its fence stays up
                _, outcome = result = next(sending)
                results.append(result)
                self._learn(channel, outcome)
                if self._moment() - settled_at >= _SETTLE_EVERY:
                    self._settle(results)
                    results, settled_at = [], self._moment()
        finally:
            self._settle(results)
            self._give_back(left)

    def _learn(self, channel: str, outcome: Outcome) -> None:
        """What one outcome says of its channel; an unknown one says nothing."""
        if outcome.code in {UNREACHABLE, RATE}:
            self._tell_down(channel, outcome.detail, waits=outcome.code == UNREACHABLE)
        elif outcome.kind != "unknown":
            self._tell_up(channel)

    def _must_pause(self, channel: str, lease: _Lease) -> bool:
        return self._stopped() or channel in self._down or lease.is_over(self._moment())

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


class _Lease:
    """Until when letters of a batch may be begun: by the ledger's clock and by one that nobody sets.

    The first goes on while the machine sleeps, the second when somebody sets the first back.
    """

    def __init__(self, now: datetime, seconds: float) -> None:
        self._until = now + timedelta(seconds=seconds)
        self._by = Deadline(seconds)

    def is_over(self, now: datetime) -> bool:
        """Whether nothing may be begun any more."""
        return now >= self._until or self._by.left() <= 0


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
