"""The unit's side: open a personal link, see what is owed, report it, keep the receipt.

GET never changes anything here: link previews and mail scanners fetch every address they see.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response

from duban import clock
from duban.errors import NOWHERE, InputError, Issue
from duban.intake import evidence
from duban.intake.submission import clean, read_day, read_report
from duban.ledger import links, queries, transitions, views
from duban.ledger.queries import Row
from duban.ledger.transitions import IDEM_KEY_CHARS
from duban.matrix.model import POST_NAMES
from duban.portal import access
from duban.portal.access import Liaison
from duban.portal.gate import unit_visitor
from duban.portal.guard import PAPER_POLICY
from duban.portal.items import FORMS_ON_PAGE, Item, full_items, plain_items, sections, unit_name
from duban.portal.pages import Form, check_form, form, render, see_other
from duban.portal.shown import query
from duban.portal.state import Portal, portal_of

router = APIRouter(include_in_schema=False)
IDEM_CHARS = 60
_NOT_TOLD = frozenset({"form_token", "idem", "key"})
"""Fields of a report's form that are ours and not what the unit tells."""
REASON_CHARS = 200
SAID: Mapping[str, str] = {
    "acked": "已签收。办结前仍请按时报送。",
    "extended": "延期已登记，新时限从现在起生效，办公室会看到您写的理由。",
    "workbook": "报送表已接收，逐项结果见下面的报送记录。",
    "same": "报送表已读，没有发现改动，什么也没有记录。",
}


Visitor = Annotated[Liaison, Depends(unit_visitor)]
# The gate has asked for the visitor first: nobody unknown makes us read a hundred megabytes.
Posted = Annotated[Form, Depends(form)]


def _page(
    request: Request, visitor: Liaison, name: str, status: int = 200, **values: Any
) -> Response:
    portal = portal_of(request)
    known = {
        "liaison": visitor,
        "unit_name": unit_name(portal.office, visitor.unit),
        "post_name": POST_NAMES.get(visitor.post, visitor.post),
        "form_token": access.form_token(portal.key, visitor.cookie),
        "indicators": {each.id: each for each in portal.office.matrix.plan.indicators},
    }
    return render(request, name, status=status, **(known | values))


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
    return _page(
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


def _item(portal: Portal, visitor: Liaison, key: str) -> Item:
    with portal.ledger.read() as conn:
        row = access.own(queries.one_obligation(conn, key), visitor)
        return full_items(portal.office, conn, visitor.unit, [row], portal.now())[0]


@router.get("/unit/item")
def one_item(request: Request, visitor: Visitor, key: str) -> Response:
    """One item with its form and what was sent in for it."""
    return _item_page(request, visitor, _item(portal_of(request), visitor, key))


def _item_page(
    request: Request,
    visitor: Liaison,
    item: Item,
    *,
    values: Mapping[str, str] | None = None,
    issues: Sequence[Issue] = (),
    lost_files: bool = False,
) -> Response:
    with portal_of(request).ledger.read() as conn:
        sent = queries.submissions(conn, item.key)
        files = views.evidence_for(conn, [row["id"] for row in sent])
    return _page(
        request,
        visitor,
        "unit_item.html",
        422 if issues else 200,
        item=item,
        sent=sent,
        files=files,
        values=values or {},
        issues=issues,
        lost_files=lost_files,
        accept=evidence.ACCEPT,
    )


# ---- report ------------------------------------------------------------------------------------


@router.get("/unit/nil")
def confirm_nil(request: Request, visitor: Visitor, key: str) -> Response:
    """The second tap of 无变化: says what will be recorded."""
    item = _item(portal_of(request), visitor, key)
    return _page(request, visitor, "unit_nil.html", item=item)


@router.post("/unit/submit")
def submit(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Take in a report, once however often it is sent, and show its receipt."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    item = _item(portal, visitor, given.text("key"))
    try:
        idem = _idem(visitor, item, given)
        receipt = _known(portal, idem) or _take_in(portal, visitor, item, given, idem)
    except InputError as wrong:
        return _item_page(
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
    return f"{visitor.unit}:{hashlib.sha256(content.encode()).hexdigest()}"[-IDEM_KEY_CHARS:]


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
    files = evidence.store_all(portal.home, uploads, scan=scan)
    report, _ = read_report(given.fields, files=files, **how)
    with portal.ledger.write(visitor.actor) as writing:
        return transitions.submit(writing, item.key, report, actor=visitor.actor).submission


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
    return _page(
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
    item = _item(portal, visitor, given.text("key"))
    if item.row["acked_at"] is None:
        with portal.ledger.write(visitor.actor) as writing:
            transitions.acknowledge(writing, item.key, actor=visitor.actor)
    return see_other("/unit?said=acked")


@router.get("/unit/extend")
def ask_extension(request: Request, visitor: Visitor, key: str) -> Response:
    """The form of an extension, and what it means."""
    item = _item(portal_of(request), visitor, key)
    return _page(request, visitor, "unit_extend.html", item=item, values={})


@router.post("/unit/extend")
def extend(request: Request, visitor: Visitor, given: Posted) -> Response:
    """延期: before the due, with a reason, the progress so far and a new date."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    item = _item(portal, visitor, given.text("key"))
    until = read_day(given.text("until"))
    if item.row["extended"] and item.row["due_on"] == until:
        return see_other("/unit?said=extended")  # the same form, sent twice
    try:
        _extend(portal, visitor, item.row, given)
    except InputError as wrong:
        return _page(
            request,
            visitor,
            "unit_extend.html",
            422,
            item=item,
            values=given.fields,
            issues=wrong.issues,
        )
    return see_other("/unit?said=extended")


def _extend(portal: Portal, visitor: Liaison, row: Row, given: Form) -> None:
    until = read_day(given.text("until"))
    if until is None:
        raise InputError.one("extend-date", NOWHERE, "请选择新的时限。", "写成 2026-11-30。")
    reason = clean(given.text("reason"))[:REASON_CHARS]
    progress = clean(given.text("progress"))[:REASON_CHARS]
    if not reason or not progress:
        raise InputError.one("no-reason", NOWHERE, "理由和目前进度都要写。", "补上再提交。")
    with portal.ledger.write(visitor.actor) as writing:
        transitions.extend(
            writing,
            row["key"],
            until,
            actor=visitor.actor,
            reason=f"{reason}（目前进度：{progress}）",
        )


# ---- records -----------------------------------------------------------------------------------


@router.get("/unit/history")
def history(request: Request, visitor: Visitor, said: str = "") -> Response:
    """What the unit has sent in, and what became of it."""
    with portal_of(request).ledger.read() as conn:
        sent = views.unit_submissions(conn, visitor.unit)
        files = views.evidence_for(conn, [row["id"] for row in sent])
    return _page(
        request, visitor, "unit_history.html", sent=sent, files=files, said=SAID.get(said, "")
    )


@router.get("/unit/inbox")
def inbox(request: Request, visitor: Visitor) -> Response:
    """Messages to the unit, as text."""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        found = views.outbox(conn, states=views.INBOX_STATES, unit=visitor.unit)
    public = portal.office.settings.public_url
    own = [row for row in found if row["kind"] != "copy"]  # what a group was told too is no second letter
    letters = [dict(row) | {"text": own_link(row["text"], public)} for row in own]
    return _page(request, visitor, "unit_inbox.html", letters=letters, post_names=POST_NAMES)


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
        return _page(request, visitor, "unit_workbook.html", 422, issues=wrong.issues)
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
