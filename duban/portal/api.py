"""What machines ask: whether the portal is well."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from duban import clock
from duban.errors import OutsideError
from duban.ledger import queries
from duban.ledger.views import Reader
from duban.portal.state import portal_of

STALE_AFTER = {
    "publish": timedelta(hours=36),
    "collect": timedelta(hours=36),
    "escalate": timedelta(hours=36),
    "remind": timedelta(hours=36),
    "upkeep": timedelta(hours=48),
    "digest": timedelta(days=8),
}
"""How old the last tick of a stage may be; by the schedule with a night's grace."""
router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthz(request: Request) -> JSONResponse:
    """200 when the ledger answers and every stage ticked lately, else 503 with the stale ones.

    Keys: ``ok``, ``ledger``, ``applied``, ``example``, ``stale`` (stage names), ``ticks`` (stage to
    the last logical moment), ``now``.
    """
    portal = portal_of(request)
    now = portal.now()
    try:
        with portal.ledger.read() as conn:
            said = _health(conn, portal.office.matrix.plan.id, now)
    except OutsideError as failed:
        said = {"ok": False, "ledger": False, "error": failed.message}
    return JSONResponse(
        said | {"now": now.isoformat(timespec="seconds")}, 200 if said["ok"] else 503
    )


def _health(conn: Reader, plan_id: str, now: datetime) -> dict[str, object]:
    plan = queries.plan_row(conn, plan_id)
    ticks = {tick.stage: tick.logical_at for tick in queries.ticks(conn)}
    since = None if plan is None else plan["applied_at"]
    stale = [] if since is None else stale_stages(ticks, since, now)
    return {
        "ok": not stale,
        "ledger": True,
        "applied": plan is not None,
        "example": queries.is_example(conn),
        "stale": stale,
        "ticks": {
            stage: clock.local(at).isoformat(timespec="seconds") for stage, at in ticks.items()
        },
    }


def stale_stages(ticks: dict[str, datetime], since: datetime, now: datetime) -> list[str]:
    """Stages whose last tick, or the applying of the plan where there was none, is too old."""
    return [
        stage
        for stage, longest in STALE_AFTER.items()
        if now - max(ticks.get(stage, since), since) > longest
    ]
