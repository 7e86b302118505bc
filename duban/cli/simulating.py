"""Simulate: the living example, or whole years in a ledger of their own with the invariants looked at."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from duban import clock
from duban.cli import show
from duban.errors import Exit, UsageError
from duban.settings import Home, find_home

if TYPE_CHECKING:
    from duban.simulate import Played

SHOWN = 40
"""So many violations are listed; all of them are in the JSON."""


def simulate(args: argparse.Namespace) -> int:
    """Without dates and faults: the example, up to yesterday. Else: simulated years from an empty ledger."""
    home = Home(find_home(args.home).root, example=True)
    years = bool(args.first or args.last or args.faults)
    played = _years(args, home) if years else _example(args, home)
    if args.format == "json":
        show.as_json(_json(played, years=years))
    else:
        show.banner(example=True)
        rows = [(name, number) for name, number in played.counts.items() if number]
        show.table(("事项", "次数"), rows)
        _tell_years(played) if years else _tell_example(played)
    return Exit.INPUT if played.violations else Exit.DONE


def _example(args: argparse.Namespace, home: Home) -> Played:
    """Play the office with example units in the example ledger; today is for the real flows."""
    from duban.simulate import simulate as play

    yesterday = clock.day_of(clock.now()) - timedelta(days=1)
    first, last = yesterday.replace(month=1, day=1), clock.end_of(yesterday)
    bar = show.Progress("演示")
    return play(
        home,
        first,
        last,
        seed=args.seed,
        progress=lambda day, done, all_: bar(done, all_, str(day)),
    )


def _years(args: argparse.Namespace, home: Home) -> Played:
    from duban.simulate import fresh_home, simulate_years

    yesterday = clock.day_of(clock.now()) - timedelta(days=1)
    last = show.day(args.last) or yesterday
    first = show.day(args.first) or last.replace(month=1, day=1)
    if last < first:
        raise UsageError("结束日早于开始日。", "检查 --from 和 --to。")
    bar = show.Progress("模拟")
    return simulate_years(
        fresh_home(home),
        first,
        last,
        seed=args.seed,
        faults=args.faults,
        progress=lambda day, done, all_: bar(done, all_, str(day)),
    )


def _json(played: Played, *, years: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "from": played.first,
        "to": played.last,
        "seed": played.seed,
        "counts": dict(played.counts),
        "state_hash": played.state_hash,
    }
    if years:
        found["violations"] = [
            {"day": each.day, "name": each.name, "sentence": each.sentence, "detail": each.detail}
            for each in played.violations
        ]
    return found


def _tell_example(played: Played) -> None:
    show.say(
        f"从{played.first}演到{played.last}，种子{played.seed}。"
        if played.first <= played.last
        else f"示例已经演到{played.last}之后，没有要补演的日子。"
    )


def _tell_years(played: Played) -> None:
    show.say(
        f"模拟了{played.first}至{played.last}，种子{played.seed}；台账在 var/simulation/ 下，什么也没有真发。",
        f"状态哈希 {played.state_hash}",
    )
    for each in played.violations[:SHOWN]:
        show.say(f"{each.day} 违反“{each.sentence}”：{each.detail}")
    show.say(
        f"每天的规矩有{len(played.violations)}处没有守住，这是程序的缺陷，请附上种子和起止日期报给开发者。"
        if played.violations
        else "每天的规矩全部守住。"
    )
