"""What the protected cells of a form show, and the seals by which a returned form is compared with it. Pure.

A seal is a short hash of each protected cell. All of them stand under the form's signature, so a changed
cell is told by its place, whatever program saved the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from duban.intake import layout
from duban.intake.form import FormData, FormFigure, FormRow
from duban.settings import EXAMPLE_MARK

NOT_ASKED = "不用填"
"""Stands in the percent cell of rows that ask for none."""
LAST_CHARS, WANTED_CHARS = 160, 400
_SEAL_HEX = 8
HOW = (
    "只填黄色格：① 没有变化的行不用动，或选“无变化”；② 有进展的，写本期进展，改累计进度；"
    "③ 办完的选“办结”。填好后存为 .xlsx，从个人链接上传，或作附件发回办公室邮箱。请勿填写涉密内容。"
)
HEADS = (
    ("", 0),
    ("序号", 4.5),
    ("编号", 7),
    ("任务事项（期次）", 20),
    ("考核要点和时限要求", 18),
    ("时限", 10.5),
    ("灯", 8),
    ("上次报送情况", 17),
    ("本期状态 ▼", 9.5),
    ("累计进度%", 8.5),
    ("本期进展", 26),
    ("存在问题", 15),
    ("下一步", 15),
)
FIGURE_WIDTHS = (15, 9)
Seal = str
"""``column:hash`` of every sealed cell, joined by blanks."""


def pairs_of(form: FormData) -> int:
    """How many pairs of indicator columns the form has."""
    return max((len(row.figures) for row in form.rows), default=0)


def title_of(form: FormData) -> str:
    """The first line."""
    mark = f"【{EXAMPLE_MARK}】" if form.example else ""
    return f"{mark}{form.unit_name}任务进展报送表"


def info_of(form: FormData) -> str:
    """The second line: whose, made when, by whom."""
    contact = f"　联系：{form.contact}" if form.contact else ""
    made = f"{form.made_at:%Y-%m-%d %H:%M}"
    return f"填报单位：{form.unit_name}　　生成时间：{made}　　{form.office}{contact}"


def head_cells(form: FormData) -> dict[tuple[int, int], str]:
    """Every protected cell above the rows."""
    found = {
        (0, layout.NUMBER): title_of(form),
        (layout.UNIT_ROW, layout.NUMBER): info_of(form),
        (layout.HOW_ROW, layout.NUMBER): HOW,
    }
    found |= {(layout.HEAD_ROW, at): name for at, (name, _) in enumerate(HEADS) if name}
    for number in range(pairs := pairs_of(form)):
        at = layout.figure_cell(number)
        found[layout.HEAD_ROW, at - 1] = f"指标{number + 1 if pairs > 1 else ''}"
        found[layout.HEAD_ROW, at] = "指标完成值"
    return found


def row_cells(row: FormRow, number: int) -> dict[int, str]:
    """The protected cells of a row by column; the due as ``2026-11-18``. The lamp lives, and is not sealed."""
    phrase = f"时限要求：{row.phrase}" if row.phrase else ""
    found = {
        layout.NUMBER: str(number),
        layout.TASK: row.task,
        layout.ITEM: f"{row.title}\n（{row.label}）",
        layout.WANTED: _short("\n".join(filter(None, (row.wanted, phrase))), WANTED_CHARS),
        layout.DUE: "未起算" if row.due_on is None else row.due_on.isoformat(),
        layout.LAST: _short(row.last, LAST_CHARS),
    }
    if not row.finishes:
        found[layout.PERCENT] = NOT_ASKED
    for which, figure in enumerate(row.figures):
        found[layout.figure_cell(which) - 1] = figure_words(figure)
    return found


def figure_words(figure: FormFigure) -> str:
    """What an indicator is, its target and its last value."""
    said = [f"{figure.name}（{figure.unit}）"]
    said += [f"目标：{figure.target}"] if figure.target else []
    said += [f"上次：{figure.last}"] if figure.last else []
    return "\n".join(said)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


# ---- seals -------------------------------------------------------------------------------------


def head_seal(form: FormData) -> Seal:
    """The seal of everything above the rows."""
    return seal({f"{row}.{column}": text for (row, column), text in head_cells(form).items()})


def row_seal(row: FormRow, number: int) -> Seal:
    """The seal of a row."""
    return seal({str(column): text for column, text in row_cells(row, number).items()})


def seal(cells: Mapping[str, str]) -> Seal:
    """The seal of cells by their names."""
    return " ".join(f"{name}:{_hash(text)}" for name, text in cells.items())


def opened_seal(sealed: Seal) -> dict[str, str]:
    """Names of cells to their hashes."""
    return dict(each.split(":", 1) for each in sealed.split(" ") if ":" in each)


def fits(value: Any, expected: str) -> bool:
    """Whether a cell as it came back still shows what was sealed; blanks and line ends do not count."""
    return _hash(shown(value)) == expected


def shown(value: Any) -> str:
    """A cell's value as text: whole numbers without .0, a day as ``2026-11-18``."""
    if isinstance(value, datetime | date):
        return (value.date() if isinstance(value, datetime) else value).isoformat()
    if isinstance(value, float):
        finite = value == value and abs(value) != float("inf")  # noqa: PLR0124 - NaN differs from itself
        return format(Decimal(repr(value)).normalize(), "f") if finite else ""
    return str(value)


def _hash(text: str) -> str:
    return hashlib.sha256("".join(text.split()).encode("utf-8", "replace")).hexdigest()[:_SEAL_HEX]
