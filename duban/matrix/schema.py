"""What may be written in the office's YAML: every key once, with its meaning, its words and an example.

From these tables come the JSON Schemas that editors read and the key tables of ``tasks_def/README.md``; a test
holds them against what the readers ask for. The readers stay the judges: a schema only helps while typing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from duban.matrix.schema_assessment import ASSESSMENT
from duban.matrix.schema_config import CONFIG
from duban.matrix.schema_facts import FACTS
from duban.matrix.schema_keys import Key, Kind, Table
from duban.matrix.schema_matrix import MATRIX

__all__ = ["FILES", "TABLES", "File", "Key", "Kind", "Table"]


@dataclass(frozen=True, slots=True)
class File:
    """A kind of file: its schema's name, which files it is for, and the table at its top."""

    file: str
    path: str
    table: str


FILES: tuple[File, ...] = (
    File("plan.schema.json", "tasks_def/方案编号/plan.yaml", "plan"),
    File("tasks.schema.json", "tasks_def/方案编号/1-….yaml（plan.yaml 以外都是）", "tasks"),
    File("units.schema.json", "config/units.yaml", "units"),
    File("calendar.schema.json", "config/calendar.yaml", "calendar"),
    File("reminders.schema.json", "config/reminders.yaml", "reminders"),
    File("escalation.schema.json", "config/escalation.yaml", "escalation"),
    File("lamps.schema.json", "config/lamps.yaml", "lamps"),
    File("channels.schema.json", "config/channels.yaml", "channels"),
    File("papers.schema.json", "config/papers.yaml", "papers"),
    File("duban.schema.json", "config/duban.yaml", "duban"),
    File("assessment.schema.json", "config/assessment/2024.yaml 等", "assessment"),
    File("ruletests.schema.json", "config/assessment/tests/*.yaml", "ruletests"),
    File("facts.schema.json", "assess score 的事实文件", "facts"),
)

TABLES: Mapping[str, Table] = {table.id: table for table in (*MATRIX, *CONFIG, *ASSESSMENT, *FACTS)}
