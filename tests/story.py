"""Tells a story of tests/stories: a matrix, some days, and what each of them must bring.

A day's expectations are complete: a message or a waiting proposal that nobody expected fails. Every
stage is run twice, and the second run must leave no trace.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from cast import home_of, write_matrix
from conftest import Told
from duban import clock
from duban.desk import need_desk
from duban.errors import InputError
from duban.ledger import events, ladder, queries, requests, transitions
from duban.ledger.apply import apply
from duban.ledger.audit import rebuilt_differs
from duban.ledger.store import Ledger
from duban.office import Office
from duban.settings import Home
from duban.stages import SLOTS, stage_function
from duban.status import STATE_NAMES

MORNING = ("publish", "collect", "escalate", "remind")
ACTS = (
    *("edit", "history", "submit", "review", "extend", "ask", "answer", "acknowledge"),
    *("decide", "silence"),
)
BOUNDS = requests.Bounds()
_ITEM = re.compile(r"^\d+\. 【(?P<kind>.+?)】(?P<what>.+)$")
_FACT = re.compile(r"^   (?P<name>单位|说明|时限)：(?P<value>.+)$")

Story = Mapping[str, Any]


def read_story(path: Path) -> Story:
    """A story with every scalar as its own text."""
    found: Story = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return found


class Teller:
    """Plays a story in a home and a ledger, and keeps what was said since it last looked."""

    def __init__(self, story: Story, root: Path, ledger: Ledger, told: Told) -> None:
        self.story = story
        self.told = told
        self.home = Home(home_of(root, story["matrix"]))
        self.matrix = copy.deepcopy(dict(story["matrix"]))
        self.ledger = ledger
        self.office = self._open()
        self._said: set[str] = set()
        self._proposed: set[str] = set()

    def _open(self) -> Office:
        desk = need_desk(self.home, clock.day_of(self.told.moment))
        names = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
        return Office(**{name: getattr(desk, name) for name in names}, ledger=self.ledger)

    def tell(self) -> None:
        """Tell every day and check it; at the end the record must stand."""
        self.told.set(self.story["applied"])
        self._apply("")
        for day in self.story["days"]:
            self._day(day)
        with self.ledger.read() as conn:
            assert events.verify_chain(conn) is None
        assert rebuilt_differs(self.ledger) == []

    def _apply(self, confirmed: str) -> list[str]:
        planned = self.office.planned()
        found = apply(
            self.ledger, self.office.matrix, planned, actor="经办人（测试）", confirmed=confirmed
        )
        return found.sentences()

    # ---- a day ----

    def _day(self, day: Mapping[str, Any]) -> None:
        where = f"{self.story['name']}｜{day['at']}"
        unknown = set(day) - {"at", "until", "run", "expect", "refused", "why", *ACTS}
        assert not unknown, f"{where}：{unknown}"
        first = self._set(day["at"])
        self._act(day, where)
        for moment, stage in self._stages(day, first):
            self._run(stage, moment)
        self._expect(day.get("expect", {}), where, on=day["at"][:10])

    def _set(self, at: str) -> datetime:
        """A day alone means its beginning: the morning's stages follow."""
        return self.told.set(at if " " in at else f"{at} 00:10")

    def _stages(self, day: Mapping[str, Any], first: datetime) -> Iterator[tuple[datetime, str]]:
        if "run" in day:
            yield from ((first, name) for name in day["run"])
        elif " " not in day["at"]:
            last = date.fromisoformat(day.get("until", day["at"]))
            on = clock.day_of(first)
            while on <= last:
                yield from ((clock.at(on, SLOTS[name]), name) for name in MORNING)
                on += timedelta(days=1)

    def _run(self, stage: str, moment: datetime) -> None:
        self.told.moment = moment
        stage_function(stage)(self.office, moment)
        before = self._head()
        stage_function(stage)(self.office, moment)
        assert self._head() == before, f"{stage} {moment} 重复运行留下了记录"
        with self.ledger.write("deliver", moment) as writing:  # the post of this town never fails
            ladder.assume_sent(writing)

    def _head(self) -> tuple[int, str]:
        with self.ledger.read() as conn:
            return events.chain_head(conn)

    # ---- what people do ----

    def _act(self, day: Mapping[str, Any], where: str) -> None:
        refused = day.get("refused")
        try:
            for name in ACTS:
                for each in day.get(name, ()):
                    getattr(self, f"_{name}")(each)
        except InputError as problem:
            if refused is None or refused not in str(problem):
                raise
            return
        assert refused is None, f"{where}：应当拒绝而没有拒绝"

    def _edit(self, each: Mapping[str, Any]) -> None:
        """Change the text and apply it. ``task``: keys to change; ``strike``: a task to take out."""
        for task in self.matrix["tasks"]:
            if task["id"] == each.get("task"):
                task.update(each.get("change", {}))
        self.matrix["tasks"] = [
            task for task in self.matrix["tasks"] if task["id"] != each.get("strike")
        ]
        self.matrix["tasks"] += [each["add"]] if "add" in each else []
        self.matrix.update(each.get("plan", {}))
        write_matrix(self.home.root, self.matrix)
        self.office = self._open()
        sentences = self._apply(each.get("confirm", ""))
        for wanted in each.get("says", ()):
            assert any(wanted in sentence for sentence in sentences), sentences

    def _submit(self, each: Mapping[str, Any]) -> None:
        report = transitions.Report(
            progress=each.get("progress", "按计划推进。"),
            percent=int(each["percent"]) if "percent" in each else None,
            nil=each.get("nil") == "是",
            idem_key=each.get("idem"),
        )
        with self.ledger.write("联络员（测试）", self.told.moment) as writing:
            receipt = transitions.submit(writing, each["of"], report, actor=writing.actor)
        assert receipt.late == (each.get("late") == "是"), each
        assert receipt.repeated == (each.get("repeated") == "是"), each

    def _review(self, each: Mapping[str, Any]) -> None:
        with self.ledger.write("经办人（测试）", self.told.moment) as writing:
            row = queries.one_obligation(writing.conn, each["of"])
            assert row is not None
            if "return" in each:
                transitions.send_back(
                    writing,
                    row["submission"],
                    actor=writing.actor,
                    reason=each["return"],
                    calendar=self.office.calendar,
                    days=self.office.reminders.resubmit_days,
                )
            else:
                transitions.accept(writing, row["submission"], actor=writing.actor)

    def _extend(self, each: Mapping[str, Any]) -> None:
        """An extension of an office that does not want to be asked: it holds at once."""
        self._ask({"kind": "extension", **each}, requests.Bounds(needs_office=False))

    def _ask(self, each: Mapping[str, Any], bounds: requests.Bounds = BOUNDS) -> None:
        given = ("until", "into", "title", "phrase", "unit", "parts", "targets")
        asked = requests.Asked(
            each["kind"],
            each["reason"],
            each.get("progress", "已完成前期工作"),
            {name: each[name] for name in given if name in each},
        )
        with self.ledger.write("联络员（测试）", self.told.moment) as writing:
            requests.ask(
                writing,
                each["of"],
                asked,
                actor=writing.actor,
                calendar=self.office.calendar,
                bounds=bounds,
            )

    def _answer(self, each: Mapping[str, Any]) -> None:
        with self.ledger.write(each["by"], self.told.moment) as writing:
            waiting = [
                row["id"]
                for row in requests.of(writing.conn, each["of"])
                if row["state"] == "waiting"
            ]
            requests.decide(
                writing,
                (waiting or ["—"])[0],
                grant=each["grant"] == "是",
                by=each["by"],
                reason=each.get("reason", ""),
                doc_no=each.get("doc", ""),
                date=date.fromisoformat(each["date"]) if "date" in each else None,
                calendar=self.office.calendar,
            )

    def _silence(self, each: Mapping[str, str]) -> None:
        with self.ledger.write("办公室") as writing:
            transitions.silence(
                writing,
                each["unit"],
                task=each.get("task", ""),
                post=each.get("post", ""),
                until_on=date.fromisoformat(each["until"]),
                author=writing.actor,
                reason=each["reason"],
            )

    def _acknowledge(self, each: str) -> None:
        with self.ledger.write("联络员（测试）", self.told.moment) as writing:
            assert transitions.acknowledge(writing, each, actor=writing.actor)

    def _decide(self, each: Mapping[str, Any]) -> None:
        with self.ledger.write(each["by"], self.told.moment) as writing:
            transitions.decide_proposal(
                writing,
                each["of"],
                confirm=each["confirm"] == "是",
                actor=each["by"],
                reason=each.get("reason", ""),
            )

    def _history(self, each: Mapping[str, Any]) -> None:
        with self.ledger.write("经办人（测试）", self.told.moment) as writing:
            done = date.fromisoformat(each["done"]) if "done" in each else None
            transitions.adopt(
                writing, each["of"], done_on=done, actor=writing.actor, reason="历史导入"
            )

    # ---- what must have come of it ----

    def _expect(self, expect: Mapping[str, Any], where: str, *, on: str) -> None:
        unknown = set(expect) - {
            "messages",
            "proposals",
            "notices",
            "states",
            "due",
            "rounds",
            "texts",
        }
        assert not unknown, f"{where}：{unknown}"
        with self.ledger.read() as conn:
            told = self._new_messages(conn)
            waiting = self._new_proposals(conn)
            rows = {row["key"]: row for row in queries.obligations(conn)}
            texts = [row["text"] for row in queries.messages(conn, limit=10_000)]
            notices = {(row["obligation"], row["rung"]): row for row in queries.notices(conn)}
        expected = [_wanted(each, on) for each in expect.get("messages", ())]
        assert told == expected, f"{where}：实际发出\n{_as_yaml(told)}"
        assert waiting == sorted(expect.get("proposals", ())), where
        for wanted in expect.get("texts", ()):
            assert any(wanted in text for text in texts), f"{where}：没有一封信写着“{wanted}”"
        for key, state in expect.get("states", {}).items():
            assert STATE_NAMES[rows[key]["state"]] == state, f"{where}：{key}"
        for key, due in expect.get("due", {}).items():
            assert str(rows[key]["due_on"] or "未起算") == due, f"{where}：{key}"
        for key, number in expect.get("rounds", {}).items():
            assert str(rows[key]["round"]) == number, f"{where}：{key}"
        for each in expect.get("notices", ()):
            found = notices.get((each["of"], each["rung"]))
            outcome = found["outcome"] if found else "没有"
            assert outcome == each["outcome"], f"{where}：{each}"
            assert each.get("reason", "") in (found["reason"] if found else ""), where

    def _new_messages(self, conn: Any) -> list[dict[str, Any]]:
        rows = [row for row in queries.messages(conn, limit=10_000) if row["id"] not in self._said]
        self._said.update(row["id"] for row in rows)
        return [
            self._shown(row) for row in sorted(rows, key=lambda row: (row["created_at"], row["id"]))
        ]

    def _shown(self, row: Any) -> dict[str, Any]:
        reader = self.office.matrix.directory.units[row["unit"]].short
        return {
            "on": clock.day_of(row["created_at"]).isoformat(),
            "to": f"{reader}/{row['post']}",
            "urgent": bool(row["urgent"]),
            "lines": list(_lines(row["text"], reader)),
        }

    def _new_proposals(self, conn: Any) -> list[str]:
        rows = [row for row in ladder.proposals(conn) if row["id"] not in self._proposed]
        self._proposed.update(row["id"] for row in rows)
        units = self.office.matrix.directory.units
        return sorted(
            f"{row['name']} {units[row['unit']].short} {row['task']}（{row['label']}）"
            for row in rows
            if row["state"] == "waiting"
        )


def _as_yaml(told: list[dict[str, Any]]) -> str:
    text: str = yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=300)
    return text


def _wanted(each: Mapping[str, Any], on: str) -> dict[str, Any]:
    return {
        "on": each.get("on", on),
        "to": each["to"],
        "urgent": each.get("urgent") == "是",
        "lines": list(each["lines"]),
    }


def _lines(text: str, reader: str) -> Iterator[str]:
    """A message's lines as its reader sees them: kind, unit when it is another's, item, reason."""
    kind, what, facts = "", "", dict[str, str]()
    for line in [*text.splitlines(), "1. 【】-"]:
        item, fact = _ITEM.match(line), _FACT.match(line)
        if fact:
            facts[fact["name"]] = fact["value"]
        elif line.startswith("1. 【】") or item:
            if kind:
                owner = "" if facts.get("单位") in {None, reader} else f" {facts['单位']}"
                yield f"{kind}{owner} {what}｜{facts.get('说明', '')}"
            kind, what, facts = (item["kind"], item["what"], {}) if item else ("", "", {})
