"""A county at its full size for the dashboard: 40 units, 75 tasks, 36 months, 2,700 obligations."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from cast import _Plain
from duban import clock
from duban.ledger import tables
from duban.ledger.apply import apply
from duban.ledger.events import Draft
from duban.ledger.store import Ledger
from duban.office import Office
from duban.workdays import add_months
from portal_home import COPIED, DUBAN

CONFIG = Path(__file__).parent.parent / "config"
UNITS, TASKS = 40, 75
FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
APPLIED = clock.at(FIRST)
NOW = clock.at(date(2026, 11, 23)).replace(hour=9)
COLOURS = (("red", "红灯"), ("yellow", "黄灯"), ("green", "绿灯"), ("blue", "已办结"))


def write_county(root: Path, units: int = UNITS, tasks: int = TASKS) -> Path:
    """The text files: every task is reported each month for three years by one unit."""
    (root / "config").mkdir(parents=True)
    folder = root / "tasks_def" / "small"
    folder.mkdir(parents=True)
    for name in COPIED:
        shutil.copy(CONFIG / name, root / "config" / name)
    (root / "config" / "duban.yaml").write_text(DUBAN.replace("市场监管局", "单位01局"), "utf-8")
    groups = ("市直部门", "党群部门", "乡镇街道")
    listed = [
        {
            "id": f"dw{n:02}",
            "name": f"单位{n:02}局",
            "short": f"单位{n:02}局",
            "kind": "bureau",
            "group": groups[(n - 1) * 3 // units],
            "posts": {"liaison": [{"name": "联络员甲", "address": f"u{n}@x.example"}]},
        }
        for n in range(1, units + 1)
    ]
    plan = {
        "id": "small",
        "title": "试点县建设工作方案",
        "issuer": "市人民政府",
        "office": "单位01局",
        "term": {"from": FIRST.isoformat(), "to": LAST.isoformat()},
        "year": 2024,
        "areas": [{"id": "one", "name": "严格保护"}],
    }
    rows = [_task(n, units) for n in range(1, tasks + 1)]
    _write(root / "config" / "units.yaml", {"units": listed})
    _write(folder / "plan.yaml", plan)
    _write(folder / "1-one.yaml", {"area": "one", "tasks": rows})
    return root


def _task(n: int, units: int) -> dict[str, Any]:
    unit = f"单位{(n - 1) % units + 1:02}局"
    return {
        "id": f"T-{n:02}",
        "title": f"完善第{n}项重点工作协作机制",
        "text": "按月推进",
        "source": "example",
        "lead": ["单位01局"],
        "support": [unit] if unit != "单位01局" else [],
        "responsibility": "单位01局牵头",
        "deliverable": "台账",
        "deadline": "持续推进",
        "kind": "planned",
        "weight": 1,
        "report": {"every": "month", "due": "每月25日前", "by": [unit]},
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    text = yaml.dump(content, Dumper=_Plain, allow_unicode=True, sort_keys=False)
    path.write_text(text, "utf-8")


def fill(office: Office, ledger: Ledger, now: datetime = NOW) -> int:
    """List everything, let two of three come in, and record the lamps of the closed months."""
    apply(ledger, office.matrix, office.planned(), actor="test")
    o = tables.obligation
    with ledger.write("test") as writing:
        rows = writing.conn.execute(sa.select(o.c.key, o.c.unit, o.c.task, o.c.due_on)).all()
        past = [row for row in rows if row.due_on and row.due_on < clock.day_of(now)]
        done = [
            {"k": row.key, "at": clock.at(row.due_on) - timedelta(days=row.due_on.month % 3)}
            for n, row in enumerate(past)
            if n % 12 or row.due_on.year < 2026
        ]
        writing.conn.execute(
            o.update()
            .where(o.c.key == sa.bindparam("k"))
            .values(
                state="closed", is_open=0, submitted_at=sa.bindparam("at"), closed_at=sa.bindparam("at")
            ),
            done,
        )  # fmt: skip
        for row in past:
            colour, name = COLOURS[(row.due_on.month + int(row.task[2:])) % 4]
            lamp = {
                "obligation": row.key, "month": f"{row.due_on:%Y-%m}", "unit": row.unit, "task": row.task,
                "colour": colour, "name": name, "why": "演示", "policy": "x",
            }  # fmt: skip
            if row.due_on < clock.day_of(now).replace(day=1):
                month = add_months(row.due_on.replace(day=1), 1)
                writing.record(
                    Draft("lamps.recorded", f"lamps:{lamp['month']}", {"rows": [lamp]}),
                    at=clock.at(month),
                )
    return len(rows)


def one_more(ledger: Ledger) -> None:
    """Record something at this moment."""
    with ledger.write("test") as writing:
        key = writing.conn.execute(sa.select(tables.obligation.c.key).limit(1)).scalar_one()
        row = {"key": key, "acked_at": ledger.now()}
        writing.record(Draft("obligation.acknowledged", key, row, obligation=key))
