"""The office's own door for workbooks: any unit's form, when a unit brings it on a stick or by chat."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from duban.errors import InputError, Issue, Level, Place
from duban.intake import formtake, zipguard
from duban.portal.access import Clerk
from duban.portal.gate import office_visitor
from duban.portal.office_pages import page
from duban.portal.pages import Form, check_form, form
from duban.portal.state import Portal, portal_of

router = APIRouter(include_in_schema=False)
Visitor = Annotated[Clerk, Depends(office_visitor)]
Posted = Annotated[Form, Depends(form)]


@router.get("/office/form")
def office_form(request: Request, visitor: Visitor) -> Response:
    """Where the office hands in a workbook."""
    return page(request, visitor, "office_form.html", lines=[], refused=False)


@router.post("/office/form")
def take_office_form(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Take in a unit's workbook in the name of the clerk, and say row by row what was taken."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    try:
        lines, refused = _take(portal, visitor, given)
    except InputError as wrong:
        lines, refused = formtake.issue_words(wrong.issues), True
    status = 422 if refused else 200
    return page(request, visitor, "office_form.html", status, lines=lines, refused=refused)


def _take(portal: Portal, visitor: Clerk, given: Form) -> tuple[list[str], bool]:
    from duban.intake.workbook import open_form, take_form

    if not given.files:
        raise InputError.one(
            "no-file", Place("报送表"), "没有选择文件。", "先选单位交来的报送表再上传。"
        )
    try:
        opened = open_form(given.files[0].file.read(zipguard.MAX_FILE_BYTES + 1))
    except zipguard.RefusedError as refused:
        issue = Issue(Level.ERROR, refused.code, Place("报送表"), refused.message, refused.way_out)
        raise InputError([issue]) from None
    actor = visitor.actor
    with portal.ledger.write(actor, portal.now()) as writing:
        taken = take_form(writing, portal.office, opened, units=None, door="workbook", actor=actor)
        return formtake.words(writing.conn, taken), taken.refused
