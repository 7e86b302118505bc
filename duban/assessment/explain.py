"""A score in words, for the one who asks why; and as documented JSON keys."""

from __future__ import annotations

from duban.assessment.amounts import points_text
from duban.assessment.model import Line, UnitScore


def explain(score: UnitScore) -> str:
    """The whole score sheet of a unit as Chinese text, every line with its clause and arithmetic."""
    group = f"（{score.group}）" if score.group else ""
    if not score.assessed:
        return f"{score.name}{group}：未纳入考核。原因：{score.reason}。不计分，不排名，不评等次。"
    parts = [_heading(score, group)]
    category = ""
    for number, line in enumerate(score.lines, start=1):
        if line.category != category:
            category = line.category
            parts.append(f"\n【{category}】")
        parts.append(_paragraph(number, line))
    parts.append(f"\n{_sum(score)}")
    parts += [f"等次说明：{effect}。" for effect in score.effects]
    parts += [f"自评对照：{words}（自评不计入得分）。" for words in score.beside]
    return "\n".join(parts)


def _heading(score: UnitScore, group: str) -> str:
    rank = f"，第{score.rank}名" if score.rank is not None else ""
    grade = f"，等次：{score.grade}" if score.grade else ""
    return f"{score.name}{group}考核得分 {score.total} 分{rank}{grade}"


def _paragraph(number: int, line: Line) -> str:
    rows = [
        f"{number}. {line.sentence}。（{_signed(line.millipoints)}分）",
        f"   条款：{line.basis}（条款编号 {line.rule}，版本 {line.version}）",
        f"   事实：{line.fact}",
        f"   计算：{line.arithmetic}",
    ]
    if line.obligation:
        rows.insert(3, f"   应办事项：{line.obligation}")
    if line.evidence:
        rows.append(f"   依据：{'；'.join(line.evidence)}")
    return "\n".join(rows)


def _sum(score: UnitScore) -> str:
    terms = [points_text(line.millipoints) for line in score.lines if line.millipoints]
    written = " ＋ ".join(f"（{term}）" if term.startswith("-") else term for term in terms) or "0"
    return f"合计：{written} ＝ {points_text(score.millipoints)}，总分四舍五入为 {score.total} 分。"


def _signed(millipoints: int) -> str:
    text = points_text(millipoints)
    return f"+{text}" if millipoints > 0 else text


def as_json(score: UnitScore) -> dict[str, object]:
    """The documented keys of a score in ``--format json``; points are exact decimal texts."""
    beside = {"beside": list(score.beside)} if score.beside else {}
    return {
        **beside,
        "unit": score.unit,
        "name": score.name,
        "group": score.group,
        "assessed": score.assessed,
        "reason": score.reason,
        "total": str(score.total) if score.assessed else None,
        "millipoints": score.millipoints if score.assessed else None,
        "rank": score.rank,
        "grade": score.grade,
        "effects": list(score.effects),
        "lines": [_line_json(line) for line in score.lines],
    }


def _line_json(line: Line) -> dict[str, object]:
    return {
        "category": line.category,
        "rule": line.rule,
        "version": line.version,
        "basis": line.basis,
        "obligation": line.obligation,
        "facts": list(line.fact_ids),
        "fact": line.fact,
        "evidence": list(line.evidence),
        "arithmetic": line.arithmetic,
        "points": points_text(line.millipoints),
        "millipoints": line.millipoints,
        "sentence": line.sentence,
    }
