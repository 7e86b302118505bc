"""What an administrator does to accounts, on a page or in a terminal: the rules, then the writing.

Every function raises InputError with all that stands against it, and then has written nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from duban import credentials
from duban.accounts import ROLE_NAMES, Role, check_admin_stays, check_name, check_unit
from duban.errors import NOWHERE, Issues
from duban.ledger import accounts
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.settings import Home


def add(
    writing: Writing, name: str, role: str, unit: str, *, claim: str, units: Collection[str]
) -> str:
    """A new account; the token of the one-time link that sets its password."""
    issues = Issues()
    everybody = accounts.accounts(writing.conn)
    check_name(name, [row["name"] for row in everybody], issues)
    found = _role(role, unit, units, issues)
    if claim and claim in {row["claim"] or row["name"] for row in everybody}:
        issues.error(
            "claim-twice", NOWHERE, f"已有账号对应认证服务里的“{claim}”。", "一人一个，核对后再填。"
        )
    issues.stop_on_errors()
    accounts.add(writing, name, found, unit=unit, claim=claim)
    return reset(writing, name)


def reset(writing: Writing, name: str) -> str:
    """The old password ends, every session ends; the token of a one-time link that sets a new one.

    The link is kept only as a hash.
    """
    need(writing, name)
    token = credentials.new_token()
    accounts.invite(writing, name, credentials.hash_of(token))
    return token


def forgive(writing: Writing, home: Home, name: str) -> None:
    """Failed tries of an account are forgotten: its owner stands beside us."""
    for way in ("password", "code"):
        accounts.count(writing, credentials.try_key(credentials.account_key(home), way, name), 0)


def change_role(
    writing: Writing, name: str, role: str, unit: str, *, units: Collection[str]
) -> Role:
    """Another role; every session ends."""
    row = need(writing, name)
    issues = Issues()
    found = _role(role, unit, units, issues)
    _admin_stays(writing, row, issues, stays=found is Role.ADMIN)
    issues.stop_on_errors()
    accounts.change(writing, name, f"改为{ROLE_NAMES[found]}", role=found.value, unit=unit)
    return found


def disable(writing: Writing, name: str) -> None:
    """The account opens nothing any more; its name stays taken, because it has signed."""
    row = need(writing, name)
    issues = Issues()
    _admin_stays(writing, row, issues, stays=False)
    issues.stop_on_errors()
    accounts.change(writing, name, "停用账号", active=0)


def enable(writing: Writing, name: str) -> None:
    """The account works again."""
    need(writing, name)
    accounts.change(writing, name, "恢复账号", active=1)


def drop_factor(writing: Writing, name: str) -> None:
    """No second factor until its owner begins a new one: for a lost phone."""
    need(writing, name)
    accounts.totp_off(writing, name, "管理员停用动态口令")
    accounts.end_sessions(writing, name)


def need(writing: Writing, name: str) -> Row:
    """The account of a name. Raises InputError."""
    row = accounts.account(writing.conn, name)
    if row is None:
        issues = Issues()
        issues.error("no-account", NOWHERE, f"没有账号“{name}”。", "duban user list 看有哪些账号。")
        issues.stop_on_errors()
    assert row is not None
    return row


def _role(said: str, unit: str, units: Collection[str], issues: Issues) -> Role:
    if said not in set(Role):
        issues.error("account-role", NOWHERE, "没有选角色。", f"可选：{'、'.join(Role)}。")
        return Role.REVIEWER
    if unit and unit not in units:
        issues.error("account-unit", NOWHERE, f"没有单位“{unit}”。", "用单位名录里的编号。")
        return Role(said)
    check_unit(Role(said), unit, issues)
    return Role(said)


def _admin_stays(writing: Writing, row: Row, issues: Issues, *, stays: bool) -> None:
    was = row["role"] == Role.ADMIN and bool(row["active"])
    check_admin_stays(accounts.admins(writing.conn, but=row["name"]), issues, was=was, stays=stays)
