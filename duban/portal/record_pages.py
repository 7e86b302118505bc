"""The record for those who check it: the newest events, the door, and whether the chain holds."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from duban.ledger import accounts, events, queries
from duban.ledger.audit import latest
from duban.portal.office_pages import Visitor, page
from duban.portal.state import portal_of

router = APIRouter(include_in_schema=False)
PER_PAGE = 100


@router.get("/office/audit")
def audit(request: Request, visitor: Visitor, before: int = 0, verify: int = 0) -> Response:
    """The newest events (or those before one), who came and went, and on request the whole chain checked."""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        count, head = events.chain_head(conn)
        rows = latest(conn, before=min(max(before, 0), count + 1) or count + 1, limit=PER_PAGE)
        broken = events.verify_chain(conn) if verify else None
        return page(
            request,
            visitor,
            "audit.html",
            count=count,
            head=head,
            events=rows,
            before=rows[-1].seq if rows and rows[-1].seq > 1 else 0,
            verified=bool(verify),
            broken=broken,
            door=accounts.sign_ins(conn, limit=40),
            ticks=queries.ticks(conn),
        )
