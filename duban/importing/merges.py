"""Merged cells of a sheet: which cells they cover, and where the text of a covered cell stands."""

from __future__ import annotations

from duban.importing.grid import Grid


class Merges:
    """``down``: for each column the rows that a merged cell covers, with the row its text stands in.

    ``right``: the last column of each range that is merged across.
    """

    def __init__(self, grid: Grid) -> None:
        self.down: dict[int, dict[int, int]] = {}
        self.right: dict[tuple[int, int], int] = {}
        bottom_row = len(grid.rows) - 1
        for top, left, bottom, right in grid.merges:
            if right > left:
                self.right[top, left] = right
            if bottom > top:
                covered = range(top + 1, min(bottom, bottom_row) + 1)
                self.down.setdefault(left, {}).update(dict.fromkeys(covered, top))

    def above(self, row: int, column: int) -> int | None:
        """The row in which the text of a covered cell stands; None for a cell of its own."""
        tops = self.down.get(column)
        return None if tops is None else tops.get(row)

    def covers(self, row: int, column: int) -> bool:
        """Whether a merged cell reaches into this one from above."""
        tops = self.down.get(column)
        return tops is not None and row in tops
