"""The unit's side: open a personal link, see what is owed, keep the record, send the workbook.

GET never changes anything here: link previews and mail scanners fetch every address they see.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from duban import clock
from duban.errors import NOWHERE, InputError
from duban.intake import evidence
from duban.ledger import links, queries, requests, transitions, views
from duban.ledger.queries import Row
from duban.matrix.model import POST_NAMES
from duban.portal import access
from duban.portal.access import Liaison
from duban.portal.guard import PAPER_POLICY
from duban.portal.items import FORMS_ON_PAGE, Item, full_items, plain_items, sections, unit_name
from duban.portal.pages import Form, check_form, see_other
from duban.portal.state import Portal, portal_of
from duban.portal.unit_frame import Posted, Visitor, own_item, unit_page
from duban.portal.unit_reports import item_page

router = APIRouter(include_in_schema=False)
SAID: Mapping[str, str] = {
    "acked": "已签收。办结前仍请按时报送。",
    "asked": "申请已登记，等办公室答复；答复以前原时限不变，照常提醒。",
    "extended": "延期已登记，新时限从现在起生效，原时限保留在台账里。",
    "unasked": "申请已撤回。",
    "workbook": "报送表已接收，逐项结果见下面的报送记录。",
    "same": "报送表已读，没有发现改动，什么也没有记录。",
}


# ---- the link ----------------------------------------------------------------------------------


@router.get("/u/{token}")
def open_link(request: Request, token: str) -> Response:
    """A personal link: the cookie, then a clean address. Nothing is recorded."""
    portal = portal_of(request)
    now = portal.now()
    token_hash = links.hash_of(token)
    with portal.ledger.read() as conn:
        row = access.open_link(conn, token_hash, now)
    response = see_other("/unit")
    response.set_cookie(
        access.UNIT_COOKIE,
        access.unit_cookie(portal.key, token_hash),
        max_age=int((row["expires_at"] - now).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=portal.office.settings.public_url.startswith("https://"),
    )
    return response


# ---- what is owed ------------------------------------------------------------------------------


@router.get("/unit")
def todo(request: Request, visitor: Visitor, said: str = "") -> Response:
    """The unit's open items: overdue first, then today, this week and later."""
    portal = portal_of(request)
    now = portal.now()
    with portal.ledger.read() as conn:
        rows = queries.open_items(conn, visitor.unit, clock.day_of(now))
        items = full_items(portal.office, conn, visitor.unit, rows, now)
        waiting = queries.obligations(conn, unit=visitor.unit, states=["submitted"])
    near, far = sections(items, clock.day_of(now))
    return unit_page(
        request,
        visitor,
        "unit.html",
        sections=near,
        far=far,
        with_form={item.key for item in _in_order(near)[:FORMS_ON_PAGE]},
        first=_in_order(near)[0].key if near else "",
        lamps=_lamp_counts(portal, items),
        waiting=plain_items(portal.office, waiting, now),
        said=SAID.get(said, ""),
        values={},
        accept=evidence.ACCEPT,
    )


def _in_order(near: Sequence[Any]) -> list[Item]:
    return [item for section in near for item in section.items]


def _lamp_counts(portal: Portal, items: Sequence[Item]) -> list[tuple[Any, int]]:
    shown = [step.lamp for step in portal.office.lamps.steps]
    return [(lamp, sum(item.standing.lamp == lamp for item in items)) for lamp in shown]


@router.get("/unit/item")
def one_item(request: Request, visitor: Visitor, key: str) -> Response:
    """One item with its form and what was sent in for it."""
    return item_page(request, visitor, own_item(portal_of(request), visitor, key))


# ---- records -----------------------------------------------------------------------------------


@router.get("/unit/history")
def history(request: Request, visitor: Visitor, said: str = "") -> Response:
    """What the unit has sent in, and what became of it."""
    with portal_of(request).ledger.read() as conn:
        sent = views.unit_submissions(conn, visitor.unit)
        files = views.evidence_for(conn, [row["id"] for row in sent])
        asked = requests.of_unit(conn, visitor.unit)
    return unit_page(
        request,
        visitor,
        "unit_history.html",
        sent=sent,
        files=files,
        asked=asked,
        said=SAID.get(said, ""),
    )


