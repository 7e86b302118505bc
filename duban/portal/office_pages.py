"""The office's side: what its pages share, the dashboard, and what lies behind a cell of its heat map."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from duban.accounts import ROLE_NAMES
from duban.lamps import COLOURS
from duban.ledger import boardviews, views
from duban.matrix.model import POST_NAMES, Unit
from duban.portal import access, access_table, board, board_read, timeline
from duban.portal.access import Clerk, Denied
from duban.portal.board_read import Wanted, running_items, span
from duban.portal.gate import office_visitor
from duban.portal.items import plain_items, unit_name
from duban.portal.pages import Form, form, render
from duban.portal.seen import Moment, Scope, Scoped, Seen, known
from duban.portal.shown import query
from duban.portal.state import Portal, portal_of
from duban.workdays import add_months

router = APIRouter(include_in_schema=False)
LAGGARDS_SHOWN = 12
BARS_SHOWN = 30


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


def seen_values(seen: Seen, scope: Scope, **carried: str) -> dict[str, Any]:
    """What a page shows of its moment and its scope. ``carried``: parameters that its links keep."""

    def link(path: str, **values: object) -> str:
        return query(path, **({"as_of": seen.text, "scope": scope.chosen} | values))

    # ``now`` and ``today`` of the page are those of the moment shown: words and days follow it.
    return {
        "seen": seen,
        "scope": scope,
        "now": seen.now,
        "today": seen.today,
        "link": link,
        "carried": {name: value for name, value in carried.items() if value},
    }


# ---- dashboard ---------------------------------------------------------------------------------


@router.get("/office")
def dashboard(
    request: Request, visitor: Visitor, seen: Moment, scope: Scoped, show: Wanted
) -> Response:
    """Tiles, the red list, the heat map, what falls due, groups – as known at the moment asked for."""
    portal = portal_of(request)
    office, today = portal.office, seen.today
    found = board_read.gather(portal, seen, scope, show)
    year, _, _ = span(office, show, today)
    axis = timeline.Axis(office.matrix.plan.starts_on, office.matrix.plan.ends_on)
    bars = timeline.bars(found.spans, found.items, board_read.task_names(office), axis, today)
    digest, run = (None, None) if seen.day else board_read.papers(portal)
    return page(
        request,
        visitor,
        "dashboard.html",
        **seen_values(seen, scope, year=show.year, view=show.view),
        show=show,
        years=range(office.matrix.plan.starts_on.year, office.matrix.plan.ends_on.year + 1),
        chosen=year,
        found=found,
        shades=board.SHADE_WORDS,
        colours=_colours(found),
        lamps=board.lamp_counts(found.items),
        lamp_steps=list(dict.fromkeys(step.lamp for step in office.lamps.steps)),
        groups=board.groups(found.items, office.units),
        late=found.late[:LAGGARDS_SHOWN],
        late_units=board.by_unit(found.late),
        out=sum(found.states.get(each, 0) for each in _OUT),
        total=sum(count for state, count in found.states.items() if state not in _OUT),
        days=timeline.next_days(found.items, today, _workdays(portal, today)),
        bars=bars[:BARS_SHOWN],
        more_bars=max(len(bars) - BARS_SHOWN, 0),
        axis=axis,
        digest=digest,
        run=run,
        never=not found.states and not found.historic,
    )


_OUT = ("cancelled", "merged")


def _colours(found: board_read.Gathered) -> dict[str, str]:
    """Colour to the names it has in the cells shown, for the legend."""
    names: dict[str, list[str]] = {}
    for row in found.heat:
        for cell in row.cells:
            if isinstance(cell, board.LampCell):
                for colour, name in cell.names.items():
                    names.setdefault(colour, []).append(name)
    return {
        colour: "、".join(dict.fromkeys("、".join(names[colour]).split("、")))
        for colour in COLOURS
        if colour in names
    }


def in_order(portal: Portal) -> list[Unit]:
    """Units in the order of their groups, as the directory has them."""
    return board_read.in_order(portal.office)


def _workdays(portal: Portal, today: date) -> Mapping[date, bool]:
    days = [today + timedelta(days=n) for n in range(timeline.NEXT_DAYS + 1)]
    return {day: portal.office.calendar.is_workday(day) for day in days}


# ---- behind a cell -----------------------------------------------------------------------------


@router.get("/office/cell/{unit}/{month}")
def cell(
    request: Request, visitor: Visitor, unit: str, month: str, *, seen: Moment, scope: Scoped
) -> Response:
    """What a cell of the heat map is made of: its items, their reports, their evidence."""
    portal = portal_of(request)
    office = portal.office
    first = _month_of(month)
    known_unit = office.units.get(unit)
    if first is None or known_unit is None or not visitor.sees(unit):
        raise Denied(404, "没有这一格", "单位或月份不对。", "从看板的热力表里点进来")
    last = add_months(first, 1) - timedelta(days=1)
    with known(portal, seen) as conn:
        recorded = boardviews.cell_lamps(conn, unit, f"{first:%Y-%m}")
        recorded_at = boardviews.lamps_recorded_at(conn, f"{first:%Y-%m}")
        due = boardviews.cell_due(conn, unit, first, last)
        lamps = plain_items(office, recorded, seen.now)
        if not recorded and (first.year, first.month) == (seen.today.year, seen.today.month):
            mine = running_items(office, conn, seen)
            lamps = [item for item in mine if item.row["unit"] == unit]
        items = plain_items(office, due, seen.now)
        keys = list(dict.fromkeys(each.key for each in (*lamps, *items)))
        sent = boardviews.submissions_of(conn, keys)
        files = views.evidence_for(conn, [row["id"] for own in sent.values() for row in own])
    return page(
        request,
        visitor,
        "cell.html",
        **seen_values(seen, scope),
        unit=known_unit,
        first=first,
        recorded=bool(recorded),
        recorded_at=recorded_at,
        lamps=lamps,
        items=items,
        in_time={item.key: board.in_time(item.row, seen.now) for item in items},
        sent=sent,
        files=files,
        indicators={each.id: each for each in office.matrix.plan.indicators},
        former=office.lamps.version,
    )


def _month_of(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
