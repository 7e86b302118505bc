"""The office's ledger: the list of obligations, one obligation, one task, a file of evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from duban.ledger import boardviews, ladder, queries, views
from duban.ledger.boardviews import Of
from duban.ledger.events import Event
from duban.ledger.queries import Row
from duban.portal import history
from duban.portal.access import Clerk, Denied
from duban.portal.items import Item, plain_items, unit_name
from duban.portal.office_pages import Visitor, in_order, page, seen_values, who
from duban.portal.seen import Moment, Scope, Scoped, Seen, known
from duban.portal.state import Portal, portal_of
from duban.portal.unit_pages import attachment
from duban.status import STATE_NAMES
from duban.workdays import add_months

router = APIRouter(include_in_schema=False)
PER_PAGE = 100
EVENTS_PER_PAGE = 100


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
    *,
    wanted: Wanted,
    seen: Moment,
    scope: Scoped,
    page_number: int = 1,
    format: str = "html",  # noqa: A002 - the address
) -> Response:
    """All obligations by unit, state, lamp, month and task; ``format=json`` for scripts."""
    portal = portal_of(request)
    wanted = narrowed(wanted, visitor)
    found = wanted_items(portal, wanted, seen, scope)
    if format == "json":
        return JSONResponse({"count": len(found), "items": [_as_json(item) for item in found]})
    pages = max(1, -(-len(found) // PER_PAGE))
    number = min(max(page_number, 1), pages)
    return page(
        request,
        visitor,
        "items.html",
        **seen_values(seen, scope, **wanted.chosen),
        items=found[(number - 1) * PER_PAGE : number * PER_PAGE],
        count=len(found),
        number=number,
        pages=pages,
        chosen=wanted.chosen,
        units=[unit for unit in in_order(portal) if scope.holds(unit.id)],
        lamps=list({lamp.colour: lamp for lamp in portal.office.lamps.all}.values()),
    )


def narrowed(wanted: Filter, visitor: Clerk) -> Filter:
    """A head's list holds the own unit, whatever is asked for."""
    return replace(wanted, unit=visitor.unit) if visitor.unit else wanted


