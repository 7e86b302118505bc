"""What an import found out: a sheet, a cell, a sentence, and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from duban.errors import Level
from duban.importing.grid import Grid


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake or doubt at a cell."""

    level: Level
    code: str
    sheet: str
    cell: str
    message: str
    way_out: str
    task: str = ""
    row: int = -1

    def as_json(self) -> dict[str, str]:
        """The documented keys of ``import-report.json``."""
        found = {
            "sheet": self.sheet,
            "cell": self.cell,
            "code": self.code,
            "message": self.message,
            "way_out": self.way_out,
        }
        return {**found, "task": self.task} if self.task else found

    def __str__(self) -> str:
        where = f"{self.sheet}!{self.cell}" if self.cell else self.sheet
        return f"{where}：{self.level.label}：{self.message} 办法：{self.way_out}"


@dataclass(slots=True)
class Findings:
    """All findings, in the order of discovery."""

    found: list[Finding] = field(default_factory=list)

    def add(
        self,
        level: Level,
        code: str,
        grid: Grid,
        at: tuple[int, int] | None,
        *,
        message: str,
        way_out: str,
        task: str = "",
    ) -> None:
        """Note a finding at a cell; ``at`` None means the sheet as a whole."""
        cell = grid.place(*at) if at else ""
        row = at[0] if at else -1
        self.found.append(Finding(level, code, grid.name, cell, message, way_out, task, row))

    def name_tasks(self, tasks: Mapping[tuple[str, int], str]) -> None:
        """Tell each finding whose row became (part of) a task the id of that task."""
        self.found = [
            each if each.task else replace(each, task=tasks.get((each.sheet, each.row), ""))
            for each in self.found
        ]

    def sort(self, sheets: Sequence[str]) -> None:
        """Bring the findings into the order of sheets and rows."""
        order = {name: at for at, name in enumerate(sheets)}
        self.found.sort(key=lambda each: (order.get(each.sheet, 0), each.row))

    def of(self, level: Level) -> list[Finding]:
        """The findings of one level."""
        return [each for each in self.found if each.level is level]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)
