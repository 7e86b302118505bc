"""Accounts in the ledger: what is recorded by events, and the secrets that are kept outside of them.

An event says *that* a password was set or a second factor began, never *what*. Secrets, sessions and
counted failures lie in tables without events (``tables.KEPT``), which a rebuild leaves alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.accounts import Role
from duban.ledger import tables
from duban.ledger.events import Draft
from duban.ledger.queries import Row
from duban.ledger.store import Writing

_a, _c, _s, _t = tables.account, tables.credential, tables.session, tables.throttle
INVITE = timedelta(hours=72)
"""How long a one-time link that sets a password works."""
THROTTLE_KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What an account proves itself with: hashes and a sealed secret, never plain text."""

    password: str = ""
    totp: str = ""
    totp_step: int = 0
    recovery: tuple[str, ...] = ()


# ---- reading -----------------------------------------------------------------------------------


def account(conn: Connection, name: str) -> Row | None:
    """The account of a name."""
    return conn.execute(sa.select(_a).where(_a.c.name == name)).mappings().first()


def accounts(conn: Connection) -> list[Row]:
    """All accounts with when each last signed in, those that work first."""
    last = (
        sa.select(tables.sign_in.c.account, sa.func.max(tables.sign_in.c.at).label("last_at"))
        .where(tables.sign_in.c.act == "in", tables.sign_in.c.how != "key")
        .group_by(tables.sign_in.c.account)
        .subquery()
    )
    query = (
        sa.select(_a, last.c.last_at)
        .select_from(_a.outerjoin(last, last.c.account == _a.c.name))
        .order_by(_a.c.active.desc(), _a.c.role, _a.c.name)
    )
    return list(conn.execute(query).mappings())


def by_claim(conn: Connection, claim: str) -> Row | None:
    """The one account that a sign-in service calls so: by its claim, else by its name."""
    query = sa.select(_a).where(
        sa.or_(_a.c.claim == claim, sa.and_(_a.c.claim == "", _a.c.name == claim))
    )
    found = list(conn.execute(query.limit(2)).mappings())
    return found[0] if claim and len(found) == 1 else None


def admins(conn: Connection, *, but: str = "") -> int:
    """How many administrators may sign in, one of them left out."""
    query = (
        sa.select(sa.func.count())
        .select_from(_a)
        .where(_a.c.role == Role.ADMIN.value, _a.c.active == 1, _a.c.name != but)
    )
    return int(conn.execute(query).scalar_one())


def secrets_of(conn: Connection, name: str) -> Secrets:
    """What an account proves itself with; nothing for an unknown one."""
    row = conn.execute(sa.select(_c).where(_c.c.name == name)).mappings().first()
    if row is None:
        return Secrets()
    return Secrets(
        row["password"], row["totp"], row["totp_step"], tuple(json.loads(row["recovery"]))
    )


def invited(conn: Connection, token_hash: str, now: datetime) -> str | None:
    """Whose password a one-time link may set; None when it does not work (any more)."""
    query = (
        sa.select(_c.c.name, _c.c.invite_until)
        .select_from(_c.join(_a, _a.c.name == _c.c.name))
        .where(_c.c.invite == token_hash, _a.c.active == 1)
    )
    row = conn.execute(query).first() if token_hash else None
    return None if row is None or row[1] is None or row[1] <= now else str(row[0])


def session(conn: Connection, session_hash: str) -> Row | None:
    """A session with the account it belongs to, as that account is now."""
    query = (
        sa.select(_s, _a.c.role, _a.c.unit, _a.c.active, _a.c.totp_at)
        .select_from(_s.join(_a, _a.c.name == _s.c.account))
        .where(_s.c.id == session_hash)
    )
    return conn.execute(query).mappings().first()


def sessions_of(conn: Connection, name: str) -> list[Row]:
    """An account's sessions, the last used first."""
    query = sa.select(_s).where(_s.c.account == name).order_by(_s.c.seen_at.desc(), _s.c.id)
    return list(conn.execute(query).mappings())


def sign_ins(conn: Connection, *, account: str = "", limit: int = 50) -> list[Row]:
    """What happened at the door, newest first."""
    table = tables.sign_in
    query = sa.select(table).order_by(table.c.at.desc(), table.c.id).limit(limit)
    if account:
        query = query.where(table.c.account == account)
    return list(conn.execute(query).mappings())


def failures(conn: Connection, keys: Sequence[str]) -> dict[str, tuple[int, datetime]]:
    """Counted failures and when the last one was, by key."""
    query = sa.select(_t).where(_t.c.id.in_(list(keys)))
    return {row.id: (row.failures, row.last_at) for row in conn.execute(query)}


# ---- accounts ----------------------------------------------------------------------------------


def add(writing: Writing, name: str, role: Role, *, unit: str = "", claim: str = "") -> None:
    """A new account, which cannot sign in before it has a password."""
    row = {
        "name": name,
        "role": role.value,
        "unit": unit,
        "active": 1,
        "claim": claim,
        "made_at": writing.at,
    }
    _record(writing, "account.added", name, row, "建立账号")
    writing.conn.execute(_c.delete().where(_c.c.name == name))
    writing.conn.execute(_c.insert().values(name=name))


def change(writing: Writing, name: str, why: str, **row: Any) -> None:
    """Another role, unit, claim, or whether it works; every session of the account ends."""
    _record(writing, "account.changed", name, {"name": name, **row}, why)
    end_sessions(writing, name)
    if row.get("active") == 0:
        _keep(writing, name, invite="", invite_until=None)


