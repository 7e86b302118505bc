"""Opens a returned form: guarded, parsed, not yet judged. Costs most of the time and needs no ledger."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import python_calamine

from duban.intake import layout, zipguard
from duban.intake.formcells import shown

AGAIN = "请从个人链接重新下载报送表，填好后再传。"
Grid = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Opened:
    """A workbook's two sheets, the cells that hold formulas, and the file's own number."""

    sheet: Grid
    meta: Grid
    formulas: frozenset[tuple[int, int]]
    fingerprint: str

    @property
    def is_form(self) -> bool:
        """Whether it says that it is one of our forms; whether that is true, its signature tells."""
        return text_of(self.meta, 0, 0) == layout.MARK


def open_form(data: bytes) -> Opened:
    """Open a workbook. Raises zipguard.RefusedError when it is dangerous, broken or no workbook."""
    looked = zipguard.look(data, (layout.SHEET, layout.META))
    sheets = _sheets(data)
    return Opened(
        sheets.get(layout.SHEET, []),
        sheets.get(layout.META, []),
        looked.formulas.get(layout.SHEET, frozenset()),
        hashlib.sha256(data).hexdigest()[:32],
    )


def _sheets(data: bytes) -> dict[str, Grid]:
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        return {
            name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in (layout.SHEET, layout.META)
            if name in book.sheet_names
        }
    except (python_calamine.CalamineError, OSError, ValueError) as problem:
        raise zipguard.RefusedError("damaged", "文件内容读不出来。", AGAIN) from problem


def value_of(grid: Grid, row: int, column: int) -> Any:
    """A cell as the reader gave it; empty text where there is none."""
    return grid[row][column] if row < len(grid) and column < len(grid[row]) else ""


def text_of(grid: Grid, row: int, column: int) -> str:
    """A cell as text: whole numbers without .0, decimals as they are shown."""
    return shown(value_of(grid, row, column))
