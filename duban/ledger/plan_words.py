"""Sentences for what changed in a task or an indicator, and the classes of change. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

_TEXTS = {
    "text": "任务内容",
    "clause": "条款",
    "responsibility": "分工用语",
    "deliverable": "考核要点",
    "evidence": "佐证材料",
    "goals": "目标",
    "indicators": "指标",
    "support_text": "配合的集合用语",
    "joint": "共同牵头标记",
    "reminders": "提醒梯级",
}


def task_sentence(
    row: Mapping[str, Any], known: Mapping[str, Any], shorts: Mapping[str, str]
) -> tuple[str, tuple[str, ...]]:
    """What changed in a task, and the classes it belongs to; identity is the id, names may change."""
    new, old = json.loads(row["data"]), json.loads(known["data"])
    parts = [
        *_owners(new, old, shorts),
        *_deadline(new, old),
        *_weight(row, known),
        *_withdrawal(row, known),
        *_wording(row, known, new, old),
    ]
    said = "；".join(words for _, words in parts) or "归属有改动"
    classes = tuple(dict.fromkeys(name for name, _ in parts)) or ("wording",)
    return f"任务 {row['id']} {row['title']}：{said}", classes


Part = tuple[str, str]


def _owners(
    new: Mapping[str, Any], old: Mapping[str, Any], shorts: Mapping[str, str]
) -> Iterator[Part]:
    def named(units: list[str]) -> str:
        return "、".join(shorts.get(unit, unit) for unit in units) or "无"

    if new["lead"] != old["lead"]:
        yield "lead", f"牵头单位由{named(old['lead'])}改为{named(new['lead'])}"
    came = [unit for unit in new["support"] if unit not in old["support"]]
    left = [unit for unit in old["support"] if unit not in new["support"]]
    if came:
        yield "support", f"增加配合单位{named(came)}"
    if left:
        yield "support", f"减少配合单位{named(left)}"


def _deadline(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Part]:
    if new["deadline"] != old["deadline"]:
        yield "deadline", f"时限由“{old['deadline']}”改为“{new['deadline']}”"


def _weight(row: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Part]:
    if row["weight"] != known["weight"]:
        yield "weight", f"权重由{plain(known['weight'])}改为{plain(row['weight'])}"


def _withdrawal(row: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Part]:
    if row["withdrawn_on"] == known["withdrawn_on"]:
        return
    if row["withdrawn_on"]:
        yield "withdrawn", f"自{row['withdrawn_on']}取消"
    else:
        yield "restored", "恢复"


def _wording(
    row: Mapping[str, Any], known: Mapping[str, Any], new: Mapping[str, Any], old: Mapping[str, Any]
) -> Iterator[Part]:
    if row["title"] != known["title"]:
        yield "wording", f"改名（原为“{known['title']}”）"
    changed = [word for key, word in _TEXTS.items() if new.get(key) != old.get(key)]
    if changed:
        yield "wording", f"{'、'.join(changed)}的文字有改动"


def target_sentences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A sentence for each indicator target that came, went or changed."""
    before, after = old.get("indicators", {}), new.get("indicators", {})
    found = []
    for key in sorted(set(before) | set(after)):
        name = (after.get(key) or before[key])["name"]
        if key not in before or key not in after:
            found.append(f"指标“{name}”{'新增' if key in after else '取消'}")
            continue
        found += _yearly(name, before[key]["targets"], after[key]["targets"])
        if before[key]["unit_targets"] != after[key]["unit_targets"]:
            found.append(f"指标“{name}”分到各单位的目标有改动")
    return found


def _yearly(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for year in sorted(set(old) | set(new)):
        if old.get(year) != new.get(year):
            yield f"指标“{name}”{year}年目标由{old.get(year, '无')}改为{new.get(year, '无')}"


def plain(value: Decimal) -> str:
    """A number without trailing zeros or exponent."""
    return format(value.normalize(), "f")
