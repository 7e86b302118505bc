"""Commands of requests: list what units ask for, grant or refuse it by name, let a suspended item go on."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from duban import clock
from duban.cli import show
from duban.errors import Exit
from duban.settings import find_home

if TYPE_CHECKING:
    from duban.ledger.queries import Row


def list_all(args: argparse.Namespace) -> int:
    """Requests that wait for an answer; ``--all``: every one, newest first."""
    from duban.ledger import requests
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        rows = requests.listed(conn) if args.all else requests.waiting(conn)
    if args.format == "json":
        show.as_json([_shown(row) for row in rows])
        return Exit.DONE
    if not rows:
        show.say("没有待答复的申请。")
        return Exit.DONE
    told = [
        (
            row["id"],
            requests.STATE_NAMES[row["state"]],
            row["title"],
            requests.words(row),
            row["reason"],
            f"{clock.day_of(row['asked_at'])} {row['asked_by']}",
        )
        for row in rows
    ]
    show.table(("编号", "状态", "事项", "申请", "理由", "申请人"), told)
    return Exit.DONE


_SHOWN = (
    *("id", "obligation", "unit", "kind", "state", "title", "label", "asked_at", "asked_by"),
    *("reason", "progress", "due_on", "original_due_on", "decided_at", "decided_by"),
    *("decision_reason", "decided_date", "doc_no"),
)


def _shown(row: Row) -> dict[str, Any]:
    from duban.ledger import requests

    values = {name: row[name] for name in _SHOWN}
    return values | {"proposal": json.loads(row["proposal"]), "words": requests.words(row)}


def grant(args: argparse.Namespace) -> int:
    """Grant a request; ``--date`` decides another day than the one asked for."""
    return _decide(args, grant=True)


def refuse(args: argparse.Namespace) -> int:
    """Refuse a request with the reason that the unit will read."""
    return _decide(args, grant=False)


def _decide(args: argparse.Namespace, *, grant: bool) -> int:
    from duban.ledger import requests
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office:
        by = show.user_name(args.actor)
        with office.ledger.write(by) as writing:
            requests.decide(
                writing,
                args.id,
                grant=grant,
                by=by,
                reason=args.reason,
                doc_no=getattr(args, "doc", ""),
                date=show.day(getattr(args, "date", "")),
                calendar=office.calendar,
            )
            row = requests.one(writing.conn, args.id)
    assert row is not None
    show.say(f"{row['title']}：{requests.answer_words(row)}。下一次通知时告知单位。")
    return Exit.DONE


def resume(args: argparse.Namespace) -> int:
    """Let a suspended item go on before its day, with the working days that were left."""
    from duban.ledger import queries, requests
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office:
        by = show.user_name(args.actor)
        with office.ledger.write(by) as writing:
            requests.resume(
                writing, args.key, calendar=office.calendar, actor=by, reason=args.reason
            )
            row = queries.one_obligation(writing.conn, args.key)
    assert row is not None
    show.say(f"{row['title']}已恢复办理，时限{row['due_on']}（原时限{row['original_due_on']}）。")
    return Exit.DONE
