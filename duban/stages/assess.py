"""Assess: turn the record of a period into scores in which every point has its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from duban import __version__, clock
from duban.assessment.explain import as_json
from duban.assessment.model import RuleSheet, UnitScore
from duban.assessment.rules import pick_sheet
from duban.assessment.score import score, unread_facts, without_tasks
from duban.assessment.sheets import load_sheets
from duban.ledger import facts as ledger_facts
from duban.ledger import queries
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.facts import Period, year_period
from duban.ledger.store import Writing
from duban.office import Office
from duban.reports.scoresheet import SheetMeta, write_scoresheet
from duban.stages import StageReport, ticks


def run(office: Office, at: datetime) -> StageReport:
    """Score the year of the logical date as it stands; on 1 January the year that has just ended."""
    day = clock.day_of(at)
    year = day.year - 1 if (day.month, day.day) == (1, 1) else day.year
    return assess(office, year_period(year, at))


def assess(office: Office, period: Period) -> StageReport:
    """Score a period as of a moment, freeze the run with its inputs, and write the score sheet."""
    sheet = pick_sheet(load_sheets(office.home), min(period.last, clock.day_of(period.as_of)))
    with office.ledger.write("duban:assess", period.as_of) as writing:
        ticks.begins(office, writing, "assess")
        units, facts = ledger_facts.gather_facts(writing.conn, office.matrix, period)
        entries = without_tasks(units, facts)
        scores = score(sheet, entries, facts, (period.first, period.last))
        example = queries.is_example(writing.conn)
        name = f"{period.name}@{clock.day_of(period.as_of).isoformat()}"
        path = office.home.var / "scores" / f"{name}.xlsx"
        write_scoresheet(path, scores, _meta(office, sheet, period, example=example))
        frozen = {
            "facts": canonical(ledger_facts.as_json(entries, facts)),
            "result": _result(scores),
        }
        files = canonical([path.relative_to(office.home.var).as_posix()])
        _freeze(writing, _row(name, period, sheet, frozen, files), sheet)
        counts = _counts(scores)
        ticks.tick(writing, "assess", period.as_of, counts)
        unread = [fact for fact in unread_facts(sheet, entries, facts) if fact.kind != "on_time"]
    lines = [f"有{len(unread)}条事实没有条款读取，不影响得分。"] if unread else []
    return StageReport(
        "assess", period.as_of, counts, (*_leaders(scores), *lines), (office.home.shown(path),)
    )


def _meta(office: Office, sheet: RuleSheet, period: Period, *, example: bool) -> SheetMeta:
    return SheetMeta(
        title=f"{office.matrix.plan.title}{period.name}年考核得分表",
        period=f"{period.name}年",
        as_of=clock.day_of(period.as_of),
        sheet_title=sheet.title,
        sheet_id=sheet.id,
        rule_hash=sheet.digest,
        code_version=__version__,
        example=example,
        categories=tuple(category.name for category in sheet.categories),
    )


def _row(
    name: str, period: Period, sheet: RuleSheet, frozen: dict[str, str], files: str
) -> dict[str, Any]:
    return {
        "id": name,
        "period": period.name,
        "as_of": period.as_of,
        "sheet": sheet.id,
        "rule_hash": sheet.digest,
        "input_hash": _sha(frozen["facts"]),
        "result_hash": _sha(frozen["result"]),
        "code_version": __version__,
        "state": "draft",
        **frozen,
        "files": files,
    }


def _freeze(writing: Writing, row: dict[str, Any], sheet: RuleSheet) -> None:
    """Record the run unless the very same one is there already."""
    known = queries.one_run(writing.conn, row["id"])
    same = ("input_hash", "result_hash", "rule_hash")
    if known is None or any(known[key] != row[key] for key in same):
        writing.record(Draft("run.scored", f"run:{row['id']}", row, why=f"按《{sheet.title}》计分"))


def _result(scores: Sequence[UnitScore]) -> str:
    return canonical({"units": [as_json(each) for each in scores]})


def _counts(scores: Sequence[UnitScore]) -> dict[str, int]:
    assessed = [each for each in scores if each.assessed]
    lines = sum(len(each.lines) for each in assessed)
    return {"参评单位": len(assessed), "未纳入考核": len(scores) - len(assessed), "得分条目": lines}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _leaders(scores: Sequence[UnitScore]) -> list[str]:
    groups: dict[str, list[UnitScore]] = {}
    for each in scores:
        if each.assessed:
            groups.setdefault(each.group, []).append(each)
    lines = []
    for group, found in groups.items():
        totals = sorted(each.total for each in found)
        lines.append(f"{group}：{len(found)}家，最高{totals[-1]}，最低{totals[0]}")
    return lines
