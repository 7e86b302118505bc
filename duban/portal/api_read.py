"""What programs may look at. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from duban import clock
from duban.errors import InputError, Place
from duban.ledger import pages, queries, requests, views
from duban.ledger.pages import Choice
from duban.ledger.queries import Row
from duban.ledger.views import Reader
from duban.portal import api_rows, api_shapes
from duban.portal.access import Denied
from duban.portal.api_access import Program, program_of
from duban.portal.api_body import strict_query
from duban.portal.api_given import DAY
from duban.portal.items import Item, full_items, plain_items
from duban.portal.state import Portal, portal_of
from duban.portal.unit_pages import attachment
from duban.status import STATE_NAMES

router = APIRouter(prefix="/api/v1", dependencies=[Depends(strict_query)])
MOST, USUAL = 200, 50
_BATCH = 500
OPEN_STATES = ("waiting", "active", "returned")

Caller = Annotated[Program, Depends(program_of)]
_SIGN = r"^[^\x00-\x1f\x7f]*$"
_UNIT = "只看这个单位（单位编号）；单位凭证只看得到本单位"
Unit = Annotated[str, Query(max_length=80, description=_UNIT, examples=["longhu"])]
Task = Annotated[str, Query(max_length=80, description="任务编号", examples=["A-1"])]
Key = Annotated[
    str,
    Query(
        min_length=1, max_length=240, description="应办编号", examples=["A-1/longhu/report:2026-11"]
    ),
]
AnyKey = Annotated[str, Query(max_length=240, description="应办编号")]
Cursor = Annotated[str, Query(max_length=600, description="上一页回答里的 next")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="一页最多几条")]
Day = Annotated[
    str, Query(pattern=rf"({DAY})|^$", description="日期，如 2026-11-23", examples=["2026-11-23"])
]  # fmt: skip


def not_here(what: str) -> Denied:
    """The answer for what does not exist and for what is another unit's: the same."""
    return Denied(404, f"没有这{what}", f"您看得到的范围里没有这{what}。", "编号照清单里的写。")


@router.get("/me", tags=["凭证"], operation_id="me")
def me(caller: Caller) -> api_shapes.Me:
    """这个凭证是谁的。"""
    return api_shapes.Me(
        name=caller.name,
        unit=caller.unit or None,
        account=caller.account or None,
        scopes=list(caller.scopes),
        expires_at=caller.expires_at,
    )


# ---- items -------------------------------------------------------------------------------------


_STATE = "now 现在该办的（默认）· overdue 逾期的 · all 除启用前以外的全部 · 或某一状态"
_STATE_VALUES = ["now", "overdue", "all", *STATE_NAMES]
State = Annotated[str, Query(max_length=20, description=_STATE, json_schema_extra={"enum": _STATE_VALUES})]  # fmt: skip


@router.get("/items", tags=["应办事项"], operation_id="list_items")
def list_items(
    request: Request,
    caller: Caller,
    *,
    state: State = "now",
    unit: Unit = "",
    task: Task = "",
    lamp: Annotated[str, Query(max_length=20, description="灯色，如 red")] = "",
    due_from: Day = "",
    due_until: Day = "",
    cursor: Cursor = "",
    limit: Limit = USUAL,
) -> api_shapes.ItemPage:
    """应办事项清单：时限早的在前，未起算的在后；单位凭证只列本单位。"""
    portal = portal_of(request)
    now = portal.now()
    choice = replace(
        _chosen(state, clock.day_of(now)),
        unit=unit or caller.unit,
        task=task,
        due_from=api_rows.day(due_from, "due_from"),
        due_until=api_rows.day(due_until, "due_until"),
    )
    after = api_rows.after_day(cursor)
    found: list[Item] = []
    if may(caller, choice):
        with portal.ledger.read() as conn:
            for each in _walk(portal, conn, choice, after, now):
                wanted = state != "overdue" or each.standing.overdue
                if wanted and lamp in {"", each.standing.lamp.colour}:
                    found.append(each)
                if len(found) > limit:
                    break
    last = found[limit - 1] if len(found) > limit else None
    return api_shapes.ItemPage(
        as_of=now,
        items=[api_rows.item(each) for each in found[:limit]],
        next=api_rows.cursor(last.row["due_on"], last.key) if last else None,
    )


def _chosen(state: str, today: date) -> Choice:
    if state not in _STATE_VALUES:
        way_out = f"可用：{'、'.join(_STATE_VALUES)}。"
        raise InputError.one("state", Place("state"), "没有这个状态。", way_out)
    if state in {"now", "overdue"}:
        return Choice(states=OPEN_STATES, open_by=today)
    if state == "all":
        return Choice(states=tuple(name for name in STATE_NAMES if name != "historic"))
    return Choice(states=(state,))


