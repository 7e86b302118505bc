"""Commands of the daily work: run, preview, why, up, worker."""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import date, timedelta
from typing import Any

from duban import clock
from duban.cli import show
from duban.errors import Exit, OutsideError, UsageError
from duban.matrix.model import POST_NAMES
from duban.settings import find_home
from duban.status import STATE_NAMES

ALL = ("publish", "collect", "escalate", "remind", "digest", "assess", "deliver", "upkeep")
"""What ``run all`` runs. Reminders after requests and escalation: a person's one message of the day must
hold them all. Deliver last, so that it sends what the others queued."""
TITLES = {
    "publish": "发布",
    "remind": "提醒",
    "collect": "收报",
    "escalate": "督办",
    "digest": "周报",
    "assess": "考核",
    "deliver": "送信",
    "upkeep": "维护",
}


def run(args: argparse.Namespace) -> int:
    """Run one stage, or all of them in order, as Prefect flow runs (or directly)."""
    home = find_home(args.home)
    names = ALL if args.stage == "all" else (args.stage,)
    on = show.day(args.date)
    if args.direct:
        from duban.stages import run_stage

        reports, failed = [], []
        for name in names:
            try:
                reports.append(run_stage(name, str(home.root), on).as_json())
            except OutsideError as problem:
                failed.append(f"{TITLES.get(name, name)}没有完成：{problem}")
    else:
        from flows.service import run_flows

        runs: list[dict[str, Any]] = run_flows(names, home.root, on, show.note)
        reports = [each["report"] for each in runs if each["ok"]]
        failed = [
            f"{TITLES.get(each['flow'], each['flow'])}没有完成：{each['error']}"
            for each in runs
            if not each["ok"]
        ]
    if args.format == "json":
        show.as_json(reports)
    else:
        show.banner(example=home.example)
        tell(reports)
    show.note(*failed)
    outside = failed or any(report["outside"] for report in reports)
    return Exit.OUTSIDE if outside else Exit.DONE


def tell(reports: list[dict[str, Any]]) -> None:
    """The table of what happened, then the sentences and files."""
    rows = []
    for report in reports:
        done = "，".join(f"{name} {number}" for name, number in report["counts"].items() if number)
        rows.append(
            (
                TITLES.get(report["stage"], report["stage"]),
                report["logical_at"][:16].replace("T", " "),
                done or "没有新变化",
            )
        )
    show.table(("流程", "逻辑时刻", "做了什么"), rows)
    for report in reports:
        for line in report["lines"][:12]:
            show.say(f"  {TITLES.get(report['stage'], report['stage'])}｜{line}")
    files = [path for report in reports for path in report["files"]]
    if files:
        show.say("文件：", *(f"  {path}" for path in files))


def preview(args: argparse.Namespace) -> int:
    """Rehearse the coming days in one transaction that is rolled back: the scheduler in plan mode."""
    from duban.office import open_office
    from duban.rehearsal import rehearse

    if not 1 <= args.days <= 370:
        raise UsageError("--days 应在 1 到 370 之间。", "如 --days 30。")
    home = find_home(args.home)
    with open_office(home, create=False) as office:
        messages = rehearse(office, office.ledger.now(), args.days)
    if args.format == "json":
        show.as_json(messages)
        return Exit.DONE
    show.banner(example=home.example)
    rows = [
        (
            each["day"],
            each["unit_name"],
            each["person"],
            each["lines"],
            each["bytes"],
            each["subject"],
        )
        for each in messages
    ]
    show.table(("日期", "单位", "收信人", "事项", "字节", "标题"), rows)
    show.say(f"今后{args.days}天预计发出{len(messages)}条消息（假设这期间没有新的报送）。")
    return Exit.DONE


def why(args: argparse.Namespace) -> int:
    """Answer for every candidate: what was said or not said, when, and the reason."""
    from duban.ledger import queries
    from duban.office import open_office

    home = find_home(args.home)
    on = show.day(args.date)
    with open_office(home, create=False) as office:
        unit = find_unit(office, args.unit)
        since = clock.at(on) if on else None
        until = clock.at(on + timedelta(days=1)) if on else None
        with office.ledger.read() as conn:
            rows = queries.notices(
                conn, unit=unit, task=args.task or None, since=since, until=until
            )
            items = queries.obligations(conn, unit=unit, task=args.task or None)
        silent = silent_reasons(
            office,
            items,
            {row["obligation"] for row in rows},
            on or clock.day_of(office.ledger.now()),
        )
    if args.format == "json":
        show.as_json({"notices": [dict(row) for row in rows], "silent": silent})
        return Exit.DONE
    show.banner(example=home.example)
    _tell_why(rows, silent, limit=60)
    return Exit.DONE


