"""Lamps as data: which colour an obligation shows. Names, colours and meanings differ by county.

A lamp goes by working days left, by percentage points behind schedule, or by the share of the schedule
that was reached; one policy may use days for some lamps and progress for others. The lamp of today is
asked with ``now`` and never kept; the lamp of a month is recorded once, when the month has closed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from duban import preset
from duban.errors import Issues, Place
from duban.yamltext import Row, read_rows

COLOURS = ("red", "orange", "yellow", "green", "blue", "grey")
SHAPES = {"red": "■", "orange": "◆", "yellow": "▲", "green": "●", "blue": "✔", "grey": "○"}
COLOUR_WORDS = {
    "red": "红",
    "orange": "橙",
    "yellow": "黄",
    "green": "绿",
    "blue": "蓝",
    "grey": "灰",
}
BASES = ("days_left", "points_behind", "percent_of_schedule")
SCHEDULES = ("time", "milestones")
UNTIL = ("submitted", "closed")


@dataclass(frozen=True, slots=True)
class Lamp:
    """A lamp: colour, shape and word, so that it can be read without colour and in print."""

    colour: str
    name: str
    words: str

    @property
    def shape(self) -> str:
        """The mark that stands beside the word."""
        return SHAPES[self.colour]


@dataclass(frozen=True, slots=True)
class Span:
    """A band of progress. A bound that is None is open; ``low_in``, ``high_in``: the bound belongs to it."""

    low: Decimal | None
    low_in: bool
    high: Decimal | None
    high_in: bool

    def holds(self, value: Fraction) -> bool:
        """Whether a value lies in the band."""
        if self.low is not None:
            low = Fraction(self.low)
            if value < low or (value == low and not self.low_in):
                return False
        if self.high is not None:
            high = Fraction(self.high)
            return value < high or (value == high and self.high_in)
        return True


@dataclass(frozen=True, slots=True)
class Threshold:
    """A lamp shown from so many working days left downwards (negative: overdue), or in a band of progress."""

    lamp: Lamp
    at_most_days_left: int | None = None  # None without a span: no bound, the last step
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class LampPolicy:
    """Thresholds from the most to the least urgent, and the lamps of what is done or not begun.

    ``basis``: what spans measure. ``schedule``: how the schedule (序时进度) runs. ``until``: whether a lamp
    goes out when the report is in, or only when the office has closed the item.
    """

    steps: tuple[Threshold, ...]
    done: Lamp
    idle: Lamp
    basis: str = "days_left"
    schedule: str = "time"
    until: str = "submitted"
    title: str = ""

    def show(
        self, working_days_left: int | None, *, done: bool, progress: Fraction | None = None
    ) -> Lamp:
        """The lamp of an obligation; ``working_days_left`` None: 未起算 or without a due.

        ``progress``: by the policy's basis; None: unknown, so that only days decide.
        """
        if done:
            return self.done
        if working_days_left is None:
            return self.idle
        for step in self.steps:
            if step.span is not None:
                if progress is not None and step.span.holds(progress):
                    return step.lamp
            elif step.at_most_days_left is None or working_days_left <= step.at_most_days_left:
                return step.lamp
        return self.idle

    def progress(self, percent: int | None, planned: Fraction) -> Fraction | None:
        """What spans measure: points behind the schedule, or percent of the schedule reached."""
        actual = Fraction(percent or 0)
        if self.basis == "points_behind":
            return planned - actual
        if self.basis == "percent_of_schedule":
            return Fraction(100) if planned == 0 else actual * 100 / planned
        return None

    @property
    def by_days(self) -> bool:
        """Whether days alone decide."""
        return all(step.span is None for step in self.steps)

    @property
    def all(self) -> tuple[Lamp, ...]:
        """Every lamp, most urgent first."""
        return (*(step.lamp for step in self.steps), self.done, self.idle)

    @property
    def canonical(self) -> str:
        """All that the policy says, as text: kept with the lamps that were recorded by it."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, default=str)

    @property
    def version(self) -> str:
        """A short hash of the whole content."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:16]


def planned_percent(
    schedule: str, starts_on: date, due_on: date, day: date, milestones: Sequence[date] = ()
) -> Fraction:
    """How many percent the schedule (序时进度) wants at the end of a day.

    By time: days elapsed of all days, both ends counted. By milestones: those that are due of all, the
    finish being the last; without any milestone time decides.
    """
    if day >= due_on:
        return Fraction(100)
    if day < starts_on:
        return Fraction(0)
    if schedule == "milestones" and milestones:
        return Fraction(100 * sum(each <= day for each in milestones), len(milestones) + 1)
    return Fraction(100 * ((day - starts_on).days + 1), (due_on - starts_on).days + 1)


# ---- the file ------------------------------------------------------------------------------------

Placed = tuple[Threshold, Place]


def load_lamps(path: Path, shown_as: str, issues: Issues) -> LampPolicy | None:
    """Read ``config/lamps.yaml``. A gap, an overlap, a lamp never shown or a wrong order is an error."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return None
    named, found = preset.follow(row, "lamps.yaml", issues, load_lamps)
    if named:
        return found
    placed = [_step(entry) for entry in row.rows("steps")]
    policy = LampPolicy(
        steps=tuple(step for step, _ in placed),
        done=_lamp(row.row("done"), "blue", "已办结"),
        idle=_lamp(row.row("idle"), "grey", "未起算"),
        basis=row.choice("basis", BASES, "days_left"),
        schedule=row.choice("schedule", SCHEDULES, "time"),
        until=row.choice("until", UNTIL, "submitted"),
        title=row.text("title"),
    )
    row.close()
    _check(policy, placed, row.place_of("steps"), issues)
    return policy


