"""Units, tasks and obligations of a matrix as the rows that the ledger keeps. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

from duban import clock
from duban.ledger.canon import canonical
from duban.matrix.model import Indicator, Matrix, Task, Unit
from duban.obligations import WAITING, Expansion, Planned, first_state


def plan_data(matrix: Matrix) -> str:
    """The frame of the plan as text, kept with the ledger so that papers can be made from it alone."""
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
            "indicators": {each.id: _indicator(each) for each in plan.indicators},
        }
    )


def _indicator(each: Indicator) -> dict[str, Any]:
    return {
        "name": each.name,
        "targets": {str(year): value for year, value in each.targets.items()},
        "unit_targets": {
            unit: {str(year): value for year, value in yearly.items()}
            for unit, yearly in each.unit_targets.items()
        },
    }


def unit_row(unit: Unit) -> dict[str, Any]:
    """A unit as the ledger keeps it; holders stay in the YAML and are resolved when a message is sent."""
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


def task_row(task: Task, plan_id: str) -> dict[str, Any]:
    """A task as the ledger keeps it."""
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
    if task.reminders:  # only where it is written: tasks without it stay as they were applied
        data["reminders"] = task.reminders
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


def expansion_row(each: Expansion, plan_id: str, owed_from: date) -> dict[str, Any]:
    """Many new obligations of one task in one event: slots × owners, as plain values.

    ``duban.ledger.bulk`` spells them out in the database; a rebuild does the same again.
    """
    task = each.task
    return {
        "plan": plan_id,
        "task": task.id,
        "title": task.title,
        "weight": format(task.weight, "f"),
        "deadline_class": task.deadline_class.value,
        "urgent": int(task.urgent),
        "slots": [
            {
                "kind": slot.kind,
                "period": slot.period,
                "label": slot.label,
                "phrase": slot.phrase,
                "opens_on": slot.opens_on and slot.opens_on.isoformat(),
                "due_on": slot.due.on and slot.due.on.isoformat(),
                "due_at": slot.due_at and clock.stamp(slot.due_at),
                "provisional": int(slot.due.provisional),
                "state": first_state(slot.due.on, owed_from),
                "reason": slot.reason,
            }
            for slot in each.slots
        ],
        "owners": [
            [unit, role, first.isoformat(), last.isoformat()]
            for unit, role, first, last in each.owners
        ],
    }
