"""An indicator as exact numbers: attainment, gap, words, and the bounds of one line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from duban.assessment import params
from duban.assessment.amounts import micro, percent_text, points_text, quantity_text
from duban.assessment.model import Case, Fact, Line
from duban.assessment.words import common_values
from duban.yamltext import Row

INDICATOR_FIELDS = frozenset({"target", "done", "short", "over", "rate"})
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Measured:
    """An indicator as numbers in millionths; ``gain`` > 0 is beyond the target, < 0 short of it."""

    target: int
    done: int
    reverse: bool

    @property
    def gain(self) -> int:
        """How far beyond the target, in the better direction."""
        return self.target - self.done if self.reverse else self.done - self.target

    @property
    def rate(self) -> tuple[int, int]:
        """Attainment as a ratio. Reverse indicators mirror: (2 × target − done) ÷ target."""
        if self.target <= 0:
            return (1, 1) if self.gain >= 0 else (0, 1)
        reached = 2 * self.target - self.done if self.reverse else self.done
        return max(reached, 0), self.target

    @property
    def formula(self) -> str:
        """The attainment as it is worked out by hand."""
        target, done = quantity_text(self.target), quantity_text(self.done)
        if self.target <= 0:
            return f"目标为{target}，完成{done}，完成率按{percent_text(*self.rate)}计"
        top = f"（2×{target}−{done}）" if self.reverse else done
        return f"{top}÷{target}＝{percent_text(*self.rate)}"


def indicator_words(fact: Fact, measured: Measured) -> str:
    """The target and the result in words."""
    unreported = "（未报送完成数，按0计）" if fact.done is None else ""
    return (
        f"{fact.title or fact.obligation}：目标{quantity_text(measured.target)}{fact.counted_in}，"
        f"完成{quantity_text(measured.done)}{fact.counted_in}{unreported}"
    )


def indicator_values(
    case: Case, fact: Fact, measured: Measured, millipoints: int
) -> dict[str, str]:
    """What a sentence on an indicator may name."""
    values = common_values(case, fact, millipoints)
    values.update(
        target=quantity_text(measured.target),
        done=quantity_text(measured.done),
        short=quantity_text(max(-measured.gain, 0)),
        over=quantity_text(max(measured.gain, 0)),
        rate=percent_text(*measured.rate),
    )
    return values


def measure(fact: Fact, direction: str, unreported: str) -> Measured | str:
    """The numbers of a fact, or why there is nothing to measure."""
    if fact.target is None:
        return f"{fact.title or fact.obligation}：没有下达目标"
    if fact.done is None and unreported == "skip":
        return f"{fact.title or fact.obligation}：完成数尚未报送"
    return Measured(micro(fact.target), micro(fact.done or _ZERO), direction == "reverse")


def skipped_line(case: Case, fact: Fact, why: str) -> Line:
    """A line of no points that says why."""
    return case.line((fact,), why, "不计分", 0, values={}, sentence=f"{why}，不计分")


def read_direction(row: Row) -> str:
    """Whether more is better (normal) or less (reverse)."""
    return row.choice("direction", ("normal", "reverse"), "normal")


def read_unreported(row: Row) -> str:
    """What a result that never came counts as: zero, or nothing."""
    return row.choice("unreported", ("zero", "skip"), "zero", required=True)


@dataclass(frozen=True, slots=True)
class ItemLimits:
    """Bounds of one line (one indicator), beside the bounds of the whole rule."""

    floor: int | None
    cap: int | None

    @classmethod
    def read(cls, row: Row, *, required: bool) -> ItemLimits:
        """``item_floor`` and ``item_cap``."""
        return cls(
            params.limit(row, "item_floor", required=required),
            params.limit(row, "item_cap", required=required),
        )

    def clip(self, millipoints: int) -> tuple[int, str]:
        """The points within bounds and what to add to the arithmetic."""
        if self.cap is not None and millipoints > self.cap:
            return self.cap, f"，每项最多{points_text(self.cap)}，计{points_text(self.cap)}"
        if self.floor is not None and millipoints < self.floor:
            return self.floor, f"，每项最低{points_text(self.floor)}，计{points_text(self.floor)}"
        return millipoints, ""


def positive(row: Row, key: str, default: int) -> int:
    """A quantity over zero in millionths."""
    value = params.amount(row, key, default) or 0
    if value <= 0:
        row.issues.error("not-positive", row.place_of(key), f"“{key}”应大于 0。", "写成正数。")
        return default
    return value
