"""``duban digest`` and ``duban paper``: what is approved, made, listed and voided in a person's name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from duban.cli import show
from duban.cli.escalating import signer
from duban.errors import NOWHERE, Exit, InputError, UsageError
from duban.paperrules import NAMES
from duban.settings import find_home

if TYPE_CHECKING:
    from duban.ledger.store import Writing
    from duban.matrix.model import Unit
    from duban.office import Office
    from duban.stages.papers import Made

STATES = {"draft": "草稿", "approved": "已审定", "published": "已发布", "void": "作废"}
_SHOWN = ("id", "kind", "scope", "issue", "state", "from_on", "to_on", "as_of")


def list_digests(args: argparse.Namespace) -> int:
    """Digests and bulletins, newest first."""
    from duban.ledger import papers, queries
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        rows: list[dict[str, Any]] = [
            {name: row[name] for name in (*_SHOWN, "approved_by", "approved_at", "published_at")}
            | {"files": papers.files_of(row)}
            for row in queries.digests(conn)
        ]
    if args.format == "json":
        show.as_json(rows)
        return Exit.DONE
    show.table(
        ("编号", "期", "状态", "起止", "审定", "文件"),
        [
            (
                row["id"],
                row["issue"] or "",
                STATES[row["state"]],
                f"{row['from_on']}—{row['to_on']}",
                row["approved_by"],
                row["files"][0] if row["files"] else "",
            )
            for row in rows
        ],
    )
    return Exit.DONE


def approve_digest(args: argparse.Namespace) -> int:
    """Approve a draft in a person's name; it leaves at once."""
    from duban.office import open_office
    from duban.stages.digest import approve

    with open_office(find_home(args.home), create=False) as office:
        name = signer(office, args.by)
        with office.ledger.write(name) as writing:
            queued = approve(office, writing, args.id)
    show.say(f"已审定并发布 {args.id}，{queued}封待发送。此后不再改动。")
    return Exit.DONE


def make(args: argparse.Namespace) -> int:
    """Make numbered drafts; each in a transaction of its own, so that one refusal undoes no other."""
    from duban.office import open_office

    if args.confirmed == bool(args.kind):
        raise UsageError("没有说清拟什么。", "写 --kind 文种 和 --unit 单位，或 --confirmed。")
    with open_office(find_home(args.home), create=False) as office:
        name = signer(office, args.by)
        made, refused = _confirmed(office, name) if args.confirmed else _asked(office, args, name)
        rows: list[dict[str, Any]] = [
            {
                "id": each.id,
                "number": each.number,
                "kind": each.kind,
                "unit": each.unit,
                "files": [office.home.shown(office.home.var / path) for path in each.files],
                "why": each.why,
            }
            for each in made
        ]
    if args.format == "json":
        show.as_json(rows)
    for row in rows if args.format == "text" else ():
        show.say(f"{row['number']}　{NAMES[row['kind']]}　{'　'.join(row['files'])}")
        show.say(*([f"  {row['why']}"] if row["why"] else []))
    if not rows and not refused:
        show.note("没有要拟的稿。")
    show.note(*(str(issue) for issue in refused))
    return Exit.INPUT if refused and not args.all else Exit.DONE


def _confirmed(office: Office, name: str) -> tuple[list[Made], list[Any]]:
    from duban.stages.papers import from_proposals

    with office.ledger.write(name) as writing:
        return from_proposals(office, writing), []


def _asked(office: Office, args: argparse.Namespace, name: str) -> tuple[list[Made], list[Any]]:
    units = _units(office, args)
    made: list[Made] = []
    refused: list[Any] = []
    for unit in units:
        try:
            with office.ledger.write(name) as writing:
                made.append(_one(office, writing, args, unit))
        except InputError as problem:
            refused += [] if args.all else problem.issues
    return made, refused


def _one(office: Office, writing: Writing, args: argparse.Namespace, unit: Unit) -> Made:
    from duban.stages import papers

    return papers.make(office, writing, args.kind, unit, run=args.run)


def _units(office: Office, args: argparse.Namespace) -> list[Unit]:
    if bool(args.unit) == args.all:
        raise UsageError("没有说清给谁。", "写 --unit 单位（可重复），或 --all。")
    if args.all:
        return list(office.units.values())
    return [_unit(office, name) for name in args.unit]


def _unit(office: Office, name: str) -> Unit:
    meaning = office.names.find(name)
    if name in office.units:
        return office.units[name]
    if meaning is None or len(meaning.units) != 1:
        raise InputError.one(
            "unknown-unit", NOWHERE, f"名录里没有单位“{name}”。", "用 config/units.yaml 里的名称。"
        )
    return office.units[meaning.units[0]]


def list_papers(args: argparse.Namespace) -> int:
    """Papers, newest first."""
    from duban.ledger import papers
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        unit = _unit(office, args.unit).id if args.unit else ""
        rows = [
            dict(row) | {"files": papers.files_of(row)}
            for row in papers.papers(conn, unit=unit, kind=args.kind)
        ]
        names = {key: each.short for key, each in office.units.items()}
    if args.format == "json":
        show.as_json(rows)
        return Exit.DONE
    show.table(
        ("编号", "文种", "单位", "状态", "拟稿", "日期", "文件"),
        [
            (
                row["id"],
                NAMES[row["kind"]],
                names.get(row["unit"], row["unit"]),
                STATES[row["state"]],
                row["made_by"],
                f"{row['made_at']:%Y-%m-%d}",
                row["files"][0],
            )
            for row in rows
        ],
    )
    return Exit.DONE


def void(args: argparse.Namespace) -> int:
    """Void a draft; its number is not used again."""
    from duban.ledger import papers
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office:
        name = signer(office, args.by)
        with office.ledger.write(name) as writing:
            papers.void(writing, args.id, args.reason)
    show.say(f"{args.id} 已作废，编号不再使用。")
    return Exit.DONE


def template(args: argparse.Namespace) -> int:
    """Put the built-in template of a kind into ``config/templates/papers/``; never over what is there."""
    from duban import clock
    from duban.reports.papertemplate import FOLDER, starter

    home = find_home(args.home)
    target = home.config / FOLDER / f"{args.kind}.docx"
    if target.exists():
        raise UsageError(f"{home.shown(target)} 已经有了。", "直接改它；要重新开始，先把它移走。")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(starter(args.kind, clock.now()))
    show.say(f"已放好 {home.shown(target)}。用 Word 或 WPS 改好后运行 duban check。")
    return Exit.DONE
