"""Routes of ``config/channels.yaml``: which of a holder's ways a message takes, and where a copy goes.

A route that names the kind of message comes first. Then the closer it names somebody, the more it counts:
a unit before a group, a group before a kind, a kind before everybody; among equals one that names posts.
Two that count the same and meet are an error, so that the order of lines never decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from duban.errors import Issues, Place
from duban.matrix.model import POST_NAMES, POSTS, Directory, UnitKind
from duban.matrix.names import Names
from duban.yamltext import Row, Text
from notifier.channel import Channel, Fallback, Reach, accepts

MESSAGES: Mapping[str, str] = {"day": "日常", "urgent": "加急", "digest": "周报"}
NO_COPY = "无"
KIND_WORDS: Mapping[str, str] = {
    "bureau": "政府部门",
    "party": "党群部门",
    "court": "法院、检察院",
    "township": "乡镇",
    "street": "街道",
    "committee": "管委会",
    "vertical": "垂直管理单位",
    "institution": "事业单位",
    "enterprise": "企业",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One route. ``units`` None: all; ``posts`` and ``messages`` empty: all; ``copy`` 无: none at all.

    ``closeness``: 3 names units, 2 groups, 1 kinds, 0 nobody. ``said``: whom it names, in words.
    """

    units: frozenset[str] | None
    closeness: int
    posts: frozenset[str]
    messages: frozenset[str]
    channel: str
    copy: str
    fallback: Fallback | None
    said: str
    place: Place

    @property
    def rank(self) -> tuple[bool, int, bool]:
        """How closely it names a message; the highest counts."""
        return bool(self.messages), self.closeness, bool(self.posts)

    def takes(self, unit: str, post: str, kind: str) -> bool:
        """Whether it speaks of this message."""
        return (
            (self.units is None or unit in self.units)
            and (not self.posts or post in self.posts)
            and (not self.messages or kind in self.messages)
        )

    def meets(self, other: Rule) -> bool:
        """Whether there can be a message that both speak of."""
        units = self.units is None or other.units is None or bool(self.units & other.units)
        posts = not self.posts or not other.posts or bool(self.posts & other.posts)
        messages = not self.messages or not other.messages or bool(self.messages & other.messages)
        return units and posts and messages


@dataclass(frozen=True, slots=True)
class Way:
    """The channel a message takes. ``why``: a sentence for the office; ``missed``: routes that did not fit."""

    channel: str
    why: str
    rule: Rule | None = None
    missed: tuple[str, ...] = ()
    copy: str = ""

    @property
    def told(self) -> str:
        """Why, with what did not fit: kept with the message."""
        return "；".join((self.why, *self.missed))


def way_of(
    rules: Sequence[Rule],
    channels: Mapping[str, Channel],
    first: str,
    *,
    unit: str,
    post: str,
    address: str,
    kind: str,
) -> Way:
    """The way of one message. ``first``: the channel of the address when no route says otherwise.

    An address that names one channel and no other decides itself; of several ways the closest route whose
    channel has one is taken; without a route that fits, the first way.
    """
    ours = [rule for rule in rules if rule.takes(unit, post, kind)]
    ours.sort(key=lambda rule: rule.rank, reverse=True)
    copy = next((rule.copy for rule in ours if rule.copy), NO_COPY)
    found = _chosen(ours, channels, first, address)
    keeps = copy in {NO_COPY, found.channel} or copy not in channels
    return found if keeps else Way(found.channel, found.why, found.rule, found.missed, copy)


def _chosen(
    rules: Iterable[Rule], channels: Mapping[str, Channel], first: str, address: str
) -> Way:
    if _names_one(channels, address):
        return Way(first, "在岗人的地址写明了渠道")
    missed: list[str] = []
    for rule in rules:
        channel = channels.get(rule.channel)
        if channel is None:
            continue
        if accepts(channel, address):
            return Way(channel.id, f"路由 {rule.place}（{rule.said}）", rule, tuple(missed))
        missed.append(
            f"路由 {rule.place} 要走{channel.name}，但在岗人没有写 {_written(channel)}，没有照办"
        )
    why = "在岗人的第一种地址" if len(address.split()) > 1 else "默认渠道"
    return Way(first, why, None, tuple(missed))


