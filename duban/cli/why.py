"""The command ``why``: why something was said or not said, for any unit, task and day."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from duban import clock
from duban.cli import show
from duban.cli.messages import waiting
from duban.cli.work import find_unit
from duban.errors import Exit
from duban.matrix.model import POST_NAMES
from duban.settings import find_home

LIMIT = 60
"""Rows of a table; the rest is counted."""


def why(args: argparse.Namespace) -> int:
    """Answer for every candidate: what was said or not said, when, and the reason."""
    from duban.office import open_office
    from duban.reasons import answer

    home = find_home(args.home)
    on = show.day(args.date)
    with open_office(home, create=False) as office:
        found = answer(office, find_unit(office, args.unit), args.task, on)
        name = office.units[found.unit].short
    if args.format == "json":
        show.as_json(found.as_json())
        return Exit.DONE
    show.banner(example=home.example)
    if found.day:
        show.say(f"{name}：{found.day}")
    _tell_notices(found.notices)
    _tell_silent(found.silent)
    _tell_sums(found.sums)
    return Exit.DONE


def _outcome(row: Mapping[str, Any]) -> str:
    from duban.reasons import CODES

    return CODES.get(row["code"], str(row["code"]))


def _reason(row: Mapping[str, Any]) -> str:
    """Why it was said; and of what waits in the outbox, until when and for what."""
    if row["outcome"] != "grouped":
        return str(row["reason"])
    said = f"{row['reason']}{_later(row)}"
    if row["message_state"] != "queued":
        return said
    names = ("state", "not_before", "retry_at", "wait_why")
    return f"{said}；{waiting({name: row[f'message_{name}'] for name in names})}"


_HELD = {"hours": "不在工作时间", "today": "当天消息已发", "cap": "当天加急消息已到上限"}


def _later(row: Mapping[str, Any]) -> str:
    """On which later day it was said, when it had to wait for one."""
    if not row["held"]:
        return ""
    return f"（{_HELD[row['held']]}，顺到{clock.day_of(row['message_at'])}发）"


def _tell_notices(rows: Sequence[Mapping[str, Any]]) -> None:
    told = [
        (
            f"{clock.local(row['decided_at']):%Y-%m-%d %H:%M}",
            row["task"],
            row["label"],
            POST_NAMES.get(row["recipient"], row["recipient"]),
            _outcome(row),
            _reason(row),
        )
        for row in rows[:LIMIT]
    ]
    if told:
        show.table(("时刻", "任务", "期次", "岗位", "结果", "原因"), told)
    if len(rows) > LIMIT:
        show.say(f"……另有{len(rows) - LIMIT}条，用 --task、--date 缩小范围，或 --format json。")
    _tell_routes(rows[:LIMIT])


def _tell_routes(rows: Sequence[Mapping[str, Any]]) -> None:
    """Which channel each post's messages took, and by whose word."""
    taken = Counter(
        (
            POST_NAMES.get(row["recipient"], row["recipient"]),
            row["message_channel"],
            row["message_route"],
        )
        for row in rows
        if row["message_route"]
    )
    for (post, channel, because), number in taken.items():
        show.say(f"{post}的{number}条走 {channel}：{because}。")


def _tell_silent(silent: Sequence[Any]) -> None:
    if not silent:
        return
    show.say("没有产生提醒的事项：")
    rows = [(each.task, each.label, each.due_on or "", each.reason) for each in silent[:LIMIT]]
    show.table(("任务", "期次", "时限", "原因"), rows)
    if len(silent) > LIMIT:
        show.say(f"……另有{len(silent) - LIMIT}件，用 --task 缩小范围，或 --format json。")


def _tell_sums(sums: Mapping[str, Any]) -> None:
    from duban.reasons import CODES

    if not sums["candidates"]:
        show.say("这个范围内没有候选提醒。")
        return
    parts = " + ".join(f"{CODES.get(code, code)}{n}" for code, n in sums["codes"].items())
    show.say(f"候选{sums['candidates']}条（发出{sums['sent']}，未发{sums['not_sent']}） = {parts}")
