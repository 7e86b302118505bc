"""Reads the plain rows of a long table by what earlier rows taught: the same drafts, several times as fast.

A row is plain when one row is one task, nothing in it is merged, carried on, dated or told across several
lines, and its units and its deadline stood in an earlier row that was read in full without a doubt. All
other rows are read in full. A test holds both readings against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from duban.importing.cells import Context
from duban.importing.headers import (
    AREA,
    CLAUSE,
    DEADLINE,
    DELIVERABLE,
    EXTRA,
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
from duban.importing.scan import Group
from duban.importing.task import Draft, Named
from duban.importing.wording import DITTO, MAX_TITLE
from duban.importing.write import units_lines

_ONE = (SERIAL, AREA, TITLE, TEXT, LEAD, SUPPORT, OWNER, DEADLINE)


@dataclass(slots=True)
class _Units:
    """What a row's unit cells said when they were read in full."""

    lead: list[Named]
    support: list[Named]
    joint: bool
    responsibility: str
    column: int
    lines: str


class QuickRows:
    """The plain rows of one table under one header."""

    def __init__(self, context: Context, columns: Columns) -> None:
        self.context, self.columns = context, columns
        grid, roles = context.grid, columns.roles
        single = all(len(roles.get(role, ())) <= 1 for role in _ONE)
        odd = any(role in roles for role in (STAGE, WEIGHT, CLAUSE))
        needed = columns.one(TITLE) >= 0 and columns.one(DEADLINE) >= 0
        self.able = single and not odd and needed and not context.formulas
        self.title, self.text = columns.one(TITLE), columns.one(TEXT)
        self.serial, self.area = columns.one(SERIAL), columns.one(AREA)
        self.due, self.goals = columns.one(DEADLINE), roles.get(DELIVERABLE, ())
        self.units = (columns.one(LEAD), columns.one(SUPPORT), columns.one(OWNER))
        self.labels = tuple(
            f"{columns.labels.get(column, role)}："
            for column, role in zip(self.units, ("牵头单位", "配合单位"), strict=False)
        )
        self.extra = tuple(
            (column, f"{columns.labels.get(column, '备注')}：") for column in roles.get(EXTRA, ())
        )
        self.width = max(columns.labels, default=0) + 1
        merged = (row for top, _, bottom, _ in grid.merges for row in range(top, bottom + 1))
        dated = (row for (row, _), kind in grid.kinds.items() if kind != "number")
        self.odd_rows = {*merged, *dated}
        self.numbers = (
            {row for (row, column), kind in grid.kinds.items() if column == self.due}
            if self.due >= 0
            else set()
        )
        self.known: dict[tuple[str, str, str], _Units] = {}
        self.deadlines: set[str] = set()

    def draft(self, group: Group) -> Draft | None:
        """The draft of a plain row, or None when the row has to be read in full."""
        row, grid = group.rows[0], self.context.grid
        cells = grid.rows[row]
        if not self._plain(row, cells):
            return None
        due = cells[self.due]
        if due not in self.deadlines:
            return None
        units = self._known(cells)
        if units is None:
            return None
        title, path = cells[self.title], group.path
        text = cells[self.text] if self.text >= 0 else ""
        area = cells[self.area] if self.area >= 0 else ""
        if area:
            self.context.area = area
        elif path:
            area, path = path[0], path[1:]
        serial = cells[self.serial] if self.serial >= 0 else ""
        number = f"序号{serial}" if serial else ""
        return Draft(
            grid,
            row,
            serial=serial,
            title=title,
            title_at=(row, self.title),
            text=text if text != title else "",
            area=area,
            clause=self._clause(path, number) if path else number,
            lead=units.lead,
            support=units.support,
            joint=units.joint,
            responsibility=units.responsibility,
            unit_at=(row, units.column),
            deliverable=self._goal(cells),
            deadline=due,
            deadline_at=(row, self.due),
            comments=[label + cells[at] for at, label in self.extra if cells[at]],
            rows=group.rows,
            tame=row in grid.tame,
            unit_lines=units.lines,
        )

    def learn(self, group: Group, draft: Draft) -> None:
        """Remember what a row read in full without a doubt said."""
        row = draft.row
        cells = self.context.grid.rows[row]
        told = any(self._said(cells)) and draft.lead and draft.deadline and not draft.stones
        if not (self._plain(row, cells) and told and draft.deadline == cells[self.due]):
            return
        if not self._as_written(draft, cells, group):
            return
        self.deadlines.add(draft.deadline)
        self.known[self._said(cells)] = _Units(
            _loose(draft.lead),
            _loose(draft.support),
            draft.joint,
            draft.responsibility,
            draft.unit_at[1],
            units_lines(draft.lead, draft.support, draft.responsibility, joint=draft.joint),
        )

    def _plain(self, row: int, cells: list[str]) -> bool:
        if row in self.odd_rows or row in self.numbers or len(cells) < self.width:
            return False
        title = cells[self.title]
        if not title or len(title) > MAX_TITLE or (self.area >= 0 and not cells[self.area]):
            return False
        if row in self.context.grid.tame:
            return True
        if not DITTO.isdisjoint(cells):
            return False
        if "\n" not in "".join(cells):
            return True
        allowed = {self.text, *self.goals}
        return not any("\n" in cell for at, cell in enumerate(cells) if at not in allowed)

    def _clause(self, path: tuple[str, ...], number: str) -> str:
        return " ".join((*path, number)).strip()

    def _known(self, cells: list[str]) -> _Units | None:
        """The units that these cells name; two columns are read apart, when each is without a doubt."""
        said = self._said(cells)
        units = self.known.get(said)
        if units is None and said[0] and not said[2]:
            units = self._two_columns(said[0], said[1])
            if units is not None:
                self.known[said] = units
        return units

    def _two_columns(self, lead: str, support: str) -> _Units | None:
        reader, columns = self.context.reader, self.units
        first, second = reader.units(lead), reader.units(support)
        parts = (*first.names, *second.names)
        doubt = first.open_ended or second.open_ended or any(part.note for part in parts)
        if doubt or not first.names or any(part.role == "support" for part in first.names):
            return None
        leaders = [Named(part.text, part.raw, (-1, columns[0])) for part in first.names]
        helpers = [Named(part.text, part.raw, (-1, columns[1])) for part in second.names]
        if {each.text for each in leaders} & {each.text for each in helpers}:
            return None
        told = f"{self.labels[0]}{lead}" + (f"；{self.labels[1]}{support}" if support else "")
        joint = first.joint or second.joint
        lines = units_lines(leaders, helpers, told, joint=joint)
        return _Units(leaders, helpers, joint, told, columns[0], lines)

    def _goal(self, cells: list[str]) -> str:
        goals = self.goals
        if len(goals) == 1:
            return cells[goals[0]]
        if len(goals) == 2:
            first, second = cells[goals[0]], cells[goals[1]]
            if first and second and first != second:
                return f"{first}\n{second}"
            return first or second
        return "\n".join(dict.fromkeys([cells[at] for at in self.goals if cells[at]]))

    def _said(self, cells: list[str]) -> tuple[str, str, str]:
        lead, support, owner = self.units
        return (
            cells[lead] if lead >= 0 else "",
            cells[support] if support >= 0 else "",
            cells[owner] if owner >= 0 else "",
        )

    def _as_written(self, draft: Draft, cells: list[str], group: Group) -> bool:
        """Whether nothing of the row but units and deadline was read in a way of its own."""
        text = cells[self.text] if self.text >= 0 else ""
        same = draft.title == cells[self.title] and draft.text == (
            text if text != draft.title else ""
        )
        return same and draft.rows == group.rows


def _loose(names: list[Named]) -> list[Named]:
    """Names whose row is that of the task they stand in, so that tasks can share them."""
    return [Named(each.text, each.raw, (-1, each.at[1]), each.note) for each in names]


def quick_rows(context: Context, groups: list[Group]) -> Mapping[int, QuickRows]:
    """A quick reader for each header of a table, by the header's identity."""
    found: dict[int, QuickRows] = {}
    for group in groups:
        key = id(group.columns)
        if key not in found:
            found[key] = QuickRows(context, group.columns)
    return found
