"""Tools: deadline, workdays."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from duban.cli import show
from duban.errors import Exit, Issues, UsageError
from duban.settings import find_home
from duban.workdays import Calendar, load_calendar


def deadline(args: argparse.Namespace) -> int:
    """Read a deadline phrase and say what was understood."""
    from duban.matrix.deadlines import read, settle

    anchors = dict(_anchors([*args.anchor, *args.given]))
    reading = read(args.phrase, year=args.year)
    due = settle(reading, _calendar(args), _called(anchors))
    answer = reading.as_json()
    if due.on is not None:
        answer |= {"due": due.on.isoformat(), "provisional": due.provisional}
    if args.format == "json":
        show.as_json(answer)
    else:
        show.say(
            f"“{args.phrase}”",
            *(
                f"  {_LABELS.get(name, name)}：{_shown(name, value)}"
                for name, value in answer.items()
                if value not in (None, [], "", "none")
            ),
        )
        if due.on is None and due.reason:
            show.say(f"  {due.reason}")
    return Exit.INPUT if reading.level.value == "error" else Exit.DONE


_LABELS = {
    "kind": "类别",
    "start": "开始",
    "due": "截止",
    "time": "时刻",
    "alternatives": "另一种读法",
    "parts": "各部分",
    "every": "周期",
    "day": "哪一天",
    "offset": "期限",
    "shift": "遇休息日",
    "until": "直到",
    "anchor": "起算点",
    "outcome": "结论",
    "level": "程度",
    "note": "说明",
    "provisional": "暂定",
}
_WORDS = {
    "date": "日期",
    "month": "月份",
    "year": "年份",
    "before": "某月（年）前",
    "range": "起止期间",
    "recurring": "定期",
    "open": "长期，没有截止日",
    "conditional": "视条件而定",
    "compound": "办结后常态化",
    "split": "分段完成",
    "relative_event": "从事件起算",
    "after": "从某时开始",
    "not_a_date": "不是时限",
    "blank": "空白",
    "next": "顺延",
    "previous": "提前",
    "settled": "已读懂",
    "ask": "有疑问，请人确认",
    "refused": "读不懂",
    "error": "错误",
    "warning": "警告",
    "info": "提示",
    "True": "是",
    "False": "否",
}


_OFFSET_UNITS = {"days": "日", "workdays": "个工作日", "months": "个月"}
_EVERY = {"week": "每周", "month": "每月", "quarter": "每季度", "half": "每半年", "year": "每年"}


def _shown(name: str, value: Any) -> str:
    if name == "every":
        return _EVERY[value]
    if name == "day":
        return str(value["words"])
    if name == "offset":
        return f"{value['amount']}{_OFFSET_UNITS[value['unit']]}"
    if name == "parts":
        return "；".join(f"{part['text']}（{part['due'] or '没有截止日'}）" for part in value)
    return "；".join(value) if isinstance(value, list) else _WORDS.get(str(value), str(value))


_ENGLISH = {
    "approved": ("批复",),
    "issued": ("印发",),
    "meeting": ("会", "会议"),
    "会议": ("会", "会议"),
}


def _called(anchors: dict[str, date]) -> dict[str, date | None]:
    """Anchors under every name a phrase may use for them."""
    found: dict[str, date | None] = {}
    for name, on in anchors.items():
        for each in (name, *_ENGLISH.get(name, ())):
            found[each] = on
    return found


def _anchors(given: Iterable[str]) -> Iterable[tuple[str, date]]:
    for text in given:
        name, _, day = text.partition("=")
        on = show.day(day, "起算点日期")
        if not name or on is None:
            raise UsageError(
                f"起算点“{text}”写法不对。", "写成 名称=日期，如 approved=2024-01-03。"
            )
        yield name, on


def _calendar(args: argparse.Namespace) -> Calendar:
    """The home's calendar, or the shipped one when run outside a home."""
    from duban.cli.matrix import starter

    issues = Issues()
    try:
        home = find_home(args.home)
        path, shown = home.config / "calendar.yaml", "config/calendar.yaml"
    except UsageError:
        if args.home:
            raise
        path, shown = starter() / "config" / "calendar.yaml", "config/calendar.yaml"
    calendar = load_calendar(Path(path), shown, issues)
    issues.stop_on_errors()
    return calendar


def workdays_add(args: argparse.Namespace) -> int:
    """The working day so many working days after (negative: before) a day."""
    first = _need(args.date)
    calendar = _calendar(args)
    try:
        on = calendar.add(first, args.number)
    except ValueError as problem:
        raise UsageError(str(problem), "改用这个范围内的日期和天数。") from None
    _answer(
        args,
        {
            "from": first,
            "working_days": args.number,
            "date": on,
            "provisional": calendar.is_provisional(on),
        },
        str(on),
        provisional=calendar.is_provisional(on),
    )
    return Exit.DONE


def workdays_between(args: argparse.Namespace) -> int:
    """How many working days lie after the first day up to and including the last."""
    first, last = _need(args.first), _need(args.last)
    calendar = _calendar(args)
    try:
        number = calendar.between(first, last)
    except ValueError as problem:
        raise UsageError(str(problem), "改用这个范围内的日期。") from None
    provisional = calendar.is_provisional(max(first, last))
    _answer(
        args,
        {"from": first, "to": last, "working_days": number, "provisional": provisional},
        str(number),
        provisional=provisional,
    )
    return Exit.DONE


def _need(text: str) -> date:
    found = show.day(text)
    if found is None:
        raise UsageError("缺少日期。", "写成 2026-11-22。")
    return found


def _answer(
    args: argparse.Namespace, answer: dict[str, object], text: str, *, provisional: bool
) -> None:
    if args.format == "json":
        show.as_json(answer)
    else:
        show.say(text + ("（暂定：该年放假安排尚未公布）" if provisional else ""))
