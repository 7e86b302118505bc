"""Reads ``tasks_def/<plan>/`` and ``config/units.yaml`` into a Matrix, with the place of every value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from duban.errors import Issues
from duban.matrix.model import (
    POSTS,
    DeadlineClass,
    Directory,
    Every,
    Group,
    Holder,
    Indicator,
    Item,
    Matrix,
    Milestone,
    Plan,
    ReportRule,
    Source,
    Task,
    Unit,
    UnitKind,
)
from duban.matrix.names import NONE_WORDS, Names, is_collective
from duban.settings import Home
from duban.yamltext import Row, Text, read_decimal, read_rows

ONE = Decimal(1)


def load_matrix(home: Home, plan_id: str, issues: Issues) -> Matrix | None:
    """Read the whole matrix. Mistakes go to ``issues``; None when the plan itself cannot be read."""
    directory = load_directory(home, issues)
    names = Names(directory, issues)
    folder = home.tasks_def / plan_id
    row = read_rows(folder / "plan.yaml", home.shown(folder / "plan.yaml"), issues)
    if row is None:
        return None
    plan = _plan(row, names, issues)
    tasks: list[Task] = []
    paths = sorted(path for path in folder.glob("*.y*ml") if path.name != "plan.yaml")
    for path in paths:
        tasks += _tasks_file(path, home.shown(path), names, issues)
    if not paths:
        issues.error(
            "no-tasks", row.place, "没有任务文件。", f"在 {home.shown(folder)} 里写 1-….yaml。"
        )
    digest = _digest([folder / "plan.yaml", *paths, home.config / "units.yaml"])
    return Matrix(replace(plan, tasks=tuple(tasks)), directory, digest)


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        if path.is_file():
            # A byte-order mark or another editor's line ends are no change of the text.
            text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
            total.update(path.name.encode() + b"\0" + text + b"\0")
    return total.hexdigest()


# ---- units -----------------------------------------------------------------------------------


def load_directory(home: Home, issues: Issues) -> Directory:
    """Read ``config/units.yaml``; an unreadable file gives an empty directory and issues."""
    path = home.config / "units.yaml"
    row = read_rows(path, home.shown(path), issues)
    if row is None:
        return Directory({}, ())
    units: dict[str, Unit] = {}
    for entry in row.rows("units"):
        unit = _unit(entry)
        if unit.id in units:
            issues.error(
                "unit-twice",
                entry.place,
                f"单位编号“{unit.id}”写了两次。",
                "编号从不重复使用，换一个。",
            )
        units.setdefault(unit.id, unit)
    directory = Directory(units, ())
    names = Names(directory)
    groups = tuple(_group(entry, names, issues) for entry in row.rows("groups"))
    row.close()
    return Directory(units, groups)


def _unit(row: Row) -> Unit:
    kinds = tuple(kind.value for kind in UnitKind)
    name = row.text("name", required=True)
    unit = Unit(
        id=row.text("id", required=True),
        name=name,
        short=row.text("short", name),
        second_name=row.text("second_name"),
        aliases=tuple(each.raw.strip() for each in row.texts("aliases")),
        kind=UnitKind(row.choice("kind", kinds, UnitKind.BUREAU.value, required=True)),
        group=row.text("group", required=True),
        parent=row.text("parent"),
        posts=_posts(row.row("posts")),
        joined_on=row.day("joined"),
        left_on=row.day("left"),
        place=row.place,
    )
    row.close()
    return unit


def _posts(row: Row | None) -> dict[str, tuple[Holder, ...]]:
    if row is None:
        return {}
    posts = {
        post: tuple(_holder(entry) for entry in row.rows(post)) for post in POSTS if row.has(post)
    }
    row.close()
    return posts


def _holder(row: Row) -> Holder:
    holder = Holder(row.text("name"), row.day("since"), row.day("until"), row.text("address"))
    if holder.since and holder.until and holder.until < holder.since:
        row.issues.error(
            "holder-dates", row.place_of("until"), "在岗截止日早于开始日。", "改正 since 或 until。"
        )
    row.close()
    return holder


def _group(row: Row, names: Names, issues: Issues) -> Group:
    members: list[str] = []
    for text in row.texts("members"):
        members += _resolve(text, names, issues, "单位组成员")
    group = Group(
        row.text("name", required=True),
        tuple(each.raw.strip() for each in row.texts("aliases")),
        tuple(dict.fromkeys(members)),
        row.place,
    )
    row.close()
    return group


def _resolve(text: Text, names: Names, issues: Issues, role: str) -> tuple[str, ...]:
    meaning = names.find(text.raw)
    if meaning is not None:
        return meaning.units
    near = names.suggest(text.raw)
    hint = (
        f"是不是“{'”“'.join(near)}”？确认后把“{text.raw}”加进它的 aliases。"
        if near
        else "先在 config/units.yaml 里登记这个单位。"
    )
    issues.error("unknown-unit", text.place, f"{role}“{text.raw}”不在单位名录里。", hint)
    return ()


# ---- the plan --------------------------------------------------------------------------------


def _plan(row: Row, names: Names, issues: Issues) -> Plan:
    term = row.row("term")
    starts = term.day("from") if term else None
    ends = term.day("to") if term else None
    if term is not None:
        term.close()
    if starts is None or ends is None or ends < starts:
        issues.error(
            "term",
            row.place_of("term"),
            "工作方案的起止日期（term）不全或颠倒。",
            "写成 term: {from: 2024-01-01, to: 2026-12-31}。",
        )
        starts, ends = (
            starts or date(2024, 1, 1),
            max(ends or date(2026, 12, 31), starts or date(2024, 1, 1)),
        )
    anchors, anchor_names = _anchors(row)
    plan = Plan(
        id=row.text("id", required=True),
        title=row.text("title", required=True),
        doc_no=row.text("doc_no"),
        issuer=row.text("issuer", required=True),
        office=row.text("office"),
        anchors=anchors,
        anchor_names=anchor_names,
        starts_on=starts,
        ends_on=ends,
        year=row.integer("year", starts.year),
        in_use_from=row.day("in_use_from"),
        legal_basis=tuple(text.raw for text in row.texts("legal_basis")),
        goals=_items(row.rows("goals")),
        areas=_items(row.rows("areas")),
        safeguards=_items(row.rows("safeguards")),
        glossary=_glossary(row),
        contact=_plain_map(row.row("contact")),
        scope=row.text("scope"),
        facts=_items(row.rows("facts")),
        indicators=tuple(_indicator(entry, names, issues) for entry in row.rows("indicators")),
        tasks=(),
        place=row.place,
    )
    row.close()
    return plan


def _anchors(row: Row) -> tuple[dict[str, date | None], dict[str, str]]:
    """Anchors by id, and every name of an anchor to its id."""
    days: dict[str, date | None] = {}
    called: dict[str, str] = {}
    for entry in row.rows("anchors"):
        anchor = entry.text("id", required=True)
        days[anchor] = entry.day("on")
        for name in (anchor, entry.text("name"), *(each.raw for each in entry.texts("aliases"))):
            if name:
                called[name] = anchor
        entry.close()
    return days, called


def _items(rows: Iterable[Row]) -> tuple[Item, ...]:
    found = []
    for row in rows:
        found.append(
            Item(row.text("id", required=True), row.text("name", required=True), row.text("text"))
        )
        row.close()
    return tuple(found)


def _glossary(row: Row) -> dict[str, str]:
    found = {}
    for entry in row.rows("glossary"):
        found[entry.text("term", required=True)] = entry.text("text", required=True)
        entry.close()
    return found


def _plain_map(row: Row | None) -> dict[str, str]:
    return {} if row is None else {key: row.text(key) for key in row.written()}


def _indicator(row: Row, names: Names, issues: Issues) -> Indicator:
    unit_targets: dict[str, dict[int, Decimal]] = {}
    for entry in row.rows("unit_targets"):
        owners = [
            unit
            for text in entry.texts("unit")
            for unit in _resolve(text, names, issues, "指标承担单位")
        ]
        targets = _yearly(entry)
        for owner in owners:
            unit_targets[owner] = targets
    years = row.row("targets")
    indicator = Indicator(
        id=row.text("id", required=True),
        name=row.text("name", required=True),
        unit=row.text("unit"),
        direction=row.choice("direction", ("normal", "reverse"), "normal"),
        measure=row.choice("measure", ("stock", "flow", "cumulative"), "stock", required=True),
        binding=row.flag("binding"),
        comparator=row.choice("comparator", ("ge", "about", "range", "relative"), "ge"),
        baseline=row.decimal("baseline"),
        baseline_on=row.day("baseline_on"),
        targets=_yearly(years) if years else {},
        unit_targets=unit_targets,
        source=Source(row.choice("source", tuple(each.value for each in Source), Source.OWN.value)),
        place=row.place,
    )
    row.close()
    return indicator


def _yearly(row: Row) -> dict[int, Decimal]:
    """``{2024: 30, 2025: 40}``: year to exact number."""
    found: dict[int, Decimal] = {}
    for key in row.written():
        if key == "unit":
            continue
        value = read_decimal(row.text(key))
        if not key.isdigit() or value is None:
            row.issues.error(
                "yearly",
                row.place_of(key),
                f"“{key}: {row.text(key)}”应为“年份: 数”。",
                "写成 2026: 30。",
            )
            continue
        found[int(key)] = value
    return found


# ---- tasks -----------------------------------------------------------------------------------


def _tasks_file(path: Path, shown: str, names: Names, issues: Issues) -> list[Task]:
    row = read_rows(path, shown, issues)
    if row is None:
        return []
    area = row.text("area")
    tasks = [_task(entry, area, names, issues) for entry in row.rows("tasks")]
    row.close()
    return tasks


def _task(row: Row, area: str, names: Names, issues: Issues) -> Task:
    lead = _units(row.texts("lead"), names, issues, "牵头单位")
    support, support_text = _support(row.texts("support"), names, issues)
    if not lead:
        issues.error(
            "no-lead",
            row.place_of("lead"),
            f"任务 {row.text('id')} 没有牵头单位。",
            "补上 lead: [单位]；几家共同牵头就都写上，并加 joint: 是。",
        )
    repeated = [unit for unit in support if unit in lead]
    if repeated:
        issues.warning(
            "lead-in-support",
            row.place_of("support"),
            "牵头单位又写在配合单位里，已只按牵头计。",
            "从 support 里删去。",
        )
    task = Task(
        id=row.text("id", required=True),
        area=row.text("area", area, required=not area),
        title=row.text("title", required=True),
        text=row.text("text"),
        clause=row.text("clause"),
        goals=tuple(text.raw.strip() for text in row.texts("goals")),
        lead=lead,
        joint=row.flag("joint"),
        support=tuple(unit for unit in support if unit not in lead),
        responsibility=row.text("responsibility"),
        deliverable=row.text("deliverable"),
        evidence=tuple(text.raw.strip() for text in row.texts("evidence")),
        deadline_phrase=row.text("deadline"),
        anchor=row.text("anchor"),
        deadline_class=DeadlineClass(
            row.choice("kind", tuple(each.value for each in DeadlineClass), "planned")
        ),
        milestones=_milestones(row),
        report=_report(row.row("report"), lead, support, names, issues),
        indicators=tuple(text.raw.strip() for text in row.texts("indicators")),
        weight=row.decimal("weight", ONE) or Decimal(0),
        source=Source(row.choice("source", tuple(each.value for each in Source), Source.OWN.value)),
        withdrawn_on=row.day("withdrawn"),
        urgent=row.flag("urgent"),
        replaces=tuple(text.raw.strip() for text in row.texts("replaces")),
        support_text=support_text,
        reminders=row.text("reminders"),
        place=row.place,
        deadline_place=row.place_of("deadline"),
        reminders_place=row.place_of("reminders"),
    )
    row.close()
    return task


def _units(texts: Iterable[Text], names: Names, issues: Issues, role: str) -> tuple[str, ...]:
    found: list[str] = []
    for text in texts:
        if text.raw.strip() not in NONE_WORDS:
            found += _resolve(text, names, issues, role)
    return tuple(dict.fromkeys(found))


def _support(
    texts: Iterable[Text], names: Names, issues: Issues
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Supporting units, and the collective phrases that no group expands and that stay text."""
    units: list[str] = []
    kept: list[str] = []
    for text in texts:
        name = text.raw.strip()
        if name in NONE_WORDS:
            continue
        if names.find(name) is None and is_collective(name):
            kept.append(name)
            issues.warning(
                "collective",
                text.place,
                f"“{name}”没有对应的单位组，只作文字保留，不会向任何单位要材料。",
                "要落实到单位，就在 config/units.yaml 的 groups 里登记它。",
            )
            continue
        units += _resolve(text, names, issues, "配合单位")
    return tuple(dict.fromkeys(units)), tuple(kept)


def _milestones(row: Row) -> tuple[Milestone, ...]:
    found = []
    for entry in row.rows("milestones"):
        found.append(
            Milestone(
                entry.text("id", required=True),
                entry.text("title", required=True),
                entry.text("deadline", required=True),
                entry.place_of("deadline"),
            )
        )
        entry.close()
    return tuple(found)


def _report(
    row: Row | None, lead: tuple[str, ...], support: tuple[str, ...], names: Names, issues: Issues
) -> ReportRule | None:
    if row is None:
        return None
    words = row.texts("by")
    by: list[str] = []
    for text in words:
        word = text.raw.strip()
        if word in {"lead", "support", "all"}:
            by += {"lead": lead, "support": support, "all": lead + support}[word]
        else:
            by += _resolve(text, names, issues, "报送单位")
    every = row.choice("every", tuple(each.value for each in Every), "")
    rule = ReportRule(
        every=Every(every) if every else None,
        due_phrase=row.text("due", required=True),
        by=tuple(dict.fromkeys(by or lead[:1])),
        lead_summary_phrase=row.text("summary"),
    )
    row.close()
    return rule
