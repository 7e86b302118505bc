"""Reads our own 任务分工表 workbook back: rows by the words of its header, each as the keys of a task.

For an import that has already turned the sheet into rows of text: no workbook is opened here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from duban.errors import Issues, Place
from duban.reports.matrixtable import CLASS_WORDS, EVERY_WORDS, EXACT, SOURCE_WORDS

Value = str | list[str] | list[dict[str, str]] | dict[str, str | list[str]]
LIST_MARK, PART_MARK = "；", "｜"
_KEYS = ("牵头单位", "配合单位", "完成时限", "考核要点", "来源")  # printed, and in the CSV too
_LATER = frozenset(
    {"取消日期", "提醒梯级"}
)  # columns that a workbook of an earlier release does not have


@dataclass(frozen=True, slots=True)
class OwnRow:
    """One task row of the sheet: its number in the sheet from 0, and its cells by heading."""

    at: int
    cells: Mapping[str, str]


def own_rows(rows: Sequence[Sequence[str]]) -> list[OwnRow] | None:
    """The task rows of a sheet that we exported; None for any other sheet.

    Rows without a number in 编号 are notes. A row that the office added is one as soon as it has a 编号.
    """
    wanted = {*_KEYS, *EXACT} - _LATER
    for at, row in enumerate(rows):
        head = [cell.strip() for cell in row]
        if wanted <= set(head):
            return list(_below(rows, at, head))
    return None


def _below(rows: Sequence[Sequence[str]], at: int, head: Sequence[str]) -> Iterator[OwnRow]:
    for number, row in enumerate(rows[at + 1 :], at + 1):
        cells = {name: cell.strip() for name, cell in zip(head, row, strict=False) if name}
        if cells.get("编号"):
            yield OwnRow(number, cells)


def task_keys(row: OwnRow, place: Place, issues: Issues) -> dict[str, Value]:
    """The keys of a task as the YAML has them; blank ones are left out. Unknown words go to ``issues``."""
    cells = row.cells

    def word(heading: str, words: Mapping[str, str]) -> str:
        return _word(heading, cells[heading], words, place, issues)

    keys: dict[str, Value] = {
        "id": cells["编号"],
        "area": cells["领域编号"],
        "title": cells["任务"],
        "text": cells["任务内容"],
        "clause": cells["条款"],
        "source": word("来源", SOURCE_WORDS),
        "goals": _listed(cells["目标"]),
        "lead": _listed(cells["牵头单位"].partition("\n")[0], "、"),
        "joint": cells["各负其责"],
        "support": _listed(cells["配合单位"], "、"),
        "responsibility": cells["分工用语"],
        "deliverable": cells["考核要点"],
        "evidence": _listed(cells["佐证材料"]),
        "deadline": cells["完成时限"],
        "anchor": cells["起算点"],
        "kind": word("时限性质", CLASS_WORDS),
        "milestones": _milestones(cells["节点"], place, issues),
        "report": _report(cells, word("报送频次", EVERY_WORDS)),
        "indicators": _listed(cells["指标"]),
        "weight": cells["权重"],
        "urgent": cells["急件"],
        "replaces": _listed(cells["代替任务"]),
        "withdrawn": cells.get("取消日期", ""),
        "reminders": cells.get("提醒梯级", ""),
    }
    return {key: value for key, value in keys.items() if value}


def _listed(text: str, mark: str = LIST_MARK) -> list[str]:
    """The items of a list; a mark written twice belongs to an item."""
    parts = text.replace(mark * 2, _INSIDE).split(mark)
    return [part.replace(_INSIDE, mark).strip() for part in parts if part.strip()]


_INSIDE = "\x00"


def _word(heading: str, said: str, words: Mapping[str, str], place: Place, issues: Issues) -> str:
    """The YAML's word for the sheet's; the YAML's own is taken too."""
    for code, told in words.items():
        if said in {told, str(code)}:
            return str(code)
    if said:
        issues.error(
            "not-a-choice",
            place,
            f"“{heading}”栏的“{said}”不在可选项里。",
            f"可选：{'、'.join(words.values())}。",
        )
    return ""


def _milestones(text: str, place: Place, issues: Issues) -> list[dict[str, str]]:
    found = []
    for stone in _listed(text):
        key, _, rest = stone.partition(PART_MARK)
        title, _, deadline = rest.rpartition(PART_MARK)
        parts = (key.strip(), title.strip(), deadline.strip())
        if all(parts):
            found.append(dict(zip(("id", "title", "deadline"), parts, strict=True)))
        else:
            issues.error(
                "milestone-form",
                place,
                f"“节点”栏的“{stone}”写法不对。",
                f"写成“编号{PART_MARK}要做到什么{PART_MARK}时限”，几个节点用“{LIST_MARK}”隔开。",
            )
    return found


def _report(cells: Mapping[str, str], every: str) -> dict[str, str | list[str]]:
    if not cells["报送时限"]:
        return {}
    rule: dict[str, str | list[str]] = {
        "every": every,
        "due": cells["报送时限"],
        "by": _listed(cells["报送单位"], "、"),
        "summary": cells["汇总时限"],
    }
    return {key: value for key, value in rule.items() if value}