def _step(row: Row) -> Placed:
    limit = row.text("at_most_days_left")
    bound = None if limit in {"any", ""} else row.integer("at_most_days_left")
    lamp, span = _colour(row), _span(row)
    if limit and span is not None:
        row.issues.error(
            "lamp-bound",
            row.place,
            f"“{lamp.name}”的界限按天、按进度都写了。",
            "按天写 at_most_days_left；按进度写 from、over、to、under。",
        )
    row.close()
    return Threshold(lamp, bound, span), row.place


def _span(row: Row) -> Span | None:
    names = ("from", "over", "to", "under")
    least, over, most, under = (row.decimal(name) for name in names)
    if all(value is None for value in (least, over, most, under)):
        return None
    if (least is not None and over is not None) or (most is not None and under is not None):
        row.issues.error(
            "lamp-bound",
            row.place,
            "同一头的界限写了两次。",
            "下限写 from（含）或 over（不含），上限写 to（含）或 under（不含），各写一个。",
        )
    low, high = (over if least is None else least), (under if most is None else most)
    return Span(low, least is not None, high, most is not None)


def _lamp(row: Row | None, colour: str, words: str) -> Lamp:
    if row is None:
        return Lamp(colour, words, words)
    lamp = _colour(row)
    row.close()
    return lamp


def _colour(row: Row) -> Lamp:
    return Lamp(
        row.choice("colour", COLOURS, "grey", required=True),
        row.text("name", required=True),
        row.text("words"),
    )


def _check(policy: LampPolicy, placed: list[Placed], where: Place, issues: Issues) -> None:
    spans = [(step.span, place) for step, place in placed if step.span is not None]
    if spans and policy.basis == "days_left":
        issues.error(
            "lamp-bound",
            spans[0][1],
            "按进度划了界限，却没有写进度怎么算。",
            "加上 basis: points_behind（落后几个百分点）或 percent_of_schedule（完成序时进度的百分之几）。",
        )
    for span, place in spans:
        _check_reach(policy.basis, span, place, issues)
    if spans and len(spans) == len(placed):
        _check_cover(spans, where, issues)
    else:
        _check_order(placed, where, issues)


def _check_order(placed: list[Placed], where: Place, issues: Issues) -> None:
    """Days: from the most urgent to the least, and the last one takes all the rest."""
    days = [step.at_most_days_left for step, _ in placed if step.span is None]
    if not placed or placed[-1][0].span is not None or days[-1] is not None or None in days[:-1]:
        issues.error(
            "lamp-gap",
            where,
            "灯色区间有空档：最后一档须写 at_most_days_left: any。",
            "从最急到最缓依次写，最后一档写 any。",
        )
        return
    known = [bound for bound in days if bound is not None]
    if known != sorted(set(known)):
        issues.error(
            "lamp-order",
            where,
            "灯色各档没有从急到缓排列，或有重复。",
            "按剩余工作日从小到大排列。",
        )


def _check_reach(basis: str, span: Span, place: Place, issues: Issues) -> None:
    """A band that nothing can lie in: upside down, or beyond what progress can be."""
    low, high = span.low, span.high
    empty = (
        low is not None
        and high is not None
        and (low > high or (low == high and not (span.low_in and span.high_in)))
    )
    if basis == "points_behind":
        empty = empty or (low is not None and low >= 100 and not (low == 100 and span.low_in))
    if basis == "percent_of_schedule":
        empty = empty or (high is not None and high <= 0 and not (high == 0 and span.high_in))
    if empty:
        issues.error(
            "lamp-unreachable",
            place,
            "这一档灯永远亮不了。",
            "检查上下限是否颠倒，或超出了可能的范围。",
        )


def _check_cover(spans: list[tuple[Span, Place]], where: Place, issues: Issues) -> None:
    """Bands of progress: nothing between two of them, nothing in two of them, no end left out."""
    ordered = sorted(
        spans, key=lambda each: (each[0].low is not None, each[0].low or 0, not each[0].low_in)
    )
    if ordered[0][0].low is not None or ordered[-1][0].high is not None:
        issues.error(
            "lamp-gap",
            where,
            "灯色区间有空档：最轻或最重的一头没有着落。",
            "最外面两档各留一头不写界限。",
        )
    for (before, _), (after, place) in pairwise(ordered):
        end, begin = before.high, after.low
        if (
            end is None
            or begin is None
            or end > begin
            or (end == begin and before.high_in and after.low_in)
        ):
            issues.error(
                "lamp-overlap",
                place,
                f"灯色区间重叠：{_edge(begin)}落在两档里。",
                "一头写含（from、to），另一头写不含（over、under）。",
            )
        elif end < begin or not (before.high_in or after.low_in):
            issues.error(
                "lamp-gap",
                place,
                f"灯色区间有空档：{_edge(end)}与{_edge(begin)}之间没有灯。",
                "把相邻两档的界限接上；办法确实没有规定的一段，也写一档说明。",
            )


def _edge(value: Decimal | None) -> str:
    return "一端" if value is None else format(value, "f")
