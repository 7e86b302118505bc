"""Reads a task's deadline phrase with its plan at hand."""

from __future__ import annotations

from dataclasses import replace

from duban.matrix.deadlines import Reading, read
from duban.matrix.model import Plan, Task


def read_deadline(task: Task, plan: Plan) -> Reading:
    """The task's deadline as the grammar reads it; a named ``anchor`` overrides the phrase's own."""
    reading = read(task.deadline_phrase, year=plan.year)
    if task.anchor and reading.offset is not None:
        return replace(reading, anchor=task.anchor)
    return reading
