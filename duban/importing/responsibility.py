"""Reads who leads and who supports a task: from two columns, from one, or from brackets behind the task."""

from __future__ import annotations

from duban.errors import Level
from duban.importing.cells import TaskCells, one_line
from duban.importing.headers import DEADLINE, LEAD, OWNER, SUPPORT, TEXT, TITLE
from duban.importing.task import At, Named
from duban.importing.wording import is_many, said_in_brackets, shortened, without_deadline
from duban.matrix.phrases_units import NamePart, UnitPhrase


class Responsibility(TaskCells):
    """The part of a task's reading that is about units."""

    def _units(self) -> str:
        """Lead and support from one, two or no unit columns; returns a deadline said among them."""
        roles, task = self.columns.roles, self.task
        lead, lead_at = self.joined(LEAD, "、") if LEAD in roles else ("", (self.row, 0))
        support, support_at = (
            self.joined(SUPPORT, "、") if SUPPORT in roles else ("", (self.row, 0))
        )
        owner, owner_at = self.joined(OWNER, "、") if OWNER in roles else ("", (self.row, 0))
        task.unit_at = lead_at if LEAD in roles else owner_at if OWNER in roles else task.title_at
        said = ""
        if owner:
            said = self._sentence(owner, owner_at)
        elif not lead and not support:
            said = self._bracket()
        if lead or support:
            self._two_columns(lead, lead_at, support, support_at)
        if not task.lead:
            self._no_lead(lead or owner)
        return said

    def _names(self, phrase: UnitPhrase, at: At) -> list[tuple[NamePart, Named]]:
        if phrase.open_ended:
            self.say(
                Level.WARNING,
                "open-ended",
                at,
                "单位后面写了“等”，没有写全，只登记了点名的单位。",
                "要让其他单位也承担，就在 lead 或 support 里点名。",
            )
        for part in phrase.names:
            if part.note:
                self.say(
                    Level.WARNING,
                    "shared-prefix",
                    at,
                    part.note,
                    f"核对；不对就在 YAML 里改成“{part.raw}”。",
                )
        return [(part, Named(part.text, part.raw, at, part.note)) for part in phrase.names]

    def _settle_places(self, named: list[tuple[NamePart, Named]], role: str) -> None:
        """Of several columns or rows that name units, each name has the cell that it stands in."""
        columns = self.columns.roles.get(role, ())
        if self.one and len(columns) < 2:
            return
        cells = [self.cell(row, column) for row in self.rows for column in columns]
        for _, each in named:
            each.at = next((at for text, at in cells if each.raw in text), each.at)

    def _sentence(self, text: str, at: At) -> str:
        """One column that says everything: 甲牵头，乙、丙配合."""
        task = self.task
        rest, said = text, ""
        if DEADLINE not in self.columns.roles:
            rest, said = without_deadline(text, self.reader.is_deadline)
        phrase = self.reader.units(rest)
        task.responsibility, task.joint = one_line(text), phrase.joint
        named = self._names(phrase, at)
        task.lead = [each for part, each in named if part.role == "lead"]
        task.support = [each for part, each in named if part.role == "support"]
        unsaid = [each for part, each in named if not part.role]
        if unsaid and not task.lead:
            task.lead, unsaid = unsaid[:1], unsaid[1:]
            if unsaid and not (phrase.first_leads or self.context.table.first_leads):
                self._first_leads(at)
        task.support = [*unsaid, *task.support]
        return said

    def _first_leads(self, at: At) -> None:
        column = at[1]
        if self.context.said.get("first-leads") == str(column):
            return
        self.context.said["first-leads"] = str(column)
        self.say(
            Level.WARNING,
            "first-leads",
            at,
            f"“{self.columns.labels.get(column, '责任单位')}”一栏没有写谁牵头，全表都按列第一位的牵头、其余配合读。",
            "核对；几家各负其责的，把它们都写进 lead 并加 joint: 是。",
        )

    def _bracket(self) -> str:
        """The responsibility that stands in brackets behind the task itself."""
        task = self.task
        column = (self.columns.roles.get(TEXT) or (self.columns.one(TITLE),))[-1]
        source, at = self.cell(self.rows[-1], column)
        body, said = said_in_brackets(source)
        if not said:
            source, at = self.cell(self.row, self.columns.one(TITLE))
            body, said = said_in_brackets(source)
        if not said:
            return ""
        if shortened(source) == task.title or task.title.endswith(("…", "）", ")")):
            task.title = shortened(body)
            task.text = task.text or source
        deadline = self._sentence(said, at)
        if not deadline and DEADLINE in self.columns.roles:
            rest, deadline = without_deadline(said, self.reader.is_deadline)
            if deadline:
                task.lead, task.support = [], []
                self._sentence(rest, at)
                task.responsibility = one_line(said)
        return deadline

    def _two_columns(self, lead: str, lead_at: At, support: str, support_at: At) -> None:
        task = self.task
        first, second = self.reader.units(lead), self.reader.units(support)
        task.joint = first.joint or second.joint
        led, helped = self._names(first, lead_at), self._names(second, support_at)
        task.lead = [each for part, each in led if part.role != "support"]
        task.support = [each for part, each in led if part.role == "support"]
        self._settle_places(led, LEAD)
        self._settle_places(helped, SUPPORT)
        swapped = [
            each
            for part, each in helped
            if part.role == "lead" and not lead and second.of("support")
        ]
        task.lead += swapped
        task.support += [each for _, each in helped if each not in swapped]
        labels = self.columns.labels
        said = [
            f"{labels.get(at[1], name)}：{one_line(text)}"
            for text, at, name in ((lead, lead_at, "牵头单位"), (support, support_at, "配合单位"))
            if text
        ]
        task.responsibility = "；".join(said)
        leaders = {each.text for each in task.lead}
        for each in task.support:
            if each.text in leaders:
                self.say(
                    Level.WARNING,
                    "lead-in-support",
                    each.at,
                    f"“{each.raw}”已是牵头单位，又写在配合单位里，办理时只按牵头计。",
                    "从 support 里删去。",
                )

    def _no_lead(self, said: str) -> None:
        task = self.task
        first = next((each.text for each in task.support if not is_many(each.text)), "")
        told = "责任分工里看不出谁牵头" if said else "没有写牵头单位"
        hint = f"若由“{first}”牵头，把它写进 lead。" if first else "补上 lead。"
        if task.unit_at[0] > 0 and not said:
            above = self.grid.text(task.unit_at[0] - 1, task.unit_at[1])
            if above and not self.grid.knows_merges:
                hint += f"（上一行是“{above[:20]}”，若原表是合并单元格，就照它补。）"
        self.say(Level.ERROR, "no-lead", task.unit_at, f"{told}。", hint)
