"""Which escalation steps an obligation has reached: one pure decision over ladders and facts.

A step has a trigger; all parts of it that are written must hold. Severe steps (通报, 约谈, 问责) are
proposals until a named person confirms them; enterprises and institutions are never escalated
(政府督查工作条例, 国令733号).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from duban import clock
from duban.ladders import EscalationPolicy, Ladder, Step, paper_for
from duban.lamps import COLOUR_WORDS
from duban.matrix.model import UnitKind
from duban.workdays import Calendar

STATED_CHARS = 500


@dataclass(frozen=True, slots=True)
class Overdue:
    """An open obligation as the scan of the ledger finds it. ``taken``: the highest step of this climb.

    ``late_days`` and ``late_working``: used up before a report that was returned; the ladder goes on there.
    ``policy`` and ``ladder``: what was frozen onto it, empty while nothing has started.
    """

    obligation: str
    unit: str
    unit_kind: UnitKind
    task: str
    kind: str
    due_on: date
    round: int
    urgent: bool
    deadline_class: str = "planned"
    late_days: int = 0
    late_working: int = 0
    policy: str = ""
    ladder: str = ""
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Told:
    """A step that was taken before: the day, whether it went out, and whether it arrived anywhere."""

    on: date
    sent_out: bool  # taken or confirmed, so that notices exist
    arrived: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What only the shortlist is asked for. ``lamps``: colours of closed months, the newest first."""

    missed_in_row: int = 0
    lamps: tuple[str, ...] = ()
    times: Mapping[str, int] | None = None  # step id to how often its papers came this year
    unanswered: int = 0
    stated: str = ""  # the reason that the unit gave
    told: Mapping[str, Told] | None = None  # step id to when it was told


NOTHING = Facts()


@dataclass(frozen=True, slots=True)
class Raise:
    """A step reached: taken at once, or a proposal that waits for a person."""

    of: Overdue
    step: Step
    waits: bool
    reason: str
    paper: str
    name: str  # how it is called towards this unit
    policy: str
    ladder: str
    stated: str = ""
    unheard: str = ""  # the preceding step whose notice never arrived


class Ladders:
    """The policy in force and those frozen earlier; says which ladder an obligation climbs."""

    def __init__(
        self, current: EscalationPolicy, frozen: Mapping[str, EscalationPolicy] | None = None
    ) -> None:
        self.current = current
        self._frozen = {**(frozen or {}), current.version: current}
        self._found: dict[tuple[str, ...], tuple[EscalationPolicy, Ladder]] = {}

    def of(self, each: Overdue) -> tuple[EscalationPolicy, Ladder]:
        """The policy and ladder that hold for an obligation."""
        key = (each.policy, each.ladder, each.unit_kind.value, each.kind, each.deadline_class)
        found = self._found.get(key)
        if found is None:
            policy = self._frozen.get(each.policy, self.current)
            ladder = policy.ladder(each.ladder) if each.policy in self._frozen else None
            found = policy, ladder or policy.ladder_for(*key[2:])
            self._found[key] = found
        return found

    def policy(self, version: str) -> EscalationPolicy | None:
        """A policy by version, if it is known."""
        return self._frozen.get(version)

    @property
    def all(self) -> tuple[EscalationPolicy, ...]:
        """Every policy that may still hold for something."""
        return tuple(self._frozen.values())

    @property
    def asks(self) -> frozenset[str]:
        """Which of the costlier facts any of them asks for."""
        return frozenset().union(*(each.asks for each in self.all))

    @property
    def lamp_colours(self) -> frozenset[str]:
        """Colours that set any step off."""
        return frozenset(c for each in self.all for step in each.steps for c in step.lamps)


# ---- the decision --------------------------------------------------------------------------------


