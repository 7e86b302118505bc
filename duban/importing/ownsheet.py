"""A sheet that ``duban export matrix`` wrote, found again, and its tasks as YAML lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from duban.errors import Issues
from duban.importing.emit import block, flow, scalar
from duban.importing.grid import Grid
from duban.importing.order import Order
from duban.matrix.load import load_matrix
from duban.matrix.model import Plan
from duban.reports.matrixback import OwnRow, Value, own_rows
from duban.settings import Home

MARK = "领域编号"
TERM = re.compile(r"起止：(\d{4}-\d\d-\d\d)至(\d{4}-\d\d-\d\d)；年度：(\d{4})")
_TOP = 40
_PLAN_ID = re.compile(r"方案编号：([A-Za-z0-9_.\-]+)")
_BLOCKS = frozenset({"text", "deliverable"})


@dataclass(frozen=True, slots=True)
class OwnSheet:
    """A sheet that we exported. ``columns``: heading to column; ``head``: the row of the headings.

    ``found_plan``: the id of the plan in whose tasks these were recognised. ``recognised``, ``new``: rows
    of a printed table that are tasks of that plan, and those that are not.
    """

    grid: Grid
    rows: list[OwnRow]
    head: int
    columns: Mapping[str, int]
    above: str  # all that stands above the headings
    found_plan: str = ""
    recognised: int = 0
    new: int = 0

    @property
    def printed(self) -> bool:
        """Whether only the printed columns were there."""
        return bool(self.recognised or self.new)

    @property
    def plan(self) -> str:
        """The id of the plan, or nothing when the sheet does not tell it."""
        match = _PLAN_ID.search(self.above)
        return match[1] if match else self.found_plan

    def at(self, row: int, heading: str) -> tuple[int, int]:
        """The cell of a row under a heading."""
        return row, self.columns.get(heading, 0)


def own_sheet(order: Order, grids: Sequence[Grid]) -> OwnSheet | None:
    """The first sheet of our own export among those that are asked for, or None."""
    for grid in grids:
        if (order.sheet and grid.name != order.sheet) or (grid.hidden and not order.sheet):
            continue
        head = next((at for at, row in enumerate(grid.rows[:_TOP]) if MARK in row), None)
        if head is None:
            continue
        rows = own_rows(grid.rows)
        if rows and not grid.knows_merges:
            rows = [_unmarked(row) for row in rows]
        if rows:
            columns = {said: at for at, said in enumerate(grid.rows[head]) if said}
            above = "\n".join(cell for row in grid.rows[:head] for cell in row if cell)
            plan = "" if _PLAN_ID.search(above) else _plan_of_ids(order.home or order.near, rows)
            return OwnSheet(grid, rows, head, columns, above, plan)
    return None


_MARKED = re.compile(r"'(?=[=+\-@])(?!'-*[0-9]+$)")


def _unmarked(row: OwnRow) -> OwnRow:
    """A row of the CSV without the mark that keeps a spreadsheet from taking a text for a formula."""
    return OwnRow(
        row.at,
        {
            said: _MARKED.sub("", cell, count=1) if cell.startswith("'") else cell
            for said, cell in row.cells.items()
        },
    )


def plans_at(home: Home) -> list[str]:
    """The ids of the plans of a home."""
    return sorted(path.parent.name for path in home.tasks_def.glob("*/plan.yaml"))


def _plan_of_ids(home: Home | None, rows: Sequence[OwnRow]) -> str:
    """The plan of the home that has most of these ids, for a CSV, which does not name its plan."""
    ids = {row.cells["编号"] for row in rows}
    for plan in plans_at(home) if home else ():
        matrix = load_matrix(home, plan, Issues()) if home else None
        known = {task.id for task in matrix.plan.tasks} if matrix else set()
        if len(ids & known) * 2 > len(ids):
            return plan
    return ""


def at_home(order: Order, sheet: OwnSheet) -> Order:
    """The order with the home whose plan this is, when none was named and the one at hand has it."""
    near = order.near
    if order.home is None and near is not None and _has_plan(near.tasks_def, sheet.plan):
        return replace(order, home=near, config=near.config)
    return order


def _has_plan(folder: Path, plan: str) -> bool:
    return bool(plan) and (folder / plan / "plan.yaml").is_file()


def plan_of(order: Order, sheet: OwnSheet) -> Plan | None:
    """The plan of the home, when the home has it."""
    if order.home is None or not _has_plan(order.home.tasks_def, sheet.plan):
        return None
    matrix = load_matrix(order.home, sheet.plan, Issues())
    return matrix.plan if matrix else None


def texts(value: object) -> list[str]:
    """The texts of a value: itself, or those of a list."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def every(keys: Iterable[Mapping[str, Value]], key: str) -> list[str]:
    """The distinct texts under a key over all tasks."""
    return list(dict.fromkeys(text for each in keys for text in texts(each.get(key))))


def key_lines(key: str, value: Value) -> list[str]:
    """One key of a task as YAML lines."""
    if isinstance(value, str):
        if key in _BLOCKS:
            return [block(key, value, "    ")]
        return [f"    {key}: {scalar(value)}"]
    if isinstance(value, dict):
        return [f"    {key}: {_flow_map(value)}"]
    maps = [each for each in value if isinstance(each, dict)]
    if maps:
        return [f"    {key}:", *(f"      - {_flow_map(each)}" for each in maps)]
    return [f"    {key}: {flow(texts(value))}"]


def _flow_map(entries: Mapping[str, str | list[str]] | Mapping[str, str]) -> str:
    said = (
        f"{key}: {scalar(value) if isinstance(value, str) else flow(value)}"
        for key, value in entries.items()
    )
    return f"{{{', '.join(said)}}}"