def wanted_items(portal: Portal, wanted: Filter, seen: Seen, scope: Scope) -> list[Item]:
    """Obligations of a filter as known at the moment shown, oldest due first."""
    first, last = _month(wanted.month)
    with known(portal, seen) as conn:
        rows = queries.obligations(
            conn,
            unit=wanted.unit or None,
            task=wanted.task or None,
            states=_states(wanted.state),
            due_from=first,
            due_until=last,
        )
    rows = [row for row in rows if scope.holds(row["unit"])]
    if wanted.state == "now":
        rows = [row for row in rows if row["opens_on"] is None or row["opens_on"] <= seen.today]
    return [
        item
        for item in plain_items(portal.office, rows, seen.now)
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
        return first, add_months(first, 1) - timedelta(days=1)
    except (ValueError, OverflowError):
        return None, None


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


# ---- one obligation ----------------------------------------------------------------------------


@router.get("/office/item")
def one_item(request: Request, visitor: Visitor, key: str, seen: Moment, scope: Scoped) -> Response:
    """One obligation with its whole history, its reports, its evidence, and every event behind them."""
    portal = portal_of(request)
    with known(portal, seen) as then:
        row = queries.one_obligation(then, key)
        if row is None or not visitor.sees(row["unit"]):
            raise Denied(404, "没有这一项", f"台账里没有“{key}”。", "从台账列表里点进来")
        sent = queries.submissions(then, key)
        files = views.evidence_for(then, [each["id"] for each in sent])
        proposals = _told_steps(visitor, views.proposals_of(then, key))
        lamp_months = ladder.lamps_of(then, key)
    with portal.ledger.read() as conn:
        record = told_events(visitor, boardviews.history(conn, Of(obligation=key), seen.now))
        notices = boardviews.notices_by(conn, key, seen.now)
    return page(
        request,
        visitor,
        "item.html",
        **seen_values(seen, scope, key=key),
        item=plain_items(portal.office, [row], seen.now)[0],
        sent=sent,
        files=files,
        story=history.story(record, lambda actor: who(portal, actor))[::-1],
        record=record[::-1],
        notices=notices,
        proposals=proposals,
        lamp_months=lamp_months,
        indicators={each.id: each for each in portal.office.matrix.plan.indicators},
        areas=areas(portal),
    )


def areas(portal: Portal) -> dict[str, str]:
    """Areas and safeguards of the plan by id."""
    plan = portal.office.matrix.plan
    return {each.id: each.name for each in (*plan.areas, *plan.safeguards)}


_GONE_OUT = frozenset({"taken", "confirmed", "softened"})


def _told_steps(visitor: Clerk, steps: list[Row]) -> list[Row]:
    """A unit learns of a severe step when it goes out, not while a person still weighs it."""
    return [row for row in steps if not visitor.unit or row["state"] in _GONE_OUT]


def told_events(visitor: Clerk, found: Iterable[Event]) -> list[Event]:
    """Events that a visitor may read: a unit does not see what is weighed about it."""
    return [each for each in found if not visitor.unit or not each.kind.startswith("proposal.")]


def past(
    portal: Portal, visitor: Clerk, of: Of, seen: Seen, before: int
) -> tuple[list[history.Told], int]:
    """A page of the history of a task or unit, newest first, and where the next one begins (0: nowhere)."""
    with portal.ledger.read() as conn:
        found = boardviews.history(
            conn,
            of,
            seen.now,
            without=history.LEFT_OUT,
            before=before,
            limit=EVENTS_PER_PAGE + 1,
        )
        keys = sorted({each.obligation for each in found if each.obligation})
        titles = boardviews.titles(conn, keys)
    shown = found[:EVENTS_PER_PAGE]

    def about(key: str | None) -> str:
        title, label, unit = titles.get(key or "", ("", "", ""))
        named = unit_name(portal.office, unit) if of.task and unit else title
        return f"{named} {label}".strip()

    told = history.story(told_events(visitor, shown), lambda actor: who(portal, actor), about)
    return told, shown[-1].seq if len(found) > EVENTS_PER_PAGE else 0


# ---- one task ----------------------------------------------------------------------------------


@router.get("/office/task")
def one_task(
    request: Request,
    visitor: Visitor,
    *,
    id: str,  # noqa: A002 - the address
    seen: Moment,
    scope: Scoped,
    before: int = 0,
) -> Response:
    """One task: what it says, every unit's items by period, and its whole history in sentences."""
    portal = portal_of(request)
    office = portal.office
    task = office.matrix.tasks_by_id.get(id)
    with known(portal, seen) as then:
        rows = [row for row in queries.obligations(then, task=id) if visitor.sees(row["unit"])]
    if not rows and (task is None or visitor.unit):
        raise Denied(404, "没有这项任务", f"台账里没有任务“{id[:40]}”。", "从看板或台账里点进来")
    of = Of(task=id)
    told, following = ([], 0) if visitor.unit else past(portal, visitor, of, seen, before)
    return page(
        request,
        visitor,
        "task.html",
        **seen_values(seen, scope, id=id),
        task=task,
        task_id=id,
        title=task.title if task else rows[0]["title"],
        units=_by_unit(plain_items(office, rows, seen.now)),
        story=told,
        following=following,
        first_page=not before,
        areas=areas(portal),
    )


def _by_unit(found: Iterable[Item]) -> list[tuple[str, str, list[Item]]]:
    rows: dict[str, list[Item]] = {}
    for item in found:
        rows.setdefault(item.row["unit"], []).append(item)
    return [(unit, own[0].unit_name, own) for unit, own in rows.items()]


# ---- evidence ----------------------------------------------------------------------------------


@router.get("/office/evidence")
def evidence_file(request: Request, visitor: Visitor, id: str) -> Response:  # noqa: A002 - the address
    """A file of evidence, as an attachment."""
    with portal_of(request).ledger.read() as conn:
        row = views.one_evidence(conn, id)
    if row is None or not visitor.sees(row["unit"]):
        raise Denied(404, "没有这份附件", "台账里没有它的记录。", "从报送记录里点进来")
    return attachment(portal_of(request), row)
