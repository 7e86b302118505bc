"""The reporting form as an Excel workbook without macros: made for a unit, filled in, read back."""

from __future__ import annotations

from duban.intake.form import FormData, FormFigure, FormRow, form_for
from duban.intake.formconflict import Side
from duban.intake.formopen import Opened, open_form
from duban.intake.formread import Conflict, FormResult, read_form, read_opened, refused_form
from duban.intake.formtake import Taken, take_form
from duban.intake.formwrite import write_form

__all__ = [
    "Conflict",
    "FormData",
    "FormFigure",
    "FormResult",
    "FormRow",
    "Opened",
    "Side",
    "Taken",
    "form_for",
    "open_form",
    "read_form",
    "read_opened",
    "refused_form",
    "take_form",
    "write_form",
]
