"""Plain rows, one below the other: each is a task, and its cells are the task's values.

A stretch stands for as many drafts. Who has something to say about one of its tasks asks for the draft,
and gets it as the full reading makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from duban.importing.grid import Grid
from duban.importing.headers import (
    AREA,
    DEADLINE,
    DELIVERABLE,
    EXTRA,
    LEAD,
    OWNER,
    SERIAL,
    SUPPORT,
    TEXT,
    TITLE,
    Columns,
)
from duban.importing.task import Draft
from duban.importing.wording import shortened


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What the unit cells of a row say: the names, and the lines of YAML that say so."""

    lead: tuple[str, ...]
    support: tuple[str, ...]
    lines: str

    @property
    def names(self) -> tuple[str, ...]:
        """Lead and support."""
        return (*self.lead, *self.support)


class Layout:
    """Where the values of a plain row stand under one header; -1 for what no column holds."""

    def __init__(self, grid: Grid, columns: Columns) -> None:
        one, labels = columns.one, columns.labels
        self.grid, self.columns = grid, columns
        self.serial, self.area, self.title = one(SERIAL), one(AREA), one(TITLE)
        self.text, self.due = one(TEXT), one(DEADLINE)
        self.units = (one(LEAD), one(SUPPORT), one(OWNER))
        self.goals = columns.roles.get(DELIVERABLE, ())
        self.title_label = labels.get(self.title, "任务")
        self.extra = tuple(
            (column, f"{labels.get(column, '备注')}：") for column in columns.roles.get(EXTRA, ())
        )

    def said(self, cells: Sequence[str]) -> tuple[str, str, str]:
        """The unit cells: lead, support, and the one that says everything."""
        lead, support, owner = self.units
        return (
            cells[lead] if lead >= 0 else "",
            cells[support] if support >= 0 else "",
            cells[owner] if owner >= 0 else "",
        )

    def content(self, cells: Sequence[str]) -> str:
        """The cell of the work's contents."""
        return cells[self.text] if self.text >= 0 else ""

    def goal(self, cells: Sequence[str]) -> str:
        """What is to be delivered: each text of its columns once, on a line of its own."""
        said = [cells[at] for at in self.goals if cells[at]]
        return "\n".join(dict.fromkeys(said) if len(said) > 1 else said)


@dataclass(slots=True)
class Stretch:
    """Tasks of one area. ``rows``, ``cells``, ``titles``, ``units``: of each task; merged cells are filled in.

    ``dues``: the lines of YAML for the deadlines that occur. ``tame``: rows that need no quoting but for
    how a value begins. ``shared``: rows whose task cell stands for several tasks. ``read``: reads a row in full.
    """

    layout: Layout
    area: str
    above: tuple[str, ...]  # headings that stand before the serial in the clause
    dues: dict[str, str]
    tame: set[int]
    shared: set[int]
    read: Callable[[int], Draft]
    rows: list[int] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    units: list[Units] = field(default_factory=list)
    first: int = 0  # the number of the first task
    digits: int = 3

    @property
    def grid(self) -> Grid:
        """The sheet."""
        return self.layout.grid

    def task_id(self, at: int) -> str:
        """The id of a task."""
        return f"T-{self.first + at:0{self.digits}d}"

    def draft(self, at: int) -> Draft:
        """One of the tasks as a draft."""
        draft = self.read(self.rows[at])
        draft.id, draft.area = self.task_id(at), self.area
        draft.clause = self.clause(self.cells[at])
        return draft

    def clause(self, cells: Sequence[str]) -> str:
        """Where the task stands in the file: the headings above it, and its serial."""
        serial = cells[self.layout.serial] if self.layout.serial >= 0 else ""
        number = f"序号{serial}" if serial else ""
        return " ".join((*self.above, number)).strip() if self.above else number

    def move(self, area: str) -> None:
        """Make the area part of the clause, and belong to another."""
        self.above, self.area = (self.area, *self.above), area

    def work(self, at: int) -> tuple[str, str]:
        """The text of a task beside its title, and the remark on a task cell that it shares."""
        cells, title = self.cells[at], self.titles[at]
        text, whole = self.layout.content(cells), cells[self.layout.title]
        remark = ""
        if text and self.rows[at] in self.shared:
            remark = f"{self.layout.title_label}：{whole}"
        elif whole != title:
            text = f"{whole}\n{text}" if text else whole
        return ("" if text == title else text), remark


def title_of(whole: str, text: str, *, shared: bool) -> str:
    """The title of a plain row: its task cell, or its own contents when it shares the cell."""
    return shortened(text if shared and text else whole)


Task = Draft | Stretch
