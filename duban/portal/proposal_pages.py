"""Severe steps that wait for a decision in a name: confirm, soften, hand over or drop."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duban.errors import InputError, Issue
from duban.escalation import Ladders
from duban.ladders import Step
from duban.ledger import decisions, ladder, queries, transitions, views
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.portal.access import Clerk
from duban.portal.items import plain_items
from duban.portal.office_pages import Posted, Visitor, page
from duban.portal.pages import Form, check_form, see_other
from duban.portal.state import Portal, portal_of
from duban.stages import decide

router = APIRouter(include_in_schema=False)
REASON_CHARS = 500
NAME_CHARS = 60
PER_PAGE = 30
"""So many steps stand on one page; the rest follows when these are done."""


@router.get("/office/proposals")
def proposals(request: Request, visitor: Visitor) -> Response:
    """Severe steps that wait for a named person, with the facts and what the unit has said."""
    return _proposals_page(request, visitor)


def _proposals_page(request: Request, visitor: Clerk, issues: tuple[Issue, ...] = ()) -> Response:
    portal = portal_of(request)
    now = portal.now()
    with portal.ledger.read() as conn:
        undecided = ladder.proposals(conn, states=["waiting"])
        waiting = [row for row in undecided if row["is_open"]]
        settled = [row for row in undecided if not row["is_open"]]
        decided = ladder.proposals(conn, states=["confirmed", "softened", "dropped", "withdrawn"])[
            :50
        ]
        frozen = Ladders(portal.office.escalation, ladder.policies(conn))
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
        settled=settled[:PER_PAGE],
        shown=PER_PAGE,
        decided=decided,
        items=items,
        said=said,
        problems=problems,
        milder={row["id"]: _milder(frozen, row) for row in waiting},
        issues=issues,
    )


def _milder(frozen: Ladders, row: Row) -> tuple[Step, ...]:
    """What a step may be softened to, by the ladder that was frozen with it."""
    policy = frozen.policy(row["policy"])
    rungs = policy.ladder(row["ladder"]) if policy else None
    return rungs.milder(row["step"]) if rungs else ()


def _said_count(notices: list[Row]) -> int:
    """How many messages told the unit of this item."""
    return len({row["message"] for row in notices if row["message"]})


@router.post("/office/proposals")
def decide_proposal(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Confirm, soften or hand over one step, or drop one or several; all of them or none."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    chosen = given.texts("proposal")[: None if given.text("act") == "drop" else 1]
    try:
        with portal.ledger.write(visitor.actor) as writing:
            for proposal in chosen or [""]:
                _act(portal, writing, proposal, given, visitor.actor)
    except InputError as wrong:
        return _proposals_page(request, visitor, tuple(wrong.issues))
    return see_other("/office/proposals")


def _act(portal: Portal, writing: Writing, proposal: str, given: Form, actor: str) -> None:
    act, reason = given.text("act"), given.text("reason").strip()[:REASON_CHARS]
    if act == "soften":
        step = given.text("softer")
        decide.soften(portal.office, writing, proposal, to=step, actor=actor, reason=reason)
    elif act == "handover":
        name = given.line("to", NAME_CHARS)
        decisions.hand_over(writing, proposal, to=name, actor=actor, reason=reason)
    else:
        confirm = act == "confirm"
        transitions.decide_proposal(writing, proposal, confirm=confirm, actor=actor, reason=reason)
