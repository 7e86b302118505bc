"""Reads the plain rows of a long table by what earlier rows taught: the same tasks, several times as fast.

A row is plain when one row is one task, nothing in it is carried on or told in a way of its own, and its
units and its deadline stood in an earlier row that was read in full without a doubt. Cells that a merged
cell covers have its text. All other rows are read in full. A test holds both readings against each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from duban.importing.cells import Context, one_line
from duban.importing.emit import flow, name, scalar
from duban.importing.headers import (
    AREA,
    CLAUSE,
    DEADLINE,
    LEAD,
    OWNER,
    SERIAL,
    STAGE,
    SUPPORT,
    TEXT,
    TITLE,
    WEIGHT,
    Columns,
)
from duban.importing.merges import Merges
from duban.importing.scan import Group
from duban.importing.stretch import Layout, Stretch, Task, Units, title_of
from duban.importing.task import Draft
from duban.importing.wording import DITTO, MAX_TITLE
from duban.importing.write import units_lines

_ONE = (SERIAL, AREA, TITLE, TEXT, LEAD, SUPPORT, OWNER, DEADLINE)
_ODD = (STAGE, WEIGHT, CLAUSE)

ReadInFull = Callable[[Group, int], Draft]


@dataclass(frozen=True, slots=True)
class _Side:
    """What one of two unit columns says, when it says so without a doubt."""

    names: tuple[str, ...]
    joint: bool
    line: str


class QuickRows:
    """The plain rows of one table under one header. ``read``: reads a row in full."""

    def __init__(self, context: Context, columns: Columns, read: ReadInFull) -> None:
        self.context, self.read = context, read
        self.grid = context.grid
        self.layout = layout = Layout(self.grid, columns)
        roles = columns.roles
        single = all(len(roles.get(role, ())) <= 1 for role in _ONE)
        odd = context.formulas or any(role in roles for role in _ODD)
        self.able = single and not odd and layout.title >= 0 and layout.due >= 0
        self.width = max(columns.labels, default=0) + 1
        self.known: dict[tuple[str, str, str], Units | None] = {}
        self.dues: dict[str, str] = {}
        self._sides: dict[tuple[int, str], _Side | None] = {}
        self._merged = _Merged(context.table.merges, self.grid.rows, self.width)
        self.tame = self.grid.tame - self._merged.outer(self.grid.tame)
        self.odd_rows = self._odd_rows()
        self.shared = self._merged.reached(layout.title)

    def _odd_rows(self) -> set[int]:
        """Rows with a cell merged across, and those whose deadline is no text."""
        grid, due = self.grid, self.layout.due
        wide = (
            row
            for top, left, bottom, right in grid.merges
            if right > left
            for row in range(top, bottom + 1)
        )
        noted = {row for row, column in grid.notes if column == due}
        typed = noted | grid.numbers.get(due, set())
        below = self._merged.below(due, typed)
        return {*wide, *typed, *below}

    def take(self, group: Group) -> list[Task]:
        """The tasks of rows that are tasks apart, in their order."""
        found: list[Task] = []
        stretch: Stretch | None = None
        area_at, title_at = self.layout.area, self.layout.title
        rows, filled, odd = self.grid.rows, self._merged.filled, self.odd_rows
        for row in group.rows:
            cells = filled.get(row) or rows[row]
            units = None if row in odd or not self._plain(row, cells) else self._units(cells)
            if units is None:
                if stretch is not None and area_at >= 0:
                    self.context.area = stretch.area
                stretch = None
                found.append(self._in_full(group, row, cells))
                continue
            area = cells[area_at] if area_at >= 0 else None
            if stretch is None or (area is not None and area != stretch.area):
                stretch = self._stretch(group, area)
                found.append(stretch)
            title = cells[title_at]
            if len(title) > MAX_TITLE or row in self.shared or row not in self.tame:
                title = title_of(title, self.layout.content(cells), shared=row in self.shared)
            stretch.rows.append(row)
            stretch.cells.append(cells)
            stretch.titles.append(title)
            stretch.units.append(units)
        if stretch is not None and area_at >= 0:
            self.context.area = stretch.area
        return found

    def _stretch(self, group: Group, area: str | None) -> Stretch:
        path = group.path
        if area is None:
            area, path = (path[0], path[1:]) if path else ("", ())
        read = partial(self._silently, group)
        return Stretch(self.layout, area, path, self.dues, self.tame, self.shared, read)

    def _in_full(self, group: Group, row: int, cells: list[str]) -> Draft:
        doubts = len(self.context.findings.found)
        draft = self.read(group, row)
        if len(self.context.findings.found) == doubts and row not in self.odd_rows:
            self.learn(cells, draft)
        return draft

    def _silently(self, group: Group, row: int) -> Draft:
        """Read a plain row in full after all; what there was to tell, its like has told."""
        found = self.context.findings.found
        doubts = len(found)
        draft = self.read(group, row)
        del found[doubts:]
        return draft

    def learn(self, cells: list[str], draft: Draft) -> None:
        """Remember what a row read in full without a doubt said."""
        if (
            not self._plain(draft.row, cells)
            or not draft.lead
            or not draft.deadline
            or draft.stones
        ):
            return
        said = self.layout.said(cells)
        if not any(said) or draft.deadline != cells[self.layout.due]:
            return
        self.dues[draft.deadline] = f"    deadline: {name(draft.deadline)}\n"
        lines = units_lines(draft.lead, draft.support, draft.responsibility, joint=draft.joint)
        lead = tuple(each.text for each in draft.lead)
        self.known[said] = Units(lead, tuple(each.text for each in draft.support), lines)

    def _plain(self, row: int, cells: list[str]) -> bool:
        """Whether nothing in a row carries on what stands above, or is told on several lines."""
        layout = self.layout
        if len(cells) < self.width or not cells[layout.title]:
            return False
        if layout.area >= 0 and not cells[layout.area]:
            return False
        if row in self.tame:
            return True
        if not DITTO.isdisjoint(cells):
            return False
        lined = [at for at in (layout.serial, layout.area) if at >= 0 and "\n" in cells[at]]
        return not lined

    def _units(self, cells: list[str]) -> Units | None:
        """The units of a row, when they and its deadline are known; two columns are read apart."""
        if cells[self.layout.due] not in self.dues:
            return None
        said = self.layout.said(cells)
        units = self.known.get(said)
        if units is None and said[0] and not said[2] and said not in self.known:
            units = self.known[said] = self._two_columns(said[0], said[1])
        return units

    def _two_columns(self, lead: str, support: str) -> Units | None:
        first, second = self._side(0, lead), self._side(1, support)
        if first is None or second is None or not first.names:
            return None
        if not set(first.names).isdisjoint(second.names):
            return None
        labels = self.layout.columns.labels
        told = "；".join(
            f"{labels.get(column, role)}：{one_line(text)}"
            for column, role, text in zip(
                self.layout.units, ("牵头单位", "配合单位"), (lead, support), strict=False
            )
            if text
        )
        joint = "    joint: 是\n" if first.joint or second.joint else ""
        lines = f"{first.line}{joint}{second.line}    responsibility: {scalar(told)}\n"
        return Units(first.names, second.names, lines)

    def _side(self, which: int, text: str) -> _Side | None:
        """The reading of the lead's column (0) or the support's (1); None when it holds a doubt."""
        if (which, text) in self._sides:
            return self._sides[which, text]
        phrase = self.context.reader.units(text)
        other = not which and any(part.role == "support" for part in phrase.names)
        side = None
        if not (other or phrase.open_ended or any(part.note for part in phrase.names)):
            names = tuple(part.text for part in phrase.names)
            key = ("lead", "support")[which]
            side = _Side(names, phrase.joint, f"    {key}: {flow(names)}\n" if names else "")
        self._sides[which, text] = side
        return side


class _Merged:
    """The rows of a table with the text of merged cells in every cell that they cover."""

    def __init__(self, merges: Merges, rows: list[list[str]], width: int) -> None:
        self._down, self._rows = merges.down, rows
        self.filled: dict[int, list[str]] = {}
        for column, tops in merges.down.items():
            if column < width:
                self._fill(column, tops)

    def _fill(self, column: int, tops: dict[int, int]) -> None:
        rows, filled = self._rows, self.filled
        for row, top in tops.items():
            if len(rows[row]) > column and len(rows[top]) > column and not rows[row][column]:
                cells = filled.get(row)
                if cells is None:
                    cells = filled[row] = rows[row].copy()
                cells[column] = rows[top][column]

    def outer(self, kept: set[int]) -> set[int]:
        """Rows that have a text from a row which is not one of these."""
        return {row for tops in self._down.values() for row, top in tops.items() if top not in kept}

    def below(self, column: int, rows: set[int]) -> set[int]:
        """Rows that a merged cell of this column covers from one of these."""
        return {row for row, top in self._down.get(column, {}).items() if top in rows}

    def reached(self, column: int) -> set[int]:
        """Rows that share a merged cell of this column."""
        tops = self._down.get(column, {})
        return {*tops, *tops.values()}
