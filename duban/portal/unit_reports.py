"""The unit's side, reporting: a form taken in once, what came in meanwhile, and the receipt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, BinaryIO

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duban import clock
from duban.credentials import seal, unseal
from duban.errors import NOWHERE, InputError, Issue
from duban.intake import evidence
from duban.intake.submission import read_report
from duban.ledger import queries, requests, transitions, views
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.ledger.transitions import IDEM_KEY_CHARS, Report, Stored
from duban.portal import access
from duban.portal.access import Liaison
from duban.portal.items import Item, plain_items
from duban.portal.pages import Form, check_form, see_other
from duban.portal.shown import query
from duban.portal.state import Portal, portal_of
from duban.portal.summaries import drafted
from duban.portal.unit_frame import Posted, Visitor, own_item, unit_page

router = APIRouter(include_in_schema=False)
IDEM_CHARS = 60
FORM_CHARS = 16
KEPT_SECONDS = 7 * 24 * 3600
"""So long may files of a report that met another one be handed in without choosing them again."""
_NOT_TOLD = frozenset({"form_token", "idem", "key", "seen", "kept"})
"""Fields of a report's form that are ours and not what the unit tells."""


class _MetError(Exception):
    """A version came in since the form was opened; the files of this one are stored already."""

    def __init__(self, files: Sequence[Stored]) -> None:
        super().__init__()
        self.files = files


def item_page(
    request: Request,
    visitor: Liaison,
    item: Item,
    *,
    values: Mapping[str, str] | None = None,
    issues: Sequence[Issue] = (),
    lost_files: bool = False,
    said: str = "",
) -> Response:
    """One item with its form, what was sent in for it, and what was asked about it."""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        sent = queries.submissions(conn, item.key)
        files = views.evidence_for(conn, [row["id"] for row in sent])
        asked = requests.of(conn, item.key)
        draft = drafted(portal.office, conn, item) if not sent and values is None else None
    return unit_page(
        request,
        visitor,
        "unit_item.html",
        422 if issues else 200,
        item=item,
        sent=sent,
        files=files,
        asked=asked,
        draft=draft,
        values=draft.values if draft else values or {},
        issues=issues,
        lost_files=lost_files,
        accept=evidence.ACCEPT,
        said=said,
    )


@router.get("/unit/nil")
def confirm_nil(request: Request, visitor: Visitor, key: str) -> Response:
    """The second tap of 无变化: says what will be recorded."""
    item = own_item(portal_of(request), visitor, key)
    return unit_page(request, visitor, "unit_nil.html", item=item)


