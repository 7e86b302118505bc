"""Commands of keeping: audit, personal links, doctor."""

from __future__ import annotations

import argparse

from duban import clock
from duban.cli import show
from duban.cli.work import find_unit
from duban.errors import DubanError, Exit, Issues, UsageError
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


def doctor(args: argparse.Namespace) -> int:
    """Look at settings, ledger, stages and channels; say what needs a hand."""
    from duban.ledger import events, queries
    from duban.ledger.plan import digest_of
    from duban.office import open_office
    from duban.stages.upkeep import stale_stages
    from notifier.config import load_channels

    home = find_home(args.home)
    found: list[tuple[str, str]] = [
        ("家目录", str(home.root)),
        ("台账", "示例台账" if home.example else "正式台账"),
    ]
    problems: list[str] = []
    try:
        with open_office(home, create=False) as office:
            issues = Issues()
            channels = load_channels(home, issues)
            problems += [str(issue) for issue in issues.errors]
            found.append(("默认渠道", channels.default))
            with office.ledger.read() as conn:
                seq, _ = events.chain_head(conn)
                found.append(("记录", f"{seq}条"))
                applied = queries.plan_row(conn, office.matrix.plan.id)
                found.append(
                    ("任务分工", f"自{applied['in_use_from']}启用" if applied else "还没有写入台账")
                )
                if applied is not None and applied["digest"] != digest_of(
                    office.matrix, office.planned()
                ):
                    problems.append(
                        "tasks_def/ 或 units.yaml 有改动还没有写入台账。 办法：duban plan 看变化，duban apply 写入。"
                    )
                late = stale_stages(
                    queries.ticks(conn),
                    office.ledger.now(),
                    None if applied is None else applied["applied_at"],
                )
                problems += [
                    f"{said}。 办法：检查 duban up 是否在运行。" for said in late.sentences
                ]
                lost = [
                    row
                    for row in queries.messages(conn, limit=2000)
                    if row["state"] in {"failed", "unknown", "expired"}
                ]
                if lost:
                    problems.append(
                        f"有{len(lost)}条消息送不到或不明。 办法：在网页“消息”里逐条处理。"
                    )
            warning = office.calendar.missing_year_warning(clock.day_of(office.ledger.now()))
            if warning:
                problems.append(warning)
    except DubanError as problem:
        problems.append(str(problem))
    if args.format == "json":
        show.as_json({"facts": dict(found), "problems": problems})
    else:
        show.table(("项目", "现状"), found)
        show.say(*(f"· {problem}" for problem in problems) if problems else ("一切正常。",))
    return Exit.INPUT if problems else Exit.DONE
