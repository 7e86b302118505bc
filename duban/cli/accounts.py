"""Commands of accounts: add, list, disable, enable, reset, role, totp. A password never stands in a command."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from duban import clock
from duban.accounts import ROLE_NAMES, Role, check_password, plain_name
from duban.cli import show
from duban.cli.work import find_unit
from duban.errors import NOWHERE, Exit, InputError, Issues, UsageError
from duban.settings import find_home

if TYPE_CHECKING:
    from duban.ledger.store import Writing
    from duban.office import Office


def add(args: argparse.Namespace) -> int:
    """Add an account, with a password (asked here or from a file) or with a one-time link to set one."""
    from duban.ledger import account_changes

    name = plain_name(args.name)
    with _changing(args) as (office, writing):
        unit = find_unit(office, args.unit) if args.unit else ""
        token = account_changes.add(
            writing, name, args.role, unit, claim=args.claim.strip(), units=office.units
        )
        password = _password(args, office, name, unit)
        if password:
            _set_password(writing, name, password)
    show.say(f"已建立账号“{name}”：{ROLE_NAMES[Role(args.role)]}{f'（{unit}）' if unit else ''}。")
    if not password:
        _say_link(office, token)
    return Exit.DONE


def reset(args: argparse.Namespace) -> int:
    """End the old password and every session; a new password, or a one-time link to set one."""
    from duban.ledger import account_changes

    name = plain_name(args.name)
    with _changing(args) as (office, writing):
        unit = account_changes.need(writing, name)["unit"]
        token = account_changes.reset(writing, name)
        account_changes.forgive(writing, office.home, name)
        password = _password(args, office, name, unit)
        if password:
            _set_password(writing, name, password)
    show.say(f"“{name}”的原口令已停用，各处登录都已退出。")
    if not password:
        _say_link(office, token)
    return Exit.DONE


def disable(args: argparse.Namespace) -> int:
    """The account opens nothing any more; its name stays taken."""
    from duban.ledger import account_changes

    with _changing(args) as (_, writing):
        account_changes.disable(writing, plain_name(args.name))
    show.say(f"“{plain_name(args.name)}”已停用，各处登录都已退出。")
    return Exit.DONE


def enable(args: argparse.Namespace) -> int:
    """The account works again."""
    from duban.ledger import account_changes

    with _changing(args) as (_, writing):
        account_changes.enable(writing, plain_name(args.name))
    show.say(f"“{plain_name(args.name)}”已恢复。")
    return Exit.DONE


def role(args: argparse.Namespace) -> int:
    """Another role; every session ends."""
    from duban.ledger import account_changes

    with _changing(args) as (office, writing):
        unit = find_unit(office, args.unit) if args.unit else ""
        now = account_changes.change_role(
            writing, plain_name(args.name), args.role, unit, units=office.units
        )
    show.say(f"“{plain_name(args.name)}”已改为{ROLE_NAMES[now]}，要重新登录。")
    return Exit.DONE


def totp(args: argparse.Namespace) -> int:
    """Say whether an account has a second factor; ``--off`` ends it, for a lost phone."""
    from duban.ledger import account_changes

    name = plain_name(args.name)
    with _changing(args) as (_, writing):
        row = account_changes.need(writing, name)
        if args.off and row["totp_at"] is not None:
            account_changes.drop_factor(writing, name)
    if row["totp_at"] is None:
        show.say(f"“{name}”没有启用动态口令；由本人登录后在“我的账号”里启用。")
    elif args.off:
        show.say(f"“{name}”的动态口令已停用，各处登录都已退出；本人登录后可重新启用。")
    else:
        since = f"{clock.local(row['totp_at']):%Y-%m-%d %H:%M}"
        show.say(f"“{name}”自{since}起启用动态口令，备用码还有{row['recovery_left']}个。")
    return Exit.DONE


def list_all(args: argparse.Namespace) -> int:
    """Every account: role, unit, whether it works, when last here. No secrets."""
    from duban.ledger import accounts
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        rows = accounts.accounts(conn)
    found = [
        {
            "name": row["name"],
            "role": row["role"],
            "unit": row["unit"],
            "active": bool(row["active"]),
            "claim": row["claim"],
            "password": row["password_at"] is not None,
            "totp": row["totp_at"] is not None,
            "made_at": row["made_at"],
            "last_at": row["last_at"],
        }
        for row in rows
    ]
    if args.format == "json":
        show.as_json(found)
        return Exit.DONE
    show.table(
        ("账号", "角色", "单位", "状态", "口令", "动态口令", "最近登录"),
        [
            (
                each["name"],
                ROLE_NAMES[Role(str(each["role"]))],
                each["unit"],
                "在用" if each["active"] else "停用",
                "已设" if each["password"] else "未设",
                "启用" if each["totp"] else "—",
                f"{row['last_at']:%Y-%m-%d %H:%M}" if row["last_at"] else "—",
            )
            for each, row in zip(found, rows, strict=True)
        ],
    )
    show.say(f"共{len(found)}个账号。" if found else "还没有账号：duban user add 姓名 --role admin")
    return Exit.DONE


# ---- passwords ---------------------------------------------------------------------------------


@contextmanager
def _changing(args: argparse.Namespace) -> Iterator[tuple[Office, Writing]]:
    """The office and one transaction of whoever sits at the terminal."""
    from duban.office import open_office

    home = find_home(args.home)
    show.banner(example=home.example)
    with open_office(home) as office, office.ledger.write(show.user_name("")) as writing:
        yield office, writing


def _password(args: argparse.Namespace, office: Office, name: str, unit: str) -> str:
    """The password from a file, from standard input or asked twice; empty when a link is wanted."""
    password = _given(args)
    if not password:
        return ""
    issues = Issues()
    found = office.units.get(unit)
    check_password(
        password, [name, office.settings.office_name, found.name if found else ""], issues
    )
    issues.stop_on_errors()
    return password


def _given(args: argparse.Namespace) -> str:
    if args.password_file == "-":
        return _first_line(sys.stdin.readline(), "标准输入")
    if args.password_file:
        return _first_line(Path(args.password_file).read_text("utf-8"), args.password_file)
    if args.link or not sys.stdin.isatty():
        return ""
    first = getpass.getpass("口令（至少10个字符，不显示；直接回车则生成一次性链接）：")
    if first and getpass.getpass("再输一次：") != first:
        raise InputError.one("password-again", NOWHERE, "两次输入的口令不一样。", "重新运行。")
    return first


def _first_line(text: str, where: str) -> str:
    line = text.split("\n", maxsplit=1)[0].rstrip("\r")
    if not line:
        raise UsageError(f"{where}里没有口令。", "第一行写口令。")
    return line


def _set_password(writing: Writing, name: str, password: str) -> None:
    from duban.credentials import hash_password
    from duban.ledger import accounts

    accounts.set_password(writing, name, hash_password(password), "管理员在终端设口令")


def _say_link(office: Office, token: str) -> None:
    show.say(f"{office.settings.public_url}/office/password/{token}")
    show.note("这是设口令的一次性链接，72小时内有效，只显示这一次；请当面或用可靠的办法交给本人。")
