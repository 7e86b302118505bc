"""Commands of the daily work: run, why, up, worker."""

from __future__ import annotations

import argparse
from typing import Any

from duban.cli import show
from duban.errors import Exit, OutsideError, UsageError
from duban.settings import Home, find_home

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
        f"办公室入口：http://{args.host}:{args.port}/office/login　{_how_to_enter(home)}",
        "联络员入口：消息里的个人链接；也可用 duban user link 单位 开出一个。",
    )
    return start(home.root, args.host, args.port)


def _how_to_enter(home: Home) -> str:
    """What opens the office: its key while there is no administrator, then accounts."""
    from duban.ledger import accounts
    from duban.office import open_office

    with open_office(home, create=False) as office:
        setting = office.settings.sign_in.office_key
        with office.ledger.read() as conn:
            admins = accounts.admins(conn)
    key = f"钥匙在 {home.shown(home.var / 'office.key')}"
    if setting == "never" or (setting == "until_admin" and admins):
        return "用账号登录" if admins else "还没有账号：duban user add 姓名 --role admin"
    if admins:
        return f"用账号登录，或用钥匙（{key}）"
    return f"{key}；正式启用前先建管理员账号：duban user add 姓名 --role admin"
