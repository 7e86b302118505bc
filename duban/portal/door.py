"""Counts who tries to get in: so many tries are free, then each failure doubles the wait.

A try is counted before it is judged, so that a hundred at the same moment are a hundred.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from duban.accounts import (
    ACCOUNT_PATIENCE,
    ADDRESS_PATIENCE,
    Patience,
    counted,
    locked_until,
    network,
    worth_telling,
)
from duban.credentials import try_key
from duban.ledger import accounts
from duban.ledger.store import Writing
from duban.portal.access import Denied
from duban.portal.state import Portal

_LOCK = "登录"
"""Who counts, where no name is known yet."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One try. ``tell``: whether the record should hear of it when it fails."""

    who: str
    where: str
    network: str
    tell: bool


def take_turn(portal: Portal, request: Request, way: str, name: str) -> Turn:
    """Count a try before it is judged. Raises Denied (429) while tries are refused unseen.

    ``way``: password, code, key or oidc; the wait is the same whether an account of that name exists or
    not. Where there is no ``name``, only those at the same address wait.
    """
    address = request.client.host if request.client else ""
    who = try_key(portal.account_key, way, name or address)
    where = try_key(portal.account_key, "address", address)
    with portal.ledger.write(_LOCK) as writing:
        known = accounts.failures(writing.conn, [who, where])
        tell = False
        for key, patience in ((who, ACCOUNT_PATIENCE), (where, ADDRESS_PATIENCE)):
            failures, last_at = known.get(key, (0, writing.at))
            _stop_while_locked(failures, last_at, patience, writing.at)
            now_failures = counted(failures, last_at, writing.at) + 1
            accounts.count(writing, key, now_failures)
            tell = tell or worth_telling(now_failures, patience)
    return Turn(who, where, network(address), tell)


def _stop_while_locked(failures: int, last_at: datetime, patience: Patience, now: datetime) -> None:
    until = locked_until(failures, last_at, patience, now)
    if until is not None:
        minutes = max(1, -(-int((until - now).total_seconds()) // 60))
        raise Denied(
            429,
            "试的次数太多，先停一停",
            f"连续没有登录成功，约{minutes}分钟内不再接收这里的登录。",
            "过一会儿再试；忘了口令请管理员重设",
        )


def settle(writing: Writing, turn: Turn) -> None:
    """A try that succeeded: its name starts anew, its address may try again at once."""
    accounts.count(writing, turn.who, 0)
    known = accounts.failures(writing.conn, [turn.where]).get(turn.where)
    if known is not None:
        accounts.count(writing, turn.where, min(known[0] - 1, ADDRESS_PATIENCE.free - 1))


def refuse(portal: Portal, turn: Turn, name: str, *, how: str, why: str) -> None:
    """Record a refusal where it is worth it. ``name``: empty when no account has it."""
    if turn.tell:
        with portal.ledger.write(name or _LOCK) as writing:
            tell(writing, "refused", name, turn, how=how, why=why)


def tell(writing: Writing, kind: str, name: str, turn: Turn, *, how: str, why: str = "") -> None:
    """Record what happened at the door."""
    accounts.tell(writing, secrets.token_hex(8), kind, name, how=how, address=turn.network, why=why)
