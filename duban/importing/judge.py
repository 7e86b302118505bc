"""Judges drafts: slipped columns, unknown units, deadlines nobody can read, gaps in the serials. Pure.

What ``duban check`` will refuse is an error here too, at the cell it comes from; the words say what to
do. A repair is proposed where the row itself shows one, and never carried out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from duban.errors import Level
from duban.importing.findings import Findings
from duban.importing.headers import DEADLINE, ROLE_NAMES, UNIT_ROLES, Columns
from duban.importing.scan import Table
from duban.importing.stretch import Stretch, Task, Units
from duban.importing.task import At, Draft, Named
from duban.importing.wording import Reader, is_many, like_person, odd_name
from duban.matrix.deadlines import Kind, Reading, event_name
from duban.matrix.names import normal

MAX_UNIT_TITLE = 24
_PROPER = "写成如“2026年6月30日前”“自批复之日起2个月内”“持续推进”。可用 duban deadline 试读。"


@dataclass(slots=True)
class Judge:
    """Goes through the drafts of one import. ``anchors``: events that deadlines count from.

    ``units``: every name that stands in a unit's column somewhere in the file.
    """

    reader: Reader
    findings: Findings
    anchors: dict[str, str] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)
    _said: set[tuple[str, str]] = field(default_factory=set)
    _verdicts: dict[str, str] = field(default_factory=dict)
    _fine_units: set[Units] = field(default_factory=set)
    _fine_deadlines: set[str] = field(default_factory=set)

    def table(self, table: Table, tasks: Sequence[Task]) -> None:
        """Judge the tasks of one table, in the order of rows."""
        has_deadline = DEADLINE in table.columns.roles or any(
            isinstance(task, Draft) and task.stones for task in tasks
        )
        serials = Serials(self.findings)
        for task in tasks:
            if isinstance(task, Draft):
                self._draft(task, table.columns, serials, told=has_deadline)
                continue
            for at in self._doubtful(task, serials):
                self._draft(task.draft(at), table.columns, serials, told=has_deadline)

    def _draft(self, draft: Draft, columns: Columns, serials: Serials, *, told: bool) -> None:
        if draft.serial:
            serials.take(draft)
        self._units(draft, columns)
        if self._is_slipped(draft):
            self._slipped_title(draft)
        if draft.deadline not in self._fine_deadlines:
            self._deadline(draft, columns, told=told)
        for stone in draft.stones:
            self._stone(draft, stone.title, stone.deadline, stone.at)

    def _doubtful(self, stretch: Stretch, serials: Serials) -> Iterator[int]:
        """The tasks of a stretch that have to be looked at closely, each before the next is looked at."""
        layout, fine, deadlines = stretch.layout, self._fine_units, self._fine_deadlines
        due, serial, slipped = layout.due, layout.serial, self.units
        for at, (cells, title, units) in enumerate(
            zip(stretch.cells, stretch.titles, stretch.units, strict=True)
        ):
            known = units in fine or self._all_fine(units)
            plain = known and cells[due] in deadlines and title not in slipped
            number = cells[serial] if serial >= 0 else ""
            if not plain or (number and not serials.follows(number)):
                yield at

    def own(self, draft: Draft, columns: Columns, *, anchored: bool) -> None:
        """Judge a task of our own export. ``anchored``: its key names the event it counts from."""
        self._units(draft, columns)
        counts = bool(draft.deadline) and self.reader.deadline(draft.deadline).offset is not None
        if not (anchored and counts):
            self._deadline(draft, columns, told=True)
        for stone in draft.stones:
            self._stone(draft, stone.title, stone.deadline, stone.at)

    def error(self, draft: Draft, at: At, code: str, message: str, way_out: str) -> None:
        """Note what a person must put right in a draft."""
        self.findings.add(
            Level.ERROR, code, draft.grid, at, message=message, way_out=way_out, task=draft.id
        )

    def warning(self, draft: Draft, at: At, code: str, message: str, way_out: str) -> None:
        """Note what a person should look at."""
        self.findings.add(
            Level.WARNING, code, draft.grid, at, message=message, way_out=way_out, task=draft.id
        )

    def _is_slipped(self, draft: Draft) -> bool:
        """Whether a unit stands in the task's cell: one named elsewhere, or beside a slipped deadline."""
        title = draft.title
        if title in self.units:
            return True
        beside = any(
            self._verdicts.get(each.text) == "deadline" for each in (*draft.lead, *draft.support)
        )
        return beside and len(title) <= MAX_UNIT_TITLE and self.reader.is_unit(title)

    def _slipped_title(self, draft: Draft) -> None:
        self.error(
            draft,
            draft.title_at,
            "slipped-title",
            f"任务一栏写的是单位“{draft.title}”，像是整行串了列。",
            "对照表头，把这一行各格移回原位后重新导入；或在 YAML 里改正 title、lead、deadline。",
        )

    # ---- units ---------------------------------------------------------------------------------

    def _units(self, draft: Draft, columns: Columns) -> None:
        verdicts = self._verdicts
        for named in draft.lead:
            verdict = verdicts.get(named.text) or self._verdict(named.text)
            if verdict != "fine":
                self._tell(draft, named, columns, "lead-" + verdict)
        for named in draft.support:
            verdict = verdicts.get(named.text) or self._verdict(named.text)
            if verdict != "fine":
                self._tell(draft, named, columns, verdict)

    def _all_fine(self, units: Units) -> bool:
        verdicts = self._verdicts
        fine = all((verdicts.get(each) or self._verdict(each)) == "fine" for each in units.names)
        if fine:
            self._fine_units.add(units)
        return fine

    def _verdict(self, name: str) -> str:
        """What a name is: fine, deadline, odd, many or unknown. Each name is looked at once."""
        if self._known(name):
            verdict = "fine"
        elif self.reader.is_deadline(name):
            verdict = "deadline"
        elif odd_name(name):
            verdict = "odd"
        elif is_many(name):
            verdict = "many"
        elif self.reader.names is not None:
            verdict = "unknown"
        else:
            verdict = "doubt" if like_person(name) else "fine"
        self._verdicts[name] = verdict
        return verdict

    def _tell(self, draft: Draft, named: Named, columns: Columns, verdict: str) -> None:
        kind = verdict.removeprefix("lead-")
        if kind == "deadline":
            self.error(
                draft,
                named.at,
                "slipped-unit",
                f"单位一栏写的是时限“{named.raw}”，像是填串了列。",
                self._swap(draft, named.at, columns),
            )
        elif kind == "odd":
            self.error(
                draft,
                named.at,
                "unit-odd",
                f"“{named.raw[:40]}”不像单位名称。",
                "在 YAML 的 lead 和 support 里写成单位名称；若是填串了列，改正原表后重新导入。",
            )
        elif kind == "unknown":
            self._unknown(draft, named)
        elif kind == "doubt":
            if self._once("doubt", named.text):
                self.warning(
                    draft,
                    named.at,
                    "unit-doubt",
                    f"“{named.raw}”不像单位名称，可能是人名（同样写法只提示一次）。",
                    "核对 config/units.yaml；任务由单位承担，人写进单位的岗位。",
                )
        elif verdict == "lead-many":
            self.error(
                draft,
                named.at,
                "lead-collective",
                f"牵头单位写的是“{named.raw}”，没有名单，不知道由谁负责。",
                "在 lead 里点名；或在 config/units.yaml 的 groups 里登记这个组和它的成员。",
            )
        else:
            self._collective(draft, named)

    def _collective(self, draft: Draft, named: Named) -> None:
        if not self._once("collective", named.text):
            return
        self.warning(
            draft,
            named.at,
            "collective",
            f"“{named.raw}”没有名单，只作文字保留，不会向任何单位要材料（同样写法只提示一次）。",
            "要落实到单位，就在 config/units.yaml 的 groups 里登记它。",
        )

    def _once(self, what: str, name: str) -> bool:
        key = (what, normal(name))
        if key in self._said:
            return False
        self._said.add(key)
        return True

    def _swap(self, draft: Draft, at: At, columns: Columns) -> str:
        """What the row itself proposes when a deadline stands in a unit's column."""
        where, column = draft.grid.place(*at), columns.one(DEADLINE)
        if column < 0:
            return "把它写到 deadline，补上单位。"
        there = draft.grid.text(at[0], column)
        target = draft.grid.place(at[0], column)
        if there and self.reader.is_unit(there):
            return f"看来 {where} 和 {target} 填反了：把“{draft.grid.text(*at)[:20]}”与“{there[:20]}”对调。"
        if not there:
            return f"看来整行串了列：把它移到 {target}（完成时限），并补上单位。"
        return "改成单位名称。"

    def _known(self, name: str) -> bool:
        return self.reader.names is not None and self.reader.names.find(name) is not None

    def _unknown(self, draft: Draft, named: Named) -> None:
        """With a directory at hand, a name that nobody listed; likeness only suggests."""
        names = self.reader.names
        if names is None or not self._once("unknown", named.text):
            return
        near = names.suggest(named.text)
        hint = (
            f"是不是“{'”“'.join(near)}”？确认后把“{named.text}”加进它的 aliases；" if near else ""
        )
        self.error(
            draft,
            named.at,
            "unknown-unit",
            f"“{named.raw}”不在单位名录里（同样的名称只报一次）。",
            f"{hint}新单位在 config/units.yaml 里登记（文件末尾有拟好的几行）。",
        )

    # ---- deadlines -----------------------------------------------------------------------------

    def _deadline(self, draft: Draft, columns: Columns, *, told: bool) -> None:
        if not draft.deadline:
            self._blank(draft, columns, told=told)
            return
        reading = self.reader.deadline(draft.deadline)
        if reading.level is not Level.INFO or reading.kind is Kind.RELATIVE:
            self._about(draft, draft.deadline_at, reading, columns)
        else:
            self._fine_deadlines.add(draft.deadline)

    def _blank(self, draft: Draft, columns: Columns, *, told: bool) -> None:
        if not told:
            self.error(
                draft,
                draft.deadline_at,
                "deadline-blank",
                "整张表没有完成时限一栏，这项任务没有时限。",
                "补上 deadline；方案规定统一时限的，各条都写那个时限；长期任务写“持续推进”。",
            )
            return
        found = self._elsewhere(draft, columns)
        hint = f"同一行 {found[0]} 的“{found[1][:20]}”像是时限，核对是不是它；" if found else ""
        self.error(
            draft,
            draft.deadline_at,
            "deadline-blank",
            "完成时限空着。",
            f"{hint}补上 deadline；长期任务写“持续推进”。",
        )

    def _elsewhere(self, draft: Draft, columns: Columns) -> tuple[str, str] | None:
        """Another cell of the row that reads as a deadline."""
        for column in columns.labels:
            text = draft.grid.text(draft.row, column)
            short = bool(text) and len(text) <= 30 and not text.isdigit()
            if short and column != draft.deadline_at[1] and self.reader.is_deadline(text):
                return draft.grid.place(draft.row, column), text
        return None

    def _about(self, draft: Draft, at: At, reading: Reading, columns: Columns) -> None:
        phrase = reading.phrase
        if reading.kind is Kind.BLANK:
            self.error(
                draft,
                at,
                "deadline-blank",
                f"完成时限写的是“{phrase}”。",
                "补上 deadline；长期任务写“持续推进”。",
            )
        elif reading.kind is Kind.NOT_A_DATE and self.reader.is_unit(phrase):
            self._unit_as_deadline(draft, at, phrase, columns)
        elif reading.level is Level.ERROR:
            self.error(
                draft,
                at,
                "deadline-unread",
                _unread("时限", phrase, reading),
                _PROPER,
            )
        elif reading.offset is not None and not reading.anchor:
            self.error(
                draft,
                at,
                "anchor-unsaid",
                f"时限“{phrase}”没有写从何时起算。",
                "写成“自批复之日起…内”，或给任务写 anchor，并在 plan.yaml 的 anchors 里登记。",
            )
        else:
            self._anchor(draft, at, reading)
            if reading.level is Level.WARNING:
                self.warning(
                    draft,
                    at,
                    "deadline-doubt",
                    f"时限“{phrase}”：{reading.note}",
                    "改成写明日子的说法，如“2022年9月底前”。",
                )

    def _unit_as_deadline(self, draft: Draft, at: At, phrase: str, columns: Columns) -> None:
        found = self._elsewhere(draft, columns)
        if found:
            hint = f"看来串了列：{found[0]} 的“{found[1][:20]}”像是时限，应与本格对调。"
        else:
            units = [each for role in UNIT_ROLES for each in columns.roles.get(role, ())]
            empty = [each for each in units if not draft.grid.text(draft.row, each)]
            target = draft.grid.place(draft.row, (empty or units or [at[1]])[-1])
            hint = f"看来串了列：把它移到 {target}（单位），补上时限。"
        self.error(
            draft,
            at,
            "slipped-deadline",
            f"完成时限一栏写的是单位“{phrase[:40]}”。",
            hint,
        )

    def _anchor(self, draft: Draft, at: At, reading: Reading) -> None:
        name = event_name(reading.anchor)
        if not name or reading.kind is not Kind.RELATIVE or name in self.anchors:
            return
        self.anchors[name] = reading.anchor
        self.warning(
            draft,
            at,
            "anchor-open",
            f"时限从“{reading.anchor}”算起，已在 plan.yaml 的 anchors 里登记，日期空着（未起算）。",
            "知道日期后填进 plan.yaml 的 anchors。",
        )

    def _stone(self, draft: Draft, title: str, phrase: str, at: At) -> None:
        reading = self.reader.deadline(phrase)
        if reading.level is Level.ERROR and (phrase, at) != (draft.deadline, draft.deadline_at):
            self.error(
                draft,
                at,
                "deadline-unread",
                _unread(f"阶段“{title[:20]}”的时限", phrase, reading),
                _PROPER,
            )
        elif reading.level is Level.WARNING and at != draft.deadline_at:
            self.warning(
                draft,
                at,
                "deadline-doubt",
                f"时限“{phrase}”：{reading.note}",
                "改成写明日子的说法。",
            )
        end = self.reader.deadline(draft.deadline).due if draft.deadline else None
        if reading.due is not None and end is not None and reading.due > end:
            self.error(
                draft,
                at,
                "milestone-late",
                f"阶段“{title[:20]}”的时限 {reading.due} 晚于整项任务的时限 {end}。",
                "改正其中一个时限。",
            )


