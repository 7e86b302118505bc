"""Requests of units: asked with a reason and the progress so far, decided by a named person of the office.

While a request waits, the old due stands and the rungs go on. A grant changes the obligation (see
``duban.ledger.request_effects``); a refusal changes nothing and is told with its reason in the day's
message. What was asked, by whom, when, and what came of it is a row with its events.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban import clock
from duban.ledger import queries, tables
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.request_effects import Grant, effects, resumed, unit_key
from duban.ledger.request_rules import (
    DOC_CHARS,
    KIND_NAMES,
    NAME_CHARS,
    NEEDS_DOCUMENT,
    STATE_NAMES,
    Around,
    Asked,
    Bounds,
    check,
    refuse,
)
from duban.ledger.store import Writing
from duban.workdays import Calendar

__all__ = ["KIND_NAMES", "NEEDS_DOCUMENT", "STATE_NAMES", "Asked", "Bounds"]
Row = queries.Row
Day: TypeAlias = date
"""The type, where an argument is called ``date``."""
BY_RULE = "按设置自动同意"
_r, _o = tables.request.c, tables.obligation.c


# ---- read --------------------------------------------------------------------------------------


def _with_item() -> sa.Select[Any]:
    """Requests with what their obligation is called and when it is due."""
    return sa.select(
        tables.request,
        *(_o[name] for name in ("task", "title", "label", "due_on", "due_at", "original_due_on")),
        *(_o.state.label("obligation_state"), _o.extended, _o.percent, _o.is_open),
    ).join(tables.obligation, _o.key == _r.obligation)


def waiting(conn: Connection, *, unit: str | None = None) -> list[Row]:
    """Requests that wait for the office, oldest first, each with its obligation's title and dues.

    ``proposal`` is JSON text; ``words`` makes a sentence of it.
    """
    query = _with_item().where(_r.state == "waiting").order_by(_r.asked_at, _r.id)
    if unit is not None:
        query = query.where(_r.unit == unit)
    return list(conn.execute(query).mappings())


def of(conn: Connection, obligation: str) -> list[Row]:
    """Every request that was made for an obligation, newest first."""
    query = _with_item().where(_r.obligation == obligation).order_by(_r.asked_at.desc(), _r.id)
    return list(conn.execute(query).mappings())


def of_unit(conn: Connection, unit: str, limit: int = 100) -> list[Row]:
    """A unit's requests, newest first."""
    query = _with_item().where(_r.unit == unit).order_by(_r.asked_at.desc(), _r.id).limit(limit)
    return list(conn.execute(query).mappings())


def listed(conn: Connection, *, state: str | None = None, limit: int = 200) -> list[Row]:
    """Requests of the whole office, newest first; of one state when given."""
    query = _with_item().order_by(_r.asked_at.desc(), _r.id).limit(limit)
    if state is not None:
        query = query.where(_r.state == state)
    return list(conn.execute(query).mappings())


def one(conn: Connection, request: str) -> Row | None:
    """One request by id, with its obligation's title and dues."""
    return conn.execute(_with_item().where(_r.id == request)).mappings().first()


def by_idem(conn: Connection, idem_key: str) -> Row | None:
    """The request that came with this number of its sending."""
    return conn.execute(_with_item().where(_r.idem_key == idem_key)).mappings().first()


def decided_since(conn: Connection, since: datetime, until: datetime) -> list[Row]:
    """Requests that were granted or refused from one moment to another, for the day's message."""
    query = _with_item().where(
        _r.state.in_(("granted", "refused")), _r.decided_at >= since, _r.decided_at <= until
    )
    return list(conn.execute(query.order_by(_r.decided_at, _r.id)).mappings())


def words(row: Mapping[str, Any] | Row) -> str:
    """What is asked, in one sentence: 延期至2026年4月15日."""
    proposal = json.loads(row["proposal"])
    return _WORDS[str(row["kind"])](proposal)


def answer_words(row: Mapping[str, Any] | Row) -> str:
    """What the office answered, with its reason: for the unit's message and pages."""
    verdict = "已同意" if row["state"] == "granted" else "未同意"
    day = f"，定为{row['decided_date']}" if row["decided_date"] else ""
    paper = f"（{row['doc_no']}）" if row["doc_no"] else ""
    said = row["decision_reason"].rstrip("。；")
    why = f"：{said}" if said else ""
    stands = "" if row["state"] == "granted" else "；原时限不变"
    return f"{verdict}申请“{words(row)}”{day}{paper}{why}{stands}"


