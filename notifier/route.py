"""Finds who holds a post when a message is sent, and who gets it when nobody does – never nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

from duban.matrix.model import POST_NAMES, Holder, Unit

LADDER = ("liaison", "section", "deputy", "head")


@dataclass(frozen=True, slots=True)
class Tried:
    """A post that was asked in vain, and why."""

    unit: str
    post: str
    reason: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where a message goes. An empty address: nobody can be reached, only the office's list shows it."""

    post: str
    person: str
    address: str
    tried: tuple[Tried, ...]
    unit: str

    @property
    def found(self) -> bool:
        """Whether the message has an address."""
        return bool(self.address)

    @property
    def note(self) -> str:
        """A sentence for the reader and the office's list, when the message took a detour; else empty."""
        if not self.tried:
            return ""
        failed = "、".join(
            f"{POST_NAMES.get(one.post, one.post)}{one.reason}" for one in self.tried
        )
        if not self.found:
            return f"{failed}，没有可以送达的人，请办公室补填在岗人和地址。"
        name = POST_NAMES.get(self.post, self.post)
        where = "" if self.unit == self.tried[0].unit else "办公室所在单位的"
        return f"{failed}，改发{where}{name}。"


def choose(
    unit: Unit,
    post: str,
    day: date,
    *,
    office: Unit | None = None,
    dead: Collection[str] = (),
) -> Route:
    """The holder of a post on a day, else the next post up, else the office's own unit.

    ``dead``: addresses known to refuse mail. Every post asked in vain is told in ``tried``.
    """
    tried: list[Tried] = []
    for asked, step in _steps(unit, post, office):
        holder = asked.holder(step, day)
        if holder is not None and holder.address not in dead:
            return Route(step, holder.name, holder.address, tuple(tried), asked.id)
        tried.append(Tried(asked.id, step, _reason(asked, step, day, holder)))
    last = office or unit
    return Route(LADDER[0], "", "", tuple(tried), last.id)


def _steps(unit: Unit, post: str, office: Unit | None) -> Iterator[tuple[Unit, str]]:
    """Posts in the order they are asked."""
    start = LADDER.index(post) if post in LADDER else len(LADDER)
    if start == len(LADDER):
        yield unit, post
    for step in LADDER[start:]:
        yield unit, step
    if office is not None and office.id != unit.id:
        for step in LADDER:
            yield office, step


def _reason(unit: Unit, post: str, day: date, holder: Holder | None) -> str:
    if holder is not None:
        return "的地址退信"

    def current(one: Holder) -> bool:
        return (one.since is None or one.since <= day) and (one.until is None or day <= one.until)

    return "没有填地址" if any(map(current, unit.posts.get(post, ()))) else "空缺"
