"""Reads a task's deadline phrase with its plan at hand."""

from __future__ import annotations

from duban.matrix.deadlines import Reading, from_anchor, read
from duban.matrix.model import Plan, Task


def read_deadline(task: Task, plan: Plan) -> Reading:
    """The task's deadline as the grammar reads it; a named ``anchor`` overrides the phrase's own."""
    return from_anchor(read(task.deadline_phrase, year=plan.year), task.anchor)
