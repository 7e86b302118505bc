"""For each unit and post: by which channel its messages go, to which address, by whose word, what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from duban.errors import UsageError
from duban.matrix.model import POST_NAMES, POSTS, Holder, Unit
from notifier.channel import accepts, masked, part_for
from notifier.config import Channels


@dataclass(frozen=True, slots=True)
class Reached:
    """How one post is reached by one kind of message. ``address`` is masked; ``source``: whose word counts."""

    unit: str
    unit_name: str
    post: str
    person: str
    message: str
    channel: str
    address: str
    source: str
    copy: str
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The documented keys."""
        return {
            "unit": self.unit,
            "unit_name": self.unit_name,
            "post": self.post,
            "person": self.person,
            "message": self.message,
            "channel": self.channel,
            "address": self.address,
            "source": self.source,
            "copy": self.copy,
            "problems": list(self.problems),
        }


def channel_problems(channels: Channels) -> Mapping[str, str]:
    """Channels that cannot be used as they are set up (a secret is missing, …), with the sentence why."""
    found: dict[str, str] = {}
    for name in channels.by_id:
        try:
            channels.url_of(name)
        except UsageError as problem:
            found[name] = str(problem)
    return found


def reached(
    units: Mapping[str, Unit], channels: Channels, day: date, message: str = "day"
) -> Iterator[Reached]:
    """Every unit's posts that are in use, in the directory's order. ``message``: day, urgent or digest."""
    broken = channel_problems(channels)
    for unit in units.values():
        if unit.left_on is not None and unit.left_on <= day:
            continue
        for post in POSTS:
            if post in unit.posts:
                yield _post(unit, post, channels, broken, day=day, message=message)


def _post(
    unit: Unit,
    post: str,
    channels: Channels,
    broken: Mapping[str, str],
    *,
    day: date,
    message: str,
) -> Reached:
    holder = unit.holder(post, day)
    address = holder.address if holder else ""
    way = channels.way(unit=unit.id, post=post, address=address, kind=message)
    channel = channels.by_id.get(way.channel)
    own = part_for(channel, address) if channel and address else ""
    problems = [*way.missed, *_address_problems(unit, post, holder, channels)]
    problems += [broken[each] for each in (way.channel, way.copy) if each in broken]
    if channel is not None and address and not accepts(channel, address):
        problems.append(f"地址里没有{channel.name}认得的写法")
    return Reached(
        unit.id,
        unit.short,
        post,
        holder.name if holder else _absent(unit, post, day),
        message,
        way.channel,
        masked(_written(address, own)),
        way.why,
        way.copy,
        tuple(dict.fromkeys(problems)),
    )


def _written(address: str, own: str) -> str:
    """The way of an address that a channel uses, as it was written."""
    ways = address.split()
    return next((way for way in ways if own and way.endswith(own)), address)


def _absent(unit: Unit, post: str, day: date) -> str:
    """Who holds a post that nobody can be reached at."""
    for holder in unit.posts.get(post, ()):
        if (holder.since is None or holder.since <= day) and (
            holder.until is None or day <= holder.until
        ):
            return holder.name
    return ""


def _address_problems(
    unit: Unit, post: str, holder: Holder | None, channels: Channels
) -> Iterator[str]:
    if holder is None:
        name = POST_NAMES[post]
        yield f"{unit.short}{name}没有在岗人或地址，消息会改发下一个岗位"
        return
    for way in holder.address.split():
        named, colon, _ = way.partition(":")
        if colon and named not in channels.by_id:
            yield f"地址“{named}:…”里的渠道没有写在 channels.yaml 里"
