"""The weeks, months and quarters that digests and bulletins are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

KINDS = ("week", "month", "quarter")


@dataclass(frozen=True, slots=True)
class Words:
    """How a period is called beside the two before it."""

    columns: tuple[str, str, str]
    table: str
    title: str

    @property
    def this(self) -> str:
        """本周, 本月, 本季度."""
        return self.columns[0]

    @property
    def last(self) -> str:
        """上周, 上月, 上季度."""
        return self.columns[1]


WORDS = {
    "week": Words(("本周", "上周", "前一周"), "本周与前两周", "重点任务督查周报"),
    "month": Words(("本月", "上月", "前一月"), "本月与前两月", "督查通报"),
    "quarter": Words(("本季度", "上季度", "前一季度"), "本季度与前两季度", "督查通报（季度）"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """A week (Monday to Sunday, ISO), a calendar month or a calendar quarter; both days belong to it."""

    kind: str
    from_on: date
    to_on: date

    @property
    def id(self) -> str:
        """2026-W47, 2026-11 or 2026-Q4."""
        if self.kind == "week":
            year, number, _ = self.from_on.isocalendar()
            return f"{year}-W{number:02d}"
        if self.kind == "month":
            return f"{self.from_on:%Y-%m}"
        return f"{self.from_on.year}-Q{(self.from_on.month + 2) // 3}"

    @property
    def name(self) -> str:
        """第47周, 11月 or 第四季度, with the year."""
        if self.kind == "week":
            year, number, _ = self.from_on.isocalendar()
            return f"{year}年第{number}周"
        if self.kind == "month":
            return f"{self.from_on.year}年{self.from_on.month}月"
        return f"{self.from_on.year}年第{'一二三四'[(self.from_on.month - 1) // 3]}季度"

    @property
    def previous(self) -> Period:
        """The one before."""
        return period_of(self.kind, self.from_on - timedelta(days=1))

    @property
    def three(self) -> tuple[Period, Period, Period]:
        """This one and the two before, newest first."""
        return self, self.previous, self.previous.previous


def period_of(kind: str, day: date) -> Period:
    """The period of a kind that a day lies in."""
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(kind, monday, monday + timedelta(days=6))
    months = {"month": 1, "quarter": 3}[kind]
    first = day.replace(month=(day.month - 1) // months * months + 1, day=1)
    following = (first + timedelta(days=31 * months)).replace(day=1)
    return Period(kind, first, following - timedelta(days=1))


def ended(kind: str, since: date, until: date, most: int) -> list[Period]:
    """Periods whose last day lies in [since, until), oldest first, at most the newest ``most``."""
    found: list[Period] = []
    period = period_of(kind, until).previous
    while period.to_on >= since and len(found) < most:
        found.append(period)
        period = period.previous
    return found[::-1]
