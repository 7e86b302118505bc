"""Reads days, months, quarters, halves, years and ranges of them from a tidied phrase. Pure.

Every function consumes its whole text or returns None. What is understood but cannot be right
(2月30日) raises ``Unreadable`` with the sentence for the clerk.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time

from duban.matrix.wording import is_event

FIRST_YEAR, LAST_YEAR = 2000, 2099
END_OF_DAY = time(23, 59, 59)

YEAR = r"(?:(?P<year>[0-9]{4})年度?|(?P<which>当年|同年|本年|今年|次年|翌年|明年|来年)度?)"
MONTH = r"(?P<month>[0-9]{1,2})月份?"
TIME = (
    r"(?:(?P<part>上午|下午|中午|晚上|晚间|晚|早上|凌晨)?(?P<hour>[0-9]{1,2})"
    r"(?::(?P<minute>[0-5][0-9])(?::00)?|[时点](?:整|(?P<minutes>[0-5]?[0-9])分|(?P<half>半))?)"
    r"|(?P<closing>下班))"
)
WEEKDAY = r"(?:\((?:周|星期)(?P<weekday>[一二三四五六日天])\))"
_NEXT = frozenset({"次年", "翌年", "明年", "来年"})


class Unreadable(Exception):  # noqa: N818 - not a failure of the program
    """The phrase was understood and cannot stand; the message is the note for the clerk."""


@dataclass(frozen=True, slots=True)
class Years:
    """Where a year comes from when the phrase leaves it out: a year named before, or the plan's."""

    plan: int | None
    named: int | None = None

    @property
    def base(self) -> int:
        """The year for phrases without one. Raises Unreadable when there is none."""
        found = self.plan if self.named is None else self.named
        if found is None:
            message = "没有写年份，也不知道方案年度。请写全年份，或在 plan.yaml 的 year 写明年度。"
            raise Unreadable(message)
        return found


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of days as written."""

    first: date
    last: date
    grain: str  # day | month | ten | quarter | half | year | term | vague
    exact: bool = False  # the last day was named (a day, 底, 末), so that 前 is not ambiguous
    named: int | None = None  # the year written out, for the parts that follow
    assumed: bool = False  # the year is the plan's
    at: time | None = None
    closing: bool = False  # 下班前: an hour that the phrase does not tell
    other: date | None = None  # for vague spans: the last day as others read it


@dataclass(frozen=True, slots=True)
class Range:
    """From one span to another; ``start`` None: 即日起, or from an event (``anchor``)."""

    start: Span | None
    end: Span
    anchor: str = ""


def day_in(year: int, month: int, day: int) -> date:
    """That day. Raises Unreadable with the reason when the calendar has no such day."""
    if not 1 <= month <= 12:
        raise Unreadable(f"没有 {month} 月。请核对月份。")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Unreadable(f"年份 {year} 不在 {FIRST_YEAR}—{LAST_YEAR} 之间。请核对年份。")
    if not 1 <= day <= monthrange(year, month)[1]:
        raise Unreadable(f"{year}年{month}月没有 {day} 日。请核对日期。")
    return date(year, month, day)


def month_end(year: int, month: int) -> date:
    """The last day of a month. Raises Unreadable for an impossible month or year."""
    first = day_in(year, month, 1)
    return first.replace(day=monthrange(year, month)[1])


def clock_of(match: re.Match[str]) -> tuple[time | None, bool]:
    """The time of day of a match holding ``TIME``; and whether it was 下班.

    Raises Unreadable for an hour that has no one reading (3时, 下午12时).
    """
    found = match.groupdict()
    if found.get("closing"):
        return None, True
    if not found.get("hour"):
        return None, False
    hour, part = int(found["hour"]), found["part"] or ""
    minute = 30 if found["half"] else int(found["minute"] or found["minutes"] or 0)
    bare = not part and len(found["hour"]) == 1 and 1 <= hour <= 6
    exact = None if bare else _hour_of_day(part, hour)
    if exact is None or (exact == 24 and minute):
        raise Unreadable("钟点读不准。请用 24 小时制写明，如 17:00 或 下午5时。")
    return (END_OF_DAY if exact == 24 else time(exact, minute)), False


def _hour_of_day(part: str, hour: int) -> int | None:
    allowed: dict[str, dict[int, int]] = {
        "": {h: h for h in range(25)},
        "上午": {h: h for h in range(5, 12)},
        "早上": {h: h for h in range(5, 12)},
        "凌晨": {h: h for h in range(7)},
        "中午": {11: 11, 12: 12, 1: 13},
        "下午": {h: h + 12 for h in range(1, 8)} | {h: h for h in range(13, 20)},
    }
    evening = {h: h + 12 for h in range(6, 12)} | {h: h for h in range(18, 25)}
    return allowed.get(part, evening).get(hour)


def read_span(text: str, years: Years) -> Span | None:
    """A day, month, quarter … that is the whole text, without 前 or 起."""
    for pattern, build in _FORMS:
        match = pattern.fullmatch(text)
        if match:
            return build(match, years)
    return None


def _year(match: re.Match[str], years: Years) -> tuple[int, int | None, bool]:
    """The year meant, the year to hand on, and whether it was assumed from the plan."""
    found = match.groupdict()
    if found.get("year"):
        return int(found["year"]), int(found["year"]), False
    if found.get("which"):
        year = years.base + (found["which"] in _NEXT)
        return year, year, years.named is None
    return years.base, None, years.named is None


def _span(
    match: re.Match[str], years: Years, first: tuple[int, int], last: tuple[int, int], grain: str
) -> Span:
    """Whole months of one year: ``first`` and ``last`` are (years on, month)."""
    year, named, assumed = _year(match, years)
    exact = bool(match.groupdict().get("end"))
    start = day_in(year + first[0], first[1], 1)
    return Span(start, month_end(year + last[0], last[1]), grain, exact, named, assumed)


def _day(match: re.Match[str], years: Years) -> Span:
    year, named, assumed = _year(match, years)
    day = day_in(year, int(match["month"]), int(match["day"]))
    _same_weekday(day, match.groupdict().get("weekday"))
    at, closing = clock_of(match)
    return Span(day, day, "day", exact=True, named=named, assumed=assumed, at=at, closing=closing)


def _same_weekday(day: date, said: str | None) -> None:
    """6月30日（周二）: a weekday that the day does not have shows a slip in one of the two."""
    names = "一二三四五六日"
    if said and names[day.weekday()] != said.replace("天", "日"):
        raise Unreadable(
            f"{day}是星期{names[day.weekday()]}，写的却是星期{said}。请核对日期和年份。"
        )


def _month(match: re.Match[str], years: Years) -> Span:
    month = int(match["month"])
    return _span(match, years, (0, month), (0, month), "month")


def _ten(match: re.Match[str], years: Years) -> Span:
    whole = _month(match, years)
    first = {"上": 1, "中": 11, "下": 21}[match["ten"]]
    last = whole.last.day if first == 21 else first + 9
    return replace(
        whole, first=whole.first.replace(day=first), last=whole.last.replace(day=last), grain="ten"
    )


def _vague_month(match: re.Match[str], years: Years) -> Span:
    whole = _month(match, years)
    last, other = (5, 10) if match["vague"] == "初" else (15, 20)
    return replace(
        whole,
        last=whole.last.replace(day=last),
        grain="vague",
        other=whole.last.replace(day=other),
    )


def _vague_year(match: re.Match[str], years: Years) -> Span:
    month, other = (1, 3) if match["vague"] == "初" else (6, 7)
    whole = _span(match, years, (0, 1), (0, month), "vague")
    return replace(whole, other=month_end(whole.first.year, other))


def _quarter(match: re.Match[str], years: Years) -> Span:
    quarter = int(match["quarter"] or match["q"])
    if not 1 <= quarter <= 4:
        raise Unreadable(f"没有第 {quarter} 季度。请核对。")
    return _span(match, years, (0, quarter * 3 - 2), (0, quarter * 3), "quarter")


def _half(match: re.Match[str], years: Years) -> Span:
    first = 1 if match["which_half"] == "上" else 7
    return _span(match, years, (0, first), (0, first + 5), "half")


def _whole_year(match: re.Match[str], years: Years) -> Span:
    return _span(match, years, (0, 1), (0, 12), "year")


def _five_years(match: re.Match[str], years: Years) -> Span:
    del years
    first = 2001 + 5 * "十一二三四五六七八".index(
        match["five"]
    )  # 十五: 2001–2005, 十四五: 2021–2025
    return Span(date(first, 1, 1), date(first + 4, 12, 31), "term", exact=bool(match["end"]))


_Builder = Callable[[re.Match[str], Years], Span]
_FORMS: tuple[tuple[re.Pattern[str], _Builder], ...] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (rf"{YEAR}?{MONTH}(?P<day>[0-9]{{1,2}})[日号]{WEEKDAY}?{TIME}?", _day),
        (
            r"(?P<year>[0-9]{4})(?P<sep>[-/.])(?P<month>[0-9]{1,2})(?P=sep)(?P<day>[0-9]{1,2})日?"
            r"(?: 00:00(?::00)?)?",
            _day,
        ),
        (rf"{YEAR}?{MONTH}(?P<end>月?[底末])?", _month),
        # 2026.1 may be a spreadsheet's 2026.10: only two digits after a point are a month
        (
            r"(?P<year>[0-9]{4})(?:[-/](?=[0-9]{1,2}$)|\.(?=[01][0-9]$))(?P<month>[0-9]{1,2})",
            _month,
        ),
        (rf"{YEAR}?{MONTH}(?P<ten>[上中下])旬(?P<end>[底末])?", _ten),
        (rf"{YEAR}?{MONTH}(?P<vague>[初中])", _vague_month),
        (rf"(?:{YEAR}年?|年)(?P<vague>[初中])", _vague_year),
        (rf"{YEAR}?(?:第?(?P<quarter>[0-9])季度?|[Qq](?P<q>[0-9]))(?P<end>[底末])?", _quarter),
        (rf"{YEAR}?(?P<which_half>[上下])半年(?P<end>[底末])?", _half),
        (rf"{YEAR}(?:全年|(?P<end>年?[底末]|年终))?|年内|全年度?", _whole_year),
        (r"年(?P<end>[底末终])", _whole_year),
        (r"十(?P<five>[一二三四五六七八])五(?:期间|时期|(?P<end>期?末))", _five_years),
    )
)

_SEPARATOR = re.compile(r"[-~至到]")
_FROM_NOW = frozenset({"即日", "现在", "目前", "当前"})
_FROM_EVENT = re.compile(r"(?P<anchor>[\u4e00-\u9fff]{1,16}?)(?:之日起?|起)")
_UNIT_OF_GRAIN = {"year": "年", "month": "月", "day": "日", "quarter": "季度"}


def read_range(text: str, years: Years) -> Range | None:
    """A range such as 2022年7月至2025年6月, 3-4月, 11月至次年2月, 即日起至年底."""
    if len(re.findall("|".join(sorted(_NEXT)), text)) > 1:
        return None  # 次年至次年: the second may mean the same year or the one after
    body = re.sub(r"^[自从由]", "", text)
    body = re.sub(r"(?:为止|止|期间|之间|以内|之内|内)$", "", body)
    found: set[Range] = set()
    problem: Unreadable | None = None
    for cut in _SEPARATOR.finditer(body):
        try:
            found.update(_range_at(body[: cut.start()], body[cut.end() :], years))
        except Unreadable as refusal:
            problem = refusal
    if len(found) == 1:
        return found.pop()
    if problem is not None and not found:
        raise problem
    return None


def _range_at(left: str, right: str, years: Years) -> Iterator[Range]:
    opened = left.removesuffix("起")
    if opened in _FROM_NOW:
        yield from _ending(None, right, years)
        return
    event = _FROM_EVENT.fullmatch(left)
    if event and is_event(event["anchor"]) and not read_span(opened, years):
        yield from _ending(None, right, years, event["anchor"])
        return
    for unit in ("", *_UNIT_OF_GRAIN.values()):
        start = read_span(opened + unit, years)
        if start is not None:
            yield from _ending(start, right, years, unit=unit)


def _ending(
    start: Span | None, right: str, years: Years, anchor: str = "", unit: str = ""
) -> Iterator[Range]:
    known = years if start is None else Years(years.plan, start.named or years.named)
    candidates = [right]
    if re.fullmatch(r"[0-9]{4}", right):
        candidates.append(f"{right}年")
    if start is not None and start.grain == "day" and re.match(r"[0-9]{1,2}[日号]", right):
        candidates.append(f"{start.first.month}月{right}")
    for candidate in candidates:
        end = read_span(candidate, known)
        if end is None or (unit and _UNIT_OF_GRAIN.get(end.grain) != unit):
            continue
        if start is not None and start.grain == "year" and end.named is None:
            continue  # 2026年-6月 is rather a slip of the pen than half a year
        if end.grain == "vague":
            raise Unreadable("区间的终点只写了“初”或“中”，读不准。请写明到哪一天。")
        if start is not None and start.first > end.last:
            raise Unreadable(
                "区间的起点晚于终点。如果跨年，请在终点写“次年”或年份，如 11月至次年2月。"
            )
        yield Range(start, end, anchor)
