"""Makes task drafts of the work rows of a table, and says at which cell each doubt lies. Pure.

No doubt is settled here in silence: what was filled in from a merged cell, read in a second way or
looks slipped is a finding, and the draft keeps what the cell says so that ``duban check`` sees it too.
"""

from __future__ import annotations

import re

from duban.errors import Level
from duban.importing.cells import Context, one_line
from duban.importing.findings import Findings
from duban.importing.headers import (
    AREA,
    CLAUSE,
    DELIVERABLE,
    EXTRA,
    SERIAL,
    TEXT,
    TITLE,
    UNIT_ROLES,
    WEIGHT,
    Columns,
)
from duban.importing.quick import QuickRows
from duban.importing.responsibility import Responsibility
from duban.importing.scan import Group, Table
from duban.importing.stretch import Task
from duban.importing.task import Draft
from duban.importing.timing import Timing
from duban.importing.wording import Reader, shortened
from duban.yamltext import read_decimal


class Drafter:
    """Turns the groups of one table into drafts; classes of work rows are settled on the way."""

    def __init__(self, table: Table, reader: Reader, findings: Findings) -> None:
        self.table, self.grid, self.findings = table, table.grid, findings
        formulas = "formula" in table.grid.kinds.values()
        self.context = Context(table, reader, findings, formulas=formulas)
        self.quick: dict[int, QuickRows] = {}  # by the identity of the header

    def tasks(self) -> list[Task]:
        """Every task of the table, in the sheet's order."""
        found: list[Task] = []
        for row in self.table.alone:
            self._reject(row)
        classes = self.table.classes
        for group in self.table.groups:
            if group.apart:
                classes.update(dict.fromkeys(group.rows, "task"))
                found += self._apart(group)
                continue
            for rows in self._split(group):
                found.append(_Rows(self.context, group, rows).draft())
                classes.update(dict.fromkeys(rows, "continuation"))
                classes[rows[0]] = "task"
        return found

    def _apart(self, group: Group) -> list[Task]:
        """Rows each of which is a task."""
        quick = self._quick(group.columns)
        if quick.able:
            return quick.take(group)
        return [self._full(group, row) for row in group.rows]

    def _quick(self, columns: Columns) -> QuickRows:
        key = id(columns)
        if key not in self.quick:
            self.quick[key] = QuickRows(self.context, columns, self._full)
        return self.quick[key]

    def _full(self, group: Group, row: int) -> Draft:
        return _Rows(self.context, group, [row]).draft()

    def _reject(self, row: int) -> None:
        self.table.classes[row] = "rejected"
        filled = [column for column, cell in enumerate(self.grid.rows[row]) if cell]
        said = "；".join(self.grid.text(row, column)[:20] for column in filled[:4])
        self.findings.add(
            Level.ERROR,
            "row-alone",
            self.grid,
            (row, filled[0] if filled else 0),
            message=f"这一行（{said}）没有任务内容，也看不出接着哪一项任务，没有写进 YAML。",
            way_out="在原表里补全这一行，或并入上一项任务后重新导入；不要的就删去这一行。",
        )

    def _split(self, group: Group) -> list[list[int]]:
        """Rows of a group that name units of their own, or share a finer task cell, are tasks."""
        if len(group.rows) == 1:
            return [group.rows]
        units = [each for role in UNIT_ROLES for each in group.columns.roles.get(role, ())]
        found: list[list[int]] = []
        for rows in self._finer(group):
            found += self._by_units(rows, units)
        return found

    def _finer(self, group: Group) -> list[list[int]]:
        """重点工作 over several 主要任务, each of which is merged over several rows."""
        column = group.columns.one(TEXT)
        parts: list[list[int]] = []
        for row in group.rows:
            if parts and self.table.merges.covers(row, column):
                parts[-1].append(row)
            else:
                parts.append([row])
        return parts if len(parts) < len(group.rows) and len(parts) > 1 else [group.rows]

    def _by_units(self, rows: list[int], units: list[int]) -> list[list[int]]:
        parts = [[rows[0]]]
        said = self._own(rows[0], units)
        for row in rows[1:]:
            own = self._own(row, units)
            if any(own) and own != said:
                parts.append([row])
                said = own
            else:
                parts[-1].append(row)
        return parts

    def _own(self, row: int, columns: list[int]) -> list[str]:
        return [self.grid.text(row, column) for column in columns]


