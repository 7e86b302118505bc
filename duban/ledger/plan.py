"""What applying a matrix would change in the ledger, in sentences. Pure: values in, changes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from duban import clock
from duban.ledger.plan_rows import expansion_row, plan_data, planned_row, task_row, unit_row
from duban.ledger.plan_words import target_sentences, task_sentence
from duban.matrix.model import Matrix
from duban.obligations import NOT_STARTED, WAITING, Expansion, Planned, Wanted, first_state

MANY_WITHDRAWN = 3
"""More tasks than this vanishing at once is asked about first (default)."""
SETTLED = frozenset({"submitted", "closed"})
_COMPARED = (
    "role",
    "label",
    "title",
    "phrase",
    "opens_on",
    "weight",
    "deadline_class",
    "urgent",
    "provisional",
)
COMPARED = (
    *(
        "key",
        "task",
        "unit",
        "original_due_on",
        "state",
        "missed_at",
        "round",
        "adjusted",
        "origin",
    ),
    *_COMPARED,
)
"""The columns of an obligation that a comparison needs; reading the others costs half its time."""

_WORDS = {
    "role": "分工",
    "label": "期次",
    "title": "名称",
    "phrase": "时限用语",
    "opens_on": "开始报送日",
    "weight": "权重",
    "deadline_class": "时限性质",
    "urgent": "加急",
    "provisional": "暂定标记",
}

CLASSES: Mapping[str, str] = {
    "added": "新增",
    "withdrawn": "取消",
    "merged": "合并",
    "split": "拆分",
    "restored": "恢复",
    "lead": "牵头单位",
    "support": "配合单位",
    "deadline": "时限",
    "weight": "权重",
    "target": "指标目标",
    "wording": "仅文字",
    "unit": "单位名录",
    "plan": "方案",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the ledger: the event kind, the row, and the sentence that explains it."""

    kind: str
    subject: str
    row: Mapping[str, Any]
    sentence: str
    obligation: str | None = None
    asks: bool = False  # touches what is settled or missed: a person must confirm
    classes: tuple[str, ...] = ()  # keys of CLASSES
    number: int = 1  # obligations it stands for


