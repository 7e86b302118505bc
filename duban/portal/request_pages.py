"""What units ask for – more time, a pause, another wording – granted or refused in a person's name."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duban.errors import NOWHERE, InputError, Issue
from duban.intake.submission import clean, read_day
from duban.ledger import requests
from duban.ledger.request_rules import KIND_NAMES, NEEDS_DOCUMENT
from duban.portal import access_table
from duban.portal.access import Clerk
from duban.portal.office_pages import Posted, Visitor, page
from duban.portal.pages import Form, check_form, see_other
from duban.portal.state import Portal, portal_of

router = APIRouter(include_in_schema=False)
REASON_CHARS = 500
PER_PAGE = 50
DATED = frozenset({"extension", "suspension"})
"""Requests for a day, where the office may name another one."""
SAID = {"granted": "已同意，时限和状态随即生效。", "refused": "已答复不同意，单位会看到理由。"}


@router.get("/office/requests")
def asked(request: Request, visitor: Visitor, said: str = "") -> Response:
    """Requests that wait, oldest first."""
    return _asked_page(request, visitor, said=said)


def _asked_page(
    request: Request,
    visitor: Clerk,
    *,
    said: str = "",
    issues: tuple[Issue, ...] = (),
    values: Mapping[str, str] | None = None,
) -> Response:
    with portal_of(request).ledger.read() as conn:
        waiting = requests.waiting(conn)
    return page(
        request,
        visitor,
        "review_requests.html",
        409 if issues else 200,
        waiting=waiting[:PER_PAGE],
        total=len(waiting),
        words=requests.words,
        kind_names=KIND_NAMES,
        needs_document=NEEDS_DOCUMENT,
        dated=DATED,
        said=SAID.get(said, ""),
        may_review=access_table.may(visitor.role, "/office/requests", "POST"),
        issues=issues,
        values=values or {},
    )


@router.post("/office/requests")
def decide(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Grant or refuse one request."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    grant = given.text("act") == "grant"
    try:
        if not grant and given.text("act") != "refuse":
            raise InputError.one("no-act", NOWHERE, "没有说明同意还是不同意。", "用页面上的按钮。")
        _decide(portal, visitor, given, grant=grant)
    except InputError as wrong:
        return _asked_page(request, visitor, issues=tuple(wrong.issues), values=given.fields)
    return see_other(f"/office/requests?said={'granted' if grant else 'refused'}")


def _decide(portal: Portal, visitor: Clerk, given: Form, *, grant: bool) -> None:
    raw = given.text("date").strip()
    day = read_day(raw) if raw else None
    if raw and day is None:
        raise InputError.one("date", NOWHERE, f"“{raw[:20]}”不是日期。", "写成 2026-11-30。")
    with portal.ledger.write(visitor.actor) as writing:
        requests.decide(
            writing,
            given.text("id"),
            grant=grant,
            by=visitor.actor,
            reason=clean(given.text("reason"))[:REASON_CHARS],
            calendar=portal.office.calendar,
            doc_no=given.line("doc_no", 120),
            date=day,
        )