def _adjust_words(proposal: Mapping[str, Any]) -> str:
    named = {"title": "名称", "phrase": "时限用语", "unit": "承担单位"}
    said = [f"{named[name]}改为“{proposal[name]}”" for name in named if name in proposal]
    said += [
        f"指标{indicator}目标由{value.get('was') or '—'}改为{value['now']}"
        for indicator, value in sorted(proposal.get("targets", {}).items())
    ]
    return f"调整：{'；'.join(said)}"


def _split_words(proposal: Mapping[str, Any]) -> str:
    parts = [f"{each['title']}（{each['due']}，{each['share']}%）" for each in proposal["parts"]]
    return f"拆分为{len(parts)}部分：{'、'.join(parts)}"


_WORDS = {
    "extension": lambda proposal: f"延期至{proposal['until']}",
    "suspension": lambda proposal: f"暂缓，{proposal['until']}恢复办理",
    "adjustment": _adjust_words,
    "withdrawal": lambda proposal: "取消这一事项",
    "merge": lambda proposal: f"并入“{proposal['into']}”",
    "split": _split_words,
}


# ---- ask ---------------------------------------------------------------------------------------


def ask(
    writing: Writing,
    key: str,
    asked: Asked,
    *,
    actor: str,
    calendar: Calendar,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
) -> str:
    """Take in a request and give its id; the same ``idem_key`` again gives the same id.

    An extension that needs no office is granted at once. Raises InputError when it may not be asked.
    """
    known = by_idem(writing.conn, asked.idem_key) if asked.idem_key else None
    if known is not None:
        if known["obligation"] != key:
            raise refuse("idem-reused", "这个提交编号已用于另一事项。", "重新打开页面再提交。")
        return str(known["id"])
    row = queries.one_obligation(writing.conn, key)
    if row is None:
        raise refuse("no-obligation", f"没有应办事项“{key}”。", "从待办清单里选择。")
    earlier = of(writing.conn, key)
    check(row, asked, _around(writing.conn, row, asked, earlier), clock.local(writing.at), bounds)
    request = f"{key}?{len(earlier) + 1}"
    _record_ask(writing, row, request, asked, actor)
    if asked.kind == "extension" and not bounds.needs_office:
        why = "设置为无须办公室同意"
        decide(writing, request, grant=True, by=BY_RULE, reason=why, calendar=calendar)
    return request


def _around(conn: Connection, row: Row, asked: Asked, earlier: Sequence[Row]) -> Around:
    into, unit = asked.proposal.get("into"), asked.proposal.get("unit")
    found = None if unit is None else _unit(conn, str(unit))
    taken = unit is not None and queries.one_obligation(conn, unit_key(row["key"], str(unit)))
    return Around(
        earlier,
        None if into is None else queries.one_obligation(conn, str(into)),
        found,
        taken=bool(taken),
    )


def _unit(conn: Connection, unit: str) -> Row | None:
    return conn.execute(sa.select(tables.unit).where(tables.unit.c.id == unit)).mappings().first()


def _record_ask(writing: Writing, row: Row, request: str, asked: Asked, actor: str) -> None:
    values = {
        "id": request,
        "obligation": row["key"],
        "unit": row["unit"],
        "kind": asked.kind,
        "asked_at": writing.at,
        "asked_by": actor[:NAME_CHARS],
        "reason": asked.reason.strip(),
        "proposal": canonical(dict(asked.proposal)),
        "progress": asked.progress.strip(),
        "state": "waiting",
        "due_on_asked": row["due_on"],
        "idem_key": asked.idem_key,
    }
    draft = Draft("request.asked", request, values, asked.reason.strip(), obligation=row["key"])
    writing.record(draft, actor=actor)


# ---- decide ------------------------------------------------------------------------------------


def decide(
    writing: Writing,
    request: str,
    *,
    grant: bool,
    by: str,
    reason: str,
    calendar: Calendar,
    doc_no: str = "",
    date: Day | None = None,
) -> None:
    """A named person of the office grants or refuses a request; twice is refused.

    ``date``: the day the office decides instead of the one asked for (extension, suspension).
    Raises InputError with the way out.
    """
    found = _waiting(writing, request)
    if not by.strip():
        raise refuse("no-name", "答复申请须署名。", "填写经办人姓名。")
    if not grant and not reason.strip():
        raise refuse("no-reason", "不同意要写明理由，单位会看到。", "补上一句理由。")
    if grant and found["kind"] in NEEDS_DOCUMENT and not doc_no.strip():
        name = KIND_NAMES[found["kind"]]
        raise refuse("no-document", f"同意{name}要写明文号或会议纪要。", "补上文号。")
    if len(doc_no) > DOC_CHARS:
        raise refuse("too-long", f"文号不超过{DOC_CHARS}字。", "只写文号。")
    why = reason.strip() or f"同意{KIND_NAMES[found['kind']]}：{found['reason']}"
    said = _Said(by, why, doc_no.strip(), date, calendar)
    drafts = _granted(writing, found, said) if grant else []
    changed: dict[str, Any] = {
        "id": request,
        "state": "granted" if grant else "refused",
        "decided_at": writing.at,
        "decided_by": by.strip()[:NAME_CHARS],
        "decision_reason": reason.strip(),
        "doc_no": doc_no.strip(),
    }
    if grant and date is not None and "until" in json.loads(found["proposal"]):
        changed["decided_date"] = date
    decided = Draft("request.decided", request, changed, reason, obligation=found["obligation"])
    writing.record(decided, *drafts, actor=by)


