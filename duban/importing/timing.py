"""Reads by when a task is due: one cell, stages in several rows, or a column for each quarter."""

from __future__ import annotations

import re

from duban.errors import Level
from duban.importing.cells import TaskCells, one_line
from duban.importing.headers import DEADLINE, STAGE, TEXT, TITLE
from duban.importing.task import At, Stone
from duban.importing.wording import deadline_text, shortened, stage_of


class Timing(TaskCells):
    """The part of a task's reading that is about deadlines."""

    def _deadline(self, said: str) -> None:
        task, column = self.task, self.columns.one(DEADLINE)
        task.deadline_at = (self.row, column) if column >= 0 else task.title_at
        if column >= 0 and self.one:
            task.deadline, task.deadline_at = self._phrase(self.row, column)
            if len(task.deadline) > 8 and not self.reader.is_deadline(task.deadline):
                self._stages_in_one_cell(*self.cell(self.row, column))
        elif column >= 0:
            self._stages(column)
        if STAGE in self.columns.roles:
            self._stage_columns()
        if not task.deadline and said:
            task.deadline, task.deadline_at = said, task.unit_at
            self.say(
                Level.WARNING,
                "deadline-in-text",
                task.unit_at,
                f"时限“{said}”是从责任分工里读出来的。",
                "核对 deadline。",
            )

    def _phrase(self, row: int, column: int) -> tuple[str, At]:
        text, at = self.cell(row, column)
        kind = self.grid.kind(*at)
        if not text or not ("\n" in text or kind):
            return text, at
        phrase, note = deadline_text(text, kind, self.reader.is_deadline)
        note = note or self.grid.notes.get(at, "")
        if note:
            self.say(
                Level.WARNING, "deadline-shown", at, f"{note}，按“{phrase}”读。", "核对 deadline。"
            )
        return phrase, at

    def _stages(self, column: int) -> None:
        """Several rows with deadlines of their own: milestones, and the last of them is the task's."""
        task = self.task
        found: dict[At, tuple[str, int]] = {}
        for row in self.rows:
            phrase, at = self._phrase(row, column)
            if phrase:
                found.setdefault(at, (phrase, row))
        phrases = list(dict.fromkeys(phrase for phrase, _ in found.values()))
        if len(phrases) < 2:
            task.deadline = phrases[0] if phrases else ""
            task.deadline_at = next(iter(found), task.deadline_at)
            return
        columns = [*self.columns.roles.get(TEXT, ()), self.columns.one(TITLE)]
        lines: list[str] = []
        for at, (said, row) in found.items():
            texts = [text for each in columns if (text := self.grid.text(row, each))]
            phrase, more = (said, "") if texts and row != self.row else self._cut(said)
            what = more or (texts[0] if texts else task.title)
            task.stones.append(Stone(shortened(what), phrase, at))
            lines.append(f"{said}：{what}" if not more else said)
        told = "\n".join(lines)
        kept = [each for each in task.text.split("\n") if each and each not in told]
        task.text = "\n".join([*kept, told])
        self._end_of_stages()

    def _cut(self, said: str) -> tuple[str, str]:
        """3-4月，制定方案: the deadline and the work, when the grammar does not take it as a whole."""
        return (
            (said, "") if self.reader.is_deadline(said) else stage_of(said, self.reader.is_deadline)
        )

    def _stages_in_one_cell(self, text: str, at: At) -> None:
        """3-4月，制定方案；5-11月，组织实施: each piece a milestone, when every piece is one."""
        task = self.task
        pieces = [each.strip() for each in re.split(r"[\n；;。]", text) if each.strip()]
        # 2.9月底前: the second piece, due in September; its number is known by its position.
        bare = [re.sub(rf"^{at}[.．、]", "", piece) for at, piece in enumerate(pieces, 1)]
        stages = [stage_of(piece, self.reader.is_deadline) for piece in bare]
        if len(stages) < 2 or not all(what for _, what in stages):
            return
        task.stones += [Stone(shortened(what), phrase, at) for phrase, what in stages]
        task.text = "\n".join([*([task.text] if task.text else []), *pieces])
        self._end_of_stages()

    def _end_of_stages(self) -> None:
        """The deadline of the task is the latest milestone's; the last one's when one is unread."""
        task = self.task
        read = [self.reader.deadline(stone.deadline) for stone in task.stones]
        dated = [(each.due, at) for at, each in enumerate(read) if each.due is not None]
        unread = any(each.level is Level.ERROR for each in read)
        last = task.stones[max(dated)[1] if dated and not unread else -1]
        task.deadline, task.deadline_at = last.deadline, last.at
        self.say(
            Level.WARNING,
            "deadline-from-stage",
            last.at,
            f"这项任务分{len(task.stones)}个阶段，各阶段列为节点，任务时限取最后的“{last.deadline}”。",
            "核对 deadline 和 milestones。",
        )

    def _stage_columns(self) -> None:
        """One column a quarter: what stands in it is a milestone of that quarter."""
        task = self.task
        for column in self.columns.roles[STAGE]:
            for row in self.rows:
                text = self.grid.text(row, column)
                if text and text not in {"/", "—", "-", "无"}:
                    label = one_line(self.columns.labels[column])
                    task.stones.append(Stone(shortened(text), label, (row, column)))
        if task.stones and not task.deadline:
            self._end_of_stages()
