"""The weekly digest as one HTML page that survives mail readers: tables, inlined styles, 640 px, no images."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from duban.reports import svg
from duban.reports.shares import percent, rate
from duban.reports.summary import cut
from duban.reports.week import Digest, HeatRow
from duban.reports.weekwords import WEEK_ROWS, burden_words, group_cells, late_words, units_words
from duban.settings import EXAMPLE_MARK
from duban.status import chinese_day, chinese_day_week

TEMPLATES = Path(__file__).parent / "templates"
RED_SHOWN = 20
"""Longer lists are cut in the mail, which some readers clip at 100 KB; the Word draft has them all."""
HEAT_SHOWN = 20
UNITS_SHOWN, ITEMS_SHOWN, COMING_SHOWN = 30, 6, 30
REASON_CHARS = 60

# Inks that reach 4.5 : 1 on white; a lamp is always shape and word besides.
INKS = {
    "red": "#b01c24",
    "orange": "#a04a00",
    "yellow": "#8a5a00",
    "green": "#176b3a",
    "blue": "#1f5a99",
    "grey": "#555555",
}


def render_html(digest: Digest, *, drawings: bool = False) -> str:
    """The digest's page: the two sentences and the red list come first.

    ``drawings``: for a browser; mail readers strip SVG, so a mail says the same in tables.
    """
    drawn = {
        "trend": svg.trend(digest.trend) if digest.trend else "",
        "bars": svg.bars(digest.groups) if digest.groups else "",
        "heat": svg.heat(digest.heat) if digest.heat.rows else "",
    }
    page = _template().render(
        d=digest,
        f=digest.frame,
        lamps_shown=_lamps_shown(digest),
        behind=_behind(digest),
        drawn={name: Markup(text if drawings else "") for name, text in drawn.items()},
    )
    return css_inline.CSSInliner(keep_style_tags=False, load_remote_stylesheets=False).inline(page)


def _behind(digest: Digest) -> list[HeatRow]:
    """Units with something not in time: the others would only lengthen a mail."""
    return [row for row in digest.heat.rows if any(bad for _, bad in row.cells)]


def _lamps_shown(digest: Digest) -> list[dict[str, Any]]:
    return [
        {"share": lamp, "ink": INKS.get(lamp.colour, INKS["grey"]), "percent": percent(lamp.tenths)}
        for lamp in digest.lamps
    ]


@lru_cache(maxsize=1)
def _template() -> Any:
    room = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    room.filters |= {
        "day": chinese_day,
        "weekday": chinese_day_week,
        "percent": percent,
        "late": late_words,
        "units": units_words,
        "cells": group_cells,
        "burden": burden_words,
        "cut": cut,
    }
    room.globals |= {
        "rate": rate,
        "week_rows": WEEK_ROWS,
        "inks": INKS,
        "month_words": svg.month_words,
        "shades": svg.SHADES,
        "shade": svg.shade,
        "example_mark": EXAMPLE_MARK,
        "red_shown": RED_SHOWN,
        "coming_shown": COMING_SHOWN,
        "heat_shown": HEAT_SHOWN,
        "units_shown": UNITS_SHOWN,
        "items_shown": ITEMS_SHOWN,
        "reason_chars": REASON_CHARS,
    }
    return room.get_template("digest.html")
