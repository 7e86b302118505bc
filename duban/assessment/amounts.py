"""Points and quantities as whole numbers: milli-points and micro-units, and how they are rounded.

A score is never a float. Points are integers of 1/1000 point; targets, results and weights are
integers of 1/1,000,000. Divisions keep numerator and denominator until the rule's stated rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from duban.yamltext import read_decimal

MILLI = 1_000
MICRO = 1_000_000
_LARGEST = Decimal(10) ** 12
_FINEST = 12

MODES = ("half_up", "down", "up")
MODE_NAMES = {"half_up": "四舍五入", "down": "舍去尾数", "up": "有尾数就进一"}


def _scaled(value: Decimal, scale: int) -> int | None:
    numerator, denominator = value.as_integer_ratio()
    whole, rest = divmod(numerator * scale, denominator)
    return None if rest else whole


# The same few numbers come again and again in a county: half of the scoring time was here.
@lru_cache(maxsize=4096)
def micro(value: Decimal) -> int:
    """A quantity in millionths. Raises ValueError when it is finer than that."""
    scaled = _scaled(value, MICRO)
    if scaled is None:
        msg = f"{value} has more than six decimals"
        raise ValueError(msg)
    return scaled


def _within(raw: str) -> Decimal | None:
    """A number of a size that can be meant: ``1e-9999999`` would cost minutes as a ratio."""
    value = read_decimal(raw)
    if value is None or not value:
        return value if value is None else Decimal(0)
    in_range = value.copy_abs() < _LARGEST and value.adjusted() >= -_FINEST
    return value if in_range and len(raw) <= 3 * _FINEST else None


def read_points(raw: str) -> int | None:
    """Milli-points from text, or None when it is no number or finer than 0.001."""
    value = _within(raw)
    return None if value is None else _scaled(value, MILLI)


def read_quantity(raw: str) -> Decimal | None:
    """A quantity of at most six decimals, or None."""
    value = _within(raw)
    return None if value is None or _scaled(value, MICRO) is None else value


def read_micro(raw: str) -> int | None:
    """A quantity in millionths from text, or None; ``30%`` is 0.3."""
    if raw.endswith("%"):
        value = _within(raw[:-1].strip())
        return None if value is None else _scaled(value, MICRO // 100)
    value = _within(raw)
    return None if value is None else _scaled(value, MICRO)


def round_ratio(numerator: int, denominator: int, mode: str) -> int:
    """The ratio as a whole number; a half goes away from zero, as 四舍五入 does by hand."""
    negative = (numerator < 0) != (denominator < 0)
    top, bottom = abs(numerator), abs(denominator)
    whole, rest = divmod(top, bottom)
    if (mode == "half_up" and 2 * rest >= bottom) or (mode == "up" and rest):
        whole += 1
    return -whole if negative else whole


@dataclass(frozen=True, slots=True)
class Rounding:
    """To which multiple of a milli-point a line is rounded, and how."""

    step: int = 1  # milli-points
    mode: str = "half_up"

    def apply(self, numerator: int, denominator: int) -> int:
        """Milli-points of a ratio."""
        return round_ratio(numerator, denominator * self.step, self.mode) * self.step

    @property
    def words(self) -> str:
        """How to say it: ``四舍五入到0.01``."""
        return f"{MODE_NAMES[self.mode]}到{points_text(self.step)}"


def in_pieces(quantity: int, size: int, granularity: str) -> tuple[int, int]:
    """How many pieces of ``size`` a quantity (>= 0) is, as an exact ratio.

    ``pro_rata`` keeps the fraction, ``whole`` drops it (不足一件不计), ``up`` counts it as one.
    """
    if granularity == "pro_rata":
        return quantity, size
    return round_ratio(quantity, size, "down" if granularity == "whole" else "up"), 1


def ratio_text(numerator: int, denominator: int) -> str:
    """A number given as a ratio, with at most six decimals; ``约`` when digits were left off."""
    value = round_ratio(numerator * MICRO, denominator, "half_up")
    exact = value * denominator == numerator * MICRO
    return f"{'' if exact else '约'}{quantity_text(value)}"


@lru_cache(maxsize=4096)
def _decimal_text(value: int, digits: int) -> str:
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 10**digits)
    tail = f"{rest:0{digits}d}".rstrip("0")
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"


def points_text(millipoints: int) -> str:
    """Points without needless zeros: ``0.2``, ``-1.5``, ``100``."""
    return _decimal_text(millipoints, 3)


def quantity_text(micro_units: int) -> str:
    """A quantity without needless zeros."""
    return _decimal_text(micro_units, 6)


def percent_text(numerator: int, denominator: int) -> str:
    """A share in percent with at most two decimals; ``约`` says that digits were left off."""
    hundredths = round_ratio(numerator * 10_000, denominator, "half_up")
    exact = hundredths * denominator == numerator * 10_000
    return f"{'' if exact else '约'}{_decimal_text(hundredths, 2)}%"


def shown_total(millipoints: int, digits: int) -> Decimal:
    """The total as shown: rounded half-up, once, to that many decimals."""
    shown = round_ratio(millipoints, 10 ** (3 - digits), "half_up")
    return Decimal(shown).scaleb(-digits)
