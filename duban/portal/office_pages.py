"""The office's side: dashboard, ledger, review, decisions, units, messages. All behind the key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from duban import clock
from duban.errors import NOWHERE, InputError, Issue, Issues
from duban.ledger import events, queries, transitions, views
from duban.ledger.queries import Row
from duban.matrix.model import POST_NAMES, Unit
from duban.portal import access, board
from duban.portal.access import Clerk, Denied
from duban.portal.items import Item, plain_items, reachable, unit_name
from duban.portal.pages import Form, check_form, form, render, see_other
from duban.portal.shown import STATE_NAMES, query
from duban.portal.state import Portal, portal_of
from duban.portal.unit_pages import attachment

router = APIRouter(include_in_schema=False)
PER_PAGE = 100
REASON_CHARS = 500
LAGGARDS_SHOWN = 12


def visitor_of(request: Request) -> Clerk:
    """Dependency: the clerk behind the request."""
    portal = portal_of(request)
    return access.need_clerk(portal.key, portal.office_key, request.cookies, portal.now())


Visitor = Annotated[Clerk, Depends(visitor_of)]
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


# ---- sign in -----------------------------------------------------------------------------------


@router.get("/office/login")
def ask_login(request: Request, key: str = "") -> Response:
    """The form behind the office's link. Opening it signs nobody in: previews fetch links too."""
    return render(request, "login.html", key=key, name="")


@router.post("/office/login")
def login(request: Request, given: Posted) -> Response:
    """Sign in with the key and the clerk's name, which signs reviews and decisions."""
    portal = portal_of(request)
    name = given.line("name", access.NAME_CHARS)
    if not access.is_office_key(portal.office_key, given.text("key").strip()):
        raise Denied(
            403, "钥匙不对", "这不是办公室现在的钥匙。", "用启动时给出的链接，或看 var/office.key"
        )
    if not name:
        issues = Issues()
        issues.error("no-name", NOWHERE, "请填写经办人姓名。", "审核和督办意见都以它署名。")
        return render(
            request, "login.html", status=422, key=given.text("key"), name="", issues=issues
        )
    response = see_other("/office")
    response.set_cookie(
        access.OFFICE_COOKIE,
        access.office_cookie(portal.key, portal.office_key, name, portal.now()),
        max_age=access.OFFICE_DAYS * 86_400,
        httponly=True,
        samesite="lax",
        secure=portal.office.settings.public_url.startswith("https://"),
    )
    return response


