"""What a lead's summary starts from: its townships' parts of the same period, put together.

Texts are assembled under each unit's name; figures are added up where adding them means something
(a flow, or a number that each unit counts up for itself). All of it can be changed before it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from duban.ledger import queries
from duban.ledger.queries import Row
from duban.ledger.transitions import LIMITS
from duban.ledger.views import Reader
from duban.matrix.model import Indicator
from duban.office import Office
from duban.portal.items import Item, unit_name
from duban.portal.shown import number

ADDITIVE = frozenset({"flow", "cumulative"})


@dataclass(frozen=True, slots=True)
class Draft:
    """What the summary's form is filled in with. ``missing``: units whose part has not come."""

    values: dict[str, str]
    parts: int
    missing: tuple[str, ...]
    summed: tuple[str, ...]
    """Names of the figures that were added up."""


def drafted(office: Office, conn: Reader, item: Item) -> Draft | None:
    """The draft of a summary; None for any other item, and while no part has come."""
    if item.row["kind"] != "summary":
        return None
    found = [
        row
        for row in queries.obligations(conn, task=item.row["task"])
        if (row["kind"], row["period"]) == ("report", item.row["period"])
        and row["state"] not in {"cancelled", "merged", "historic"}
    ]
    parts = [(row, _report(conn, row)) for row in found]
    came = [(unit_name(office, row["unit"]), sent) for row, sent in parts if sent is not None]
    if not came:
        return None
    values = {name: _texts(came, name) for name in ("progress", "problem", "next_step")}
    sums = [
        (asked.indicator, total)
        for asked in item.asked
        if (total := _sum(asked.indicator, [sent for _, sent in came])) is not None
    ]
    values |= {f"figure.{indicator.id}": number(total) for indicator, total in sums}
    return Draft(
        {name: text for name, text in values.items() if text},
        len(came),
        tuple(unit_name(office, row["unit"]) for row, sent in parts if sent is None),
        tuple(indicator.name for indicator, _ in sums),
    )


def _report(conn: Reader, row: Row) -> Row | None:
    """The newest report of a part that was not returned."""
    sent = queries.submissions(conn, row["key"])
    return next((each for each in sent if each["state"] != "returned"), None)


def _texts(came: Sequence[tuple[str, Row]], name: str) -> str:
    """Each unit's text under its name, cut to what the field takes."""
    told = [
        f"【{unit}】{'无变化。' if row['nil'] and name == 'progress' else row[name]}"
        for unit, row in came
        if row[name] or (row["nil"] and name == "progress")
    ]
    text, limit = "\n".join(told), LIMITS[name]
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _sum(indicator: Indicator, sent: Sequence[Row]) -> Decimal | None:
    """The parts' values added up; None where that means nothing or nobody gave one."""
    if indicator.measure not in ADDITIVE or "%" in indicator.unit or "‰" in indicator.unit:
        return None
    given = [json.loads(row["figures"]).get(indicator.id) for row in sent]
    values = [Decimal(value) for value in given if value is not None]
    return sum(values, Decimal(0)) if values else None
