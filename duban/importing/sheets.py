"""Reads Excel workbooks into grids: values by calamine, what it does not tell from the sheet's XML.

Three things a values reader hides, each of which would be wrong in silence: a date that is *shown* as
2026年6月 (Excel makes 2026-06-01 of it), a formula whose last result may be stale, and merged cells.
"""

from __future__ import annotations

import io
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

import python_calamine

from duban.importing.grid import Grid, clean, clean_all, is_tame
from duban.importing.guard import (
    MAX_AREA,
    MAX_COLUMNS,
    MAX_ROWS,
    Package,
    SheetXml,
    date_formats,
    refuse,
    sheet_parts,
)
from duban.intake.zipguard import RefusedError


def read_workbook(data: bytes, *, xml: bool) -> list[Grid]:
    """The sheets of a workbook. ``xml``: it is an .xlsx, so that formulas and formats can be seen.

    Raises RefusedError for what must not be parsed or cannot be.
    """
    package = Package(data) if xml else None
    sheets = _look(package) if package else {}
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        grids = [
            _grid(book, meta, sheets.get(meta.name), package)
            for meta in book.sheets_metadata
            if meta.typ is python_calamine.SheetTypeEnum.WorkSheet
        ]
    except RefusedError:
        raise
    except Exception as problem:
        # calamine raises a dozen kinds of its own and may panic on crafted files.
        if "assword" in str(problem):
            raise refuse(
                "encrypted", "文件加了密码，打不开。", "去掉密码另存后再导入。"
            ) from problem
        raise refuse("damaged", "文件内容读不出来。") from problem
    return grids


def _look(package: Package) -> dict[str, SheetXml]:
    parts = sheet_parts(package)
    found: dict[str, SheetXml] = {}
    for name, part in parts.items():
        if part in package.names():
            found[name] = SheetXml(package.read(part))
            found[name].check()
    package.verify_rest(set(parts.values()))
    return found


def _grid(book: Any, meta: Any, xml: SheetXml | None, package: Package | None) -> Grid:
    sheet = book.get_sheet_by_name(meta.name)
    if sheet.total_height > MAX_ROWS or sheet.total_width > MAX_COLUMNS:
        raise refuse(
            "too-long", f"表格超过 {MAX_ROWS} 行或 {MAX_COLUMNS} 列。", "删去多余的行和列，再导入。"
        )
    if sheet.total_height * sheet.total_width > MAX_AREA:
        raise refuse(
            "too-wide",
            "表格的行和列都很多，不像任务分工表。",
            "只留下任务分工表所在的区域，再导入。",
        )
    rows = sheet.to_python(skip_empty_area=False)
    merges = [
        (first[0], first[1], last[0], last[1])
        for first, last in sheet.merged_cell_ranges or ()
        if first != last
    ]
    grid = Grid(
        meta.name,
        rows,
        merges,
        hidden=meta.visible is not python_calamine.SheetVisibleEnum.Visible,
        veiled=xml is None,
    )
    _show(grid, xml, package)
    return grid


def _show(grid: Grid, xml: SheetXml | None, package: Package | None) -> None:
    """Turn every value of the grid into the text that stands in the cell."""
    dates = _texts(grid)
    if xml is None or package is None:
        for place, day in dates.items():
            grid.notes[place] = f"单元格里存的是日期 {day:%Y-%m-%d}，看不出表里怎样显示"
    else:
        _show_dates(grid, dates, xml, package)
        for place in xml.formulas():
            grid.kinds[place] = "formula"


def _texts(grid: Grid) -> dict[tuple[int, int], date]:
    """Make every value a clean text; returns the dates. Numbers stand in the same columns row by row."""
    dates: dict[tuple[int, int], date] = {}
    rows: list[list[Any]] = grid.rows  # as calamine gave them
    usual: set[int] = set()
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        for column in usual:
            _column_texts(grid, dates, start, column)
        try:
            whole = "".join(chain.from_iterable(part))
        except TypeError:
            odd = {at for cells in part for at, value in enumerate(cells) if type(value) is not str}
            usual |= odd
            for column in odd:
                _column_texts(grid, dates, start, column)
            whole = "".join(chain.from_iterable(part))
        if is_tame(whole):
            grid.tame.update(range(start, start + len(part)))
        else:
            _tidy(grid, start)
    return dates


_AT_ONCE = 16  # rows looked at together: few enough that one odd row holds up few others


def _tidy(grid: Grid, start: int) -> None:
    """Make the texts of some rows clean, one row at a time."""
    for at, cells in enumerate(grid.rows[start : start + _AT_ONCE], start):
        whole = "".join(cells)
        if is_tame(whole):
            grid.tame.add(at)
            continue
        tidy = clean_all(cells, whole)
        if tidy is not cells:
            cells[:] = tidy


def _column_texts(grid: Grid, dates: dict[tuple[int, int], date], start: int, column: int) -> None:
    """Put the texts of numbers and dates in their place, for some rows of a column; note what they were."""
    rows: list[list[Any]] = grid.rows
    for at in range(start, min(start + _AT_ONCE, len(rows))):
        value = rows[at][column]
        if type(value) is str:
            continue
        if isinstance(value, date):
            dates[at, column] = value
            grid.kinds[at, column] = "date"
            rows[at][column] = _day(value, "ymd")
        else:
            grid.numbers.setdefault(column, set()).add(at)
            rows[at][column] = _number(value)


def _show_dates(
    grid: Grid, dates: dict[tuple[int, int], date], xml: SheetXml, package: Package
) -> None:
    if not dates:
        return
    formats = date_formats(package)
    styles = xml.styles(set(dates))
    for (row, column), day in dates.items():
        style = styles.get((row, column), 0)
        shape = formats[style] if style < len(formats) else "ymd"
        grid.rows[row][column] = _day(day, shape)
        if shape != "ymd":
            grid.notes[row, column] = (
                f"单元格里存的是日期 {day:%Y-%m-%d}，显示出来是“{_day(day, shape)}”"
            )


def _day(value: date, shape: str) -> str:
    if shape == "y":
        return f"{value.year}年"
    if shape == "ym":
        return f"{value.year}年{value.month}月"
    if shape == "md":
        return f"{value.month}月{value.day}日"
    clock = value.timetz() if isinstance(value, datetime) else time()
    tail = f"{clock.hour}时{clock.minute:02d}分" if clock.hour or clock.minute else ""
    return f"{value.year}年{value.month}月{value.day}日{tail}"


def _number(value: object) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else _decimal(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, timedelta):
        return str(value)
    return clean(str(value))


def _decimal(value: float) -> str:
    """The shortest decimal that is this number, as the cell shows it."""
    return format(Decimal(repr(value)), "f")
