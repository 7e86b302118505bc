"""What applying a matrix would change in the ledger, in sentences. Pure: values in, changes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from duban import clock
from duban.matrix.model import Matrix, Task, Unit
from duban.obligations import NOT_STARTED, WAITING, Planned, first_state

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
COMPARED = ("key", "task", "unit", "original_due_on", "state", "missed_at", "round", *_COMPARED)
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


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the ledger: the event kind, the row, and the sentence that explains it."""

    kind: str
    subject: str
    row: Mapping[str, Any]
    sentence: str
    obligation: str | None = None
    asks: bool = False  # touches what is settled or missed: a person must confirm


@dataclass(frozen=True, slots=True)
class Current:
    """What the ledger holds: rows by key. ``digest`` empty: this plan was never applied."""

    digest: str
    in_use_from: date | None
    plan: Mapping[str, Any] | None
    units: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]
    obligations: Mapping[str, Mapping[str, Any]]


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
        """What would happen, the many new obligations of one task told as one sentence."""
        return _summary(self.changes)


def differ(
    matrix: Matrix, planned: Sequence[Planned], current: Current, now: datetime
) -> Difference:
    """Compare the matrix with the ledger. Nothing differs: no change at all."""
    today = clock.day_of(now)
    in_use_from = current.in_use_from or matrix.plan.in_use_from or today
    changes = [
        *_plan_change(matrix, current, in_use_from, now),
        *_unit_changes(matrix, current),
        *_task_changes(matrix, current, today),
        *_obligation_changes(matrix, planned, current, in_use_from, today),
    ]
    return Difference(changes, in_use_from)


def _plan_change(
    matrix: Matrix, current: Current, in_use_from: date, now: datetime
) -> Iterable[Change]:
    if current.digest == matrix.digest:
        return
    plan = matrix.plan
    row = {
        "id": plan.id,
        "title": plan.title,
        "in_use_from": in_use_from,
        "digest": matrix.digest,
        "applied_at": now,
        "data": plan_data(matrix),
    }
    known = current.plan
    first = f"首次应用工作方案《{plan.title}》，自{in_use_from}起启用"
    sentence = first if known is None else f"工作方案《{plan.title}》的文本有改动"
    yield Change("plan.applied", plan.id, row, sentence)


def plan_data(matrix: Matrix) -> str:
    """The frame of the plan as text, kept with the ledger so that papers can be made from it alone."""
    from duban.ledger.events import canonical

    plan = matrix.plan
    return canonical(
        {
            "doc_no": plan.doc_no,
            "issuer": plan.issuer,
            "starts_on": plan.starts_on,
            "ends_on": plan.ends_on,
            "anchors": dict(plan.anchors),
            "areas": {item.id: item.name for item in (*plan.areas, *plan.safeguards)},
            "goals": {item.id: item.name for item in plan.goals},
        }
    )


# ---- units and tasks -------------------------------------------------------------------------


def unit_row(unit: Unit) -> dict[str, Any]:
    """A unit as the ledger keeps it; holders stay in the YAML and are resolved when a message is sent."""
    from duban.ledger.events import canonical

    data = {
        "aliases": unit.aliases,
        "second_name": unit.second_name,
        "parent": unit.parent,
        "left": unit.left_on,
    }
    return {
        "id": unit.id,
        "name": unit.name,
        "short": unit.short,
        "kind": unit.kind.value,
        "grp": unit.group,
        "active": 1,
        "data": canonical(data),
    }


def _unit_changes(matrix: Matrix, current: Current) -> Iterable[Change]:
    for unit in matrix.directory.units.values():
        row, known = unit_row(unit), current.units.get(unit.id)
        if known is None or any(known[name] != value for name, value in row.items()):
            word = "新增" if known is None else "改动"
            yield Change("unit.written", f"unit:{unit.id}", row, f"{word}单位：{unit.name}")
    for gone in sorted(set(current.units) - set(matrix.directory.units)):
        if current.units[gone]["active"]:
            row = {"id": gone, "active": 0}
            yield Change(
                "unit.left", f"unit:{gone}", row, f"单位{current.units[gone]['name']}已不在名录"
            )


def task_row(task: Task, plan_id: str) -> dict[str, Any]:
    """A task as the ledger keeps it."""
    from duban.ledger.events import canonical

    data = {
        "text": task.text,
        "clause": task.clause,
        "lead": task.lead,
        "joint": task.joint,
        "support": task.support,
        "support_text": task.support_text,
        "responsibility": task.responsibility,
        "deliverable": task.deliverable,
        "evidence": task.evidence,
        "deadline": task.deadline_phrase,
        "indicators": task.indicators,
        "goals": task.goals,
    }
    return {
        "plan": plan_id,
        "id": task.id,
        "title": task.title,
        "area": task.area,
        "weight": task.weight,
        "withdrawn_on": task.withdrawn_on,
        "source": task.source.value,
        "data": canonical(data),
    }


def _task_changes(matrix: Matrix, current: Current, today: date) -> Iterable[Change]:
    plan_id = matrix.plan.id
    for task in matrix.plan.tasks:
        row, known = task_row(task, plan_id), current.tasks.get(task.id)
        if known is None:
            yield Change("task.written", f"task:{task.id}", row, f"新增任务 {task.id} {task.title}")
        elif any(known[name] != value for name, value in row.items()):
            yield Change("task.written", f"task:{task.id}", row, _task_sentence(task, row, known))
    for gone in sorted(set(current.tasks) - {task.id for task in matrix.plan.tasks}):
        known = current.tasks[gone]
        if known["withdrawn_on"] is None:
            row = {"plan": plan_id, "id": gone, "withdrawn_on": today}
            yield Change(
                "task.withdrawn",
                f"task:{gone}",
                row,
                f"任务 {gone} {known['title']} 已从分工表中取消",
            )


