"""Units with the people behind them, and what was said to them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duban import clock
from duban.ledger import queries, views
from duban.portal.access import Denied
from duban.portal.items import Item, plain_items, reachable
from duban.portal.office_pages import Visitor, in_order, page
from duban.portal.shown import query
from duban.portal.state import portal_of

router = APIRouter(include_in_schema=False)
PER_PAGE = 20

# ---- units and messages ------------------------------------------------------------------------


@router.get("/office/units")
def units(request: Request, visitor: Visitor) -> Response:
    """Every unit: who can be reached, what it owes, how often it was asked this month."""
    portal = portal_of(request)
    now = portal.now()
    today = clock.day_of(now)
    with portal.ledger.read() as conn:
        found = plain_items(portal.office, views.open_rows(conn, today), now)
        asked = views.asks(conn, clock.at(today.replace(day=1)))
    own: dict[str, list[Item]] = {}
    for item in found:
        own.setdefault(item.row["unit"], []).append(item)
    return page(
        request,
        visitor,
        "units.html",
        units=[
            (unit, reachable(portal.office, unit.id, today), own.get(unit.id, []))
            for unit in in_order(portal)
        ],
        asked=asked,
    )


@router.get("/office/unit")
def one_unit(request: Request, visitor: Visitor, id: str) -> Response:  # noqa: A002 - the address
    """One unit: its posts and who holds them, what it owes, sent in and was told."""
    portal = portal_of(request)
    now = portal.now()
    unit = portal.office.matrix.directory.units.get(id)
    if unit is None:
        raise Denied(404, "没有这个单位", f"单位名录里没有“{id}”。", "从单位列表里点进来")
    with portal.ledger.read() as conn:
        rows = queries.open_items(conn, id, clock.day_of(now))
        sent = views.unit_submissions(conn, id, limit=30)
        letters = views.outbox(conn, unit=id, limit=20)
    return page(
        request,
        visitor,
        "unit_detail.html",
        unit=unit,
        posts=reachable(portal.office, id, clock.day_of(now)),
        items=plain_items(portal.office, rows, now),
        sent=sent,
        letters=letters,
    )


@router.get("/office/messages")
def messages(
    request: Request, visitor: Visitor, state: str = "", unit: str = "", page_number: int = 1
) -> Response:
    """The outbox with its states; texts are shown without anyone's personal link."""
    portal = portal_of(request)
    trouble = ("failed", "unknown")
    with portal.ledger.read() as conn:
        chosen = trouble if state == "trouble" else (state,) if state else ()
        number = max(page_number, 1)
        letters = views.outbox(
            conn, states=chosen, unit=unit, limit=PER_PAGE + 1, skip=(number - 1) * PER_PAGE
        )
        totals = views.message_states(conn)
    return page(
        request,
        visitor,
        "messages.html",
        letters=letters[:PER_PAGE],
        number=number,
        more=len(letters) > PER_PAGE,
        totals=totals,
        chosen={"state": state, "unit": unit},
        units=in_order(portal),
        self_address=query("/office/messages", unit=unit),
    )
