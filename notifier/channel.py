"""What a channel is, and what a holder's address means to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from duban.errors import NOWHERE, Place

if TYPE_CHECKING:
    from duban.ledger.outbox import Rate

SCHEMA = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
TO_A_PERSON = frozenset({"dubanmail", "dubanmails", "dubanmaildir", "dubanwecom", "dubansms"})
INBOX = "dubaninbox"


class Reach(StrEnum):
    """Who reads what a channel carries: it decides whether a personal link may go along."""

    PERSON = "person"
    GROUP = "group"  # everybody in it; also what is not known, to be on the safe side
    INBOX = "inbox"


@dataclass(frozen=True, slots=True)
class Fallback:
    """The channel that takes over what has failed or stayed unknown for ``minutes``."""

    channel: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Channel:
    """A way out. ``form``: mail, md (bots) or text; ``limit_bytes`` of one message, 0 for none.

    ``rates``: how much it may be sent; empty for what its service is known to bear.
    """

    id: str
    name: str
    url: str = field(repr=False)  # as written: references to secrets, not the secrets
    instead: str = ""  # an environment variable whose URL takes the place of ``url``
    on_unknown: str = "hold"
    form: str = "mail"
    limit_bytes: int = 0
    rates: tuple[Rate, ...] = ()
    fallback: Fallback | None = None
    place: Place = NOWHERE

    @property
    def reach(self) -> Reach:
        """Who reads it, told from the URL as written, without fetching a secret."""
        found = SCHEMA.match(self.url)
        schema = found[1].lower() if found else ""
        if schema == INBOX:
            return Reach.INBOX
        if schema in TO_A_PERSON or (not schema and self.form == "mail"):
            return Reach.PERSON
        return Reach.GROUP


def part_for(channel: Channel, address: str) -> str:
    """Who a channel is told to send to: its own way of an address, without the channel's name.

    Empty when the address holds no way for this channel: a mail address is nobody's account elsewhere.
    """
    ways = address.split()
    for way in ways:
        if way.startswith(f"{channel.id}:"):
            return way[len(channel.id) + 1 :]
    mail = channel.form == "mail"
    if len(ways) == 1 and (mail or "@" not in address):
        return address
    return next((way for way in ways if mail and "@" in way and ":" not in way), "")


def accepts(channel: Channel, address: str) -> bool:
    """Whether somebody with this address can be reached on the channel; a group takes everybody's."""
    if channel.reach is not Reach.PERSON:
        return True
    part = part_for(channel, address)
    if channel.form == "mail":
        return "@" in part and ":" not in part
    return any(way.startswith(f"{channel.id}:") for way in address.split())


def masked(address: str) -> str:
    """An address for lists: enough to recognise it by, not enough to use it."""
    return " ".join(_masked_way(way) for way in address.split())


def _masked_way(way: str) -> str:
    channel, colon, who = way.rpartition(":")
    if "@" in who:
        name, _, host = who.partition("@")
        return f"{channel}{colon}{name[:2]}***@{host}"
    if who.isdigit() and len(who) > 6:
        return f"{channel}{colon}{who[:3]}****{who[-4:]}"
    return f"{channel}{colon}{who[:2]}***" if colon else who
