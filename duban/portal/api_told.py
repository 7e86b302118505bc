"""What programs may read of what was said, and how the office stands. Nothing here changes anything."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from duban import clock, reasons
from duban.errors import InputError, Place, UsageError
from duban.ledger import pages, queries, views
from duban.ledger.pages import Choice
from duban.portal import api_rows, api_shapes
from duban.portal.api_access import Paces, need_pace
from duban.portal.api_body import strict_query
from duban.portal.api_read import (
    USUAL,
    Caller,
    Cursor,
    Day,
    Limit,
    Task,
    Unit,
    may,
    next_of,
    not_here,
    since_of,
)
from duban.portal.state import portal_of

router = APIRouter(prefix="/api/v1", dependencies=[Depends(strict_query)])

# ---- what was said -----------------------------------------------------------------------------


@router.get("/messages", tags=["消息"], operation_id="list_messages")
def list_messages(
    request: Request,
    caller: Caller,
    *,
    state: Annotated[
        str, Query(max_length=12, description="如 sent、failed；单位只看得到已定的")
    ] = "",
    unit: Unit = "",
    since: Day = "",
    cursor: Cursor = "",
    limit: Limit = USUAL,
) -> api_shapes.MessagePage:
    """发给单位的消息，早写的在前。"""
    portal = portal_of(request)
    told = views.INBOX_STATES if caller.unit else ()
    states = [state] if state else list(told)
    choice = Choice(unit=unit or caller.unit, states=states, since=since_of(since))
    after = api_rows.after_moment(cursor)
    allowed = may(caller, choice) and (not told or set(states) <= set(told))
    with portal.ledger.read() as conn:
        rows = pages.messages(conn, choice, after, limit + 1) if allowed else []
    public = portal.office.settings.public_url
    return api_shapes.MessagePage(
        messages=[api_rows.message(row, public) for row in rows[:limit]],
        next=next_of(rows, limit, "created_at"),
    )


@router.get("/notices", tags=["消息"], operation_id="why")
def why(
    request: Request, caller: Caller, unit: Unit = "", task: Task = "", date: Day = ""
) -> api_shapes.Why:
    """为什么：某天（默认今天）提醒或没有提醒一个单位，逐条写明理由。"""
    portal = portal_of(request)
    paces: Paces = request.app.state.paces
    need_pace(paces.why, caller, portal.now())
    today = clock.day_of(portal.now())
    on = api_rows.day(date, "date") or today
    wanted = unit or caller.unit
    if not wanted:
        raise InputError.one("unit", Place("unit"), "要写明哪个单位。", "加上 unit=单位编号。")
    if not caller.sees(wanted) or wanted not in portal.office.units:
        raise not_here("个单位")
    if on > today:
        way_out = "以后的日子用 duban preview 预演。"
        raise InputError.one("day", Place("date"), "这一天还没有到。", way_out)
    try:
        answer = reasons.answer(portal.office, wanted, task, on)
    except UsageError as wrong:
        raise InputError.one("task", Place("task"), wrong.message, wrong.way_out) from None
    return api_shapes.Why(
        unit=wanted,
        date=on,
        mode=answer.mode,
        day=answer.day,
        notices=[_notice(row) for row in answer.notices],
        unsaid=[
            api_shapes.Unsaid(
                obligation=each.obligation,
                task=each.task,
                label=each.label,
                code=each.code,
                reason=each.reason,
                next_on=each.next_on,
            )
            for each in answer.silent
        ],
    )


def _notice(row: Any) -> api_shapes.Notice:
    same = ("obligation", "task", "title", "label", "rung", "kind", "moment", "decided_at", "code")
    return api_shapes.Notice(
        **{name: row[name] for name in same},
        post=row["recipient"],
        result=reasons.CODES.get(row["code"], row["code"]),
        reason=row["reason"],
        message=row["message"],
    )


# ---- how it stands -----------------------------------------------------------------------------


@router.get("/plan", tags=["现状"], operation_id="plan_status")
def plan_status(request: Request, caller: Caller) -> api_shapes.PlanStatus:
    """方案和台账现状：各状态几项、逾期几项、等办公室处理的有多少。"""
    portal = portal_of(request)
    now, plan = portal.now(), portal.office.matrix.plan
    with portal.ledger.read() as conn:
        applied = queries.plan_row(conn, plan.id)
        waiting = views.waiting_counts(conn)
        return api_shapes.PlanStatus(
            as_of=now,
            example=queries.is_example(conn),
            plan=plan.id,
            title=plan.title,
            year=plan.year,
            applied_at=applied["applied_at"] if applied else None,
            in_use_from=applied["in_use_from"] if applied else None,
            states=views.totals(conn),
            overdue=pages.overdue(conn, now),
            to_review=waiting["review"],
            proposals=waiting["proposals"],
            messages_in_trouble=waiting["failed"],
            ticks={each.stage: each.logical_at for each in queries.ticks(conn)},
        )
