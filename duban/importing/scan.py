"""Sorts the rows of a sheet: every row in which something stands belongs to exactly one class. Pure.

``title`` above the header · ``header`` · ``repeated`` (the header or title again, as on the next page) ·
``section`` (一、…) · ``note`` (注：…, 合计) · ``work`` (rows of tasks, in groups that share a merged
serial or task cell). What becomes of the work rows (task, continuation, rejected) is decided later.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from duban.importing.grid import Grid
from duban.importing.headers import (
    AREA,
    EXTRA,
    SERIAL,
    TEXT,
    TITLE,
    UNIT_ROLES,
    WORK_ROLES,
    Columns,
    find_header,
    header_at,
    same_header,
    word_role,
)
from duban.importing.merges import Merges

_NUMBER = re.compile(r"[0-9０-９]")
_CHINESE = re.compile(r"[（(]?[一二三四五六七八九十百]+[)）]?[、．.]?")
_SECTION = re.compile(
    r"(?P<part>第[一二三四五六七八九十百0-9]+(?:部分|章|篇|节|方面|板块|大项|类))|(?P<one>[一二三四五六七八九十百]+[、．.])|"
    r"(?P<two>[（(][一二三四五六七八九十百]+[)）])|(?P<three>[0-9]{1,2}[、．.](?![0-9]))"
)
_NOTE = re.compile(
    r"(?:附?注|备注|说明|填表(?:说明|人|日期|单位)?|填报(?:说明|人|日期|单位)?|制表(?:人|单位|日期)?|联系人|联系电话|审核人?|审批|签发|"
    r"单位负责人|主要负责人签字|印发日期|数据来源)[0-9一二三四五]*[:：.、\s（(]"
)
_TOTAL = re.compile(r"(?:合计|总计|小计|共计|累计)(?:[:：（(].*)?")
_PAGE = re.compile(
    r"[（(]?续(?:上?表|上页|[一二三四五六七八九十0-9])[一二三四五六七八九十0-9]*[)）]?|第\s*[0-9一二三四五六七八九十]+\s*页(?:.{0,3}共\s*[0-9]+\s*页)?|—?\s*[0-9]+\s*—"
)
_LEVELS = {"part": 0, "one": 1, "two": 2, "three": 3}


@dataclass(slots=True)
class Group:
    """Rows that share one serial or task cell; when ``apart``, rows each of which is a task of its own."""

    columns: Columns
    rows: list[int]
    path: tuple[str, ...]  # section headings above, from the widest
    apart: bool = False


@dataclass(slots=True)
class Table:
    """A scanned sheet. ``classes``: the class of every row in which something stands."""

    grid: Grid
    columns: Columns
    merges: Merges
    titles: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    classes: dict[int, str] = field(default_factory=dict)
    alone: list[int] = field(default_factory=list)  # rows that belong to no task
    first_leads: bool = False

    def counts(self) -> Counter[str]:
        """Rows by class."""
        return Counter(self.classes.values())


def scan(grid: Grid, borrowed: Columns | None = None) -> Table | None:
    """The table of a sheet, or None when it has no header of a 任务分工表.

    ``borrowed``: the header of the table before, for a Word table that goes on without one.
    """
    columns = find_header(grid, 0) or borrowed
    if columns is None:
        return None
    columns = _headings_as_areas(grid, columns)
    return _Scanner(
        grid, columns, start=columns.last_row + 1 if columns.first_row >= 0 else 0
    ).run()


def _headings_as_areas(grid: Grid, columns: Columns) -> Columns:
    """一、党建工作 in the task column beside 主要任务: the heading is the area, the content the task."""
    title, text = columns.one(TITLE), columns.one(TEXT)
    if text < 0 or columns.one(AREA) >= 0 or text < title:
        return columns
    cells = [
        cell
        for row in range(columns.last_row + 1, len(grid.rows))
        if (cell := grid.text(row, title))
    ]
    headings = sum(bool(_HEADING.match(cell)) for cell in cells[:400])
    if not cells or headings * 5 < min(len(cells), 400) * 4:
        return columns
    roles = {**columns.roles, AREA: (title,), TITLE: (text,), TEXT: columns.roles[TEXT][1:]}
    return replace(columns, roles={role: found for role, found in roles.items() if found})


_HEADING = re.compile(
    r"第?[一二三四五六七八九十]+(?:[、．.]|部分|章)|[（(][一二三四五六七八九十]+[)）]"
)


class _Scanner:
    def __init__(self, grid: Grid, columns: Columns, start: int) -> None:
        self.grid = grid
        self.start = start
        self.merges = Merges(grid)
        self.table = Table(grid, columns, self.merges)
        self.path: list[tuple[int, str]] = []
        self.headings: tuple[str, ...] = ()
        self.again = -1  # where the header was last said again
        self.group: Group | None = None  # the one that the next row may go on with
        self.use(columns)

    def use(self, columns: Columns) -> None:
        """Read on with this header."""
        self.columns = columns
        self.serial, self.title = columns.one(SERIAL), columns.one(TITLE)
        self.units = [each for role in UNIT_ROLES for each in columns.roles.get(role, ())]
        self.works = [each for role in WORK_ROLES for each in columns.roles.get(role, ())]
        plain = {SERIAL, TITLE, AREA, EXTRA, TEXT}
        self.facts = [
            each for role, found in columns.roles.items() if role not in plain for each in found
        ]
        self.group = None

    def run(self) -> Table:
        """Sort every row."""
        table, grid = self.table, self.grid
        for row in range(self.start):
            if any(grid.rows[row]):
                inside = self.columns.first_row <= row
                table.classes[row] = "header" if inside else "title"
                if not inside:
                    table.titles += [cell for cell in grid.rows[row] if cell]
        row, classes = self.start, table.classes
        while row < len(grid.rows):
            after = self._numbered(row)
            if after == row:
                cells, after = grid.rows[row], row + 1
                if any(cells):
                    classes[row] = self._class(row, cells)
                    if classes[row] == "work":
                        self._work(row)
            row = after
        self._trailing()
        table.first_leads = self.columns.first_leads or any(
            "首位" in note and "牵头" in note for note in (*table.notes, *table.titles)
        )
        return table

    def _numbered(self, start: int) -> int:
        """Take the rows with a serial and a task of their own: new tasks, whatever stands above.

        Returns the first row that is not one of them.
        """
        serial, title, rows = self.serial, self.title, self.grid.rows
        if serial < 0 or title < 0:
            return start
        covered = self.merges.down.get(title, {})
        widest = max(serial, title)
        row = start
        for row in range(start, len(rows)):
            cells = rows[row]
            if len(cells) <= widest or not cells[serial].isdigit():
                break
            if not cells[title] and row not in covered:
                break
        else:
            row = len(rows)
        if row > start:
            found = range(start, row)
            self.table.classes.update(dict.fromkeys(found, "work"))
            self._start(found)
        return row

    # ---- classes -------------------------------------------------------------------------------

    def _class(self, row: int, cells: list[str]) -> str:
        filled = [column for column, cell in enumerate(cells) if cell]
        first = cells[filled[0]]
        if self._repeats(row, cells):
            return "repeated"
        if len(filled) > 1 and word_role(first):
            if same_header(self.columns, cells):
                self.again = row
                return "repeated"
            found = header_at(self.grid, row)
            if found is not None:
                self.use(_headings_as_areas(self.grid, found))
                return "header"
        if self.table.classes.get(row - 1) == "header" and row <= self.columns.last_row:
            return "header"
        if _TOTAL.fullmatch(first) or (len(filled) > 1 and _TOTAL.fullmatch(cells[filled[1]])):
            return self._note(first)
        if len(filled) == 1:
            return self._alone(row, filled[0], first)
        return self._numbered_section(row, cells, filled)

    def _repeats(self, row: int, cells: list[str]) -> bool:
        """Whether a header of several rows, whose first row stands above again, goes on here."""
        below = row - self.again
        if self.again < 0 or self.columns.first_row < 0 or not 0 < below <= self._deep():
            return False
        head = self.grid.rows[self.columns.first_row + below]
        return {cell for cell in cells if cell} <= {cell for cell in head if cell}

    def _deep(self) -> int:
        return self.columns.last_row - self.columns.first_row

    def _note(self, text: str) -> str:
        self.table.notes.append(text)
        return "note"

    def _alone(self, row: int, column: int, text: str) -> str:
        """The class of a row with a single cell."""
        if _NOTE.match(text):
            return self._note(text)
        if _PAGE.fullmatch(text) or (text in self.table.titles and self.table.titles):
            return "repeated"
        if self._in_group(row):
            return "work"
        right = self.merges.right.get((row, column), column)
        wide = right - column + 1 >= max(2, (self._width() + 1) // 2)
        if not wide and column > max(self.title, 0):
            return "work"
        match = _SECTION.match(text)
        numbered = match is not None and match.lastgroup != "three"
        lonely = column == self.serial and not _NUMBER.match(text)
        if (
            wide
            or (numbered and len(text) <= 60 and bool(self.facts))
            or (lonely and len(text) > 1)
        ):
            return self._section(text)
        return "work"

    def _numbered_section(self, row: int, cells: list[str], filled: list[int]) -> str:
        """一 | 芯片领域 | | |: a Chinese numeral before a heading, and nothing owed."""
        number = cells[self.serial] if 0 <= self.serial < len(cells) else ""
        outside = [each for each in filled if each not in (self.serial, self.title)]
        if not number or outside or not self.facts or not _CHINESE.fullmatch(number):
            return "work"
        if any(self.merges.covers(row, each) for each in (*self.units, self.title)):
            return "work"
        mark = number if number.endswith(("、", ")", "）")) else f"{number}、"
        return self._section(mark + self.grid.text(row, self.title))

    def _section(self, text: str) -> str:
        match = _SECTION.match(text)
        level = _LEVELS[match.lastgroup or "one"] if match else 1
        heading = " ".join(text.split())
        self.path = [each for each in self.path if each[0] < level] + [(level, heading)]
        self.headings = tuple(text for _, text in self.path)
        self.group = None
        return "section"

    def _width(self) -> int:
        return max(self.columns.labels, default=0) + 1

    # ---- groups --------------------------------------------------------------------------------

    def _in_group(self, row: int) -> bool:
        """Whether a merged serial or task cell above reaches into this row."""
        return self.merges.covers(row, self.serial) or (
            self.serial < 0 and self.merges.covers(row, self.title)
        )

    def _work(self, row: int) -> None:
        if self.group is not None and self._continues(row):
            self._last_of(self.group).rows.append(row)
        elif self._begins(row):
            self._start([row])
        else:
            self.table.alone.append(row)

    def _start(self, rows: Iterable[int]) -> None:
        """New tasks, a row each, until another row is found to go on with the last of them."""
        if self.group is None or not self.group.apart:
            self.group = Group(self.columns, [], self.headings, apart=True)
            self.table.groups.append(self.group)
        self.group.rows += rows

    def _last_of(self, group: Group) -> Group:
        """The group of the task above; the last of several tasks apart gets one of its own."""
        if not group.apart:
            return group
        self.group = Group(self.columns, [group.rows.pop()], self.headings)
        if not group.rows:
            self.table.groups.pop()
        self.table.groups.append(self.group)
        return self.group

    def _continues(self, row: int) -> bool:
        """Whether a row goes on with the task above it."""
        text, covered = self.grid.text, self.merges.covers
        if self.serial >= 0:
            if text(row, self.serial):
                return False
            if covered(row, self.serial):
                return True
        if text(row, self.title):
            return self._wrapped(row)
        return covered(row, self.title) or self._has_more(row) or not self._owes(row)

    def _wrapped(self, row: int) -> bool:
        """A task cell alone, without a serial where serials are used: the text above goes on."""
        return self.serial >= 0 and not self._owes(row)

    def _owes(self, row: int) -> bool:
        return any(self.grid.text(row, column) for column in self.facts)

    def _has_more(self, row: int) -> bool:
        return not self.grid.text(row, self.serial)

    def _begins(self, row: int) -> bool:
        """Whether a row can be a task at all: something to do, or somebody for it."""
        text = self.grid.text
        works = any(text(row, column) or self.merges.covers(row, column) for column in self.works)
        return works or (bool(text(row, self.serial)) and self._owes(row))

    def _trailing(self) -> None:
        """A wide row below the last task is a note, not the heading of nothing."""
        classes = self.table.classes
        for row in sorted(classes, reverse=True):
            if classes[row] in {"work", "header", "title"}:
                return
            if classes[row] == "section":
                classes[row] = self._note(" ".join(cell for cell in self.grid.rows[row] if cell))
