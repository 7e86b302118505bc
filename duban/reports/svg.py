"""Small drawings as SVG text: heat map, lamps by month, progress by group. Pure; nothing is loaded from anywhere.

Red, yellow and green are for lamps alone; how much is not in time is told in shades of ink blue, with the number
printed in each cell, so that colour is never the only sign. Strokes and numbers print in black and white.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from duban.reports.week import GroupProgress, Heat, LitMonth

FONT = "'Microsoft YaHei','PingFang SC','Noto Sans CJK SC','Noto Serif CJK SC',sans-serif"
INK, SOFT, LINE = "#222222", "#555555", "#c9ced6"
WIDTH = 640
SHADES = ("#ffffff", "#e3ebf5", "#bfd2e8", "#8fb0d6", "#4d7db5", "#1f4e85")
"""From everything in time to nothing in time; white ink on the last two."""
_FROM = (0, 1, 200, 400, 600, 800)
"""Per mille not in time at which each shade begins."""
LAMPS = {
    "red": "#c8323a",
    "orange": "#d9822b",
    "yellow": "#e3b341",
    "green": "#2f8f5b",
    "blue": "#3b6fb0",
    "grey": "#9aa0a8",
}
_LIGHT = frozenset({"yellow", "orange", "grey"})


def shade(due: int, bad: int) -> int:
    """Which shade tells ``bad`` of ``due``, as an index into ``SHADES``."""
    if due == 0:
        return 0
    share = bad * 1000 // due
    return max(n for n, begins in enumerate(_FROM) if share >= begins or n == 0)


def month_words(month: str) -> str:
    """2026-11 as 11月, and the first month of a year with it."""
    year, _, number = month.partition("-")
    return f"{year[2:]}年1月" if number == "01" else f"{int(number)}月"


def heat(found: Heat) -> str:
    """Units × months: of what fell due, how much did not come in time."""
    name_w, row_h, head_h = 170, 22, 26
    cell_w = (WIDTH - name_w) / max(len(found.months), 1)
    parts = [
        _text(name_w + cell_w * (n + 0.5), 18, month_words(month), anchor="middle", ink=SOFT)
        for n, month in enumerate(found.months)
    ]
    for at, row in enumerate(found.rows):
        top = head_h + at * row_h
        parts.append(_text(name_w - 8, top + 15, _short(row.unit, 12), anchor="end"))
        for n, (due, bad) in enumerate(row.cells):
            parts.append(_cell((name_w + n * cell_w, top, cell_w, row_h), due, bad))
    height = head_h + len(found.rows) * row_h + 4
    return _svg(height, parts, "各单位逐月到期事项中未按时的件数")


def _cell(box_of: tuple[float, float, float, float], due: int, bad: int) -> str:
    x, y, width, height = box_of
    number = shade(due, bad)
    box = _rect(x, y, width, height, SHADES[number], stroke=LINE)
    if due == 0:
        return box + _text(x + width / 2, y + 15, "—", anchor="middle", ink=SOFT)
    ink = "#ffffff" if number >= len(SHADES) - 2 else INK
    return box + _text(x + width / 2, y + 15, f"{bad}/{due}", anchor="middle", ink=ink)


def trend(found: Sequence[LitMonth]) -> str:
    """Lamps at the end of each month as stacked bars; each part has its number, the legend its words."""
    left, top, bar_h, gap = 70, 30, 24, 10
    most = max((sum(count for *_, count in month.lamps) for month in found), default=0) or 1
    scale = (WIDTH - left - 40) / most
    parts = _legend(found[0].lamps if found else ())
    for at, month in enumerate(found):
        y, x = top + at * (bar_h + gap), float(left)
        parts.append(_text(left - 8, y + 16, month_words(month.month), anchor="end"))
        for _, colour, count in month.lamps:
            width = count * scale
            parts.append(
                _rect(x, y, width, bar_h, LAMPS.get(colour, LAMPS["grey"]), stroke="#ffffff")
            )
            if width >= 18:
                ink = INK if colour in _LIGHT else "#ffffff"
                parts.append(_text(x + width / 2, y + 16, str(count), anchor="middle", ink=ink))
            x += width
        parts.append(_text(x + 6, y + 16, str(sum(n for *_, n in month.lamps)), ink=SOFT))
    return _svg(top + len(found) * (bar_h + gap) + 4, parts, "各月末亮灯情况")


def _legend(lamps: Iterable[tuple[str, str, int]]) -> list[str]:
    parts, x = [], 70.0
    for name, colour, _ in lamps:
        parts.append(_rect(x, 6, 14, 14, LAMPS.get(colour, LAMPS["grey"]), stroke="#ffffff"))
        parts.append(_text(x + 18, 18, name))
        x += 18 + 14 * len(name) + 16
    return parts


def bars(found: Sequence[GroupProgress]) -> str:
    """What each group has closed of what is current: neutral ink, for it is no lamp."""
    left, bar_h, gap = 130, 20, 12
    room = WIDTH - left - 130
    parts = []
    for at, group in enumerate(found):
        y = 6 + at * (bar_h + gap)
        share = group.closed / group.current if group.current else 0.0
        parts.append(_text(left - 8, y + 15, _short(group.name, 8), anchor="end"))
        parts.append(_rect(left, y, room, bar_h, "#eef1f5", stroke=LINE))
        parts.append(_rect(left, y, room * share, bar_h, "#1f4e85", stroke="none"))
        parts.append(_text(left + room + 8, y + 15, f"办结{group.closed}/{group.current}"))
    return _svg(6 + len(found) * (bar_h + gap), parts, "各组办结进度")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _rect(x: float, y: float, width: float, height: float, fill: str, *, stroke: str) -> str:
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {size} fill="{fill}" stroke="{stroke}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", ink: str = INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{ink}"'
    return f"<text {place}>{escape(text)}</text>"


def _svg(height: float, parts: Iterable[str], label: str) -> str:
    size = f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(label)}" '
        f'font-family="{FONT}" font-size="13">{"".join(parts)}</svg>'
    )
