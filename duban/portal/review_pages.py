"""The review desk: reports that wait, each beside the one before, decided in a person's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from duban.errors import NOWHERE, InputError, Issue, Issues
from duban.intake import flags
from duban.intake.submission import clean, read_day
from duban.ledger import queries, requests, review_acts, reviews, transitions
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.portal import access_table
from duban.portal.access import Clerk, Denied
from duban.portal.items import plain_items
from duban.portal.office_pages import Posted, Visitor, page
from duban.portal.pages import Form, check_form, see_other
from duban.portal.review_desk import ORDERS, PER_PAGE, Wanted, desk, rest_due
from duban.portal.shown import query
from duban.portal.state import Portal, portal_of

router = APIRouter(include_in_schema=False)
REASON_CHARS = 500
OWED_CHARS = 200
_ONE = {"accept_one": "accept", "return_one": "return", "part_one": "part"}
_ACTS = frozenset(_ONE.values())

Narrowed = Annotated[Wanted, Depends(Wanted)]


# ---- the desk ----------------------------------------------------------------------------------


@router.get("/office/review")
def review(
    request: Request,
    visitor: Visitor,
    wanted: Narrowed,
    *,
    at: str = "",
    said: str = "",
    page_number: int = 1,
) -> Response:
    """Reports that wait, oldest first, and the one that is looked at beside what was said before."""
    return _desk_page(request, visitor, wanted, at=at, said=said, number=page_number)


def _desk_page(
    request: Request,
    visitor: Clerk,
    wanted: Wanted,
    *,
    at: str = "",
    said: str = "",
    number: int = 1,
    issues: tuple[Issue, ...] = (),
    given: Form | None = None,
) -> Response:
    portal = portal_of(request)
    office, now = portal.office, portal.now()
    with portal.ledger.read() as conn:
        found = desk(office, conn, wanted, now, at=at, number=number)
        asked = len(requests.waiting(conn))
    accepted, returned, parts = _counts(said)
    return page(
        request,
        visitor,
        "review.html",
        409 if issues else 200,
        desk=found,
        at=at,
        asked=asked,
        narrowed=wanted.chosen,
        lamps=office.lamps.all,
        flag_names=flags.NAMES,
        orders=ORDERS,
        indicators={each.id: each for each in office.matrix.plan.indicators},
        accepted=accepted,
        returned=returned,
        parts=parts,
        resubmit=office.reminders.resubmit_days,
        reasons=office.settings.return_reasons,
        rest_due=rest_due(office, now),
        may_review=access_table.may(visitor.role, "/office/review", "POST"),
        issues=issues,
        values=given.fields if given else {},
        picked=given.texts("pick") if given else (),
    )


def _counts(said: str) -> tuple[int, int, int]:
    """How many were accepted, returned and accepted in part, as an address says it: ``2-0-0``."""
    found = re.fullmatch(r"([0-9]{1,4})-([0-9]{1,4})-([0-9]{1,4})", said)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


# ---- deciding ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided of which reports. ``reasons``: by report; ``owed`` and ``due_on``: of a part."""

    act: str
    chosen: tuple[str, ...]
    reasons: Mapping[str, str] = field(default_factory=dict)
    owed: str = ""
    due_on: date | None = None


