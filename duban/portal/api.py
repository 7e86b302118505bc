"""What machines ask: whether the portal is well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from duban import clock
from duban.errors import OutsideError
from duban.ledger import queries
from duban.ledger.views import Reader
from duban.portal.state import portal_of
from duban.stages.upkeep import stale_stages

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthz(request: Request) -> JSONResponse:
    """200 when the ledger answers and every stage ticked lately, else 503.

    Keys: ``ok``, ``ledger``, ``applied``, ``example``, ``stale`` (stages that ticked too long ago),
    ``never`` (stages without a tick; they are stale too once nothing ticked for 48 hours), ``future``
    (stages whose tick is of a day to come), ``ticks`` (stage to the last logical moment), ``now``.
    """
    portal = portal_of(request)
    now = portal.now()
    try:
        with portal.ledger.read() as conn:
            said = health(conn, portal.office.matrix.plan.id, now)
    except OutsideError as failed:
        said = {"ok": False, "ledger": False, "error": failed.message}
    return JSONResponse(
        said | {"now": now.isoformat(timespec="seconds")}, 200 if said["ok"] else 503
    )


def health(conn: Reader, plan_id: str, now: datetime) -> dict[str, Any]:
    """The keys of ``healthz`` that the ledger tells."""
    plan = queries.plan_row(conn, plan_id)
    ticks = queries.ticks(conn)
    late = stale_stages(ticks, now, None if plan is None else plan["applied_at"])
    return {
        "ok": plan is None or late.well,
        "ledger": True,
        "applied": plan is not None,
        "example": queries.is_example(conn),
        "stale": [*late.stale, *(late.never if late.overdue else ())],
        "never": list(late.never),
        "future": list(late.future),
        "ticks": {
            tick.stage: clock.local(tick.logical_at).isoformat(timespec="seconds") for tick in ticks
        },
    }
