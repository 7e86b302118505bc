"""Which escalation steps an overdue obligation has reached: the ladder as data and one pure decision.

Steps run by working days or days overdue. Severe steps (通报, 约谈, 问责) are proposals until a named
person confirms them; enterprises and institutions are never escalated (政府督查工作条例, 国令733号).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from duban import clock
from duban.errors import Issues
from duban.matrix.model import POSTS, UnitKind
from duban.workdays import Calendar
from duban.yamltext import Row, read_rows

PAPERS = ("催办", "督办单", "通报", "约谈", "问责")
SEVERE = frozenset({"通报", "约谈", "问责"})


@dataclass(frozen=True, slots=True)
class Step:
    """A step: how overdue, or how often missed in a row; whom it tells; which paper it is."""

    id: str
    name: str
    overdue: int | None  # days or working days past the due
    working: bool
    misses_in_row: int | None  # reports of one task missed one after another
    to: tuple[str, ...]
    copies: tuple[str, ...]
    paper: str
    confirm: bool


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """``config/escalation.yaml`` and the hash that is frozen onto what it started."""

    steps: tuple[Step, ...]
    urgent_from: str  # the step at which urgent tasks start
    version: str

    @property
    def first_days(self) -> int:
        """The fewest days overdue at which anything can happen."""
        return min((step.overdue for step in self.steps if step.overdue is not None), default=1)

    def starts_urgent(self, step: Step) -> bool:
        """Whether an urgent task takes this step as soon as it is overdue at all."""
        ids = [each.id for each in self.steps]
        return self.urgent_from in ids and ids.index(step.id) <= ids.index(self.urgent_from)


@dataclass(frozen=True, slots=True)
class Overdue:
    """What the decision needs to know of an open obligation that is past its due."""

    obligation: str
    unit: str
    unit_kind: UnitKind
    task: str
    kind: str
    due_on: date
    round: int
    urgent: bool
    missed_in_row: int = 0


@dataclass(frozen=True, slots=True)
class Raise:
    """A step reached: taken at once, or a proposal that waits for a person."""

    of: Overdue
    step: Step
    waits: bool
    reason: str


def decide(
    policy: EscalationPolicy,
    calendar: Calendar,
    now: datetime,
    overdue: Iterable[Overdue],
    taken: Mapping[tuple[str, int], Set[str]],
) -> list[Raise]:
    """The steps reached and not yet taken, each once per obligation and round.

    ``taken``: (obligation, round) to step ids already raised. After an outage every step that was
    passed is raised, so that the record has no hole; messages are grouped later.
    """
    today = clock.day_of(now)
    found: list[Raise] = []
    late: dict[date, tuple[int, int]] = {}
    for each in overdue:
        if not each.unit_kind.supervised:
            continue
        if each.due_on not in late:
            late[each.due_on] = ((today - each.due_on).days, calendar.between(each.due_on, today))
        before = taken.get((each.obligation, each.round), frozenset())
        found.extend(
            Raise(each, step, step.confirm, _reason(step, each, *late[each.due_on]))
            for step in policy.steps
            if step.id not in before and _reached(policy, step, each, *late[each.due_on])
        )
    return found


def _reached(
    policy: EscalationPolicy, step: Step, each: Overdue, days: int, working_days: int
) -> bool:
    if step.misses_in_row is not None and each.missed_in_row < step.misses_in_row:
        return False
    if each.urgent and policy.starts_urgent(step):
        return days >= policy.first_days
    return step.overdue is None or (working_days if step.working else days) >= step.overdue


def _reason(step: Step, each: Overdue, days: int, working_days: int) -> str:
    late = f"已逾期{working_days}个工作日（{days}天）"
    if step.misses_in_row is not None:
        late += f"，同一任务连续{each.missed_in_row}期未报"
    return f"{late}，达到“{step.name}”的条件"


def latest_due(policy: EscalationPolicy, calendar: Calendar, now: datetime) -> date:
    """The newest due date that any step can have reached: the ledger is asked only up to here."""
    today = clock.day_of(now)
    found = [today - timedelta(days=policy.first_days)]
    found += [
        calendar.add(today, -step.overdue) if step.working else today - timedelta(days=step.overdue)
        for step in policy.steps
        if step.overdue is not None
    ]
    return min(max(found), today - timedelta(days=1))


def load_escalation(path: Path, shown_as: str, issues: Issues) -> EscalationPolicy | None:
    """Read ``config/escalation.yaml``; mistakes go to ``issues``."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return None
    steps = tuple(_step(entry) for entry in row.rows("steps"))
    urgent_from = row.text("urgent_from")
    row.close()
    ids = [step.id for step in steps]
    if len(ids) != len(set(ids)) or not ids:
        issues.error(
            "steps", row.place_of("steps"), "督办梯级为空，或编号重复。", "每一级给一个不同的 id。"
        )
    if urgent_from and urgent_from not in ids:
        issues.error(
            "urgent-from",
            row.place_of("urgent_from"),
            f"没有“{urgent_from}”这一级。",
            f"可选：{'、'.join(ids)}。",
        )
    version = hashlib.sha256(repr(steps).encode()).hexdigest()[:16]
    return EscalationPolicy(steps, urgent_from, version)


def _step(row: Row) -> Step:
    step = Step(
        id=row.text("id", required=True),
        name=row.text("name", required=True),
        overdue=row.integer("overdue", 1, least=1) if row.has("overdue") else None,
        working=row.choice("count", ("working_days", "days"), "working_days") == "working_days",
        misses_in_row=row.integer("misses_in_row", 2, least=2)
        if row.has("misses_in_row")
        else None,
        to=_posts(row, "to"),
        copies=_posts(row, "copies"),
        paper=row.choice("paper", PAPERS, "催办", required=True),
        confirm=row.flag("confirm"),
    )
    if step.overdue is None and step.misses_in_row is None:
        row.issues.error(
            "no-trigger",
            row.place,
            f"梯级“{step.name}”没有触发条件。",
            "写 overdue: 天数，或 misses_in_row: 次数。",
        )
    if step.paper in SEVERE and not step.confirm:
        row.issues.error(
            "severe-unconfirmed",
            row.place_of("paper"),
            f"{step.paper}必须由具名的人确认后才能发出。",
            "加上 confirm: 是。",
        )
    row.close()
    return step


def _posts(row: Row, key: str) -> tuple[str, ...]:
    posts = tuple(text.raw for text in row.texts(key))
    for post in posts:
        if post not in POSTS:
            row.issues.error(
                "post", row.place_of(key), f"不认识的岗位“{post}”。", f"可用：{'、'.join(POSTS)}。"
            )
    return posts
