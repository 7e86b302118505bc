"""Works out the dashboard from rows: tiles, groups, heat maps, the red list. Pure.

Shares are whole percents, rounded down: 100 means all of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from duban import clock
from duban.lamps import COLOUR_WORDS, COLOURS, Lamp
from duban.ledger.queries import Row
from duban.matrix.model import Unit
from duban.portal.items import Item
from duban.workdays import add_months

# ---- months ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Month:
    """A column of the heat map. ``kind``: record (closed and kept), now, gap (closed, not kept) or ahead."""

    first: date
    kind: str

    @property
    def key(self) -> str:
        """2026-03."""
        return f"{self.first:%Y-%m}"


def months(first: date, last: date, recorded: Iterable[str], today: date) -> tuple[Month, ...]:
    """Every month from one day's to another's."""
    kept, this = frozenset(recorded), today.replace(day=1)
    found, month = [], first.replace(day=1)
    while month <= last:
        kind = "record" if f"{month:%Y-%m}" in kept else "gap"
        if month >= this:
            kind = "now" if month == this else "ahead"
        found.append(Month(month, kind))
        month = add_months(month, 1)
    return tuple(found)


# ---- in time -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Cell:
    """How many things fell due in a month and how many of them came in time."""

    due: int = 0
    in_time: int = 0

    @property
    def share(self) -> int | None:
        """Percent in time, rounded down; None when nothing was due."""
        return None if not self.due else 100 * self.in_time // self.due

    @property
    def step(self) -> str:
        """The shade of the cell: the darker, the more came late."""
        share = self.share
        if share is None:
            return "none"
        return next(name for floor, name in SHADES if share >= floor)

    @property
    def text(self) -> str:
        """What stands in the cell."""
        return str(self.share)

    @property
    def words(self) -> str:
        """What the cell says when it is pointed at."""
        return f"{self.in_time}/{self.due}项按时"

    def add(self, *, in_time: bool) -> None:
        """Count one more."""
        self.due += 1
        self.in_time += in_time

    def __bool__(self) -> bool:
        return self.due > 0


SHADES = ((100, "s0"), (90, "s1"), (80, "s2"), (60, "s3"), (40, "s4"), (0, "s5"))
SHADE_WORDS = (
    ("s0", "100"),
    ("s1", "90–99"),
    ("s2", "80–89"),
    ("s3", "60–79"),
    ("s4", "40–59"),
    ("s5", "不足40"),
)


def counted(rows: Iterable[Row], now: datetime) -> Iterable[tuple[str, date, bool]]:
    """(unit, day counted, in time) of what can be judged: it came in, or its time is up."""
    for row in rows:
        verdict = in_time(row, now)
        if verdict is not None:
            yield row["unit"], row["counted_on"], verdict


def in_time(row: Row, now: datetime) -> bool | None:
    """Whether it came in time; None while that cannot be said yet."""
    day, came = row["counted_on"], row["submitted_at"]
    if came is not None:
        return row["missed_at"] is None and clock.day_of(came) <= day
    return False if row["due_at"] < now or clock.end_of(day) < now else None


# ---- lamps by month ----------------------------------------------------------------------------


@dataclass(slots=True)
class LampCell:
    """The lamps of a unit's month by colour; the worst decides the cell."""

    lamps: Counter[str] = field(default_factory=Counter)
    names: dict[str, str] = field(default_factory=dict)
    recorded: bool = False

    def add(self, colour: str, name: str, number: int = 1) -> None:
        """Count so many items that show a lamp."""
        self.lamps[colour] += number
        known = self.names.setdefault(colour, name)
        if name not in known.split("、"):
            self.names[colour] = f"{known}、{name}"

    @property
    def worst(self) -> str:
        """The most urgent colour that anything shows."""
        return next((each for each in COLOURS if self.lamps[each]), "")

    @property
    def step(self) -> str:
        """The class of the cell."""
        return f"l-{self.worst}" if self.worst else "none"

    @property
    def text(self) -> str:
        """What stands in the cell: the worst lamp and how many show it (红2)."""
        return f"{COLOUR_WORDS[self.worst]}{self.lamps[self.worst]}"

    @property
    def words(self) -> str:
        """What the cell says when it is pointed at."""
        said = "，".join(f"{self.names[c]}{self.lamps[c]}项" for c in COLOURS if self.lamps[c])
        return f"{said}（{'当月记录' if self.recorded else '按现在算'}）"

    def __bool__(self) -> bool:
        return bool(self.worst)


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A unit's months. ``whole``: all of them together, in the view by share."""

    unit: Unit
    cells: tuple[Cell | LampCell, ...]
    whole: Cell | None = None


