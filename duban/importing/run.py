"""Imports one file: bytes → grids → tables → drafts → findings → a home that ``duban check`` can read."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from duban.errors import InputError, Level, Place
from duban.importing.draft import Drafter
from duban.importing.findings import Findings
from duban.importing.grid import Grid
from duban.importing.guard import kind_of, read_bytes
from duban.importing.judge import Judge, labels_used
from duban.importing.opendocument import read_opendocument
from duban.importing.order import (
    Order,
    directory_of,
    home_files,
    known_of,
    roster_of,
    settle_office,
)
from duban.importing.own import convert_own
from duban.importing.ownprinted import printed_sheet
from duban.importing.ownsheet import at_home, own_sheet
from duban.importing.plain import read_csv, read_document
from duban.importing.report import Report, SheetAccount
from duban.importing.scan import Table, scan
from duban.importing.sheets import read_workbook
from duban.importing.stretch import Stretch, Task, Units
from duban.importing.task import Draft
from duban.importing.wording import Reader
from duban.importing.write import (
    Frame,
    check_target,
    plan_text,
    task_files,
    write_all,
)
from duban.intake.zipguard import RefusedError
from duban.matrix.names import Names

__all__ = ["Order", "convert", "import_file", "read_grids"]

MAX_AREAS = 80
ONE_AREA = "全部任务"


def import_file(order: Order) -> Report:
    """Import a file and write the home. Raises InputError with nothing written when it cannot be read."""
    check_target(order.out)
    with _without_collector():
        try:
            grids = read_grids(order.file)
        except RefusedError as refused:
            place = Place(order.file.name)
            raise InputError.one(refused.code, place, refused.message, refused.way_out) from None
        own = own_sheet(order, grids) or printed_sheet(order, grids)
        if own is not None:
            order = at_home(order, own)
        report, files = convert_own(order, grids, own) if own else convert(order, grids)
        write_all(order.out, files, order.config)
        del grids, files, own  # before the collector is back, which would walk them all
    return report


@contextmanager
def _without_collector() -> Iterator[None]:
    """Many small live objects and no cycles: the collector would only walk them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read_grids(path: Path) -> list[Grid]:
    """The tables of a file, whatever it is. Raises RefusedError."""
    data = read_bytes(path)
    kind = kind_of(data)
    if kind == "docx":
        return read_document(data)
    if kind == "csv":
        return [read_csv(data, path.stem[:31])]
    if kind == "ods":
        return read_opendocument(data)
    return read_workbook(data, xml=kind == "xlsx")


def convert(order: Order, grids: Sequence[Grid]) -> tuple[Report, Iterator[tuple[str, str]]]:
    """The report and the files of an import. Raises InputError when no sheet holds a matrix."""
    findings = Findings()
    accounts: list[SheetAccount] = []
    tables = _tables(order, grids, accounts)
    for table in tables:
        if table.grid.veiled:
            findings.add(
                Level.WARNING,
                "old-format",
                table.grid,
                None,
                message="旧版 .xls 看不出哪些格是公式、日期怎样显示，一律按存的值读。",
                way_out="核对时限；最好在 Excel 里另存为 .xlsx 再导入。",
            )
    title = _title(tables, order.file)
    year, year_note = _year(order, tables, title)
    directory = directory_of(order.home)
    names = Names(directory) if directory else None
    reader = Reader(year, names, known_of(directory) if directory else None)
    drafts = _drafts(tables, reader, findings, accounts)
    every = [task for _, found in drafts for task in found]
    judge = Judge(reader, findings, units=_unit_names(every))
    for table, found in drafts:
        judge.table(table, found)
    roster = roster_of(every, reader, title, findings)
    frame = _frame(
        order,
        title=title,
        year=year,
        note=year_note,
        tasks=every,
        tables=tables,
        anchors=judge.anchors,
        reader=reader,
    )
    settle_office(order, frame, roster)
    findings.sort([table.grid.name for table in tables])
    report = Report(
        file=order.file.name,
        out=str(order.out),
        plan=frame.id,
        title=title,
        year=year,
        areas=len(frame.areas),
        units=len(roster.units),
        sheets=accounts,
        findings=findings,
    )
    tasks = task_files(every, frame.areas)
    return report, home_files(order, frame, roster, report, plan=plan_text(frame), tasks=tasks)


# ---- tables ------------------------------------------------------------------------------------


def _tables(order: Order, grids: Sequence[Grid], accounts: list[SheetAccount]) -> list[Table]:
    tables: list[Table] = []
    wanted = [grid for grid in grids if not order.sheet or grid.name == order.sheet]
    if not wanted:
        shown = "、".join(f"“{grid.name}”" for grid in grids[:20]) or "没有表"
        raise InputError.one(
            "no-sheet",
            Place(order.file.name),
            f"没有名为“{order.sheet}”的工作表。" if order.sheet else "文件里没有表格。",
            f"文件里有：{shown}。",
        )
    for grid in wanted:
        account = SheetAccount(grid.name, filled_rows=sum(1 for _ in grid.filled_rows()))
        accounts.append(account)
        before = tables[-1].columns if tables and not grid.numbered else None
        fits = before is not None and max(before.labels, default=-1) + 1 == grid.width
        borrowed = replace(before, first_row=-1, last_row=-1) if before and fits else None
        account.reason = _reason(grid, account, order)
        table = None if account.reason else scan(grid, borrowed)
        if table is not None:
            tables.append(table)
        elif not account.reason:
            account.reason = "没有找到任务分工表的表头" if account.filled_rows else "空表"
    if not tables:
        raise InputError.one(
            "no-table",
            Place(order.file.name),
            "没有找到任务分工表："
            + "；".join(f"{each.name}：{each.reason}" for each in accounts[:10])
            + "。",
            "表头里要有“任务”一类的栏，和“责任单位”“牵头单位”“完成时限”“序号”中的至少一栏。",
        )
    return tables


