"""Deadlines that count from an event (批复后2个月内, 会前3个工作日) and conditions (视上级部署). Pure.

An event's name is free text, so it may not hold anything that could itself be a date or a frequency.
"""

from __future__ import annotations

import re
from dataclasses import replace

from duban.errors import Level
from duban.matrix.moments import Unreadable
from duban.matrix.readings import Kind, Offset, Reading
from duban.matrix.wording import ACTION, is_event, split_action

_UNITS: dict[str, tuple[int, str]] = {
    "工作日": (1, "workdays"),
    "自然日": (1, "days"),
    "日历日": (1, "days"),
    "日": (1, "days"),
    "天": (1, "days"),
    "周": (7, "days"),
    "星期": (7, "days"),
    "个月": (1, "months"),
    "个季度": (3, "months"),
    "年": (12, "months"),
}
_MOST = {"workdays": 500, "days": 1100, "months": 120}
_LENGTH = r"(?P<n>[0-9]{1,4})(?:个?(?P<unit>工作日|自然日|日历日|星期|周)|(?P<unit2>个月|个季度|日|天|年))"
_EVENT = r"(?P<anchor>[\u4e00-\u9fff《》·]{1,24}?)"
_MARK = r"(?P<mark>(?:之日|当日|当天|之时)?(?:起算|起|之后|以后|后)?),?的?"
_END = r"(?P<tail>之内|以内|内|以外|之外|外)"

_AFTER_EVENT = re.compile(rf"(?:自|从|经|待)?{_EVENT}{_MARK}{_LENGTH}{_END}?")
_NO_EVENT = re.compile(rf"(?:限期?|限于)?{_LENGTH}(?:之内|以内|内)")
_BEFORE_EVENT = re.compile(rf"{_EVENT}(?:之前|以前|前)(?:{_LENGTH}(?P<window>之内|以内|内)?)?")
PILOT = re.compile(r"(?P<name>试点|建设|创建|实施)期(?:限)?(?:内|间)?")
_HALF_YEAR = re.compile(r"(?<![上下每个])半年(?=(?:之内|以内|内)|$)")


def read_event(body: str) -> Reading | None:
    """A deadline relative to an event. Raises Unreadable for a length that cannot be meant."""
    for text in dict.fromkeys((body, split_action(body)[0])):
        regular = _HALF_YEAR.sub("6个月", text)
        for read in (_pilot, _no_event, _after_event, _before_event):
            found = read(regular)
            if found is not None:
                return found
    return None


def _length(match: re.Match[str]) -> Offset:
    amount = int(match["n"])
    factor, unit = _UNITS[match["unit"] or match["unit2"]]
    if not 1 <= amount * factor <= _MOST[unit]:
        raise Unreadable("期限的数目不合常理（为零或太长）。请核对，或直接写日期。")
    return Offset(amount * factor, unit)


def _pilot(text: str) -> Reading | None:
    match = PILOT.fullmatch(text)
    if not match:
        return None
    event = f"{match['name']}期满"
    note = f"“{text}”按有期限读：到“{event}”当日为止。没有期限的请写“长期坚持”。"
    return Reading("", Kind.RELATIVE, anchor=event, offset=Offset(0, "days"), note=note)


def _no_event(text: str) -> Reading | None:
    match = _NO_EVENT.fullmatch(text)
    if not match:
        return None
    return Reading(
        "",
        Kind.RELATIVE,
        offset=_length(match),
        level=Level.WARNING,
        outcome="ask",
        note="没有写从何时起算。请写成“批复后…内”，或给任务写 anchor（起算点）。",
    )


def _after_event(text: str) -> Reading | None:
    match = _AFTER_EVENT.fullmatch(text)
    if not match or not is_event(match["anchor"]):
        return None
    if not match["mark"] and not match["tail"]:
        return None  # 报送30日 does not say that it counts from then
    event, offset = match["anchor"], _length(match)
    if (match["tail"] or "").endswith("外"):
        note = f"“{event}”后满此期限才开始（“以外”不含本数），没有写何时完成。"
        return Reading("", Kind.AFTER, anchor=event, offset=offset, inclusive=False, note=note)
    note = f"从“{event}”的次日起算（民法典第二百零一条）。"
    return Reading("", Kind.RELATIVE, anchor=event, offset=offset, note=note)


def _before_event(text: str) -> Reading | None:
    match = _BEFORE_EVENT.fullmatch(text)
    if not match or not is_event(match["anchor"]):
        return None
    event = match["anchor"]
    if match["n"] is None or match["window"]:
        return _until_event(event)
    length = _length(match)
    note = f"从“{event}”的前一日往前数；落在节假日的提前到前一个工作日。"
    back = Offset(-length.amount, length.unit)
    return Reading("", Kind.RELATIVE, anchor=event, offset=back, note=note)


def _until_event(event: str) -> Reading:
    note = f"到“{event}”当日为止。"
    reading = Reading("", Kind.RELATIVE, anchor=event, offset=Offset(0, "days"), note=note)
    if event.endswith(("期满", "届满", "结束", "到期")):
        return reading
    doubt = f"“{event}前”含不含当日没有写明，暂按含当日计。请写成“{event}前1日”一类，或写日期。"
    return replace(reading, level=Level.WARNING, outcome="ask", note=doubt)


# Free text of a condition: no digit, no word of the calendar.
_FREE = r"(?P<what>(?:(?![年月日旬季周每底末后外]|前(?!期)|以内|之内)[\u4e00-\u9fff、《》]){2,30}?)"
_THEN = rf"(?:,?(?:再|即|适时|及时|立即|随时|择机|尽快|按要求)?(?:{ACTION})?)"
_CONDITIONS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"视{_FREE}(?:而定|确定|情况|安排|部署|进度|进展)?{_THEN}",
        rf"(?:根据|按照?|依据|结合){_FREE}(?:要求|部署|安排|通知|情况|进度|需要){_THEN}",
        rf"(?P<what>适时|择机|视情|择期){_THEN}",
        r"(?P<what>另行通知|以通知为准|时间另定)",
        rf"(?:如|若|凡|一旦)?(?:遇有?|有|出现|发生|发现){_FREE}(?:之时|的?情况时|时|的){_THEN}",
        rf"待{_FREE}(?:之后|以后|后|时){_THEN}",
    )
)


def read_condition(body: str) -> Reading | None:
    """A deadline that hangs on a condition: no day until a person says that it came true."""
    for pattern in _CONDITIONS:
        match = pattern.fullmatch(body)
        if match:
            note = "有条件的任务，条件发生前没有时限、不会逾期。条件发生后，请把时限改为具体日期。"
            return Reading("", Kind.CONDITIONAL, anchor=match["what"], note=note)
    return None
