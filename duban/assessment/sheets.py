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
    issues.stop_on_errors()
    return [sheet for sheet in found if sheet is not None]
