"""The office's side: dashboard and ledger. The gate has asked who it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from duban import clock
from duban.accounts import ROLE_NAMES
from duban.ledger import events, ladder, queries, views
from duban.ledger.events import Event
from duban.ledger.queries import Row
from duban.matrix.model import POST_NAMES, Unit
from duban.portal import access, access_table, board
from duban.portal.access import Clerk, Denied
from duban.portal.gate import office_visitor
from duban.portal.items import Item, plain_items, unit_name
from duban.portal.pages import Form, form, render
from duban.portal.state import Portal, portal_of
from duban.portal.unit_pages import attachment
from duban.status import STATE_NAMES

router = APIRouter(include_in_schema=False)
PER_PAGE = 100
LAGGARDS_SHOWN = 12


Visitor = Annotated[Clerk, Depends(office_visitor)]
Posted = Annotated[Form, Depends(form)]


def page(request: Request, visitor: Clerk, name: str, status: int = 200, **values: Any) -> Response:
    """A page of the office with its navigation and what waits."""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        counts = views.waiting_counts(conn)
    known = {
        "clerk": visitor,
        "counts": counts,
        "form_token": access.form_token(portal.key, visitor.cookie),
        "unit_of": lambda unit: unit_name(portal.office, unit),
        "who": lambda actor: who(portal, actor),
        "post_names": POST_NAMES,
        "may": lambda path, method="GET": access_table.may(visitor.role, path, method),
        "role_name": ROLE_NAMES[visitor.role],
    }
    return render(request, name, status=status, **(known | values))


_ACTORS = {
    "duban:remind": "系统（提醒）",
    "duban:collect": "系统（报送）",
    "duban:escalate": "系统（督办）",
    "duban:digest": "系统（周报）",
    "duban:assess": "系统（考核）",
    "duban:publish": "系统（台账）",
    "deliver": "系统（发送）",
}


def who(portal: Portal, actor: str) -> str:
    """An actor as the office reads it: 龙湖镇联络员, a clerk's name, or the system."""
    unit, slash, post = actor.partition("/")
    if slash and post in POST_NAMES:
        return f"{unit_name(portal.office, unit)}{POST_NAMES[post]}"
    return _ACTORS.get(actor, actor)


# ---- dashboard ---------------------------------------------------------------------------------


@router.get("/office")
def dashboard(request: Request, visitor: Visitor, year: int | None = None) -> Response:
    """Tiles, the red list, the heat map, groups, the next two weeks."""
    portal = portal_of(request)
    office, now = portal.office, portal.now()
    today = clock.day_of(now)
    plan = office.matrix.plan
    years = range(plan.starts_on.year, plan.ends_on.year + 1)
    chosen = min(max(year or today.year, years[0]), years[-1])
    with portal.ledger.read() as conn:
        items = plain_items(office, views.open_rows(conn, today), now)
        due = views.came_due(conn, date(chosen, 1, 1), date(chosen, 12, 31))
        states, historic = views.totals(conn), views.historic(conn)
        steps = _steps(ladder.proposals(conn, states=("waiting", "confirmed", "softened", "taken")))
        digests, runs = queries.digests(conn, 1), queries.runs(conn, 1)
    heat = board.heat(due, in_order(portal), chosen, now)
    late = board.laggards(items)
    return page(
        request,
        visitor,
        "dashboard.html",
        years=years,
        chosen=chosen,
        heat=heat,
        shades=board.SHADE_WORDS,
        month=board.month_cell(heat, today.month) if chosen == today.year else None,
        lamps=board.lamp_counts(items),
        lamp_steps=[step.lamp for step in office.lamps.steps],
        groups=board.groups(items, office.units),
        late=late[:LAGGARDS_SHOWN],
        late_count=len(late),
        late_units=board.by_unit(late),
        states=states,
        historic=historic,
        out=states.get("cancelled", 0) + states.get("merged", 0),
        total=sum(count for state, count in states.items() if state not in {"cancelled", "merged"}),
        steps=steps,
        days=board.next_days(items, today, _workdays(portal, today)),
        digest=digests[0] if digests else None,
        run=runs[0] if runs else None,
        never=not states and not historic,
    )


def in_order(portal: Portal) -> list[Unit]:
    """Units in the order of their groups, as the directory has them."""
    units = list(portal.office.matrix.directory.units.values())
    order = {group: n for n, group in enumerate(dict.fromkeys(unit.group for unit in units))}
    return sorted(units, key=lambda unit: order[unit.group])


def _workdays(portal: Portal, today: date) -> Mapping[date, bool]:
    days = [today + timedelta(days=n) for n in range(board.NEXT_DAYS + 1)]
    return {day: portal.office.calendar.is_workday(day) for day in days}


def _steps(rows: list[Row]) -> dict[str, Row]:
    """Obligation to its newest step; rows come newest first."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row["obligation"], row)
    return found


# ---- the ledger --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; empty means all."""

    unit: str = ""
    state: str = ""
    lamp: str = ""
    month: str = ""
    task: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        """As the parameters of an address."""
        return asdict(self)


Wanted = Annotated[Filter, Depends(Filter)]


