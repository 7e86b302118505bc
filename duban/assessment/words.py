"""Words that lines share: what a sentence may name, and how points are written with their sign."""

from __future__ import annotations

from collections.abc import Iterable

from duban.assessment.amounts import points_text
from duban.assessment.model import FACT_KINDS, ROLE_NAMES, Case, Fact
from duban.assessment.sentences import Template, read_template
from duban.yamltext import Row

COMMON_FIELDS = frozenset(
    [
        "points",
        "title",
        "task",
        "obligation",
        "unit",
        "role",
        "level",
        "matter",
        "count",
        "counted_in",
        "note",
        "on",
        "rule",
    ]
)


def signed(millipoints: int) -> str:
    """Points as a factor: negative ones in brackets, as written by hand."""
    text = points_text(millipoints)
    return f"（{text}）" if millipoints < 0 else text


def common_values(case: Case, fact: Fact, millipoints: int) -> dict[str, str]:
    """What every sentence may name; ``points`` carries no sign because the sentence says 扣 or 加."""
    return {
        "points": points_text(abs(millipoints)),
        "title": fact.title or fact.task or fact.obligation,
        "task": fact.task,
        "obligation": fact.obligation,
        "unit": case.unit.name,
        "role": ROLE_NAMES.get(fact.role, fact.role),
        "level": fact.level,
        "matter": fact.matter or fact.title,
        "count": str(fact.count),
        "counted_in": fact.counted_in,
        "note": fact.note,
        "on": fact.happened_on.isoformat() if fact.happened_on else "",
        "rule": case.rule.name,
    }


def template(row: Row, key: str, fields: Iterable[str], *, required: bool) -> Template | None:
    """A sentence under a key, refused when it names what its kind of rule does not know."""
    raw = row.text(key, required=required)
    if not raw:
        return None
    found = read_template(raw)
    if found is None:
        row.issues.error(
            "sentence",
            row.place_of(key),
            f"“{key}”里的花括号写法有误。",
            "花括号里只写一个名称，如“扣{points}分”；整句加引号。",
        )
        return None
    allowed = sorted(COMMON_FIELDS | set(fields))
    unknown = [name for name in found.names if name not in allowed]
    if unknown:
        row.issues.error(
            "sentence-name",
            row.place_of(key),
            f"“{key}”里的“{{{unknown[0]}}}”没有对应的内容。",
            f"可用：{'、'.join(allowed)}。",
        )
        return None
    return found


def describe(fact: Fact) -> str:
    """A fact in words: day, title, role, what happened, how often."""
    day = f"{fact.happened_on.isoformat()} " if fact.happened_on else ""
    title = fact.title or fact.task or fact.obligation or fact.matter
    role = f"（{ROLE_NAMES[fact.role]}）" if ROLE_NAMES.get(fact.role) else ""
    times = f"{fact.count}次" if fact.count != 1 else ""
    note = f"：{fact.note}" if fact.note else ""
    return f"{day}{title}{role} {FACT_KINDS.get(fact.kind, fact.kind)}{times}{note}".strip()
