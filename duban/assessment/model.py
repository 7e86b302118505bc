"""Facts, rule sheets, lines and scores as values. No reading, no clock, no float."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import ClassVar, Protocol, runtime_checkable

from duban.assessment.amounts import Rounding
from duban.assessment.operations import Expression
from duban.assessment.sentences import Template
from duban.errors import NOWHERE, Place

FACT_KINDS: Mapping[str, str] = {
    "missing": "未报送",
    "late": "迟报",
    "returned": "退回",
    "on_time": "按时报送",
    "completion": "应办事项完成情况",
    "indicator": "指标完成情况",
    "bonus": "加分事项",
    "deduction": "扣分事项",
    "veto": "否决事项",
    "judged": "评定",
    "exemption": "免予计分",
    "self_score": "自评",
}
DUTY_KINDS = frozenset({"missing", "late", "returned", "on_time", "completion", "indicator"})
TO_THE_MILLI = Rounding()
ROLE_NAMES = {"lead": "牵头", "support": "配合", "": ""}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened and may count, with where it is recorded.

    ``target`` and ``done`` are in the unit ``counted_in`` (件); for a completion they are the whole and
    the finished part (no target: 1), for a judgement ``done`` is the points given. ``days``: working days
    late; ``judge``: who gave the points; ``rule``: the clause that an exemption or a self-score is about.
    """

    id: str
    unit: str
    kind: str  # one of FACT_KINDS
    obligation: str = ""
    task: str = ""
    title: str = ""
    role: str = ""  # lead | support | ""
    weight: Decimal = Decimal(1)
    target: Decimal | None = None
    done: Decimal | None = None
    level: str = ""
    matter: str = ""
    count: int = 1
    happened_on: date | None = None
    event: str = ""  # hash or number of the ledger event it comes from
    evidence: tuple[str, ...] = ()
    note: str = ""
    counted_in: str = ""
    days: int | None = None
    judge: str = ""
    rule: str = ""

    @property
    def sourced(self) -> bool:
        """Whether it tells where it is recorded; what does not, does not count."""
        return bool(self.event or self.evidence)


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """A unit of the run; ``reason`` says why it is not assessed."""

    id: str
    name: str
    group: str
    assessed: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a score: clause, fact, evidence, arithmetic, points (1/1000) and a sentence."""

    unit: str
    rule: str
    version: str
    category: str  # its name as printed
    basis: str
    obligation: str
    fact_ids: tuple[str, ...]
    fact: str
    evidence: tuple[str, ...]
    arithmetic: str
    millipoints: int
    sentence: str


@dataclass(frozen=True, slots=True)
class UnitScore:
    """The score of a unit; ``millipoints`` is exactly the sum of its lines.

    ``beside``: what the unit gave itself, beside what it got (自评对照); it never counts.
    """

    unit: str
    name: str
    group: str
    assessed: bool
    reason: str
    lines: tuple[Line, ...]
    millipoints: int
    total: Decimal  # rounded half-up, once
    rank: int | None
    grade: str
    effects: tuple[str, ...]
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which facts a rule reads: all ``only`` must hold and no ``unless`` may."""

    only: tuple[tuple[str, frozenset[str]], ...] = ()
    unless: tuple[tuple[str, frozenset[str]], ...] = ()

    def concerns(self, unit: UnitEntry) -> bool:
        """Whether the rule is for the unit's group."""
        return all(unit.group in words for key, words in self.only if key == "group") and not any(
            unit.group in words for key, words in self.unless if key == "group"
        )

    def takes(self, fact: Fact, unit: UnitEntry) -> bool:
        """Whether the rule reads this fact."""
        return all(_value(fact, unit, key) in words for key, words in self.only) and not any(
            _value(fact, unit, key) in words for key, words in self.unless
        )


def _value(fact: Fact, unit: UnitEntry, key: str) -> str:
    return unit.group if key == "group" else str(getattr(fact, key))


