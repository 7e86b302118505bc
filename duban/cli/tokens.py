"""Commands of the HTTP API: tokens of programs, and the description of the API."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from duban import clock
from duban.accounts import plain_name
from duban.cli import show
from duban.cli.work import find_unit
from duban.errors import Exit, UsageError
from duban.settings import find_home


def add(args: argparse.Namespace) -> int:
    """Issue a token and tell it once, on the terminal or in a new file that only we can read."""
    from duban.ledger import tokens
    from duban.office import open_office

    if args.out and Path(args.out).exists():
        raise UsageError(f"文件 {args.out} 已经有了，没有覆盖。", "换一个文件名。")
    home = find_home(args.home)
    show.banner(example=home.example)
    with open_office(home) as office:
        wish = tokens.Wish(
            plain_name(args.name),
            find_unit(office, args.unit) if args.unit else "",
            plain_name(args.account),
            args.scope or [tokens.READ],
            args.days,
        )
        with office.ledger.write(show.user_name("")) as writing:
            token = tokens.issue(writing, wish, units=office.units)
            until = tokens.holds(writing.conn, token, writing.at)
            # Within the transaction: where the file cannot be written, no token was issued.
            _keep(args.out, token)
    assert until is not None
    told = {
        "id": until["id"][: tokens.MARK_CHARS],
        "unit": wish.unit,
        "scopes": until["scopes"].split(),
        "expires_at": until["expires_at"],
    }
    if args.format == "json":
        show.as_json(told | ({"file": args.out} if args.out else {"token": token}))
        return Exit.DONE
    show.say(f"凭证已写入 {args.out}。" if args.out else token)
    show.note(
        f"编号 {told['id']}，{clock.day_of(until['expires_at'])}前有效。凭证只给这一次，台账里只有它的哈希；"
        "存进对方系统的密钥库，不要发在群里。"
    )
    return Exit.DONE


def _keep(path: str, token: str) -> None:
    if path:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{token}\n")


def list_all(args: argparse.Namespace) -> int:
    """Every token: whose, what it may, until when. When one was last used is kept nowhere."""
    from duban.ledger import tokens
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        rows = tokens.tokens(conn)
        now = office.ledger.now()
    found = [
        {
            "id": row["id"][: tokens.MARK_CHARS],
            "name": row["name"],
            "unit": row["unit"],
            "account": row["account"],
            "scopes": row["scopes"].split(),
            "made_at": row["made_at"],
            "expires_at": row["expires_at"],
            "revoked_at": row["revoked_at"],
            "works": row["revoked_at"] is None and row["expires_at"] > now,
        }
        for row in rows
    ]
    if args.format == "json":
        show.as_json(found)
        return Exit.DONE
    show.table(
        ("编号", "用途", "谁的", "署名", "权限", "状态"),
        [
            (
                each["id"],
                each["name"],
                each["unit"] or "办公室",
                each["account"] or "—",
                "、".join(tokens.SCOPE_NAMES[scope] for scope in each["scopes"]),
                _state(
                    row["revoked_at"] is not None,
                    bool(each["works"]),
                    str(clock.day_of(row["expires_at"])),
                ),
            )
            for each, row in zip(found, rows, strict=True)
        ],
    )
    show.say(f"共{len(found)}个凭证。" if found else "还没有凭证：duban token add 用途 --unit 单位")
    return Exit.DONE


def _state(revoked: bool, works: bool, until: str) -> str:
    if revoked:
        return "已停用"
    return f"{until}到期" if works else f"{until}已到期"


def revoke(args: argparse.Namespace) -> int:
    """End a token at once."""
    from duban.ledger import tokens
    from duban.office import open_office

    with (
        open_office(find_home(args.home), create=False) as office,
        office.ledger.write(show.user_name("")) as writing,
    ):
        row = tokens.revoke(writing, args.id.strip(), args.why)
    show.say(f"凭证“{row['name']}”已停用，从现在起不能用。")
    return Exit.DONE


def openapi(args: argparse.Namespace) -> int:
    """Write the OpenAPI document; the same as the service answers at /api/v1/openapi.json."""
    from duban.portal.api_openapi import text

    if args.out:
        Path(args.out).write_text(text(), encoding="utf-8")
        show.say(f"已写入 {args.out}")
    else:
        show.say(text().rstrip())
    return Exit.DONE