def invite(writing: Writing, name: str, token_hash: str) -> None:
    """A one-time link may set the password; the old one and all sessions end at once."""
    until = writing.at + INVITE
    row = {"name": name, "password_at": None}
    _record(writing, "account.invited", name, row, "发出一次性设口令链接，原口令停用")
    _keep(writing, name, password="", invite=token_hash, invite_until=until)
    end_sessions(writing, name)


def set_password(writing: Writing, name: str, password_hash: str, why: str) -> None:
    """A new password; every session and one-time link of the account ends."""
    row = {"name": name, "password_at": writing.at}
    _record(writing, "account.password_set", name, row, why)
    _keep(writing, name, password=password_hash, invite="", invite_until=None)
    end_sessions(writing, name)


def totp_on(
    writing: Writing, name: str, sealed: str, recovery: Sequence[str], *, step: int
) -> None:
    """A second factor from now on. ``recovery``: hashes of the codes for a lost phone."""
    row = {"name": name, "totp_at": writing.at, "recovery_left": len(recovery)}
    _record(writing, "account.totp_on", name, row, "启用动态口令")
    _keep(writing, name, totp=sealed, totp_step=step, recovery=json.dumps(list(recovery)))


def totp_off(writing: Writing, name: str, why: str) -> None:
    """No second factor any more."""
    row = {"name": name, "totp_at": None, "recovery_left": 0}
    _record(writing, "account.totp_off", name, row, why)
    _keep(writing, name, totp="", totp_step=0, recovery="[]")


def use_step(writing: Writing, name: str, step: int) -> bool:
    """Take a step of the second factor; false when it, or a later one, was used before."""
    done = writing.conn.execute(
        _c.update().where(_c.c.name == name, _c.c.totp_step < step).values(totp_step=step)
    )
    return done.rowcount == 1


def use_recovery(writing: Writing, name: str, code_hash: str) -> bool:
    """Strike out a recovery code; false when there is none such (any more)."""
    left = [each for each in secrets_of(writing.conn, name).recovery if each != code_hash]
    row = account(writing.conn, name)
    if row is None or len(left) == row["recovery_left"]:
        return False
    _record(
        writing,
        "account.recovery_used",
        name,
        {"name": name, "recovery_left": len(left)},
        f"用了一个备用码，还剩{len(left)}个",
    )
    _keep(writing, name, recovery=json.dumps(left))
    return True


def _record(writing: Writing, kind: str, name: str, row: Mapping[str, Any], why: str) -> None:
    writing.record(Draft(kind, f"account:{name}", row, why=why))


def _keep(writing: Writing, name: str, **values: Any) -> None:
    """Change what lies outside the record; a restored ledger may have lost the row."""
    done = writing.conn.execute(_c.update().where(_c.c.name == name).values(**values))
    if done.rowcount == 0:
        writing.conn.execute(_c.insert().values(name=name, **values))


# ---- sessions ----------------------------------------------------------------------------------


def start_session(
    writing: Writing,
    session_hash: str,
    name: str,
    stage: str,
    *,
    how: str,
    address: str,
    browser: str,
) -> None:
    """A session begins. ``stage``: ``code`` or ``enrol`` while something is missing, else ``full``."""
    writing.conn.execute(
        _s.insert().values(
            id=session_hash,
            account=name,
            stage=stage,
            started_at=writing.at,
            seen_at=writing.at,
            how=how,
            address=address,
            browser=browser[:120],
        )
    )


def touch(writing: Writing, session_hash: str) -> None:
    """Note that a session is in use."""
    writing.conn.execute(_s.update().where(_s.c.id == session_hash).values(seen_at=writing.at))


def end_session(writing: Writing, name: str, session_hash: str) -> bool:
    """End one session of an account; false when it has none such."""
    done = writing.conn.execute(_s.delete().where(_s.c.id == session_hash, _s.c.account == name))
    return done.rowcount == 1


def end_sessions(writing: Writing, name: str, *, but: str = "") -> int:
    """End every session of an account, one of them left out; how many."""
    done = writing.conn.execute(_s.delete().where(_s.c.account == name, _s.c.id != but))
    return int(done.rowcount)


def sweep(writing: Writing, oldest: datetime) -> None:
    """Forget sessions that began too long ago and failures that count no more."""
    writing.conn.execute(_s.delete().where(_s.c.started_at < oldest))
    writing.conn.execute(_t.delete().where(_t.c.last_at < writing.at - THROTTLE_KEPT))


# ---- the door ----------------------------------------------------------------------------------


def tell(
    writing: Writing, number: str, kind: str, name: str, *, how: str, address: str, why: str
) -> None:
    """Record what happened at the door. ``kind``: done, ended or refused."""
    acts = {"done": "in", "ended": "out", "refused": "refused"}
    row = {
        "id": number,
        "account": name,
        "act": acts[kind],
        "how": how,
        "at": writing.at,
        "address": address,
        "reason": why,
    }
    writing.record(Draft(f"sign_in.{kind}", f"account:{name}" if name else "account", row, why=why))


def count(writing: Writing, key: str, failures: int) -> None:
    """Keep how many failures a key has; none forgets it."""
    writing.conn.execute(_t.delete().where(_t.c.id == key))
    if failures:
        writing.conn.execute(_t.insert().values(id=key, failures=failures, last_at=writing.at))
