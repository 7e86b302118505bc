"""Escalation ladders as values: steps, for whom a ladder is meant, and the policy that holds them.

A coordinating office gives no orders to townships (《整治形式主义为基层减负若干规定》): what would be a
督办单 leaves as a 工作提示 or 函.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from duban.errors import Place
from duban.matrix.model import UnitKind

PAPERS = ("催办", "工作提示", "函", "督办单", "督办函", "通报", "约谈", "问责")
SEVERE = frozenset({"通报", "约谈", "问责"})
ORDERS = frozenset({"督办单", "督办函"})
"""Papers that order something: a coordinating office does not send them to townships."""
GRAVITY: Mapping[str, int] = {
    **dict.fromkeys(("工作提示", "函", "督办单", "督办函"), 1),
    "催办": 0,
    "通报": 2,
    "约谈": 3,
    "问责": 4,
}
"""How grave a paper is; a ladder never becomes milder on the way up."""
LOWER = frozenset({UnitKind.TOWNSHIP, UnitKind.STREET})


@dataclass(frozen=True, slots=True)
class Step:
    """A step: what sets it off, whom it tells, which paper it is, who must confirm it.

    ``overdue``: days or working days past the due (negative: before it). ``lamps`` and ``lamps_in_row``:
    so many closed months in a row with one of these colours. ``times_in_year``: so many papers of these
    kinds to one unit in a calendar year. ``unanswered``: reminders that arrived without an answer.
    ``after_step``: so many days after an earlier step. ``unreasoned``: where the unit stated a reason, a
    person judges first whether it is a good one. ``timeout``: working hours until an undecided proposal is
    told again (``go``: leaves by itself). ``score``: what the step means for the assessment.
    """

    id: str
    name: str
    to: tuple[str, ...]
    copies: tuple[str, ...]
    paper: str
    confirm: bool
    overdue: int | None = None
    working: bool = True
    misses_in_row: int | None = None
    lamps: tuple[str, ...] = ()
    lamps_in_row: int = 1
    times_in_year: int | None = None
    times_of: tuple[str, ...] = ()
    unanswered: int | None = None
    after_step: str = ""
    after: int = 0
    unreasoned: bool = False
    timeout: int | None = None
    goes: bool = False
    score: str = ""

    @property
    def severe(self) -> bool:
        """Whether a named person must confirm it, whatever the file says."""
        return self.paper in SEVERE

    @property
    def posts(self) -> tuple[str, ...]:
        """Everybody it is told to, copies last."""
        return tuple(dict.fromkeys((*self.to, *self.copies)))


@dataclass(frozen=True, slots=True)
class Ladder:
    """Steps from mild to grave, and for whom. Nothing named means everybody."""

    id: str
    name: str
    steps: tuple[Step, ...]
    urgent_from: str = ""  # the step at which urgent tasks start
    units: tuple[str, ...] = ()  # kinds of unit
    kinds: tuple[str, ...] = ()  # finish | milestone | report | summary
    classes: tuple[str, ...] = ()  # planned | internal | hard

    def takes(self, unit_kind: str, kind: str, deadline_class: str) -> bool:
        """Whether this ladder is meant for such an obligation."""
        return (
            (not self.units or unit_kind in self.units)
            and (not self.kinds or kind in self.kinds)
            and (not self.classes or deadline_class in self.classes)
        )

    @property
    def first_days(self) -> int:
        """The fewest days overdue at which anything can happen to an urgent task."""
        return max(1, min((s.overdue for s in self.steps if s.overdue is not None), default=1))

    def starts_urgent(self, step: Step) -> bool:
        """Whether an urgent task takes this step as soon as it is overdue at all."""
        ids = [each.id for each in self.steps]
        return self.urgent_from in ids and ids.index(step.id) <= ids.index(self.urgent_from)

    def step(self, step: str) -> Step | None:
        """A step by id."""
        return next((each for each in self.steps if each.id == step), None)

    def milder(self, step: str) -> tuple[Step, ...]:
        """The steps below one: what a person may soften it to."""
        ids = [each.id for each in self.steps]
        return self.steps[: ids.index(step)] if step in ids else ()


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """``config/escalation.yaml``; the last ladder takes what no other took."""

    ladders: tuple[Ladder, ...]
    delivery_wait: int  # working days to wait for the preceding notice to arrive
    title: str
    version: str  # of the whole content; frozen onto what it started on
    places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step of every ladder once, in order."""
        return tuple({s.id: s for ladder in self.ladders[::-1] for s in ladder.steps}.values())

    def ladder_for(self, unit_kind: str, kind: str, deadline_class: str) -> Ladder:
        """The first ladder that takes such an obligation."""
        found = (each for each in self.ladders if each.takes(unit_kind, kind, deadline_class))
        return next(found, self.ladders[-1])

    def ladder(self, ladder: str) -> Ladder | None:
        """A ladder by id."""
        return next((each for each in self.ladders if each.id == ladder), None)

    @property
    def asks(self) -> frozenset[str]:
        """Which of the costlier facts any step asks for: lamps, times, unanswered."""
        names = ("lamps", "times_in_year", "unanswered")
        return frozenset(n for n in names for step in self.steps if getattr(step, n))


def paper_for(step: Step, unit_kind: UnitKind, to_lower: str) -> tuple[str, str]:
    """Which paper leaves, and how the step is called towards this unit: who may order whom."""
    if step.paper in ORDERS and unit_kind in LOWER and to_lower not in ORDERS:
        return to_lower, to_lower
    return step.paper, step.name


# ---- frozen: a policy as plain values and back ---------------------------------------------------


def as_values(ladders: tuple[Ladder, ...], delivery_wait: int, title: str) -> dict[str, Any]:
    """All that a policy says, as plain values: what is hashed for its version and kept in the ledger."""
    return {
        "title": title,
        "delivery_wait": delivery_wait,
        "ladders": [asdict(each) for each in ladders],
    }


def from_values(values: Mapping[str, Any], version: str) -> EscalationPolicy:
    """The policy that ``as_values`` wrote down."""
    return EscalationPolicy(
        ladders=tuple(_ladder(each) for each in values["ladders"]),
        delivery_wait=values["delivery_wait"],
        title=values["title"],
        version=version,
    )


def _ladder(values: Mapping[str, Any]) -> Ladder:
    steps = tuple(Step(**_tupled(each)) for each in values["steps"])
    return Ladder(**{**_tupled(values), "steps": steps})


def _tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
