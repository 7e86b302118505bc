"""Reads ``board:`` of ``config/duban.yaml``: whose units a leader is in charge of, and how much may be asked."""

from __future__ import annotations

from dataclasses import dataclass

from duban.errors import Place
from duban.yamltext import Row, Text


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The units that a leader is in charge of (分管), as the office writes their names."""

    leader: str
    units: tuple[Text, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Board:
    """What the dashboard is told. The limits are *defaults*: no rule gives a number.

    ``asks_per_month``, ``minutes_per_month``: above these a unit's month is marked.
    ``minutes_per_ask``: what one report is taken to cost a unit; an estimate, and shown as one.
    """

    portfolios: tuple[Portfolio, ...] = ()
    asks_per_month: int = 10
    minutes_per_ask: int = 15
    minutes_per_month: int = 240


def read_board(row: Row | None) -> Board:
    """The settings; what is not written is as in ``Board``. Mistakes go to the row's issues."""
    if row is None:
        return Board()
    found = Board(
        portfolios=tuple(_portfolio(each) for each in row.rows("portfolios")),
        asks_per_month=row.integer("asks_per_month", 10, least=1),
        minutes_per_ask=row.integer("minutes_per_ask", 15, least=1),
        minutes_per_month=row.integer("minutes_per_month", 240, least=1),
    )
    row.close()
    return found


def _portfolio(row: Row) -> Portfolio:
    found = Portfolio(row.text("leader", required=True), tuple(row.texts("units")), row.place)
    row.close()
    return found
