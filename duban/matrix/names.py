"""Finds the unit or group that a name means. The alias table decides; likeness only suggests.

Likeness alone was silently wrong on real lists (市科协 → 科学技术局), so a name nobody listed is an
error with a suggestion, and a person adds the alias to ``units.yaml``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from duban.errors import Issues, Place
from duban.matrix.model import Directory, Unit

NONE_WORDS = frozenset({"无", "—", "-", "/", "——"})
_MANY = r"(?:部门|单位|专班|大队|支队|中队|科室|处室|机构|企业|学校|乡镇|街道|镇街|县区|区县|社区|园区|政府|党委|党组|管委会|办事处|委办局|局办|组|系|院|处)"
_AREA = r"(?:[\u4e00-\u9fff]{0,4}[省市县区州旗镇乡校院局])"
_COLLECTIVE = re.compile(
    # 各有关单位, 全区各…, 全区经济运行各专班, 区直各部门, 市级各有关部门, 直属各大队
    r"^(?:各|全[市县区省州旗镇乡校院局](?:[\u4e00-\u9fff]{0,10})各|[省市县区州]?(?:直|级|本级|直属)(?:机关)?各|直属各)|"
    # 省各有关单位, 新郑市各部门; 各 stands between a place and what there are many of
    rf"^{_AREA}(?:直属|所属|下属|机关|所辖)?各.{{0,12}}{_MANY}$|"
    # 各地级以上市人民政府 begins with 各; 其他职能部门, 有关部门
    r"^(?:其他|其它|有关|相关)|"
    # 新六区大队: so many places, one word for what each of them has
    r"^(?:新|老)?[二三四五六七八九十两]+(?:区|县|县区|县市|镇|乡|个区|个县)(?:大队|支队|中队|分局|政府|管委会|人民政府)$|"
    r"等(?:部门|单位)?$|(?:单位|部门|成员)们?$"
)


def normal(name: str) -> str:
    """A name without spaces, with half-width brackets and letters: what names are compared by."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", name))


def is_collective(name: str) -> bool:
    """Whether a name speaks of many units without naming them (各有关单位, 区直各部门)."""
    return bool(_COLLECTIVE.search(normal(name)))


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name means: unit ids; ``group`` when it was a collective that could be expanded."""

    units: tuple[str, ...]
    group: str = ""


class Names:
    """The table of every name, second name and alias of units and groups."""

    def __init__(self, directory: Directory, issues: Issues | None = None) -> None:
        self._meaning: dict[str, Meaning] = {}
        self._place: dict[str, Place] = {}
        self._shown: dict[str, str] = {}
        for unit in directory.units.values():
            self._enter(unit_names(unit), Meaning((unit.id,)), unit.place, issues)
        for group in directory.groups:
            self._enter(
                (group.name, *group.aliases),
                Meaning(group.members, group.name),
                group.place,
                issues,
            )

    def _enter(
        self, names: Iterable[str], meaning: Meaning, place: Place, issues: Issues | None
    ) -> None:
        for name in dict.fromkeys(normal(each) for each in names if each):
            known = self._meaning.get(name)
            if known is not None and known != meaning and issues is not None:
                issues.error(
                    "name-twice",
                    place,
                    f"名称“{name}”已被 {self._place[name]} 使用。",
                    "同一名称或别名只能指一个单位或单位组，改掉其中一个。",
                )
                continue
            self._meaning[name] = meaning
            self._place[name] = place
            self._shown.setdefault(name, name)

    def find(self, name: str) -> Meaning | None:
        """What the name means, or None when nobody listed it."""
        return self._meaning.get(normal(name))

    def suggest(self, name: str, limit: int = 3) -> list[str]:
        """Listed names that look alike, best first; only ever shown to a person."""
        from rapidfuzz import fuzz, process

        found = process.extract(
            normal(name), list(self._meaning), scorer=fuzz.WRatio, limit=limit, score_cutoff=60
        )
        return [self._shown[match[0]] for match in found]


def unit_names(unit: Unit) -> tuple[str, ...]:
    """Every way a unit may be written, the two-name form included."""
    second = unit.second_name
    pairs = tuple(f"{first}({second})" for first in (unit.name, unit.short) if first and second)
    return (unit.id, unit.name, unit.short, second, *unit.aliases, *pairs)
