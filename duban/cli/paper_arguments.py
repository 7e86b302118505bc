"""The arguments of ``duban digest …`` and ``duban paper …``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Add = Callable[..., argparse.ArgumentParser]
KINDS = ("circular", "advice", "letter", "urge", "supervise", "ledger", "scores")
KIND_TOLD = (
    "circular 督查通报、advice 工作提示、letter 提示函、urge 催办通知书、supervise 督办通知单、"
    "ledger 台账、scores 得分表"
)


def add(subs: Any, command: Add, parser: type[argparse.ArgumentParser]) -> None:
    """Add both commands."""
    _digests(subs, command, parser)
    _papers(subs, command, parser)


def _digests(subs: Any, command: Add, parser: type[argparse.ArgumentParser]) -> None:
    top: argparse.ArgumentParser = subs.add_parser("digest", help="周报和督查通报：列出、审定")
    inner = top.add_subparsers(
        dest="act", required=True, metavar="list|approve", parser_class=parser
    )
    command(inner, "list", "papers.list_digests", "列出周报、通报及其状态", lists=True)
    sub = command(inner, "approve", "papers.approve_digest", "审定一份草稿，随即发给领导和单位")
    sub.add_argument("id", metavar="编号", help="如 2026-W47、2026-11")
    sub.add_argument("--by", required=True, metavar="NAME", help="署名")


def _papers(subs: Any, command: Add, parser: type[argparse.ArgumentParser]) -> None:
    top: argparse.ArgumentParser = subs.add_parser(
        "paper", help="公文草稿：拟稿、编号、列出、作废、模板"
    )
    inner = top.add_subparsers(
        dest="act", required=True, metavar="make|list|void|template", parser_class=parser
    )
    sub = command(inner, "make", "papers.make", "拟一份编号的草稿（Word 和 PDF）", lists=True)
    sub.add_argument("--kind", choices=KINDS, default="", metavar="文种", help=KIND_TOLD)
    sub.add_argument(
        "--unit", action="append", default=[], metavar="单位", help="给哪个单位，可重复"
    )
    sub.add_argument("--all", action="store_true", help="给每个有事可说的单位各一份")
    sub.add_argument("--confirmed", action="store_true", help="为已确认、还没有拟稿的督办建议拟稿")
    sub.add_argument("--run", default="", metavar="批次", help="得分表用哪个考核批次（默认最近的）")
    sub.add_argument("--by", required=True, metavar="NAME", help="署名")
    sub = command(inner, "list", "papers.list_papers", "列出公文草稿", lists=True)
    sub.add_argument("--unit", default="", metavar="单位")
    sub.add_argument("--kind", choices=KINDS, default="", metavar="文种", help=KIND_TOLD)
    sub = command(inner, "void", "papers.void", "作废一份草稿（编号不再用）")
    sub.add_argument("id", metavar="编号", help="见 duban paper list")
    sub.add_argument("--reason", required=True, metavar="理由")
    sub.add_argument("--by", required=True, metavar="NAME", help="署名")
    sub = command(
        inner, "template", "papers.template", "取一份内置模板，放进 config/templates/papers/ 来改"
    )
    sub.add_argument("kind", choices=KINDS, metavar="文种", help=KIND_TOLD)
