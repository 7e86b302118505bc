"""What every page of the unit's side starts from: who visits, whose item it is, and the frame around it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from duban.ledger import queries
from duban.matrix.model import POST_NAMES
from duban.portal import access
from duban.portal.access import Liaison
from duban.portal.gate import unit_visitor
from duban.portal.items import Item, full_items, unit_name
from duban.portal.pages import Form, form, render
from duban.portal.state import Portal, portal_of

Visitor = Annotated[Liaison, Depends(unit_visitor)]
# The gate has asked for the visitor first: nobody unknown makes us read a hundred megabytes.
Posted = Annotated[Form, Depends(form)]


def unit_page(
    request: Request, visitor: Liaison, name: str, status: int = 200, **values: Any
) -> Response:
    """A page of the unit's side, with whose it is."""
    portal = portal_of(request)
    known = {
        "liaison": visitor,
        "unit_name": unit_name(portal.office, visitor.unit),
        "post_name": POST_NAMES.get(visitor.post, visitor.post),
        "form_token": access.form_token(portal.key, visitor.cookie),
        "indicators": {each.id: each for each in portal.office.matrix.plan.indicators},
    }
    return render(request, name, status=status, **(known | values))


def own_item(portal: Portal, visitor: Liaison, key: str) -> Item:
    """An item of the visitor's own unit; any other does not exist for it."""
    with portal.ledger.read() as conn:
        row = access.own(queries.one_obligation(conn, key), visitor)
        return full_items(portal.office, conn, visitor.unit, [row], portal.now())[0]
