"""What a unit may ask of the office, and within which bounds. Pure: values in, a refusal or nothing out.

Six kinds: extension 延期, suspension 暂缓, adjustment 调整, withdrawal 取消, merge 合并, split 拆分. Each is
asked before the due only – a request that comes late counts as overdue – with a reason and how far the
work is; the office decides; the original due is never lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, TypeAlias

from duban.errors import NOWHERE, InputError
from duban.ledger.queries import Row
from duban.settings import Settings

KIND_NAMES: Mapping[str, str] = {
    "extension": "延期",
    "suspension": "暂缓",
    "adjustment": "调整",
    "withdrawal": "取消",
    "merge": "合并",
    "split": "拆分",
}
STATE_NAMES: Mapping[str, str] = {
    "waiting": "待答复",
    "granted": "已同意",
    "refused": "未同意",
    "withdrawn": "已撤回",
}
NEEDS_DOCUMENT = frozenset({"adjustment", "withdrawal"})
"""What changes a task of an issued plan is granted only with the number of the paper that says so."""
TASKS_ONLY = frozenset({"merge", "split", "suspension"})
"""Kinds for what is to be finished: a periodic report is neither split nor put off, it is reported."""
LONGEST_EXTENSION_DAYS = 62
"""Days that one extension may add (default): two months, so that no item leaves its year by itself."""
LONGEST_SUSPENSION_DAYS = 183
MOST_PARTS = 10
ASKS_OF_A_KIND = 3
"""So often may a unit ask the same of one item, refusals included: then it talks to the office."""
REASON_CHARS, PROGRESS_CHARS, TITLE_CHARS, NAME_CHARS, DOC_CHARS = 500, 500, 200, 120, 80

Values: TypeAlias = Mapping[str, Any] | Row


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the office allows. ``extensions``: how often one item may be put off.

    ``needs_office``: whether an extension waits for the office; else it holds as soon as it is asked.
    """

    extensions: int = 1
    needs_office: bool = True
    suspensions: int = 1

    @classmethod
    def of(cls, settings: Settings) -> Bounds:
        """What ``config/duban.yaml`` says."""
        return cls(settings.extensions_at_most, settings.extension_needs_office)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it comes in. ``proposal`` by kind:

    extension ``until``; suspension ``until`` (the day work goes on); adjustment any of ``title``,
    ``phrase``, ``unit``, ``targets`` (indicator to ``{"was", "now"}``); merge ``into`` (an obligation's
    key); split ``parts`` (each ``title``, ``due``, ``share`` in percent). Days are ISO text.
    """

    kind: str
    reason: str
    progress: str = ""
    proposal: Values = field(default_factory=dict)
    idem_key: str | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What a request is judged beside: earlier ones on the item, and the item or unit it names."""

    earlier: Sequence[Values] = ()
    into: Values | None = None
    unit: Values | None = None
    taken: bool = False  # the item exists already with the unit that it should go to


def refuse(code: str, message: str, way_out: str) -> InputError:
    """A refusal as a sentence for the one who acted."""
    return InputError.one(code, NOWHERE, message, way_out)


def read_day(text: Any) -> date | None:
    """A day of a proposal; None when it is none."""
    try:
        return date.fromisoformat(str(text or "").strip())
    except ValueError:
        return None


def check(row: Values, asked: Asked, around: Around, now: datetime, bounds: Bounds) -> None:
    """Refuse what may not be asked of this obligation now. Raises InputError with the way out."""
    if asked.kind not in KIND_NAMES:
        raise refuse("request-kind", f"没有“{asked.kind}”这种申请。", "从页面上选择申请事项。")
    _said(asked)
    _in_time(row, asked, now)
    _bounded(asked, around, row, bounds)
    _CHECKS[asked.kind](row, asked.proposal, around, now)


def _said(asked: Asked) -> None:
    name = KIND_NAMES[asked.kind]
    if not asked.reason.strip():
        raise refuse("no-reason", f"{name}要写明理由和目前进度。", "补上理由。")
    if len(asked.reason) > REASON_CHARS or len(asked.progress) > PROGRESS_CHARS:
        raise refuse("too-long", f"理由和进度各不超过{REASON_CHARS}字。", "精简后再提交。")
    if not asked.progress.strip():
        raise refuse("no-progress", f"{name}要写明目前进度。", "写一两句已经做到哪一步。")


