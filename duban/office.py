"""Opens an office: its files checked, its policies read, its ledger at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from duban import clock
from duban.clock import Clock
from duban.desk import Desk, need_desk
from duban.ledger.store import Ledger, open_ledger
from duban.settings import Home


@dataclass(frozen=True)
class Office(Desk):
    """A desk with its ledger open."""

    ledger: Ledger


@contextmanager
def open_office(home: Home, *, ask: Clock = clock.now, durable: bool = True) -> Iterator[Office]:
    """Open the office for work. Raises InputError for its files and OutsideError for its ledger."""
    desk = need_desk(home, clock.day_of(ask()))
    ledger = open_ledger(home.database_url, ask=ask, durable=durable)
    try:
        yield Office(
            **{each.name: getattr(desk, each.name) for each in fields(Desk)}, ledger=ledger
        )
    finally:
        ledger.close()
