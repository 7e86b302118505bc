"""Commands of messages: which ones did not arrive, and what becomes of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from duban import clock
from duban.cli import show
from duban.errors import Exit, UsageError
from duban.settings import find_home

if TYPE_CHECKING:
    from duban.ledger.store import Writing

Act = Callable[["Writing", str, str], None]
SHOWN = 200


def _states(word: str) -> tuple[str, ...]:
    from duban.ledger.views import TROUBLE

    return TROUBLE if word == "trouble" else (word,)


def list_all(args: argparse.Namespace) -> int:
    """Messages by state, channel and unit, the newest first."""
    from duban.cli.work import find_unit
    from duban.ledger import outbox
    from duban.ledger.undelivered import STATE_NAMES
    from duban.office import open_office

    home = find_home(args.home)
    with open_office(home, create=False) as office:
        unit = find_unit(office, args.unit) if args.unit else ""
        with office.ledger.read() as conn:
            rows = outbox.letters_in(
                conn, _states(args.state), channel=args.channel, unit=unit, limit=SHOWN
            )
    if args.format == "json":
        show.as_json(rows)
        return Exit.DONE
    show.banner(example=home.example)
    told = [
        (
            row["id"],
            f"{clock.local(row['created_at']):%Y-%m-%d %H:%M}",
            STATE_NAMES.get(row["state"], row["state"]),
            row["channel"],
            row["address"],
            waiting(row) or row["detail"],
        )
        for row in rows
    ]
    show.table(("编号", "时刻", "状态", "渠道", "地址", "说明"), told)
    if len(rows) == SHOWN:
        show.say(f"只列出最新的{SHOWN}条，用 --channel、--unit、--state 缩小范围。")
    return Exit.DONE


def waiting(row: Mapping[str, Any]) -> str:
    """Why a queued message is not sent just now, and until when; empty when it is not queued."""
    if row["state"] != "queued":
        return ""
    until = max(filter(None, (row["not_before"], row["retry_at"])))
    return f"等到{clock.local(until):%m-%d %H:%M}再发：{row['wait_why'] or '等下一次发送'}"


def resend(args: argparse.Namespace) -> int:
    """Send messages again."""
    from duban.ledger import outbox

    return _decide(args, outbox.requeue, "已排入待发送，下一次发送时发出")


def drop(args: argparse.Namespace) -> int:
    """Give messages up."""
    from duban.ledger import outbox

    return _decide(args, outbox.give_up, "已作罢，不再发送")


def arrived(args: argparse.Namespace) -> int:
    """Note that messages did arrive, as somebody found out."""
    from duban.ledger import outbox

    return _decide(args, outbox.mark_arrived, "已记为送达")


def _decide(args: argparse.Namespace, act: Act, told: str) -> int:
    """Carry out one decision on all that are meant, in one transaction: all or none."""
    from duban.office import open_office

    if bool(args.id) == bool(args.channel):
        raise UsageError(
            "要写编号，或用 --channel 指一个渠道，二者取一。", "编号见 duban messages list。"
        )
    if not args.reason.strip():
        raise UsageError("--reason 不能为空。", "理由会记入台账。")
    author = show.user_name(args.actor)
    with (
        open_office(find_home(args.home), create=False) as office,
        office.ledger.write(author) as writing,
    ):
        keys = args.id or _of_channel(writing, args.channel, args.state)
        for key in keys:
            act(writing, key, f"{author}：{args.reason.strip()}"[:400])
    show.say(f"{len(keys)}条消息{told}。")
    return Exit.DONE


def _of_channel(writing: Writing, channel: str, state: str) -> Sequence[str]:
    from duban.ledger import outbox

    rows = outbox.letters_in(writing.conn, _states(state), channel=channel, limit=1_000_000)
    return [str(row["id"]) for row in rows]