def _names_one(channels: Mapping[str, Channel], address: str) -> bool:
    """Whether the address is a single way that names its channel."""
    ways = address.split()
    return len(ways) == 1 and (ways[0] in channels or ways[0].partition(":")[0] in channels)


def _written(channel: Channel) -> str:
    return "邮箱" if channel.form == "mail" else f"{channel.id}:账号"


# ---- reading -----------------------------------------------------------------------------------

ReadFallback = Callable[[Row], Fallback | None]


def read_routes(
    rows: Sequence[Row],
    channels: Mapping[str, Channel],
    directory: Directory,
    issues: Issues,
    fallback: ReadFallback,
) -> tuple[Rule, ...]:
    """Read all routes and check them against each other; mistakes go to ``issues``."""
    reader = _Reader(directory, channels, issues)
    found = tuple(reader.rule(row, fallback) for row in rows)
    _check_pairs(found, issues)
    return found


class _Reader:
    """Reads one route after the other against the units and channels there are."""

    def __init__(
        self, directory: Directory, channels: Mapping[str, Channel], issues: Issues
    ) -> None:
        self._directory = directory
        self._names = Names(directory)
        self._channels = channels
        self._issues = issues

    def rule(self, row: Row, fallback: ReadFallback) -> Rule:
        units, closeness, said = self._whom(row)
        posts = self._words(row, "posts", POST_NAMES, "岗位")
        messages = self._words(row, "messages", MESSAGES, "消息种类")
        parts = [
            said,
            "、".join(POST_NAMES[each] for each in POSTS if each in posts),
            "、".join(f"{word}消息" for each, word in MESSAGES.items() if each in messages),
        ]
        rule = Rule(
            units=units,
            closeness=closeness,
            posts=posts,
            messages=messages,
            channel=self._channel(row, "channel"),
            copy=self._copy(row),
            fallback=fallback(row),
            said="，".join(part for part in parts if part) or "所有单位",
            place=row.place,
        )
        self._check(row, rule)
        row.close()
        return rule

    def _whom(self, row: Row) -> tuple[frozenset[str] | None, int, str]:
        given = {key: row.texts(key) for key in ("units", "groups", "kinds")}
        written = [key for key, texts in given.items() if texts]
        if len(written) > 1:
            self._issues.error(
                "route-mixed",
                row.place,
                f"一条路由里同时写了 {'、'.join(written)}。",
                "每条只写 units、groups、kinds 中的一种，分成几条。",
            )
        if not written:
            return None, 0, ""
        key = written[0]
        find = {"units": self._unit, "groups": self._group, "kinds": self._kind}[key]
        found = [find(text) for text in given[key]]
        shown = "、".join(KIND_WORDS.get(text.raw, text.raw) for text in given[key])
        closeness = {"units": 3, "groups": 2, "kinds": 1}[key]
        return frozenset(unit for units in found for unit in units), closeness, shown

    def _unit(self, text: Text) -> Collection[str]:
        meaning = self._names.find(text.raw)
        if meaning is not None and not meaning.group:
            return meaning.units
        if meaning is not None:
            self._tell(text, "route-group", f"“{text.raw}”是单位组。", "写到 groups: 里。")
            return meaning.units
        near = self._names.suggest(text.raw)
        hint = f"是不是“{'”“'.join(near)}”？" if near else "先在 config/units.yaml 里登记。"
        self._tell(text, "unknown-unit", f"路由里的“{text.raw}”不在单位名录里。", hint)
        return ()

    def _group(self, text: Text) -> Collection[str]:
        units = self._directory.units.values()
        alike = [unit.id for unit in units if unit.group == text.raw]
        meaning = self._names.find(text.raw)
        if meaning is not None and meaning.group:
            return meaning.units
        if not alike:
            known = dict.fromkeys(unit.group for unit in units)
            told = "、".join([*known, *(group.name for group in self._directory.groups)])
            self._tell(text, "route-group", f"没有“{text.raw}”这个组。", f"可用：{told}。")
        return alike

    def _kind(self, text: Text) -> Collection[str]:
        if text.raw not in {kind.value for kind in UnitKind}:
            self._tell(
                text,
                "not-a-choice",
                f"“kinds”里的“{text.raw}”不在可选项里。",
                f"可选：{'、'.join(f'{kind.value}（{KIND_WORDS[kind.value]}）' for kind in UnitKind)}。",
            )
        units = self._directory.units.values()
        return [unit.id for unit in units if unit.kind.value == text.raw]

    def _words(self, row: Row, key: str, known: Mapping[str, str], what: str) -> frozenset[str]:
        texts = row.texts(key)
        for text in texts:
            if text.raw not in known:
                told = "、".join(f"{word}（{name}）" for word, name in known.items())
                code = "post" if key == "posts" else "not-a-choice"
                self._tell(text, code, f"不认识的{what}“{text.raw}”。", f"可用：{told}。")
        return frozenset(text.raw for text in texts if text.raw in known)

    def _channel(self, row: Row, key: str) -> str:
        name = row.text(key)
        if name and name not in self._channels:
            self._issues.error(
                "channel-unknown",
                row.place_of(key),
                f"“{key}: {name}”指的渠道没有写在 channels 里。",
                f"改成已有的渠道：{'、'.join(self._channels)}。",
            )
        return name

    def _copy(self, row: Row) -> str:
        if row.text("copy") == NO_COPY:
            return NO_COPY
        name = self._channel(row, "copy")
        channel = self._channels.get(name)
        if channel is not None and channel.reach is Reach.PERSON:
            self._issues.error(
                "route-copy",
                row.place_of("copy"),
                f"“copy: {name}”是发给个人的渠道，没有可以抄送的人。",
                "抄送只能给群机器人或站内信；给个人的写 channel。",
            )
        return name

    def _check(self, row: Row, rule: Rule) -> None:
        if not rule.channel and not rule.copy:
            self._issues.error(
                "route-empty",
                row.place,
                "这条路由没有写走哪里。",
                "写 channel: 渠道，或 copy: 群。",
            )
        if rule.fallback and not rule.channel:
            self._issues.error(
                "channel-fallback",
                row.place_of("fallback"),
                "写了 fallback，却没有写 channel。",
                "补上 channel；只想改某个渠道的备用渠道，写在 channels 里。",
            )
        elif rule.fallback:
            self._check_fallback(row, rule, rule.fallback)
        channel = self._channels.get(rule.channel)
        if channel is not None and channel.reach is Reach.GROUP:
            self._issues.warning(
                "route-to-group",
                row.place_of("channel"),
                f"“{channel.name}”是群，个人填报链接不能发到群里，收信人得另找入口。",
                "通知仍发给本人，把群写成 copy:。",
            )

    def _check_fallback(self, row: Row, rule: Rule, fallback: Fallback) -> None:
        """What takes over must be there and must not lead back to where it started."""
        seen, now = [rule.channel], fallback.channel
        while now in self._channels and now not in seen:
            seen.append(now)
            further = self._channels[now].fallback
            now = further.channel if further else ""
        if fallback.channel not in self._channels or now == rule.channel:
            missing = fallback.channel not in self._channels
            told = "没有写在 channels 里。" if missing else f"绕回了“{rule.channel}”。"
            self._issues.error(
                "channel-fallback",
                row.place_of("fallback"),
                f"这条路由的备用渠道“{fallback.channel}”{told}",
                "改成另一个已有的渠道；备用渠道不能绕成圈。",
            )

    def _tell(self, text: Text, code: str, message: str, way_out: str) -> None:
        if self._directory.units:  # without units, their own file's mistakes are told already
            self._issues.error(code, text.place, message, way_out)


def _check_pairs(rules: Sequence[Rule], issues: Issues) -> None:
    """Two routes that name a message equally closely would be decided by chance."""
    for first, second in combinations(rules, 2):
        both = (first.channel and second.channel) or (first.copy and second.copy)
        if both and first.rank == second.rank and first.meets(second):
            issues.error(
                "route-twice",
                second.place,
                f"这条路由和 {first.place} 说的是同样的单位、岗位和消息，分不清听谁的。",
                "合并成一条，或把其中一条写得更具体（点名单位、写上 posts 或 messages）。",
            )
