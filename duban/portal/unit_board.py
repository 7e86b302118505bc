"""The office's pages of units: all of them, one with its whole history, and how much each was asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from duban import clock
from duban.ledger import boardviews, queries, views
from duban.ledger.boardviews import Of
from duban.portal import board, burden
from duban.portal.access import Denied
from duban.portal.board_read import Show as Years
from duban.portal.board_read import in_order, span, task_names
from duban.portal.item_pages import past
from duban.portal.items import Item, plain_items, reachable
from duban.portal.office_pages import Visitor, page, seen_values
from duban.portal.seen import Moment, Scope, Scoped, Seen, known
from duban.portal.state import Portal, portal_of
from duban.workdays import add_months

router = APIRouter(include_in_schema=False)
ASKERS_SHOWN = 10


@router.get("/office/units")
def units(request: Request, visitor: Visitor, seen: Moment, scope: Scoped) -> Response:
    """Every unit: who can be reached, what it owes, how often it was asked this month."""
    portal = portal_of(request)
    today = seen.today
    with known(portal, seen) as conn:
        found = plain_items(portal.office, views.open_rows(conn, today), seen.now)
        asked = views.asks(conn, clock.at(today.replace(day=1)))
    own: dict[str, list[Item]] = {}
    for item in found:
        own.setdefault(item.row["unit"], []).append(item)
    return page(
        request,
        visitor,
        "units.html",
        **seen_values(seen, scope),
        units=[
            (unit, reachable(portal.office, unit.id, today), own.get(unit.id, []))
            for unit in in_order(portal.office)
            if scope.holds(unit.id)
        ],
        asked=asked,
        limits=portal.office.settings.board,
    )


@router.get("/office/unit")
def one_unit(
    request: Request,
    visitor: Visitor,
    *,
    id: str,  # noqa: A002 - the address
    seen: Moment,
    scope: Scoped,
    before: int = 0,
) -> Response:
    """One unit: its posts, what it owes, its months, what it sent in and was told, and its history."""
    portal = portal_of(request)
    office = portal.office
    unit = office.matrix.directory.units.get(id)
    if unit is None or not visitor.sees(id):
        raise Denied(404, "没有这个单位", f"单位名录里没有“{id}”。", "从单位列表里点进来")
    with known(portal, seen) as then:
        rows = queries.open_items(then, id, seen.today)
        sent = views.unit_submissions(then, id, limit=30)
        files = views.evidence_for(then, [row["id"] for row in sent])
        months = _months(portal, then, id, seen)
    told = views.INBOX_STATES if visitor.unit else ()  # a unit reads what was decided on
    with portal.ledger.read() as conn:
        letters = [] if seen.day else views.outbox(conn, states=told, unit=id, limit=20)
    story, following = past(portal, visitor, Of(unit=id), seen, before)
    return page(
        request,
        visitor,
        "unit_detail.html",
        **seen_values(seen, scope, id=id),
        unit=unit,
        posts=reachable(office, id, seen.today),
        items=plain_items(office, rows, seen.now),
        months=months,
        sent=sent,
        files=files,
        letters=letters,
        story=story,
        following=following,
        first_page=not before,
    )


def _months(
    portal: Portal, conn: views.Reader, unit: str, seen: Seen
) -> list[tuple[board.Month, board.LampCell]]:
    """A unit's recorded months, oldest first."""
    plan = portal.office.matrix.plan
    recorded = boardviews.recorded_months(conn)
    columns = board.months(plan.starts_on, plan.ends_on, recorded, seen.today)
    rows = [row for row in boardviews.month_lamps(conn, "", "9999") if row["unit"] == unit]
    units = [portal.office.units[unit]]
    for row in board.lamp_heat(rows, (), units, columns):
        pairs = zip(columns, row.cells, strict=True)
        return [(month, cell) for month, cell in pairs if isinstance(cell, board.LampCell) and cell]
    return []


# ---- the burden --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """The burden of a year, with its months."""

    year: str
    months: tuple[date, ...]
    found: burden.Burden


def asked(portal: Portal, seen: Seen, scope: Scope, years: Years) -> Asked:
    """Reports asked for in the year chosen (default: the one shown), up to the moment shown."""
    office = portal.office
    year, first, last = span(office, years, seen.today)
    first = first.replace(day=1)
    until = min(last, seen.today)
    months, month = [], first
    while month <= until:
        months.append(month)
        month = add_months(month, 1)
    with known(portal, seen) as conn:
        rows = boardviews.asked_between(conn, clock.at(first), clock.end_of(until))
    rows = [row for row in rows if scope.holds(row["unit"])]
    names = task_names(office)
    leads = {
        task.id: (task.lead[0], names[task.id][1]) for task in office.matrix.plan.tasks if task.lead
    }
    units = [unit for unit in in_order(office) if scope.holds(unit.id)]
    keys = [f"{each:%Y-%m}" for each in months]
    found = burden.burden(rows, units, keys, leads, office.settings.board)
    return Asked(year, tuple(months), found)


@router.get("/office/burden")
def burden_page(
    request: Request,
    visitor: Visitor,
    seen: Moment,
    scope: Scoped,
    years: Annotated[Years, Depends(Years)],
) -> Response:
    """Asks and estimated minutes by unit and month, what is above the limits, and who asks most."""
    portal = portal_of(request)
    plan = portal.office.matrix.plan
    told = asked(portal, seen, scope, years)
    return page(
        request,
        visitor,
        "burden.html",
        **seen_values(seen, scope, year=years.year),
        asked=told,
        found=told.found,
        limits=portal.office.settings.board,
        years=range(plan.starts_on.year, plan.ends_on.year + 1),
        shown=ASKERS_SHOWN,
    )
