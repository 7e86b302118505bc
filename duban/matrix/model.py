"""The matrix as values: plan, goals, areas, tasks, indicators, units, groups. No reading, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from enum import StrEnum

from duban.errors import NOWHERE, Place


class Source(StrEnum):
    """Where a task comes from, so that no one takes an example for the county's order."""

    SEED = "seed"
    EXAMPLE = "example"
    OWN = "own"


class DeadlineClass(StrEnum):
    """How hard a deadline is."""

    PLANNED = "planned"
    INTERNAL = "internal"
    HARD = "hard"


class Every(StrEnum):
    """How often something is reported."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    HALF = "half"
    YEAR = "year"


class UnitKind(StrEnum):
    """What a unit is; enterprises and institutions are asked, never escalated or scored."""

    BUREAU = "bureau"  # 政府部门
    PARTY = "party"  # 党群部门
    COURT = "court"  # 法院、检察院
    TOWNSHIP = "township"  # 乡镇
    STREET = "street"  # 街道
    COMMITTEE = "committee"  # 管委会
    VERTICAL = "vertical"  # 垂直管理单位
    INSTITUTION = "institution"  # 事业单位
    ENTERPRISE = "enterprise"  # 企业

    @property
    def supervised(self) -> bool:
        """Whether the unit may be escalated and scored (政府督查工作条例, 国令733号: not enterprises)."""
        return self not in {UnitKind.ENTERPRISE, UnitKind.INSTITUTION}


POSTS = ("liaison", "section", "deputy", "head", "county")
POST_NAMES: Mapping[str, str] = {
    "liaison": "联络员",
    "section": "科室负责人",
    "deputy": "分管负责人",
    "head": "主要负责人",
    "county": "分管县领导",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A named part of the plan: a goal, an area or a safeguard."""

    id: str
    name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Indicator:
    """A number the plan is measured by. ``targets``: year to value, for the county."""

    id: str
    name: str
    unit: str
    direction: str  # normal: more is better; reverse: less is better
    measure: str  # stock | flow | cumulative
    binding: bool  # 约束性 (True) or 预期性
    comparator: str  # ge | about | range | relative
    baseline: Decimal | None
    baseline_on: date | None
    targets: Mapping[int, Decimal]
    unit_targets: Mapping[str, Mapping[int, Decimal]] = field(default_factory=dict)
    source: Source = Source.OWN
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class ReportRule:
    """When and by whom progress is reported. ``by``: unit ids; ``due``: the phrase of the day."""

    every: Every | None  # None: once, with the deadline
    due_phrase: str
    by: tuple[str, ...]
    lead_summary_phrase: str = ""  # the lead's summary falls due after its townships' parts


@dataclass(frozen=True, slots=True)
class Milestone:
    """A step on the way with its own deadline."""

    id: str
    title: str
    deadline_phrase: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the matrix. ``lead[0]`` is the 汇总单位; units are ids, phrases are verbatim."""

    id: str
    area: str
    title: str
    text: str
    clause: str
    goals: tuple[str, ...]
    lead: tuple[str, ...]
    joint: bool
    support: tuple[str, ...]
    responsibility: str
    deliverable: str
    evidence: tuple[str, ...]
    deadline_phrase: str
    anchor: str
    deadline_class: DeadlineClass
    milestones: tuple[Milestone, ...]
    report: ReportRule | None
    indicators: tuple[str, ...]
    weight: Decimal
    source: Source
    withdrawn_on: date | None = None
    urgent: bool = False
    replaces: tuple[str, ...] = ()  # ids of tasks that this one takes the place of (合并、拆分)
    support_text: tuple[str, ...] = ()  # phrases that could not be expanded (各有关单位)
    reminders: str = ""  # the reminder ladder it asks for by name; empty: by rule
    place: Place = NOWHERE
    deadline_place: Place = NOWHERE
    reminders_place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Plan:
    """A work plan: its frame, named anchors, indicators and tasks."""

    id: str
    title: str
    doc_no: str
    issuer: str
    office: str
    anchors: Mapping[str, date | None]
    anchor_names: Mapping[str, str]
    starts_on: date
    ends_on: date
    year: int
    in_use_from: date | None
    legal_basis: tuple[str, ...]
    goals: tuple[Item, ...]
    areas: tuple[Item, ...]
    safeguards: tuple[Item, ...]
    glossary: Mapping[str, str]
    contact: Mapping[str, str]
    scope: str
    facts: tuple[Item, ...]
    indicators: tuple[Indicator, ...]
    tasks: tuple[Task, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a post from a day on, and how to reach them."""

    name: str
    since: date | None
    until: date | None
    address: str  # an e-mail address or channel URL name; empty: nobody can be reached


@dataclass(frozen=True, slots=True)
class Unit:
    """A bureau, township, body or enterprise, with its posts (post name to dated holders)."""

    id: str
    name: str
    short: str
    second_name: str
    aliases: tuple[str, ...]
    kind: UnitKind
    group: str  # assessment group: 乡镇街道, 市直部门…
    parent: str
    posts: Mapping[str, tuple[Holder, ...]]
    joined_on: date | None = None
    left_on: date | None = None
    place: Place = NOWHERE

    def holder(self, post: str, day: date) -> Holder | None:
        """Who holds the post on that day and can be reached."""
        for holder in self.posts.get(post, ()):
            since_ok = holder.since is None or holder.since <= day
            until_ok = holder.until is None or day <= holder.until
            if since_ok and until_ok and holder.address:
                return holder
        return None


@dataclass(frozen=True, slots=True)
class Group:
    """A named list of units (各乡镇街道): expanded when the matrix is applied."""

    name: str
    aliases: tuple[str, ...]
    members: tuple[str, ...]
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Directory:
    """All units and groups by id; names are resolved by ``duban.matrix.names``."""

    units: Mapping[str, Unit]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Everything a checked ``tasks_def`` and ``units.yaml`` say."""

    plan: Plan
    directory: Directory
    digest: str = ""  # SHA-256 of the text files it was read from

    def task(self, task_id: str) -> Task:
        """The task of that id. Raises KeyError."""
        return self.tasks_by_id[task_id]

    @property
    def tasks_by_id(self) -> Mapping[str, Task]:
        """Tasks by id."""
        return {task.id: task for task in self.plan.tasks}


DEFAULT_DUE_TIME = time(23, 59, 59)