def _waiting(writing: Writing, request: str) -> Row:
    found = one(writing.conn, request)
    if found is None:
        raise refuse("no-request", f"没有申请“{request}”。", "用 duban request list 查看。")
    if found["state"] != "waiting":
        raise refuse("request-decided", "这份申请已经答复过或已撤回。", "刷新申请清单。")
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """What the office says with a grant."""

    by: str
    why: str
    doc_no: str
    day: Day | None
    calendar: Calendar


def _granted(writing: Writing, found: Row, said: _Said) -> list[Draft]:
    row = queries.one_obligation(writing.conn, found["obligation"])
    assert row is not None
    if not row["is_open"]:
        name = KIND_NAMES[found["kind"]]
        raise refuse(
            "not-open", f"这一事项已不在办理中，不能再同意{name}。", "写明理由不予同意即可。"
        )
    proposal = json.loads(found["proposal"])
    if said.day is not None and "until" in proposal:
        proposal["until"] = said.day.isoformat()
    into = queries.one_obligation(writing.conn, proposal["into"]) if "into" in proposal else None
    if "into" in proposal and (into is None or not into["is_open"]):
        raise refuse("merge-into", "要并入的事项已不在办理中。", "不予同意，请单位另选。")
    grant = Grant(
        row,
        found,
        proposal,
        said.by,
        said.why,
        said.doc_no,
        writing.at,
        said.calendar,
        into,
    )
    return list(effects(grant))


def withdraw(writing: Writing, request: str, *, actor: str, reason: str = "单位撤回") -> None:
    """The unit takes its request back before it is decided. Raises InputError."""
    found = _waiting(writing, request)
    _end(writing, found, reason, actor)


def moot(writing: Writing, obligation: str, why: str, *, actor: str) -> None:
    """What waits for an obligation that is done or gone needs no answer any more."""
    for found in of(writing.conn, obligation):
        if found["state"] == "waiting":
            _end(writing, found, why, actor)


def _end(writing: Writing, found: Row, why: str, actor: str) -> None:
    changed = {
        "id": found["id"],
        "state": "withdrawn",
        "decided_at": writing.at,
        "decided_by": actor[:NAME_CHARS],
        "decision_reason": why,
    }
    draft = Draft("request.withdrawn", found["id"], changed, why, obligation=found["obligation"])
    writing.record(draft, actor=actor)


# ---- going on after a suspension ---------------------------------------------------------------


def resume(writing: Writing, key: str, *, calendar: Calendar, actor: str, reason: str) -> None:
    """A suspended obligation goes on from today with the working days that were left."""
    row = queries.one_obligation(writing.conn, key)
    if row is None or row["state"] != "suspended":
        raise refuse("not-suspended", "这一事项没有在暂缓。", "刷新清单。")
    changed = {"key": key, **resumed(row, clock.day_of(writing.at), calendar)}
    writing.record(Draft("obligation.resumed", key, changed, reason, key), actor=actor)


def resume_due(writing: Writing, calendar: Calendar) -> int:
    """Let go on what was suspended until today or an earlier day; how many."""
    query = (
        _with_item()
        .where(_r.kind == "suspension", _r.state == "granted", _o.state == "suspended")
        .order_by(_r.decided_at)
    )
    today, number = clock.day_of(writing.at), 0
    for row in {
        row["obligation"]: row for row in list(writing.conn.execute(query).mappings())
    }.values():
        until = row["decided_date"] or date.fromisoformat(json.loads(row["proposal"])["until"])
        if until <= today:
            why = f"暂缓期满（{until}），恢复办理"
            resume(writing, row["obligation"], calendar=calendar, actor=writing.actor, reason=why)
            number += 1
    return number