@router.post("/unit/submit")
def submit(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Take in a report, once however often it is sent, and show its receipt."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    item = own_item(portal, visitor, given.text("key"))
    try:
        idem = _idem(visitor, item, given)
        receipt = _known(portal, idem) or _take_in(portal, visitor, item, given, idem)
    except _MetError as met:
        return _conflict_page(request, visitor, item, given, met.files)
    except InputError as wrong:
        return item_page(
            request,
            visitor,
            item,
            values=given.fields,
            issues=wrong.issues,
            lost_files=bool(given.files),
        )
    return see_other(query("/unit/receipt", id=receipt))


def _idem(visitor: Liaison, item: Item, given: Form) -> str:
    """The number of this sending: the form's own, bound to the item and to all that was filled in.

    The same form sent twice counts once; corrected and sent again, it is a report of its own.
    """
    number = given.line("idem", IDEM_CHARS)
    if not number:
        raise InputError.one("no-idem", NOWHERE, "页面不完整，没有提交。", "刷新页面后再提交。")
    told = {name: text for name, text in given.fields.items() if name not in _NOT_TOLD}
    files = [(file.filename, _digest_of(file.file)) for file in given.files]
    content = json.dumps([number, item.key, sorted(told.items()), files], ensure_ascii=True)
    of_form = hashlib.sha256(number.encode()).hexdigest()[:FORM_CHARS]
    of_content = hashlib.sha256(content.encode()).hexdigest()
    return f"{visitor.unit}:{of_form}:{of_content}"[-IDEM_KEY_CHARS:]


def _form_of(idem: str | None) -> str:
    """Which form a report came with; empty for another door's."""
    parts = (idem or "").rsplit(":", maxsplit=2)
    return parts[1] if len(parts) == 3 and len(parts[1]) == FORM_CHARS else ""


def _digest_of(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(1024 * 1024):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _known(portal: Portal, idem: str) -> str | None:
    with portal.ledger.read() as conn:
        row = queries.submission_by_idem(conn, idem)
    return None if row is None else str(row["id"])


def _take_in(portal: Portal, visitor: Liaison, item: Item, given: Form, idem: str) -> str:
    """Read the fields first: files are stored only for a report that can be taken in."""
    how: dict[str, Any] = {
        "kind": item.row["kind"],
        "indicators": [asked.indicator for asked in item.asked],
        "idem_key": idem,
        "today": clock.day_of(portal.now()),
    }
    _, issues = read_report(given.fields, **how)
    issues.stop_on_errors()
    uploads = [(file.filename or "", file.file) for file in given.files]
    scan = portal.office.settings.evidence_scan
    stored = evidence.store_all(portal.home, uploads, scan=scan)
    files = [*_kept(portal, item, given), *stored]
    report, _ = read_report(given.fields, files=files, **how)
    return _record(portal, visitor, item, report, seen=given.text("seen"))


def _record(portal: Portal, visitor: Liaison, item: Item, report: Report, *, seen: str) -> str:
    """Record it unless somebody else's version came in since the form was opened.

    ``seen``: how many versions there were when the form was opened; one that does not say is taken.
    """
    with portal.ledger.write(visitor.actor) as writing:
        known = report.idem_key and queries.submission_by_idem(writing.conn, report.idem_key)
        row = queries.one_obligation(writing.conn, item.key)
        assert row is not None
        if not known and _met(writing, row, report, seen):
            raise _MetError(report.files)
        return transitions.submit(writing, item.key, report, actor=visitor.actor).submission


def _met(writing: Writing, row: Row, report: Report, seen: str) -> bool:
    """Whether another's version came in meanwhile: not the same form, corrected and sent again."""
    taken = row["state"] in {"waiting", "active", "returned", "submitted", "unstarted"}
    if not taken or not seen.isdecimal() or row["versions"] <= int(seen):
        return False
    (newest, *_) = queries.submissions(writing.conn, row["key"])
    form = _form_of(report.idem_key)
    return not form or _form_of(newest["idem_key"]) != form


# ---- what came in meanwhile --------------------------------------------------------------------


def _conflict_page(
    request: Request, visitor: Liaison, item: Item, given: Form, files: Sequence[Stored]
) -> Response:
    """Both versions side by side; what was typed stays in the form and can still be sent."""
    portal = portal_of(request)
    fresh = own_item(portal, visitor, item.key)
    with portal.ledger.read() as conn:
        (other, *_) = queries.submissions(conn, item.key)
        other_files = queries.evidence_of(conn, other["id"])
    return unit_page(
        request,
        visitor,
        "unit_conflict.html",
        409,
        item=fresh,
        other=other,
        other_files=other_files,
        values=given.fields,
        mine=files,
        kept=_keep(portal, item, files),
        accept=evidence.ACCEPT,
    )


def _keep(portal: Portal, item: Item, files: Sequence[Stored]) -> str:
    if not files:
        return ""
    value = {"key": item.key, "files": json.dumps([asdict(file) for file in files])}
    return seal(portal.key, "unit-files", value, portal.now())


def _kept(portal: Portal, item: Item, given: Form) -> list[Stored]:
    """Files that were stored when this report met another one, sealed into its form."""
    sealed = given.text("kept")
    if not sealed:
        return []
    found = unseal(portal.key, "unit-files", sealed, portal.now(), seconds=KEPT_SECONDS)
    if found.get("key") != item.key:
        raise InputError.one("no-files", NOWHERE, "先前的附件已失效。", "请重新选择附件再提交。")
    return [Stored(**each) for each in json.loads(found["files"])]


# ---- after it ----------------------------------------------------------------------------------


@router.get("/unit/receipt")
def receipt(request: Request, visitor: Visitor, id: str) -> Response:  # noqa: A002 - the address
    """What was received, when, whether late, and the hash of each file."""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = access.own(queries.one_submission(conn, id), visitor)
        obligation = queries.one_obligation(conn, row["obligation"])
        files = queries.evidence_of(conn, id)
        rows = queries.open_items(conn, visitor.unit, clock.day_of(portal.now()))
    left = [
        item
        for item in plain_items(portal.office, rows, portal.now())
        if item.key != row["obligation"]
    ]
    return unit_page(
        request,
        visitor,
        "unit_receipt.html",
        row=row,
        obligation=obligation,
        files=files,
        urgent=[item for item in left if item.rank < 3],
    )


@router.post("/unit/ack")
def acknowledge(request: Request, visitor: Visitor, given: Posted) -> Response:
    """签收: the unit has seen the item."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    item = own_item(portal, visitor, given.text("key"))
    if item.row["acked_at"] is None:
        with portal.ledger.write(visitor.actor) as writing:
            transitions.acknowledge(writing, item.key, actor=visitor.actor)
    return see_other("/unit?said=acked")
