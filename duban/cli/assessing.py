"""Commands of the assessment: run, show, explain, score."""

from __future__ import annotations

import argparse
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from duban import clock
from duban.cli import show
from duban.errors import Exit, InputError, Issues, UsageError
from duban.settings import find_home


def run(args: argparse.Namespace) -> int:
    """Score a year as it was known on a day; a day that has not come is refused."""
    from duban.ledger.facts import year_period
    from duban.office import open_office
    from duban.stages.assess import assess

    home = find_home(args.home)
    with open_office(home) as office:
        at = _moment(show.day(args.date), office.ledger.now())
        report = assess(office, year_period(_year(args.year, at), at))
    if args.format == "json":
        show.as_json(report.as_json())
    else:
        show.banner(example=home.example)
        show.counts("考核", report.counts)
        show.say(*report.lines, *(f"得分表：{path}" for path in report.files))
    return Exit.DONE


def _moment(on: date | None, now: datetime) -> datetime:
    """The end of a day in the past, else now. Raises UsageError for a day that has not come."""
    today = clock.day_of(now)
    if on is not None and on > today:
        raise UsageError(
            f"{on} 还没有到，不能按那一天计分。",
            f"--date 写 {today} 或以前的一天；不写就按现在计分。",
        )
    return now if on is None or on == today else clock.end_of(on)


def _year(given: int | None, at: datetime) -> int:
    """The year to score. Raises UsageError for one that had not begun at the moment."""
    seen = clock.day_of(at).year
    if given and given > seen:
        raise UsageError(
            f"到那一天，{given}年还没有开始，没有可计的分。", f"--year 写 {seen} 或以前的年份。"
        )
    return given or seen


def _frozen(args: argparse.Namespace, name: str) -> dict[str, Any]:
    from duban.ledger import queries
    from duban.office import open_office

    with open_office(find_home(args.home), create=False) as office, office.ledger.read() as conn:
        found = queries.one_run(conn, name) if name else next(iter(queries.runs(conn, 1)), None)
    if found is None:
        raise UsageError(
            "没有这个考核批次。" if name else "还没有考核批次。", "先运行 duban assess run。"
        )
    return {**found, "result": json.loads(found["result"])}


def show_run(args: argparse.Namespace) -> int:
    """The scores of a frozen run."""
    found = _frozen(args, args.run)
    if args.format == "json":
        show.as_json(
            {
                "run": found["id"],
                "sheet": found["sheet"],
                "result_hash": found["result_hash"],
                **found["result"],
            }
        )
        return Exit.DONE
    show.banner(example=find_home(args.home).example)
    show.say(f"批次 {found['id']}，细则 {found['sheet']}，结果哈希 {found['result_hash'][:16]}")
    rows = [
        (
            each["group"],
            each["rank"] or "",
            each["name"],
            each["total"] or "未纳入考核",
            each["grade"],
            "、".join(each["effects"]) or each["reason"],
        )
        for each in sorted(
            found["result"]["units"],
            key=lambda each: (each["group"], each["rank"] or 999, each["unit"]),
        )
    ]
    show.table(("组别", "名次", "单位", "得分", "等次", "说明"), rows)
    return Exit.DONE


def explain_unit(args: argparse.Namespace) -> int:
    """Every line of one unit's score with clause, fact, arithmetic and sentence."""
    from duban.cli.work import find_unit
    from duban.office import open_office

    home = find_home(args.home)
    with open_office(home) as office:
        unit = find_unit(office, args.unit)
    found = _frozen(args, args.run)
    score = next((each for each in found["result"]["units"] if each["unit"] == unit), None)
    if score is None:
        raise UsageError(f"批次 {found['id']} 里没有这个单位。", "换一个批次。")
    if args.format == "json":
        show.as_json(score)
        return Exit.DONE
    show.banner(example=home.example)
    if not score["assessed"]:
        show.say(f"{score['name']}：未纳入考核（{score['reason']}）。")
        return Exit.DONE
    show.say(
        f"{score['name']}（{score['group']}）得分 {score['total']}，第{score['rank']}名，{score['grade']}。逐条如下："
    )
    for number, line in enumerate(score["lines"], 1):
        show.say(
            f"{number}. [{line['points']}] {line['sentence']}",
            f"     条款：{line['basis']}（{line['rule']} {line['version']}版）",
            f"     事实：{line['fact']}",
            f"     算式：{line['arithmetic']}",
        )
        if line["evidence"]:
            show.say(
                f"     佐证：{'、'.join(each[:12] if len(each) == 64 else each for each in line['evidence'])}"
            )
    return Exit.DONE


def score_files(args: argparse.Namespace) -> int:
    """Score plain facts by a rule sheet, without a ledger."""
    from duban.assessment.explain import as_json, explain
    from duban.assessment.facts import load_facts
    from duban.assessment.rules import load_sheet
    from duban.assessment.score import score, unread_facts

    issues = Issues()
    sheet = load_sheet(Path(args.rules), args.rules, issues)
    units, facts = load_facts(Path(args.facts), args.facts, issues)
    issues.stop_on_errors()
    if sheet is None:
        raise InputError(list(issues))
    scores = score(sheet, units, facts)
    unread = unread_facts(sheet, units, facts)
    if args.format == "json":
        show.as_json(
            {
                "sheet": sheet.id,
                "rule_hash": sheet.digest,
                "units": [as_json(each) for each in scores],
                "unread": [fact.id for fact in unread],
            }
        )
        return Exit.DONE
    for each in scores:
        show.say(explain(each))
    if unread:
        show.note(
            f"提示：有{len(unread)}条事实没有条款读取：{'、'.join(fact.id for fact in unread[:8])}"
        )
    return Exit.DONE
