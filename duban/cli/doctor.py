"""The doctor: settings, ledger, stages, channels and templates, and one test message."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from duban import clock
from duban.cli import show
from duban.errors import DubanError, Exit, InputError, Issues, UsageError
from duban.settings import Home, find_home, load_settings

if TYPE_CHECKING:
    from duban.office import Office
    from notifier.config import Channels
    from notifier.trial import Trial

Found = tuple[list[tuple[str, str]], list[str]]  # facts, problems


def doctor(args: argparse.Namespace) -> int:
    """Look at settings, ledger, stages and channels; say what needs a hand."""
    home = find_home(args.home)
    if args.send_test is not None:
        return _send_test(args, home)
    if args.to or args.really:
        raise UsageError("--to 和 --really 要同 --send-test 一起用。", "加 --send-test 渠道。")
    facts, problems = _examined(home)
    if args.format == "json":
        show.as_json({"facts": dict(facts), "problems": problems})
    else:
        show.table(("项目", "现状"), facts)
        show.say(*(f"· {problem}" for problem in problems) if problems else ("一切正常。",))
    return Exit.INPUT if problems else Exit.DONE


def _examined(home: Home) -> Found:
    from duban.office import open_office

    facts = [
        ("家目录", str(home.root)),
        ("台账", "示例台账" if home.example else "正式台账"),
    ]
    problems: list[str] = []
    try:
        with open_office(home, create=False) as office:
            for look in (_channels, _plan, _stages, _lost, _fonts):
                more, wrong = look(office)
                facts += more
                problems += wrong
            warning = office.calendar.missing_year_warning(clock.day_of(office.ledger.now()))
            problems += [warning] if warning else []
    except DubanError as problem:
        problems.append(str(problem))
    return facts, problems


def _channels(office: Office) -> Found:
    """Channels that cannot be used, templates that are not, and posts that are not reached."""
    from notifier.config import load_channels
    from notifier.proof import check_templates
    from notifier.reach import channel_problems, reached

    issues = Issues()
    channels = load_channels(office.home, issues)
    check_templates(office.home, channels, issues)
    today = clock.day_of(office.ledger.now())
    posts = list(reached(office.units, channels, today))
    amiss = sum(bool(each.problems) for each in posts)
    facts = [
        ("默认渠道", channels.default),
        ("岗位", f"{len(posts)}个，其中{amiss}个的渠道或地址要补（duban channels --problems）"),
    ]
    broken = [f"渠道“{name}”：{why}" for name, why in channel_problems(channels).items()]
    return facts, [*(str(issue) for issue in issues.errors), *broken]


def _plan(office: Office) -> Found:
    from duban.ledger import events, queries
    from duban.ledger.plan import digest_of

    with office.ledger.read() as conn:
        seq, _ = events.chain_head(conn)
        applied = queries.plan_row(conn, office.matrix.plan.id)
    state = f"自{applied['in_use_from']}启用" if applied else "还没有写入台账"
    changed = applied is not None and applied["digest"] != digest_of(
        office.matrix, office.planned()
    )
    told = "tasks_def/ 或 units.yaml 有改动还没有写入台账。 办法：duban plan 看变化，duban apply 写入。"
    return [("记录", f"{seq}条"), ("任务分工", state)], [told] if changed else []


def _stages(office: Office) -> Found:
    from duban.ledger import queries
    from duban.stages.upkeep import stale_stages

    with office.ledger.read() as conn:
        applied = queries.plan_row(conn, office.matrix.plan.id)
        ticks = queries.ticks(conn)
    since = None if applied is None else applied["applied_at"]
    late = stale_stages(ticks, office.ledger.now(), since)
    return [], [f"{said}。 办法：检查 duban up 是否在运行。" for said in late.sentences]


def _fonts(office: Office) -> Found:
    """Which fonts PDF papers are set in, and whether there is any."""
    from duban.paperrules import load_papers
    from duban.reports import fonts

    issues = Issues()
    policy = load_papers(office.home, issues)
    said, wrong = fonts.told(policy.fonts_dir)
    return [("PDF 字体", said)], [
        *(str(each) for each in issues.errors),
        *([wrong] if wrong else []),
    ]


def _lost(office: Office) -> Found:
    from duban.ledger import queries

    with office.ledger.read() as conn:
        rows = queries.messages(conn, limit=2000)
    lost = sum(row["state"] in {"failed", "unknown", "expired"} for row in rows)
    told = f"有{lost}条消息送不到或不明。 办法：在网页“消息”里逐条处理。"
    return [], [told] if lost else []


# ---- one test message --------------------------------------------------------------------------


def _send_test(args: argparse.Namespace, home: Home) -> int:
    """Tell what a test message would do, or with ``--really`` send one."""
    from notifier.trial import plan

    issues = Issues()
    settings = load_settings(home, issues)
    channels = _loaded(home, issues)
    if settings is None:
        raise InputError(issues.errors)
    if args.really and not args.send_test:
        raise UsageError("没有写往哪个渠道真发。", f"可用：{'、'.join(channels.by_id)}。")
    now = clock.now()
    names = [args.send_test] if args.send_test else list(channels.by_id)
    trials = [
        plan(
            channels,
            home,
            name,
            args.to,
            office=settings.office_name,
            contact=settings.contact,
            now=now,
        )
        for name in names
    ]
    if args.really:
        return _really(args, home, channels, trials[0])
    _tell(args, [each.as_json() for each in trials])
    if args.format == "text":
        show.note("以上只是演练：没有联网，没有发出任何消息。真发一条：加 --really（须写明渠道）。")
    # Without a channel named, a personal one that nobody was named for is no mistake of the settings.
    wrong = [each for each in trials if each.problems and (args.send_test or each.where == "")]
    return Exit.INPUT if wrong else Exit.DONE


def _loaded(home: Home, issues: Issues) -> Channels:
    from notifier.config import load_channels

    channels = load_channels(home, issues)
    issues.stop_on_errors()
    return channels


def _really(args: argparse.Namespace, home: Home, channels: Channels, trial: Trial) -> int:
    from notifier.trial import OUTCOMES, send

    if trial.problems:
        _tell(args, [trial.as_json()])
        return Exit.INPUT
    outcome = send(channels, home, trial, clock.now())
    told = {"outcome": outcome.kind, "code": outcome.code, "detail": outcome.detail}
    _tell(args, [trial.as_json() | told])
    if args.format == "text":
        show.say(f"结果：{OUTCOMES[outcome.kind]}。{outcome.detail}")
        show.note("测试消息不进发送队列，不记台账，也不计入限速。")
    return Exit.DONE if outcome.kind == "sent" else Exit.OUTSIDE


def _tell(args: argparse.Namespace, trials: list[dict[str, Any]]) -> None:
    if args.format == "json":
        show.as_json(trials)
        return
    for each in trials:
        show.say(f"渠道 {each['channel']}（{each['name']}）")
        rows = [
            ("经由", each["where"] or "（用不了）"),
            ("发给", each["to"] or "（未写）"),
            ("发件人", each["from"]),
            ("标题", each["subject"]),
            ("正文", "，".join(f"{size} 字节" for size in each["bytes"])),
        ]
        show.say(*(f"  {name}：{value}" for name, value in rows if value))
        show.say(*(f"    {line}" for text in each["texts"] for line in text.splitlines()))
        show.say(*(f"  问题：{problem}" for problem in each["problems"]), "")
