"""What granting a request does to an obligation: the events, with the old values kept beside the new.

No effect ever changes ``original_due_on``: what was first promised stays in the record, and parts of a
split carry it on. ``obligation.adjusted`` holds what the office changed against the matrix, so that
applying the unchanged matrix again does not undo a decision.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from duban import clock
from duban.ledger import request_rules as rules
from duban.ledger.canon import canonical
from duban.ledger.events import Draft
from duban.ledger.request_rules import Values
from duban.obligations import due_moment
from duban.workdays import Calendar

REASON_CHARS = 240


@dataclass(frozen=True, slots=True)
class Grant:
    """A decision to grant: the obligation, the request, and what the office said.

    ``proposal``: as asked, or with the day that the office decided instead.
    """

    row: Values
    request: Values
    proposal: Values
    by: str
    why: str
    doc_no: str
    at: datetime
    calendar: Calendar
    into: Values | None = None

    @property
    def key(self) -> str:
        """The obligation's key."""
        return str(self.row["key"])

    @property
    def today(self) -> date:
        """The day of the decision."""
        return clock.day_of(self.at)

    def change(self, kind: str, changed: Values, key: str = "") -> Draft:
        """An event on an obligation, caused by the request."""
        key = key or self.key
        return Draft(
            kind, key, {"key": key, **changed}, self.why, key, cause=str(self.request["id"])
        )

    def adjusted(self, row: Values, **values: tuple[Any, Any]) -> str:
        """The row's adjustments with more of them, each ``(old, new)``; the first old value stays."""
        known = json.loads(row["adjusted"] or "{}")
        for name, (old, new) in values.items():
            was = known[name]["was"] if name in known else _plain(old)
            known[name] = {
                "was": was,
                "now": _plain(new),
                "doc_no": self.doc_no,
                "request": self.request["id"],
            }
        return canonical(known)


