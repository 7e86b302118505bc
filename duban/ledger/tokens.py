"""Tokens that programs show at the HTTP API, and the numbers under which their reports were sent.

A token belongs to one unit or to the office, may do certain things, and ends. It is random; the ledger keeps
its hash, and its events tell for whom and until when. When a token was last used is kept nowhere: what a
program asked for is no fact to score by.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.accounts import ROLE_NAMES, Role
from duban.credentials import hash_of, new_token
from duban.errors import NOWHERE, InputError, Issues
from duban.ledger import accounts, tables
from duban.ledger.events import Draft
from duban.ledger.queries import Row
from duban.ledger.store import Writing

READ, SUBMIT, REVIEW = "read", "submit", "review"
SCOPE_NAMES = {READ: "查看", SUBMIT: "报送", REVIEW: "审核"}
UNIT_SCOPES, OFFICE_SCOPES = (READ, SUBMIT), (READ, REVIEW)
REVIEWERS = frozenset({Role.ADMIN, Role.REVIEWER})
READERS = REVIEWERS | {Role.LEADER, Role.AUDITOR}
PREFIX = "duban_"
"""Begins every token, so that scanners for leaked secrets find one."""
MARK_CHARS = 12
"""So many signs of the hash name a token where it is listed and revoked."""
NAME_CHARS = 30
DAYS, MOST_DAYS = 180, 366  # defaults: a program's token is changed at least once a year
_NAME = re.compile(r"[\w·.\- ]+")
_t, _s = tables.api_token, tables.submission


@dataclass(frozen=True, slots=True)
class Wish:
    """A token that somebody asks for. ``unit`` is empty for the office's; ``account``: in whose name."""

    name: str
    unit: str = ""
    account: str = ""
    scopes: Sequence[str] = ()
    days: int = DAYS


def check(wish: Wish, account: Row | None, units: Collection[str], issues: Issues) -> None:
    """What stands against a token, all at once. ``account``: the row of ``wish.account``, if there is one."""
    if not wish.name or len(wish.name) > NAME_CHARS or not _NAME.fullmatch(wish.name):
        way_out = f"写用途，1到{NAME_CHARS}个字，不含标点，如 OA系统。"
        issues.error("token-name", NOWHERE, f"名称“{wish.name[:NAME_CHARS]}”不合写法。", way_out)
    if wish.unit and wish.unit not in units:
        issues.error("token-unit", NOWHERE, f"没有单位“{wish.unit}”。", "用单位名录里的编号。")
    allowed = UNIT_SCOPES if wish.unit else OFFICE_SCOPES
    if not wish.scopes or not set(wish.scopes) <= set(allowed):
        whose = "单位" if wish.unit else "办公室"
        issues.error(
            "token-scope", NOWHERE, f"{whose}凭证的权限不对。", f"可选：{'、'.join(allowed)}。"
        )
    if not 1 <= wish.days <= MOST_DAYS:
        issues.error(
            "token-days", NOWHERE, f"有效天数应在1到{MOST_DAYS}之间。", "到期前换一个新的。"
        )
    _check_account(wish, account, issues)


def _check_account(wish: Wish, account: Row | None, issues: Issues) -> None:
    if wish.unit and wish.account:
        issues.error("token-account", NOWHERE, "单位凭证不带账号。", "去掉 --account。")
    elif REVIEW in wish.scopes and not (wish.account or wish.unit):
        issues.error(
            "token-account",
            NOWHERE,
            "审核要有人署名，凭证须写明以谁的账号审核。",
            "加上 --account 姓名（管理员或审核员的账号）。",
        )
    elif wish.account and not acts_for(account, wish.scopes):
        issues.error(
            "token-account",
            NOWHERE,
            f"账号“{wish.account}”不存在、已停用，或角色不够。",
            f"审核用{'、'.join(ROLE_NAMES[each] for each in sorted(REVIEWERS))}的账号；见 duban user list。",
        )


def acts_for(account: Row | None, scopes: Collection[str]) -> bool:
    """Whether an account, as it is now, may do what a token in its name does."""
    if account is None or not account["active"]:
        return False
    return Role(account["role"]) in (REVIEWERS if REVIEW in scopes else READERS)


def issue(writing: Writing, wish: Wish, *, units: Collection[str]) -> str:
    """A new token, which is told only now. Raises InputError with all that stands against it."""
    issues = Issues()
    check(wish, accounts.account(writing.conn, wish.account), units, issues)
    issues.stop_on_errors()
    token = PREFIX + new_token()
    token_hash = hash_of(token)
    row = {
        "id": token_hash,
        "name": wish.name,
        "unit": wish.unit,
        "account": wish.account,
        "scopes": " ".join(sorted(set(wish.scopes))),
        "made_at": writing.at,
        "expires_at": writing.at + timedelta(days=wish.days),
    }
    writing.record(Draft("token.issued", _subject(token_hash), row, why=f"接口凭证：{wish.name}"))
    return token


def revoke(writing: Writing, mark: str, why: str) -> Row:
    """End a token by the beginning of its hash; the row it had. Raises InputError."""
    found = [row for row in tokens(writing.conn) if row["id"].startswith(mark)] if mark else []
    if len(found) != 1 or found[0]["revoked_at"] is not None:
        message = f"没有在用的凭证“{mark}”。" if len(found) < 2 else f"“{mark}”开头的不止一个。"
        raise InputError.one("token", NOWHERE, message, "编号见 duban token list。")
    row = {"id": found[0]["id"], "revoked_at": writing.at, "why": why[:240]}
    writing.record(Draft("token.revoked", _subject(row["id"]), row, why=why))
    return found[0]


def _subject(token_hash: str) -> str:
    return f"token:{token_hash[:MARK_CHARS]}"


def tokens(conn: Connection) -> list[Row]:
    """Every token, those that work first."""
    query = sa.select(_t).order_by(_t.c.revoked_at.is_not(None), _t.c.expires_at, _t.c.id)
    return list(conn.execute(query).mappings())


def holds(conn: Connection, token: str, now: datetime) -> Row | None:
    """The row of a token that works: known, not ended, not too old, its account as it must be."""
    if not token.startswith(PREFIX):
        return None
    row = conn.execute(sa.select(_t).where(_t.c.id == hash_of(token))).mappings().first()
    if row is None or row["revoked_at"] is not None or row["expires_at"] <= now:
        return None
    if row["account"]:
        owner = accounts.account(conn, row["account"])
        return row if acts_for(owner, row["scopes"].split()) else None
    return row


# ---- sent before -------------------------------------------------------------------------------


def sent_under(conn: Connection, start: str) -> Row | None:
    """The submission whose number begins so and goes on in hexadecimal, or None.

    Asked as a range, which the unique index answers in any collation (LIKE is not, outside C).
    """
    query = sa.select(_s).where(_s.c.idem_key >= f"{start}0", _s.c.idem_key < f"{start}g")
    return conn.execute(query.order_by(_s.c.idem_key).limit(1)).mappings().first()
