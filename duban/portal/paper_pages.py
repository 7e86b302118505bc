"""The office's papers: digests, runs with their score sheets, and the files that belong to them.

A file is served only when the ledger lists it on the row of its digest or run, and only from ``var/``.
"""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from duban.errors import NOWHERE, InputError, Issue
from duban.ledger import papers, queries
from duban.ledger.queries import Row
from duban.paperrules import NAMES
from duban.portal.access import Clerk, Denied
from duban.portal.guard import PAPER_POLICY
from duban.portal.office_pages import Posted, Visitor, in_order, page
from duban.portal.pages import check_form, see_other
from duban.portal.state import Portal, portal_of
from duban.stages import digest as digest_stage
from duban.stages import papers as paper_stage

router = APIRouter(include_in_schema=False)


def _missing() -> Denied:
    return Denied(
        404, "没有这份材料", "台账里没有它的记录，或文件已移走。", "从周报或考核列表里点进来"
    )


@router.get("/office/digests")
def digests(request: Request, visitor: Visitor) -> Response:
    """Digests, newest first, with their files."""
    with portal_of(request).ledger.read() as conn:
        rows = queries.digests(conn)
    found = [(row, _listed(row)) for row in rows]
    return page(request, visitor, "digests.html", digests=found)


@router.post("/office/digests")
def approve(request: Request, visitor: Visitor, given: Posted) -> Response:
    """审定: a draft of a digest is approved in a name."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    with portal.ledger.write(visitor.actor) as writing:
        digest_stage.approve(portal.office, writing, given.text("digest"))
    return see_other("/office/digests")


@router.get("/office/papers")
def paper_list(request: Request, visitor: Visitor) -> Response:
    """Numbered drafts, newest first, and a form to make one."""
    return _papers_page(request, visitor)


def _papers_page(request: Request, visitor: Clerk, issues: tuple[Issue, ...] = ()) -> Response:
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        rows = papers.papers(conn)
        waiting = papers.without_paper(conn)
    return page(
        request,
        visitor,
        "papers.html",
        status=422 if issues else 200,
        papers=[(row, _listed(row)) for row in rows],
        waiting=len(waiting),
        kinds=NAMES,
        units=in_order(portal),
        issues=issues,
    )


@router.post("/office/papers")
def make_paper(request: Request, visitor: Visitor, given: Posted) -> Response:
    """A draft for a unit, or drafts for everything that was confirmed and has none."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    unit = portal.office.units.get(given.text("unit"))
    kind = given.text("kind")
    try:
        with portal.ledger.write(visitor.actor) as writing:
            if given.text("act") == "confirmed":
                paper_stage.from_proposals(portal.office, writing)
            elif unit is None or kind not in NAMES:
                raise InputError.one("no-unit", NOWHERE, "没有选单位或文种。", "选好后再点“拟稿”。")
            else:
                paper_stage.make(portal.office, writing, kind, unit)
    except InputError as wrong:
        return _papers_page(request, visitor, tuple(wrong.issues))
    return see_other("/office/papers")


@router.get("/office/runs")
def runs(request: Request, visitor: Visitor) -> Response:
    """Assessment runs, newest first, with their hashes and files."""
    with portal_of(request).ledger.read() as conn:
        rows = queries.runs(conn)
    found = [(row, _listed(row)) for row in rows]
    return page(request, visitor, "runs.html", runs=found)


@router.get("/office/scores/{run:path}")
def scores(request: Request, visitor: Visitor, run: str) -> Response:
    """One run: each unit's score with every line's clause, fact, arithmetic and evidence."""
    with portal_of(request).ledger.read() as conn:
        row = queries.one_run(conn, run)
    if row is None:
        raise _missing()
    units = _scored(row)
    groups: dict[str, list[dict[str, Any]]] = {}
    for unit in units:
        groups.setdefault(unit.get("group") or "未分组", []).append(unit)
    for own in groups.values():
        own.sort(key=lambda unit: (unit.get("rank") is None, unit.get("rank") or 0, unit["name"]))
    return page(request, visitor, "scores.html", run=row, groups=groups, files=_listed(row))


def _scored(row: Row) -> list[dict[str, Any]]:
    result = json.loads(row["result"])
    found: list[dict[str, Any]] = result["units"] if isinstance(result, dict) else result
    return found


def _listed(row: Row) -> list[str]:
    """Paths of a row's files, below ``var/``."""
    return [each if isinstance(each, str) else each["path"] for each in json.loads(row["files"])]


@router.get("/office/file")
def file(request: Request, visitor: Visitor, of: str, id: str, path: str) -> Response:  # noqa: A002 - the address
    """A file of a digest or run. HTML is shown without scripts; everything else is an attachment."""
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = _ONE.get(of, queries.one_run)(conn, id)
    if row is None or path not in _listed(row):
        raise _missing()
    real = _below_var(portal, path)
    _need_unchanged(row, path, real)
    if real.suffix == ".html":
        headers = {"Content-Security-Policy": PAPER_POLICY}
        return FileResponse(real, media_type="text/html; charset=utf-8", headers=headers)
    media_type = mimetypes.guess_type(real.name)[0] or "application/octet-stream"
    return FileResponse(real, media_type=media_type, filename=real.name)


_ONE = {"digest": queries.one_digest, "paper": papers.one}


def _need_unchanged(row: Row, path: str, real: Path) -> None:
    """A file that is no longer what was recorded is not given out: what was published stays so."""
    recorded = json.loads(row["hashes"]).get(path) if "hashes" in row else None
    if recorded is not None and papers.sha256(real.read_bytes()) != recorded:
        raise Denied(
            409,
            "这份材料被改动过",
            "文件内容与台账里记下的校验值不一致，没有提供下载。",
            "请管理员从备份恢复这个文件",
        )


def _below_var(portal: Portal, path: str) -> Path:
    """The real path of a recorded file; links that lead elsewhere are not followed."""
    var = portal.home.var.resolve()
    real = (var / path).resolve()
    if not real.is_relative_to(var) or not real.is_file():
        raise _missing()
    return real
