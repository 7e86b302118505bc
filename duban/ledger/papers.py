"""Papers that a named person approves: a digest is a draft until somebody signs for it."""

from __future__ import annotations

from duban.errors import NOWHERE, InputError
from duban.ledger import queries
from duban.ledger.events import Draft
from duban.ledger.store import Writing


def approve_digest(writing: Writing, digest: str) -> None:
    """The draft of a digest is approved in the writer's name; approving it twice changes nothing.

    Raises InputError for a digest that is not there or that was published already.
    """
    row = queries.one_digest(writing.conn, digest)
    if row is None or row["state"] not in {"draft", "approved"}:
        raise InputError.one(
            "no-draft", NOWHERE, "没有这份周报草稿，或已经发布。", "从周报列表里点“审定”。"
        )
    if row["state"] == "draft":
        change = {
            "id": digest,
            "state": "approved",
            "approved_by": writing.actor,
            "approved_at": writing.at,
        }
        writing.record(Draft("digest.approved", f"digest:{digest}", change, why="审定周报"))
