"""Reads the tables of an OpenDocument spreadsheet (.ods) into grids, as text that the cells show.

A cell or a row of .ods may say how often it is repeated: a few bytes can mean a thousand million cells. So
the part is read piece by piece, repeats are counted before they are laid out, and nothing is laid out past
the limits. No DOCTYPE gets this far, and so no entity.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from xml.parsers import expat

from duban.importing.grid import Grid, clean
from duban.importing.guard import (
    MAX_AREA,
    MAX_COLUMNS,
    MAX_DOCUMENT_BYTES,
    MAX_ROWS,
    Package,
    refuse,
)

_RESAVE = "删去多余的行和列，另存后再导入；或分成几个文件。"
_SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"
_DAY_SHOWN = re.compile(r"[0-9]日|[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}")
_FIGURES = re.compile(r"[0-9]+[-/.][0-9]+(?:[-/.][0-9]+)?")
_IGNORED = frozenset({"office:annotation", "table:shapes", "table:tracked-changes"})


def read_opendocument(data: bytes) -> list[Grid]:
    """The sheets of an .ods file. Raises RefusedError."""
    package = Package(data)
    _check(package)
    raw = package.read("content.xml", MAX_DOCUMENT_BYTES)
    package.verify_rest({"content.xml"})
    reader = _Reader()
    try:
        reader.parse(raw)
    except (expat.ExpatError, ValueError, KeyError) as problem:
        raise refuse("damaged", "文件内容读不出来。") from problem
    return reader.grids


def _check(package: Package) -> None:
    names = package.names()
    if not package.read("mimetype").startswith(_SPREADSHEET):
        raise refuse("wrong-type", "这是 OpenDocument 文档，不是电子表格（.ods）。")
    if "META-INF/manifest.xml" in names and b"encryption-data" in package.read(
        "META-INF/manifest.xml"
    ):
        raise refuse(
            "encrypted",
            "文件加了密码，打不开。",
            "在 LibreOffice 或 WPS 里去掉密码（另存为时不勾选“用密码保存”），再导入。",
        )
    if any(name.startswith(("Basic/", "Scripts/")) for name in names):
        raise refuse("macro", "文件里有宏，为安全起见不打开。", "另存为不含宏的 .xlsx 再导入。")


@dataclass(slots=True)
class _Cell:
    """A cell being read, and how often it stands there."""

    repeat: int
    covered: bool
    down: int
    right: int
    kind: str
    day: str
    lines: list[str] = field(default_factory=list)


class _Reader:
    """Takes the elements of ``content.xml`` as they come."""

    def __init__(self) -> None:
        self.grids: list[Grid] = []
        self._hidden: set[str] = set()
        self._style = ""
        self._ignored = 0  # depth inside an element that is no cell's text
        self._tables = 0  # depth of tables: one inside a cell is not read
        self._row: list[str] = []
        self._row_repeat = 1
        self._blank_rows = 0
        self._cell: _Cell | None = None
        self._in_text = 0

    def parse(self, raw: bytes) -> None:
        """Read it all. Raises ExpatError, ValueError, RefusedError."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(raw, True)  # noqa: FBT003 - expat takes it by position only

    # ---- elements ------------------------------------------------------------------------------

    def _start(self, name: str, told: Mapping[str, str]) -> None:
        if self._ignored or name in _IGNORED:
            self._ignored += 1
        elif name == "table:table":
            self._tables += 1
            if self._tables == 1:
                hidden = told.get("table:style-name", "") in self._hidden
                self.grids.append(Grid(told.get("table:name", ""), [], hidden=hidden))
                self._blank_rows = 0
        elif name == "style:style":
            self._style = told.get("style:name", "")
        elif name == "style:table-properties" and told.get("table:display") == "false":
            self._hidden.add(self._style)
        elif self._tables == 1:
            self._inside(name, told)

    def _inside(self, name: str, told: Mapping[str, str]) -> None:
        if name == "table:table-row":
            self._row, self._row_repeat = [], _count(told, "table:number-rows-repeated")
        elif name in {"table:table-cell", "table:covered-table-cell"}:
            self._cell = _cell(told, covered=name == "table:covered-table-cell")
        elif self._cell is not None and name == "text:p":
            self._cell.lines.append("")
            self._in_text += 1
        elif self._in_text and name == "text:s":
            self._text(" " * min(_count(told, "text:c"), 100))
        elif self._in_text and name in {"text:tab", "text:line-break"}:
            self._text(" " if name == "text:tab" else "\n")

    def _text(self, text: str) -> None:
        if self._in_text and self._tables == 1 and not self._ignored and self._cell is not None:
            self._cell.lines[-1] += text

    def _end(self, name: str) -> None:
        if self._ignored:
            self._ignored -= 1
        elif name == "table:table":
            self._tables -= 1
        elif self._tables != 1:
            return
        elif name == "text:p" and self._in_text:
            self._in_text -= 1
        elif name in {"table:table-cell", "table:covered-table-cell"} and self._cell is not None:
            self._add(self._cell)
            self._cell = None
        elif name == "table:table-row":
            self._close_row()

    # ---- cells and rows ------------------------------------------------------------------------

    def _add(self, cell: _Cell) -> None:
        text = "" if cell.covered else clean("\n".join(cell.lines))
        grid, at, column = self.grids[-1], self._at(), len(self._row)
        if text and column + cell.repeat > MAX_COLUMNS:
            raise refuse("too-wide", f"表格超过 {MAX_COLUMNS} 列。", _RESAVE)
        if cell.down > 1 or cell.right > 1:
            bottom = at + min(cell.down, MAX_ROWS) - 1
            grid.merges.append((at, column, bottom, column + min(cell.right, MAX_COLUMNS) - 1))
        for place in range(column, column + (cell.repeat if text else 0)):
            self._note(grid, (at, place), cell, text)
        shown = _shown(cell, text)
        # Blanks past the limit are cut: what follows them is refused above.
        self._row += [shown] * min(cell.repeat, MAX_COLUMNS + 1 - column)

    def _note(self, grid: Grid, at: tuple[int, int], cell: _Cell, text: str) -> None:
        if cell.kind == "number":
            grid.numbers.setdefault(at[1], set()).add(at[0])
        elif cell.kind:
            grid.kinds[at] = cell.kind
        if cell.day and _shown(cell, text) == text and not _DAY_SHOWN.search(text):
            grid.notes[at] = f"单元格里存的是日期 {cell.day[:10]}，显示出来是“{text}”"

    def _at(self) -> int:
        return len(self.grids[-1].rows) + self._blank_rows

    def _close_row(self) -> None:
        grid, row = self.grids[-1], self._row
        if not any(row):
            self._blank_rows = min(self._blank_rows + self._row_repeat, MAX_ROWS + 1)
            return
        while row and not row[-1]:
            row.pop()
        if self._at() + self._row_repeat > MAX_ROWS:
            raise refuse("too-long", f"表格超过 {MAX_ROWS} 行。", _RESAVE)
        first = self._at()
        grid.rows += [[] for _ in range(self._blank_rows)]
        grid.rows += [list(row) for _ in range(self._row_repeat)]
        self._blank_rows = 0
        for again in range(first + 1, first + self._row_repeat):
            _repeat_notes(grid, first, again, len(row))
        if len(grid.rows) * len(row) > MAX_AREA:
            raise refuse("too-wide", "表格的行和列都很多，不像任务分工表。", _RESAVE)


def _count(told: Mapping[str, str], key: str) -> int:
    return max(1, int(told.get(key, "1")))


def _cell(told: Mapping[str, str], *, covered: bool) -> _Cell:
    kind = {"date": "date", "float": "number", "percentage": "number"}.get(
        told.get("office:value-type", ""), ""
    )
    return _Cell(
        repeat=_count(told, "table:number-columns-repeated"),
        covered=covered,
        down=_count(told, "table:number-rows-spanned"),
        right=_count(told, "table:number-columns-spanned"),
        kind="formula" if "table:formula" in told else kind,
        day=told.get("office:date-value", ""),
    )


def _shown(cell: _Cell, text: str) -> str:
    """The text of a cell; a date shown in bare figures (06/01/26) is said in full instead."""
    if not (cell.day and text and _FIGURES.fullmatch(text)):
        return text
    day = date.fromisoformat(cell.day[:10])
    return f"{day.year}年{day.month}月{day.day}日"


def _repeat_notes(grid: Grid, first: int, again: int, width: int) -> None:
    for column in range(width):
        for found in (grid.kinds, grid.notes):
            if (first, column) in found:
                found[again, column] = found[first, column]
        if first in grid.numbers.get(column, ()):
            grid.numbers[column].add(again)