def rate_heat(
    rows: Iterable[Row], units: Sequence[Unit], columns: Sequence[Month], now: datetime
) -> list[HeatRow]:
    """Unit × month by the share in time, for units that owed something in these months."""
    table: dict[str, dict[str, Cell]] = defaultdict(dict)
    for owner, day, came in counted(rows, now):
        table[owner].setdefault(f"{day:%Y-%m}", Cell()).add(in_time=came)
    found = []
    for unit in units:
        cells = tuple(table.get(unit.id, {}).get(each.key, Cell()) for each in columns)
        if any(cells):
            found.append(HeatRow(unit, cells, together(cells)))
    return found


def lamp_heat(
    recorded: Iterable[Row],
    running: Iterable[Item],
    units: Sequence[Unit],
    columns: Sequence[Month],
) -> list[HeatRow]:
    """Unit × month by the worst lamp: closed months as recorded, the present one as it stands."""
    table: dict[tuple[str, str], LampCell] = defaultdict(LampCell)
    kinds = {each.key: each.kind for each in columns}
    for row in recorded:
        if kinds.get(row["month"]) == "record":
            cell = table[row["unit"], row["month"]]
            cell.recorded = True
            cell.add(row["colour"], row["name"], int(row["number"]))
    present = next((each.key for each in columns if each.kind == "now"), None)
    for item in running if present else ():
        lamp = item.standing.lamp
        table[item.row["unit"], str(present)].add(lamp.colour, lamp.name)
    found = []
    for of in units:
        cells = tuple(table.get((of.id, each.key), LampCell()) for each in columns)
        if any(cells):
            found.append(HeatRow(of, cells))
    return found


def together(cells: Iterable[Cell]) -> Cell:
    """Several cells as one."""
    total = Cell()
    for cell in cells:
        total.due += cell.due
        total.in_time += cell.in_time
    return total


def month_cell(rows: Iterable[Row], month: date, now: datetime) -> Cell:
    """All units together in a month."""
    total = Cell()
    for _, day, came in counted(rows, now):
        if (day.year, day.month) == (month.year, month.month):
            total.add(in_time=came)
    return total


# ---- lamps now ---------------------------------------------------------------------------------


@dataclass(slots=True)
class GroupLamps:
    """A group of units: its open items by lamp."""

    name: str
    lamps: Counter[Lamp] = field(default_factory=Counter)

    @property
    def open(self) -> int:
        """Items that owe something now."""
        return sum(self.lamps.values())


def groups(items: Iterable[Item], units: Mapping[str, Unit]) -> list[GroupLamps]:
    """Open items by assessment group and lamp, in the order of the directory."""
    found: dict[str, GroupLamps] = {}
    for unit in units.values():
        found.setdefault(unit.group, GroupLamps(unit.group))
    for item in items:
        unit_id = item.row["unit"]
        name = units[unit_id].group if unit_id in units else ""
        found.setdefault(name, GroupLamps(name)).lamps[item.standing.lamp] += 1
    return [group for group in found.values() if group.open]


def lamp_counts(items: Iterable[Item]) -> Counter[Lamp]:
    """Items by lamp."""
    return Counter(item.standing.lamp for item in items)


def laggards(items: Iterable[Item]) -> list[Item]:
    """Overdue items, the longest first."""
    late = [item for item in items if item.standing.overdue]
    return sorted(late, key=lambda item: (-item.standing.days_overdue, item.unit_name, item.key))


def by_unit(items: Iterable[Item]) -> list[tuple[str, str, tuple[Item, ...]]]:
    """(unit id, unit name, items), the unit with most items first."""
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.row["unit"]].append(item)
    ordered = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [(unit, own[0].unit_name, tuple(own)) for unit, own in ordered]


def reason(item: Item, stated: Mapping[str, Row]) -> str:
    """Why an item is overdue, as far as anybody said so."""
    row, said = item.row, stated.get(item.key)
    if row["state"] == "returned":
        return f"退回未补报：{row['reason']}" if row["reason"] else "退回未补报"
    if said is not None:
        return f"单位说明：{said['problem']}"
    if row["versions"]:
        return f"报了{row['versions']}次，未办结，没有说明原因"
    return "签收后没有报送，没有说明原因" if row["acked_at"] else "没有签收，没有报送"
