"""Takes away what a page shows: the red list, the heat map, the ledger, the burden – as CSV or Excel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from duban import clock
from duban.portal import board_read, item_pages, unit_board
from duban.portal.access import Clerk, Denied
from duban.portal.board import Cell, LampCell
from duban.portal.board_read import Show
from duban.portal.item_pages import Filter
from duban.portal.office_pages import Visitor
from duban.portal.seen import Moment, Scope, Scoped, Seen
from duban.portal.shown import PROPOSAL_STATES, ROLES, moment
from duban.portal.state import Portal, portal_of
from duban.reports.boardbook import Sheet, Value, csv_bytes, xlsx_bytes
from duban.settings import EXAMPLE_MARK
from duban.status import STATE_NAMES

router = APIRouter(include_in_schema=False)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is taken away: ``what`` red, heat, items or burden; ``format`` csv or xlsx."""

    what: str = ""
    format: str = "csv"


@router.get("/office/export")
def export(
    request: Request,
    visitor: Visitor,
    *,
    seen: Moment,
    scope: Scoped,
    asked: Annotated[Asked, Depends(Asked)],
    show: Annotated[Show, Depends(Show)],
    wanted: Annotated[Filter, Depends(Filter)],
) -> Response:
    """The same rows as on the page, with its filters, its scope and its moment."""
    portal = portal_of(request)
    sheet = _sheet(portal, visitor, asked.what, seen=seen, scope=scope, show=show, wanted=wanted)
    if sheet is None or asked.format not in {"csv", "xlsx"}:
        raise Denied(
            404, "没有这种导出", "能导出的有红灯清单、热力表、台账和报送负担。", "从页面上点导出"
        )
    sheet = replace(sheet, notes=(*_notes(portal, seen, scope), *sheet.notes))
    name = quote(f"{sheet.name}_{seen.today:%Y%m%d}.{asked.format}")
    is_csv = asked.format == "csv"
    return Response(
        csv_bytes(sheet) if is_csv else xlsx_bytes(sheet),
        media_type="text/csv; charset=utf-8" if is_csv else XLSX,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def _sheet(
    portal: Portal,
    visitor: Clerk,
    what: str,
    *,
    seen: Seen,
    scope: Scope,
    show: Show,
    wanted: Filter,
) -> Sheet | None:
    if what == "red":
        return _red(portal, seen, scope)
    if what == "heat":
        return _heat(portal, seen, scope, show)
    if what == "items":
        return _items(portal, seen, scope, item_pages.narrowed(wanted, visitor))
    if what == "burden" and not visitor.unit:
        return _burden(portal, seen, scope, show)
    return None


def _notes(portal: Portal, seen: Seen, scope: Scope) -> tuple[str, ...]:
    said = f"{portal.office.settings.office_name}　数据截至 {moment(seen.now)}"
    notes = [said + ("（按当时已入账的情况）" if seen.day else "")]
    if scope.chosen == "mine":
        notes.append("只含分管单位")
    if portal.home.example:
        notes.append(f"{EXAMPLE_MARK}：演示内容，不是真实考核结果")
    return tuple(notes)


def _red(portal: Portal, seen: Seen, scope: Scope) -> Sheet:
    found = board_read.gather(portal, seen, scope, Show())
    head = (
        "责任单位", "任务编号", "事项", "期次", "时限", "逾期天数", "灯", "状态", "进度%", "原因", "督办梯级",
        "督办状态", "键",
    )  # fmt: skip
    rows: list[Sequence[Value]] = []
    for item in found.late:
        row, step = item.row, found.steps.get(item.key)
        rows.append(
            (
                item.unit_name, row["task"], row["title"], row["label"], str(row["due_on"]),
                item.standing.days_overdue, item.standing.lamp.name, STATE_NAMES[row["state"]],
                row["percent"], found.reasons[item.key], step["name"] if step else "",
                PROPOSAL_STATES[step["state"]] if step else "", item.key,
            )
        )  # fmt: skip
    return Sheet("红灯清单", (), head, rows, seen.now)


def _heat(portal: Portal, seen: Seen, scope: Scope, show: Show) -> Sheet:
    found = board_read.gather(portal, seen, scope, show)
    rows: list[Sequence[Value]] = [
        (row.unit.group, row.unit.short or row.unit.name, *(_cell(cell) for cell in row.cells))
        for row in found.heat
    ]
    what = "按时率（%）" if show.by_rate else "灯色：已过月份是当月记录，以后不改；本月按截至时刻算"
    head = ("组别", "单位", *(column.key for column in found.columns))
    return Sheet("热力表", (what,), head, rows, seen.now)


def _cell(cell: Cell | LampCell) -> Value:
    if not cell:
        return ""
    return cell.share if isinstance(cell, Cell) else cell.text


def _items(portal: Portal, seen: Seen, scope: Scope, wanted: Filter) -> Sheet:
    found = item_pages.wanted_items(portal, wanted, seen, scope)
    head = (
        "单位", "任务编号", "事项", "期次", "分工", "时限", "原时限", "状态", "灯", "说明", "逾期天数", "进度%",
        "首次报到", "办结", "键",
    )  # fmt: skip
    rows: list[Sequence[Value]] = []
    for item in found:
        row = item.row
        rows.append(
            (
                item.unit_name, row["task"], row["title"], row["label"], ROLES.get(row["role"], row["role"]),
                str(row["due_on"] or ""), str(row["original_due_on"] or ""), STATE_NAMES[row["state"]],
                item.standing.lamp.name, item.standing.words, item.standing.days_overdue, row["percent"],
                _at(row["submitted_at"]), _at(row["closed_at"]), item.key,
            )
        )  # fmt: skip
    asked = "；".join(f"{name}={value}" for name, value in wanted.chosen.items() if value)
    return Sheet("台账", (f"筛选：{asked}",) if asked else (), head, rows, seen.now)


def _at(value: datetime | None) -> str:
    return "" if value is None else f"{clock.local(value):%Y-%m-%d %H:%M}"


def _burden(portal: Portal, seen: Seen, scope: Scope, show: Show) -> Sheet:
    told = unit_board.asked(portal, seen, scope, show)
    limits = portal.office.settings.board
    head = ("单位", *(f"{each:%Y-%m}" for each in told.months), "合计次数", "估算分钟", "超限月数")
    rows: list[Sequence[Value]] = [
        (
            row.unit.short or row.unit.name,
            *(cell.number for cell in row.months),
            row.whole.number,
            row.whole.minutes,
            row.over,
        )
        for row in told.found.rows
    ]
    note = (
        f"每次报送按{limits.minutes_per_ask}分钟估算；一个单位一个月超过{limits.asks_per_month}次"
        f"或{limits.minutes_per_month}分钟算超限"
    )
    return Sheet("报送负担", (note,), head, rows, seen.now)
