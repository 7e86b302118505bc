"""What programs and scripts send: under which number, and only the figures that are asked for. Pure.

The same key with the same content is the same sending; with another content it is a mistake, and never a
report that is silently taken for the first one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from duban.errors import InputError, Issues, Place
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


def check_figures(
    names: Iterable[str], asked: Collection[str], issues: Issues, *, nil: bool, before: str = ""
) -> None:
    """A number is taken only where it is asked for. ``before``: what stands before a figure's name."""
    for name in names:
        place = Place(before + name)
        if name not in asked:
            way_out = f"可报的指标：{'、'.join(asked)}。" if asked else "去掉指标。"
            issues.error("figure", place, f"这一事项不报指标“{name[:40]}”。", way_out)
        elif nil:
            issues.error("figure", place, "无变化（零报告）不报指标。", "去掉指标，或不写无变化。")
