"""A task on its way from a sheet to YAML: plain values, each with the cell it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from duban.importing.grid import Grid

At = tuple[int, int]


@dataclass(slots=True)
class Named:
    """A unit name in a task, with the cell it stands in."""

    text: str
    raw: str
    at: At
    note: str = ""


@dataclass(slots=True)
class Stone:
    """A milestone: what, by when, and its cell."""

    title: str
    deadline: str
    at: At


@dataclass(slots=True)
class Draft:
    """A task as read from its rows."""

    grid: Grid
    row: int
    serial: str = ""
    title: str = ""
    title_at: At = (0, 0)
    text: str = ""
    area: str = ""
    clause: str = ""
    lead: list[Named] = field(default_factory=list)
    support: list[Named] = field(default_factory=list)
    joint: bool = False
    responsibility: str = ""
    unit_at: At = (0, 0)
    deliverable: str = ""
    deadline: str = ""
    deadline_at: At = (0, 0)
    stones: list[Stone] = field(default_factory=list)
    weight: str = ""
    comments: list[str] = field(default_factory=list)
    id: str = ""
    rows: list[int] = field(default_factory=list)

    def move(self, area: str) -> None:
        """Make the area part of the clause, and belong to another."""
        self.clause, self.area = f"{self.area} {self.clause}".strip(), area
