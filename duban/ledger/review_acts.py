"""What the office does with a report besides accepting and returning it: part of it, and a second look.

As in ``transitions``: each act checks what it requires and records events; refusals are InputError.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from duban import clock
from duban.errors import NOWHERE, InputError
from duban.ledger import queries
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.ledger.transitions import need_pending
from duban.obligations import due_moment

LONGEST_REST_DAYS = 186
"""Days until what is still owed must be due: half a year, so that nothing is put off for good."""
REASON_CHARS = 240


def accept_part(
    writing: Writing, submission: str, *, owed: str, due_on: date, actor: str, reason: str = ""
) -> None:
    """部分通过: the report is accepted as far as it goes; what is still ``owed`` stays open till ``due_on``.

    The original due and whether the report was late stay as they are. The round goes up: the rest has its
    own reminders and its own ladder.
    """
    owed, reason = owed.strip(), reason.strip()
    if not owed:
        raise _refuse("no-owed", "部分通过要写明还欠什么。", "写一句还要补交的内容，如“协议文本”。")
    found = need_pending(writing, submission)
    row = _row(writing, found["obligation"])
    _need_due(writing, due_on)
    said = part_words(owed, reason)
    reviewed = {
        "id": submission,
        "state": "accepted",
        "reviewed_at": writing.at,
        "reviewer": actor,
        "review_reason": said,
    }
    goes_on = _open_again(row, due_on, f"部分通过，{_until(due_on)}前补齐：{owed}")
    writing.record(
        Draft("submission.reviewed", submission, reviewed, why=said, obligation=row["key"]),
        Draft("obligation.accepted_part", row["key"], goes_on, why=said, obligation=row["key"]),
        actor=actor,
    )


def part_words(owed: str, reason: str) -> str:
    """What the record says of a report that was accepted in part."""
    return "；".join(filter(None, (f"部分通过，尚欠：{owed}", reason)))


def reopen(writing: Writing, key: str, *, due_on: date, actor: str, reason: str) -> None:
    """回头看: a closed item is opened again with a reason and a due of its own; nothing is erased."""
    reason = reason.strip()
    row = _row(writing, key)
    if not reason:
        raise _refuse("no-reason", "回头看要写明理由。", "写一句发现了什么、要补什么。")
    if row["state"] != "closed":
        raise _refuse("not-closed", "只有已办结的事项能回头看，这一项现在没有办结。", "刷新再看。")
    _need_due(writing, due_on)
    goes_on = _open_again(row, due_on, f"回头看，{_until(due_on)}前补正：{reason}")
    changed = goes_on | {"closed_at": None}
    writing.record(
        Draft("obligation.reopened", key, changed, why=reason, obligation=key), actor=actor
    )


def _open_again(row: queries.Row, due_on: date, reason: str) -> dict[str, Any]:
    return {
        "key": row["key"],
        "state": "active",
        "is_open": 1,
        "due_on": due_on,
        "due_at": due_moment(due_on, None),
        "round": row["round"] + 1,
        "acked_at": None,
        "reason": reason[:REASON_CHARS],
    }


def _need_due(writing: Writing, due_on: date) -> None:
    days = (due_on - clock.day_of(writing.at)).days
    if days < 0:
        raise _refuse("due-past", f"时限 {due_on} 已经过去。", "改成今天或以后的日期。")
    if days > LONGEST_REST_DAYS:
        raise _refuse(
            "due-far", f"时限 {due_on} 太远（{days}天）。", f"不超过{LONGEST_REST_DAYS}天。"
        )


def _until(day: date) -> str:
    return f"{day.month}月{day.day}日"


def _row(writing: Writing, key: str) -> queries.Row:
    row = queries.one_obligation(writing.conn, key)
    if row is None:
        raise _refuse("no-obligation", f"没有应办事项“{key}”。", "从清单里选择。")
    return row


def _refuse(code: str, message: str, way_out: str) -> InputError:
    return InputError.one(code, NOWHERE, message, way_out)
