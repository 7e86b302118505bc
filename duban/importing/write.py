"""Writes a whole home from drafts: the plan, the tasks, the units, the settings – all or nothing."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from duban.errors import UsageError
from duban.importing.emit import block, comment, flow, name, remark, scalar
from duban.importing.plaintext import plain_texts
from duban.importing.roster import Roster
from duban.importing.stretch import Task
from duban.importing.task import Draft, Named

MAX_FILE_CHARS = (
    1_200_000  # the reader refuses files over 5 MB; a Chinese character takes three bytes
)


@dataclass(slots=True)
class Frame:
    """What is known of the plan as a whole. ``areas``: id to name. ``first_day``, ``last_day``: of the term.

    ``anchor_ids``, ``goals``, ``indicators``: ids that our own export names and that the plan must have.
    """

    id: str
    title: str
    source: str
    year: int
    year_note: str
    first_day: date
    last_day: date
    doc_no: str = ""
    areas: dict[str, str] = field(default_factory=dict)
    anchors: dict[str, str] = field(default_factory=dict)
    office: str = ""
    issuer: str = ""
    anchor_ids: list[str] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)
    indicators: list[str] = field(default_factory=list)


def plan_text(frame: Frame) -> str:
    """``plan.yaml``: what the file said, the rest marked 待填."""
    lines = [
        comment(f"由“{frame.source}”导入。标“核对”“待填”的由人定；改完运行 duban check。"),
        f"id: {scalar(frame.id)}",
        f"title: {scalar(frame.title)}",
        f"doc_no: {scalar(frame.doc_no)}   {comment('核对' if frame.doc_no else '待填：文号')}",
        f"issuer: {scalar(frame.issuer or '待填')}   # {'核对' if frame.issuer else '待填'}：印发单位",
        f"office: {scalar(frame.office)}   # 核对：运行本系统的办公室设在哪个单位",
        f"term: {{from: {frame.first_day}, to: {frame.last_day}}}   # 核对：取自表中写的或出现的年份",
        f"year: {frame.year}   {comment(frame.year_note)}",
        "in_use_from:   # 空着＝从第一次 duban apply 那天起催办",
    ]
    if frame.anchors or frame.anchor_ids:
        lines += ["anchors:   # 日期空着＝未起算；知道后填上"]
        for number, (event, said) in enumerate(frame.anchors.items(), 1):
            other = f", aliases: {flow([said])}" if said != event else ""
            lines.append(
                f"  - {{id: anchor{number}, name: {scalar(event)}{other}, on: }}   # 待填：日期"
            )
    lines += [
        f"  - {{id: {name(key)}, name: {name(key)}, on: }}   # 待填：名称、日期"
        for key in frame.anchor_ids
    ]
    lines.append("areas:")
    lines += [f"  - {{id: {name(key)}, name: {name(said)}}}" for key, said in frame.areas.items()]
    for heading, ids, more in (
        ("goals", frame.goals, ""),
        ("indicators", frame.indicators, ", measure: stock"),
    ):
        if ids:
            lines.append(f"{heading}:")
            lines += [f"  - {{id: {name(key)}, name: {name(key)}{more}}}   # 待填" for key in ids]
    lines.append(
        "# goals、safeguards、indicators、legal_basis、contact 待填，写法见 tasks_def/README.md。"
    )
    return "\n".join(lines) + "\n"


def task_files(tasks: Sequence[Task], areas: dict[str, str]) -> Iterable[tuple[str, str]]:
    """File names and texts: a file for each area, a further one where a file would get too long."""
    by_area: dict[str, list[Task]] = {}
    for task in tasks:
        by_area.setdefault(task.area, []).append(task)
    for number, (key, said) in enumerate(areas.items(), 1):
        for part, body in enumerate(_parts(by_area.get(said, [])), 1):
            tail = f"-{part}" if part > 1 else ""
            head = f"{comment(said)}\narea: {key}\ntasks:\n"
            yield f"{number}-{key}{tail}.yaml", head + body


def _parts(tasks: Iterable[Task]) -> Iterable[str]:
    texts: list[str] = []
    size = 0
    for text in _texts(tasks):
        if texts and size + len(text) > MAX_FILE_CHARS:
            yield "".join(texts)
            texts, size = [], 0
        texts.append(text)
        size += len(text)
    if texts:
        yield "".join(texts)


def _texts(tasks: Iterable[Task]) -> Iterator[str]:
    for task in tasks:
        if isinstance(task, Draft):
            yield task_text(task)
        else:
            yield from plain_texts(task)


_INDENT = "    "


def task_text(draft: Draft) -> str:
    """One task as YAML, with the cell it comes from and what no key holds as comments."""
    place = draft.grid.place(draft.row, draft.title_at[1])
    text = f"  - id: {draft.id}   {remark(draft.grid.name + '!')}{place}\n"
    text += f"    title: {scalar(draft.title)}\n"
    for each in draft.comments:
        text += f"    {remark(each)}\n"
    if draft.text:
        text += block("text", draft.text, _INDENT) + "\n"
    if draft.clause:
        text += f"    clause: {scalar(draft.clause)}\n"
    text += units_lines(draft.lead, draft.support, draft.responsibility, joint=draft.joint)
    if draft.deliverable:
        text += block("deliverable", draft.deliverable, _INDENT) + "\n"
    text += f"    deadline: {name(draft.deadline)}\n" if draft.deadline else _no_deadline(draft)
    if draft.stones:
        text += _stones(draft)
    return f"{text}    weight: {draft.weight}\n\n" if draft.weight else text


def units_lines(
    lead: Sequence[Named], support: Sequence[Named], responsibility: str, *, joint: bool
) -> str:
    """Lead, support and responsibility as YAML lines."""
    text = f"    lead: {flow([each.text for each in lead])}\n"
    if joint:
        text += "    joint: 是\n"
    if support:
        text += f"    support: {flow([each.text for each in support])}\n"
    if responsibility:
        text += f"    responsibility: {scalar(responsibility)}\n"
    return text


def _stones(draft: Draft) -> str:
    text = "    milestones:\n"
    for number, stone in enumerate(draft.stones, 1):
        parts = f"id: m{number}, title: {scalar(stone.title)}, deadline: {scalar(stone.deadline)}"
        text += f"      - {{{parts}}}   {comment(draft.grid.place(*stone.at))}\n"
    return text


def _no_deadline(draft: Draft) -> str:
    where = f"{draft.grid.name}!{draft.grid.place(*draft.deadline_at)}"
    return f"    deadline:   {comment(f'待填：{where} 空着')}\n"


def units_text(roster: Roster, source: str) -> str:
    """``units.yaml`` of proposals."""
    lines = [
        comment(
            f"由“{source}”里出现的单位拟出，每一条都要核对：全称、种类、考核分组、是否同一家。"
        ),
        "# 同一家的两种叫法：留一条，把另一个叫法放进它的 aliases。岗位和地址是占位，请换成真的。",
        *roster.remarks(),
        "units:",
        *roster.lines(),
    ]
    if roster.groups:
        lines += ["groups:", *roster.group_lines()]
    return "\n".join(lines) + "\n"


def added_units_text(text: str, roster: Roster) -> str:
    """The office's own ``units.yaml``, with unknown names proposed below as comments."""
    if not roster.units:
        return text
    taken = len(re.findall(r"^\s*- id:", text, re.MULTILINE))
    lines = ["", "# ———— 导入时遇到、名录里没有的单位：核对后去掉行首的“# ”并移到 units 下面 ————"]
    lines += [f"# {line}" for line in roster.lines(offset=900 + taken)]
    return text.rstrip("\n") + "\n" + "\n".join(lines) + "\n"


