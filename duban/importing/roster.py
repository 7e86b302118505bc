"""Proposes ``config/units.yaml`` from the names that a sheet uses: a person confirms every line. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from duban.importing.emit import comment, flow, scalar
from duban.importing.stretch import Stretch, Task, Units
from duban.importing.task import Draft, Named
from duban.importing.wording import is_many, odd_name, tracked_by_check
from duban.matrix.model import UnitKind
from duban.matrix.names import normal

_PAIR = re.compile(r"(?P<name>[^（()）]{2,})[（(](?P<second>[^（()）]{3,})[)）]")
_ORG = re.compile(r"(?:局|委|办|厅|部|院|署|中心|办公室|委员会)$")
_KINDS: tuple[tuple[UnitKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (UnitKind.COURT, r"(?:法院|检察院)$"),
        (UnitKind.STREET, r"(?:街道|街道办事处|街道办|街办|办事处)$"),
        (UnitKind.TOWNSHIP, r"(?:[\u4e00-\u9fff](?:镇|乡))(?:人民政府|政府|党委)?$|^(?:镇|乡)"),
        (UnitKind.COMMITTEE, r"管委会|(?:开发区|园区|示范区|高新区|新区|管理区|功能区)$"),
        (
            UnitKind.PARTY,
            r"[省市县区州旗]委(?!员)|^中共|^中央(?!军)|党委|党工委|党组|组织部|宣传部|统战部|政法委|编办|网信办|纪委|监委|巡察|党校|直属机关|"
            r"团[省市县区]?委|共青团|妇联|总工会|工会|工商联|科协|文联|残联|侨联|社科联|红十字会|人大|政协|老干部局",
        ),
        (
            UnitKind.VERTICAL,
            r"税务局|气象局|海关|海事局|邮政管理局|通信管理局|烟草|人民银行|金融监管(?:总局|局|支局)|银保监|消防救援|国家安全局|出入境|调查队",
        ),
        (
            UnitKind.ENTERPRISE,
            r"公司|集团|银行|企业|(?:厂|供电所|电信|移动|联通|铁塔|保险|燃气|水务)$",
        ),
        (
            UnitKind.INSTITUTION,
            r"(?:中心|医院|学校|学院|大学|中学|小学|研究院|研究所|实验室|馆|报社|电视台|广播台|融媒体|供销社|站|院|园|学会|协会|商会|基金会)$",
        ),
    )
)
_INNER_ORG = re.compile(
    r"(?:处|科|科室|室|部|系|学院|中心|馆|会|团委|工会|院|办|办公室|组|纪委|党支部|党总支|校区|所|支部|学校)$"
)
_OUTER_ORG = re.compile(r"(?:局|厅|镇|乡|街道|人民政府|区政府|县政府|市政府|管委会)$|^[省市县区]")
_SCHOOL = re.compile(r"学校|学院|大学|医院|中学|小学|研究院")


@dataclass(slots=True)
class Proposal:
    """A unit as proposed. ``first``: the cell it was first seen in."""

    id: str
    name: str
    first: str
    kind: UnitKind = UnitKind.BUREAU
    second: str = ""
    aliases: list[str] = field(default_factory=list)
    leads: int = 0
    inner: bool = False
    first_named: Named | None = None
    first_lead: tuple[Draft, Named] | None = None


class Roster:
    """The proposals of one import, by normal name; collectives apart."""

    def __init__(self, wanted: Callable[[str], bool] = lambda name: True) -> None:
        """``wanted``: whether a name is to be entered at all."""
        self._wanted = wanted
        self.units: list[Proposal] = []
        self.groups: dict[str, str] = {}
        self.many: dict[str, str] = {}  # collectives that check keeps as text, with their cell
        self.inner = False
        self._by_name: dict[str, Proposal] = {}
        self._seen: dict[str, Proposal | None] = {}

    def take(self, tasks: Iterable[Task]) -> None:
        """Enter every name of the tasks."""
        for task in tasks:
            if isinstance(task, Draft):
                self._draft(task)
            else:
                self._stretch(task)

    def _draft(self, draft: Draft) -> None:
        for named in draft.lead:
            found = self._enter(draft, named)
            if found is not None:
                found.leads += 1
                found.first_lead = found.first_lead or (draft, named)
        for named in draft.support:
            self._enter(draft, named)

    def _stretch(self, stretch: Stretch) -> None:
        """Count the leads of plain rows; a row is read as a draft only for a name that it brings up."""
        entered: dict[Units, list[Proposal]] = {}
        for at, units in enumerate(stretch.units):
            leads = entered.get(units)
            if leads is None and self._has(units):
                known = (self._seen[name] for name in units.lead)
                leads = entered[units] = [each for each in known if each is not None]
            if leads is None:
                self._draft(stretch.draft(at))
                continue
            for unit in leads:
                unit.leads += 1

    def _has(self, units: Units) -> bool:
        """Whether all names have been entered, and each lead as a lead."""
        seen = self._seen
        if not all(name in seen for name in units.names):
            return False
        leads = (seen[name] for name in units.lead)
        return all(unit is None or unit.first_lead is not None for unit in leads)

    def _enter(self, draft: Draft, named: Named) -> Proposal | None:
        name = named.text
        if name not in self._seen:
            self._seen[name] = self._new(draft, named) if self._wanted(name) else None
        return self._seen[name]

    def _new(self, draft: Draft, named: Named) -> Proposal | None:
        name, at = named.text, f"{draft.grid.name}!{draft.grid.place(*named.at)}"
        if is_many(name):
            kept = self.many if tracked_by_check(name) else self.groups
            kept.setdefault(name, at)
            return None
        if normal(name) in self._by_name:
            return self._by_name[normal(name)]
        pair = _PAIR.fullmatch(name)
        if pair and _ORG.search(pair["second"]):
            return self._pair(pair["name"], pair["second"], name, at)
        return self._add(name, at)

    def _add(self, name: str, at: str) -> Proposal:
        unit = Proposal(f"u{len(self.units) + 1:03d}", name, at)
        self.units.append(unit)
        self._by_name[normal(name)] = unit
        return unit

    def _pair(self, name: str, second: str, both: str, at: str) -> Proposal:
        """省市场监管局（省知识产权局）: one unit with two names, whichever of them came first."""
        known = self._by_name.get(normal(name))
        other = self._by_name.get(normal(second))
        unit = known or self._add(name, at)
        if other is None and not unit.second:
            unit.second = second
            self._by_name[normal(second)] = unit
        elif normal(both) != normal(f"{unit.name}（{unit.second}）"):
            unit.aliases.append(both)
        self._by_name[normal(both)] = unit
        return unit

    def settle(self, title: str) -> None:
        """Guess the kinds once all names are known; a school's own offices are no institutions."""
        names = [unit.name for unit in self.units]
        inner = sum(bool(_INNER_ORG.search(name)) for name in names)
        outer = sum(bool(_OUTER_ORG.search(name)) for name in names)
        self.inner = len(names) >= 3 and (
            (inner * 2 >= len(names) and outer * 10 <= len(names))
            or (bool(_SCHOOL.search(title)) and outer * 4 <= len(names))
        )
        for unit in self.units:
            unit.kind = kind_of(unit.name)
            unit.inner = (
                self.inner and not unit.kind.supervised and unit.kind is not UnitKind.ENTERPRISE
            )
            if self.inner and (unit.inner or unit.kind is UnitKind.COMMITTEE):
                unit.kind = UnitKind.BUREAU

    def busiest(self) -> Proposal | None:
        """The unit that leads most tasks; the first of several."""
        able = [unit for unit in self.units if unit.kind.supervised] or self.units
        return max(able, key=lambda unit: unit.leads, default=None)

    def lines(self, *, offset: int = 0) -> list[str]:
        """The ``units:`` entries as YAML lines, each with its comment."""
        found: list[str] = []
        for number, unit in enumerate(self.units, 1):
            key = unit.id if not offset else f"u{number + offset:03d}"
            found += _unit_lines(unit, key)
        return found

    def group_lines(self) -> list[str]:
        """The ``groups:`` entries: empty ones for collectives that check would not know."""
        found = []
        for name, at in self.groups.items():
            found.append(
                f"  - {{name: {scalar(name)}, members: []}}   {comment(f'{at} 核对：补上成员单位的 id')}"
            )
        return found

    def remarks(self) -> list[str]:
        """Comments on collectives that stay text."""
        return [
            comment(f"“{name}”（{at}）没有名单，只作文字保留；要落实，就在 groups 里登记它和成员。")
            for name, at in self.many.items()
        ]


