"""Rules whose rate changes along the way: so much for the first ten points short, more for the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import (
    MICRO,
    MILLI,
    Rounding,
    in_pieces,
    points_text,
    quantity_text,
    ratio_text,
)
from duban.assessment.measured import (
    INDICATOR_FIELDS,
    ItemLimits,
    Measured,
    indicator_values,
    indicator_words,
    measure,
    positive,
    read_direction,
    read_unreported,
    skipped_line,
)
from duban.assessment.model import Case, Fact, Line
from duban.assessment.words import signed
from duban.yamltext import Row


@dataclass(frozen=True, slots=True)
class Stretch:
    """From so far off the target to so far (None: no end), points for each ``size``; in millionths."""

    start: int
    end: int | None
    size: int
    points: int


@dataclass(frozen=True, slots=True)
class Graduated:
    """Full points on target; below and above each stretch of the gap has a rate of its own."""

    fields: ClassVar[frozenset[str]] = INDICATOR_FIELDS | {"full", "gap"}
    compares: ClassVar[bool] = False
    full: int
    percent: bool
    shortfall: tuple[Stretch, ...]
    excess: tuple[Stretch, ...]
    granularity: str
    rounding: Rounding
    limits: ItemLimits
    direction: str
    unreported: str

    @classmethod
    def read(cls, row: Row) -> Graduated:
        """``full``, ``measure: percent|quantity``, ``shortfall``, ``excess``, ``granularity``, limits."""
        granularity = params.granularity(row)
        return cls(
            full=params.points(row, "full") or 0,
            percent=row.choice("measure", ("percent", "quantity"), "percent", required=True)
            == "percent",
            shortfall=_read_stretches(row, "shortfall"),
            excess=_read_stretches(row, "excess"),
            granularity=granularity,
            rounding=params.rounding(row, required=granularity == "pro_rata"),
            limits=ItemLimits.read(row, required=True),
            direction=read_direction(row),
            unreported=read_unreported(row),
        )

    def lines(self, case: Case) -> Iterable[Line]:
        """One line an indicator."""
        for fact in case.facts:
            measured = measure(fact, self.direction, self.unreported)
            if isinstance(measured, str):
                yield skipped_line(case, fact, measured)
            else:
                yield self._line(case, fact, measured)

    def _line(self, case: Case, fact: Fact, measured: Measured) -> Line:
        gap = self._gap(measured)
        stretches = self.excess if measured.gain > 0 else self.shortfall
        parts = [self._part(gap, stretch) for stretch in stretches]
        raw = self.full + sum(points for points, _ in parts)
        millipoints, clipped = self.limits.clip(raw)
        values = indicator_values(case, fact, measured, millipoints)
        off = ratio_text(gap[0], gap[1] * MICRO)
        values.update(full=points_text(self.full), gap=off)
        return case.line(
            (fact,),
            indicator_words(fact, measured),
            f"{self._off(measured, off, fact)}，{self._sum([words for _, words in parts if words])}"
            f"＝{points_text(raw)}{clipped}",
            millipoints,
            values=values,
        )

    def _gap(self, measured: Measured) -> tuple[int, int]:
        """How far off, as a ratio in millionths of a percentage point or of a piece."""
        if not self.percent:
            return abs(measured.gain), 1
        top, bottom = measured.rate
        return abs(top - bottom) * 100 * MICRO, bottom

    def _part(self, gap: tuple[int, int], stretch: Stretch) -> tuple[int, str]:
        top, bottom = gap
        end = top if stretch.end is None else min(top, stretch.end * bottom)
        within = end - stretch.start * bottom
        if within <= 0:
            return 0, ""
        pieces = in_pieces(within, stretch.size * bottom, self.granularity)
        points = self.rounding.apply(pieces[0] * stretch.points, pieces[1])
        return points, f"{ratio_text(*pieces)}×{signed(stretch.points)}"

    def _off(self, measured: Measured, off: str, fact: Fact) -> str:
        if measured.gain == 0:
            return f"{measured.formula}，与目标相符"
        word = "超出" if measured.gain > 0 else "差"
        return f"{measured.formula}，{word}{off}{'个百分点' if self.percent else fact.counted_in}"

    def _sum(self, words: Sequence[str]) -> str:
        return "＋".join(([points_text(self.full)] if self.full or not words else []) + list(words))


def _read_stretches(row: Row, key: str) -> tuple[Stretch, ...]:
    """The stretches in order; the first starts at 0, each where the one before ends, the last is open."""
    found: list[Stretch] = []
    for part in row.rows(key):
        start = (params.points(part, "from") or 0) * (MICRO // MILLI)
        limit = params.limit(part, "to")
        stretch = Stretch(
            start,
            None if limit is None else limit * (MICRO // MILLI),
            positive(part, "each", MICRO),
            params.points(part, "points") or 0,
        )
        part.close()
        _check_joint(part, found, stretch)
        found.append(stretch)
    if found and found[-1].end is not None:
        row.issues.error(
            "stretch-end",
            row.place_of(key),
            f"“{key}”到{quantity_text(found[-1].end)}为止，再远没有写怎样计。",
            "最后一段写“to: 无”；不再加减就加一段“points: 0”。",
        )
    return tuple(found)


def _check_joint(part: Row, before: Sequence[Stretch], stretch: Stretch) -> None:
    expected = before[-1].end if before else 0
    if expected is None or stretch.start < expected:
        part.issues.error(
            "band-overlap",
            part.place,
            "这一段与前一段重叠，同一差距会计两次分。",
            f"“from”写成{'新的起点，前一段写“to”' if expected is None else quantity_text(expected)}。",
        )
    elif stretch.start > expected:
        part.issues.error(
            "band-gap",
            part.place,
            f"{quantity_text(expected)}到{quantity_text(stretch.start)}之间没有写怎样计。",
            f"“from”写成{quantity_text(expected)}。",
        )
    if stretch.end is not None and stretch.end <= stretch.start:
        part.issues.error("band-empty", part.place, "这一段的“to”不大于“from”。", "对调两数。")
