"""Reads rule sheets (考核细则) and picks the one in force on a day.

A sheet is data: dated, with a legal basis, its kinds of rules taken from ``KINDS``. Unknown keys,
unknown kinds and rules that read traces of use are refused with file, line and the way out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from duban.assessment import params
from duban.assessment.conditions import names_of, read_expression
from duban.assessment.grades import read_levels, read_ranking
from duban.assessment.kinds_completion import Completion
from duban.assessment.kinds_efficacy import Efficacy
from duban.assessment.kinds_event import ByLevel, Judged, PerOccurrence, Veto
from duban.assessment.kinds_formula import NO_FACT, Formula
from duban.assessment.kinds_judges import Lookup, Panel
from duban.assessment.kinds_piece import PerPiece
from duban.assessment.kinds_rank import RankPoints
from duban.assessment.kinds_rates import Graduated
from duban.assessment.kinds_share import Proportional, Step
from duban.assessment.model import FACT_KINDS, Body, Category, Filter, Rule, RuleSheet
from duban.assessment.operations import Expression, Type
from duban.assessment.sentences import EMPTY
from duban.assessment.sheetchecks import check_sheet
from duban.assessment.traces import TRACE_BASIS, trace_in
from duban.assessment.words import template
from duban.errors import NOWHERE, InputError, Issues
from duban.yamltext import Listing, Node, Row, Text, read_rows

FILTER_KEYS = ("title", "task", "obligation", "role", "level", "matter", "counted_in", "group")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rule: how it is read, which facts it may read, which bounds it must state."""

    read: Callable[[Row], Body]
    facts: tuple[str, ...]
    bounds: str = ""  # "sign": floor for deductions, cap for bonuses; "cap": a cap always; "both"


_COUNTED = ("missing", "late", "returned", "on_time", "bonus", "deduction")
KINDS: Mapping[str, Kind] = {
    "per_piece": Kind(PerPiece.read, ("indicator",), "sign"),
    "per_occurrence": Kind(PerOccurrence.read, _COUNTED, "sign"),
    "step": Kind(Step.read, ("indicator",)),
    "graduated": Kind(Graduated.read, ("indicator",)),
    "proportional": Kind(Proportional.read, ("indicator",)),
    "efficacy": Kind(Efficacy.read, ("indicator",)),
    "completion": Kind(Completion.read, ("completion",)),
    "rank_points": Kind(RankPoints.read, ("indicator",)),
    "bonus_by_level": Kind(ByLevel.read, ("bonus", "deduction"), "cap"),
    "lookup": Kind(Lookup.read, (*_COUNTED, "completion", "judged"), "both"),
    "judged": Kind(Judged.read, ("judged",)),
    "panel": Kind(Panel.read, ("judged",)),
    "formula": Kind(
        Formula.read, (*_COUNTED, "completion", "indicator", "judged", NO_FACT), "both"
    ),
    "veto": Kind(Veto.read, ("veto",)),
}


def load_sheet(path: Path, shown_as: str, issues: Issues) -> RuleSheet | None:
    """Read one rule sheet. None when it has a mistake; ``issues`` tells every one."""
    row = read_rows(path, shown_as, issues)
    if row is None:
        return None
    before = len(issues.errors)
    sheet = _read_sheet(row, hashlib.sha256(path.read_bytes()).hexdigest())
    return sheet if len(issues.errors) == before else None


def pick_sheet(sheets: Iterable[RuleSheet], on: date) -> RuleSheet:
    """The sheet in force on a day; a later one supersedes. Raises InputError for none or two."""
    valid = sorted(
        (sheet for sheet in sheets if sheet.holds_on(on)), key=lambda sheet: sheet.valid_from
    )
    if not valid:
        raise InputError.one(
            "no-rule-sheet",
            NOWHERE,
            f"{on.isoformat()} 没有施行中的考核细则。",
            "在 config/assessment/ 增加一份，“valid”包含这一天。",
        )
    same_day = [sheet for sheet in valid if sheet.valid_from == valid[-1].valid_from]
    if len(same_day) > 1:
        raise InputError.one(
            "two-rule-sheets",
            same_day[1].place,
            f"“{same_day[0].id}”与“{same_day[1].id}”从同一天起施行，不知道用哪一份。",
            "改其中一份的“valid”。",
        )
    return valid[-1]