def kind_of(name: str) -> UnitKind:
    """What a unit is, guessed by its name; a person confirms."""
    bare = normal(name).split("(", maxsplit=1)[0]
    for kind, pattern in _KINDS:
        if pattern.search(bare):
            return kind
    return UnitKind.BUREAU


_GROUPS = {
    UnitKind.BUREAU: "政府部门",
    UnitKind.PARTY: "党群部门",
    UnitKind.COURT: "法检两院",
    UnitKind.TOWNSHIP: "乡镇街道",
    UnitKind.STREET: "乡镇街道",
    UnitKind.COMMITTEE: "园区",
    UnitKind.VERTICAL: "垂直管理单位",
    UnitKind.INSTITUTION: "事业单位",
    UnitKind.ENTERPRISE: "企业",
}


def _unit_lines(unit: Proposal, key: str) -> list[str]:
    why = f"核对：首见于 {unit.first}；种类是按名称猜的"
    if unit.inner:
        why += "，按本单位内设机构处理"
    if odd_name(unit.name):
        why += "；不像单位名称，可能填串了列"
    lines = [f"  - id: {key}   {comment(why)}", f"    name: {scalar(unit.name)}"]
    if unit.second:
        lines.append(f"    second_name: {scalar(unit.second)}")
    if unit.aliases:
        lines.append(f"    aliases: {flow(unit.aliases)}")
    group = "内设机构" if unit.inner else _GROUPS[unit.kind]
    address = f"{key}.lianluo@daitian.example"
    return [
        *lines,
        f"    kind: {unit.kind.value}",
        f"    group: {group}",
        f"    posts: {{liaison: [{{name: 联络员（待填）, address: {address}}}]}}",
    ]
