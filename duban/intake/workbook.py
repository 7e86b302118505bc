"""The reporting form as an Excel workbook without macros: made for a unit, filled in, read back."""

from __future__ import annotations

from duban.intake.form import FormData, FormFigure, FormRow, form_for
from duban.intake.formread import Conflict, FormResult, read_form
from duban.intake.formwrite import write_form

__all__ = [
    "Conflict",
    "FormData",
    "FormFigure",
    "FormResult",
    "FormRow",
    "form_for",
    "read_form",
    "write_form",
]
