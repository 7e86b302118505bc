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
_COLLECTIVE = re.compile(
    r"^(各|全[市县区省]各|[市县区省]直各|直属各|其他|有关|相关)|等(部门|单位)?$|(单位|部门|成员)们?$"
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
