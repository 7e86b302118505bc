"""What waits for the office: submissions to review and severe steps to decide, each in a name."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duban.errors import NOWHERE, InputError, Issue, Issues
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
"""So many steps or submissions stand on one page; the rest follows when these are done."""

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
        waiting = queries.to_review(conn)
        rows = waiting[:PER_PAGE]
        files = views.evidence_for(conn, [row["id"] for row in rows])
        earlier = views.before(conn, rows)
    accepted, returned = _counts(said)
    return page(
        request,
        visitor,
        "review.html",
        409 if issues else 200,
        rows=rows,
        waiting=len(waiting),
        files=files,
        earlier=earlier,
        tasks=portal.office.matrix.tasks_by_id,
        indicators={each.id: each for each in portal.office.matrix.plan.indicators},
        accepted=accepted,
        returned=returned,
        resubmit=portal.office.reminders.resubmit_days,
        issues=issues,
    )


def _counts(said: str) -> tuple[int, int]:
    """How many were accepted and returned, as an address says it: ``2-0``."""
    found = re.fullmatch(r"([0-9]{1,4})-([0-9]{1,4})", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


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
    said = f"{done}-0" if accept else f"0-{done}"
    if issues.errors:
        return _review_page(request, visitor, said=said, issues=tuple(issues.errors))
    return see_other(f"/office/review?said={said}")


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
