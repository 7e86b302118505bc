"""The unit's side, asking: extension, suspension, adjustment, withdrawal, merge, split; and taking it back.

What is asked waits for the office; until then the old due stands, and the pages say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duban.errors import InputError, Issue
from duban.intake.submission import clean
from duban.ledger import queries, requests
from duban.ledger.request_rules import LONGEST_EXTENSION_DAYS, MOST_PARTS, TASKS_ONLY, refuse
from duban.portal import access
from duban.portal.access import Liaison
from duban.portal.items import Item
from duban.portal.pages import Form, check_form, see_other
from duban.portal.state import portal_of
from duban.portal.unit_frame import Posted, Visitor, own_item, unit_page

router = APIRouter(include_in_schema=False)
PARTS_SHOWN = 4
TEXT_CHARS, SHORT_CHARS = 500, 200


@router.get("/unit/extend")
def ask_extension(request: Request, visitor: Visitor, key: str) -> Response:
    """The form of an extension, and what it means."""
    return _form_page(request, visitor, own_item(portal_of(request), visitor, key), "extension")


@router.post("/unit/extend")
def extend(request: Request, visitor: Visitor, given: Posted) -> Response:
    """延期: before the due, with a reason, the progress so far and a new date."""
    return _take_in(request, visitor, given, "extension")


@router.get("/unit/request")
def ask(request: Request, visitor: Visitor, key: str, kind: str = "extension") -> Response:
    """The form of a request of any kind."""
    item = own_item(portal_of(request), visitor, key)
    known = kind if kind in requests.KIND_NAMES else "extension"
    return _form_page(request, visitor, item, known)


@router.post("/unit/request")
def take_request(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Take in a request, once however often it is sent."""
    return _take_in(request, visitor, given, given.text("kind"))


def _form_page(
    request: Request,
    visitor: Liaison,
    item: Item,
    kind: str,
    *,
    values: Mapping[str, str] | None = None,
    issues: Sequence[Issue] = (),
) -> Response:
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        earlier = requests.of(conn, item.key)
        mine = queries.obligations(conn, unit=visitor.unit, states=("waiting", "active"))
    units = portal.office.matrix.directory.units.values()
    due_on = item.row["due_on"]
    return unit_page(
        request,
        visitor,
        "unit_request.html",
        422 if issues else 200,
        item=item,
        kind=kind,
        kind_names=requests.KIND_NAMES,
        kinds_open=[
            each for each in requests.KIND_NAMES if item.needs_percent or each not in TASKS_ONLY
        ],
        waiting=next((row for row in earlier if row["state"] == "waiting"), None),
        others=[
            row for row in mine if row["key"] != item.key and row["kind"] in {"finish", "milestone"}
        ],
        units=[unit for unit in units if unit.id != item.row["unit"]],
        parts=range(1, PARTS_SHOWN + 1),
        latest=None if due_on is None else due_on + timedelta(days=LONGEST_EXTENSION_DAYS),
        bounds=requests.Bounds.of(portal.office.settings),
        values=values or {},
        issues=issues,
    )


def _take_in(request: Request, visitor: Liaison, given: Form, kind: str) -> Response:
    portal = portal_of(request)
    check_form(portal, visitor, given)
    item = own_item(portal, visitor, given.text("key"))
    bounds = requests.Bounds.of(portal.office.settings)
    try:
        asked = _asked(item, given, kind)
        with portal.ledger.write(visitor.actor) as writing:
            requests.ask(
                writing,
                item.key,
                asked,
                actor=visitor.actor,
                calendar=portal.office.calendar,
                bounds=bounds,
            )
    except InputError as wrong:
        known = kind if kind in requests.KIND_NAMES else "extension"
        return _form_page(request, visitor, item, known, values=given.fields, issues=wrong.issues)
    at_once = kind == "extension" and not bounds.needs_office
    return see_other(f"/unit?said={'extended' if at_once else 'asked'}")


def _asked(item: Item, given: Form, kind: str) -> requests.Asked:
    reason, progress = clean(given.text("reason")), clean(given.text("progress"))
    read = _READERS.get(kind)
    if read is None:
        raise refuse("request-kind", "没有这种申请。", "从页面上选择申请事项。")
    proposal = read(item, given)
    number = given.line("idem", 60)
    content = json.dumps([number, item.key, kind, reason, progress, proposal], sort_keys=True)
    idem = f"ask:{hashlib.sha256(content.encode()).hexdigest()}" if number else None
    return requests.Asked(kind, reason, progress, proposal, idem)


def _until(item: Item, given: Form) -> dict[str, Any]:
    return {"until": given.line("until", 20)}


def _adjusted(item: Item, given: Form) -> dict[str, Any]:
    """Only what differs from what stands."""
    found: dict[str, Any] = {}
    for name in ("title", "phrase"):
        text = given.line(name, SHORT_CHARS)
        if text and text != item.row[name]:
            found[name] = text
    unit = given.line("unit", 80)
    if unit:
        found["unit"] = unit
    targets = {
        asked.indicator.id: {
            "was": None if asked.target is None else format(asked.target, "f"),
            "now": text,
        }
        for asked in item.asked
        if (text := given.line(f"target.{asked.indicator.id}", 24))
    }
    return found | ({"targets": targets} if targets else {})


def _nothing(item: Item, given: Form) -> dict[str, Any]:
    return {}


def _into(item: Item, given: Form) -> dict[str, Any]:
    return {"into": given.line("into", 240)}


def _parts(item: Item, given: Form) -> dict[str, Any]:
    """The rows of the form that have anything in them."""
    rows = [
        {
            name: given.line(f"part{number}.{name}", SHORT_CHARS)
            for name in ("title", "due", "share")
        }
        for number in range(1, MOST_PARTS + 1)
    ]
    return {"parts": [row for row in rows if any(row.values())]}


_READERS = {
    "extension": _until,
    "suspension": _until,
    "adjustment": _adjusted,
    "withdrawal": _nothing,
    "merge": _into,
    "split": _parts,
}


@router.post("/unit/request/withdraw")
def withdraw(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Take a request back before it is answered."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    with portal.ledger.write(visitor.actor) as writing:
        found = access.own(requests.one(writing.conn, given.text("id")), visitor)
        if found["state"] == "waiting":
            requests.withdraw(writing, found["id"], actor=visitor.actor)
    return see_other("/unit?said=unasked")