@router.post("/office/review")
def take_review(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Decide on one report or on all that were picked; each is its own act in the record."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    wanted = Wanted(**{name: given.line(f"w_{name}", 80) for name in Wanted.__slots__})
    at, following = given.text("at"), given.text("next")
    verdict = _verdict(given)
    done, issues = _decide_all(portal, visitor, verdict)
    said = "-".join(str(done if verdict.act == act else 0) for act in ("accept", "return", "part"))
    if issues.errors:
        return _desk_page(
            request,
            visitor,
            wanted,
            at=at,
            said=said,
            issues=tuple(issues.errors),
            given=given,
        )
    return see_other(query("/office/review", **wanted.chosen, at=following, said=said))


def _verdict(given: Form) -> Verdict:
    """What the form says: one report by its own button, or those that were picked."""
    button = next((name for name in _ONE if given.text(name)), "")
    if button:
        chosen, act = [given.text(button)], _ONE[button]
    else:
        chosen, act = given.texts("pick"), given.text("act")
    template = clean(given.text("template"))
    shared = "；".join(filter(None, (template, clean(given.text("reason")))))[:REASON_CHARS]
    own = {each: clean(given.text(f"reason.{each}"))[:REASON_CHARS] or shared for each in chosen}
    owed = clean(given.text("owed"))[:OWED_CHARS]
    return Verdict(act, tuple(chosen), own, owed, read_day(given.text("owed_due")))


def _decide_all(portal: Portal, visitor: Clerk, verdict: Verdict) -> tuple[int, Issues]:
    """How many were decided, and what could not be; one that fails does not stop the others."""
    done, issues = 0, Issues()
    if not verdict.chosen:
        issues.error("none", NOWHERE, "没有选中任何一件。", "先勾选，再点通过或退回。")
    elif verdict.act not in _ACTS:
        issues.error("no-act", NOWHERE, "没有说明是通过还是退回。", "用页面上的按钮。")
    else:
        for submission in verdict.chosen:
            try:
                _decide(portal, visitor, submission, verdict)
            except InputError as wrong:
                issues.extend(wrong.issues)
            else:
                done += 1
    return done, issues


def _decide(portal: Portal, visitor: Clerk, submission: str, verdict: Verdict) -> None:
    reason = verdict.reasons[submission]
    with portal.ledger.write(visitor.actor) as writing:
        found = queries.one_submission(writing.conn, submission)
        said = review_acts.part_words(verdict.owed, reason) if verdict.act == "part" else reason
        if found is not None and _decided_so(found, verdict.act, said, visitor.actor):
            return  # the same form, sent twice
        if verdict.act == "accept":
            transitions.accept(writing, submission, actor=visitor.actor, reason=reason)
        elif verdict.act == "part":
            due_on = verdict.due_on or rest_due(portal.office, writing.at)
            review_acts.accept_part(
                writing,
                submission,
                owed=verdict.owed,
                due_on=due_on,
                actor=visitor.actor,
                reason=reason,
            )
        else:
            _send_back(portal, writing, submission, reason, visitor.actor)


def _decided_so(found: Row, act: str, said: str, actor: str) -> bool:
    """Whether this person has already decided just this."""
    state = "returned" if act == "return" else "accepted"
    known = (found["state"], found["reviewer"], found["review_reason"])
    return known == (state, actor, said)


def _send_back(portal: Portal, writing: Writing, submission: str, reason: str, actor: str) -> None:
    office = portal.office
    transitions.send_back(
        writing,
        submission,
        actor=actor,
        reason=reason,
        calendar=office.calendar,
        days=office.reminders.resubmit_days,
    )


# ---- what was decided, and a second look --------------------------------------------------------


@router.get("/office/review/done")
def done(request: Request, visitor: Visitor, page_number: int = 1, said: str = "") -> Response:
    """Reports that were reviewed, newest first; closed items can be looked at again from here."""
    number = min(max(page_number, 1), 10_000)
    with portal_of(request).ledger.read() as conn:
        rows = reviews.decided(conn, PER_PAGE + 1, (number - 1) * PER_PAGE)
    return page(
        request,
        visitor,
        "review_done.html",
        rows=rows[:PER_PAGE],
        number=number,
        more=len(rows) > PER_PAGE,
        reopened=said == "reopened",
    )


@router.get("/office/reopen")
def ask_reopen(request: Request, visitor: Visitor, key: str) -> Response:
    """The form of a second look at a closed item, and what it means."""
    return _reopen_page(request, visitor, key)


def _reopen_page(
    request: Request,
    visitor: Clerk,
    key: str,
    issues: tuple[Issue, ...] = (),
    values: Mapping[str, str] | None = None,
) -> Response:
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = queries.one_obligation(conn, key)
        sent = queries.submissions(conn, key)
    if row is None:
        raise Denied(404, "没有这一项", "台账里没有它。", "从已审核清单或台账里点进来")
    return page(
        request,
        visitor,
        "review_reopen.html",
        422 if issues else 200,
        item=plain_items(portal.office, [row], portal.now())[0],
        sent=sent,
        rest_due=rest_due(portal.office, portal.now()),
        issues=issues,
        values=values or {},
    )


@router.post("/office/reopen")
def reopen(request: Request, visitor: Visitor, given: Posted) -> Response:
    """回头看: open a closed item again, with a reason and a due of its own."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    key, reason = given.text("key"), clean(given.text("reason"))[:REASON_CHARS]
    try:
        with portal.ledger.write(visitor.actor) as writing:
            due_on = read_day(given.text("due_on")) or rest_due(portal.office, writing.at)
            review_acts.reopen(writing, key, due_on=due_on, actor=visitor.actor, reason=reason)
    except InputError as wrong:
        return _reopen_page(request, visitor, key, tuple(wrong.issues), given.fields)
    return see_other("/office/review/done?said=reopened")
