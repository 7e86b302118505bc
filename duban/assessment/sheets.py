"""Reads every rule sheet of a home."""

from __future__ import annotations

from duban.assessment.model import RuleSheet
from duban.assessment.rules import load_sheet
from duban.errors import Issues
from duban.settings import Home


def load_sheets(home: Home) -> list[RuleSheet]:
    """Every rule sheet in ``config/assessment``. Raises InputError with all mistakes."""
    issues = Issues()
    folder = home.config / "assessment"
    found = [load_sheet(path, home.shown(path), issues) for path in sorted(folder.glob("*.yaml"))]
    sheets = [sheet for sheet in found if sheet is not None]
    _check_together(sheets, issues)
    issues.stop_on_errors()
    return sheets


def _check_together(sheets: list[RuleSheet], issues: Issues) -> None:
    """Two sheets of one id, or a sheet that begins while another says that it still holds.

    A sheet without an end is superseded by the next one: that is no mistake.
    """
    ordered = sorted(sheets, key=lambda sheet: sheet.valid_from)
    for place, sheet in enumerate(ordered):
        for other in ordered[:place]:
            if other.id == sheet.id:
                issues.error(
                    "sheet-twice",
                    sheet.place,
                    f"细则编号“{sheet.id}”与{other.place.file}相同。",
                    "改其中一份的“id”。",
                )
            if _both_hold(other, sheet):
                issues.error(
                    "sheet-overlap",
                    sheet.place,
                    f"“{sheet.id}”从{sheet.valid_from}起施行，那时“{other.id}”（{other.place.file}）还有效。",
                    f"把“{other.id}”的“valid: to”改到{sheet.valid_from}之前，或改这一份的“from”。",
                )


def _both_hold(earlier: RuleSheet, later: RuleSheet) -> bool:
    if earlier.valid_from == later.valid_from:
        return True
    return earlier.valid_to is not None and earlier.valid_to >= later.valid_from
