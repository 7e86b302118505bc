"""Reads ``config/channels.yaml``: which channels there are. Secrets are fetched only when one is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from duban.errors import Issues, UsageError
from duban.matrix.load import load_directory
from duban.settings import Home, load_settings, secret
from duban.yamltext import Row, read_rows
from notifier.channel import SCHEMA, Channel, Fallback, part_for
from notifier.mime import Sender
from notifier.routes import Rule, Way, read_routes, way_of

if TYPE_CHECKING:
    from duban.ledger.outbox import Letter, Policy, Rate

__all__ = [
    "Channel",
    "Channels",
    "Fallback",
    "fallback_of",
    "load_channels",
    "part_for",
    "rate_of",
    "refusal",
]

REFUSED: Mapping[str, str] = dict.fromkeys(
    ("dingtalk", "wecombot", "feishu", "lark", "schan"),
    "这个自带渠道只看 HTTP 200，对方拒收（限流、口令错、签名错）也报“已发送”，通知会悄悄丢失",
) | dict.fromkeys(
    ("mailto", "mailtos"),
    "自带的邮件渠道分不清哪个收件人被拒收、说不清的也当失败，而且每秒只能发十来封",
)
_WAY_OUT: Mapping[str, str] = {
    "mailto": "改用 dubanmail://",
    "mailtos": "改用 dubanmails://",
    "dingtalk": "改用 dubanding://",
    "wecombot": "改用 dubanwecombot://",
    "feishu": "改用 dubanfeishu://",
    "lark": "改用 dubanfeishu://，加上 ?host=https://open.larksuite.com",
}
_REFERENCE = re.compile(r"\$\{(env|file):([^{}]+)\}")
_PASSWORD = re.compile(r"://[^/@:]*:[^/@]+@")
_BOT_KEY = re.compile(r"duban(?:wecombot|ding|feishu)://[^/?]|[?&]secret=[^&]", re.IGNORECASE)
_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")
COPY = "copy"
"""Kind of a letter that repeats in a group what a person was told."""


@dataclass(frozen=True, slots=True)
class Channels:
    """All channels by id, the usual one, and the one for messages nobody can be reached with."""

    by_id: Mapping[str, Channel]
    default: str
    lost: str
    sender: Sender
    root: Path
    routes: tuple[Rule, ...] = ()

    @property
    def policy(self) -> Policy:
        """What each channel does when a message may have arrived."""
        return {channel.id: channel.on_unknown for channel in self.by_id.values()}

    def rates_of(self, channel_id: str) -> tuple[Rate, ...]:
        """How much a channel may be sent. Raises UsageError like ``url_of``."""
        url = self.url_of(channel_id)
        known = _KNOWN_RATES.get(url.partition("://")[0].lower(), ())
        return self.by_id[channel_id].rates or tuple(filter(None, map(rate_of, known)))

    def for_address(self, address: str) -> str:
        """The channel for an address from ``units.yaml``: the first of its ways counts.

        A way is a channel's own id (a group bot), ``channel:who`` (``wecom:zhangsan``, ``sms:138…``), or
        a mail address. Several are parted by blanks; the others serve as fallbacks.
        """
        if not address.strip():
            return self.lost
        first = address.split(maxsplit=1)[0]
        name = first if first in self.by_id else first.partition(":")[0]
        return name if name in self.by_id else self.default

    def way(self, *, unit: str, post: str, address: str, kind: str) -> Way:
        """The way a message takes: its channel, why, and the group that gets a copy.

        ``kind``: day, urgent or digest. Nobody to reach: the channel for what is lost.
        """
        if not address.strip():
            return Way(self.lost, "没有可以送达的地址")
        return way_of(
            self.routes,
            self.by_id,
            self.for_address(address),
            unit=unit,
            post=post,
            address=address,
            kind=kind,
        )

    def fallback_for(self, letter: Letter) -> Fallback | None:
        """What takes over a letter: its route's fallback, else its channel's. A copy has none."""
        if letter.kind == COPY:
            return None
        taken = self.way(
            unit=letter.unit, post=letter.post, address=letter.address, kind=letter.kind
        )
        if taken.channel == letter.channel and taken.rule and taken.rule.fallback:
            return taken.rule.fallback
        known = self.by_id.get(letter.channel)
        return known.fallback if known else None

    def fallbacks_from(self, channel_id: str) -> Sequence[Fallback]:
        """Every fallback that can take over from a channel: its own and those of routes to it."""
        own = self.by_id[channel_id].fallback
        routed = [rule.fallback for rule in self.routes if rule.channel == channel_id]
        return list(dict.fromkeys(each for each in (own, *routed) if each))

    def url_of(self, channel_id: str) -> str:
        """The URL with its secrets; not to be logged.

        Raises UsageError when there is no such channel, a secret is missing, or the URL is refused.
        """
        channel = self.by_id.get(channel_id)
        if channel is None:
            raise UsageError(
                f"config/channels.yaml 里没有渠道“{channel_id}”。", "补上这个渠道；信还在队列里。"
            )
        given = secret(channel.instead) if channel.instead else ""
        url = given or _resolve(channel, self.root)
        found = SCHEMA.match(url)
        if found is None:
            raise UsageError(
                f"渠道“{channel_id}”的地址不成样子（缺“种类://”）。", "照 channels.yaml 的说明写。"
            )
        why = refusal(found[1].lower())
        if why:
            raise UsageError(f"渠道“{channel_id}”不能用：{why[0]}。", why[1])
        return url


# A little below what the services allow: somebody else may post through the same bot.
_KNOWN_RATES: Mapping[str, tuple[str, ...]] = {
    "dubanwecombot": ("18/min",),
    "dubanding": ("18/min",),
    "dubanfeishu": ("90/min",),
    "dubanwecom": ("25/min per person",),
    "dubansms": ("1/min per person", "10/day per person"),
}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "day": 86_400}
_RATE = re.compile(r"([1-9][0-9]{0,5})/(s|min|h|day)( per person)?", re.ASCII)


def rate_of(text: str) -> Rate | None:
    """A rate written ``18/min``, ``300/h`` or ``1/min per person``; None when it is none."""
    from duban.ledger.outbox import Rate

    found = _RATE.fullmatch(" ".join(text.split()))
    return Rate(int(found[1]), _SECONDS[found[2]], bool(found[3])) if found else None


_FALLBACK = re.compile(r"(\S+) after ([1-9][0-9]{0,3})(m|h)", re.ASCII)


def fallback_of(text: str) -> Fallback | None:
    """A fallback written ``inbox after 60m`` or ``sms after 4h``; None when it is none."""
    found = _FALLBACK.fullmatch(" ".join(text.split()))
    return Fallback(found[1], int(found[2]) * (60 if found[3] == "h" else 1)) if found else None


def refusal(schema: str) -> tuple[str, str] | None:
    """Why a kind of URL is not accepted and the way out, or None when it is."""
    if schema in REFUSED:
        return (
            f"{schema}:// {REFUSED[schema]}",
            _WAY_OUT.get(schema, "改用邮件，或经单位自己的转发接口（json://）") + "。",
        )
    if schema in {"http", "https"}:
        # Apprise turns a pasted webhook address into the stock plugin that is refused above.
        return "直接粘贴的网址会被当作自带的机器人渠道", "写成 json(s)://，或用邮件。"
    return None


def _resolve(channel: Channel, root: Path) -> str:
    whole = _REFERENCE.fullmatch(channel.url)
    if whole:
        return _fetch(channel.id, whole, root)
    return _REFERENCE.sub(
        lambda found: quote(_fetch(channel.id, found, root), safe=""), channel.url
    )


def _fetch(channel_id: str, found: re.Match[str], root: Path) -> str:
    """A secret from the environment or a file. Raises UsageError that names it, never its value."""
    kind, name = found[1], found[2].strip()
    if kind == "env":
        value = secret(name)
        if not value:
            raise UsageError(
                f"渠道“{channel_id}”要用的环境变量 {name} 没有设置。", f"设置 {name} 后再发。"
            )
        return value
    try:
        return (root / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(
            f"渠道“{channel_id}”要用的口令文件 {name} 读不出来。", "检查路径和权限。"
        ) from None


def load_channels(home: Home, issues: Issues) -> Channels:
    """Read the channels; mistakes go to ``issues`` and the shipped ones stand in for what is missing."""
    path = home.config / "channels.yaml"
    row = read_rows(path, home.shown(path), issues)
    found: dict[str, Channel] = {}
    default, lost = "mail", "inbox"
    routes: tuple[Rule, ...] = ()
    if row is not None:
        default, lost = row.text("default", default), row.text("lost", lost)
        for one in row.rows("channels"):
            _add(found, _channel(one), issues)
        routed = row.rows("routes")
        row.close()
        _check_names(row, found, default, lost)
        _check_fallbacks(row, found)
        routes = _routes(home, routed, found, issues)
    return Channels(found or dict(_SHIPPED), default, lost, _sender(home), home.root, routes)


def _routes(
    home: Home, rows: Sequence[Row], found: Mapping[str, Channel], issues: Issues
) -> tuple[Rule, ...]:
    """The routes; the units they name are read only when there is one. Their mistakes are told elsewhere."""
    if not rows:
        return ()
    return read_routes(rows, found, load_directory(home, Issues()), issues, _fallback)


_SHIPPED: Mapping[str, Channel] = {
    "mail": Channel("mail", "电子邮件", "dubanmaildir://mail", "DUBAN_SMTP_URL", "resend"),
    "inbox": Channel("inbox", "站内信", "dubaninbox://", "", "resend"),
}


def _check_names(row: Row, found: Mapping[str, Channel], default: str, lost: str) -> None:
    for key, name in (("default", default), ("lost", lost)):
        if name not in found:
            row.issues.error(
                "channel-unknown",
                row.place_of(key),
                f"“{key}: {name}”指的渠道没有写在 channels 里。",
                f"改成已有的渠道：{'、'.join(found) or '（一个也没有）'}。",
            )


def _check_fallbacks(row: Row, found: Mapping[str, Channel]) -> None:
    """A fallback must be there, and not lead back to where it started."""
    for channel in found.values():
        seen, now = [channel.id], channel
        while now.fallback and now.fallback.channel in found and now.id not in seen[:-1]:
            now = found[now.fallback.channel]
            seen.append(now.id)
        missing = now.fallback is not None and now.fallback.channel not in found
        if (missing and now is channel) or channel.id in seen[1:]:
            told = channel.fallback.channel if channel.fallback else ""
            row.issues.error(
                "channel-fallback",
                channel.place,
                f"渠道“{channel.id}”的备用渠道“{told}”"
                + ("没有写在 channels 里。" if missing else "绕回了它自己。"),
                "改成另一个已有的渠道；备用渠道不能绕成圈。",
            )


def _channel(row: Row) -> Channel:
    channel = Channel(
        id=row.text("id", required=True),
        name=row.text("name", row.text("id")),
        url=row.text("url", required=True),
        instead=row.text("instead"),
        on_unknown=row.choice("on_unknown", ("resend", "hold"), "hold"),
        form=row.choice("form", ("mail", "md", "text"), "mail"),
        limit_bytes=row.integer("limit", 0, least=0),
        rates=_rates(row),
        fallback=_fallback(row),
        place=row.place,
    )
    row.close()
    if channel.url:
        _check_url(row, channel)
    if 0 < channel.limit_bytes < 200:
        row.issues.error(
            "channel-limit",
            row.place_of("limit"),
            f"“limit: {channel.limit_bytes}”太小，连一句话也放不下。",
            "不少于 200 字节；没有上限就删去这一行。",
        )
    return channel


def _rates(row: Row) -> tuple[Rate, ...]:
    found = []
    for text in row.texts("rate"):
        rate = rate_of(text.raw)
        if rate is not None:
            found.append(rate)
            continue
        row.issues.error(
            "channel-rate",
            text.place,
            f"“rate: {text.raw}”不是限速的写法。",
            "写成 18/min、300/h、10/day；按收件人算的写 1/min per person。",
        )
    return tuple(found)


def _fallback(row: Row) -> Fallback | None:
    given = row.text("fallback")
    found = fallback_of(given)
    if given and found is None:
        row.issues.error(
            "channel-fallback",
            row.place_of("fallback"),
            f"“fallback: {given}”看不懂。",
            "写成“渠道 after 60m”或“渠道 after 4h”，例如 inbox after 60m。",
        )
    return found


def _check_url(row: Row, channel: Channel) -> None:
    place, bare = row.place_of("url"), _REFERENCE.sub("x", channel.url)
    schema = SCHEMA.match(channel.url)
    why = refusal(schema[1].lower()) if schema else None
    if why:
        row.issues.error("channel-refused", place, f"{why[0]}。", why[1])
    elif "${" in bare:
        row.issues.error(
            "channel-reference",
            place,
            "地址里的 ${…} 写法不对。",
            "写成 ${env:变量名} 或 ${file:文件路径}。",
        )
    elif schema is None and not _REFERENCE.fullmatch(channel.url):
        row.issues.error(
            "channel-url", place, "地址缺“种类://”。", "例如 dubanmail://smtp.单位.example。"
        )
    elif any(kind.search(_REFERENCE.sub("", channel.url)) for kind in (_PASSWORD, _BOT_KEY)):
        row.issues.error(
            "channel-secret",
            place,
            "口令直接写在了配置文件里，会随文件传开。",
            "换成 ${env:变量名} 或 ${file:文件路径}，并更换这个口令。",
        )


def _add(found: dict[str, Channel], channel: Channel, issues: Issues) -> None:
    if channel.id and not _ID.fullmatch(channel.id):
        issues.error(
            "channel-id",
            channel.place,
            f"渠道 id “{channel.id}”不合写法。",
            "用小写字母开头，只含小写字母、数字、下划线和短横。",
        )
    if channel.id in found:
        first = found[channel.id].place
        issues.error(
            "channel-twice",
            channel.place,
            f"渠道“{channel.id}”写了两次（另一处 {first}）。",
            "删去一个。",
        )
        return
    found[channel.id] = channel


def _sender(home: Home) -> Sender:
    """Who mails come from. Mistakes in ``duban.yaml`` are told by its own check, not twice."""
    settings = load_settings(home, Issues())
    if settings is None:
        return Sender("duban@duban.example", "", "duban.example")
    return Sender(settings.mail_from, settings.office_name, settings.mail_domain)
