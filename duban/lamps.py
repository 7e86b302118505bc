"""Lamps as data: which colour an obligation shows. Names, colours and meanings differ by county.

The shipped policy is by nearness and overdue, as ``config/lamps.yaml`` says. A lamp is never kept in
a column; it is asked with ``now``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from duban.errors import Issues
from duban.yamltext import Row, read_rows

COLOURS = ("red", "orange", "yellow", "green", "blue", "grey")
SHAPES = {"red": "■", "orange": "◆", "yellow": "▲", "green": "●", "blue": "✔", "grey": "○"}


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
class Threshold:
    """A lamp shown from so many working days left downwards (negative: overdue)."""

    lamp: Lamp
    at_most_days_left: int | None  # None: no bound, the last step


@dataclass(frozen=True, slots=True)
class LampPolicy:
    """Thresholds from the most to the least urgent, and the lamps of what is done or not begun."""

    steps: tuple[Threshold, ...]
    done: Lamp
    idle: Lamp

    def show(self, working_days_left: int | None, *, done: bool) -> Lamp:
        """The lamp of an obligation; ``working_days_left`` None: 未起算 or without a due."""
        if done:
            return self.done
        if working_days_left is None:
            return self.idle
        for step in self.steps:
            if step.at_most_days_left is None or working_days_left <= step.at_most_days_left:
                return step.lamp
        return self.idle

    @property
    def all(self) -> tuple[Lamp, ...]:
        """Every lamp, most urgent first."""
        return (*(step.lamp for step in self.steps), self.done, self.idle)


def load_lamps(path: Path, shown_as: str, issues: Issues) -> LampPolicy | None:
    """Read ``config/lamps.yaml``. A gap, a step out of order or an open end missing is an error."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return None
    steps = tuple(_step(entry) for entry in row.rows("steps"))
    policy = LampPolicy(
        steps, _lamp(row.row("done"), "blue", "已办结"), _lamp(row.row("idle"), "grey", "未起算")
    )
    row.close()
    _check_order(policy.steps, row, issues)
    return policy


def _step(row: Row) -> Threshold:
    limit = row.text("at_most_days_left", required=True)
    bound = None if limit == "any" else row.integer("at_most_days_left")
    step = Threshold(_colour(row), bound)
    row.close()
    return step


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


def _check_order(steps: tuple[Threshold, ...], row: Row, issues: Issues) -> None:
    bounds = [step.at_most_days_left for step in steps]
    if not bounds or bounds[-1] is not None or None in bounds[:-1]:
        issues.error(
            "lamp-gap",
            row.place_of("steps"),
            "灯色区间有空档：最后一档须写 at_most_days_left: any。",
            "从最急到最缓依次写，最后一档写 any。",
        )
        return
    known = [bound for bound in bounds if bound is not None]
    if known != sorted(set(known)):
        issues.error(
            "lamp-order",
            row.place_of("steps"),
            "灯色各档没有从急到缓排列，或有重复。",
            "按剩余工作日从小到大排列。",
        )
