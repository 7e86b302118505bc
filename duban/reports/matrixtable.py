"""What a 任务分工表 says, cell by cell: the one content of its workbook, its Word paper and its CSV.

Deadline and responsibility phrases are verbatim; units are printed by their short names, and a group that
was expanded when the matrix was read is printed by its own name again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from duban.matrix.model import (
    DeadlineClass,
    Directory,
    Every,
    Group,
    Item,
    Matrix,
    Milestone,
    Plan,
    Source,
    Task,
)
from duban.matrix.phrases import read_deadline
from duban.status import chinese_day

SOURCE_WORDS: Mapping[str, str] = {
    Source.OWN: "正式文件",
    Source.SEED: "起草说明",
    Source.EXAMPLE: "示例",
}
CLASS_WORDS: Mapping[str, str] = {
    DeadlineClass.PLANNED: "计划时限",
    DeadlineClass.INTERNAL: "内部要求",
    DeadlineClass.HARD: "硬时限",
}
EVERY_WORDS: Mapping[str, str] = {
    Every.WEEK: "每周",
    Every.MONTH: "每月",
    Every.QUARTER: "每季度",
    Every.HALF: "每半年",
    Every.YEAR: "每年",
}
JOINT_WORDS = "按职责分工负责"
SEVERAL_WORDS = "共同牵头，首家汇总"
NO_UNIT = "无"
DRAFT = "（草案）"
ONCE, EACH_TIME = "办结时报送", "逐期办结时报送"

PRINTED = (
    "序号",
    "重点工作",
    "工作任务",
    "考核要点",
    "牵头单位",
    "配合单位",
    "完成时限",
    "报送要求",
    "来源",
)
EXACT = (
    "编号",
    "任务",
    "任务内容",
    "条款",
    "分工用语",
    "佐证材料",
    "报送频次",
    "报送单位",
    "报送时限",
    "汇总时限",
    "权重",
    "时限性质",
    "起算点",
    "目标",
    "指标",
    "节点",
    "急件",
    "各负其责",
    "领域编号",
    "代替任务",
    "取消日期",
    "提醒梯级",
)
"""Columns outside the print area: what an office does not print, and an import needs."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task of the table. ``printed`` and ``exact`` stand in the order of the headings above."""

    task: Task
    number: int
    area: str
    deliverable: str
    lead: str
    support: str
    deadline: str
    report: tuple[str, ...]
    source: str
    milestones: str
    exact: tuple[str, ...]

    @property
    def work(self) -> tuple[str, ...]:
        """The task's title, its text, and its milestones, a paragraph each."""
        stones = f"节点：{self.milestones}。" if self.milestones else ""
        return tuple(part for part in (self.task.title, self.task.text, stones) if part)

    @property
    def printed(self) -> tuple[tuple[str, ...], ...]:
        """The cells an office prints, each as its paragraphs."""
        return (
            (str(self.number),),
            (self.area,),
            self.work,
            (self.deliverable,),
            tuple(self.lead.split("\n")),
            (self.support,),
            (self.deadline,),
            self.report,
            (self.source,),
        )


@dataclass(frozen=True, slots=True)
class MatrixTable:
    """A 任务分工表: its head, its rows by area, and the notes below it."""

    title: str
    number_line: str  # the document number, or （草案）
    issuer: str
    plan_id: str
    digest: str
    rows: tuple[TaskRow, ...]
    notes: tuple[str, ...]
    as_of: date
    example: bool
    starts_on: date
    ends_on: date
    year: int  # of phrases that name none


def matrix_table(matrix: Matrix, as_of: date) -> MatrixTable:
    """The table of the tasks in force on a day; tasks withdrawn by then are named in a note."""
    plan = matrix.plan
    inforce = [task for task in plan.tasks if not _withdrawn(task, as_of)]
    rows = tuple(
        _row(number, area, task, matrix)
        for number, (area, task) in enumerate(_by_area(matrix, inforce), 1)
    )
    return MatrixTable(
        title=f"{plan.title}任务分工表",
        number_line=plan.doc_no or DRAFT,
        issuer=plan.issuer,
        plan_id=plan.id,
        digest=matrix.digest,
        rows=rows,
        notes=tuple(_notes(plan.tasks, inforce, as_of)),
        as_of=as_of,
        example=any(task.source is Source.EXAMPLE for task in inforce),
        starts_on=plan.starts_on,
        ends_on=plan.ends_on,
        year=plan.year,
    )


