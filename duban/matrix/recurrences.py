"""The grammar of recurring deadlines: 每月28日前, 每季度最后一个月25日前, 次月5日前, 每年12月份. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from duban.matrix.model import Every
from duban.matrix.moments import TIME, Unreadable, Years, clock_of, read_span
from duban.matrix.occurrences import MONTHS_IN, Recurrence
from duban.matrix.wording import split_action

_LEAP_YEAR = 2024  # so that 每年2月29日 can be read; in other years its last day stands for it
_BY = r"(?P<by>之前|以前|前|之内|以内|内|止)?"
_DAY = (
    rf"(?:(?:(?P<day>[0-9]{{1,2}})[日号]|(?P<end>月?[底末]|最后1[天日])){TIME}?"
    r"|(?P<ten>[上中下])旬(?P<ten_end>[底末])?)"
)
_EVERY = {"月": Every.MONTH, "季": Every.QUARTER, "半年": Every.HALF, "年": Every.YEAR}
_PERIOD = r"(?P<period>月|季|半年|年)度?"
_ONCE = re.compile(r"(?:至少|不少于)?1次(?:以上)?$")
_TEN_DAYS = {"上": 10, "中": 20, "下": None}
_MONTH_BY_NAME = {
    "首月": 1,
    "第1个月": 1,
    "第1月": 1,
    "第2个月": 2,
    "第3个月": 3,
    "末月": None,
    "最后1个月": None,
    "最后1月": None,
}

Said = tuple[Recurrence, str]


def read_recurrence(text: str) -> Said | None:
    """The recurrence a whole tidied phrase says, with a note; None when it says none.

    Raises Unreadable for what recurs in a way that cannot be kept (每两周, 每月第3个工作日).
    """
    for candidate in _candidates(text):
        for pattern, build in _FORMS:
            match = pattern.fullmatch(candidate)
            if match:
                said = build(match)
                if said is not None:
                    return said
    _refuse_known_but_unsupported(text)
    return None


def _candidates(text: str) -> list[str]:
    once = _ONCE.sub("", text)
    core, _ = split_action(once)
    return list(dict.fromkeys((text, once, core, _ONCE.sub("", core))))


def _refuse_known_but_unsupported(text: str) -> None:
    if re.match(r"每(?:日|天|个?工作日|旬|[0-9两双]|隔|双)|隔[周月]|每半[个月]", text):
        message = "周期只支持每周、每月、每季度、每半年、每年。请改写，或拆成几项任务。"
        raise Unreadable(message)
    if text.startswith("每次"):
        raise Unreadable(
            "“每次”之后的时限没有固定日期，暂不支持。请按每次写成一项节点，或写成周期。"
        )
    if re.match(r"(?:每|次|下).*工作日", text):
        message = "周期内的第几个工作日暂不支持。请写成几日前，如“每月5日前（遇节假日顺延）”。"
        raise Unreadable(message)
    if re.match(r"每(?:季度?|半年)[0-9]{1,2}[日号]", text):
        raise Unreadable("没有写是第几个月。请写成“每季度最后一个月25日前”一类。")
    if re.match(r"每年.*[0-9]{1,2}月(?:之|以)?前", text):
        raise Unreadable("“某月前”含不含该月有两种读法。请写成“每年11月底前”或“每年10月底前”。")


def _every_week(match: re.Match[str]) -> Said:
    del match
    return (
        Recurrence(Every.WEEK, shift="previous"),
        "没有写星期几，按每周最后一个工作日计。",
    )


def _weekday(match: re.Match[str]) -> Said:
    weekday = "一二三四五六日天".index(match["weekday"]) + 1
    at, closing = clock_of(match)
    return Recurrence(Every.WEEK, weekday=min(weekday, 7), time=at), _closing_note(closing)


def _every_period(match: re.Match[str]) -> Said:
    every = _EVERY[match["period"]]
    return Recurrence(every), "没有写哪一天，按每期最后一天计。"


def _last_workday(match: re.Match[str]) -> Said:
    return Recurrence(_EVERY[match["period"]], shift="previous"), ""


def _end_of_period(match: re.Match[str]) -> Said:
    return Recurrence(_EVERY[match["period"]]), ""


def _day_of_month(match: re.Match[str]) -> Said | None:
    said = _with_day(match, Recurrence(Every.MONTH))
    if said is None or not match.groupdict().get("next"):
        return said
    return replace(said[0], in_next_period=True), said[1]


def _day_of_named_month(match: re.Match[str]) -> Said | None:
    every = _EVERY[match["period"]]
    month = _MONTH_BY_NAME[match["name"]] or MONTHS_IN[every]
    return _with_day(match, Recurrence(every, month=month))


def _day_of_next(match: re.Match[str]) -> Said | None:
    """每季度次月10日前, 下季度首月10日前: due in the first month of the next period."""
    every = _EVERY[match["period"]]
    return _with_day(match, Recurrence(every, month=1, in_next_period=True))


def _with_day(match: re.Match[str], rec: Recurrence) -> Said | None:
    """Add the day of the month; a bare month with 前 is ambiguous and left to a person."""
    if match["day"]:
        day = int(match["day"])
        if not 1 <= day <= 31:
            raise Unreadable(f"没有 {day} 日。请核对日期。")
        at, closing = clock_of(match)
        return replace(rec, day=day, time=at), _closing_note(closing)
    if match["ten"]:
        ambiguous = match["by"] in {"前", "之前", "以前"} and not match["ten_end"]
        return None if ambiguous else (replace(rec, day=_TEN_DAYS[match["ten"]]), "")
    if match["end"]:
        at, closing = clock_of(match)
        return replace(rec, time=at), _closing_note(closing)
    if match["by"]:
        raise Unreadable("“某月前”含不含该月有两种读法。请写明几日前或月底前。")
    return rec, "没有写哪一天，按该月最后一天计。"


def _days_after(match: re.Match[str]) -> Said:
    """季度后10日内: counted from the period's end, so a last day on a holiday moves on (art. 203)."""
    days, every = int(match["days"]), _EVERY[match["period"]]
    limit = 28 if every is Every.MONTH else 30
    if not 1 <= days <= limit:
        raise Unreadable(f"期后天数只支持 1—{limit} 天。请写成下一期的几月几日前。")
    rec = Recurrence(every, day=days, month=1, shift="next", in_next_period=True)
    return rec, "从每期结束的次日起算，最后一日遇节假日顺延（民法典第二百零三条）。"


