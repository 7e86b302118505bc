"""Where things stand in the reporting form: the writer and the reader both ask here."""

from __future__ import annotations

SHEET, META = "进展报送", "_meta"
MARK = "duban-form"
UNIT_ROW, HOW_ROW, HEAD_ROW, FIRST_ROW = 1, 2, 4, 5
SIGNED_CELL = (3, 8)
KEY, NUMBER, TASK, ITEM, WANTED, DUE, LAMP, LAST = range(8)
STATE, PERCENT, PROGRESS, PROBLEM, NEXT = range(8, 13)
FIRST_FIGURE = 13
"""From here on in pairs: what the indicator is, and the cell for its value."""

META_FIRST_ROW = 4


def figure_cell(number: int) -> int:
    """The column of the value of a row's n-th indicator, counted from 0."""
    return FIRST_FIGURE + 2 * number + 1


def cell_name(row: int, column: int) -> str:
    """``K7`` of a row and column counted from 0."""
    letters = ""
    left = column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row + 1}"