def _plain(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value


def effects(grant: Grant) -> Iterator[Draft]:
    """The events on obligations that a granted request causes. Raises InputError when it cannot be."""
    yield from _EFFECTS[str(grant.request["kind"])](grant)


def _extension(grant: Grant) -> Iterator[Draft]:
    """A new due that supersedes: the round goes up, so that rungs of the old due never fire again."""
    until = rules.extension_day(grant.row, rules.read_day(grant.proposal.get("until")))
    if until < grant.today:
        raise rules.refuse(
            "extend-date", f"同意的新时限 {until} 已经过去。", "另定一个日期，或不予同意。"
        )
    changed = {
        "due_on": until,
        "due_at": due_moment(until, None),
        "extended": grant.row["extended"] + 1,
        "round": grant.row["round"] + 1,
        "missed_at": None,  # it was asked for in time: waiting for the answer is not a failure
        "reason": f"延期至{until}：{grant.request['reason']}"[:REASON_CHARS],
    }
    yield grant.change("obligation.extended", changed)


def _suspension(grant: Grant) -> Iterator[Draft]:
    """The clock stops: the working days that were left are kept, at least none."""
    until = rules.suspension_day(rules.read_day(grant.proposal.get("until")), grant.today)
    left = max(grant.calendar.between(grant.today, grant.row["due_on"]), 0)
    changed = {
        "state": "suspended",
        "is_open": 0,
        "remaining_days": left,
        "reason": f"暂缓至{until}，恢复后还有{left}个工作日"[:REASON_CHARS],
    }
    yield grant.change("obligation.suspended", changed)


def resumed(row: Values, today: date, calendar: Calendar) -> dict[str, Any]:
    """What changes when a suspended obligation goes on: the kept working days from today on."""
    due_on = calendar.add(calendar.roll(today), row["remaining_days"] or 0)
    ends = clock.local(row["due_at"])
    given = None if (ends.hour, ends.minute) == (23, 59) else ends.time()
    state = "returned" if row["returned"] and row["acked_at"] is None else "active"
    return {
        "state": state if row["acked_at"] or row["returned"] else "waiting",
        "is_open": 1,
        "due_on": due_on,
        "due_at": due_moment(due_on, given),
        "round": row["round"] + 1,
        "remaining_days": None,
        "missed_at": None,
        "reason": "",
    }


def _adjustment(grant: Grant) -> Iterator[Draft]:
    """New wording or targets beside the old; another unit gets the item with its own key."""
    named = {name: grant.proposal[name] for name in ("title", "phrase") if name in grant.proposal}
    values = {name: (grant.row[name], str(new).strip()) for name, new in named.items()}
    for indicator, given in grant.proposal.get("targets", {}).items():
        values[f"target:{indicator}"] = (given.get("was"), str(given["now"]))
    changed: dict[str, Any] = {name: values[name][1] for name in named}
    if "unit" in grant.proposal:
        yield from _moved_unit(grant, str(grant.proposal["unit"]), changed)
        return
    changed["adjusted"] = grant.adjusted(grant.row, **values)
    yield grant.change("obligation.adjusted", changed)


def unit_key(key: str, unit: str) -> str:
    """An obligation's key with another unit in it."""
    task, _, rest = key.split("/", maxsplit=2)
    return f"{task}/{unit}/{rest}"


def _moved_unit(grant: Grant, unit: str, texts: Values) -> Iterator[Draft]:
    key = unit_key(grant.key, unit)
    ended = {
        "state": "merged",
        "is_open": 0,
        "reason": f"移交{unit}办理（{grant.doc_no}）"[:REASON_CHARS],
        "adjusted": grant.adjusted(grant.row, unit=(grant.row["unit"], unit)),
    }
    yield grant.change("obligation.adjusted", ended)
    yield grant.change("obligation.planned", _heir(grant, key, unit=unit, **texts), key)


def _withdrawal(grant: Grant) -> Iterator[Draft]:
    ended = {
        "state": "cancelled",
        "is_open": 0,
        "reason": f"经批准取消（{grant.doc_no}）"[:REASON_CHARS],
        "adjusted": grant.adjusted(grant.row, state=(grant.row["state"], "cancelled")),
    }
    yield grant.change("obligation.cancelled", ended)


def _merge(grant: Grant) -> Iterator[Draft]:
    """The one it goes into takes its weight, so that what a unit owes weighs as much as before."""
    assert grant.into is not None
    into = grant.into
    ended = {
        "state": "merged",
        "is_open": 0,
        "reason": f"并入“{into['title']}”（{into['label']}）"[:REASON_CHARS],
        "adjusted": grant.adjusted(grant.row, state=(grant.row["state"], "merged")),
    }
    weight = into["weight"] + grant.row["weight"]
    taken = {"weight": weight, "adjusted": grant.adjusted(into, weight=(into["weight"], weight))}
    yield grant.change("obligation.merged", ended)
    yield grant.change("obligation.adjusted", taken, str(into["key"]))


def _split(grant: Grant) -> Iterator[Draft]:
    """Parts whose weights are exactly the whole's; none may be due later than the whole."""
    parts = rules.split_parts(grant.row, grant.proposal)
    ended = {
        "state": "merged",
        "is_open": 0,
        "reason": f"拆分为{len(parts)}部分",
        "adjusted": grant.adjusted(grant.row, state=(grant.row["state"], "split")),
    }
    yield grant.change("obligation.split", ended)
    weights = rules.weights_of(grant.row["weight"], [part.share for part in parts])
    for number, (part, weight) in enumerate(zip(parts, weights, strict=True), 1):
        key = f"{grant.key}~{number}"
        row = _heir(
            grant,
            key,
            title=part.title,
            label=f"{grant.row['label']}（第{number}部分，{part.share:f}%）",
            due_on=part.due,
            due_at=due_moment(part.due, None),
            original_due_on=min(part.due, grant.row["original_due_on"] or part.due),
            weight=weight,
        )
        yield grant.change("obligation.planned", row, key)


_INHERITED = (
    *("plan", "task", "unit", "role", "kind", "period", "label", "title", "phrase"),
    *("opens_on", "due_on", "due_at", "original_due_on", "provisional", "weight"),
    *("deadline_class", "urgent", "extended"),
)


def _heir(grant: Grant, key: str, **own: Any) -> dict[str, Any]:
    """A new obligation that goes on where this one ends: with its dues and its used-up extension."""
    state = {"state": "waiting", "is_open": 1} if grant.row["due_on"] else {"state": "unstarted"}
    row = {name: grant.row[name] for name in _INHERITED} | {"is_open": 0} | state | own
    return row | {"key": key, "origin": grant.request["id"], "reason": ""}


_EFFECTS = {
    "extension": _extension,
    "suspension": _suspension,
    "adjustment": _adjustment,
    "withdrawal": _withdrawal,
    "merge": _merge,
    "split": _split,
}
