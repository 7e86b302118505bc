"""Papers: digests that a named person approves, and numbered drafts that are never numbered twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from duban.errors import NOWHERE, InputError
from duban.ledger import queries, tables
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.queries import Row
from duban.ledger.store import Writing

_p, _d = tables.paper.c, tables.digest.c


def sha256(content: bytes) -> str:
    """A file's hash as the ledger keeps it."""
    return hashlib.sha256(content).hexdigest()


# ---- digests -----------------------------------------------------------------------------------


def approve_digest(writing: Writing, digest: str) -> None:
    """The draft of a digest is approved in the writer's name; approving it twice changes nothing.

    Raises InputError for a digest that is not there or that was published already.
    """
    row = queries.one_digest(writing.conn, digest)
    if row is not None and row["state"] == "published" and row["approved_by"]:
        return
    if row is None or row["state"] not in {"draft", "approved"} or row["parent"]:
        raise InputError.one(
            "no-draft",
            NOWHERE,
            "没有这份周报或通报的草稿，或已经发布。",
            "从周报列表里点“审定”，或用 duban digest list 看编号。",
        )
    if row["state"] == "draft":
        change = {
            "id": digest,
            "state": "approved",
            "approved_by": writing.actor,
            "approved_at": writing.at,
        }
        writing.record(Draft("digest.approved", f"digest:{digest}", change, why="审定周报"))


def publish_digest(writing: Writing, digest: str, why: str) -> None:
    """A digest and the copies of it become what was published; nothing of them changes any more."""
    ids = [digest, *(row["id"] for row in copies_of(writing.conn, digest))]
    writing.record(
        *(
            Draft(
                "digest.published",
                f"digest:{each}",
                {"id": each, "state": "published", "published_at": writing.at},
                why=why,
            )
            for each in ids
        )
    )


def copies_of(conn: Connection, digest: str) -> list[Row]:
    """The digests of leaders and heads that go out with one."""
    query = sa.select(tables.digest).where(_d.parent == digest).order_by(_d.id)
    return list(conn.execute(query).mappings())


def unpublished(conn: Connection) -> list[Row]:
    """Drafts and approved ones, without the copies; oldest first."""
    query = (
        sa.select(tables.digest)
        .where(_d.state.in_(("draft", "approved")), _d.parent == "")
        .order_by(_d.as_of, _d.id)
    )
    return list(conn.execute(query).mappings())


def next_issue(conn: Connection, kind: str, year: int) -> int:
    """第几期: bulletins of a kind are counted by the year they tell of."""
    query = sa.select(sa.func.max(_d.issue)).where(
        _d.kind == kind, _d.parent == "", sa.extract("year", _d.from_on) == year
    )
    return int(conn.execute(query).scalar() or 0) + 1


def files_of(row: Row) -> list[str]:
    """Paths of a digest's or paper's files below ``var/``."""
    return [str(each) for each in json.loads(row["files"])]


# ---- numbered papers ---------------------------------------------------------------------------


def next_number(conn: Connection, series: str, year: int) -> int:
    """The next number of a series in a year. Writers take turns, so the one who asks gets it alone."""
    query = sa.select(sa.func.max(_p.number)).where(_p.series == series, _p.year == year)
    return int(conn.execute(query).scalar() or 0) + 1


def record(
    writing: Writing,
    *,
    kind: str,
    series: str,
    year: int,
    number: int,
    unit: str,
    title: str,
    issuer: str,
    data: Mapping[str, Any],
    files: Mapping[str, bytes],
    proposals: Sequence[str] = (),
) -> str:
    """Record a draft paper with the hashes of what it says and of its files; its id.

    ``files``: path below ``var/`` to content. The number is taken in the same transaction: if that fails,
    nobody has it.
    """
    key = f"{series}-{year}-{number}"
    said = canonical(dict(data))
    row = {
        "id": key,
        "kind": kind,
        "series": series,
        "year": year,
        "number": number,
        "unit": unit,
        "title": title,
        "issuer": issuer,
        "made_by": writing.actor,
        "made_at": writing.at,
        "state": "draft",
        "data": said,
        "sha256": sha256(said.encode()),
        "files": canonical(list(files)),
        "hashes": canonical({path: sha256(content) for path, content in files.items()}),
    }
    writing.record(
        Draft("paper.made", f"paper:{key}", row, why=title),
        *(
            Draft("paper.covers", f"paper:{key}", {"proposal": each, "paper": key}, why=title)
            for each in proposals
        ),
    )
    return key


def void(writing: Writing, paper: str, reason: str) -> None:
    """作废: the paper is not used; its number stays taken. Raises InputError."""
    row = one(writing.conn, paper)
    if row is None or row["state"] != "draft":
        raise InputError.one(
            "no-paper",
            NOWHERE,
            f"没有编号“{paper}”的草稿，或已作废。",
            "用 duban paper list 看编号。",
        )
    if not reason.strip():
        raise InputError.one("no-reason", NOWHERE, "作废要写明理由。", "补上一句理由。")
    change = {"id": paper, "state": "void", "reason": reason.strip()}
    writing.record(Draft("paper.voided", f"paper:{paper}", change, why=reason.strip()))


def one(conn: Connection, paper: str) -> Row | None:
    """One paper by id."""
    return conn.execute(sa.select(tables.paper).where(_p.id == paper)).mappings().first()


def papers(conn: Connection, *, unit: str = "", kind: str = "", limit: int = 200) -> list[Row]:
    """Papers without what they say, newest first."""
    columns = [column for column in tables.paper.c if column.name != "data"]
    query = sa.select(*columns).order_by(_p.made_at.desc(), _p.series, _p.number.desc())
    if unit:
        query = query.where(_p.unit == unit)
    if kind:
        query = query.where(_p.kind == kind)
    return list(conn.execute(query.limit(limit)).mappings())


def without_paper(conn: Connection) -> list[Row]:
    """Proposals that a named person confirmed and that no paper was made from, by unit and paper."""
    q, c = tables.proposal.c, tables.paper_proposal.c
    query = (
        sa.select(tables.proposal)
        .join(tables.paper_proposal, c.proposal == q.id, isouter=True)
        .where(q.state == "confirmed", c.proposal.is_(None))
        .order_by(q.unit, q.paper, q.decided_by, q.id)
    )
    return list(conn.execute(query).mappings())