@router.post("/office/logout")
def logout(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Sign out of this browser."""
    check_form(portal_of(request), visitor, given)
    response = see_other("/")
    response.delete_cookie(access.OFFICE_COOKIE)
    return response


# ---- dashboard ---------------------------------------------------------------------------------


@router.get("/office")
def dashboard(request: Request, visitor: Visitor, year: int | None = None) -> Response:
    """Tiles, the red list, the heat map, groups, the next two weeks."""
    portal = portal_of(request)
    office, now = portal.office, portal.now()
    today = clock.day_of(now)
    plan = office.matrix.plan
    years = range(plan.starts_on.year, plan.ends_on.year + 1)
    chosen = year if year in years else min(max(today.year, years[0]), years[-1])
    with portal.ledger.read() as conn:
        items = plain_items(office, views.open_rows(conn, today), now)
        due = views.came_due(conn, date(chosen, 1, 1), date(chosen, 12, 31))
        states = views.totals(conn)
        steps = _steps(queries.proposals(conn, states=("waiting", "confirmed", "taken")))
        digests, runs = queries.digests(conn, 1), queries.runs(conn, 1)
    heat = board.heat(due, _units(portal), chosen, now)
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
        total=sum(count for state, count in states.items() if state not in {"cancelled", "merged"}),
        steps=steps,
        days=board.next_days(items, today, _workdays(portal, today)),
        digest=digests[0] if digests else None,
        run=runs[0] if runs else None,
        never=not states,
    )


def _units(portal: Portal) -> list[Unit]:
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
        units=_units(portal),
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
    except ValueError:
        return None, None
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
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
        if row is None:
            raise Denied(404, "没有这一项", f"台账里没有“{key}”。", "从台账列表里点进来")
        sent = queries.submissions(conn, key)
        return page(
            request,
            visitor,
            "item.html",
            item=plain_items(portal.office, [row], portal.now())[0],
            sent=sent,
            files=views.evidence_for(conn, [each["id"] for each in sent]),
            record=list(events.read_events(conn, obligation=key)),
            notices=views.notices_of(conn, key),
            proposals=views.proposals_of(conn, key),
            indicators={each.id: each for each in portal.office.matrix.plan.indicators},
            areas={
                each.id: each.name
                for each in (
                    *portal.office.matrix.plan.areas,
                    *portal.office.matrix.plan.safeguards,
                )
            },
        )


@router.get("/office/evidence")
def evidence_file(request: Request, visitor: Visitor, id: str) -> Response:  # noqa: A002 - the address
    """A file of evidence, as an attachment."""
    with portal_of(request).ledger.read() as conn:
        row = views.one_evidence(conn, id)
    if row is None:
        raise Denied(404, "没有这份附件", "台账里没有它的记录。", "从报送记录里点进来")
    return attachment(portal_of(request), row)


# ---- review ------------------------------------------------------------------------------------


@router.get("/office/review")
def review(request: Request, visitor: Visitor, said: str = "") -> Response:
    """Submissions that wait, oldest first, each beside what was said before."""
    return _review_page(request, visitor, said=said)


def _review_page(
    request: Request, visitor: Clerk, *, said: str = "", issues: tuple[Issue, ...] = ()
) -> Response:
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        rows = queries.to_review(conn)
        files = views.evidence_for(conn, [row["id"] for row in rows])
        earlier = views.before(conn, rows)
    accepted, _, returned = said.partition("-")
    return page(
        request,
        visitor,
        "review.html",
        409 if issues else 200,
        rows=rows,
        files=files,
        earlier=earlier,
        tasks=portal.office.matrix.tasks_by_id,
        indicators={each.id: each for each in portal.office.matrix.plan.indicators},
        accepted=int(accepted) if accepted.isdigit() else 0,
        returned=int(returned) if returned.isdigit() else 0,
        resubmit=portal.office.reminders.resubmit_days,
        issues=issues,
    )


@router.post("/office/review")
def take_review(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Accept or return one submission or all that were picked; each is its own act in the record."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    accept, chosen, reasons = _verdict(given)
    done, issues = 0, Issues()
    if not chosen:
        issues.error("none", NOWHERE, "没有选中任何一件。", "先勾选，再点通过或退回。")
    for submission in chosen:
        try:
            _decide(portal, visitor, submission, reasons.get(submission, ""), accept=accept)
        except InputError as wrong:
            issues.extend(wrong.issues)
        else:
            done += 1
    if issues.errors:
        return _review_page(request, visitor, issues=tuple(issues.errors))
    return see_other(f"/office/review?said={done}-0" if accept else f"/office/review?said=0-{done}")


def _verdict(given: Form) -> tuple[bool, list[str], dict[str, str]]:
    """Accept or return, which submissions, and the reason of each."""
    one = given.text("accept_one") or given.text("return_one")
    if one:
        reason = given.text(f"reason.{one}") or given.text("reason")
        return bool(given.text("accept_one")), [one], {one: reason[:REASON_CHARS]}
    chosen = given.texts("pick")
    shared = given.text("reason")[:REASON_CHARS]
    own = {each: (given.text(f"reason.{each}") or shared)[:REASON_CHARS] for each in chosen}
    return given.text("act") == "accept", chosen, own


def _decide(portal: Portal, visitor: Clerk, submission: str, reason: str, *, accept: bool) -> None:
    office = portal.office
    with portal.ledger.write(visitor.actor) as writing:
        if accept:
            transitions.accept(writing, submission, actor=visitor.actor, reason=reason.strip())
            return
        transitions.send_back(
            writing,
            submission,
            actor=visitor.actor,
            reason=reason.strip(),
            calendar=office.calendar,
            days=office.reminders.resubmit_days,
        )


# ---- severe steps ------------------------------------------------------------------------------


@router.get("/office/proposals")
def proposals(request: Request, visitor: Visitor) -> Response:
    """Severe steps that wait for a named person, with the facts and what the unit has said."""
    return _proposals_page(request, visitor)


def _proposals_page(request: Request, visitor: Clerk, issues: tuple[Issue, ...] = ()) -> Response:
    portal = portal_of(request)
    now = portal.now()
    with portal.ledger.read() as conn:
        waiting = queries.proposals(conn, states=["waiting"])
        decided = queries.proposals(conn, states=["confirmed", "dropped"])[:50]
        keys = [row["obligation"] for row in waiting]
        rows = [queries.one_obligation(conn, key) for key in keys]
        said = {key: _said_count(views.notices_of(conn, key)) for key in keys}
        problems = views.stated_problems(conn, keys)
    items = {item.key: item for item in plain_items(portal.office, [r for r in rows if r], now)}
    return page(
        request,
        visitor,
        "proposals.html",
        422 if issues else 200,
        waiting=waiting,
        decided=decided,
        items=items,
        said=said,
        problems=problems,
        issues=issues,
    )


def _said_count(notices: list[Row]) -> int:
    """How many messages told the unit of this item."""
    return len({row["message"] for row in notices if row["message"]})


@router.post("/office/proposals")
def decide_proposal(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Confirm or drop a step, in the clerk's name."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    try:
        with portal.ledger.write(visitor.actor) as writing:
            transitions.decide_proposal(
                writing,
                given.text("proposal"),
                confirm=given.text("act") == "confirm",
                actor=visitor.actor,
                reason=given.text("reason").strip()[:REASON_CHARS],
            )
    except InputError as wrong:
        return _proposals_page(request, visitor, tuple(wrong.issues))
    return see_other("/office/proposals")


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
            for unit in _units(portal)
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
def messages(request: Request, visitor: Visitor, state: str = "", unit: str = "") -> Response:
    """The outbox with its states; texts are shown without anyone's personal link."""
    portal = portal_of(request)
    trouble = ("failed", "unknown")
    with portal.ledger.read() as conn:
        chosen = trouble if state == "trouble" else (state,) if state else ()
        letters = views.outbox(conn, states=chosen, unit=unit)
        totals = views.message_states(conn)
    return page(
        request,
        visitor,
        "messages.html",
        letters=letters,
        totals=totals,
        chosen={"state": state, "unit": unit},
        units=_units(portal),
        self_address=query("/office/messages", unit=unit),
    )