def _task_sentence(task: Task, row: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    parts = []
    if known["title"] != row["title"]:
        parts.append(f"改名（原为“{known['title']}”）")
    if known["weight"] != row["weight"]:
        parts.append(f"权重由{_plain(known['weight'])}改为{_plain(row['weight'])}")
    if known["withdrawn_on"] != row["withdrawn_on"]:
        parts.append(f"自{row['withdrawn_on']}取消" if row["withdrawn_on"] else "恢复")
    if known["data"] != row["data"]:
        parts.append("分工或文字有改动")
    return f"任务 {task.id} {task.title}：{'；'.join(parts) or '归属有改动'}"


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


# ---- obligations -----------------------------------------------------------------------------


def _obligation_changes(
    matrix: Matrix, planned: Sequence[Planned], current: Current, in_use_from: date, today: date
) -> Iterable[Change]:
    shorts = {unit.id: unit.short for unit in matrix.directory.units.values()}
    # What a later apply adds cannot have been owed before it was added.
    owed_from = max(in_use_from, today) if current.digest else in_use_from
    wanted = set()
    for each in planned:
        wanted.add(each.key)
        known = current.obligations.get(each.key)
        if known is None:
            yield _added(each, matrix.plan.id, owed_from, shorts)
        else:
            yield from _altered(each, known, in_use_from, shorts)
    for key in sorted(set(current.obligations) - wanted):
        known = current.obligations[key]
        if known["state"] not in {"cancelled", "closed", "merged"}:
            yield _cancelled(key, known, shorts)


def planned_row(each: Planned, plan_id: str, state: str) -> dict[str, Any]:
    """A new obligation as a row."""
    return {
        "key": each.key,
        "plan": plan_id,
        "task": each.task,
        "unit": each.unit,
        "role": each.role,
        "kind": each.kind,
        "period": each.period,
        "label": each.label,
        "title": each.title,
        "phrase": each.phrase,
        "opens_on": each.opens_on,
        "due_on": each.due_on,
        "due_at": each.due_at,
        "original_due_on": each.due_on,
        "provisional": int(each.provisional),
        "weight": each.weight,
        "deadline_class": each.deadline_class,
        "urgent": int(each.urgent),
        "state": state,
        "is_open": int(state == WAITING),
        "reason": each.reason,
    }


def _added(each: Planned, plan_id: str, owed_from: date, shorts: Mapping[str, str]) -> Change:
    row = planned_row(each, plan_id, first_state(each, owed_from))
    sentence = f"新增应办：{each.task} {shorts.get(each.unit, each.unit)} {each.label}，时限{each.due_on or '未起算'}"
    return Change("obligation.planned", each.key, row, sentence, each.key)


def _altered(
    each: Planned, known: Mapping[str, Any], in_use_from: date, shorts: Mapping[str, str]
) -> Iterable[Change]:
    who = f"{each.task} {shorts.get(each.unit, each.unit)} {each.label}"
    settled = known["state"] in SETTLED or known["missed_at"] is not None
    if known["state"] == "cancelled":
        row = {"key": each.key, "state": first_state(each, in_use_from), "reason": "", **_due(each)}
        row["is_open"] = int(row["state"] == WAITING)
        yield Change("obligation.restored", each.key, row, f"恢复应办：{who}", each.key)
        return
    if each.due_on != known["original_due_on"]:
        yield _moved(each, known, in_use_from, who, settled=settled)
    wanted = ((name, _column(each, name)) for name in _COMPARED)
    differs = {name: value for name, value in wanted if value != known[name]}
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
    }
    if known["state"] in {NOT_STARTED, WAITING, "historic"}:
        row["state"] = first_state(each, in_use_from)
        row["is_open"] = int(row["state"] == WAITING)
    old, new = known["original_due_on"] or "未起算", each.due_on or "未起算"
    return Change(
        "obligation.moved", each.key, row, f"{who}：时限由{old}改为{new}", each.key, asks=settled
    )


def _cancelled(key: str, known: Mapping[str, Any], shorts: Mapping[str, str]) -> Change:
    who = f"{known['task']} {shorts.get(known['unit'], known['unit'])} {known['label']}"
    row = {"key": key, "state": "cancelled", "is_open": 0, "reason": "任务分工表中已取消"}
    asks = known["state"] in SETTLED or known["missed_at"] is not None
    return Change("obligation.cancelled", key, row, f"取消应办：{who}", key, asks)


def _summary(changes: Iterable[Change]) -> list[str]:
    sentences: list[str] = []
    counted: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if change.kind in {"obligation.planned", "obligation.cancelled", "unit.written"}:
            task = str(change.row.get("task") or change.subject.split("/", maxsplit=1)[0])
            counted.setdefault((change.kind, task if change.obligation else ""), []).append(change)
        else:
            sentences.append(change.sentence)
    for (kind, task), group in counted.items():
        if len(group) <= 2:
            sentences += [change.sentence for change in group]
        elif kind == "unit.written":
            sentences.append(f"写入{len(group)}个单位")
        else:
            word = "新增" if kind == "obligation.planned" else "取消"
            sentences.append(f"任务 {task}：{word}应办事项{len(group)}件")
    return sentences