def _reason(grid: Grid, account: SheetAccount, order: Order) -> str:
    if grid.hidden and not order.sheet:
        return "隐藏的工作表；要读它就加 --sheet"
    return "" if account.filled_rows else "空表"


def _title(tables: Sequence[Table], path: Path) -> str:
    said = [text for table in tables for text in (*table.titles, table.grid.heading) if text]
    plans = [text for text in said if re.search(r"表|方案|计划|分工|清单|任务|要点|台账", text)]
    fit = [
        text
        for text in plans
        if 4 <= len(text) <= 80 and not re.match(r"附件|附表|填报|单位[:：]", text)
    ]
    return " ".join(max(fit, key=len).split()) if fit else path.stem


_YEAR = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})(?=\s*年|[-—–至])")


def _year(order: Order, tables: Sequence[Table], title: str) -> tuple[int, str]:
    if order.year is not None:
        return order.year, "命令行指定"
    named = _YEAR.search(title) or _YEAR.search(order.file.stem)
    if named:
        return int(named[1]), "核对：取自表题"
    said = Counter(
        row[column]
        for table in tables
        for column in table.columns.roles.get("deadline", ())
        for row in table.grid.rows
        if column < len(row)
    )
    counts: Counter[str] = Counter()
    for text, times in said.items():
        match = _YEAR.search(text)
        if match:
            counts[match[1]] += times
    if counts:
        return int(
            min(counts, key=lambda each: (-counts[each], each))
        ), "核对：表中时限出现最多的年份"
    return order.this_year, "待核对：表里没有写年份，暂按今年"


_SPAN = re.compile(r"((?:19|20)[0-9]{2})\s*年?\s*[-—–～~至]+\s*((?:19|20)[0-9]{2})")


# ---- drafts ------------------------------------------------------------------------------------


def _unit_names(tasks: Sequence[Task]) -> set[str]:
    """Every name that stands in a unit's column."""
    found: set[str] = set()
    told: set[Units] = set()  # what plain rows say, each once
    for task in tasks:
        if isinstance(task, Draft):
            found.update(each.text for each in (*task.lead, *task.support))
        else:
            told.update(task.units)
    return found.union(*(units.names for units in told))


def _drafts(
    tables: Sequence[Table], reader: Reader, findings: Findings, accounts: Sequence[SheetAccount]
) -> list[tuple[Table, list[Task]]]:
    found = [(table, Drafter(table, reader, findings).tasks()) for table in tables]
    total = sum(
        len(task.rows) if isinstance(task, Stretch) else 1 for _, tasks in found for task in tasks
    )
    width = max(3, len(str(total)))
    number = 1
    by_name = {account.name: account for account in accounts}
    named: dict[tuple[str, int], str] = {}
    marked = {each.row for each in findings}
    for table, tasks in found:
        account = by_name[table.grid.name]
        account.classes = table.counts()
        account.columns = labels_used(
            {id(group.columns): group.columns for group in table.groups}.values()
        )
        for task in tasks:
            task.area = task.area or (table.grid.name if len(tables) > 1 else ONE_AREA)
            if isinstance(task, Stretch):
                task.first, task.digits = number, width
                number += len(task.rows)
                for row in marked.intersection(task.rows):
                    named[table.grid.name, row] = task.task_id(task.rows.index(row))
                continue
            task.id = f"T-{number:0{width}d}"
            number += 1
            if task.row in marked or len(task.rows) > 1:
                named.update(((table.grid.name, row), task.id) for row in task.rows)
    findings.name_tasks(named)
    if not total:
        raise InputError.one(
            "no-rows",
            Place(tables[0].grid.name),
            "找到了表头，但下面没有任务。",
            "检查是不是选错了工作表（--sheet）。",
        )
    return found


# ---- the frame ---------------------------------------------------------------------------------


def _frame(
    order: Order,
    *,
    title: str,
    year: int,
    note: str,
    tasks: Sequence[Task],
    tables: Sequence[Table],
    anchors: dict[str, str],
    reader: Reader,
) -> Frame:
    areas = list(dict.fromkeys(task.area for task in tasks))
    if len(areas) > MAX_AREAS:
        for task in tasks:
            task.move(ONE_AREA)
        areas = [ONE_AREA]
    span = _SPAN.search(title)
    said_years = [int(each) for each in span.groups()] if span else []
    # The deadline of a plain row is one that a row read in full has taught.
    phrases = {task.deadline for task in tasks if isinstance(task, Draft)}
    dues = {due.year for phrase in phrases if (due := reader.deadline(phrase).due)}
    years = [each for each in dues if abs(each - year) <= 15]
    said = " ".join(text for table in tables for text in (*table.titles, table.grid.heading))
    number = re.search(r"[\u4e00-\u9fff]{1,10}[〔\[（(](?:19|20)\d{2}[〕\])）]\s*\d+\s*号", said)
    return Frame(
        id=_plan_id(order.file.stem, year),
        title=title,
        source=order.file.name,
        year=year,
        year_note=note,
        first_day=date(min([year, *years, *said_years]), 1, 1),
        last_day=date(max([year, *years, *said_years]), 12, 31),
        doc_no=number[0] if number else "",
        areas={f"a{at}": area for at, area in enumerate(areas, 1)},
        anchors=anchors,
    )


def _plan_id(stem: str, year: int) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:40].strip("-")
    return slug if re.search(r"[a-z]", slug) else f"plan-{year}"
