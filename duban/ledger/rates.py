"""How much a channel may be sent, counted over all workers from the log of attempts.

Writers take turns and attempts are noted in the transaction that raises the fence, so workers share one
count, and it survives a restart.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.ledger.tables import attempt, message

CLOCKS_AGREE = timedelta(seconds=60)
"""How far the clocks of two workers may be apart; what lies further ahead was written by a wrong clock."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` messages in any ``seconds`` running, of a channel or of each address on it."""

    count: int
    seconds: int
    per_person: bool = False


def waits(
    conn: Connection, rows: Sequence[Any], now: datetime, rates: Mapping[str, Sequence[Rate]]
) -> dict[str, datetime]:
    """Until when each letter has to wait for room on its channel; those that need not are left out."""
    found: dict[str, datetime] = {}
    limited = [name for name in sorted({row.channel for row in rows}) if rates.get(name)]
    if limited:
        _date_back(conn, now)
    for channel in limited:
        meter = _Meter(rates[channel], _log(conn, channel, now, rates[channel]))
        for row in (row for row in rows if row.channel == channel):
            at = meter.take(row.address, now)
            found |= {row.id: at} if at > now else {}
    return found


def _date_back(conn: Connection, now: datetime) -> None:
    """What ended in the future was sent by a clock that ran ahead: it counts from now on, and wears off.

    Left as it is, it would close the channel until that future comes; left out, the service would get
    twice its rate. The start keeps its stamp, so the log still shows what happened.
    """
    conn.execute(
        attempt.update().where(attempt.c.finished_at > now + CLOCKS_AGREE).values(finished_at=now)
    )


def _log(
    conn: Connection, channel: str, now: datetime, rates: Sequence[Rate]
) -> list[tuple[datetime, str]]:
    """When each message that counts was sent at the latest, and to whom; oldest first.

    An attempt counts until its *end* is long enough ago, one under way always: whenever in between it
    really left, no stretch of time holds more than the rate.
    """
    since = now - timedelta(seconds=max(rate.seconds for rate in rates))
    query = (
        sa.select(attempt.c.finished_at, message.c.address)
        .join(message, message.c.id == attempt.c.message)
        .where(
            message.c.channel == channel,
            attempt.c.outcome != "returned",
            sa.or_(attempt.c.finished_at.is_(None), attempt.c.finished_at > since),
        )
    )
    return sorted((row.finished_at or now, row.address) for row in conn.execute(query))


class _Meter:
    """Gives out the room of one channel: the earliest moment that keeps every rate."""

    def __init__(self, rates: Sequence[Rate], log: list[tuple[datetime, str]]) -> None:
        self._rates = rates
        self._log = log

    def take(self, address: str, now: datetime) -> datetime:
        """Reserve a place for one message and say when it is."""
        at = max([now, *(self._free(rate, address) for rate in self._rates)])
        insort(self._log, (at, address))
        return at

    def _free(self, rate: Rate, address: str) -> datetime:
        used = [at for at, who in self._log if not rate.per_person or who == address]
        if len(used) < rate.count:
            return datetime.min.replace(tzinfo=UTC)
        return used[-rate.count] + timedelta(seconds=rate.seconds)
