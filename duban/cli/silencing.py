"""Commands of silences: add, list, end."""

from __future__ import annotations

import argparse

from duban import clock
from duban.cli import show
from duban.cli.work import find_unit
from duban.errors import Exit, UsageError
from duban.matrix.model import POSTS
from duban.settings import find_home


def add(args: argparse.Namespace) -> int:
    """Set a silence with its author, reason and end."""
    from duban.ledger import transitions
    from duban.office import open_office

    until_on = show.day(args.until)
    if until_on is None:
        raise UsageError("缺少 --until。", "写成 --until 2026-12-31。")
    if args.post and args.post not in POSTS:
        raise UsageError(f"不认识的岗位“{args.post}”。", f"可用：{'、'.join(POSTS)}。")
    with open_office(find_home(args.home), create=False) as office:
        unit = find_unit(office, args.unit)
        if args.task and args.task not in office.matrix.tasks_by_id:
            raise UsageError(f"没有编号为“{args.task}”的任务。", "编号见 tasks_def/。")
        author = show.user_name(args.actor)
        with office.ledger.write(author) as writing:
            key = transitions.silence(
                writing,
                unit,
                task=args.task,
                post=args.post,
                until_on=until_on,
                author=author,
                reason=args.reason,
            )
    show.say(f"已设免扰 {key}，到{until_on}为止；督办照常进行，只是不再提醒。")
    return Exit.DONE


def list_all(args: argparse.Namespace) -> int:
    """Every silence, those in force first."""
    from duban.ledger import queries
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        today = clock.day_of(office.ledger.now())
        rows = [dict(row) for row in queries.silences(conn)]
    if args.format == "json":
        show.as_json(rows)
        return Exit.DONE
    told = [
        (row["id"], row["until_on"], _state(row, today), row["author"], row["reason"])
        for row in rows
    ]
    show.table(("编号", "截止", "状态", "经办人", "理由"), told)
    return Exit.DONE


def _state(row: dict[str, object], today: object) -> str:
    if row["ended_at"] is not None:
        return "已提前结束"
    return "在用" if str(row["until_on"]) >= str(today) else "已到期"


def end(args: argparse.Namespace) -> int:
    """End a silence now."""
    from duban.ledger import transitions
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office:
        author = show.user_name(args.actor)
        with office.ledger.write(author) as writing:
            transitions.end_silence(writing, args.id, author=author)
    show.say("已结束，从下一次提醒起恢复。")
    return Exit.DONE
