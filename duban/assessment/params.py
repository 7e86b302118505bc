"""Reading the parameters that rules share; nothing that changes a score may be left out."""

from __future__ import annotations

from collections.abc import Sequence

from duban.assessment.amounts import MICRO, MODES, Rounding, percent_text, read_micro, read_points
from duban.yamltext import Row

NONE = "无"  # how the author says that there is no limit

_POINTS = "分值（最多三位小数）"


def points(row: Row, key: str, *, required: bool = True) -> int | None:
    """Milli-points under a key; an error when required and absent."""
    if not row.text(key, required=required):
        return None
    value: int | None = row.convert(key, read_points, _POINTS, None)
    return value


def limit(row: Row, key: str, *, required: bool = True) -> int | None:
    """Milli-points of a floor or cap, None for 无; leaving it out is an error when it matters."""
    if row.text(key) == NONE:
        return None
    if not row.has(key) and required:
        row.issues.error(
            "limit-missing",
            row.place,
            f"没有写明“{key}”。",
            f"写上限度，如“{key}: 0”；没有限度也要写明“{key}: {NONE}”。",
        )
        return None
    return points(row, key, required=False)


def amount(row: Row, key: str, default: int | None = None) -> int | None:
    """A quantity in millionths; an error when absent and there is no default."""
    if not row.text(key, required=default is None):
        return default
    value: int | None = row.convert(key, read_micro, "数（最多六位小数）", default)
    return value


def rounding(row: Row, *, required: bool) -> Rounding:
    """``rounding: {to: 0.01, mode: half_up}``; an error when a line can have endless decimals."""
    inner = row.row("rounding")
    if inner is None:
        if required and not row.has("rounding"):
            row.issues.error(
                "rounding-missing",
                row.place,
                "按比例计分会除不尽，没有写明怎样取整。",
                "补上“rounding: {to: 0.01, mode: half_up}”（half_up 四舍五入、down 舍去、up 进一）。",
            )
        return Rounding()
    step = points(inner, "to")
    mode = inner.choice("mode", MODES, "half_up", required=True)
    inner.close()
    if step is not None and step <= 0:
        inner.issues.error(
            "rounding-step", inner.place_of("to"), "“to”应大于 0。", "写成 0.1、0.01 或 0.001。"
        )
        step = None
    return Rounding(step or 1, mode)


def granularity(row: Row) -> str:
    """How a part of a piece counts: never guessed."""
    return row.choice("granularity", ("pro_rata", "whole", "up"), "whole", required=True)


def whole(row: Row, key: str, weights: Sequence[int], what: str) -> None:
    """An error unless the weights under a key add up to 100 % exactly."""
    if not weights:
        row.issues.error(
            "weights-missing", row.place_of(key), f"没有写{what}。", "每项写名称和权重，如 20%。"
        )
    elif sum(weights) != MICRO or any(weight < 0 for weight in weights):
        said = "、".join(percent_text(weight, MICRO) for weight in weights)
        row.issues.error(
            "weights-sum",
            row.place_of(key),
            f"{what}（{said}）合计{percent_text(sum(weights), MICRO)}，不是100%。",
            "改到合计恰好100%；2∶5∶3 写成 20%、50%、30%。",
        )
