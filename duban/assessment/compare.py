"""Two rule sheets on the same facts: who moves, by how much, by which clause; and which clause decides.

Pure. The differences of a unit's clauses add up exactly to the difference of its points, because both
totals are the sums of their lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from duban.assessment.amounts import points_text
from duban.assessment.model import Fact, Line, RuleSheet, UnitEntry, UnitScore
from duban.assessment.score import score


@dataclass(frozen=True, slots=True)
class Clause:
    """What a clause gave by the old sheet and by the new one, in 1/1000 point."""

    rule: str
    name: str
    old: int
    new: int

    @property
    def change(self) -> int:
        """New less old."""
        return self.new - self.old


@dataclass(frozen=True, slots=True)
class Move:
    """A unit by both sheets; ``clauses`` are those that differ, the largest first."""

    unit: str
    name: str
    group: str
    old: UnitScore
    new: UnitScore
    clauses: tuple[Clause, ...]

    @property
    def change(self) -> Decimal:
        """How the printed total changes."""
        return self.new.total - self.old.total

    @property
    def moved(self) -> bool:
        """Whether total, rank or grade differs."""
        return bool(self.change or self.clauses) or self._standing(self.old) != self._standing(
            self.new
        )

    @staticmethod
    def _standing(one: UnitScore) -> tuple[int | None, str]:
        return one.rank, one.grade


@dataclass(frozen=True, slots=True)
class Weight:
    """What happens without a clause: how many units change rank, the widest step, and who leads then."""

    rule: str
    name: str
    changed: int
    widest: int
    grades: int  # units whose grade changes
    leaders: tuple[str, ...]  # groups whose first place changes, as 组别：甲 → 乙


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole answer."""

    old_sheet: str
    new_sheet: str
    moves: tuple[Move, ...]
    weights: tuple[Weight, ...]  # the clause that decides most comes first


@dataclass(frozen=True, slots=True)
class Inputs:
    """What both sheets are applied to; ``period``: the assessed days, if known."""

    units: Sequence[UnitEntry]
    facts: Sequence[Fact]
    period: tuple[date, date] | None = None

    def scores(self, sheet: RuleSheet) -> tuple[UnitScore, ...]:
        """The scores by a sheet."""
        return score(sheet, self.units, self.facts, self.period)


def compare(new: RuleSheet, old: RuleSheet, inputs: Inputs) -> Comparison:
    """Score by both sheets. Raises InputError as ``score`` does."""
    before = {one.unit: one for one in inputs.scores(old)}
    after = inputs.scores(new)
    moves = tuple(
        _move(before[one.unit], one, _names(old), _names(new)) for one in after if one.assessed
    )
    weights = [_without(new, rule_id, after, inputs) for rule_id in _names(new)]
    ordered = sorted(weights, key=lambda each: (-each.changed, -each.widest, -each.grades))
    return Comparison(_called(old), _called(new), moves, tuple(ordered))


def _called(sheet: RuleSheet) -> str:
    """A sheet by its title and its file: a draft often has the title of the old one."""
    return f"{sheet.title}（{sheet.place.file}）"


def _names(sheet: RuleSheet) -> Mapping[str, str]:
    """The clauses by id, in the order of the sheet; the newest name holds."""
    return {rule.id: rule.name for rule in sheet.rules}


def _move(
    old: UnitScore, new: UnitScore, old_names: Mapping[str, str], new_names: Mapping[str, str]
) -> Move:
    before, after = _by_clause(old.lines, old_names), _by_clause(new.lines, new_names)
    clauses = [
        Clause(key, name, before.get(each, 0), after.get(each, 0))
        for each in dict.fromkeys([*after, *before])
        for key, name in (each,)
    ]
    changed = sorted((each for each in clauses if each.change), key=lambda c: -abs(c.change))
    return Move(new.unit, new.name, new.group, old, new, tuple(changed))


def _by_clause(lines: Iterable[Line], names: Mapping[str, str]) -> dict[tuple[str, str], int]:
    """Points by clause; caps, floors and base points of a part stand under its category."""
    sums: dict[tuple[str, str], int] = {}
    for line in lines:
        rule = line.rule if line.rule in names else line.rule.rsplit(".", 1)[0]
        key = (rule, names[rule]) if rule in names else (line.rule, line.category)
        sums[key] = sums.get(key, 0) + line.millipoints
    return sums


