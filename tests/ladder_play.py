"""A small office with a told clock whose mornings a test plays, for reminders and their reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from cast import UNITS_YAML, home_of
from conftest import Told
from duban import clock
from duban.desk import need_desk
from duban.ledger import events, queries
from duban.ledger.apply import apply
from duban.ledger.store import Ledger
from duban.office import Office
from duban.reasons import Answer, answer
from duban.settings import Home
from duban.stages import stage_function

Tasks = list[dict[str, Any]]

HEAD = "2026-03-02 09:00"
FINISH = {"id": "T-01", "title": "建立保护机制", "lead": ["龙湖镇"], "deadline": "2026年3月25日前"}
SECOND = {"id": "T-02", "title": "开展宣传培训", "lead": ["龙湖镇"], "deadline": "2026年4月10日前"}
LATER = {"id": "T-03", "title": "总结试点经验", "lead": ["龙湖镇"], "deadline": "2026年11月30日前"}
OTHER = {"id": "T-04", "title": "清理台账", "lead": ["辛店镇"], "deadline": "2026年4月10日前"}
REPORT = {
    "id": "T-05",
    "title": "摸清专利家底",
    "lead": ["市市场监管局"],
    "support": ["龙湖镇", "辛店镇"],
    "deadline": "持续推进",
    "report": {"every": "month", "due": "每月25日前", "by": ["龙湖镇", "辛店镇"]},
}


@dataclass
class Play:
    """An office with a told clock whose mornings a test plays."""

    home: Home
    ledger: Ledger
    told: Told
    office: Office
    seen: set[str] = field(default_factory=set)

    def reopen(self) -> None:
        """Read the text files again, as every command does."""
        desk = need_desk(self.home, clock.day_of(self.told.moment))
        names = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
        self.office = Office(**{n: getattr(desk, n) for n in names}, ledger=self.ledger)

    def applies(self, confirmed: str = "") -> None:
        self.reopen()
        planned = self.office.planned()
        apply(self.ledger, self.office.matrix, planned, actor="经办人（测试）", confirmed=confirmed)

    def units(self, old: str, new: str) -> None:
        """Edit units.yaml."""
        path = self.home.config / "units.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        self.reopen()

    def run(self, stage: str, moment: datetime) -> dict[str, int]:
        self.told.moment = moment
        return dict(stage_function(stage)(self.office, moment).counts)

    def remind(self, at: str) -> dict[str, int]:
        """Remind at a moment, twice: the second run must leave no trace."""
        moment = self.told.set(at if " " in at else f"{at} 08:30")
        counts = self.run("remind", moment)
        with self.ledger.read() as conn:
            before = events.chain_head(conn)
        self.run("remind", moment)
        with self.ledger.read() as conn:
            assert events.chain_head(conn) == before
        return counts

    def news(self) -> dict[str, list[str]]:
        """Unit/post to the kinds, items and reasons of each new message."""
        with self.ledger.read() as conn:
            rows = [row for row in queries.messages(conn, limit=9999) if row["id"] not in self.seen]
            notices = queries.notices(conn)
        self.seen.update(row["id"] for row in rows)
        return {
            f"{row['unit']}/{row['post']}": [
                f"{each['kind']} {each['task']} {each['reason']}"
                for each in sorted(notices, key=lambda one: (one["due_on"] or date.max, one["id"]))
                if each["message"] == row["id"]
            ]
            for row in sorted(rows, key=lambda row: str(row["id"]))
        }

    def text_to(self, place: str) -> str:
        """The newest message to a unit/post."""
        with self.ledger.read() as conn:
            rows = [r for r in queries.messages(conn) if f"{r['unit']}/{r['post']}" == place]
        return str(rows[0]["subject"] + "\n" + rows[0]["text"])

    def notices(self, **where: object) -> list[Any]:
        with self.ledger.read() as conn:
            rows = queries.notices(conn)
        return [row for row in rows if all(row[name] == value for name, value in where.items())]

    def why(self, unit: str = "longhu", task: str = "", on: str = "") -> Answer:
        return answer(self.office, unit, task, date.fromisoformat(on) if on else None)


Starts = Callable[..., Play]


def starting(root: Path, ledger: Ledger, told: Told) -> Starts:
    def start(*tasks: Mapping[str, Any], at: str = HEAD, units: str = UNITS_YAML) -> Play:
        home = home_of(root / "home", {"tasks": [dict(each) for each in tasks]}, units=units)
        told.set(at)
        play = Play(Home(home), ledger, told, None)  # type: ignore[arg-type]  # opened by applies
        play.applies()
        return play

    return start
