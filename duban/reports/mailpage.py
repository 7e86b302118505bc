"""The weekly digest as one HTML page that survives mail readers: tables, inlined styles, 640 px, no images."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from duban.reports.shares import percent, rate
from duban.reports.summary import cut
from duban.reports.week import Digest
from duban.reports.weekwords import WEEK_ROWS, burden_words, group_cells, late_words, units_words
from duban.settings import EXAMPLE_MARK
from duban.status import chinese_day, chinese_day_week

TEMPLATES = Path(__file__).parent / "templates"
RED_SHOWN = 20
"""Longer lists are cut in the mail, which some readers clip at 100 KB; the Word draft has them all."""
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


def render_html(digest: Digest) -> str:
    """The digest's page: the two sentences and the red list come first."""
    page = _template().render(d=digest, f=digest.frame, lamps_shown=_lamps_shown(digest))
    return css_inline.CSSInliner(keep_style_tags=False, load_remote_stylesheets=False).inline(page)


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
        "example_mark": EXAMPLE_MARK,
        "red_shown": RED_SHOWN,
        "coming_shown": COMING_SHOWN,
        "units_shown": UNITS_SHOWN,
        "items_shown": ITEMS_SHOWN,
        "reason_chars": REASON_CHARS,
    }
    return room.get_template("digest.html")