OUTCOMES = {
    "pending": "待发",
    "grouped": "已并入消息",
    "superseded": "并入后一梯级",
    "inhibited": "因督办免扰",
    "silenced": "免扰期内未发",
    "acknowledged": "已签收未发",
    "submitted": "已报送未发",
    "closed": "已办结未发",
    "cancelled": "已取消未发",
    "suspended": "暂缓未发",
    "unstarted": "未起算",
    "moot": "状态已变未发",
}


_MESSAGES = {
    "sent": "已送出",
    "queued": "已并入消息，待送",
    "failed": "送不到，改日再发",
    "unknown": "是否送到不明",
    "expired": "过期未发，改日再发",
    "cancelled": "已作罢",
}


def _outcome(row: Any) -> str:
    """What became of a notice; of one that was said, what became of its message."""
    if row["outcome"] == "grouped":
        return _MESSAGES.get(row["message_state"], OUTCOMES["grouped"])
    return OUTCOMES.get(str(row["outcome"]), str(row["outcome"]))


def _tell_why(rows: list[Any], silent: list[dict[str, Any]], *, limit: int) -> None:
    told = [
        (
            f"{clock.local(row['decided_at']):%Y-%m-%d %H:%M}",
            row["task"],
            row["label"],
            POST_NAMES.get(row["recipient"], row["recipient"]),
            _outcome(row),
            row["reason"],
        )
        for row in rows[:limit]
    ]
    show.table(("时刻", "任务", "期次", "岗位", "结果", "原因"), told)
    if len(rows) > limit:
        show.say(f"……另有{len(rows) - limit}条，用 --task、--date 缩小范围，或 --format json。")
    if silent:
        show.say("", "没有产生提醒的事项：")
        show.table(
            ("任务", "期次", "时限", "原因"),
            [
                (each["task"], each["label"], each["due_on"] or "未起算", each["reason"])
                for each in silent[:limit]
            ],
        )
    counted = Counter(_outcome(row) for row in rows)
    show.say(
        f"候选{len(rows)}条 = " + " + ".join(f"{name}{number}" for name, number in counted.items())
        if rows
        else "这个范围内没有候选提醒。"
    )


def silent_reasons(
    office: Any, items: list[Any], spoken: set[str], day: date
) -> list[dict[str, Any]]:
    """Why obligations near the day got no notice at all: no rung came up, or nothing is owed."""
    found = []
    for row in items:
        if row["key"] in spoken or row["state"] == "cancelled":
            continue
        if row["due_on"] is not None and not day - timedelta(days=60) <= row[
            "due_on"
        ] <= day + timedelta(days=60):
            continue
        found.append(
            {
                "task": row["task"],
                "label": row["label"],
                "due_on": row["due_on"],
                "state": row["state"],
                "reason": _silent_reason(office, row, day),
            }
        )
    return found


def _silent_reason(office: Any, row: Any, day: date) -> str:
    if row["state"] == "unstarted":
        return "起算点未定，尚未起算"
    if row["state"] == "historic":
        return "启用之前到期，不提醒、不督办、不计分"
    if row["state"] in {"submitted", "closed"}:
        return f"{STATE_NAMES[row['state']]}，无须提醒"
    if row["opens_on"] is not None and row["opens_on"] > day:
        return f"报送期{row['opens_on']}才开始"
    if row["due_on"] is None:
        return "没有正在走的时限"
    first = max((rung.before for rung in office.reminders.rungs), default=0)
    left = office.calendar.between(day, row["due_on"])
    if left > first:
        return f"距时限还有{left}个工作日，最早的提醒在前{first}个工作日"
    return "两级提醒之间，今天没有到梯级"


def find_unit(office: Any, name: str) -> str:
    """The id of a unit by any of its names. Raises UsageError with suggestions."""
    meaning = office.names.find(name)
    if meaning is None or len(meaning.units) != 1:
        near = office.names.suggest(name)
        raise UsageError(
            f"没有名为“{name}”的单位。",
            f"是不是：{'、'.join(near)}？" if near else "名称见 config/units.yaml。",
        )
    return str(meaning.units[0])


def up(args: argparse.Namespace) -> int:
    """Portal, schedules and the embedded Prefect server as one process tree, until Ctrl-C."""
    from flows.service import up as start

    home = find_home(args.home)
    show.banner(example=home.example)
    show.note(
        f"办公室入口：http://{args.host}:{args.port}/office/login　钥匙在 {home.shown(home.var / 'office.key')}",
        "联络员入口：消息里的个人链接；也可用 duban user link 单位 开出一个。",
    )
    return start(home.root, args.host, args.port)
