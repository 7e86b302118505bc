"""Ranks and grades within a group: ties 1,1,3; grades by cut-off, by share of places, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from duban.assessment import params
from duban.assessment.amounts import (
    MICRO,
    MODE_NAMES,
    MODES,
    percent_text,
    points_text,
    round_ratio,
)
from duban.assessment.model import Level, Ranking, RuleSheet
from duban.yamltext import Row, Text


def read_ranking(row: Row, categories: Mapping[str, str]) -> Ranking | None:
    """``ranking: {by: group|all, ties: 1-1-3, compare: shown|exact, tie_break: [category]}``.

    ``categories``: names by id. None: nobody is ranked.
    """
    inner = row.row("ranking")
    if inner is None:
        return None
    by = inner.choice("by", ("group", "all"), "group", required=True)
    inner.choice("ties", ("1-1-3",), "1-1-3", required=True)
    compare = inner.choice("compare", ("shown", "exact"), "shown", required=True)
    breaks = [text for text in inner.texts("tie_break") if _known(text, categories, row)]
    inner.close()
    return Ranking(
        by == "group", compare == "shown", tuple(categories[text.raw.strip()] for text in breaks)
    )


def _known(text: Text, categories: Mapping[str, str], row: Row) -> bool:
    if text.raw.strip() in categories:
        return True
    row.issues.error(
        "tie-break",
        text.place,
        f"同分时按“{text.raw}”区分，没有这个类别。",
        f"可用：{'、'.join(categories)}。",
    )
    return False


def read_levels(row: Row) -> tuple[Level, ...]:
    """``levels``, best first; the last takes the rest and so has no condition."""
    levels = tuple(_read_level(part) for part in row.rows("levels"))
    limits = [level.from_millipoints for level in levels if level.from_millipoints is not None]
    if limits != sorted(set(limits), reverse=True):
        row.issues.error(
            "grades-order",
            row.place_of("levels"),
            "等次的分数线应从高到低、不重复。",
            "先写优秀，再写良好。",
        )
    if not levels or levels[-1].from_millipoints is not None or levels[-1].ratio is not None:
        row.issues.error(
            "grades-gap",
            row.place_of("levels"),
            "最后一个等次应不带条件，收下其余单位。",
            "末尾加一行，如“- {name: 不合格}”。",
        )
    for level in levels[:-1]:
        if level.from_millipoints is None and level.ratio is None:
            row.issues.error(
                "grades-open",
                row.place_of("levels"),
                f"等次“{level.name}”没有分数线也没有比例，后面的等次永远轮不到。",
                "补上“from”或“ratio”。",
            )
    return levels


def _read_level(row: Row) -> Level:
    ratio = params.amount(row, "ratio") if row.has("ratio") else None
    if ratio is not None and not 0 <= ratio <= MICRO:
        row.issues.error("ratio", row.place_of("ratio"), "比例应在 0 到 100% 之间。", "如“30%”。")
    level = Level(
        name=row.text("name", required=True),
        from_millipoints=params.points(row, "from", required=False),
        ratio=ratio,
        rounding=row.choice("round", MODES, "down", required=ratio is not None),
        edge_in=row.choice("edge", ("in", "out"), "out", required=ratio is not None) == "in",
        exclusive=row.flag("exclusive"),
    )
    row.close()
    return level


@dataclass(slots=True)
class Standing:
    """A unit among its rivals. ``compared``: the points that ranks go by; ``breaks`` decide among equals."""

    unit: str
    group: str
    compared: int  # milli-points, as shown or exact
    vetoes: tuple[str, ...]
    breaks: tuple[int, ...] = ()
    rank: int | None = None
    level: int | None = None
    notes: list[str] = field(default_factory=list)


def rank_and_grade(sheet: RuleSheet, standings: Iterable[Standing]) -> Mapping[str, Standing]:
    """Ranks and grades of the assessed units, by unit id."""
    ranking = sheet.ranking
    everyone = list(standings)
    if ranking is not None:
        groups: dict[str, list[Standing]] = {}
        for one in everyone:
            groups.setdefault(one.group if ranking.by_group else "", []).append(one)
        for group in groups.values():
            _rank(group, ranking.tie_break)
            if sheet.levels:
                _grade(sheet.levels, group)
    return {one.unit: one for one in everyone}


def _rank(group: list[Standing], names: Sequence[str]) -> None:
    # Stable: equals keep the order of the sheet's units.
    group.sort(key=lambda one: (one.compared, *one.breaks), reverse=True)
    for place, one in enumerate(group):
        before = group[place - 1] if place else None
        tied = before is not None and _key(before) == _key(one)
        one.rank = before.rank if before is not None and tied else place + 1
        if before is not None and not tied and before.compared == one.compared:
            pairs = zip(names, before.breaks, one.breaks, strict=True)
            name, more, less = next(each for each in pairs if each[1] != each[2])
            one.notes.append(
                f"与前一名同分，按“{name}”得分（{points_text(more)}与{points_text(less)}）排在其后"
            )


def _key(one: Standing) -> tuple[int, ...]:
    return (one.compared, *one.breaks)


def _grade(levels: Sequence[Level], group: Sequence[Standing]) -> None:
    """Give the grades from the best down; vetoes bar, floor or lower as their effect says."""
    for index, level in enumerate(levels):
        _fill(
            index, level, [one for one in group if _may_have(one, index, len(levels))], len(group)
        )
    last = len(levels) - 1
    for one in group:
        lowered = (one.level if one.level is not None else last) + one.vetoes.count("降一等")
        one.level = min(lowered, last)


def _may_have(one: Standing, index: int, count: int) -> bool:
    if one.level is not None:
        return False
    if index < count - 1 and "一票否决" in one.vetoes:
        return False
    return index > 0 or "取消评优" not in one.vetoes


def _fill(index: int, level: Level, waiting: Sequence[Standing], size: int) -> None:
    """Give one grade to those who reach it, in order, as long as there are places."""
    cut = level.from_millipoints
    reaching = [one for one in waiting if cut is None or _reaches(one, cut, level)]
    places = size if level.ratio is None else round_ratio(level.ratio * size, MICRO, level.rounding)
    left = places
    for _, tied in groupby(reaching, key=_key):
        block = list(tied)
        fits = left > 0 and (len(block) <= left or level.edge_in)
        for one in block:
            if fits:
                one.level = index
            elif cut is not None:
                one.notes.append(_full(level, size, places))
        # Once a tie was left out nobody behind it may pass it.
        left = left - len(block) if fits else 0


def _reaches(one: Standing, cut: int, level: Level) -> bool:
    return one.compared > cut if level.exclusive else one.compared >= cut


def _full(level: Level, size: int, places: int) -> str:
    ratio = percent_text(level.ratio or 0, MICRO)
    tie = "，末位并列者都不列入" if not level.edge_in else ""
    return (
        f"总分达到{level.name}分数线，但名额已满："
        f"{size}家的{ratio}（{MODE_NAMES[level.rounding]}）为{places}家{tie}"
    )
