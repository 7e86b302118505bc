"""A town whose mornings a test runs one by one, with a post office that delivers or does not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from cast import _Plain, home_of, write_matrix
from conftest import Told
from duban import clock
from duban.desk import need_desk
from duban.ledger import ladder, queries, transitions
from duban.ledger.apply import apply
from duban.ledger.ladder import Row
from duban.ledger.store import Ledger
from duban.office import Office
from duban.settings import Home
from duban.stages import SLOTS, stage_function

DESK = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
MORNING = ("publish", "collect", "escalate", "remind")
LATE: Mapping[str, Any] = {
    "id": "T-01",
    "title": "建立机制",
    "lead": ["市市场监管局"],
    "deadline": "2026年3月25日前",
}


class Town:
    """An office with one plan, its ledger, and its clock."""

    def __init__(
        self,
        root: Path,
        ledger: Ledger,
        told: Told,
        *tasks: Mapping[str, Any],
        at: str = "2026-03-02",
    ) -> None:
        self.tasks = [dict(each) for each in tasks or (LATE,)]
        self.told, self.ledger = told, ledger
        self.home = Home(home_of(root, {"tasks": copy.deepcopy(self.tasks)}))
        told.set(f"{at} 09:00")
        self.office = self.open()

    def open(self) -> Office:
        desk = need_desk(self.home, clock.day_of(self.told.moment))
        return Office(**{name: getattr(desk, name) for name in DESK}, ledger=self.ledger)

    def apply(self) -> None:
        apply(self.ledger, self.office.matrix, self.office.planned(), actor="办公室")

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Another escalation.yaml or lamps.yaml, read at once."""
        text = yaml.dump(dict(content), Dumper=_Plain, allow_unicode=True, sort_keys=False)
        (self.home.config / name).write_text(text, encoding="utf-8")
        self.office = self.open()

    def add(self, task: Mapping[str, Any]) -> None:
        self.tasks.append(dict(task))
        write_matrix(self.home.root, {"tasks": copy.deepcopy(self.tasks)})
        self.office = self.open()
        self.apply()

    def stage(self, name: str, day: str) -> None:
        moment = self.told.set(f"{day} {SLOTS[name]:%H:%M}")
        stage_function(name)(self.office, moment)

    def morning(self, day: str, *, post: bool = True) -> None:
        for name in MORNING:
            self.stage(name, day)
            if post:
                self.deliver()

    def mornings(self, first: str, last: str, *, post: bool = True) -> None:
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            self.morning(day.isoformat(), post=post)
            day += timedelta(days=1)

    def deliver(self) -> None:
        with self.ledger.write("deliver", self.told.moment) as writing:
            ladder.assume_sent(writing)

    def submit(self, key: str, at: str, **more: Any) -> None:
        self.told.set(at)
        report = transitions.Report(**{"progress": "已办。", "percent": 100, **more})
        with self.ledger.write("联络员", self.told.moment) as writing:
            transitions.submit(writing, key, report, actor="联络员")

    def send_back(self, key: str, at: str) -> None:
        self.told.set(at)
        with self.ledger.write("经办人甲", self.told.moment) as writing:
            row = queries.one_obligation(writing.conn, key)
            assert row is not None
            transitions.send_back(
                writing,
                row["submission"],
                actor="经办人甲",
                reason="缺材料",
                calendar=self.office.calendar,
                days=3,
            )

    def act(self, at: str, what: Callable[[Any], Any], by: str = "经办人甲") -> Any:
        """Do something in a write transaction at a moment."""
        self.told.set(at)
        with self.ledger.write(by, self.told.moment) as writing:
            return what(writing)

    def steps(self, key: str = "") -> list[tuple[str, str]]:
        """Steps in the order they were raised, with their state."""
        with self.ledger.read() as conn:
            rows = ladder.proposals(conn)[::-1]
        return [(row["step"], row["state"]) for row in rows if key in {"", row["obligation"]}]

    def proposal(self, step: str) -> Row:
        with self.ledger.read() as conn:
            return next(row for row in ladder.proposals(conn) if row["step"] == step)

    def notices(self, rung: str) -> list[Row]:
        with self.ledger.read() as conn:
            return [row for row in queries.notices(conn) if row["rung"].startswith(rung)]
