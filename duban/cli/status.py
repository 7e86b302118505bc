"""The command ``status``: how the ledger stands, and where the papers lie."""

from __future__ import annotations

import argparse
from typing import Any

from duban.cli import show
from duban.cli.work import TITLES
from duban.errors import Exit
from duban.settings import Home, find_home
from duban.status import STATE_NAMES

_PROPOSAL = {
    "taken": "已发出",
    "waiting": "待确认",
    "confirmed": "已确认",
    "softened": "降级发出",
    "dropped": "不予采纳",
    "withdrawn": "自动撤回",
}
_MESSAGE = {
    "sent": "已送出",
    "queued": "待发",
    "failed": "送不到",
    "unknown": "是否送到不明",
    "expired": "过期未发",
    "cancelled": "已取消",
}


def status(args: argparse.Namespace) -> int:
    """Obligations, messages, requests, escalations, scores; digest and score sheet; the address to open."""
    from duban.ledger.overview import overview
    from duban.office import open_office

    home = find_home(args.home)
    with open_office(home, create=False) as office, office.ledger.read() as conn:
        found = overview(conn, office.ledger.now())
        found["address"] = office.settings.public_url
    if args.format == "json":
        show.as_json(found)
        return Exit.DONE
    show.banner(example=found["example"])
    show.table(("事项", "数量", "明细"), _rows(found))
    show.say("", *_papers(home, found))
    return Exit.DONE


def _rows(found: dict[str, Any]) -> list[tuple[str, object, str]]:
    states, messages = found["obligations"], found["messages"]
    raised = sum(each["number"] for each in found["escalations"])
    scores = found["scores"]
    return [
        (
            "应办事项",
            sum(states.values()),
            _words({STATE_NAMES.get(name, name): number for name, number in states.items()}),
        ),
        ("其中逾期未办", found["overdue"], ""),
        (
            "消息",
            sum(messages.values()),
            _words({_MESSAGE.get(name, name): number for name, number in messages.items()})
            + f"；近7天送出{found['messages_last_7_days']}",
        ),
        ("已发通知、等报送", found["requests_open"], f"待办公室审核{found['to_review']}"),
        (
            "督办梯级",
            raised,
            "，".join(
                f"{each['step']}{_PROPOSAL.get(each['state'], each['state'])}{each['number']}"
                for each in found["escalations"]
            ),
        ),
        (
            "参评单位",
            scores["assessed"] if scores else 0,
            "；".join(
                f"{each['group']}{each['units']}家 {each['worst']}～{each['best']}分"
                for each in scores["groups"]
            )
            if scores
            else "还没有考核批次",
        ),
        ("记录", found["events"], f"链头 {found['head'][:16]}"),
    ]


def _words(counts: dict[str, int]) -> str:
    return "，".join(
        f"{name}{number}"
        for name, number in sorted(counts.items(), key=lambda each: each[1], reverse=True)
    )


def _papers(home: Home, found: dict[str, Any]) -> list[str]:
    lines = []
    if found["digest"]:
        lines.append(
            f"周报：{'、'.join(home.shown(home.var / name) for name in found['digest']['files'])}"
        )
    if found["scores"]:
        lines.append(
            f"得分表：{'、'.join(home.shown(home.var / name) for name in found['scores']['files'])}"
        )
    lines.append(f"邮件：{home.shown(home.var / 'mail')}/（未配置 SMTP 时存放在这里）")
    lines.append(
        "流程："
        + "，".join(
            f"{TITLES.get(each['stage'], each['stage'])} {each['logical_at']:%m-%d %H:%M}"
            for each in found["ticks"]
        )
    )
    lines.append(f"网页：{found['address']}（duban up 运行时可打开）")
    return lines
