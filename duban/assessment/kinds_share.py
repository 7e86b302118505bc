"""Rules by attainment: in steps, or in proportion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from duban.assessment import params
from duban.assessment.amounts import (
    MICRO,
    Rounding,
    in_pieces,
    percent_text,
    points_text,
    quantity_text,
    ratio_text,
    round_ratio,
)
from duban.assessment.measured import (
    INDICATOR_FIELDS,
    ItemLimits,
    Measured,
    indicator_values,
    indicator_words,
    measure,
    read_direction,
    read_unreported,
    skipped_line,
)
from duban.assessment.model import Case, Fact, Line
from duban.yamltext import Row


@dataclass(frozen=True, slots=True)
class Band:
    """From an attainment on (以上 includes) so many points, flat or rising to the next band."""

    start: int  # millionths of the target
    exclusive: bool  # the start itself does not belong to the band
    give: int
    rise_to: int | None
    per_over: int


@dataclass(frozen=True, slots=True)
class Step:
    """Points by the band that the attainment falls in."""

    fields: ClassVar[frozenset[str]] = INDICATOR_FIELDS | {"full"}
    compares: ClassVar[bool] = False
    full: int
    bands: tuple[Band, ...]  # highest first
    below: int
    granularity: str
    rounding: Rounding
    limits: ItemLimits
    direction: str
    unreported: str

    @classmethod
    def read(cls, row: Row) -> Step:
        """``full``, ``bands`` (highest first), ``below``, ``item_cap`` when points go on growing."""
        full = params.points(row, "full") or 0
        bands = _read_bands(row.rows("bands"), full)
        grows = any(band.per_over for band in bands)
        linear = any(band.rise_to is not None for band in bands)
        _check_bands(row, bands)
        return cls(
            full=full,
            bands=bands,
            below=_share(row, "below", full) or 0,
            granularity=params.granularity(row) if grows or linear else "whole",
            rounding=params.rounding(row, required=linear),
            limits=ItemLimits.read(row, required=grows),
            direction=read_direction(row),
            unreported=read_unreported(row),
        )

    def lines(self, case: Case) -> Iterable[Line]:
        """One line an indicator."""
        for fact in case.facts:
            measured = measure(fact, self.direction, self.unreported)
            if isinstance(measured, str):
                yield skipped_line(case, fact, measured)
                continue
            raw, arithmetic = self._points(fact, measured)
            millipoints, clipped = self.limits.clip(raw)
            values = indicator_values(case, fact, measured, millipoints)
            values["full"] = points_text(self.full)
            words = f"{measured.formula}，{arithmetic}{clipped}"
            yield case.line(
                (fact,), indicator_words(fact, measured), words, millipoints, values=values
            )

    def _points(self, fact: Fact, measured: Measured) -> tuple[int, str]:
        top, bottom = measured.rate
        for place, band in enumerate(self.bands):
            above = top * MICRO - band.start * bottom
            if above > 0 or (above == 0 and not band.exclusive):
                return self._within(fact, measured, place)
        lowest = percent_text(self.bands[-1].start, MICRO)
        return self.below, f"不到{lowest}，得{points_text(self.below)}"

    def _within(self, fact: Fact, measured: Measured, place: int) -> tuple[int, str]:
        band = self.bands[place]
        includes = "不含" if band.exclusive else "含"
        said = f"在{percent_text(band.start, MICRO)}以上（{includes}），得{points_text(band.give)}"
        if band.rise_to is not None:
            return self._risen(measured, place, said)
        if not band.per_over or measured.gain <= 0:
            return band.give, said
        top, bottom = in_pieces(measured.gain, MICRO, self.granularity)
        extra = self.rounding.apply(top * band.per_over, bottom)
        beyond = quantity_text(measured.gain)
        return band.give + extra, (
            f"{said}；超{beyond}{fact.counted_in}，{points_text(band.give)}＋{ratio_text(top, bottom)}"
            f"×{points_text(band.per_over)}＝{points_text(band.give + extra)}"
        )

    def _risen(self, measured: Measured, place: int, said: str) -> tuple[int, str]:
        band, end = self.bands[place], self.bands[place - 1].start
        top, bottom = measured.rate
        # Percentage points above the start of the band, as a ratio of millionths.
        above = (top * MICRO - band.start * bottom) * 100
        counted, per = in_pieces(above, MICRO * bottom, self.granularity)
        rise, width = (band.rise_to or 0) - band.give, (end - band.start) * 100
        extra = self.rounding.apply(counted * rise * MICRO, per * width)
        return band.give + extra, (
            f"{said}；高出{ratio_text(counted, per)}个百分点，{points_text(band.give)}＋"
            f"{ratio_text(counted, per)}÷{quantity_text(width)}×{points_text(rise)}"
            f"＝{points_text(band.give + extra)}（{self.rounding.words}）"
        )


def _share(row: Row, key: str, full: int) -> int | None:
    """Points, or a share of the full points written in percent."""
    raw = row.text(key, required=True)
    if not raw.endswith("%"):
        return params.points(row, key, required=False)
    share = params.amount(row, key) or 0
    return round_ratio(full * share, MICRO, "half_up")


def _read_bands(rows: Iterable[Row], full: int) -> tuple[Band, ...]:
    found: list[Band] = []
    for row in rows:
        found.append(_read_band(row, full, found[-1] if found else None))
    return tuple(found)


def _read_band(row: Row, full: int, above: Band | None) -> Band:
    if not row.text("from", required=True).endswith("%") and row.has("from"):
        row.issues.error(
            "band-percent",
            row.place_of("from"),
            f"分档“from: {row.text('from')}”没有写百分号。",
            "写成完成率，如“from: 90%”（以上含本数）。",
        )
    start = params.amount(row, "from") or 0
    give = _share(row, "give", full) or 0
    rise_to = _share(row, "rise_to", full) if row.has("rise_to") else None
    per_over = params.points(row, "per_over", required=False) or 0
    band = Band(start, row.flag("exclusive"), give, rise_to, per_over)
    end = params.amount(row, "to") if row.has("to") else None
    row.close()
    if end is not None:
        _check_end(row, end, above)
    return band


def _check_end(row: Row, end: int, above: Band | None) -> None:
    """A written end must be where the band above begins: else there is a gap or both would hold."""
    start = above.start if above else None
    if start is None or end == start:
        return
    code, said = ("band-overlap", "重叠") if end > start else ("band-gap", "之间有空档")
    row.issues.error(
        code,
        row.place_of("to"),
        f"这一档到{percent_text(end, MICRO)}，上一档从{percent_text(start, MICRO)}起，两档{said}。",
        f"“to”写成{percent_text(start, MICRO)}，或不写“to”（到上一档为止）。",
    )


def _check_bands(row: Row, bands: tuple[Band, ...]) -> None:
    place = row.place_of("bands")
    if not bands:
        row.issues.error(
            "bands-missing",
            place,
            "没有写分档。",
            "补上“bands:”，每档一行，如“- {from: 100%, give: 100%}”。",
        )
    starts = [band.start for band in bands]
    if sorted(set(starts), reverse=True) != starts:
        row.issues.error(
            "bands-order", place, "分档应从高到低、不重复。", "按完成率从高到低重排，如 100%、90%。"
        )
    if bands and bands[0].rise_to is not None:
        row.issues.error(
            "band-open",
            place,
            "最高一档不能写“rise_to”：上面没有下一档的起点。",
            "在上面加一档，或改为“per_over”。",
        )


@dataclass(frozen=True, slots=True)
class Proportional:
    """The full points times the attainment, or what is missing of it taken off."""

    fields: ClassVar[frozenset[str]] = INDICATOR_FIELDS | {"full"}
    compares: ClassVar[bool] = False
    full: int
    deducts: bool
    rounding: Rounding
    limits: ItemLimits
    direction: str
    unreported: str

    @classmethod
    def read(cls, row: Row) -> Proportional:
        """``full``, ``mode: award|deduct``, ``item_floor``, ``item_cap``, ``rounding``."""
        return cls(
            full=params.points(row, "full") or 0,
            deducts=row.choice("mode", ("award", "deduct"), "award", required=True) == "deduct",
            rounding=params.rounding(row, required=True),
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
                continue
            raw, sum_words = self._points(measured)
            millipoints, clipped = self.limits.clip(raw)
            values = indicator_values(case, fact, measured, millipoints)
            values["full"] = points_text(self.full)
            arithmetic = f"{measured.formula}，{sum_words}（{self.rounding.words}）{clipped}"
            yield case.line(
                (fact,), indicator_words(fact, measured), arithmetic, millipoints, values=values
            )

    def _points(self, measured: Measured) -> tuple[int, str]:
        top, bottom = measured.rate
        rate, full = percent_text(top, bottom), points_text(self.full)
        if self.deducts:
            value = self.rounding.apply(self.full * (top - bottom), bottom)
            return value, f"{full}×（{rate}−100%）＝{points_text(value)}"
        value = self.rounding.apply(self.full * top, bottom)
        return value, f"{full}×{rate}＝{points_text(value)}"