def _unread(what: str, phrase: str, reading: Reading) -> str:
    said = "" if reading.note.startswith(("读不懂", "“")) else "读不懂："
    return f"{what}“{phrase[:40]}”：{said}{reading.note}"


class Serials:
    """Watches the serial numbers of a table: gaps, repeats, going back."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._last = 0
        self._seen: set[int] = set()

    def follows(self, text: str) -> bool:
        """Whether this is the next number, and count on with it."""
        number = self._last + 1
        if text != str(number) or not self._last or number in self._seen:
            return False
        self._seen.add(number)
        self._last = number
        return True

    def take(self, draft: Draft) -> None:
        """Look at the serial of the next task; a new 1 begins a new run."""
        text = draft.serial
        if not text.isdigit():
            text = text.strip("()（）.．、 ")
        if not (text.isascii() and text.isdigit()) or len(text) > 6:
            return
        if self.follows(text):
            return
        number = int(text)
        column = self._column(draft)
        if column < 0:
            return  # one merged serial over several tasks
        at = (draft.row, column)
        if number == 1:
            self._seen = set()
        elif number in self._seen:
            self._say(
                draft,
                at,
                "serial-twice",
                f"序号 {number} 重复。",
                "核对是不是同一项任务；编号另行编排，不影响导入。",
            )
        elif number > self._last + 1 and self._last:
            missing = (
                str(self._last + 1)
                if number == self._last + 2
                else f"{self._last + 1}—{number - 1}"
            )
            self._say(
                draft,
                at,
                "serial-gap",
                f"序号从 {self._last} 跳到 {number}，缺 {missing}。",
                "核对原表是不是漏了行。",
            )
        elif number < self._last:
            self._say(
                draft, at, "serial-order", f"序号 {number} 排在 {self._last} 后面。", "核对顺序。"
            )
        self._seen.add(number)
        self._last = number

    def _column(self, draft: Draft) -> int:
        cells = draft.grid.rows[draft.row]
        return next((at for at, cell in enumerate(cells) if cell == draft.serial), -1)

    def _say(self, draft: Draft, at: At, code: str, message: str, way_out: str) -> None:
        self._findings.add(
            Level.WARNING, code, draft.grid, at, message=message, way_out=way_out, task=draft.id
        )


def labels_used(columns: Iterable[Columns]) -> dict[str, str]:
    """Header label to what it was taken for, for the report."""
    return {
        columns_.labels[each]: ROLE_NAMES[role]
        for columns_ in columns
        for role, found in columns_.roles.items()
        for each in found
    }