@router.get("/office/items")
def items(
    request: Request,
    visitor: Visitor,
    wanted: Wanted,
    page_number: int = 1,
    format: str = "html",  # noqa: A002 - the address
) -> Response:
    """All obligations by unit, state, lamp, month and task; ``format=json`` for scripts."""
    portal = portal_of(request)
    if visitor.unit:
        wanted = replace(wanted, unit=visitor.unit)
    found = _wanted_items(portal, wanted)
    if format == "json":
        return JSONResponse({"count": len(found), "items": [_as_json(item) for item in found]})
    pages = max(1, -(-len(found) // PER_PAGE))
    number = min(max(page_number, 1), pages)
    return page(
        request,
        visitor,
        "items.html",
        items=found[(number - 1) * PER_PAGE : number * PER_PAGE],
        count=len(found),
        number=number,
        pages=pages,
        chosen=wanted.chosen,
        units=[unit for unit in in_order(portal) if visitor.sees(unit.id)],
        lamps=portal.office.lamps.all,
    )


def _wanted_items(portal: Portal, wanted: Filter) -> list[Item]:
    now = portal.now()
    today = clock.day_of(now)
    first, last = _month(wanted.month)
    with portal.ledger.read() as conn:
        rows = queries.obligations(
            conn,
            unit=wanted.unit or None,
            task=wanted.task or None,
            states=_states(wanted.state),
            due_from=first,
            due_until=last,
        )
    if wanted.state == "now":
        rows = [row for row in rows if row["opens_on"] is None or row["opens_on"] <= today]
    found = plain_items(portal.office, rows, now)
    return [
        item
        for item in found
        if (wanted.state != "overdue" or item.standing.overdue)
        and wanted.lamp in {"", item.standing.lamp.colour}
    ]


def _states(state: str) -> list[str] | None:
    """States of a filter: one of them, everything that owes now, or all but 启用前."""
    if state in {"now", "overdue", "open"}:
        return ["waiting", "active", "returned"]
    if state in STATE_NAMES:
        return [state]
    return [name for name in STATE_NAMES if name != "historic"]


def _month(text: str) -> tuple[date | None, date | None]:
    """First and last day of ``2026-11`` (or of a year, ``2026``); anything else is no bound."""
    year, _, month = text.partition("-")
    try:
        if not month:
            return (date(int(year), 1, 1), date(int(year), 12, 31)) if year else (None, None)
        first = date(int(year), int(month), 1)
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    except (ValueError, OverflowError):
        return None, None
    return first, following - timedelta(days=1)


def _as_json(item: Item) -> dict[str, object]:
    row = item.row
    return {
        "key": item.key,
        "task": row["task"],
        "title": row["title"],
        "label": row["label"],
        "unit": row["unit"],
        "unit_name": item.unit_name,
        "kind": row["kind"],
        "role": row["role"],
        "state": row["state"],
        "state_name": STATE_NAMES[row["state"]],
        "lamp": item.standing.lamp.colour,
        "lamp_name": item.standing.lamp.name,
        "words": item.standing.words,
        "overdue": item.standing.overdue,
        "days_overdue": item.standing.days_overdue,
        "due_on": row["due_on"] and row["due_on"].isoformat(),
        "due_at": row["due_at"] and row["due_at"].isoformat(),
        "original_due_on": row["original_due_on"] and row["original_due_on"].isoformat(),
        "provisional": bool(row["provisional"]),
        "percent": row["percent"],
    }


@router.get("/office/item")
def one_item(request: Request, visitor: Visitor, key: str) -> Response:
    """One obligation with its whole record: every event with both its times and its reason."""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = queries.one_obligation(conn, key)
        if row is None or not visitor.sees(row["unit"]):
            raise Denied(404, "没有这一项", f"台账里没有“{key}”。", "从台账列表里点进来")
        sent = queries.submissions(conn, key)
        return page(
            request,
            visitor,
            "item.html",
            item=plain_items(portal.office, [row], portal.now())[0],
            sent=sent,
            files=views.evidence_for(conn, [each["id"] for each in sent]),
            record=_told_events(visitor, events.read_events(conn, obligation=key)),
            notices=views.notices_of(conn, key),
            proposals=_told_steps(visitor, views.proposals_of(conn, key)),
            lamp_months=ladder.lamps_of(conn, key),
            indicators={each.id: each for each in portal.office.matrix.plan.indicators},
            areas={
                each.id: each.name
                for each in (
                    *portal.office.matrix.plan.areas,
                    *portal.office.matrix.plan.safeguards,
                )
            },
        )


_GONE_OUT = frozenset({"taken", "confirmed", "softened"})


def _told_steps(visitor: Clerk, steps: list[Row]) -> list[Row]:
    """A unit learns of a severe step when it goes out, not while a person still weighs it."""
    return [row for row in steps if not visitor.unit or row["state"] in _GONE_OUT]


def _told_events(visitor: Clerk, found: Iterable[Event]) -> list[Event]:
    return [each for each in found if not visitor.unit or not each.kind.startswith("proposal.")]


@router.get("/office/evidence")
def evidence_file(request: Request, visitor: Visitor, id: str) -> Response:  # noqa: A002 - the address
    """A file of evidence, as an attachment."""
    with portal_of(request).ledger.read() as conn:
        row = views.one_evidence(conn, id)
    if row is None or not visitor.sees(row["unit"]):
        raise Denied(404, "没有这份附件", "台账里没有它的记录。", "从报送记录里点进来")
    return attachment(portal_of(request), row)
