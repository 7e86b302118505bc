"""The words in which a schema is declared: keys, their kinds, and tables of keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a value is; the reader's question of the same name decides how it is read."""

    TEXT = "text"
    TEXTS = "texts"  # a list of texts; one text alone counts as a list of one
    CHOICE = "choice"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLAG = "flag"  # 是 or 否
    DAY = "day"
    CLOCK = "clock"
    ROW = "row"  # a table under the key
    ROWS = "rows"  # a list of tables
    BOUND = "bound"  # a whole number or ``any``
    POINTS = "points"  # points, at most three decimals
    LIMIT = "limit"  # points or 无
    AMOUNT = "amount"  # a number or a share in percent
    SHARE = "share"  # points or a share of the full points in percent


@dataclass(frozen=True, slots=True)
class Key:
    """A key: what it means, how it is written, an example.

    ``words``: the allowed words of a choice with their meaning; ``of``: the table under a row; ``least``: the
    smallest number taken; ``required``: leaving it out is an error wherever the table is used.
    """

    name: str
    kind: Kind
    told: str
    how: str = ""
    example: str | Sequence[str] = ""
    required: bool = False
    words: tuple[tuple[str, str], ...] = ()
    of: str = ""
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The keys that may stand together. ``free``: further keys are the author's own: years, or names."""

    id: str
    title: str
    keys: tuple[Key, ...]
    free: Free | None = None


@dataclass(frozen=True, slots=True)
class Free:
    """Keys that the author names: a pattern for the key, what stands behind it, an example."""

    pattern: str
    kind: Kind
    told: str
    example: tuple[str, str]


COUNT_WORDS = (("working_days", "工作日（默认）"), ("days", "日历日"))
POST_WORDS = (
    ("liaison", "联络员"),
    ("section", "科室负责人"),
    ("deputy", "分管负责人"),
    ("head", "主要负责人"),
    ("county", "分管市领导"),
)
