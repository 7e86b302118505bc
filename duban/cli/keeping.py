"""Commands of keeping: audit, personal links."""

from __future__ import annotations

import argparse

from duban import clock
from duban.cli import show
from duban.cli.work import find_unit
from duban.errors import Exit, UsageError
from duban.matrix.model import POSTS
from duban.settings import find_home


def audit_verify(args: argparse.Namespace) -> int:
    """Verify the hash chain, then rebuild every row from the events and compare."""
    from duban.ledger import events
    from duban.ledger.audit import rebuilt_differs
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office:
        with office.ledger.read() as conn:
            broken = events.verify_chain(conn)
            count, head = events.chain_head(conn)
        differs = [] if broken else rebuilt_differs(office.ledger)
    answer = {
        "events": count,
        "head": head,
        "broken": broken.seq if broken else None,
        "differs": differs,
    }
    if args.format == "json":
        show.as_json(answer)
    elif broken:
        show.say(
            f"第{broken.seq}条记录（{broken.kind}，{broken.subject}）与哈希链不符：从这一条起台账不可信。",
            "办法：停用，保留现场，用最近一次核对无误的备份恢复。",
        )
    elif differs:
        show.say(
            f"哈希链完好，但这些表与记录重建的结果不同：{'、'.join(differs)}。",
            "办法：有人绕过程序改了数据库；以记录为准，从备份恢复。",
        )
    else:
        show.say(f"台账完好：{count}条记录首尾相接，由记录重建的现状与当前一致。最新哈希 {head}")
    return Exit.INPUT if broken or differs else Exit.DONE


def user_link(args: argparse.Namespace) -> int:
    """Make a personal link for a post of a unit and print it once."""
    from duban.ledger import links
    from duban.office import open_office

    if args.post not in POSTS:
        raise UsageError(f"不认识的岗位“{args.post}”。", f"可用：{'、'.join(POSTS)}。")
    with open_office(find_home(args.home), create=False) as office:
        unit = find_unit(office, args.unit)
        with office.ledger.write(show.user_name("")) as writing:
            holder = office.matrix.directory.units[unit].holder(args.post, clock.day_of(writing.at))
            token = links.issue(
                writing,
                links.home_key(office.home),
                unit,
                args.post,
                holder.name if holder else "",
                days=office.settings.link_days,
            )
        show.say(f"{office.settings.public_url}/u/{token}")
        show.note(
            f"这是{office.matrix.directory.units[unit].short}的个人链接，{office.settings.link_days}天内有效；请只发给本人。"
        )
    return Exit.DONE


def user_revoke(args: argparse.Namespace) -> int:
    """Revoke every personal link of a unit."""
    from duban.ledger import links
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office:
        unit = find_unit(office, args.unit)
        with office.ledger.write(show.user_name("")) as writing:
            number = links.revoke_unit(writing, unit, why=args.why)
    show.say(f"已作废{number}个链接。" if number else "没有在用的链接。")
    return Exit.DONE
