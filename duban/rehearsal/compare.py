"""Compares a preview with what then happened, and says why they differ, a sentence for each item. Pure.

An item is what the preview promised: a candidate (obligation, rung, round, post) in a message of a day.
A difference without a cause in the record is said to have none: that would be a fault of the software.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from duban import clock
from duban.ledger.foretold import Act
from duban.matrix.model import POST_NAMES
from duban.rehearsal.values import Item, Preview, Told, Unsaid, whole

UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that came otherwise. ``kind``: missing | extra | moved | other-reader | reworded.

    ``cause``: a word for programs – an event's kind, an outcome, ``files``, ``stage``, ``unexplained``.
    """

    day: str
    unit: str
    post: str
    message: str
    kind: str
    cause: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the real ledger tells since the preview: what was said, what was not, and what people did.

    ``worked``: the days on which reminders were worked; ``idle``: working days on which they should have been
    and were not; ``files``: text files that changed since.
    """

    messages: tuple[Told, ...]
    unsaid: tuple[Unsaid, ...]
    acts: Sequence[Act]
    until: datetime
    worked: frozenset[date] = frozenset()
    idle: tuple[date, ...] = ()
    files: tuple[str, ...] = ()


_ACTS: Mapping[str, str] = {
    "obligation.planned": "新列入台账",
    "obligations.expanded": "新列入台账",
    "obligation.replanned": "方案改了文字、分工或性质",
    "obligation.moved": "时限调整",
    "obligation.cancelled": "任务取消",
    "obligation.restored": "任务恢复",
    "obligation.acknowledged": "签收",
    "obligation.reported": "报送",
    "obligation.returned": "被退回",
    "obligation.closed": "办结",
    "obligation.reopened": "回头看",
    "obligation.accepted_part": "部分通过",
    "obligation.extended": "延期",
    "obligation.suspended": "暂缓",
    "obligation.resumed": "恢复办理",
    "obligation.adopted": "导入历史",
    "submission.received": "报送",
    "submission.reviewed": "审核",
    "obligation.adjusted": "经申请调整",
    "obligation.merged": "并入别的事项",
    "obligation.split": "拆分",
    "request.decided": "申请得到答复",
    "proposal.decided": "督办建议有了处理意见",
    "silence.set": "设了免扰",
    "silence.ended": "免扰提前结束",
    "unit.written": "单位名录有改动",
    "unit.left": "单位撤出名录",
    "task.written": "任务文字有改动",
    "task.withdrawn": "任务取消",
    "holders.seen": "在岗人有变动",
}
"""Acts that change what is said, as a sentence tells them."""

_OWN = (
    "obligation.reported",
    "obligation.closed",
    "obligation.cancelled",
    "obligation.suspended",
    "obligation.extended",
    "obligation.moved",
    "obligation.returned",
)
"""The weightiest first: of a report and its receipt the report is told."""


def compare(preview: Preview, known: Known) -> list[Difference]:
    """Every difference between what was foreseen up to ``known.until`` and what happened, in order of day."""
    foreseen = [told for told in preview.messages if datetime.fromisoformat(told.at) <= known.until]
    happened = [
        told
        for told in known.messages
        if datetime.fromisoformat(told.at) <= known.until and told.day <= preview.last_day
    ]
    return list(_Differences(preview, known, foreseen, happened).all())


class _Differences:
    """One comparison: both sides by message and by candidate, and the acts by what they touched."""

    def __init__(
        self, preview: Preview, known: Known, foreseen: list[Told], happened: list[Told]
    ) -> None:
        self._known = known
        self._then, self._now = whole(foreseen), whole(happened)
        self._was_said = _places(foreseen)
        self._is_said = _places(happened)
        self._was_unsaid = {each.item.notice: each for each in preview.unsaid}
        self._is_unsaid = {each.item.notice: each for each in known.unsaid}
        self._acts: dict[str, list[Act]] = {}
        for act in known.acts:
            if act.kind in _ACTS:
                for key in _touches(act):
                    self._acts.setdefault(key, []).append(act)

    def all(self) -> Iterator[Difference]:
        """Message by message, in order of day and id."""
        keys = sorted(self._then.keys() | self._now.keys())
        for key in keys:
            yield from self._of_message(key, self._then.get(key, []), self._now.get(key, []))

    def _of_message(
        self, key: str, then: Sequence[Told], now: Sequence[Told]
    ) -> Iterator[Difference]:
        was = {item.notice: item for told in then for item in told.items}
        has = {item.notice: item for told in now for item in told.items}
        told = (then or now)[0]
        gone = [item for notice, item in was.items() if notice not in has]
        come = [item for notice, item in has.items() if notice not in was]
        yield from (self._missing(told, item) for item in gone)
        yield from (self._extra(told, item) for item in come)
        if then and now:
            yield from self._changed(then, now, same_items=not gone and not come)
        elif not was and not has:
            yield self._whole(told, missing=bool(then))

    # ---- items ---------------------------------------------------------------------------------

    def _missing(self, told: Told, item: Item) -> Difference:
        head = f"{_day(told.day)}本应在给{_reader(told)}的消息里{_verb(item)}{item.name}，"
        later = [place for place in self._is_said.get(item.notice, ()) if place.base != told.base]
        unsaid = self._is_unsaid.get(item.notice)
        if later:
            cause, why = self._why(item, told.at, told.day, later[0].day)
            where = f"{head}改在{_day(later[0].day)}告诉{_reader(later[0])}"
            return self._difference(told, "moved", cause, f"{where}，因{why}。")
        if unsaid is not None and unsaid.outcome not in {"pending", "superseded"}:
            act = self._own_act(item, told.at)
            because = _act_words(act) if act else unsaid.item.reason
            why = f"因{because}而未发（{unsaid.outcome_name}）。"
            return self._difference(told, "missing", unsaid.outcome, head + why)
        cause, why = self._why(item, told.at, told.day)
        return self._difference(told, "missing", cause, f"{head}因{why}而未发。")

    def _extra(self, told: Told, item: Item) -> Difference:
        head = f"{_day(told.day)}给{_reader(told)}的消息里多了{item.name}（{item.reason}），"
        before = [place for place in self._was_said.get(item.notice, ()) if place.base != told.base]
        if before:
            cause, why = self._why(item, told.at, before[0].day, told.day)
            tail = f"原定{_day(before[0].day)}告诉{_reader(before[0])}，因{why}。"
            return self._difference(told, "moved", cause, head + tail)
        cause, why = self._why(item, told.at, told.day)
        unsaid = self._was_unsaid.get(item.notice)
        then = f"预演时不说（{unsaid.outcome_name}）" if unsaid else "预演时没有"
        return self._difference(told, "extra", cause, f"{head}{then}，因{why}。")

    # ---- whole messages --------------------------------------------------------------------------

    def _changed(
        self, then: Sequence[Told], now: Sequence[Told], *, same_items: bool
    ) -> Iterator[Difference]:
        was, has = then[0], now[0]
        readers = [(was.person, has.person), (was.address, has.address), (was.channel, has.channel)]
        if any(a != b for a, b in readers):
            cause, why = self._why_reader(was)
            sentence = f"{_day(was.day)}给{_reader(was)}的消息改发{_reader(has)}（{has.address or '无地址'}），因{why}。"
            yield self._difference(was, "other-reader", cause, sentence)
        elif same_items and _content(then) != _content(now):
            cause, why = self._why_text(was)
            sentence = f"{_day(was.day)}给{_reader(was)}的消息事项相同而文字不同，因{why}。"
            yield self._difference(was, "reworded", cause, sentence)

    def _whole(self, told: Told, *, missing: bool) -> Difference:
        """A message without items of its own: the copy of another one in a group."""
        cause, why = self._why_text(told)
        how = "没有发" if missing else "预演时没有"
        sentence = (
            f"{_day(told.day)}抄送{told.channel_name}的消息（{told.subject}）{how}，因{why}。"
        )
        return self._difference(told, "missing" if missing else "extra", cause, sentence)

    def _difference(self, told: Told, kind: str, cause: str, sentence: str) -> Difference:
        return Difference(told.day, told.unit, told.post, told.base, kind, cause, sentence)

    # ---- causes ----------------------------------------------------------------------------------

    def _own_act(self, item: Item, before: str) -> Act | None:
        """The weightiest act on the item itself before a moment."""
        return _weightiest(self._until(item.obligation, before))

    def _until(self, key: str, before: str) -> list[Act]:
        end = datetime.fromisoformat(before)
        return [act for act in self._acts.get(key, ()) if act.occurred_at <= end]

    def _why(self, item: Item, at: str, *days: str) -> tuple[str, str]:
        """A cause and its words: an act on the item itself, a stage that did not run, then what is near."""
        act = self._own_act(item, at)
        if act is not None:
            return act.kind, _act_words(act)
        idle = [day for day in days if date.fromisoformat(day) not in self._known.worked]
        if idle:
            return "stage", f"{_day(idle[0])}提醒流程没有运行"
        for key in (f"{item.task}/{item.unit}", f"task:{item.task}", f"unit:{item.unit}"):
            act = _weightiest(self._until(key, at))
            if act is not None:
                return act.kind, _act_words(act)
        return self._around(item.unit, at)

    def _around(self, unit: str, at: str) -> tuple[str, str]:
        """Causes further away: changed files, the unit's other items (one message a day holds them all)."""
        if self._known.files:
            return "files", _files_words(self._known.files)
        act = _weightiest(self._until(f"of:{unit}", at))
        if act is not None:
            return act.kind, f"同一单位的另一事项{_act_words(act)}，当天的消息随之变化"
        idle = [day for day in self._known.idle if day < datetime.fromisoformat(at).date()]
        if idle:
            return "stage", f"{_day(idle[0].isoformat())}提醒流程没有运行，后面的梯级随之推迟"
        return UNEXPLAINED, "台账里找不到原因（请把预演文件和台账一并交给系统管理员）"

    def _why_reader(self, told: Told) -> tuple[str, str]:
        if self._known.files:
            return "files", f"{_files_words(self._known.files)}（在岗人、地址或渠道）"
        return "address", "原地址在此期间退信，按顺序改发下一岗位"

    def _why_text(self, told: Told) -> tuple[str, str]:
        for item in told.items:
            act = self._own_act(item, told.at) or _weightiest(
                self._until(f"task:{item.task}", told.at)
            )
            if act is not None:
                return act.kind, f"{item.name}{_act_words(act)}"
        return self._around(told.unit, told.at)


