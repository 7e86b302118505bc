"""What a weekly digest says, as values: made once, frozen, kept as JSON, rendered as often as wished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args, get_origin, get_type_hints

from duban.reports.periods import WORDS, Period, Words


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the figures. ``id``: 2026-W47, 2026-11 or 2026-Q4, with the scope behind it if any.

    ``scope``: whose items it tells, by name; empty: everybody's. ``issue``: 第几期 of a bulletin, else 0.
    """

    id: str
    from_on: date
    to_on: date
    as_of: datetime
    title: str
    plan_title: str
    office: str
    issuer: str
    contact: str
    url: str
    example: bool
    kind: str = "week"
    scope: str = ""
    issue: int = 0

    @property
    def words(self) -> Words:
        """How its period is called."""
        return WORDS[self.kind]

    @property
    def period(self) -> Period:
        """The days it is about."""
        return Period(self.kind, self.from_on, self.to_on)


@dataclass(frozen=True, slots=True)
class Column:
    """A week, month or quarter in figures. ``fell_due`` is always on_time + late + missing; ``overdue`` at the week's end."""

    name: str
    from_on: date
    to_on: date
    fell_due: int
    on_time: int
    late: int
    missing: int
    returned: int
    closed: int
    reminders: int
    escalations: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a whole. ``tenths``: tenths of a percent; all parts add to 1000, or to 0 of nothing."""

    name: str
    words: str
    shape: str
    colour: str
    count: int
    tenths: int


@dataclass(frozen=True, slots=True)
class Laggard:
    """An overdue item. ``reason`` is the unit's own, from its last report; empty when it gave none."""

    task: str
    title: str
    label: str
    unit: str
    due_on: date
    days_overdue: int
    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A unit and the reports it did not hand in this week."""

    unit: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Punctual:
    """A unit that owes nothing and handed in everything that fell due this week in time."""

    unit: str
    items: int


@dataclass(frozen=True, slots=True)
class Early:
    """A task or milestone reported done before its due."""

    task: str
    title: str
    label: str
    unit: str
    days_early: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal that waits for a named person; nothing leaves before that.

    ``now``: what has become of the item meanwhile (仍未报, 已报送, 已办结).
    """

    id: str
    name: str
    task: str
    title: str
    label: str
    unit: str
    raised_on: date
    days: int
    now: str


@dataclass(frozen=True, slots=True)
class Coming:
    """An item that falls due, and the units that owe it."""

    task: str
    title: str
    label: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComingDay:
    """What falls due on a day of the next two weeks."""

    on: date
    count: int
    items: tuple[Coming, ...]


@dataclass(frozen=True, slots=True)
class GroupProgress:
    """A group of units: what is current, done, overdue, and how much of what fell due came in time."""

    name: str
    units: int
    current: int
    closed: int
    submitted: int
    overdue: int
    fell_due: int
    on_time: int


@dataclass(frozen=True, slots=True)
class Asks:
    """How often a unit was asked to report in the month."""

    unit: str
    count: int


@dataclass(frozen=True, slots=True)
class Burden:
    """The month's burden on the units: requests for reports, and messages to people."""

    month: str
    units: int
    asks: int
    median: Decimal
    top: tuple[Asks, ...]
    messages: int
    people: int
    average: Decimal
    most: int


@dataclass(frozen=True, slots=True)
class Unreached:
    """A post that a notice did not reach, and what became of it."""

    unit: str
    post: str
    what: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A unit by month: of what fell due, how much did not come in time. ``cells``: (fell due, not in time)."""

    unit: str
    group: str
    cells: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """Units × months, the units in the order of their groups; months as 2026-11, oldest first."""

    months: tuple[str, ...] = ()
    rows: tuple[HeatRow, ...] = ()


@dataclass(frozen=True, slots=True)
class LitMonth:
    """The lamps recorded when a month closed: name, colour and count, in the policy's order."""

    month: str
    lamps: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """A weekly digest or bulletin. Only obligations that count; only units that may be supervised."""

    frame: Frame
    summary: tuple[str, str]
    weeks: tuple[Column, ...]
    lamps: tuple[Share, ...]
    states: tuple[Share, ...]
    red: tuple[Laggard, ...]
    absent: tuple[Absent, ...]
    punctual: tuple[Punctual, ...]
    early: tuple[Early, ...]
    waiting: tuple[Waiting, ...]
    coming: tuple[ComingDay, ...]
    groups: tuple[GroupProgress, ...]
    burden: Burden
    unreached: tuple[Unreached, ...]
    asked_only: (
        int  # overdue items of enterprises and institutions: asked, never named or escalated
    )
    heat: Heat = Heat()
    trend: tuple[LitMonth, ...] = ()

    @property
    def id(self) -> str:
        """The id of its frame: 2026-W47."""
        return self.frame.id

    @property
    def this_week(self) -> Column:
        """The week the digest is about."""
        return self.weeks[0]

    @property
    def current(self) -> int:
        """How many items are current: begun, due or done."""
        return sum(share.count for share in self.states)


def as_json(digest: Digest) -> dict[str, Any]:
    """The digest as plain values: dates and moments as ISO text, decimals as text."""
    plain: dict[str, Any] = _plain(asdict(digest))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):  # a datetime is a date too
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value


def from_json(data: Mapping[str, Any]) -> Digest:
    """The digest that ``as_json`` made plain: what was frozen is said again as it was."""
    found: Digest = _value(Digest, data)
    return found


def _value(kind: Any, plain: Any) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        known = {each.name: hints[each.name] for each in fields(kind)}
        return kind(**{name: _value(known[name], each) for name, each in plain.items()})
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        many = [kinds[0]] * len(plain) if kinds[-1] is Ellipsis else kinds
        return tuple(_value(each, one) for each, one in zip(many, plain, strict=True))
    if kind in {date, datetime}:
        return kind.fromisoformat(plain)
    return Decimal(plain) if kind is Decimal else plain