FLAT = ("编号", "领域", "任务", "牵头单位", "配合单位", "完成时限", "考核要点", "权重", "来源")
"""The first keys of the CSV and JSON export; scripts rely on their words and values."""


def flat_rows(matrix: Matrix) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and one row of text for every task, withdrawn ones too, in the order written."""
    areas = {item.id: item.name for item in (*matrix.plan.areas, *matrix.plan.safeguards)}
    more = [name for name in EXACT if name not in FLAT]
    rows = [
        _flat_row(_row(number, areas.get(task.area, task.area), task, matrix), more)
        for number, task in enumerate(matrix.plan.tasks, 1)
    ]
    return (*FLAT, *more), rows


def _flat_row(row: TaskRow, more: Sequence[str]) -> tuple[str, ...]:
    exact = dict(zip(EXACT, row.exact, strict=True))
    task = row.task
    return (
        task.id,
        row.area,
        task.title,
        row.lead.partition("\n")[0],
        row.support,
        task.deadline_phrase,
        task.deliverable,
        exact["权重"],
        task.source.value,
        *(exact[name] for name in more),
    )


def _withdrawn(task: Task, as_of: date) -> bool:
    return task.withdrawn_on is not None and task.withdrawn_on <= as_of


def _by_area(matrix: Matrix, tasks: Iterable[Task]) -> list[tuple[str, Task]]:
    """Tasks with the name of their area, in the order of the plan; within an area as written."""
    order: dict[str, Item] = {
        item.id: item for item in (*matrix.plan.areas, *matrix.plan.safeguards)
    }
    rank = {area: at for at, area in enumerate(order)}
    found = sorted(tasks, key=lambda task: rank.get(task.area, len(rank)))
    return [(order[task.area].name if task.area in order else task.area, task) for task in found]


def _row(number: int, area: str, task: Task, matrix: Matrix) -> TaskRow:
    names = UnitWords(matrix.directory)
    return TaskRow(
        task=task,
        number=number,
        area=area,
        deliverable=task.deliverable,
        lead=lead_words(task, names),
        support=names.joined(task.support, task.responsibility, task.lead, task.support_text)
        or NO_UNIT,
        deadline=task.deadline_phrase,
        report=_report_words(task, matrix.plan, names),
        source=SOURCE_WORDS[task.source],
        milestones="；".join(_stone_words(stone) for stone in task.milestones),
        exact=_exact(task, names),
    )


def lead_words(task: Task, names: UnitWords) -> str:
    """The leads; several say on a second line whether each answers for its own part."""
    leads = names.joined(task.lead, task.responsibility)
    if task.joint:
        return f"{leads}\n（{JOINT_WORDS}）"
    return f"{leads}\n（{SEVERAL_WORDS}）" if len(task.lead) > 1 else leads


def _stone_words(stone: Milestone) -> str:
    return f"{stone.title}（{stone.deadline_phrase}）"


def _report_words(task: Task, plan: Plan, names: UnitWords) -> tuple[str, ...]:
    rule = task.report
    if rule is None:
        return (EACH_TIME if read_deadline(task, plan).recurrence else ONCE,)
    who = "" if rule.by == task.lead else names.joined(rule.by, task.responsibility)
    lines = [f"{who}{rule.due_phrase}报送"]
    if rule.lead_summary_phrase:
        lines.append(f"{names.joined(task.lead[:1])}{rule.lead_summary_phrase}汇总")
    return tuple(lines)


def _exact(task: Task, names: UnitWords) -> tuple[str, ...]:
    rule = task.report
    return (
        task.id,
        task.title,
        task.text,
        task.clause,
        task.responsibility,
        listed(task.evidence),
        EVERY_WORDS[rule.every] if rule and rule.every else "",
        names.joined(rule.by, task.responsibility) if rule else "",
        rule.due_phrase if rule else "",
        rule.lead_summary_phrase if rule else "",
        format(task.weight, "f"),
        CLASS_WORDS[task.deadline_class],
        task.anchor,
        listed(task.goals),
        listed(task.indicators),
        listed(f"{stone.id}｜{stone.title}｜{stone.deadline_phrase}" for stone in task.milestones),
        "是" if task.urgent else "否",
        "是" if task.joint else "否",
        task.area,
        listed(task.replaces),
        task.withdrawn_on.isoformat() if task.withdrawn_on else "",
        task.reminders,
    )


def listed(items: Iterable[str]) -> str:
    """Items joined by ``；``; one that stands inside an item is written twice, so that it reads back."""
    return "；".join(item.replace("；", "；；") for item in items)


def _notes(everything: Sequence[Task], inforce: Sequence[Task], as_of: date) -> Iterable[str]:
    examples = sum(task.source is Source.EXAMPLE for task in inforce)
    if examples:
        yield (
            f"“来源”栏标“{SOURCE_WORDS[Source.EXAMPLE]}”的{examples}项系示例，"
            "不是正式部署，不得据此派活、通报或考核。"
        )
    if any(len(task.lead) > 1 for task in inforce):
        yield (
            f"牵头单位有几家的，第一家为汇总单位；注明“{JOINT_WORDS}”的，各家都要办结本单位的部分。"
        )
    gone = [task for task in everything if _withdrawn(task, as_of)]
    if gone:
        listed = "；".join(
            f"{task.id} {task.title}（{_day(task.withdrawn_on)}取消）" for task in gone
        )
        yield f"已取消、未列入本表的{len(gone)}项：{listed}。"
    for task in inforce:
        if task.withdrawn_on is not None:
            yield f"{task.id} {task.title}自{_day(task.withdrawn_on)}起取消。"


def _day(day: date | None) -> str:
    return chinese_day(day) if day else ""


class UnitWords:
    """Writes lists of units as an office does: short names, and groups where they were meant."""

    def __init__(self, directory: Directory) -> None:
        self._units = directory.units
        # The larger group first: 各乡镇街道 before 各乡镇.
        self._groups = sorted(
            (group for group in directory.groups if len(group.members) > 1),
            key=lambda group: -len(group.members),
        )

    def joined(
        self,
        units: Sequence[str],
        phrase: str = "",
        without: Sequence[str] = (),
        more: Sequence[str] = (),
    ) -> str:
        """The units' names joined by 、 and after them the phrases that stayed text.

        ``phrase``: the verbatim responsibility phrase; a group all of whose members it names one by one is
        not folded. ``without``: units that an expansion left out, because they lead.
        """
        return "、".join([*self._folded(units, phrase, frozenset(without)), *more])

    def _folded(self, units: Sequence[str], phrase: str, without: frozenset[str]) -> list[str]:
        names: list[str] = []
        at = 0
        while at < len(units):
            group = self._group_at(units, at, phrase, without)
            if group is None:
                names.append(self._units[units[at]].short)
                at += 1
            else:
                names.append(group.name)
                at += len(_expanded(group, without, units[:at]))
        return names

    def _group_at(
        self, units: Sequence[str], at: int, phrase: str, without: frozenset[str]
    ) -> Group | None:
        """The largest group whose expansion stands exactly here."""
        for group in self._groups:
            members = _expanded(group, without, units[:at])
            here = tuple(units[at : at + len(members)])
            # Two units behind a third of their group may just be written in that order.
            least = 3 if set(group.members) & set(units[:at]) else 2
            if len(members) >= least and members == here and not self._named(members, phrase):
                return group
        return None

    def _named(self, members: Iterable[str], phrase: str) -> bool:
        return bool(phrase) and all(self._units[unit].short in phrase for unit in members)


def _expanded(group: Group, without: frozenset[str], before: Sequence[str]) -> tuple[str, ...]:
    """What naming the group adds to a list that already has some units."""
    known = without | frozenset(before)
    return tuple(unit for unit in group.members if unit not in known)