@router.get("/unit/inbox")
def inbox(request: Request, visitor: Visitor) -> Response:
    """Messages to the unit, as text."""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        found = views.outbox(conn, states=views.INBOX_STATES, unit=visitor.unit)
    public = portal.office.settings.public_url
    own = [
        row for row in found if row["kind"] != "copy"
    ]  # what a group was told too is no second letter
    letters = [dict(row) | {"text": own_link(row["text"], public)} for row in own]
    return unit_page(request, visitor, "unit_inbox.html", letters=letters, post_names=POST_NAMES)


def own_link(text: str, public_url: str) -> str:
    """A message's text with the placeholder of a personal link turned into the page one is on."""
    return text.replace(f"{public_url}/u/{links.PLACEHOLDER}", f"{public_url}/unit").replace(
        links.PLACEHOLDER, ""
    )


@router.get("/unit/evidence")
def own_evidence(request: Request, visitor: Visitor, id: str) -> Response:  # noqa: A002 - the address
    """One of the unit's own files, as an attachment."""
    with portal_of(request).ledger.read() as conn:
        row = access.own(views.one_evidence(conn, id), visitor)
    return attachment(portal_of(request), row)


def attachment(portal: Portal, row: Row) -> Response:
    """A file of evidence, only ever as an attachment."""
    path = evidence.place_of(portal.home, row["sha256"])
    if not path.is_file():
        raise access.Denied(
            404, "附件不在了", "台账里有这份附件的记录，但文件找不到。", "请告诉办公室从备份里找回"
        )
    return FileResponse(
        path,
        media_type=row["media_type"],
        filename=row["name"],
        headers={"Content-Security-Policy": PAPER_POLICY},
    )


# ---- the workbook ------------------------------------------------------------------------------

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/unit/form.xlsx")
def workbook(request: Request, visitor: Visitor) -> Response:
    """The unit's report form as a workbook, filled in as far as the ledger knows."""
    from duban.intake.workbook import form_for, write_form

    portal = portal_of(request)
    now = portal.now()
    with portal.ledger.read() as conn:
        filled = form_for(portal.office, conn, visitor.unit, now)
    to = io.BytesIO()
    write_form(filled, to)
    name = f"报送表-{unit_name(portal.office, visitor.unit)}-{clock.day_of(now):%Y%m%d}.xlsx"
    return download(to.getvalue(), name, XLSX)


def download(content: bytes, name: str, media_type: str) -> Response:
    """Bytes as an attachment with a Chinese name (RFC 5987)."""
    from urllib.parse import quote

    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type=media_type, headers=headers)


@router.post("/unit/form")
def take_workbook(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Take in a returned workbook: all of it, or nothing and every mistake with its cell."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    try:
        taken = _take_workbook(portal, visitor, given)
    except InputError as wrong:
        return unit_page(request, visitor, "unit_workbook.html", 422, issues=wrong.issues)
    return see_other(f"/unit/history?said={'workbook' if taken else 'same'}")


def _take_workbook(portal: Portal, visitor: Liaison, given: Form) -> int:
    """Record every row that was filled in, in one transaction; how many."""
    from duban.intake.workbook import read_form

    if not given.files:
        raise InputError.one("no-file", NOWHERE, "没有选择文件。", "先选填好的报送表再上传。")
    content = given.files[0].file.read()
    with portal.ledger.read() as conn:
        result = read_form(content, portal.office, conn, visitor.unit, portal.now())
    result.issues.stop_on_errors()
    with portal.ledger.write(visitor.actor) as writing:
        for key, report in result.reports:
            access.own(queries.one_obligation(writing.conn, key), visitor)
            transitions.submit(writing, key, report, actor=visitor.actor)
    return len(result.reports)
