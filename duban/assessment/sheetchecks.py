"""What a rule sheet must hold as a whole: versions, references, weights, grades that can be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from duban.assessment import params
from duban.assessment.amounts import MICRO, percent_text, points_text
from duban.assessment.model import Level, Rule, RuleSheet
from duban.errors import Issues
from duban.yamltext import Row


def check_sheet(row: Row, sheet: RuleSheet) -> None:
    """Add every mistake between the parts of a sheet to the row's issues."""
    _check_versions(row.issues, sheet.rules)
    _check_refs(row.issues, sheet.rules)
    weights = [each.weight for each in sheet.categories if each.weight is not None]
    if weights:
        params.whole(row, "categories", weights, "各类别的权重")
    grades = row.row("grades")
    if grades is not None:
        _check_levels(sheet, grades)


def in_order(rules: Sequence[Rule]) -> list[Rule]:
    """The rules so that each stands behind those it refers to; otherwise as written."""
    refs = references(rules)
    placed: dict[str, None] = {}

    def place(key: str, above: tuple[str, ...]) -> None:
        if key in placed or key in above:
            return
        for ref in refs.get(key, ()):
            place(ref, (*above, key))
        placed[key] = None

    for rule in rules:
        place(rule.id, ())
    ranks = {key: rank for rank, key in enumerate(placed)}
    return sorted(rules, key=lambda rule: ranks[rule.id])


def references(rules: Sequence[Rule]) -> Mapping[str, tuple[str, ...]]:
    """The ids that each id refers to, over all its versions."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        found[rule.id] = tuple(dict.fromkeys((*found.get(rule.id, ()), *rule.refs)))
    return found


def _check_refs(issues: Issues, rules: Sequence[Rule]) -> None:
    refs = references(rules)
    for rule in rules:
        for ref in rule.refs:
            if ref not in refs:
                issues.error(
                    "rule-ref",
                    rule.place,
                    f"条款“{rule.id}”用了“{ref}”的得分，没有这一条。",
                    f"可用：{'、'.join(refs)}。",
                )
        circle = _circle(rule.id, refs)
        if circle:
            issues.error(
                "rule-circle",
                rule.place,
                f"条款循环引用：{' → '.join(circle)}，得分无从算起。",
                "去掉其中一处 points_of。",
            )


def _circle(start: str, refs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The way from a rule back to itself, or nothing."""
    waiting: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while waiting:
        way = waiting.pop()
        for ref in refs.get(way[-1], ()):
            if ref == start:
                return (*way, ref)
            if ref not in seen:
                seen.add(ref)
                waiting.append((*way, ref))
    return ()


def _check_levels(sheet: RuleSheet, grades: Row) -> None:
    for level, row in zip(sheet.levels, grades.rows("levels"), strict=True):
        _check_reached(sheet, level, row)
    ratios = [level.ratio for level in sheet.levels if level.ratio is not None]
    if sum(ratios) > MICRO:
        grades.issues.error(
            "ratio-sum",
            grades.place_of("levels"),
            f"各等次名额比例合计{percent_text(sum(ratios), MICRO)}，超过100%，后面的等次没有名额。",
            "各等次的“ratio”写本等次自己的比例，不写累计比例。",
        )


def _check_reached(sheet: RuleSheet, level: Level, row: Row) -> None:
    cut = level.from_millipoints
    if cut is None:
        return
    place = row.place_of("from")
    if sheet.cap is not None and (cut > sheet.cap or (level.exclusive and cut == sheet.cap)):
        row.issues.error(
            "grade-unreachable",
            place,
            f"等次“{level.name}”的分数线{points_text(cut)}达不到：总分最高{points_text(sheet.cap)}。",
            "改分数线或“total: cap”。",
        )
    if sheet.floor is not None and level.ratio is None and cut <= sheet.floor:
        row.issues.error(
            "grade-unreachable",
            place,
            f"等次“{level.name}”的分数线{points_text(cut)}人人都到：总分最低{points_text(sheet.floor)}，"
            "后面的等次永远轮不到。",
            "提高分数线，或删去后面的等次和这条线。",
        )


def _check_versions(issues: Issues, rules: Sequence[Rule]) -> None:
    """Rules that stand beside another of the same id on the same day or under the same version."""
    for place, rule in enumerate(rules):
        for other in rules[:place]:
            if other.id == rule.id and (other.version == rule.version or _both_hold(other, rule)):
                issues.error(
                    "rule-overlap",
                    rule.place,
                    f"条款“{rule.id}”有两条同版本或施行日期重叠，同一事实会计两次分。",
                    "旧条款写“to:”，新条款写“from:”和新的“version:”。",
                )
                break


def _both_hold(one: Rule, two: Rule) -> bool:
    start = max(one.valid_from or date.min, two.valid_from or date.min)
    return start <= min(one.valid_to or date.max, two.valid_to or date.max)
