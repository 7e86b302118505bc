"""The number of a sending: who sends it under which key, and what it says. Pure.

The same key with the same content is the same sending; with another content it is a mistake, and never a
report that is silently taken for the first one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duban.errors import InputError, Place
from duban.ledger.canon import canonical

_HEX = 40  # 160 bits of each hash: as wide as the column allows


@dataclass(frozen=True, slots=True)
class Sending:
    """A sending. ``start``: sender and key; ``number``: the whole, with what it says."""

    start: str
    number: str


def sending(sender: str, key: str, content: Mapping[str, Any]) -> Sending:
    """The sending of a content by a sender under the key that the sender chose."""
    start = f"{_hash([sender, key])}:"
    return Sending(start, start + _hash(content))


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:_HEX]


def other_content(place: str) -> InputError:
    """The refusal of a key that was used for another content before."""
    return InputError.one(
        "idem-reused",
        Place(place),
        "这个提交编号已用来报过别的内容，这次没有接收。",
        "内容改了就换一个新编号；要重发同一份，请原样重发。",
    )
