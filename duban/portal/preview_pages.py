"""What the coming weeks will say, to whom and why – and what will not be said – before any of it is sent."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from duban import clock
from duban.ledger import events
from duban.portal.access import Denied
from duban.portal.office_pages import Visitor, in_order, page
from duban.portal.state import Portal, portal_of
from duban.rehearsal import foretell
from duban.rehearsal.gather import files_of
from duban.rehearsal.values import Preview, Told

router = APIRouter(include_in_schema=False)
WEEKS = 6
"""How far the page looks ahead, this week counted; further on there is ``duban preview``."""
PER_PAGE = 80
UNSAID_SHOWN = 60
INLINE_BYTES = 60_000
"""Texts stand in the list itself while they are not more than this together; else each has its page."""


class Foreseen:
    """The last preview made, kept while nothing was recorded and no file changed: paging costs nothing."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._made: Preview | None = None

    def until(self, portal: Portal, last: date) -> Preview:
        """The preview from now up to a day; rehearsed anew only when it must be."""
        now = portal.now()
        with self._turn:
            with portal.ledger.read() as conn:
                head = events.chain_head(conn)
            files = tuple(files_of(portal.home).items())
            key = (head, files, clock.day_of(now))
            if self._made is None or key != self._key or self._made.until < last:
                days = (last - clock.day_of(now)).days
                self._made, self._key = foretell(portal.office, now, days), key
            return self._made


def _foreseen(request: Request) -> Foreseen:
    state = request.app.state
    if not hasattr(state, "foreseen"):
        state.foreseen = Foreseen()
    found: Foreseen = state.foreseen
    return found


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which part of a preview is shown. ``week``: 0 is this one; ``day``: ISO, empty: all of the week."""

    week: int = 0
    unit: str = ""
    day: str = ""
    number: int = 1


@dataclass(frozen=True, slots=True)
class Week:
    """A week of the preview, Monday to Sunday; this one begins today."""

    number: int
    first: date
    last: date


def weeks(today: date) -> list[Week]:
    """The weeks that the page can show."""
    monday = today - timedelta(days=today.weekday())
    return [
        Week(
            number,
            max(today, monday + timedelta(days=7 * number)),
            monday + timedelta(days=7 * number + 6),
        )
        for number in range(WEEKS)
    ]


@router.get("/office/preview")
def preview(
    request: Request, visitor: Visitor, chosen: Annotated[Chosen, Depends(Chosen)]
) -> Response:
    """A week of what will be said and not said, by day and person."""
    portal = portal_of(request)
    week = _week(portal, chosen.week)
    found = _foreseen(request).until(portal, week.last)
    told = [each for each in found.messages if _in(week, each.day, each.unit, chosen)]
    unsaid = [each for each in found.unsaid if _in(week, each.day, each.item.unit, chosen)]
    days = Counter(
        each.day
        for each in found.messages
        if _within(week, each.day) and chosen.unit in {"", each.unit}
    )
    pages = max(1, -(-len(told) // PER_PAGE))
    number = min(max(chosen.number, 1), pages)
    shown = told[(number - 1) * PER_PAGE : number * PER_PAGE]
    return page(
        request,
        visitor,
        "preview.html",
        chosen=chosen,
        week=week,
        weeks=weeks(clock.day_of(portal.now())),
        days=sorted(days.items()),
        told=told,
        shown=shown,
        by_day=_by_day(shown),
        inline=sum(each.bytes for each in shown) <= INLINE_BYTES,
        people=len({(each.day, each.unit, each.post) for each in told}),
        unsaid=unsaid[:UNSAID_SHOWN],
        unsaid_count=len(unsaid),
        unsaid_reasons=Counter(each.outcome_name for each in unsaid).most_common(),
        pages=pages,
        number=number,
        units=in_order(portal),
        as_date=date.fromisoformat,
    )


@router.get("/office/preview/letter")
def letter(request: Request, visitor: Visitor, id: str, week: int = 0) -> Response:  # noqa: A002 - the address
    """One message to the letter: every part with its bytes, and why each line is there."""
    portal = portal_of(request)
    last = _week(portal, week).last
    found = _foreseen(request).until(portal, last)
    parts = [each for each in found.messages if each.base == id.partition("#")[0]]
    if not parts:
        raise Denied(
            404, "预演里没有这条消息", "台账变动之后，预演也随之变了。", "回到预演页重新点开"
        )
    return page(
        request, visitor, "preview_letter.html", parts=parts, week=week, as_date=date.fromisoformat
    )


def _week(portal: Portal, number: int) -> Week:
    every = weeks(clock.day_of(portal.now()))
    return every[min(max(number, 0), WEEKS - 1)]


def _within(week: Week, day: str) -> bool:
    return week.first.isoformat() <= day <= week.last.isoformat()


def _in(week: Week, day: str, unit: str, chosen: Chosen) -> bool:
    return _within(week, day) and chosen.unit in {"", unit} and chosen.day in {"", day}


def _by_day(shown: Sequence[Told]) -> list[tuple[str, list[Told]]]:
    found: dict[str, list[Told]] = {}
    for each in shown:
        found.setdefault(each.day, []).append(each)
    return list(found.items())