def settings_text(text: str, frame: Frame, *, own: bool) -> str:
    """``duban.yaml`` that points at the imported plan; the office's own keeps everything else."""
    text = _set(text, "plan", frame.id, "")
    if own:
        return text
    text = _set(text, "office_unit", frame.office, "核对：暂取牵头任务最多的单位")
    for key in ("office_name", "issuer", "contact"):
        text = _set(text, key, "待填", "待填")
    return text


def _set(text: str, key: str, value: str, remark: str) -> str:
    line = f"{key}: {scalar(value)}" + (f"   {comment(remark)}" if remark else "")
    pattern = re.compile(rf"^{key}:.*$", re.MULTILINE)
    return pattern.sub(lambda _: line, text, count=1) if pattern.search(text) else f"{line}\n{text}"


# ---- all or nothing ----------------------------------------------------------------------------


def check_target(target: Path) -> None:
    """Refuse a folder that holds something. Raises UsageError."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            f"{target} 已经存在，而且不是空的。", "换一个新目录；已有的内容不会被覆盖。"
        )


def write_all(target: Path, files: Iterable[tuple[str, str]], copied: Path) -> None:
    """Write the files and a copy of ``config/`` beside them, then put all in place at once.

    ``copied``: the ``config`` folder whose files are taken over where ``files`` has none of that name.
    Raises OSError; then nothing stands in ``target``.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        shutil.copytree(copied, room / "config")
        for place, text in files:
            path = room / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        room.chmod(0o755)
        if target.exists():
            target.rmdir()
        room.rename(target)
    except BaseException:
        shutil.rmtree(room, ignore_errors=True)
        raise
