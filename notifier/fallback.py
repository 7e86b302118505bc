"""Lets another channel take over what has failed or stayed unknown: once, and saying so.

The message on the other channel has an id of its own, made of the first one's; so it exists only once,
whichever worker looks, however often. The first message stays what it is: the office sees both.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from duban.errors import UsageError
from duban.ledger import outbox
from duban.ledger.links import PLACEHOLDER
from duban.ledger.outbox import ACTOR, Letter
from duban.ledger.store import Ledger, Writing
from notifier.config import Channel, Channels, part_for
from notifier.render import href, md
from notifier.split import parts

OF_USE = timedelta(days=3)
"""How far back is looked: a channel that gets a fallback today does not say last month's news."""

TO_A_PERSON = frozenset({"dubanmail", "dubanmails", "dubanmaildir", "dubanwecom", "dubansms"})
_INBOX = "dubaninbox"
_URL = re.compile(r"(https?://\S+)")
_FOR_THE_READER_ALONE = "（填报链接只发给本人；没有收到的，请联系办公室）"


def fall_back(ledger: Ledger, channels: Channels, now: datetime) -> int:
    """Queue the messages that other channels take over at ``now``; how many.

    A person without a way on the other channel is left as is: the message stays in the office's list.
    """
    rules = [channel for channel in channels.by_id.values() if channel.fallback]
    if not rules:
        return 0
    with ledger.write(ACTOR, now) as writing:
        found = 0
        for channel in rules:
            taken = _taken_over(channel, channels, writing, now)
            found += sum(outbox.queue(writing, letters) > 0 for letters in taken)
        return found


def _taken_over(
    channel: Channel, channels: Channels, writing: Writing, now: datetime
) -> list[list[Letter]]:
    rule = channel.fallback
    other = channels.by_id.get(rule.channel) if rule else None
    if rule is None or other is None:
        return []
    until = now - timedelta(minutes=rule.minutes)
    letters = outbox.stranded(writing.conn, channel.id, other.id, until - OF_USE, until)
    schema = _schema(channels, other)
    made = (_on(letter, channel, other, schema) for letter in letters if _of_use(letter, now))
    return [pieces for pieces in made if pieces]


def _schema(channels: Channels, other: Channel) -> str:
    """The kind of the other channel; unknown while a secret is missing, and then taken for a group.

    Its messages wait in the queue, and delivering tells what is missing.
    """
    try:
        return channels.url_of(other.id).partition("://")[0].lower()
    except UsageError:
        return ""


def _of_use(letter: Letter, now: datetime) -> bool:
    return letter.expires_at is None or letter.expires_at > now


def _on(letter: Letter, channel: Channel, other: Channel, schema: str) -> list[Letter]:
    """The letter as the other channel wants it, in pieces; none when it has no way to this person."""
    address = _address(letter, other, schema)
    if not address:
        return []
    text = letter.text
    if schema not in TO_A_PERSON and schema != _INBOX:
        text = _without_link(text)
    if other.form == "md" and channel.form != "md":
        text = "\n".join(_line(line) for line in text.splitlines())
    key = outbox.fallback_id(letter.id, other.id)
    pieces = parts(
        replace(
            letter,
            id=key,
            channel=other.id,
            address=address,
            text=f"（原经{channel.name}发送，未能确认送达，改由{other.name}再发一次）\n{text}",
            html=letter.html if other.form == "mail" else "",
            attachments=letter.attachments if other.form == "mail" else (),
        ),
        other.limit_bytes,
    )
    # The first piece bears the bare id: whether it is there tells whether this was done.
    return [replace(pieces[0], id=key), *pieces[1:]]


def _address(letter: Letter, other: Channel, schema: str) -> str:
    """Where it goes on the other channel, written so that it is nobody's first address.

    A refused mailbox must not look alive because the same person was reached in another way.
    """
    if schema not in TO_A_PERSON:
        return other.id
    way = part_for(other, letter.address)
    return way if other.form == "mail" or not way else f"{other.id}:{way}"


def _without_link(text: str) -> str:
    """A group must not get a link that reports in one person's name."""
    lines = (_FOR_THE_READER_ALONE if PLACEHOLDER in line else line for line in text.splitlines())
    return "\n".join(lines)


def _line(line: str) -> str:
    """A line of plain text as Markdown that says the same; links stay links."""
    return "".join(part if href(part) else md(part) for part in _URL.split(line))