@dataclass(frozen=True, slots=True)
class Current:
    """What the ledger holds: rows by key. ``digest`` empty: this plan was never applied."""

    digest: str
    in_use_from: date | None
    plan: Mapping[str, Any] | None
    units: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]
    obligations: Mapping[str, Mapping[str, Any]]
    published: frozenset[str] = frozenset()  # years whose scores were published

    def settled(self, known: Mapping[str, Any]) -> bool:
        """Whether changing it would touch what was reported, missed, or scored in public."""
        due = known["original_due_on"]
        scored = due is not None and str(due.year) in self.published
        return scored or known["state"] in SETTLED or known["missed_at"] is not None


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes in the order in which they will be written."""

    changes: Sequence[Change]
    in_use_from: date

    @property
    def asks(self) -> list[Change]:
        """Changes that stop until a person confirms them."""
        return [change for change in self.changes if change.asks]

    def sentences(self) -> list[str]:
        """What would happen, the many obligations of one task told as one sentence."""
        return _summary(self.changes)


def digest_of(matrix: Matrix, wanted: Wanted) -> str:
    """One hash of everything that obligations are made from: text files, calendar, reporting lead."""
    return hashlib.sha256(f"{matrix.digest}:{wanted.version}".encode()).hexdigest()


def differ(matrix: Matrix, wanted: Wanted, current: Current, now: datetime) -> Difference:
    """Compare the matrix with the ledger. Nothing differs: no change at all."""
    today = clock.day_of(now)
    in_use_from = current.in_use_from or matrix.plan.in_use_from or today
    if current.digest == digest_of(matrix, wanted):
        return Difference([], in_use_from)
    changes = [
        _plan_change(matrix, digest_of(matrix, wanted), current, in_use_from, now),
        *_unit_changes(matrix, current),
        *_task_changes(matrix, current, today),
        *_obligation_changes(matrix, wanted, current, in_use_from, today),
    ]
    return Difference(changes, in_use_from)


def _plan_change(
    matrix: Matrix, digest: str, current: Current, in_use_from: date, now: datetime
) -> Change:
    plan = matrix.plan
    row: dict[str, Any] = {
        "id": plan.id,
        "title": plan.title,
        "in_use_from": in_use_from,
        "digest": digest,
        "applied_at": now,
        "data": plan_data(matrix),
    }
    if current.plan is None:
        first = f"首次应用工作方案《{plan.title}》，自{in_use_from}起启用"
        return Change("plan.applied", plan.id, row, first, classes=("plan",))
    targets = target_sentences(json.loads(current.plan["data"]), json.loads(row["data"]))
    said = "；".join([f"工作方案《{plan.title}》的文本、单位或日历有改动", *targets])
    return Change("plan.applied", plan.id, row, said, classes=("target",) if targets else ("plan",))


# ---- units and tasks -------------------------------------------------------------------------


def _unit_changes(matrix: Matrix, current: Current) -> Iterator[Change]:
    for unit in matrix.directory.units.values():
        row, known = unit_row(unit), current.units.get(unit.id)
        if known is None or any(known[name] != value for name, value in row.items()):
            said = f"{'新增' if known is None else '改动'}单位：{unit.name}"
            yield Change("unit.written", f"unit:{unit.id}", row, said, classes=("unit",))
    for gone in sorted(set(current.units) - set(matrix.directory.units)):
        if current.units[gone]["active"]:
            said = f"单位{current.units[gone]['name']}已不在名录，其办理历史保留"
            yield Change(
                "unit.left", f"unit:{gone}", {"id": gone, "active": 0}, said, classes=("unit",)
            )


def heirs_of(matrix: Matrix) -> dict[str, list[str]]:
    """A task that is gone to the tasks that say they replace it."""
    found: dict[str, list[str]] = {}
    for task in matrix.plan.tasks:
        for old in task.replaces:
            found.setdefault(old, []).append(task.id)
    return found


def _task_changes(matrix: Matrix, current: Current, today: date) -> Iterator[Change]:
    plan_id = matrix.plan.id
    shorts = {unit.id: unit.short for unit in matrix.directory.units.values()}
    for task in matrix.plan.tasks:
        row, known = task_row(task, plan_id), current.tasks.get(task.id)
        if known is None:
            said = f"新增任务 {task.id} {task.title}"
            yield Change("task.written", f"task:{task.id}", row, said, classes=("added",))
        elif any(known[name] != value for name, value in row.items()):
            said, classes = task_sentence(row, known, shorts)
            reused = "restored" in classes and row["title"] != known["title"]
            if reused:  # an id is never used again for another matter: history would mix
                said += f"（编号 {task.id} 曾用于已取消的“{known['title']}”，编号不应重复使用）"
            yield Change("task.written", f"task:{task.id}", row, said, asks=reused, classes=classes)
    heirs = heirs_of(matrix)
    vanished = [
        name
        for name in sorted(set(current.tasks) - {task.id for task in matrix.plan.tasks})
        if current.tasks[name]["withdrawn_on"] is None
    ]
    # A file left out by mistake must not cancel a whole area without a question.
    many = len([name for name in vanished if name not in heirs]) > MANY_WITHDRAWN
    for gone in vanished:
        row = {"plan": plan_id, "id": gone, "withdrawn_on": today}
        how, word = _fate(gone, heirs, matrix)
        said = f"任务 {gone} {current.tasks[gone]['title']} {word}"
        yield Change("task.withdrawn", f"task:{gone}", row, said, asks=many, classes=(how,))


def _fate(gone: str, heirs: Mapping[str, Sequence[str]], matrix: Matrix) -> tuple[str, str]:
    """What became of a task that is no longer there: withdrawn, merged into another, or split."""
    into = heirs.get(gone, [])
    if len(into) > 1:
        return "split", f"拆分为 {'、'.join(into)}"
    if into:
        others = len(matrix.tasks_by_id[into[0]].replaces) > 1
        return "merged", f"{'并入' if others else '改编为'} {into[0]}"
    return "withdrawn", "已从分工表中取消"


# ---- obligations -----------------------------------------------------------------------------


def _obligation_changes(
    matrix: Matrix, wanted: Wanted, current: Current, in_use_from: date, today: date
) -> Iterator[Change]:
    shorts = {unit.id: unit.short for unit in matrix.directory.units.values()}
    # What a later apply adds cannot have been owed before it was added.
    owed_from = max(in_use_from, today) if current.digest else in_use_from
    known_tasks = {row["task"] for row in current.obligations.values()}
    keys: set[str] = set()
    for expansion in wanted.expansions:
        if expansion.task.id not in known_tasks:
            yield _expanded(expansion, matrix.plan.id, owed_from)
            continue
        for each in expansion.planned():
            keys.add(each.key)
            known = current.obligations.get(each.key)
            if known is None:
                yield _added(each, matrix.plan.id, owed_from, shorts)
            else:
                yield from _altered(
                    each, known, in_use_from, shorts, settled=current.settled(known)
                )
    heirs = heirs_of(matrix)
    for key in sorted(set(current.obligations) - keys):
        known = current.obligations[key]
        if known["origin"] and known["task"] in matrix.tasks_by_id:
            continue  # made by a granted request: it lives as long as its task
        if known["state"] not in {"cancelled", "closed", "merged"}:
            fate = _fate(known["task"], heirs, matrix)
            yield _cancelled(key, known, shorts, fate, asks=current.settled(known))


def _expanded(each: Expansion, plan_id: str, owed_from: date) -> Change:
    """All obligations of a task that the ledger has never seen, in one event."""
    row = expansion_row(each, plan_id, owed_from)
    number = each.number()
    said = f"任务 {each.task.id}：新增应办事项{number}件"
    return Change(
        "obligations.expanded", f"task:{each.task.id}", row, said, classes=("added",), number=number
    )


def _added(each: Planned, plan_id: str, owed_from: date, shorts: Mapping[str, str]) -> Change:
    row = planned_row(each, plan_id, first_state(each.due_on, owed_from))
    sentence = f"新增应办：{each.task} {shorts.get(each.unit, each.unit)} {each.label}，时限{each.due_on or '未起算'}"
    return Change("obligation.planned", each.key, row, sentence, each.key, classes=("added",))


def _altered(
    each: Planned,
    known: Mapping[str, Any],
    in_use_from: date,
    shorts: Mapping[str, str],
    *,
    settled: bool,
) -> Iterable[Change]:
    who = f"{each.task} {shorts.get(each.unit, each.unit)} {each.label}"
    decided = json.loads(known["adjusted"]) if known["adjusted"] != "{}" else {}
    if known["state"] in {"cancelled", "merged"} and decided.keys() & {"state", "unit"}:
        return  # ended by a granted request: the matrix that still lists it does not bring it back
    if known["state"] == "cancelled":
        row = {
            "key": each.key,
            "state": first_state(each.due_on, in_use_from),
            "reason": "",
            **_due(each),
        }
        row["is_open"] = int(row["state"] == WAITING)
        yield Change(
            "obligation.restored",
            each.key,
            row,
            f"恢复应办：{who}",
            each.key,
            classes=("restored",),
        )
        return
    if each.due_on != known["original_due_on"]:
        yield _moved(each, known, in_use_from, who, settled=settled)
    wanted = ((name, _column(each, name)) for name in _COMPARED)
    differs = {
        name: value
        for name, value in wanted
        if value != known[name] and not _still(decided.get(name), value)
    }
    if differs:
        named = "、".join(_WORDS[name] for name in differs)
        asks = settled and "weight" in differs
        yield Change(
            "obligation.replanned",
            each.key,
            {"key": each.key, **differs},
            f"{who}：{named}有改动",
            each.key,
            asks,
            classes=_class_of(differs),
        )


def _still(decided: Mapping[str, Any] | None, value: Any) -> bool:
    """Whether the matrix says what it said when the office decided otherwise; its new word counts."""
    if decided is None:
        return False
    was = Decimal(decided["was"]) if isinstance(value, Decimal) else decided["was"]
    return bool(was == value)


def _class_of(differs: Mapping[str, Any]) -> tuple[str, ...]:
    if "weight" in differs:
        return ("weight",)
    if "role" in differs:
        return ("lead",)
    return (
        ("deadline",)
        if {"opens_on", "provisional", "deadline_class"} & set(differs)
        else ("wording",)
    )


def _column(each: Planned, name: str) -> Any:
    value = getattr(each, name)
    return int(value) if isinstance(value, bool) else value


def _due(each: Planned) -> dict[str, Any]:
    return {"due_on": each.due_on, "due_at": each.due_at, "original_due_on": each.due_on}


def _moved(
    each: Planned, known: Mapping[str, Any], in_use_from: date, who: str, *, settled: bool
) -> Change:
    """A new due supersedes the old one. The round goes up, so rungs of the old due never fire again."""
    row = {
        "key": each.key,
        **_due(each),
        "provisional": int(each.provisional),
        "round": known["round"] + 1,
        "missed_at": None,
        "requested_at": None,
    }
    if known["state"] in {NOT_STARTED, WAITING, "historic"}:
        row["state"] = first_state(each.due_on, in_use_from)
        row["is_open"] = int(row["state"] == WAITING)
    old, new = known["original_due_on"] or "未起算", each.due_on or "未起算"
    return Change(
        "obligation.moved",
        each.key,
        row,
        f"{who}：时限由{old}改为{new}",
        each.key,
        asks=settled,
        classes=("deadline",),
    )


def _cancelled(
    key: str,
    known: Mapping[str, Any],
    shorts: Mapping[str, str],
    fate: tuple[str, str],
    *,
    asks: bool,
) -> Change:
    who = f"{known['task']} {shorts.get(known['unit'], known['unit'])} {known['label']}"
    how, word = fate
    state = "cancelled" if how == "withdrawn" else "merged"
    row = {"key": key, "state": state, "is_open": 0, "reason": f"任务{word}"}
    return Change("obligation.cancelled", key, row, f"取消应办：{who}", key, asks, classes=(how,))


def _summary(changes: Iterable[Change]) -> list[str]:
    """Sentences; several of one task and kind are told together."""
    sentences: list[str] = []
    counted: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if change.kind in _TOLD_TOGETHER:
            task = str(change.row.get("task") or change.subject.split("/", maxsplit=1)[0])
            counted.setdefault(
                (change.kind, task if change.kind != "unit.written" else ""), []
            ).append(change)
        else:
            sentences.append(change.sentence)
    for (kind, task), group in counted.items():
        number = sum(change.number for change in group)
        if len(group) <= 2 and number == len(group):
            sentences += [change.sentence for change in group]
        elif kind == "unit.written":
            sentences.append(f"写入{number}个单位")
        else:
            sentences.append(f"任务 {task}：{_TOLD_TOGETHER[kind]}应办事项{number}件")
    return sentences


_TOLD_TOGETHER = {
    "obligations.expanded": "新增",
    "obligation.planned": "新增",
    "obligation.cancelled": "取消",
    "obligation.moved": "改时限的",
    "unit.written": "",
}