def _without(
    sheet: RuleSheet,
    rule_id: str,
    whole: Sequence[UnitScore],
    inputs: Inputs,
) -> Weight:
    """Score without a clause; rules that use its points then find none."""
    rest = tuple(rule for rule in sheet.rules if rule.id != rule_id)
    less = {one.unit: one for one in inputs.scores(replace(sheet, rules=rest))}
    steps = [abs((one.rank or 0) - (less[one.unit].rank or 0)) for one in whole if one.assessed]
    return Weight(
        rule=rule_id,
        name=_names(sheet)[rule_id],
        changed=sum(1 for step in steps if step),
        widest=max(steps, default=0),
        grades=sum(1 for one in whole if one.grade != less[one.unit].grade),
        leaders=_leaders(whole, less),
    )


def _leaders(whole: Sequence[UnitScore], less: Mapping[str, UnitScore]) -> tuple[str, ...]:
    found = []
    for group in dict.fromkeys(one.group for one in whole):
        own = [one for one in whole if one.group == group]
        first = [one.name for one in own if one.rank == 1]
        then = [one.name for one in own if less[one.unit].rank == 1]
        if first != then:
            found.append(f"{group}：{'、'.join(first) or '无'} → {'、'.join(then) or '无'}")
    return tuple(found)


def sentences(found: Comparison) -> list[str]:
    """The comparison in words: who moves and why, then which clause decides."""
    moved = [each for each in found.moves if each.moved]
    lines = [
        f"新：{found.new_sheet}；旧：{found.old_sheet}。参评{len(found.moves)}家，{len(moved)}家有变化。"
    ]
    lines += [_said(each) for each in moved]
    deciding = [each for each in found.weights if each.changed or each.grades]
    idle = [each.name for each in found.weights if not (each.changed or each.grades)]
    lines.append("哪一条决定排名（逐条去掉后按新细则重算）：" if deciding else "")
    lines += [_weighs(each) for each in deciding]
    if idle:
        lines.append(f"去掉后名次和等次都不变的条款：{'、'.join(idle)}。")
    return [line for line in lines if line]


def _said(move: Move) -> str:
    ranks = _arrow(move.old.rank, move.new.rank, "第{}名")
    grades = _arrow(move.old.grade or None, move.new.grade or None, "{}")
    why = "；".join(
        f"{each.name}（{each.rule}）{points_text(each.old)}→{points_text(each.new)}"
        f"（{_signed(points_text(each.change))}）"
        for each in move.clauses
    )
    parts = [f"{move.name}：{move.old.total} → {move.new.total}（{_signed(str(move.change))}）"]
    parts += [part for part in (ranks, grades) if part]
    return "，".join(parts) + (
        f"。因：{why}"
        if why
        else "。本单位各条得分未变，名次或等次随其他单位的得分或排名、等次的规定变动"
    )


def _arrow(old: int | str | None, new: int | str | None, form: str) -> str:
    if old == new:
        return ""
    before, after = (form.format(each) if each is not None else "无" for each in (old, new))
    return f"{before} → {after}"


def _signed(text: str) -> str:
    return text if text.startswith("-") or Decimal(text) == 0 else f"+{text}"


def _weighs(weight: Weight) -> str:
    leaders = f"，第一名改变（{'；'.join(weight.leaders)}）" if weight.leaders else ""
    grades = f"，{weight.grades}家等次改变" if weight.grades else ""
    return (
        f"  {weight.name}（{weight.rule}）：{weight.changed}家名次改变，"
        f"最多{weight.widest}位{grades}{leaders}"
    )


def as_json(found: Comparison) -> dict[str, object]:
    """The documented keys of ``assess compare --format json``; points are exact decimal texts."""
    return {
        "old": found.old_sheet,
        "new": found.new_sheet,
        "moves": [_move_json(each) for each in found.moves],
        "sensitivity": [
            {
                "rule": each.rule,
                "name": each.name,
                "ranks_changed": each.changed,
                "widest": each.widest,
                "grades_changed": each.grades,
                "leaders": list(each.leaders),
            }
            for each in found.weights
        ],
    }


def _move_json(move: Move) -> dict[str, object]:
    return {
        "unit": move.unit,
        "name": move.name,
        "group": move.group,
        "old": _side(move.old),
        "new": _side(move.new),
        "change": str(move.change),
        "moved": move.moved,
        "clauses": [
            {
                "rule": each.rule,
                "name": each.name,
                "old": points_text(each.old),
                "new": points_text(each.new),
                "change": points_text(each.change),
            }
            for each in move.clauses
        ],
    }


def _side(one: UnitScore) -> dict[str, object]:
    return {"total": str(one.total), "rank": one.rank, "grade": one.grade}