@dataclass(frozen=True, slots=True)
class Result:
    """What a rule gave a unit, for the rules that refer to it."""

    millipoints: int
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule is told: the unit, its facts in order, and its rivals' facts if it compares.

    ``others``: results of the rules that it refers to, by their id.
    """

    rule: Rule
    unit: UnitEntry
    facts: Sequence[Fact]
    peers: Sequence[Fact] = ()
    others: Mapping[str, Result] = field(default_factory=dict)

    def line(
        self,
        facts: Iterable[Fact],
        words: str,
        arithmetic: str,
        millipoints: int,
        *,
        values: Mapping[str, str],
        sentence: Template | str | None = None,
        read: Iterable[Fact] = (),
    ) -> Line:
        """A line on these facts; ``read`` are further facts of others that it was compared with."""
        own = tuple(facts)
        obligations = {fact.obligation for fact in own}
        said = self.rule.sentence if sentence is None else sentence
        return Line(
            unit=self.unit.id,
            rule=self.rule.id,
            version=self.rule.version,
            category=self.rule.category,
            basis=self.rule.basis,
            obligation=obligations.pop() if len(obligations) == 1 else "",
            fact_ids=tuple(fact.id for fact in own) + tuple(fact.id for fact in read),
            fact=words,
            evidence=_evidence(own),
            arithmetic=arithmetic,
            millipoints=millipoints,
            sentence=said if isinstance(said, str) else said.fill(values),
        )


def _evidence(facts: tuple[Fact, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for fact in facts:
        found.update(dict.fromkeys(fact.evidence))
        if fact.event:
            found[f"台账事件 {fact.event}"] = None
    return tuple(found)


class Body(Protocol):
    """What makes one kind of rule: its parameters and how it turns facts into lines."""

    fields: ClassVar[frozenset[str]]  # what its sentences may name in braces
    compares: ClassVar[bool]  # whether it needs the facts of other units

    def lines(self, case: Case) -> Iterable[Line]:
        """The lines of one unit."""
        ...


@runtime_checkable
class Refers(Protocol):
    """A body that uses the points of other rules."""

    @property
    def refs(self) -> tuple[str, ...]:
        """Their ids."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One clause of a rule sheet. ``floor`` and ``cap`` bound the sum of its lines for a unit.

    ``start``: points that a unit has before any fact; ``when``: further condition on each fact;
    ``year_only``: facts outside the assessed period do not count, and a line says so.
    """

    id: str
    version: str
    category: str
    name: str
    basis: str
    fact: str
    filter: Filter
    floor: int | None
    cap: int | None
    sentence: Template
    body: Body
    valid_from: date | None = None
    valid_to: date | None = None
    start: int | None = None
    when: Expression | None = None
    year_only: bool = False
    place: Place = NOWHERE

    @property
    def refs(self) -> tuple[str, ...]:
        """Ids of the rules whose points it uses."""
        return self.body.refs if isinstance(self.body, Refers) else ()

    def holds_on(self, day: date) -> bool:
        """Whether this version applies to what happened that day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


@dataclass(frozen=True, slots=True)
class Category:
    """A part of the sheet. ``base``: points it starts with; ``cap`` and ``floor`` bound its sum.

    ``weight``: millionths of that sum which count (本类按 30% 折算), rounded as ``rounding`` says.
    """

    id: str
    name: str
    base: int | None
    cap: int | None
    floor: int | None
    basis: str
    weight: int | None = None
    rounding: Rounding = TO_THE_MILLI


@dataclass(frozen=True, slots=True)
class Ranking:
    """How units are put in order. Ties share a rank and leave a gap: 1,1,3.

    ``tie_break``: names of the categories whose points decide among equals, first one first.
    """

    by_group: bool
    shown: bool  # compare totals as printed, or exactly
    tie_break: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """A grade: from a total on (以上 includes unless ``exclusive``), within a share of the group, or the rest."""

    name: str
    from_millipoints: int | None
    ratio: int | None  # millionths of the assessed units of the group
    rounding: str  # of the number of places: down, up or half_up
    edge_in: bool  # a tie over the last place: all in, or all out
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class RuleSheet:
    """A dated rule sheet (考核细则). ``digest`` is the SHA-256 of the file it was read from.

    ``exemptions``: the clause by which a named person may spare a unit a clause; blank: nobody may.
    """

    id: str
    title: str
    basis: str
    example: bool
    valid_from: date
    valid_to: date | None
    base: int
    cap: int | None
    floor: int | None
    digits: int
    categories: tuple[Category, ...]
    rules: tuple[Rule, ...]
    ranking: Ranking | None
    levels: tuple[Level, ...]
    grades_basis: str
    digest: str
    exemptions: str = ""
    place: Place = NOWHERE

    def holds_on(self, day: date) -> bool:
        """Whether the sheet is in force that day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