def _in_time(row: Values, asked: Asked, now: datetime) -> None:
    name = KIND_NAMES[asked.kind]
    if not row["is_open"]:
        raise refuse("not-open", f"这一事项不在办理中，不能申请{name}。", "联系办公室。")
    if asked.kind in {"extension", "suspension", "split"} and row["due_on"] is None:
        raise refuse("not-open", f"这一事项没有正在走的时限，不能{name}。", "联系办公室。")
    if row["due_at"] is not None and now > row["due_at"]:
        raise refuse(
            "too-late",
            f"时限已过，不能再申请{name}，按逾期处理。",
            "请尽快报送，并在“存在问题”里说明原因。",
        )
    if asked.kind in TASKS_ONLY and row["kind"] not in {"finish", "milestone"}:
        raise refuse("not-a-task", f"定期报送不能{name}。", "没有变化请报“无变化”。")


def _bounded(asked: Asked, around: Around, row: Values, bounds: Bounds) -> None:
    waiting = next((each for each in around.earlier if each["state"] == "waiting"), None)
    if waiting is not None:
        raise refuse(
            "request-waiting",
            f"这一事项已有一份{KIND_NAMES[waiting['kind']]}申请在等办公室答复。",
            "等答复，或先撤回那一份。",
        )
    if asked.kind == "extension" and row["extended"] >= bounds.extensions:
        raise refuse("extended-before", f"已延期{row['extended']}次，不能再延。", "请按期报送。")
    same = [each for each in around.earlier if each["kind"] == asked.kind]
    granted = sum(each["state"] == "granted" for each in same)
    if asked.kind == "suspension" and granted >= bounds.suspensions:
        raise refuse("suspended-before", f"已暂缓{granted}次，不能再暂缓。", "请按期办理。")
    if sum(each["state"] == "refused" for each in same) >= ASKS_OF_A_KIND:
        raise refuse(
            "asked-often",
            f"同一事项的{KIND_NAMES[asked.kind]}申请已被退{ASKS_OF_A_KIND}次。",
            "请直接与办公室沟通。",
        )


# ---- each kind ---------------------------------------------------------------------------------


def extension_day(row: Values, until: date | None) -> date:
    """The new due of an extension; refused when it is none, not later, or too far."""
    if until is None:
        raise refuse("extend-date", "请选择新的时限。", "写成 2026-11-30。")
    if until <= row["due_on"]:
        raise refuse("extend-date", f"新时限须晚于现时限 {row['due_on']}。", "改选日期。")
    days = (until - row["due_on"]).days
    if days > LONGEST_EXTENSION_DAYS:
        raise refuse(
            "extend-far",
            f"一次最多顺延{LONGEST_EXTENSION_DAYS}天（{until} 比现时限晚{days}天）。",
            "改选近一些的日期；确需更久，请办公室按程序调整任务时限。",
        )
    return until


def suspension_day(until: date | None, today: date) -> date:
    """The day on which work goes on after a suspension."""
    if until is None or until <= today:
        raise refuse("suspend-date", "请选择恢复办理的日期，须在今天以后。", "写成 2026-11-30。")
    if (until - today).days > LONGEST_SUSPENSION_DAYS:
        raise refuse(
            "suspend-far",
            f"一次最多暂缓{LONGEST_SUSPENSION_DAYS}天。",
            "改选近一些的日期；长期不能办理的，请申请取消。",
        )
    return until


def _extension(row: Values, proposal: Values, around: Around, now: datetime) -> None:
    extension_day(row, read_day(proposal.get("until")))


def _suspension(row: Values, proposal: Values, around: Around, now: datetime) -> None:
    suspension_day(read_day(proposal.get("until")), now.date())


def _adjustment(row: Values, proposal: Values, around: Around, now: datetime) -> None:
    names = set(proposal) - {"title", "phrase", "unit", "targets"}
    if names or not proposal:
        raise refuse("adjust-what", "请写明要调整什么。", "可调整名称、时限用语、单位、目标值。")
    for name in ("title", "phrase"):
        _new_text(row, name, proposal)
    if "unit" in proposal:
        _new_unit(row, str(proposal["unit"]), around)
    targets = proposal.get("targets", {})
    if not isinstance(targets, Mapping):
        raise refuse("adjust-target", "目标值写得不对。", "每个指标写一个数。")
    for value in targets.values():
        if share_of(value.get("now")) is None:
            raise refuse("adjust-target", "目标值应是不小于0的数。", "只写数，不写单位。")


