"""Opens an office: its files checked, its policies read, its ledger at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

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
def open_office(
    home: Home, *, ask: Clock = clock.now, durable: bool = True, create: bool = True
) -> Iterator[Office]:
    """Open the office for work. ``create=False``: a ledger that is not there yet is an empty one in memory.
    Raises InputError for its files and OutsideError for its ledger."""
    desk = need_desk(home, clock.day_of(ask()))
    ledger = open_ledger(_url(home, create=create), ask=ask, durable=durable)
    try:
        yield Office(
            **{each.name: getattr(desk, each.name) for each in fields(Desk)}, ledger=ledger
        )
    finally:
        ledger.close()


def _url(home: Home, *, create: bool) -> str:
    """Looking must not leave a ledger behind: an empty one would hide the example from then on."""
    file = _file_of(home.database_url)
    return home.database_url if create or file is None or file.exists() else "sqlite://"


def _file_of(url: str) -> Path | None:
    """The file of a SQLite URL, or None for another database."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
