"""One test message through a channel: told in every detail first, sent only when asked for.

A test is no business of the ledger: it is not queued, counts against no rate and leaves no event.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from duban import clock
from duban.errors import DubanError, UsageError
from duban.ledger.outbox import Letter, Outcome
from duban.settings import Home
from notifier.channel import Channel, Reach
from notifier.config import Channels
from notifier.neutral import md
from notifier.overrides import KINDS
from notifier.split import parts

OUTCOMES = {
    "sent": "已送出，对方的服务已收下",
    "temporary": "这次没有送出，稍后可以再试",
    "permanent": "对方拒收，再发也没有用",
    "unknown": "发没发到说不清，请问收信人",
}
_HOSTS = {
    "dubanwecombot": "qyapi.weixin.qq.com",
    "dubanwecom": "qyapi.weixin.qq.com",
    "dubanding": "oapi.dingtalk.com",
    "dubanfeishu": "open.feishu.cn",
    "dubaninbox": "本系统的站内信",
    "dubanmaildir": "本机 var/ 下的邮件夹",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test would do. ``problems``: why it cannot; ``where`` names a host, never a secret."""

    channel: Channel
    letters: tuple[Letter, ...]
    sender: str
    where: str
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The documented keys."""
        return {
            "channel": self.channel.id,
            "name": self.channel.name,
            "form": self.channel.form,
            "where": self.where,
            "to": self.letters[0].address,
            "from": self.sender,
            "subject": self.letters[0].subject,
            "texts": [letter.text for letter in self.letters],
            "bytes": [len(letter.text.encode()) for letter in self.letters],
            "problems": list(self.problems),
        }


def plan(
    channels: Channels, home: Home, name: str, to: str, *, office: str, contact: str, now: datetime
) -> Trial:
    """A test of one channel, down to the last step before the network. Raises UsageError: no such channel."""
    channel = channels.by_id.get(name)
    if channel is None:
        raise UsageError(
            f"没有渠道“{name}”。", f"可用：{'、'.join(channels.by_id)}（config/channels.yaml）。"
        )
    address, problem = _address(channel, to)
    letters = _letters(channel, address, office=office, contact=contact, now=now)
    where, unusable = _where(channels, home, channel)
    sender = _sender(channels, channel) if not unusable else ""
    return Trial(channel, letters, sender, where, tuple(filter(None, (problem, unusable))))


def _address(channel: Channel, to: str) -> tuple[str, str]:
    """Whom it goes to, and what is wrong with that."""
    if channel.reach is not Reach.PERSON:
        return channel.id, f"“{channel.name}”不是发给个人的，不用写 --to" if to else ""
    if not to.strip():
        return "", f"“{channel.name}”是发给个人的，没有写发给谁：加 --to 地址"
    prefix = f"{channel.id}:"
    plain_mail = channel.form == "mail" or to.startswith(prefix)
    return to if plain_mail else prefix + to, ""


def _letters(
    channel: Channel, address: str, *, office: str, contact: str, now: datetime
) -> tuple[Letter, ...]:
    at = clock.local(now)
    stamp = f"{at.year}年{at.month}月{at.day}日 {at:%H:%M:%S}"
    lines = [
        f"这是一条测试消息，用来核对“{channel.name}”能不能收到督办通知。",
        "不是正式通知，无须办理，也无须回复。",
        f"发送单位：{office}",
        f"发送时间：{stamp}",
        *([f"有疑问请联系：{contact}"] if contact else []),
    ]
    signs = channel.form == "mail"
    text = "\n".join(line if signs else md(line) for line in lines)
    page = "".join(f"<p>{html.escape(line)}</p>" for line in lines) if signs else ""
    whole = Letter(
        id=f"test:{channel.id}:{at.isoformat()}",
        kind=next(iter(KINDS)),
        unit="",
        post="liaison",
        person="测试消息",
        address=address,
        channel=channel.id,
        subject=f"【测试】督办通知渠道测试，请勿办理（{stamp}）",
        text=text,
        html=page,
        attachments=(),
        urgent=False,
        not_before=now,
    )
    return tuple(parts(whole, channel.limit_bytes))


def _where(channels: Channels, home: Home, channel: Channel) -> tuple[str, str]:
    """The host it goes to, and why it cannot: secrets are fetched and the URL is understood, nothing more."""
    from notifier.gateway import Gateway

    try:
        where = _host(channels.url_of(channel.id))
        with Gateway(channels, home) as gateway:
            gateway.open(channel.id)
    except DubanError as problem:
        return "", str(problem)
    return where, ""


def _sender(channels: Channels, channel: Channel) -> str:
    """Who a mail says it is from: its channel's ``from=``, else the office's address."""
    if channel.form != "mail" or channel.reach is not Reach.PERSON:
        return ""
    given = parse_qs(urlsplit(channels.url_of(channel.id)).query).get("from", [""])[0]
    return given or channels.sender.address


def _host(url: str) -> str:
    """Where a URL leads. A bot's key stands where a host would: only what is no secret is named."""
    split = urlsplit(url)
    scheme = split.scheme.lower()
    given = parse_qs(split.query).get("host", [""])[0]
    if scheme in _HOSTS:
        return urlsplit(given).hostname or _HOSTS[scheme]
    if scheme in {"dubanmail", "dubanmails", "dubansms"}:
        port = f":{split.port}" if split.port else ""
        return f"{split.hostname or ''}{port}"
    return f"{scheme} 服务"


def send(channels: Channels, home: Home, trial: Trial, now: datetime) -> Outcome:
    """Send the test; the first part that does not arrive ends it."""
    from notifier.gateway import Gateway

    outcome = Outcome("permanent", "nothing", "没有要发送的内容")
    with Gateway(channels, home) as gateway:
        for _, outcome in gateway.send_many(trial.channel.id, trial.letters, lambda: now):
            if outcome.kind != "sent":
                break
    return outcome
