"""As of which moment a page shows the ledger, and whose units: what the dashboard's addresses carry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Request

from duban import clock
from duban.ledger.asof import BOARD, known_at
from duban.ledger.views import Reader
from duban.portal.access import Clerk, Denied
from duban.portal.gate import office_visitor
from duban.portal.state import Portal, portal_of


@dataclass(frozen=True, slots=True)
class Seen:
    """The moment that a page shows. ``day``: None for now, else the end of that day, as known then."""

    now: datetime
    day: date | None = None

    @property
    def today(self) -> date:
        """The day that is shown."""
        return clock.day_of(self.now)

    @property
    def text(self) -> str:
        """As an address carries it; empty for now."""
        return "" if self.day is None else self.day.isoformat()


def seen_at(request: Request, as_of: str = "") -> Seen:
    """Dependency: reads ``as_of=2026-06-30``. Raises Denied for what is no day, or has not come yet."""
    now = portal_of(request).now()
    if not as_of:
        return Seen(now)
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise _refused(f"“{as_of[:20]}”不是一个日期。", "写成 2026-06-30") from None
    today = clock.day_of(now)
    if day > today:
        raise _refused(f"{day}还没有到。", "选今天或更早的一天")
    return Seen(now) if day == today else Seen(clock.end_of(day), day)


def _refused(message: str, way_out: str) -> Denied:
    return Denied(422, "这个截至日期不能用", message, way_out)


Moment = Annotated[Seen, Depends(seen_at)]


@contextmanager
def known(portal: Portal, seen: Seen) -> Iterator[Reader]:
    """The ledger as it was known at the moment shown: by our own stamp, whatever came in later."""
    with portal.ledger.read() as conn:
        if seen.day is None:
            yield conn
        else:
            with known_at(conn, seen.now, BOARD) as then:
                yield then


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a page shows. ``units``: None for all; ``own``: what the visitor is in charge of."""

    units: frozenset[str] | None = None
    own: frozenset[str] = frozenset()
    chosen: str = ""

    def holds(self, unit: str) -> bool:
        """Whether a unit's rows are shown."""
        return self.units is None or unit in self.units


def scope_of(
    request: Request, visitor: Annotated[Clerk, Depends(office_visitor)], scope: str = ""
) -> Scope:
    """Dependency: a head sees the own unit; a leader first the units in charge of, then all by a link."""
    if visitor.unit:
        return Scope(frozenset({visitor.unit}))
    portal = portal_of(request)
    own = portal.office.portfolio(visitor.name, clock.day_of(portal.now()))
    if own and scope != "all":
        return Scope(own, own, "mine")
    return Scope(None, own, "all" if own else "")


Scoped = Annotated[Scope, Depends(scope_of)]
