"""The grammar of deadline phrases. Pure.

One rule stands above coverage: a phrase is consumed whole, or not read at all. What has two readings
gets a value, the alternative and outcome ``ask``; what is not wholly understood is NOT_A_DATE with a
note that tells the way out. See ``tests/data/deadline_phrases.yaml`` for what is understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from duban.errors import Level
from duban.matrix.events import PILOT, read_condition, read_event
from duban.matrix.model import Every
from duban.matrix.moments import Range, Unreadable, Years, read_range, read_span
from duban.matrix.numerals import tidy
from duban.matrix.occurrences import Occurrence, Recurrence, occurrences
from duban.matrix.points import asked, read_point, year_note
from duban.matrix.readings import (
    Due,
    Kind,
    Offset,
    Part,
    Reading,
    event_name,
    from_anchor,
    settle,
)
from duban.matrix.recurrences import read_recurrence
from duban.matrix.wording import (
    ACTION,
    OPEN,
    VAGUE,
    looks_like_unit,
    split_action,
    split_holiday,
    without_lead,
)

__all__ = [
    "Due",
    "Kind",
    "Occurrence",
    "Offset",
    "Part",
    "Reading",
    "Recurrence",
    "event_name",
    "from_anchor",
    "occurrences",
    "read",
    "settle",
]

LONGEST = 120
_BLANKS = frozenset({"", "-", "/", "无", "\\", "~"})
_WAY_OUT = "请写成“2026年6月30日前”“2026年6月底前”“每季度最后一个月25日前”“自批复之日起2个月内”一类的写法。"


def read(phrase: str, *, year: int | None = None) -> Reading:
    """Read a whole deadline phrase, or abstain; never raises.

    ``year`` is the plan's, for phrases that name none (3-4月, 年底前, 次年1月20日前).
    """
    text = tidy(phrase)
    if text in _BLANKS:
        note = "没有写完成时限。请补上时限；长期任务请写“长期坚持”。"
        return _refused(phrase, note, Kind.BLANK)
    if len(text) > LONGEST:
        return _refused(phrase, f"时限写得太长，读不准。{_WAY_OUT}")
    try:
        return _read(text, Years(year), phrase)
    except Unreadable as refusal:
        return _refused(phrase, str(refusal))


def _refused(phrase: str, note: str, kind: Kind = Kind.NOT_A_DATE) -> Reading:
    return Reading(phrase, kind, level=Level.ERROR, note=note, outcome="refused")


def _read(text: str, years: Years, phrase: str) -> Reading:
    rest, shift = split_holiday(text)
    body = without_lead(rest)
    for form in _FORMS:
        found = form(body, years)
        if found is not None:
            return replace(_moved(found, shift), phrase=phrase)
    return _refused(phrase, _reason(text))


def _reason(text: str) -> str:
    if VAGUE.fullmatch(text):
        return f"“{text}”没有写明到哪一天。{_WAY_OUT}"
    if re.match(r"[0-9]{1,2}[日号]", text):
        return f"没有写月份。{_WAY_OUT}每月都要报的，写成“每月25日前”。"
    if re.search(r"[0-9]\.[0-9]", text):
        return "用点分隔的日期读不准（6.3 可能是 6.30）。请写成“6月30日前”或“2026年6月”。"
    if re.search(r"小时|分钟", text):
        return "按小时计的时限不支持。请写成几日内或几个工作日内。"
    if re.search(r"左右|前后|大约|大概|上下", text):
        return f"“左右”“前后”没有写明到哪一天。{_WAY_OUT}"
    if looks_like_unit(text):
        return "像是单位名称，不是时限，可能填错了列。请把单位移到责任单位一列，补上时限。"
    return f"读不懂这个时限，没有按猜测处理。{_WAY_OUT}"


def _moved(reading: Reading, shift: str) -> Reading:
    """Apply 遇节假日顺延 or 提前. Raises Unreadable when there is no day to move."""
    if shift == "none":
        return reading
    rec = replace(reading.recurrence, shift=shift) if reading.recurrence else None
    if rec is None and reading.due is None and reading.offset is None:
        raise Unreadable("写了遇节假日顺延或提前，但没有可以移动的日期。请写明日期。")
    if rec is not None and rec.weekday is None and rec.every is Every.WEEK:
        raise Unreadable("每周没有写星期几，不能再顺延或提前。请写明星期几。")
    return replace(reading, recurrence=rec, shift=shift)


# --- ranges ---------------------------------------------------------------------------------------


def _range(body: str, years: Years) -> Reading | None:
    for text in dict.fromkeys((body, split_action(body)[0])):
        bare = re.sub(r"(?:之前|以前|前)$", "", text)
        found = read_range(bare, years)
        if found is not None:
            if bare != text and not found.end.exact:
                message = (
                    "区间终点写“某月前”，含不含该月有两种读法。请写成“某月底前”或“某月某日前”。"
                )
                raise Unreadable(message)
            return _of_range(found)
    return None


def _of_range(found: Range) -> Reading:
    start = found.start.first if found.start else None
    named = found.start if found.start and not found.end.assumed else found.end
    note = year_note(replace(named, last=found.end.last))
    if found.anchor:
        note += f"从“{found.anchor}”开始，到所写的日期为止。"
    return Reading("", Kind.RANGE, start=start, due=found.end.last, time=found.end.at, note=note)


def _whole_year(body: str, years: Years) -> Reading | None:
    """全年, 2026年全年, 贯穿全年: a range, for the year ends it."""
    match = re.fullmatch(r"(?:贯穿|覆盖)?(?P<year>.*全年度?)", split_action(body)[0])
    span = read_span(match["year"], years) if match else None
    if span is None:
        return None
    note = year_note(span, "“全年”按有起止的区间读，年末到期；没有期限的请写“长期坚持”。")
    return Reading("", Kind.RANGE, start=span.first, due=span.last, note=note)


# --- without an end, or with one and something after ----------------------------------------------

_OPEN = re.compile(rf"(?:需|应|要)?{OPEN}")
_STANDING = re.compile(
    rf"(?:并且?|且|之后|此后|其后|以后|随后|后续|后|完成后)*(?:转入|进入|纳入|实行|保持|继续)*{OPEN}"
)


def _open(body: str, years: Years) -> Reading | None:
    del years
    pilot = PILOT.match(body)
    rest = body[pilot.end() :] if pilot else body
    if not _OPEN.fullmatch(rest):
        return None
    note = f"“{pilot['name']}期内”的长期工作，按没有时限读。" if pilot else ""
    return Reading("", Kind.OPEN, note=note + "长期任务，不会逾期，按期报送进展。")


def _recurring(body: str, years: Years) -> Reading | None:
    del years
    said = read_recurrence(body)
    if said is None:
        return None
    return Reading("", Kind.RECURRING, recurrence=said[0], note=said[1])


def _bounded_open(body: str, years: Years) -> Reading | None:
    """2024年持续推进, 2024-2026年，长期坚持: open words with an end are a range."""
    match = re.fullmatch(rf"(?P<when>.+?),?{OPEN}", body)
    if not match or match["when"].endswith(("并", "且", "后")):
        return None
    when = _when(match["when"], years)
    if when is not None and when.kind is Kind.AFTER:
        return when
    if when is None or when.kind not in {Kind.RANGE, Kind.YEAR}:
        return None
    note = when.note + "写了持续推进，也写了起止，按区间读，到末日为止。"
    return replace(when, kind=Kind.RANGE, note=note)


def _when(body: str, years: Years) -> Reading | None:
    """A date or a stretch of days, with its own end."""
    for form in (read_point, _range, _whole_year):
        found = form(body, years)
        if found is not None:
            return found
    return None


_CUT = re.compile(r"[,;]")


def _two_clauses(body: str, years: Years) -> Reading | None:
    """Two clauses that belong together: 每月推进，X前完成; X前完成，之后常态化; X前完成并长期坚持."""
    for first, second in _clauses(body):
        for join in (_then_standing, _then_recurring, _recurring_until, _open_until):
            found = join(first, second, years)
            if found is not None:
                return found
    return None


def _clauses(body: str) -> list[tuple[str, str]]:
    cuts = [(body[: m.start()], body[m.end() :]) for m in _CUT.finditer(body)]
    joined = re.fullmatch(rf"(?P<first>.+?{ACTION})(?P<second>(?:并且?|且|后){{1,2}}{OPEN})", body)
    if joined:
        cuts.append((joined["first"], joined["second"]))
    each = body.find("每", 1)
    if each > 0 and "每" not in body[:each] and not split_action(body[:each])[1]:
        cuts.append((body[:each].rstrip(",;"), body[each:]))
    return [(without_lead(first), second) for first, second in cuts if first and second]


def _then_standing(first: str, second: str, years: Years) -> Reading | None:
    if not _STANDING.fullmatch(second):
        return None
    recurring = _recurring(first, years)
    if recurring is not None:
        return recurring
    when = _when(first, years)
    if when is None or when.due is None:
        return None
    parts = (Part(first, "", when.due), Part(second, "", None))
    note = f"{when.note}到期应完成，此后长期有效。"
    compound = replace(when, kind=Kind.COMPOUND, parts=parts, note=note)
    finished = first != split_action(first)[0] or first.endswith(("前", "底", "末"))
    if when.outcome == "ask" or finished:
        return compound
    return asked(
        compound,
        f"没有写到期要完成什么，暂按 {when.due} 到期、此后持续读。请写“X前完成，之后持续推进”。",
    )


def _then_recurring(first: str, second: str, years: Years) -> Reading | None:
    """2024年至2026年，每年12月底前; X前完成，之后每季度报送."""
    later = re.match(r"(?:之后|此后|其后|以后|随后)", second)
    rec = _recurring(second[later.end() :] if later else second, years)
    if rec is None:
        return None
    if _OPEN.fullmatch(first):
        return None if later else replace(rec, note=rec.note + "长期任务，按期报送。")
    when = _when(first, years)
    if when is not None and when.kind is Kind.AFTER and when.outcome == "settled":
        return replace(rec, start=when.start)
    if when is None or when.due is None:
        return None
    if later:
        parts = (Part(first, "", when.due), Part(second, "", None))
        return replace(when, kind=Kind.COMPOUND, parts=parts, recurrence=rec.recurrence)
    return _bounded(rec, when)


_LEAST_DAYS = {
    Every.WEEK: 7,
    Every.MONTH: 28,
    Every.QUARTER: 90,
    Every.HALF: 181,
    Every.YEAR: 365,
}


def _bounded(rec: Reading, when: Reading) -> Reading | None:
    """A recurrence within a stretch of days that holds at least one of its periods."""
    if when.kind is Kind.DATE and when.outcome == "settled":
        until = replace(when, kind=Kind.RECURRING, recurrence=rec.recurrence, until=when.due)
        doubt = f"没有写是 {when.due} 完成以前按期报送，还是完成以后，暂按完成以前读。请写“每季度报送，X前完成”或“X前完成，之后每季度报送”。"
        return asked(until, doubt)
    if when.outcome != "settled" or when.start is None or when.due is None or not rec.recurrence:
        return None
    days = (when.due - when.start).days + 1
    if days < _LEAST_DAYS[rec.recurrence.every]:
        return None
    return replace(rec, start=when.start, until=when.due, note=when.note + rec.note)


def _recurring_until(first: str, second: str, years: Years) -> Reading | None:
    """每月推进，2020年12月底前完成."""
    rec = _recurring(first, years)
    when = read_point(without_lead(second), years) if rec is not None else None
    if rec is None or when is None or when.due is None:
        return None
    note = f"{when.note}每期报送，到 {when.due} 完成。"
    return replace(when, kind=Kind.RECURRING, recurrence=rec.recurrence, until=when.due, note=note)


def _open_until(first: str, second: str, years: Years) -> Reading | None:
    """持续推进，2026年12月底前完成."""
    when = read_point(without_lead(second), years) if _OPEN.fullmatch(first) else None
    if when is None or when.due is None:
        return None
    parts = (Part(first, "", None), Part(second, "", when.due))
    return replace(when, kind=Kind.COMPOUND, parts=parts)


# --- several parts --------------------------------------------------------------------------------

_QUANTITY = (
    r"(?:累计|新增|再|达到|达|不少于|至少|不低于|实现|培育|建成|完成|整改|办结|率)*"
    r"(?P<quantity>[0-9]+(?:\.[0-9]+)?(?:%|家|件|个|项|户|次|人|名|亩|批|场|所|处|座|份|篇|条|"
    r"公里|万元|亿元)(?:以上)?)"
)
_PART = re.compile(rf"(?P<when>.+?)(?:{_QUANTITY}|(?P<action>{ACTION}))")


def _split(body: str, years: Years) -> Reading | None:
    pieces = re.split(r"[,;、]", body)
    if len(pieces) < 2:
        return None
    found: list[tuple[Part, Reading]] = []
    known = years
    for piece in pieces:
        part = _part(without_lead(piece), known)
        if part is None:
            return None
        found.append(part)
        known = Years(years.plan, _named_year(piece) or known.named)
    return _of_parts(found)


def _named_year(piece: str) -> int | None:
    match = re.match(r"[^0-9]*([0-9]{4})(?:年|[-/.])", piece)
    return int(match[1]) if match else None


def _part(piece: str, years: Years) -> tuple[Part, Reading] | None:
    match = _PART.fullmatch(piece)
    when = read_point(match["when"], years) if match else None
    if match is None or when is None or when.due is None:
        return None
    return Part(piece, match["quantity"] or match["action"], when.due), when


def _of_parts(found: list[tuple[Part, Reading]]) -> Reading:
    parts = tuple(part for part, _ in found)
    dues = [part.due for part in parts if part.due]
    if dues != sorted(set(dues)):
        message = "分段时限的先后不对：后一段的日期应晚于前一段。请核对，并写全年份。"
        raise Unreadable(message)
    last = found[-1][1]
    doubts = [when for _, when in found if when.outcome == "ask"]
    reading = Reading(
        "", Kind.SPLIT, due=last.due, time=last.time, parts=parts, note=found[0][1].note
    )
    if doubts:
        alternatives = tuple(day for when in doubts for day in when.alternatives)
        return asked(reading, doubts[0].note, *alternatives)
    return reading


# --- from an event --------------------------------------------------------------------------------


def _vague(body: str, years: Years) -> Reading | None:
    del years
    return _refused("", _reason(body)) if VAGUE.fullmatch(body) else None


def _from_event(body: str, years: Years) -> Reading | None:
    del years
    return read_event(body)


def _condition(body: str, years: Years) -> Reading | None:
    del years
    return read_condition(body)


# The forms that take free text (an event's name, a condition) come last.
_FORMS: tuple[Callable[[str, Years], Reading | None], ...] = (
    _vague,
    _open,
    _whole_year,
    _recurring,
    read_point,
    _range,
    _bounded_open,
    _two_clauses,
    _split,
    _from_event,
    _condition,
)