def _read_sheet(row: Row, digest: str) -> RuleSheet | None:
    categories = _read_categories(row)
    total = row.row("total")
    if total is None:
        row.issues.error(
            "total-missing",
            row.place,
            "没有写总分的限度。",
            "补上“total: {cap: 无, floor: 0, digits: 2}”。",
        )
    valid_from, valid_to = _read_valid(row)
    rules = _read_rules(row, categories)
    grades, exemptions = row.row("grades"), row.row("exemptions")
    sheet = RuleSheet(
        id=row.text("id", required=True),
        title=row.text("title", required=True),
        basis=row.text("basis", required=True),
        example=row.flag("example"),
        valid_from=valid_from,
        valid_to=valid_to,
        base=params.points(row, "base") or 0,
        cap=params.limit(total, "cap") if total else None,
        floor=params.limit(total, "floor") if total else None,
        digits=_read_digits(total) if total else 2,
        categories=categories,
        rules=rules,
        ranking=read_ranking(row, {category.id: category.name for category in categories}),
        levels=read_levels(grades) if grades else (),
        grades_basis=grades.text("basis", required=True) if grades else "",
        digest=digest,
        exemptions=_read_exemptions(exemptions) if exemptions else "",
        place=row.place,
    )
    for part in (total, grades, exemptions, row):
        if part is not None:
            part.close()
    _check_whole(row, sheet)
    return sheet


def _check_whole(row: Row, sheet: RuleSheet) -> None:
    if sheet.levels and sheet.ranking is None:
        row.issues.error(
            "ranking-missing",
            row.place_of("grades"),
            "写了等次，没有写怎样排名。",
            "补上“ranking: {by: group, ties: 1-1-3, compare: shown}”。",
        )
    _check_order(row, "total", sheet.floor, sheet.cap)
    check_sheet(row, sheet)


def _check_order(row: Row, key: str, floor: int | None, cap: int | None) -> None:
    if floor is not None and cap is not None and floor > cap:
        row.issues.error(
            "limits-crossed", row.place_of(key), "最低分（floor）大于最高分（cap）。", "检查两数。"
        )


def _read_exemptions(row: Row) -> str:
    """The clause that allows to spare a unit a clause, and who approves it."""
    basis, by = row.text("basis", required=True), row.text("by", required=True)
    return f"{basis}，由{by}批准"


def _read_digits(total: Row) -> int:
    total.text("digits", required=True)
    digits = total.integer("digits", 2, least=0)
    if digits > 3:
        total.issues.error(
            "digits",
            total.place_of("digits"),
            "总分最多显示三位小数。",
            "写 0 至 3，如“digits: 2”。",
        )
    return min(max(digits, 0), 3)


def _read_valid(row: Row) -> tuple[date, date | None]:
    inner = row.row("valid")
    if inner is None:
        row.issues.error(
            "valid-missing",
            row.place,
            "没有写施行日期。",
            "补上“valid: {from: 2024-01-01, to: 2024-12-31}”；to 空着表示至下一份施行。",
        )
        return date.min, None
    inner.text("from", required=True)
    start, end = inner.day("from") or date.min, inner.day("to")
    inner.close()
    if end is not None and end < start:
        inner.issues.error("valid-order", inner.place, "截止日早于起始日。", "检查 from 和 to。")
    return start, end


def _read_categories(row: Row) -> tuple[Category, ...]:
    found: list[Category] = []
    for looked, part in zip(row.rows("categories"), row.rows("categories"), strict=True):
        _reads_traces(looked)
        category = Category(
            id=part.text("id", required=True),
            name=part.text("name", required=True),
            base=params.points(part, "base", required=False),
            cap=params.limit(part, "cap"),
            floor=params.limit(part, "floor"),
            basis=part.text("basis"),
            weight=params.amount(part, "weight") if part.has("weight") else None,
            rounding=params.rounding(part, required=part.has("weight")),
        )
        part.close()
        _check_order(part, "cap", category.floor, category.cap)
        if any(category.id == other.id or category.name == other.name for other in found):
            part.issues.error(
                "category-twice", part.place, f"类别“{category.name}”写了两次。", "改 id 和 name。"
            )
        found.append(category)
    if not found:
        row.issues.error(
            "categories-missing",
            row.place_of("categories"),
            "没有写考核类别。",
            "至少写一类，如“- {id: all, name: 目标任务, cap: 无, floor: 无}”。",
        )
    return tuple(found)