def _walk(
    portal: Portal,
    conn: Reader,
    choice: Choice,
    after: tuple[date | None, str] | None,
    now: datetime,
) -> Iterator[Item]:
    """Items in order, read in batches: lamps are computed, so the database cannot choose by them."""
    while True:
        rows = pages.items(conn, choice, after, _BATCH)
        yield from plain_items(portal.office, rows, now)
        if len(rows) < _BATCH:
            return
        after = rows[-1]["due_on"], rows[-1]["key"]


def seen_item(conn: Reader, caller: Program, key: str) -> Row:
    """The row of an item that a program may see. Raises Denied (404)."""
    row = queries.one_obligation(conn, key)
    if row is None or not caller.sees(row["unit"]):
        raise not_here("一项")
    return row


@router.get("/item", tags=["应办事项"], operation_id="get_item")
def one_item(request: Request, caller: Caller, key: Key) -> api_shapes.ItemFull:
    """一项应办事项：现状、要报的指标、历次报送和办理经过。"""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = seen_item(conn, caller, key)
        shown = full_items(portal.office, conn, row["unit"], [row], portal.now())[0]
        return api_shapes.ItemFull.model_validate(
            api_rows.item_values(shown)
            | {
                "needs_percent": shown.needs_percent,
                "may_extend": shown.may_extend,
                "asked": api_rows.asked(shown),
                "submissions": api_rows.submissions(conn, queries.submissions(conn, key)),
                "requests": [api_rows.asking(each) for each in requests.of(conn, key)],
                "history": api_rows.history(portal, conn, caller, key),
            }
        )


# ---- submissions -------------------------------------------------------------------------------

_SUBMISSION_STATES = ["", "pending", "accepted", "returned"]


@router.get("/submissions", tags=["报送"], operation_id="list_submissions")
def list_submissions(
    request: Request,
    caller: Caller,
    *,
    state: Annotated[
        str,
        Query(
            max_length=20,
            description="pending 待审核（各项最新一版）· accepted · returned；不写为全部",
            json_schema_extra={"enum": _SUBMISSION_STATES},
        ),
    ] = "",
    key: AnyKey = "",
    unit: Unit = "",
    since: Day = "",
    cursor: Cursor = "",
    limit: Limit = USUAL,
) -> api_shapes.SubmissionPage:
    """报送记录，先到的在前；记下最后的 cursor，以后接着取新的。"""
    if state not in _SUBMISSION_STATES:
        raise InputError.one(
            "state", Place("state"), "没有这个状态。", "可用：pending、accepted、returned。"
        )
    choice = Choice(
        unit=unit or caller.unit,
        key=key,
        states=[state] if state else [],
        since=since_of(since),
    )
    after = api_rows.after_moment(cursor)
    with portal_of(request).ledger.read() as conn:
        rows = pages.submissions(conn, choice, after, limit + 1) if may(caller, choice) else []
        return api_shapes.SubmissionPage(
            submissions=api_rows.submissions(conn, rows[:limit]),
            next=next_of(rows, limit, "received_at"),
        )


def may(caller: Program, choice: Choice) -> bool:
    """Whether a list may hold anything: another unit's is as empty as an unknown one's."""
    return not caller.unit or choice.unit == caller.unit


def since_of(text: str) -> datetime | None:
    """The beginning of a day of a query, None when it is not given. Raises InputError."""
    found = api_rows.day(text, "since")
    return None if found is None else clock.at(found)


def next_of(rows: Sequence[Row], limit: int, by: str) -> str | None:
    """The cursor of the next page, None when there is none; ``rows`` holds one more than the page."""
    if len(rows) <= limit:
        return None
    return api_rows.cursor(rows[limit - 1][by], rows[limit - 1]["id"])


SubmissionId = Annotated[
    str,
    Query(min_length=1, max_length=240, description="报送编号（# 在网址里写作 %23）", examples=["A-1/longhu/report:2026-11#1"]),
]  # fmt: skip


@router.get("/submission", tags=["报送"], operation_id="get_submission")
def one_submission(
    request: Request,
    caller: Caller,
    id: SubmissionId,  # noqa: A002 - the address
) -> api_shapes.Submission:
    """一份报送和它的附件清单。"""
    with portal_of(request).ledger.read() as conn:
        row = queries.one_submission(conn, id)
        if row is None or not caller.sees(row["unit"]):
            raise not_here("份报送")
        return api_rows.submissions(conn, [row])[0]


_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "附件原文",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
EvidenceId = Annotated[
    str,
    Query(min_length=1, max_length=300, description="附件编号（# 在网址里写作 %23）", examples=["A-1/longhu/report:2026-11#1:6b86b273ff34fce1"]),
]  # fmt: skip


@router.get(
    "/evidence",
    tags=["报送"],
    operation_id="get_evidence",
    responses=_FILE,
    response_class=Response,
)
def evidence_file(request: Request, caller: Caller, id: EvidenceId) -> Response:  # noqa: A002 - the address
    """下载一份佐证材料。"""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = views.one_evidence(conn, id)
    if row is None or not caller.sees(row["unit"]):
        raise not_here("份附件")
    response = attachment(portal, row)
    response.headers["Content-Type"] = "application/octet-stream"
    return response
