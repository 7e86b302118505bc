"""Lets another channel take over what failed, stayed unknown or waits too long: once, and saying so.

The message on the other channel has an id of its own, made of the first one's; so it exists only once,
whichever worker looks, however often. The first message stays what it is: the office sees both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from duban.errors import UsageError
from duban.ledger import outbox
from duban.ledger.links import PLACEHOLDER
from duban.ledger.outbox import ACTOR, Letter
from duban.ledger.store import Ledger
from notifier.channel import INBOX, TO_A_PERSON, Channel, Fallback, part_for
from notifier.config import Channels
from notifier.neutral import md_lines
from notifier.split import parts

OF_USE = timedelta(days=3)
"""How far back is looked: a channel that gets a fallback today does not say last month's news."""

_FOR_THE_READER_ALONE = "（填报链接只发给本人；没有收到的，请联系办公室）"


def fall_back(ledger: Ledger, channels: Channels, now: datetime) -> int:
    """Queue the messages that other channels take over at ``now``; how many.

    A person without a way on the other channel is left as is: the message stays in the office's list.
    """
    rules = [
        (channel, rule)
        for channel in channels.by_id.values()
        for rule in channels.fallbacks_from(channel.id)
    ]
    if not rules:
        return 0
    with ledger.write(ACTOR, now) as writing:
        found = 0
        for channel, rule in rules:
            until = now - timedelta(minutes=rule.minutes)
            conn, since = writing.conn, until - OF_USE
            letters = outbox.stranded(conn, channel.id, rule.channel, since, until)
            taken = _taken_over(letters, channel, rule, channels, now)
            found += sum(outbox.queue(writing, pieces) > 0 for _, pieces in taken)
        return found


def move_on(ledger: Ledger, channels: Channels, down: Sequence[str], now: datetime) -> int:
    """Move what waits too long for channels that have just been found down; how many.

    The first message ends in the same transaction, so it does not go too when its channel comes back.
    """
    with ledger.write(ACTOR, now) as writing:
        found = 0
        for channel in (channels.by_id[name] for name in down if name in channels.by_id):
            for rule in channels.fallbacks_from(channel.id):
                until = now - timedelta(minutes=rule.minutes)
                letters = outbox.waiting_for(writing.conn, channel.id, rule.channel, until)
                for letter, pieces in _taken_over(letters, channel, rule, channels, now):
                    found += outbox.queue(writing, pieces) > 0
                    outbox.move(writing, letter.id, _moved(channel, rule, channels))
        return found


def _moved(channel: Channel, rule: Fallback, channels: Channels) -> str:
    other = channels.by_id[rule.channel].name
    return f"渠道“{channel.name}”不通超过{rule.minutes}分钟，改走{other}；不再从原渠道发送"


def _taken_over(
    letters: Iterable[Letter], channel: Channel, rule: Fallback, channels: Channels, now: datetime
) -> list[tuple[Letter, list[Letter]]]:
    """Each letter that the rule holds for, with the pieces that take its place."""
    other = channels.by_id.get(rule.channel)
    if other is None:
        return []
    schema = _schema(channels, other)
    ours = [letter for letter in letters if channels.fallback_for(letter) == rule]
    made = [(each, _on(each, channel, other, schema)) for each in ours if _of_use(each, now)]
    return [(letter, pieces) for letter, pieces in made if pieces]


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
    if schema not in TO_A_PERSON and schema != INBOX:
        text = _without_link(text)
    if _reads_signs(channel, other, schema):
        text = md_lines(text)
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


def _reads_signs(channel: Channel, other: Channel, schema: str) -> bool:
    """Whether text written for ``channel`` could mean more on ``other``: chat programs read plain text too."""
    if other.form == "text":
        return channel.form == "mail" and schema != INBOX
    return other.form == "md" and channel.form != "md"


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