class Shortlist:
    """Tells quickly for which obligations a step may be new; what is asked for costs only for those."""

    def __init__(self, ladders: Ladders, calendar: Calendar, now: datetime) -> None:
        self._ladders, self._calendar = ladders, calendar
        self._today = clock.day_of(now)
        self._known: dict[tuple[object, ...], tuple[Step, ...]] = {}

    def late(self, each: Overdue) -> tuple[int, int]:
        """Days and working days overdue, what was used up before a return included."""
        days, working = (self._today - each.due_on).days, 0
        if each.due_on <= self._today:
            working = self._calendar.between(each.due_on, self._today)
        else:
            working = -self._calendar.between(self._today, each.due_on)
        carried = days > 0
        return days + each.late_days * carried, working + each.late_working * carried

    def steps(self, each: Overdue) -> tuple[Step, ...]:
        """The steps whose days have come and that were not taken in this climb."""
        if not each.unit_kind.supervised:
            return ()
        key = (
            each.due_on, each.late_working, each.late_days, each.urgent, each.taken,
            each.policy, each.ladder, each.unit_kind, each.kind, each.deadline_class,
        )  # fmt: skip
        found = self._known.get(key)
        if found is None:
            ladder = self._ladders.of(each)[1]
            found = tuple(
                step for step in _above(ladder, each) if self._days_came(ladder, step, each)
            )
            self._known[key] = found
        return found

    def _days_came(self, ladder: Ladder, step: Step, each: Overdue) -> bool:
        days, working = self.late(each)
        if each.urgent and ladder.starts_urgent(step) and days >= ladder.first_days:
            return True
        return step.overdue is None or (working if step.working else days) >= step.overdue


def _above(ladder: Ladder, each: Overdue) -> tuple[Step, ...]:
    """The steps above the highest that was taken: a ladder is never climbed downwards."""
    taken = [n for n, step in enumerate(ladder.steps) if step.id in each.taken]
    return ladder.steps[max(taken, default=-1) + 1 :]


def decide(
    ladders: Ladders,
    calendar: Calendar,
    now: datetime,
    found: Iterable[tuple[Overdue, Facts]],
    *,
    to_lower: str = "工作提示",
) -> list[Raise]:
    """The steps reached and not yet taken, each once per obligation and climb.

    A step follows a told one only when that notice has arrived, or after the bounded wait of the policy:
    so an outage is caught up rung by rung. ``to_lower``: the paper that townships get instead of an order.
    """
    shortlist = Shortlist(ladders, calendar, now)
    return [
        raised
        for each, facts in found
        for raised in _climb(
            _Case(each, facts, *ladders.of(each), shortlist, calendar, clock.day_of(now), to_lower)
        )
    ]


@dataclass(frozen=True, slots=True)
class _Case:
    """One obligation with all that its decision looks at."""

    each: Overdue
    facts: Facts
    policy: EscalationPolicy
    ladder: Ladder
    shortlist: Shortlist
    calendar: Calendar
    today: date
    to_lower: str

    def passed(self, since: date, *, working: bool = True) -> int:
        """Working days or days since a day."""
        return self.calendar.between(since, self.today) if working else (self.today - since).days

    def told(self, step: str) -> Told | None:
        """When an earlier step was told."""
        return (self.facts.told or {}).get(step)


def _climb(case: _Case) -> Iterable[Raise]:
    ready = {step.id for step in case.shortlist.steps(case.each)}
    just_told = False
    for step in case.ladder.steps:
        if step.id not in ready or not _holds(case, step):
            continue
        together = case.each.urgent and case.ladder.starts_urgent(step)
        unheard = "" if together else _unheard(case, step)
        if not together and (just_told or (unheard and _still_waits(case, unheard))):
            return  # the next step waits until the one before has arrived
        raised = _raise(case, step, unheard)
        just_told = just_told or not raised.waits
        yield raised


def _holds(case: _Case, step: Step) -> bool:
    """Every part of the trigger besides the days."""
    facts = case.facts
    if step.misses_in_row is not None and facts.missed_in_row < step.misses_in_row:
        return False
    if step.lamps and bad_months(step, facts.lamps) < step.lamps_in_row:
        return False
    if step.times_in_year is not None and (facts.times or {}).get(step.id, 0) < step.times_in_year:
        return False
    if step.unanswered is not None and facts.unanswered < step.unanswered:
        return False
    at_once = case.each.urgent and case.ladder.starts_urgent(step)
    return not step.after_step or at_once or _long_after(case, step)