def _day_of_year(match: re.Match[str]) -> Said | None:
    text = match["rest"]
    if text in {"底", "末"}:
        text = f"年{text}"
    exact_needed = match["by"] in {"前", "之前", "以前"}
    span = read_span(text, Years(plan=_LEAP_YEAR))
    if (
        span is None
        or not span.assumed
        or span.named is not None
        or span.grain in {"vague", "term"}
    ):
        return None
    if exact_needed and not span.exact:
        return None
    keeps_day = span.grain == "day" or (span.grain == "ten" and span.last.day in {10, 20})
    rec = Recurrence(
        Every.YEAR,
        day=span.last.day if keeps_day else None,
        month=span.last.month,
        time=span.at,
        in_next_period=bool(match["next"]),
    )
    return rec, _closing_note(span.closing)


def _months_of_year(match: re.Match[str]) -> Said | None:
    """每年3月、6月、9月、12月25日前 is each quarter's last month; 6月底和12月底 each half's."""
    items = re.split(r"[、,和及]", match["list"])
    found = [
        re.fullmatch(r"([0-9]{1,2})月份?([0-9]{1,2}[日号]|月?[底末])?", item) for item in items
    ]
    if not all(found):
        return None
    months = [int(item[1]) for item in found if item]
    days = {item[2] for item in found if item and item[2]}
    last = found[-1]
    if last is None or not last[2] or len(days) > 1:
        return None
    return _evenly(months, last[2])


def _evenly(months: list[int], day_text: str) -> Said | None:
    shapes = {4: (Every.QUARTER, 3), 2: (Every.HALF, 6)}
    every, step = shapes.get(len(months), (None, 0))
    if every is None or months != list(range(months[0], 13, step)) or not 1 <= months[0] <= step:
        return None
    day = int(day_text[:-1]) if day_text[0].isdigit() else None
    if day is not None and not 1 <= day <= 31:
        raise Unreadable(f"没有 {day} 日。请核对日期。")
    return Recurrence(every, month=months[0], day=day), ""


def _closing_note(closing: bool) -> str:
    return "“下班前”没有写几点，按当日 24 时计；要更早请写明钟点，如 17:00。" if closing else ""


_Build = Callable[[re.Match[str]], Said | None]
_WEEK = r"(?:周|个?星期)"
_NAMES = "|".join(_MONTH_BY_NAME)
_FORMS: tuple[tuple[re.Pattern[str], _Build], ...] = tuple(
    (re.compile(pattern), build)
    for pattern, build in (
        (rf"每{_WEEK}(?:最后1个工作日)?{_BY}|按周|逐周|周报|以周为(?:节点|单位)", _every_week),
        (rf"每{_WEEK}{_WEEK}?(?P<weekday>[一二三四五六日天]){TIME}?{_BY}", _weekday),
        (rf"(?:每个?|按|逐){_PERIOD}", _every_period),
        (rf"以{_PERIOD}为(?:节点|单位)", _every_period),
        (r"(?P<period>月|季|半年|年)度?报", _every_period),
        (rf"每个?{_PERIOD}最后1个工作日{_BY}", _last_workday),
        (rf"(?:每个?月)?的?(?P<next>次月|下个?月|翌月)的?{_DAY}{_BY}", _day_of_month),
        (rf"每个?月的?{_DAY}{_BY}", _day_of_month),
        (rf"每个?(?P<period>季|半年)度?的?(?P<name>{_NAMES})的?{_DAY}?{_BY}", _day_of_named_month),
        (rf"每个?(?P<period>季|半年)度?[底末]{_BY}", _end_of_period),
        (rf"每个?(?P<period>季|半年)度?(?:结束|终了)?后?的?次月{_DAY}{_BY}", _day_of_next),
        (rf"[次下]1?个?(?P<period>季|半年)度?的?(?:首月|第1个?月){_DAY}{_BY}", _day_of_next),
        (
            r"(?:每个?)?(?P<period>季|半年|年)度?(?:结束|终了|末)?后(?:的)?(?P<days>[0-9]{1,2})[日天][之以]?内",
            _days_after,
        ),
        (
            r"(?:每个?)?(?P<period>月)度?(?:结束|终了|末)后(?:的)?(?P<days>[0-9]{1,2})[日天][之以]?内",
            _days_after,
        ),
        (rf"每年度?的?(?P<next>次年度?|翌年|下1?年度?)?的?(?P<rest>.+?){_BY}", _day_of_year),
        (rf"每年度?的?(?P<list>.+[、,和及].+?){_BY}", _months_of_year),
    )
)