def _read_rules(row: Row, categories: Sequence[Category]) -> tuple[Rule, ...]:
    names = {category.id: category.name for category in categories}
    # Rows are read twice: the guard looks at everything without taking a key as asked for.
    rules = [
        rule
        for looked, part in zip(row.rows("rules"), row.rows("rules"), strict=True)
        if not _reads_traces(looked) and (rule := _read_rule(part, names)) is not None
    ]
    if not row.has("rules"):
        row.issues.error("rules-missing", row.place, "没有写评分条款。", "补上“rules:”。")
    return tuple(rules)


def _read_rule(row: Row, categories: Mapping[str, str]) -> Rule | None:
    kind = KINDS.get(row.choice("kind", tuple(KINDS), required=True))
    if kind is None:
        return None
    category = row.choice("category", tuple(categories), required=True)
    only, unless = _read_filter(row, "only"), _read_filter(row, "unless")
    body = kind.read(row)
    floor, cap = _read_bounds(row, kind)
    sentence = template(row, "sentence", body.fields, required=True) or EMPTY
    rule = Rule(
        id=row.text("id", required=True),
        version=row.text("version", required=True),
        category=categories.get(category, ""),
        name=row.text("name", required=True),
        basis=row.text("basis", required=True),
        fact=row.choice("fact", kind.facts, required=True),
        filter=Filter(only, unless),
        floor=floor,
        cap=cap,
        sentence=sentence,
        body=body,
        valid_from=row.day("from"),
        valid_to=row.day("to"),
        start=params.points(row, "start", required=False),
        when=_read_when(row, kind),
        year_only=row.choice("year", ("period", "any"), "any") == "period",
        place=row.place,
    )
    row.close()
    return rule


def _read_when(row: Row, kind: Kind) -> Expression | None:
    """The condition on each fact; a formula once a unit has its own."""
    if kind.read == Formula.read and row.text("scope") == "unit":
        return None
    fact = row.text("fact")
    found = read_expression(row, "when", names_of(fact), (Type.BOOL,), required=False)
    if found is not None and found.refs:
        row.issues.error(
            "expression",
            row.place_of("when"),
            "“when”挑事实，不能用别的条款的得分（points_of）。",
            "改用 kind: formula、scope: unit 的条款。",
        )
    return found


def _read_bounds(row: Row, kind: Kind) -> tuple[int | None, int | None]:
    """The rule's own floor and cap; which one must be stated follows from the sign of its points."""
    takes = kind.bounds == "sign" and row.text("points").startswith("-")
    gives = kind.bounds == "cap" or (
        kind.bounds == "sign" and (row.has("over") or (row.has("points") and not takes))
    )
    both = kind.bounds == "both"
    floor = params.limit(row, "floor", required=takes or both)
    cap = params.limit(row, "cap", required=gives or both)
    _check_order(row, "cap", floor, cap)
    return floor, cap


def _read_filter(row: Row, key: str) -> tuple[tuple[str, frozenset[str]], ...]:
    inner = row.row(key)
    if inner is None:
        return ()
    found = [
        (name, frozenset(text.raw.strip() for text in inner.texts(name)))
        for name in FILTER_KEYS
        if inner.has(name)
    ]
    inner.close()
    return tuple(found)


_UNGUARDED = frozenset({"basis", "version", "unless", "from", "to"})


def _reads_traces(row: Row) -> bool:
    """Whether a rule or category scores traces of use; the error names the circular that forbids it."""
    for key in row.written():
        if key in _UNGUARDED:
            continue
        for text in _texts(row.node(key)):
            word = trace_in(text.raw)
            if word:
                row.issues.error(
                    "trace-rule",
                    text.place,
                    f"这一条按“{word}”计分，属于以痕迹论成绩，{TRACE_BASIS}不允许，整份细则不予载入。",
                    f"改为考核结果：用{'、'.join(FACT_KINDS)}这些事实。",
                )
                return True
    return False


def _texts(node: Node | None) -> Iterator[Text]:
    """Every text below a node, names of keys too."""
    if isinstance(node, Text):
        yield node
    elif isinstance(node, Listing):
        for item in node.items:
            yield from _texts(item)
    elif node is not None:
        for key, inner in node.entries.items():
            yield Text(key, node.keys[key])
            yield from _texts(inner)