def bad_months(step: Step, lamps: tuple[str, ...]) -> int:
    """How many of the newest closed months in a row showed one of the step's colours."""
    count = 0
    for colour in lamps:
        if colour not in step.lamps:
            break
        count += 1
    return count


def _long_after(case: _Case, step: Step) -> bool:
    before = case.told(step.after_step)
    if before is None or not before.sent_out:
        return False
    return case.passed(before.on, working=step.working) >= step.after


def _unheard(case: _Case, step: Step) -> str:
    """The nearest step below that was sent out, if it reached nobody; empty when all is well."""
    for before in reversed(case.ladder.milder(step.id)):
        told = case.told(before.id)
        if told is not None and told.sent_out:
            return "" if told.arrived else before.id
    return ""


def _still_waits(case: _Case, unheard: str) -> bool:
    told = case.told(unheard)
    return told is not None and case.passed(told.on) < case.policy.delivery_wait


def _raise(case: _Case, step: Step, unheard: str) -> Raise:
    paper, name = paper_for(step, case.each.unit_kind, case.to_lower)
    stated = case.facts.stated[:STATED_CHARS]
    return Raise(
        of=case.each,
        step=step,
        waits=step.confirm or step.severe or (step.unreasoned and bool(stated)),
        reason=_reason(case, step, paper, unheard),
        paper=paper,
        name=name,
        policy=case.policy.version,
        ladder=case.ladder.id,
        stated=stated,
        unheard=unheard,
    )


def _reason(case: _Case, step: Step, paper: str, unheard: str) -> str:
    late = _how_late(*case.shortlist.late(case.each))
    parts = ["，".join([late, *_extras(step, case.facts), f"达到“{step.name}”的条件"])]
    if paper != step.paper:
        parts.append(f"对乡镇街道发{paper}，不发{step.paper}")
    before = case.ladder.step(unheard)
    if before is not None:
        parts.append(f"前一级“{before.name}”等了{case.policy.delivery_wait}个工作日仍未送达")
    if step.unreasoned:
        stated = "单位说明了理由，是否正当请先认定"
        parts.append(stated if case.facts.stated else "单位没有说明理由")
    return "；".join(parts)


def _how_late(days: int, working: int) -> str:
    if days > 0:
        return f"已逾期{working}个工作日（{days}天）"
    return f"距时限还有{-working}个工作日" if days < 0 else "今天到期"


def _extras(step: Step, facts: Facts) -> Iterable[str]:
    if step.misses_in_row is not None:
        yield f"同一任务连续{facts.missed_in_row}期未报"
    if step.lamps:
        yield f"连续{bad_months(step, facts.lamps)}个月亮{'、'.join(COLOUR_WORDS[c] for c in step.lamps)}灯"
    if step.times_in_year is not None:
        count = (facts.times or {}).get(step.id, 0)
        yield f"今年第{count}次收到{'、'.join(step.times_of)}"
    if step.unanswered is not None:
        yield f"已送达{facts.unanswered}次提醒没有回应"


def latest_due(ladders: Ladders, calendar: Calendar, now: datetime) -> date:
    """The newest due date that any dated step can have reached: the ledger is asked only up to here."""
    today = clock.day_of(now)
    found = [today - timedelta(days=1)]
    for step in (step for policy in ladders.all for step in policy.steps):
        if step.overdue is not None and step.overdue < 0:
            ahead = -step.overdue
            found.append(calendar.add(today, ahead) if step.working else today + timedelta(ahead))
    # Rest days behind the last working day count as the same number of working days.
    latest = max(found)
    return latest if latest < today else calendar.next_workday(latest) - timedelta(days=1)


# ---- how long a proposal has waited --------------------------------------------------------------


def working_minutes(
    calendar: Calendar, opens: time, closes: time, start: datetime, end: datetime
) -> int:
    """Minutes of working time between two moments: the office's hours on working days."""
    total, day = 0, clock.day_of(start)
    while day <= clock.day_of(end):
        if calendar.is_workday(day):
            begins, ends = max(clock.at(day, opens), start), min(clock.at(day, closes), end)
            total += max(0, int((ends - begins).total_seconds()) // 60)
        day += timedelta(days=1)
    return total
