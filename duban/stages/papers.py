"""Makes numbered draft papers: for a unit at a clerk's word, or from proposals that somebody confirmed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from duban import clock
from duban.errors import NOWHERE, InputError
from duban.ledger import papers, queries
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.matrix.model import Unit
from duban.office import Office
from duban.paperrules import FROM_PROPOSAL, NAMES, SERIES, PaperPolicy, number_text, rule
from duban.reports import officepaper
from duban.reports.digest import write_whole
from duban.reports.officepaper import Facts, Item, Line
from duban.reports.paperfiles import docx_of, pdf_of
from duban.stages.digest import policy_of
from duban.status import STATE_NAMES, chinese_day, standing

FOLDER = "papers"
OWED = ("urge", "advice", "letter", "supervise", "circular")
"""Kinds about what is overdue: without anything overdue there is none."""


@dataclass(frozen=True, slots=True)
class Made:
    """A paper that was made. ``why``: a sentence where another kind was made than asked for."""

    id: str
    number: str
    kind: str
    unit: str
    files: tuple[str, ...]
    why: str = ""


def make(
    office: Office,
    writing: Writing,
    kind: str,
    unit: Unit,
    *,
    proposals: Sequence[Row] = (),
    run: str = "",
) -> Made:
    """A draft of a kind for a unit, numbered and recorded with its hash in this transaction.

    ``proposals``: only what they are about, else everything of the unit that is overdue. ``run``: of scores,
    else the newest. Raises InputError when the unit may not get such a paper, or there is nothing to say.
    """
    policy = policy_of(office)
    ruling = rule(policy, kind, unit.kind)
    if not ruling.kind:
        raise InputError.one(
            "not-addressed",
            NOWHERE,
            f"不能给{unit.short}出{NAMES[kind]}：{ruling.why}",
            "换一个单位。",
        )
    facts = _facts(office, writing, policy, ruling.kind, unit, proposals=proposals, run=run)
    series, year = _series(policy, ruling.kind), clock.local(writing.at).year
    number = papers.next_number(writing.conn, series, year)
    facts = Facts(**{**_values(facts), "number": number_text(series, year, number)})
    files = _files(office, policy, facts, f"{FOLDER}/{year}/{series}-{year}-{number}", writing)
    key = papers.record(
        writing,
        kind=ruling.kind,
        series=series,
        year=year,
        number=number,
        unit=unit.id,
        title=f"{facts.name}（{unit.short}）",
        issuer=facts.issuer,
        data=officepaper.as_json(facts),
        files=files,
        proposals=[row["id"] for row in proposals],
    )
    for path, content in files.items():
        target = office.home.var / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
    return Made(key, facts.number, ruling.kind, unit.id, tuple(files), ruling.why)


def _series(policy: PaperPolicy, kind: str) -> str:
    return f"{policy.issuer(kind).code}{SERIES[kind]}"


def _values(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in Facts.__dataclass_fields__}


def _files(
    office: Office, policy: PaperPolicy, facts: Facts, stem: str, writing: Writing
) -> Mapping[str, bytes]:
    """The Word draft (by the office's own template, if there is one) and the PDF."""
    found = {f"{stem}.docx": docx_of(facts, office.home, writing.at)}
    pdf = pdf_of(facts, writing.at, policy.fonts_dir)
    return found | ({f"{stem}.pdf": pdf} if pdf else {})


# ---- from proposals ----------------------------------------------------------------------------


def from_proposals(office: Office, writing: Writing) -> list[Made]:
    """A paper each for unit, kind and decider over all proposals that were confirmed and have none yet."""
    waiting = [row for row in papers.without_paper(writing.conn) if row["paper"] in FROM_PROPOSAL]
    made = []
    for (unit, paper, _), rows in groupby(
        waiting, key=lambda row: (row["unit"], row["paper"], row["decided_by"])
    ):
        home = office.units.get(unit)
        if home is not None and home.kind.supervised:
            made.append(make(office, writing, FROM_PROPOSAL[paper], home, proposals=list(rows)))
    return made


# ---- what a paper says -------------------------------------------------------------------------


def _facts(
    office: Office,
    writing: Writing,
    policy: PaperPolicy,
    kind: str,
    unit: Unit,
    *,
    proposals: Sequence[Row],
    run: str,
) -> Facts:
    today = clock.day_of(writing.at)
    reply = office.calendar.add(today, policy.reply_days)
    more: dict[str, Any] = (
        _scored(writing, unit, run)
        if kind == "scores"
        else {"items": _items(office, writing, unit, kind, proposals)}
    )
    reasons = dict.fromkeys(row["reason"] for row in proposals if row["reason"])
    return Facts(
        kind=kind,
        number="",
        to=unit.name,
        plan=office.matrix.plan.title,
        issuer=policy.issuer(kind).name,
        printer=office.settings.office_name,
        day=chinese_day(today),
        reply_by=chinese_day(reply),
        contact=office.settings.contact,
        copies=policy.copies,
        example=office.home.example or queries.is_example(writing.conn),
        reason="；".join(reasons),
        **more,
    )


def _items(
    office: Office, writing: Writing, unit: Unit, kind: str, proposals: Sequence[Row]
) -> tuple[Item, ...]:
    wanted = {row["obligation"] for row in proposals}
    states = [state for state in STATE_NAMES if state not in {"historic", "cancelled", "merged"}]
    rows = queries.obligations(writing.conn, unit=unit.id, states=states)
    found = []
    for row in rows:
        how = standing(
            state=row["state"],
            due_on=row["due_on"],
            due_at=row["due_at"],
            now=writing.at,
            calendar=office.calendar,
            lamps=office.lamps,
        )
        if kind == "ledger" or (row["key"] in wanted if wanted else how.overdue):
            due = "长期" if row["due_on"] is None else chinese_day(row["due_on"])
            found.append(
                Item(row["task"], row["title"], row["label"], due, how.words, _said(writing, row))
            )
    if not found:
        raise InputError.one(
            "nothing-to-say",
            NOWHERE,
            f"{unit.short}没有{'应办事项' if kind == 'ledger' else '逾期未办结的事项'}，不出{NAMES[kind]}。",
            "用 duban status 或台账页核对；需要台账用 --kind ledger。",
        )
    return tuple(found)


def _said(writing: Writing, row: Row) -> str:
    """What the unit told of problems in its last report."""
    if not row["submission"]:
        return ""
    last = [each for each in queries.submissions(writing.conn, row["key"]) if each["problem"]]
    return " ".join(str(last[-1]["problem"]).split()).rstrip("。") if last else ""


def _scored(writing: Writing, unit: Unit, run: str) -> dict[str, Any]:
    found = queries.runs(writing.conn, 1)
    row = queries.one_run(writing.conn, run) if run else (found[0] if found else None)
    units = [] if row is None else json.loads(row["result"])["units"]
    mine = next((each for each in units if each["unit"] == unit.id), None)
    if row is None or mine is None or not mine["assessed"]:
        raise InputError.one(
            "no-score", NOWHERE, f"没有{unit.short}的考核得分。", "先运行 duban assess run。"
        )
    lines = tuple(
        Line(each["basis"], f"{each['sentence']}。{each['arithmetic']}", str(each["points"]))
        for each in mine["lines"]
    )
    return {"lines": lines, "total": str(mine["total"]), "period": f"{row['period']}年"}
