"""Who took over a post: the holders that the text files name against those that were seen before. Pure.

A post changes hands when another name stands in its place, or another address with a later ``since``.
Filling in a name that was still to be filled in (待填), or a new address for the same name, is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from duban.matrix.model import POST_NAMES, Holder, Unit

POSTS = ("liaison", "section", "deputy", "head")
"""Posts of a unit itself. The county leader has no unit's items to take over."""
_TO_FILL_IN = "待填"


@dataclass(frozen=True, slots=True)
class Known:
    """A holder as the last run saw it."""

    name: str
    address: str
    since: date | None


Posts = Mapping[str, Known]
"""Post to its holder."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A post that somebody took over."""

    unit: str
    post: str
    name: str
    since: date

    @property
    def reason(self) -> str:
        """Why its holder is told everything that is open."""
        day = f"{self.since.month}月{self.since.day}日"
        who = self.name or "新在岗人"
        return f"交接：{who}自{day}任{POST_NAMES[self.post]}，本单位待办一并告知"


@dataclass(frozen=True, slots=True)
class Changes:
    """Posts taken over, and the units whose holders are to be noted down as they are now."""

    taken: tuple[Taken, ...]
    seen: Mapping[str, Posts]


def changes(
    units: Iterable[Unit],
    known: Mapping[str, Posts],
    today: date,
    *,
    in_use_from: date,
    last_day: date,
) -> Changes:
    """What changed by ``today``. ``last_day``: the day of the last run; a unit that no run has seen
    counts only holders that came after it, and nobody who was there when the work began."""
    taken: list[Taken] = []
    seen: dict[str, dict[str, Known]] = {}
    for unit in units:
        before = known.get(unit.id)
        now = _holders(unit, today)
        first = max(in_use_from, last_day)
        taken += [
            Taken(unit.id, post, holder.name, holder.since or today)
            for post, holder in now.items()
            if (
                holder.since is not None and holder.since > first
                if before is None
                else _took_over(before.get(post), holder)
            )
        ]
        if before is None or any(before.get(post) != holder for post, holder in now.items()):
            # Who has left stays noted until somebody follows: a gap between two is no return.
            seen[unit.id] = {**(before or {}), **now}
    return Changes(tuple(taken), seen)


def _holders(unit: Unit, today: date) -> dict[str, Known]:
    found = ((post, unit.holder(post, today)) for post in POSTS)
    return {post: _known(holder) for post, holder in found if holder is not None}


def _known(holder: Holder) -> Known:
    return Known(holder.name, holder.address, holder.since)


def _took_over(before: Known | None, now: Known) -> bool:
    if before is None:  # the post was empty when this unit was last seen
        return True
    if before.name == now.name:
        later = now.since is not None and (before.since is None or now.since > before.since)
        return later and before.address != now.address
    return not (before.address == now.address and _TO_FILL_IN in before.name)
