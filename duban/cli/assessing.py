"""Commands of the assessment: run, show, explain, score, test, compare."""

from __future__ import annotations

import argparse
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duban import clock
from duban.cli import show
from duban.errors import Exit, Issues, UsageError
from duban.settings import find_home

if TYPE_CHECKING:
    from duban.assessment.compare import Inputs
    from duban.assessment.facts import FactFile
    from duban.assessment.model import RuleSheet


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
    standing = [f"得分 {score['total']}"]
    standing += [f"第{score['rank']}名"] if score["rank"] is not None else []
    standing += [score["grade"]] if score["grade"] else []
    show.say(f"{score['name']}（{score['group']}）{'，'.join(standing)}。逐条如下：")
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
    points = [Decimal(line["points"]) for line in score["lines"]]
    show.say(f"各行合计 {sum(points, Decimal(0))}，总分四舍五入为 {score['total']}。")
    show.say(*(f"等次说明：{words}。" for words in score["effects"]))
    show.say(*(f"自评对照：{words}。" for words in score.get("beside", ())))
    return Exit.DONE


def _read_sheets(*paths: str) -> list[RuleSheet]:
    """The sheets of some files. Raises InputError with all mistakes of all of them."""
    from duban.assessment.rules import load_sheet

    issues = Issues()
    found = [load_sheet(Path(path), path, issues) for path in paths]
    issues.stop_on_errors()
    return [sheet for sheet in found if sheet is not None]


def _read_facts(path: str) -> FactFile:
    from duban.assessment.facts import load_facts

    issues = Issues()
    found = load_facts(Path(path), path, issues)
    issues.stop_on_errors()
    return found


def score_files(args: argparse.Namespace) -> int:
    """Score plain facts by a rule sheet, without a ledger."""
    from duban.assessment.explain import as_json, explain
    from duban.assessment.score import score, unread_facts

    (sheet,), given = _read_sheets(args.rules), _read_facts(args.facts)
    scores = score(sheet, given.units, given.facts, given.period)
    unread = unread_facts(sheet, given.units, given.facts)
    if args.format == "json":
        show.as_json(
            {
                "sheet": sheet.id,
                "rule_hash": sheet.digest,
                "units": [as_json(each) for each in scores],
                "unread": [fact.id for fact in unread],
                "unsourced": [fact.id for fact in given.unsourced],
            }
        )
        return Exit.DONE
    for each in scores:
        show.say(explain(each))
    if unread:
        show.note(
            f"提示：有{len(unread)}条事实没有条款读取：{'、'.join(fact.id for fact in unread[:8])}"
        )
    _note_unsourced(given)
    return Exit.DONE


def _note_unsourced(given: FactFile) -> None:
    """Facts that do not tell where they come from do not count, and are named one by one."""
    for fact in given.unsourced:
        show.note(
            f"不计：事实“{fact.id}”（{fact.unit} {fact.title}）没有来源。"
            "办法：补上 event（台账事件）或 evidence（依据）。"
        )


def test_rules(args: argparse.Namespace) -> int:
    """Run the tests of rule sheets; exit 1 when one differs, with what was expected and what came."""
    from duban.assessment.ruletests import load_suite, run_suite

    files = [Path(name) for name in args.files] or _shipped_tests(args)
    issues = Issues()
    rules = Path(args.rules) if args.rules else None
    suites = [load_suite(path, str(path), issues, rules) for path in files]
    issues.stop_on_errors()
    found = [outcome for suite in suites if suite is not None for outcome in run_suite(suite)]
    failed = [each for each in found if each.differences]
    if args.format == "json":
        show.as_json(
            {
                "tests": len(found),
                "failed": [
                    {
                        "name": each.test.name,
                        "file": each.test.place.file,
                        "line": each.test.place.line,
                        "differences": list(each.differences),
                    }
                    for each in failed
                ],
            }
        )
    else:
        for each in failed:
            show.say(f"{each.test.place}: 不符：{each.test.name}")
            show.say(*(f"    {difference}" for difference in each.differences))
        show.say(f"条款测试{len(found)}例，{len(found) - len(failed)}例相符，{len(failed)}例不符。")
    return Exit.INPUT if failed else Exit.DONE


def _shipped_tests(args: argparse.Namespace) -> list[Path]:
    folder = find_home(args.home).config / "assessment"
    found = sorted(folder.glob("**/tests/*.yaml"))
    if not found:
        raise UsageError(
            f"{folder} 下没有条款测试。", "写在 config/assessment/tests/，或在命令后面写文件名。"
        )
    return found


def compare_sheets(args: argparse.Namespace) -> int:
    """Who moves under a new sheet, by how much and by which clause; which clause decides."""
    from duban.assessment import compare
    from duban.reports.comparebook import write_comparebook

    new, old = _read_sheets(args.rules, args.against)
    inputs, on, example = _inputs(args)
    found = compare.compare(new, old, inputs)
    if args.format == "json":
        show.as_json(compare.as_json(found))
    else:
        show.banner(example=example)
        show.say(*compare.sentences(found))
    if args.out:
        write_comparebook(Path(args.out), found, on, example=example)
        show.note(f"比较表：{args.out}")
    return Exit.DONE


def _inputs(args: argparse.Namespace) -> tuple[Inputs, date, bool]:
    """The facts to compare by: a file's, or the ledger's of a year; their day; and whether an example."""
    from duban.assessment.compare import Inputs

    if bool(args.facts) == bool(args.period):
        raise UsageError(
            "不知道按哪些事实比较。", "写 --facts 事实文件，或 --period 年份（读台账）。"
        )
    if args.facts:
        given = _read_facts(args.facts)
        _note_unsourced(given)
        return Inputs(given.units, given.facts, given.period), clock.day_of(clock.now()), False
    from duban.assessment.score import without_tasks
    from duban.ledger.facts import gather_facts, year_period
    from duban.office import open_office

    home = find_home(args.home)
    with open_office(home, create=False) as office, office.ledger.read() as conn:
        at = office.ledger.now()
        period = year_period(_year(args.period, at), at)
        units, facts = gather_facts(conn, office.matrix, period)
    known = Inputs(without_tasks(units, facts), facts, (period.first, period.last))
    return known, clock.day_of(at), home.example
