"""Personal links: opaque tokens scoped to one unit, of which the ledger keeps only the hash.

A token is derived from the home's key and the link's name, so messages can be written with a
placeholder and neither the outbox nor an event ever holds a token. Without the key nobody can make one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from duban import clock
from duban.ledger import queries
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.settings import Home, secret

PLACEHOLDER = "0token0"
"""Stands in a message's text until it is handed over to a channel."""


def home_key(home: Home) -> bytes:
    """The secret that tokens are derived from: ``DUBAN_LINK_KEY``, else a file only we can read."""
    given = secret("DUBAN_LINK_KEY")
    if given:
        return given.encode()
    path = home.var / "link.key"
    if not path.exists():
        _write_key(path)
    return path.read_bytes()


def _write_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another process was first; its key counts
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(32).encode())


def link_name(unit: str, post: str, at: datetime) -> str:
    """The name of the link that a person uses in a month: ``scjgj/liaison/2026-11``."""
    return f"{unit}/{post}/{clock.local(at):%Y-%m}"


def token_for(key: bytes, name: str) -> str:
    """The token of a link: 192 bits, URL-safe."""
    digest = hmac.new(key, b"link:" + name.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def hash_of(token: str) -> str:
    """What the ledger keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(writing: Writing, key: bytes, unit: str, post: str, *, days: int) -> str:
    """Make sure the person's link of this month is known to the ledger; its token."""
    name = link_name(unit, post, writing.at)
    token = token_for(key, name)
    if queries.link_by_hash(writing.conn, hash_of(token)) is None:
        row = {
            "token_hash": hash_of(token),
            "unit": unit,
            "post": post,
            "created_at": writing.at,
            "expires_at": writing.at + timedelta(days=days),
        }
        writing.record(Draft("link.issued", f"link:{name}", row, why="随通知发出的个人链接"))
    return token


def revoke(writing: Writing, token_hash: str, *, why: str) -> None:
    """A link that must not work any more (hand-over, loss)."""
    row = {"token_hash": token_hash, "revoked_at": writing.at, "why": why[:240]}
    writing.record(Draft("link.revoked", f"link:{token_hash[:12]}", row, why=why))


def revoke_unit(writing: Writing, unit: str, *, why: str) -> int:
    """Revoke every link of a unit that still works; how many."""
    working = queries.working_links(writing.conn, unit, writing.at)
    for row in working:
        revoke(writing, row["token_hash"], why=why)
    return len(working)