def _new_text(row: Values, name: str, proposal: Values) -> None:
    if name not in proposal:
        return
    text = str(proposal[name]).strip()
    if not text or text == row[name] or len(text) > TITLE_CHARS:
        raise refuse(
            "adjust-text", "新的表述不能空着，也不能与原来相同。", f"{TITLE_CHARS}字以内。"
        )


def _new_unit(row: Values, unit: str, around: Around) -> None:
    if around.unit is None or not around.unit["active"]:
        raise refuse("adjust-unit", f"名录里没有单位“{unit}”。", "从单位名录里选。")
    if unit == row["unit"] or around.taken:
        raise refuse("adjust-unit", "这个单位已经承担这一事项。", "改选别的单位，或申请取消。")


def _withdrawal(row: Values, proposal: Values, around: Around, now: datetime) -> None:
    if proposal:
        raise refuse("withdraw-what", "取消申请只写理由和进度。", "去掉多余的内容。")


def _merge(row: Values, proposal: Values, around: Around, now: datetime) -> None:
    into = around.into
    if into is None or into["unit"] != row["unit"] or into["key"] == row["key"]:
        raise refuse("merge-into", "请从本单位的应办事项里选择并入哪一件。", "不能并入自己。")
    if not into["is_open"] or into["kind"] not in {"finish", "milestone"}:
        raise refuse("merge-into", f"“{into['title']}”不在办理中，不能并入。", "选正在办的事项。")
    if row["due_on"] is None:
        return
    later = None if into["due_on"] is None else (into["due_on"] - row["due_on"]).days
    if later is None or later > LONGEST_EXTENSION_DAYS:
        raise refuse(
            "merge-far",
            f"“{into['title']}”的时限比本事项晚得多，并过去等于延期超过{LONGEST_EXTENSION_DAYS}天。",
            "选时限相近的事项。",
        )


def _split(row: Values, proposal: Values, around: Around, now: datetime) -> None:
    split_parts(row, proposal)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a task that is split. ``share``: percent of the whole."""

    title: str
    due: date
    share: Decimal


def split_parts(row: Values, proposal: Values) -> tuple[Part, ...]:
    """The parts of a split: two to ten, none due after the whole, their shares exactly 100."""
    given = proposal.get("parts")
    if not isinstance(given, Sequence) or not 2 <= len(given) <= MOST_PARTS:
        raise refuse("split-parts", f"请拆成2至{MOST_PARTS}部分。", "每部分写名称、时限、占比。")
    parts = tuple(_part(each) for each in given)
    if any(part.due > row["due_on"] for part in parts):
        raise refuse(
            "split-date", f"各部分的时限不能晚于原时限 {row['due_on']}。", "需要延期的另行申请。"
        )
    total = sum((part.share for part in parts), Decimal(0))
    if total != 100:
        raise refuse("split-share", f"各部分占比合计应为100，现为{total:f}。", "调整占比。")
    return parts


def _part(given: Any) -> Part:
    values = given if isinstance(given, Mapping) else {}
    title, due = str(values.get("title", "")).strip(), read_day(values.get("due"))
    share = share_of(values.get("share"))
    if not title or len(title) > TITLE_CHARS or due is None or not share:
        raise refuse("split-parts", "每部分都要写名称、时限和占比。", "占比写 40 表示40%。")
    return Part(title, due, share)


def share_of(text: Any) -> Decimal | None:
    """A number that is not negative; None when it is none."""
    try:
        value = Decimal(str(text).strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value < Decimal(10) ** 15 else None


def weights_of(whole: Decimal, shares: Sequence[Decimal]) -> list[Decimal]:
    """A weight given to parts by their shares: thousandths, and their sum is exactly the whole.

    Each cut is rounded from the beginning, so no part carries the others' rounding.
    """
    if not shares:
        return []
    total, so_far, cuts = sum(shares, Decimal(0)), Decimal(0), [Decimal(0)]
    for share in shares:
        so_far += share
        cuts.append((whole * so_far / total).quantize(Decimal("0.001")))
    cuts[-1] = whole
    return [after - before for before, after in pairwise(cuts)]


_CHECKS = {
    "extension": _extension,
    "suspension": _suspension,
    "adjustment": _adjustment,
    "withdrawal": _withdrawal,
    "merge": _merge,
    "split": _split,
}
