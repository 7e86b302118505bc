"""The cells of one task: text through merged cells and 同上, findings at a cell."""

from __future__ import annotations

from dataclasses import dataclass, field

from duban.errors import Level
from duban.importing.findings import Findings
from duban.importing.grid import Grid
from duban.importing.headers import Columns
from duban.importing.scan import Group, Table
from duban.importing.task import At, Draft
from duban.importing.wording import DITTO, Reader


@dataclass(slots=True)
class Context:
    """What all tasks of a table share.

    ``said``: what was last told or carried on, so that one doubt of a whole column is told once.
    """

    table: Table
    reader: Reader
    findings: Findings
    area: str = ""
    said: dict[str, str] = field(default_factory=dict)
    formulas: bool = False

    @property
    def grid(self) -> Grid:
        """The sheet."""
        return self.table.grid


class TaskCells:
    """The rows of one task being read."""

    def __init__(self, context: Context, group: Group, rows: list[int]) -> None:
        self.context, self.group, self.rows = context, group, rows
        self.grid, self.reader = context.table.grid, context.reader
        self.columns: Columns = group.columns
        self.row = rows[0]
        self.one = len(rows) == 1
        self.task = Draft(self.grid, self.row, rows=rows)

    def say(self, level: Level, code: str, at: At, message: str, way_out: str) -> None:
        """Note a finding at a cell of this task."""
        self.context.findings.add(level, code, self.grid, at, message=message, way_out=way_out)

    def cell(self, row: int, column: int) -> tuple[str, At]:
        """A cell's text and place; of a merged cell, those of its first cell; 同上 is looked up."""
        if column < 0:
            return "", (row, 0)
        cells = self.grid.rows[row]
        text = cells[column] if column < len(cells) else ""
        if not text:
            top = self.context.table.merges.above(row, column)
            return (
                (self.grid.text(top, column), (top, column))
                if top is not None
                else ("", (row, column))
            )
        return (self._ditto(row, column), (row, column)) if text in DITTO else (text, (row, column))

    def _ditto(self, row: int, column: int) -> str:
        for above in range(row - 1, self.columns.last_row, -1):
            text = self.grid.text(above, column)
            if text and text not in DITTO:
                self.say(
                    Level.WARNING,
                    "ditto",
                    (row, column),
                    f"写的是“{self.grid.text(row, column)}”，按上面 {self.grid.place(above, column)} 的“{text[:20]}”读。",
                    "核对；最好在表里照写一遍。",
                )
                return text
        return self.grid.text(row, column)

    def joined(self, role: str, mark: str = "\n") -> tuple[str, At]:
        """All texts of a role over the task's rows, each once, and the place of the first."""
        columns = self.columns.roles.get(role, ())
        if self.one and len(columns) == 1:
            column = columns[0]
            cells = self.grid.rows[self.row]
            text = cells[column] if column < len(cells) else ""
            plain = text and text not in DITTO
            return (text, (self.row, column)) if plain else self.cell(self.row, column)
        texts: dict[At, str] = {}
        for row in self.rows:
            for column in columns:
                text, at = self.cell(row, column)
                if text:
                    texts.setdefault(at, text)
        at = next(iter(texts), (self.row, columns[0] if columns else 0))
        return mark.join(dict.fromkeys(texts.values())), at


def one_line(text: str) -> str:
    """One line of a cell whose lines are pieces (names, remarks)."""
    return " ".join(text.split()) if "\n" in text else text
