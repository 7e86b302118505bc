"""Our own 任务分工表 as it is printed (Word, or a workbook that lost its right-hand columns), read by its words.

A printed table has no ids, weights and the like. With the home at hand, a row whose area and title stand in
its plan is that task: what is printed counts, and what is not printed is the home's. Without it the row gets
a new id, and the report names what could not be carried.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from duban.errors import Issues
from duban.importing.grid import Grid
from duban.importing.merges import Merges
from duban.importing.order import Order
from duban.importing.ownsheet import MARK, OwnSheet, plans_at
from duban.importing.wording import Reader
from duban.matrix.load import load_matrix
from duban.reports.matrixback import OwnRow
from duban.reports.matrixtable import (
    EACH_TIME,
    EXACT,
    JOINT_WORDS,
    ONCE,
    PRINTED,
    TaskRow,
    listed,
    matrix_table,
)
from duban.settings import Home

_TOP = 40
_STONES = re.compile(r"节点：(?P<said>.+)。", re.DOTALL)
_STONE = re.compile(r"(?P<title>.+)（(?P<due>[^（）]+)）")
_UNDER = {
    "编号": "序号",
    MARK: "重点工作",
    "任务": "工作任务",
    "任务内容": "工作任务",
    "节点": "工作任务",
    "报送单位": "报送要求",
    "报送时限": "报送要求",
    "汇总时限": "报送要求",
    "报送频次": "报送要求",
    "各负其责": "牵头单位",
}
"""In which printed column the value of an exact one stands; those not named are not printed."""
NOT_PRINTED = (*(each for each in EXACT if each not in _UNDER), "报送频次")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: its printed cells by heading, the area's filled in."""

    at: int
    cells: Mapping[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """Area and title."""
        return self.cells["重点工作"], self.cells["工作任务"].partition("\n")[0]


def printed_sheet(order: Order, grids: Sequence[Grid]) -> OwnSheet | None:
    """The first table whose header is that of our printed one, among those that are asked for."""
    for grid in grids:
        if (order.sheet and grid.name != order.sheet) or (grid.hidden and not order.sheet):
            continue
        found = _sheet(grid, order.home or order.near, order.year or order.this_year)
        if found is not None:
            return found
    return None


def _sheet(grid: Grid, home: Home | None, this_year: int) -> OwnSheet | None:
    head = next((at for at, row in enumerate(grid.rows[:_TOP]) if set(PRINTED) <= set(row)), None)
    if head is None or MARK in grid.rows[head]:
        return None
    columns = {said: at for at, said in enumerate(grid.rows[head]) if said}
    rows = list(_rows(grid, head, columns))
    if not rows:
        return None
    plan, known = _plan_at(home, rows)
    areas = {name: f"a{at}" for at, name in enumerate(dict.fromkeys(row.key[0] for row in rows), 1)}
    reader = Reader(this_year)
    taken = {row.task.id for row in known.values()}
    found, new = [], 0
    for row in rows:
        task = known.get(row.key)
        new += task is None
        given = f"T-{new:03d}" if f"T-{new:03d}" not in taken else f"N-{new:03d}"
        cells = _cells(row, task, given, areas, reader)
        found.append(OwnRow(row.at, cells))
    above = [cell for row in grid.rows[:head] for cell in row if cell]
    above += re.split("\u3000\u3000", grid.heading)[:1]
    places = {said: columns[_UNDER.get(said, said)] for said in (*_UNDER, *PRINTED)}
    return OwnSheet(grid, found, head, places, "\n".join(above), plan, len(rows) - new, new)


def _rows(grid: Grid, head: int, columns: Mapping[str, int]) -> Iterator[_Row]:
    merges, area_at = Merges(grid), columns["重点工作"]
    for at in range(head + 1, len(grid.rows)):
        cells = {said: grid.text(at, column) for said, column in columns.items()}
        top = merges.above(at, area_at)
        if not cells["重点工作"] and top is not None:
            cells["重点工作"] = grid.text(top, area_at)
        if cells["序号"].isdigit() and cells["工作任务"]:
            yield _Row(at, cells)


def _plan_at(home: Home | None, rows: Sequence[_Row]) -> tuple[str, dict[tuple[str, str], TaskRow]]:
    """The plan of the home to which most rows belong, and its tasks by area and title."""
    for plan in plans_at(home) if home else ():
        matrix = load_matrix(home, plan, Issues()) if home else None
        if matrix is None:
            continue
        table = matrix_table(matrix, date.min)  # before any task was withdrawn
        keys = Counter((row.area, row.task.title) for row in table.rows)
        known = {key: row for row in table.rows if keys[key := (row.area, row.task.title)] == 1}
        if sum(row.key in known for row in rows) * 2 > len(rows):
            return plan, known
    return "", {}


def _cells(
    row: _Row, known: TaskRow | None, given: str, areas: Mapping[str, str], reader: Reader
) -> dict[str, str]:
    """The cells of the row as the workbook has them."""
    said = row.cells
    if known is None:
        cells = dict.fromkeys(EXACT, "")
        cells |= {"编号": given, MARK: areas[row.key[0]], **_works(said["工作任务"])}
        cells |= _reports(said["报送要求"], reader)
        cells["各负其责"] = "是" if JOINT_WORDS in said["牵头单位"].partition("\n")[2] else ""
        return {**said, **cells}
    cells = dict(zip(EXACT, known.exact, strict=True))
    shown = dict(zip(PRINTED, ("\n".join(parts).strip() for parts in known.printed), strict=True))
    if said["工作任务"] != shown["工作任务"]:
        cells |= _works(said["工作任务"])
    if said["报送要求"] != shown["报送要求"]:
        cells |= _reports(said["报送要求"], reader)
    if said["牵头单位"] != shown["牵头单位"]:
        cells["各负其责"] = "是" if JOINT_WORDS in said["牵头单位"].partition("\n")[2] else ""
    return {**said, **cells}


def _works(said: str) -> dict[str, str]:
    """Title, text and milestones from the cell that prints them below one another."""
    title, _, rest = said.partition("\n")
    text, _, last = rest.rpartition("\n")
    match = _STONES.fullmatch(last)
    stones = [_STONE.fullmatch(each) for each in match["said"].split("；")] if match else []
    found = [each for each in stones if each is not None]
    if not stones or len(found) < len(stones):
        return {"任务": title, "任务内容": rest, "节点": ""}
    lines = [f"m{at}｜{each['title']}｜{each['due']}" for at, each in enumerate(found, 1)]
    return {"任务": title, "任务内容": text, "节点": listed(lines)}


def _reports(said: str, reader: Reader) -> dict[str, str]:
    """Who reports by when, and by when the lead sums up."""
    cells = {"报送单位": "", "报送时限": "", "汇总时限": "", "报送频次": ""}
    if said in {ONCE, EACH_TIME, ""}:
        return cells
    first, _, second = said.partition("\n")
    cells["报送单位"], cells["报送时限"] = _who_and_when(
        first.removesuffix("报送"), reader.is_deadline
    )
    cells["汇总时限"] = _who_and_when(second.removesuffix("汇总"), reader.is_deadline)[1]
    return cells


def _who_and_when(said: str, is_deadline: Callable[[str], bool]) -> tuple[str, str]:
    """各乡镇每季度25日前: the units and the deadline, which is the longest ending that is one."""
    for at in range(len(said)):
        if is_deadline(said[at:]):
            return said[:at], said[at:]
    return "", said
