"""Imports the 任务分工表 workbook that ``duban export matrix`` wrote: the same tasks, value by value.

Its columns outside the print area hold what a printed table cannot. Units and the frame of the plan are
not in the workbook: the office's home has them, and without a home they are proposed as for any sheet.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from duban.errors import Issues, Level, Place
from duban.importing.emit import comment, name, scalar
from duban.importing.findings import Findings
from duban.importing.grid import Grid
from duban.importing.headers import DEADLINE, LEAD, SUPPORT, TITLE, Columns
from duban.importing.judge import Judge
from duban.importing.merges import Merges
from duban.importing.order import (
    Order,
    directory_of,
    home_files,
    known_of,
    roster_of,
    settle_office,
)
from duban.importing.ownprinted import NOT_PRINTED
from duban.importing.ownsheet import MARK, TERM, OwnSheet, every, key_lines, plan_of, texts
from duban.importing.report import Report, SheetAccount
from duban.importing.roster import Roster
from duban.importing.task import Draft, Named, Stone
from duban.importing.wording import Reader, is_many
from duban.importing.write import Frame, plan_text
from duban.matrix.deadlines import event_name
from duban.matrix.names import NONE_WORDS, Names
from duban.matrix.phrases_units import KnownNames
from duban.matrix.unit_words import GENERIC
from duban.reports.matrixback import OwnRow, Value, task_keys
from duban.reports.matrixtable import DRAFT, EXACT, PRINTED

_NOTE = re.compile(r"(?:注：|　+)?\s*[0-9]+\.\s")
_GONE = re.compile(r"已取消、未列入本表的([0-9]+)项")
_HEADING = re.compile("“(.+?)”栏")


def convert_own(
    order: Order, grids: Sequence[Grid], sheet: OwnSheet
) -> tuple[Report, Iterator[tuple[str, str]]]:
    """The report and the files of an import of our own export."""
    return _Own(order, sheet).run(grids)


class _Own:
    def __init__(self, order: Order, sheet: OwnSheet) -> None:
        self.order, self.sheet, self.grid = order, sheet, sheet.grid
        self.findings = Findings()
        self.merges = Merges(self.grid)
        self.plan = plan_of(order, sheet)
        directory = directory_of(order.home)
        names = Names(directory) if directory else None
        self.known: KnownNames | None = known_of(directory) if directory else None
        self.reader = Reader(self._year(), names, self.known)
        self.tasks: list[tuple[Draft, dict[str, Value]]] = []

    def _year(self) -> int:
        match = TERM.search(self.sheet.above)
        told = self.plan.year if self.plan else int(match[3]) if match else self.order.this_year
        return self.order.year or told

    def run(self, grids: Sequence[Grid]) -> tuple[Report, Iterator[tuple[str, str]]]:
        """Read every row, judge it, and lay out the files."""
        classes = self._classes()
        for row in self.sheet.rows:
            self.tasks.append(self._task(row))
        self._twice()
        self._not_as_written()
        drafts = [draft for draft, _ in self.tasks]
        self._judge()
        roster = roster_of(
            [self._with_reporters(draft, keys) for draft, keys in self.tasks],
            self.reader,
            self.grid.rows[0][0] if self.grid.rows[0] else "",
            self.findings,
        )
        self._reporting_groups(roster)
        frame = self._frame()
        settle_office(self.order, frame, roster)
        self._tell_home()
        self.findings.sort([self.grid.name])
        report = Report(
            file=self.order.file.name,
            out=str(self.order.out),
            plan=frame.id,
            title=frame.title,
            year=frame.year,
            areas=len({draft.area for draft in drafts}),
            units=len(roster.units),
            sheets=self._accounts(grids, classes),
            findings=self.findings,
        )
        return report, home_files(
            self.order, frame, roster, report, plan=self._plan_text(frame), tasks=self._files(frame)
        )

    # ---- rows ----------------------------------------------------------------------------------

    def _classes(self) -> Counter[str]:
        tasks = {row.at for row in self.sheet.rows}
        found: Counter[str] = Counter()
        for at in self.grid.filled_rows():
            if at <= self.sheet.head:
                kind = "title" if at < self.sheet.head else "header"
            else:
                kind = "task" if at in tasks else self._other(at)
            found[kind] += 1
        return found

    def _other(self, row: int) -> str:
        """A row without a task's number: a note below the table, or a task that lacks one."""
        filled = [(at, cell) for at, cell in enumerate(self.grid.rows[row]) if cell]
        column, first = filled[0]
        if len(filled) == 1 and (_NOTE.match(first) or row > self.sheet.rows[-1].at):
            gone = _GONE.search(first)
            if gone:
                self._say(
                    Level.WARNING,
                    "withdrawn-left-out",
                    (row, column),
                    f"导出时已取消的{gone[1]}项不在表里，没有导入。",
                    "要留着它们的记录，就从原来的 tasks_def 里抄回来，带上 withdrawn。",
                )
            return "note"
        self._say(
            Level.ERROR,
            "row-alone",
            (row, column),
            f"这一行（{'；'.join(cell[:20] for _, cell in filled[:4])}）“编号”栏空着，没有写进 YAML。",
            "在“编号”栏写一个没有用过的编号后重新导入；不要的就删去这一行。",
        )
        return "rejected"

    def _say(  # noqa: PLR0917 - the six parts of every finding
        self,
        level: Level,
        code: str,
        at: tuple[int, int],
        message: str,
        way_out: str,
        task: str = "",
    ) -> None:
        self.findings.add(level, code, self.grid, at, message=message, way_out=way_out, task=task)

    def _task(self, row: OwnRow) -> tuple[Draft, dict[str, Value]]:
        sheet, issues = self.sheet, Issues()
        place = Place(self.order.file.name)
        keys = task_keys(row, place, issues)
        for key, heading in (("lead", "牵头单位"), ("support", "配合单位")):
            said = row.cells[heading]
            units = self._units(said.partition("\n")[0] if key == "lead" else said)
            keys.update({key: list(units)} if units else {})
        rule = keys.get("report")
        if isinstance(rule, dict) and rule.get("by"):
            rule["by"] = self._units(row.cells["报送单位"])
        for issue in issues:
            named = _HEADING.search(issue.message)
            at = sheet.at(row.at, named[1] if named else "编号")
            self._say(issue.level, issue.code, at, issue.message, issue.way_out, row.cells["编号"])
        return self._draft(row, keys), keys

    def _units(self, text: str) -> list[str]:
        """Names between 、; a known name with one inside stays whole, and so does 各乡镇、街道."""
        guarded = self.known.guard(text) if self.known else text
        found: list[str] = []
        start = depth = 0
        for at, char in enumerate(f"{guarded}、"):
            depth += (char in "（(") - (char in "）)")
            if char == "、" and depth <= 0:
                part = text[start:at].strip()
                if found and part in GENERIC and found[-1].startswith("各"):
                    found[-1] += f"、{part}"
                elif part:
                    found.append(part)
                start = at + 1
        return found

    def _draft(self, row: OwnRow, keys: Mapping[str, Value]) -> Draft:
        at = self.sheet.at

        def named(key: str, heading: str) -> list[Named]:
            return [
                Named(text, text, at(row.at, heading))
                for text in texts(keys.get(key))
                if text not in NONE_WORDS
            ]

        draft = Draft(
            self.grid,
            row.at,
            title=str(keys.get("title", "")),
            title_at=at(row.at, "任务"),
            area=str(keys.get("area", "")),
            lead=named("lead", "牵头单位"),
            support=named("support", "配合单位"),
            unit_at=at(row.at, "牵头单位"),
            deadline=str(keys.get("deadline", "")),
            deadline_at=at(row.at, "完成时限"),
            id=row.cells["编号"],
            rows=[row.at],
        )
        stones = keys.get("milestones")
        for each in stones if isinstance(stones, list) else ():
            if isinstance(each, dict):
                place = at(row.at, "节点")
                draft.stones.append(Stone(each["title"], each["deadline"], place))
        return draft

    def _with_reporters(self, draft: Draft, keys: Mapping[str, Value]) -> Draft:
        rule = keys.get("report")
        by = texts(rule.get("by")) if isinstance(rule, dict) else []
        place = self.sheet.at(draft.row, "报送单位")
        more = [Named(text, text, place) for text in by]
        return replace(draft, support=[*draft.support, *more])

    def _reporting_groups(self, roster: Roster) -> None:
        """A group that reports and that no directory lists: entered without members, and told."""
        names = self.reader.names
        for draft, keys in self.tasks:
            rule = keys.get("report")
            for said in texts(rule.get("by")) if isinstance(rule, dict) else ():
                if not is_many(said) or (names is not None and names.find(said) is not None):
                    continue
                if said in roster.many or said not in roster.groups:
                    place = self.sheet.at(draft.row, "报送单位")
                    roster.many.pop(said, None)
                    roster.groups[said] = f"{self.grid.name}!{self.grid.place(*place)}"
                    self._say(
                        Level.ERROR,
                        "report-collective",
                        place,
                        f"报送单位写的是“{said}”，没有名单，不知道由谁报送（同样写法只报一次）。",
                        "在 config/units.yaml 的 groups 里给它补上成员；或加 --home 用原来的单位名录重新导入。",
                        draft.id,
                    )

    # ---- doubts --------------------------------------------------------------------------------

    def _twice(self) -> None:
        first: dict[str, int] = {}
        for draft, _ in self.tasks:
            above = first.setdefault(draft.id, draft.row)
            if above != draft.row:
                self._say(
                    Level.ERROR,
                    "id-twice",
                    self.sheet.at(draft.row, "编号"),
                    f"编号“{draft.id}”在第{above + 1}行已经用过。",
                    "编号从不重复使用，换一个新的。",
                    draft.id,
                )

    def _not_as_written(self) -> None:
        """Cells that Excel changed: a formula, or a date that it made of what was typed."""
        tasks = {draft.row: draft.id for draft, _ in self.tasks}
        used = {
            self.sheet.columns[said]
            for said in (*PRINTED[1:], *EXACT)
            if said in self.sheet.columns
        }
        for (row, column), kind in sorted(self.grid.kinds.items()):
            if row not in tasks or column not in used:
                continue
            value = self.grid.text(row, column)
            if kind == "formula":
                self._say(
                    Level.ERROR,
                    "formula",
                    (row, column),
                    f"这里是公式，不是文字；上次算出的值是“{value[:30]}”，可能已经过时。",
                    "在 Excel 里复制这一格，“选择性粘贴 → 数值”，再导入。",
                    tasks[row],
                )
            elif kind == "date":
                note = self.grid.notes.get((row, column), "单元格里存的是日期")
                self._say(
                    Level.WARNING,
                    "deadline-shown",
                    (row, column),
                    f"{note}，按“{value}”读。",
                    "核对这一格。",
                    tasks[row],
                )

    def _judge(self) -> None:
        judge = Judge(self.reader, self.findings)
        if self.plan:
            judge.anchors.update({event_name(each): each for each in self.plan.anchor_names})
        columns = Columns(
            self.sheet.head,
            self.sheet.head,
            {
                role: (self.sheet.columns[said],)
                for role, said in (
                    (TITLE, "任务"),
                    (LEAD, "牵头单位"),
                    (SUPPORT, "配合单位"),
                    (DEADLINE, "完成时限"),
                )
            },
            {at: said for said, at in self.sheet.columns.items()},
            tuple(self.grid.rows[self.sheet.head]),
        )
        known = len(judge.anchors)
        for draft, keys in self.tasks:
            judge.own(draft, columns, anchored=bool(keys.get("anchor")))
            self._missing(draft, keys)
        self.anchors = dict(list(judge.anchors.items())[known:])

    def _missing(self, draft: Draft, keys: Mapping[str, Value]) -> None:
        for key, heading, code in (
            ("title", "任务", "title-blank"),
            ("lead", "牵头单位", "no-lead"),
            ("area", MARK, "area-blank"),
        ):
            if not keys.get(key):
                place = self.sheet.at(draft.row, heading)
                self._say(
                    Level.ERROR, code, place, f"“{heading}”栏空着。", f"补上 {key}。", draft.id
                )
        if self.plan and draft.area:
            listed = [item.id for item in (*self.plan.areas, *self.plan.safeguards)]
            if draft.area not in listed:
                self._say(
                    Level.ERROR,
                    "unknown-area",
                    self.sheet.at(draft.row, MARK),
                    f"领域编号“{draft.area}”不在方案里。",
                    f"可用：{'、'.join(listed)}；新的先写进 plan.yaml 的 areas。",
                    draft.id,
                )

    def _tell_home(self) -> None:
        home = self.order.home
        if home is None:
            message = "这是本系统导出的表，表里没有单位名录和方案框架：单位按简称拟出，方案里的“待填”要补。"
            way_out = "有原来的家目录，就加 --home 家目录 重新导入，名录和框架照它。"
        else:
            told = "单位名录和方案框架" if self.plan else "单位名录"
            message = f"这是本系统导出的表，{told}照家目录 {home.root}。"
            way_out = "要照别的家目录，就加 --home 重新导入。"
        self.findings.add(
            Level.WARNING, "own-export", self.grid, None, message=message, way_out=way_out
        )
        if self.sheet.printed:
            self._tell_printed()

    def _tell_printed(self) -> None:
        """What a printed table does not hold, and where it was taken from."""
        sheet, gone = self.sheet, "、".join(NOT_PRINTED)
        if sheet.recognised:
            self.findings.add(
                Level.WARNING,
                "not-printed",
                self.grid,
                None,
                message=f"打印的表里没有编号、{gone}：{sheet.recognised}项按领域和任务名称认出，这些照家目录里的。",
                way_out="核对；要原样读回，导入 duban export matrix 导出的 .xlsx 或 .csv。",
            )
        if sheet.new:
            self.findings.add(
                Level.WARNING,
                "not-printed",
                self.grid,
                None,
                message=f"打印的表里没有编号、{gone}：{sheet.new}项没有认出是方案里的哪一项，编号另编，这些内容空着。",
                way_out="有原来的家目录，就加 --home；或导入 duban export matrix 导出的 .xlsx 或 .csv。",
            )

    def _accounts(self, grids: Sequence[Grid], classes: Counter[str]) -> list[SheetAccount]:
        found = []
        for grid in grids:
            account = SheetAccount(grid.name, filled_rows=sum(1 for _ in grid.filled_rows()))
            if grid is self.grid:
                account.classes = classes
                account.columns = {said: said for said in self.sheet.columns}
            else:
                account.reason = "不是导出的任务分工表"
            found.append(account)
        return found

    # ---- files ---------------------------------------------------------------------------------

    def _frame(self) -> Frame:
        sheet, plan = self.sheet, self.plan
        term = TERM.search(sheet.above)
        year = self.reader.year
        starts = date.fromisoformat(term[1]) if term else date(year, 1, 1)
        ends = date.fromisoformat(term[2]) if term else date(year, 12, 31)
        lines = [cell for row in self.grid.rows[: sheet.head] for cell in row[:1] if cell]
        title = plan.title if plan else (lines[0] if lines else self.order.file.stem)
        issuer = re.search(r"印发单位：(.+)", sheet.above)
        keys = [each for _, each in self.tasks]
        return Frame(
            id=sheet.plan or f"plan-{year}",
            title=title.removesuffix("任务分工表") or title,
            source=self.order.file.name,
            year=year,
            year_note="取自导出的表" if term else "核对",
            first_day=starts,
            last_day=ends,
            doc_no=lines[1] if len(lines) > 2 and lines[1] != DRAFT else "",
            areas=self._areas(),
            anchors=self.anchors,
            issuer=issuer[1].strip() if issuer else "",
            anchor_ids=every(keys, "anchor"),
            goals=every(keys, "goals"),
            indicators=every(keys, "indicators"),
        )

    def _areas(self) -> dict[str, str]:
        """Area ids and names; a name stands in the first of its merged cells."""
        found: dict[str, str] = {}
        columns = self.sheet.columns
        column = columns.get("重点工作", columns.get("领域", 0))
        for draft, _ in self.tasks:
            if draft.area:
                found[draft.area] = found.get(draft.area) or self._area_name(draft.row, column)
        if self.plan:
            found = {
                item.id: item.name
                for item in (*self.plan.areas, *self.plan.safeguards)
                if item.id in found
            } | found
        return {key: said or key for key, said in found.items()}

    def _area_name(self, row: int, column: int) -> str:
        top = self.merges.above(row, column)
        return self.grid.text(row if top is None else top, column)

    def _plan_text(self, frame: Frame) -> str:
        home = self.order.home
        if self.plan is None or home is None:
            return plan_text(frame)
        return (home.tasks_def / frame.id / "plan.yaml").read_text(encoding="utf-8-sig")

    def _files(self, frame: Frame) -> Iterator[tuple[str, str]]:
        by_area: dict[str, list[str]] = {area: [] for area in frame.areas}
        for draft, keys in self.tasks:
            by_area.setdefault(draft.area, []).append(self._text(draft, keys))
        for number, (area, said) in enumerate(by_area.items(), 1):
            if said:
                slug = re.sub(r"[^A-Za-z0-9_-]", "", area)
                head = f"{comment(frame.areas.get(area, area))}\n"
                head += f"area: {name(area)}\n" if area else ""
                yield f"{number}-{slug or 'a'}.yaml", f"{head}tasks:\n{''.join(said)}"

    def _text(self, draft: Draft, keys: Mapping[str, Value]) -> str:
        place = f"{self.grid.name}!{self.grid.place(*draft.title_at)}"
        lines = [f"  - id: {scalar(draft.id)}   {comment(place)}"]
        for key, value in keys.items():
            if key not in {"id", "area"}:
                lines += key_lines(key, value)
        return "\n".join(lines) + "\n\n"
