"""Rules by the piece: so many points for each piece short of a target or beyond it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import (
    MICRO,
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
from duban.assessment.sentences import Template
from duban.assessment.words import signed, template
from duban.yamltext import Row


@dataclass(frozen=True, slots=True)
class PerPiece:
    """So many points for each piece short of the target, and perhaps for each piece beyond it."""

    fields: ClassVar[frozenset[str]] = INDICATOR_FIELDS
    compares: ClassVar[bool] = False
    points: int
    over: int
    size: int
    granularity: str
    rounding: Rounding
    limits: ItemLimits
    direction: str
    unreported: str
    sentence_over: Template | None
    sentence_met: Template | None

    @classmethod
    def read(cls, row: Row) -> PerPiece:
        """``points`` (signed), ``over``, ``each``, ``granularity``, ``rounding``, limits."""
        short = params.points(row, "points")
        over = params.points(row, "over", required=False)
        granularity = params.granularity(row)
        allowed = cls.fields
        return cls(
            points=short or 0,
            over=over or 0,
            size=positive(row, "each", MICRO),
            granularity=granularity,
            rounding=params.rounding(row, required=granularity == "pro_rata"),
            limits=ItemLimits.read(row, required=False),
            direction=read_direction(row),
            unreported=read_unreported(row),
            sentence_over=template(row, "sentence_over", allowed, required=over is not None),
            sentence_met=template(row, "sentence_met", allowed, required=False),
        )

    def lines(self, case: Case) -> Iterable[Line]:
        """One line an indicator, on target or not."""
        for fact in case.facts:
            measured = measure(fact, self.direction, self.unreported)
            if isinstance(measured, str):
                yield skipped_line(case, fact, measured)
            else:
                yield self._line(case, fact, measured)

    def _line(self, case: Case, fact: Fact, measured: Measured) -> Line:
        gain = measured.gain
        each = self.over if gain > 0 else self.points
        pieces = in_pieces(abs(gain), self.size, self.granularity)
        raw = self.rounding.apply(pieces[0] * each, pieces[1])
        millipoints, clipped = self.limits.clip(raw)
        return case.line(
            (fact,),
            indicator_words(fact, measured),
            f"{self._gap(fact, measured, pieces, each)}＝{points_text(raw)}{clipped}",
            millipoints,
            values=indicator_values(case, fact, measured, millipoints),
            sentence=self._sentence(fact, measured, millipoints),
        )

    def _gap(self, fact: Fact, measured: Measured, pieces: tuple[int, int], each: int) -> str:
        if measured.gain == 0:
            return "与目标相符"
        bigger, smaller = sorted((measured.target, measured.done), reverse=True)
        size = (
            "" if self.size == MICRO else f"（每{quantity_text(self.size)}{fact.counted_in}为一档）"
        )
        return (
            f"{quantity_text(bigger)}−{quantity_text(smaller)}"
            f"＝{quantity_text(bigger - smaller)}{fact.counted_in}{size}，"
            f"{ratio_text(*pieces)}×{signed(each)}"
        )

    def _sentence(self, fact: Fact, measured: Measured, millipoints: int) -> Template | str | None:
        if measured.gain < 0 and millipoints:
            return None
        if measured.gain > 0 and self.over:
            return self.sentence_over
        if measured.gain < 0:
            return f"{fact.title}未达到目标，但不足以计分，不加不扣"
        done = quantity_text(measured.done)
        return self.sentence_met or f"{fact.title}完成{done}{fact.counted_in}，达到目标，不扣分"
