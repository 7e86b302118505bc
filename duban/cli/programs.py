"""The arguments of commands about the HTTP API."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def add_programs(
    subs: Any, add: Callable[..., argparse.ArgumentParser], kind: type[argparse.ArgumentParser]
) -> None:
    """Tokens of programs, and the description of the API. ``add`` makes a command of the usual sort."""
    top: argparse.ArgumentParser = subs.add_parser("token", help="接口凭证：开出、列出、停用")
    inner = top.add_subparsers(
        dest="act", required=True, metavar="add|list|revoke", parser_class=kind
    )
    sub = add(
        inner, "add", "tokens.add", "给一个单位或办公室的系统开出凭证，只显示一次", lists=True
    )
    sub.add_argument("name", metavar="用途", help="如 OA系统")
    sub.add_argument("--unit", default="", metavar="单位", help="哪个单位的；不写是办公室的")
    sub.add_argument("--account", default="", metavar="姓名", help="审核时以谁的账号署名")
    sub.add_argument(
        "--scope",
        action="append",
        default=[],
        choices=("read", "submit", "review"),
        metavar="权限",
        help="read 查看、submit 报送（单位）、review 审核（办公室），可重复；默认 read",
    )
    sub.add_argument(
        "--days", type=int, default=180, metavar="N", help="有效天数（默认180，最多366）"
    )
    sub.add_argument("--out", default="", metavar="文件", help="写进新文件（只有本人能读），不显示")
    add(inner, "list", "tokens.list_all", "列出凭证（不含凭证本身）", lists=True)
    sub = add(inner, "revoke", "tokens.revoke", "停用一个凭证")
    sub.add_argument("id", metavar="编号", help="见 duban token list")
    sub.add_argument("--why", default="不再使用", metavar="理由")
    sub = add(subs, "openapi", "tokens.openapi", "写出接口说明（OpenAPI 3.1）")
    sub.add_argument("--out", default="", metavar="文件", help="默认写到屏幕")