def _places(messages: Iterable[Told]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for told in messages:
        for item in told.items:
            found.setdefault(item.notice, []).append(told)
    return found


def _touches(act: Act) -> Iterator[str]:
    """What an act can have changed: an item, a task's items at a unit, a unit, a task."""
    if act.obligation:
        yield act.obligation
        task, _, rest = act.obligation.partition("/")
        unit = rest.partition("/")[0]
        yield f"{task}/{unit}"
        yield f"of:{unit}"
    elif act.kind.startswith("silence."):
        unit = str(act.row.get("unit") or act.subject.removeprefix("silence:").partition("/")[0])
        yield f"unit:{unit}"
        yield f"of:{unit}"
    else:
        yield act.subject


def _weightiest(acts: Sequence[Act]) -> Act | None:
    """The act that explains most; of equals the newest."""
    order = {kind: number for number, kind in enumerate(_OWN)}
    ranked = sorted(acts, key=lambda act: (order.get(act.kind, len(order)), -act.seq))
    return ranked[0] if ranked else None


def _act_words(act: Act) -> str:
    day = clock.local(act.occurred_at)
    why = f"（{act.why[:60]}）" if act.why else ""
    word = _ACTS[act.kind]
    done = "" if word.startswith(("被", "设", "有")) else "已"
    return f"{day.month}月{day.day}日{done}{word}{why}"


def _files_words(files: Sequence[str]) -> str:
    more = f"等{len(files)}个文件" if len(files) > 3 else ""
    return f"{'、'.join(files[:3])}{more}在预演之后改过"


def _content(messages: Sequence[Told]) -> list[tuple[str, str, int, str]]:
    return [(told.subject, told.text, told.html_bytes, told.html_hash) for told in messages]


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.year}年{day.month}月{day.day}日"


def _reader(told: Told) -> str:
    post = POST_NAMES.get(told.post, told.post)
    return (
        f"{told.unit_name}{post}"
        if told.person.startswith(post)
        else f"{told.unit_name}{post}{told.person}"
    )


_VERBS = {"request": "通知报送", "urge": "催办", "supervise": "督办", "returned": "告知退回"}


def _verb(item: Item) -> str:
    return _VERBS.get(item.kind, "提醒")
