"""Personal links: opaque tokens scoped to one unit, of which the ledger keeps only the hash.

A token is derived from the home's key and the link's name, so messages can be written with a
placeholder and neither the outbox nor an event ever holds a token. Without the key nobody can make one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from duban import clock
from duban.keyfile import key_of
from duban.ledger import queries
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.settings import Home

PLACEHOLDER = "0token0"
"""Stands in a message's text until it is handed over to a channel."""


def home_key(home: Home) -> bytes:
    """The secret that tokens are derived from: ``DUBAN_LINK_KEY``, else a file only we can read.

    Raises UsageError for a key that is too short, OutsideError when none can be written.
    """
    return key_of(home, "DUBAN_LINK_KEY", "link.key").encode()


def link_name(unit: str, post: str, at: datetime, person: str, generation: int) -> str:
    """The name of the link a holder uses in a month: ``scjgj/liaison/2026-11/…/0``.

    Another holder has another link, and so has everybody after a revocation (``generation``).
    """
    holder = hashlib.sha256(person.encode()).hexdigest()[:8]
    return f"{unit}/{post}/{clock.local(at):%Y-%m}/{holder}/{generation}"


def token_for(key: bytes, name: str) -> str:
    """The token of a link: 192 bits, URL-safe."""
    digest = hmac.new(key, b"link:" + name.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def hash_of(token: str) -> str:
    """What the ledger keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def working(
    conn: Connection, key: bytes, at: datetime, *, unit: str, post: str, person: str
) -> str:
    """The holder's token of this month when its link works; else empty."""
    generation = queries.revoked_links(conn, unit, post)
    token = token_for(key, link_name(unit, post, at, person, generation))
    known = queries.link_by_hash(conn, hash_of(token))
    return token if known and known["revoked_at"] is None and known["expires_at"] > at else ""


def issue(writing: Writing, key: bytes, unit: str, post: str, person: str, *, days: int) -> str:
    """Make sure the holder's link of this month is known to the ledger; its token.

    Links of an earlier holder of the post stop working at once.
    """
    holder = f"在岗人：{person}"
    for row in queries.working_links(writing.conn, unit, writing.at):
        if row["post"] == post and row["why"] != holder:
            revoke(writing, row["token_hash"], why="在岗人变更")
    generation = queries.revoked_links(writing.conn, unit, post)
    name = link_name(unit, post, writing.at, person, generation)
    token = token_for(key, name)
    if queries.link_by_hash(writing.conn, hash_of(token)) is None:
        issued = {
            "token_hash": hash_of(token),
            "unit": unit,
            "post": post,
            "created_at": writing.at,
            "expires_at": writing.at + timedelta(days=days),
            "why": holder[:240],
        }
        writing.record(Draft("link.issued", f"link:{name}", issued, why="个人链接"))
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