class _Rows(Responsibility, Timing):
    """The rows of one task being read."""

    def draft(self) -> Draft:
        """Read the rows into a draft."""
        task, roles = self.task, self.columns.roles
        task.serial, _ = self.cell(self.row, self.columns.one(SERIAL))
        self._area()
        self._work()
        phrase = self._units()
        if DELIVERABLE in roles:
            task.deliverable, _ = self.joined(DELIVERABLE)
        self._deadline(phrase)
        if WEIGHT in roles:
            self._weight()
        if EXTRA in roles or CLAUSE in roles:
            self._rest()
        if self.context.formulas:
            self._formulas()
        return task

    def _area(self) -> None:
        task, path = self.task, self.group.path
        heading = path[0] if path else ""
        column = self.columns.one(AREA)
        area = ""
        if column >= 0:
            area, at = self.cell(self.row, column)
            area = re.sub(r"\s+", "", area) if "\n" in area else area
            if not area and self.context.area:
                area = self.context.area
                if self.context.said.get("area-blank") != area:
                    self.context.said["area-blank"] = area
                    self.say(
                        Level.WARNING,
                        "area-filled",
                        at,
                        f"“{self.columns.labels.get(column, '类别')}”一栏空着，沿用上面的“{area}”。",
                        "核对；不对就改 area。",
                    )
            self.context.area = area
        task.area = area or heading
        rest = path if area else path[1:]
        number = f"序号{task.serial}" if task.serial else ""
        task.clause = " ".join((*rest, number)).strip() if rest else number

    def _work(self) -> None:
        """Title and text: the task cell and its contents; a long cell gives its first sentence."""
        task, column = self.task, self.columns.one(TITLE)
        title, task.title_at = self.cell(self.row, column)
        has_text = TEXT in self.columns.roles
        text = self.joined(TEXT)[0] if has_text else ""
        more = (
            []
            if self.one
            else [each for row in self.rows[1:] if (each := self.grid.text(row, column))]
        )
        if title and text and self._shared(column):
            # One task cell merged over several tasks: each one's own content is its title.
            task.comments.append(f"{self.columns.labels.get(column, '任务')}：{one_line(title)}")
            task.title, task.text = shortened(text), text
        elif title:
            whole = "\n".join([title, *more])
            task.title = shortened(title)
            shown = [whole] if more or task.title != title else []
            task.text = "\n".join([*shown, text] if text else shown)
        else:
            self._no_title(text)
        if task.text == task.title:
            task.text = ""

    def _shared(self, column: int) -> bool:
        """Whether the task cell comes from above or reaches below this task's rows."""
        merges = self.context.table.merges
        below = merges.above(self.rows[-1] + 1, column)
        return merges.covers(self.row, column) or below == self.row

    def _no_title(self, text: str) -> None:
        task = self.task
        task.title, task.text = shortened(text), text
        at = (self.row, max(self.columns.one(TITLE), 0))
        if text:
            self.say(
                Level.WARNING,
                "title-blank",
                at,
                f"“{self.columns.labels.get(at[1], '任务')}”一栏空着，用工作内容作了任务名称。",
                "核对 title。",
            )
            return
        self.say(
            Level.ERROR,
            "title-blank",
            at,
            "这一行有单位或时限，却没有任务内容。",
            "补上 title；若它接着上一项任务，就并到上一项里。",
        )

    def _weight(self) -> None:
        text, at = self.joined(WEIGHT, " ")
        value = read_decimal(text)
        if value is not None and value > 0:
            self.task.weight = text
        elif text:
            self.task.comments.append(f"权重：{one_line(text)}")
            self.say(
                Level.WARNING,
                "weight",
                at,
                f"权重“{text[:20]}”不是大于 0 的数，只留作批注。",
                "写成如 weight: 2。",
            )

    def _rest(self) -> None:
        """Columns that no key of a task holds stay as comments."""
        for role in (CLAUSE, EXTRA):
            for column in self.columns.roles.get(role, ()):
                for row in self.rows:
                    text, at = self.cell(row, column)
                    if text and (at[0] in self.rows or row == self.row):
                        self._keep(role, column, one_line(text))

    def _keep(self, role: str, column: int, text: str) -> None:
        if role == CLAUSE:
            self.task.clause = f"{text} {self.task.clause}".strip()
        else:
            self.task.comments.append(f"{self.columns.labels.get(column, '备注')}：{text}")

    def _formulas(self) -> None:
        kinds = self.grid.kinds
        used = [
            each for role, found in self.columns.roles.items() if role != SERIAL for each in found
        ]
        for row in self.rows:
            for column in used:
                if kinds.get((row, column)) == "formula":
                    value = self.grid.text(row, column)
                    self.say(
                        Level.ERROR,
                        "formula",
                        (row, column),
                        f"这里是公式，不是文字；上次算出的值是“{value[:30]}”，可能已经过时。",
                        "在 Excel 里复制这一格，“选择性粘贴 → 数值”，再导入；或核对 YAML 里的值。",
                    )
