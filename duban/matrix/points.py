"""Readings of one date: 2026年6月底前, 年内, 6月上旬, 2026年3月起, 2022年10月前. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

from duban.errors import Level
from duban.matrix.moments import Span, Years, read_span
from duban.matrix.readings import Kind, Reading
from duban.matrix.wording import split_action


def asked(reading: Reading, note: str, *alternatives: date) -> Reading:
    """The reading with a value that a person must confirm, and the other values it could have."""
    return replace(
        reading, level=Level.WARNING, outcome="ask", note=note, alternatives=alternatives
    )


_BY = frozenset({"前", "之前", "以前"})
_FROM = frozenset({"起", "开始", "以来"})
_LATER = frozenset({"后", "之后", "以后"})
_WITH_TAIL = re.compile(
    r"(?P<core>.+?)(?P<tail>之前|以前|前|之内|以内|内|为止|止|起|开始|以来|之后|以后|后)"
    r"(?P<own_day>[,(]?(?P<excluded>不)?含(?:当日|本日|当天)?\)?)?"
)
_GRAIN_KIND = {"day": Kind.DATE, "month": Kind.MONTH, "year": Kind.YEAR}


def read_point(body: str, years: Years) -> Reading | None:
    """A day, month, quarter or year with 前, 底前, 内, 起 or 后, and perhaps an action after it."""
    for text in dict.fromkeys((body, split_action(body)[0])):
        span = read_span(text, years)
        if span is not None:
            return _within(span)
        match = _WITH_TAIL.fullmatch(text)
        span = read_span(match["core"], years) if match else None
        if match and span is None and match["tail"] in _FROM:
            span = read_span(re.sub(r"^[自从]", "", match["core"]), years)
        if match and span is not None:
            return _with_tail(span, match)
    return None


def _with_tail(span: Span, match: re.Match[str]) -> Reading | None:
    tail = match["tail"]
    if match["own_day"]:
        return _own_day(span, excluded=bool(match["excluded"])) if tail in _BY else None
    if span.grain == "vague":
        return _within(span) if tail not in _FROM | _LATER else None
    if tail in _BY:
        return _within(span) if span.exact else _before(span)
    if tail in _FROM:
        if span.exact and span.grain != "day":
            return None  # 年底起 does not tell the day
        note = year_note(span, "只写了开始时间，没有写何时完成，不会逾期。")
        return Reading("", Kind.AFTER, start=span.first, note=note)
    return _later(span) if tail in _LATER else _within(span)


def _within(span: Span) -> Reading:
    """The span's last day is the deadline."""
    kind = Kind.DATE if span.exact else _GRAIN_KIND.get(span.grain, Kind.RANGE)
    start = None if kind is Kind.DATE else span.first
    reading = Reading("", kind, start=start, due=span.last, time=span.at, note=year_note(span))
    if span.grain == "vague" and span.other is not None:
        note = f"“初”“中”没有写明到哪一天，暂按 {span.last} 计，也可能是 {span.other}。请写明日期。"
        return asked(replace(reading, kind=Kind.BEFORE, start=None), note, span.other)
    if span.closing:
        return asked(reading, "“下班前”没有写几点，暂按当日 24 时计。请写明钟点，如 17:00。")
    return reading


def _before(span: Span) -> Reading:
    """2022年10月前: the end of September to some, of October to others. A person settles it."""
    due = span.first - timedelta(1)
    note = (
        f"“前”含不含所写的这一段有两种读法：暂按 {due} 计，也可能是 {span.last}。"
        f"请改写成“{_exactly(due)}”或“{_exactly(span.last)}”。"
    )
    return asked(Reading("", Kind.BEFORE, due=due), note, span.last)


def _exactly(day: date) -> str:
    is_end = (day + timedelta(1)).day == 1
    return f"{day.year}年{day.month}月{'底' if is_end else f'{day.day}日'}前"


def _own_day(span: Span, *, excluded: bool) -> Reading | None:
    if not span.exact or span.at or span.closing:
        return None
    if not excluded:
        return _within(span)
    due = span.last - timedelta(1)
    return Reading("", Kind.BEFORE, due=due, note=year_note(span, "写明不含当日。"))


def _later(span: Span) -> Reading:
    start = span.last + timedelta(1)
    note = "只写了开始时间，没有写何时完成，不会逾期。"
    reading = Reading("", Kind.AFTER, start=start, inclusive=False, note=year_note(span, note))
    if span.exact:
        return reading
    doubt = f"“后”含不含所写的这一段有两种读法：暂从 {start} 开始，也可能是 {span.first}。{note}请写明从几日起、到几日完成。"
    return asked(reading, doubt, span.first)


def year_note(span: Span, note: str = "") -> str:
    """Say so when the year came from the plan and not from the phrase."""
    assumed = f"没有写明年份，按方案年度推算为 {span.last.year} 年。" if span.assumed else ""
    return assumed + note
