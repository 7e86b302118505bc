"""Reads a returned form: unchanged rows change nothing, stale rows are conflicts, every mistake has its cell.

Protection is not security: only keys under our signature are trusted, and everything else is checked again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from duban import clock
from duban.errors import Issues, Place
from duban.intake import layout, zipguard
from duban.intake.form import (
    DONE,
    FORM_VERSION,
    PROGRESS,
    UNCHANGED,
    Stamp,
    sign,
    version_of,
)
from duban.intake.formcells import NOT_ASKED, fits, opened_seal
from duban.intake.formconflict import Side, said_already, sides, sides_words
from duban.intake.formopen import AGAIN, Grid, Opened, open_form, text_of, value_of
from duban.intake.layout import cell_name
from duban.intake.submission import FIGURE, clean, read_report
from duban.ledger import queries
from duban.ledger.figures import Connection
from duban.ledger.links import home_key
from duban.ledger.transitions import FINISHES, Report
from duban.matrix.model import Indicator
from duban.office import Office
from duban.settings import EXAMPLE_MARK
from duban.status import STATE_NAMES

FILE = "报送表"
_TEXTS = {
    "progress": layout.PROGRESS,
    "problem": layout.PROBLEM,
    "next_step": layout.NEXT,
}
_PLACES = {
    "本期进展": layout.PROGRESS,
    "存在问题": layout.PROBLEM,
    "下一步打算": layout.NEXT,
    "累计进度": layout.PERCENT,
}
_FOREIGN_CODES = frozenset({"row-key", "altered-cell", "formula", "outside"})
"""Mistakes after which nothing in the file can be trusted: something else than entry cells was changed."""
_TAKES_REPORTS = frozenset({"waiting", "active", "returned", "submitted", "adjusting"})


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that was filled in but has changed in the ledger since the form was made.

    ``sides``: what the ledger says and what the form says, part by part, so that a person can choose.
    """

    key: str
    place: Place
    message: str
    sides: tuple[Side, ...] = ()


@dataclass(frozen=True, slots=True)
class FormResult:
    """What a returned form holds. ``reports``: key and report of every row that was filled in.

    A conflict stands both in ``conflicts`` and, as an error, in ``issues``, so that whoever stops on
    errors loses nothing silently. ``unit``: whose form it is; empty when it could not be told.
    """

    reports: tuple[tuple[str, Report], ...]
    unchanged: int
    issues: Issues
    conflicts: tuple[Conflict, ...] = ()
    unit: str = ""


def read_form(
    data: bytes,
    office: Office,
    conn: Connection,
    unit_id: str | None,
    now: datetime,
    *,
    door: str = "workbook",
) -> FormResult:
    """The reports in a returned form. ``unit_id`` None: any unit's form is taken (the office's drop folder).

    Nothing is written. Mistakes are in ``issues``: the caller decides whether to take what is right. A
    file in which anything but entry cells was changed has no reports at all.
    """
    try:
        opened = open_form(data)
    except zipguard.RefusedError as refused:
        return refused_form(refused)
    units = None if unit_id is None else (unit_id,)
    return read_opened(opened, office, conn, units, now, door=door)


def refused_form(refused: zipguard.RefusedError) -> FormResult:
    """What a file that could not be opened holds: nothing but the reason."""
    issues = Issues()
    issues.error(refused.code, Place(FILE), refused.message, refused.way_out)
    return FormResult((), 0, issues)


def read_opened(
    opened: Opened,
    office: Office,
    conn: Connection,
    units: Collection[str] | None,
    now: datetime,
    *,
    door: str,
) -> FormResult:
    """The reports in an opened form of one of ``units`` (None: any). Cheap enough for a write transaction."""
    issues = Issues()
    meta = _meta(opened.meta, office, conn, units, issues)
    if meta is None:
        return FormResult((), 0, issues)
    reading = _Reading(
        office, conn, now, issues, meta, opened.formulas, opened.fingerprint, door=door
    )
    reading.read(opened.sheet)
    spoilt = any(issue.code in _FOREIGN_CODES for issue in issues.errors)
    reports = () if spoilt else tuple(reading.reports)
    return FormResult(reports, reading.unchanged, issues, tuple(reading.conflicts), meta.unit)


# ---- whose form it is --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Meta:
    unit: str
    made_at: datetime
    stamps: dict[str, Stamp]
    head: str


def _meta(
    grid: Grid, office: Office, conn: Connection, units: Collection[str] | None, issues: Issues
) -> _Meta | None:
    """The hidden sheet, if it is ours, unchanged, of this ledger and of this unit."""
    place = Place(FILE, cell=f"{layout.SHEET}!{cell_name(layout.UNIT_ROW, layout.NUMBER)}")
    if text_of(grid, 0, 0) != layout.MARK:
        issues.error("foreign", place, "这不是本系统发出的报送表，或隐藏的编号页被删掉了。", AGAIN)
        return None
    if text_of(grid, 0, 1) != FORM_VERSION:
        issues.error("old-form", place, "这张表是旧版式，现在的版式已经变了。", AGAIN)
        return None
    unit, made, mark = (text_of(grid, 1, column) for column in range(3))
    stamps = _stamps(grid)
    signature, head = (text_of(grid, 2, column) for column in range(2))
    expected = sign(home_key(office.home), unit, made, stamps, head=head, example=mark == "1")
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        issues.error(
            "altered", place, "这张表的编号与本系统记录的不符，可能来自别处，或编号被改动。", AGAIN
        )
        return None
    example = office.home.example or queries.is_example(conn)
    if (mark == "1") != example:
        whose = f"这是{EXAMPLE_MARK}的报送表" if mark == "1" else "这是正式台账的报送表"
        issues.error("example", place, f"{whose}，不能传到这里。", AGAIN)
        return None
    if units is not None and unit not in units:
        name = office.units[unit].short if unit in office.units else unit
        issues.error(
            "other-unit", place, f"这是{name}的报送表，不是本单位的，没有接收。", "请报本单位的表。"
        )
        return None
    return _Meta(unit, clock.parse_stamp(made), {stamp[0]: stamp for stamp in stamps}, head)


def _stamps(grid: Grid) -> list[Stamp]:
    found = []
    for row in range(layout.META_FIRST_ROW, len(grid)):
        stamp = tuple(text_of(grid, row, column) for column in range(5))
        if any(stamp):
            found.append((stamp[0], stamp[1], stamp[2], stamp[3], stamp[4]))
    return found


# ---- rows --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Filled:
    """The input cells of one row as text."""

    at: int
    stamp: Stamp
    state: str
    percent: str
    texts: dict[str, str]
    figures: dict[str, str]

    @property
    def percent_changed(self) -> bool:
        """An emptied cell says nothing: the last percentage holds."""
        return self.percent not in {"", self.stamp[2]}

    @property
    def changed(self) -> bool:
        """Whether anything was filled in."""
        given = [self.state, *self.texts.values(), *self.figures.values()]
        return self.percent_changed or any(given)


@dataclass(slots=True)
class _Reading:
    """A form being read row by row."""

    office: Office
    conn: Connection
    now: datetime
    issues: Issues
    meta: _Meta
    formulas: frozenset[tuple[int, int]]
    fingerprint: str
    door: str
    reports: list[tuple[str, Report]] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    unchanged: int = 0
    signed_by: str = ""

    def read(self, grid: Grid) -> None:
        """Every row under the heading, in order; each key once."""
        self._untouched(grid)
        self.signed_by = clean(text_of(grid, *layout.SIGNED_CELL))
        seen: set[str] = set()
        for at in range(layout.FIRST_ROW, len(grid)):
            key = text_of(grid, at, layout.KEY)
            if not key and not self.meta.stamps:
                continue  # the sentence that there is nothing to report
            if key in self.meta.stamps and key not in seen:
                seen.add(key)
                self._row(grid, at, self.meta.stamps[key])
            elif key or any(
                text_of(grid, at, column) for column in (layout.STATE, *_TEXTS.values())
            ):
                self._error(
                    "row-key",
                    at,
                    layout.NUMBER,
                    "这一行不是原表里的行，或同一行出现了两次。",
                    "不要插入、复制或移动行；请在原来的行里填写。",
                )
        missing = len(self.meta.stamps) - len(seen)
        if missing:
            place = Place(FILE, cell=f"{layout.SHEET}!{cell_name(layout.FIRST_ROW, layout.NUMBER)}")
            self.issues.info("rows-gone", place, f"表里少了{missing}行，按没有变化处理。")
            self.unchanged += missing

    def _error(self, code: str, at: int, column: int, message: str, way_out: str) -> None:
        place = Place(FILE, cell=f"{layout.SHEET}!{cell_name(at, column)}")
        self.issues.error(code, place, message, way_out)

    def _untouched(self, grid: Grid) -> None:
        """Protected cells above the rows as they went out, and no formula but the lamps."""
        for name, expected in opened_seal(self.meta.head).items():
            row, column = (int(part) for part in name.split("."))
            self._sealed(grid, row, column, expected)
        for row, column in sorted(self.formulas):
            if row < layout.FIRST_ROW or column != layout.LAMP:
                self._error(
                    "formula",
                    row,
                    column,
                    "这一格是公式，不是填写的内容。",
                    "直接写文字或数字；要以“=”开头的文字，请先把格子设为文本。",
                )

    def _sealed(self, grid: Grid, row: int, column: int, expected: str) -> None:
        if not fits(value_of(grid, row, column), expected):
            self._error(
                "altered-cell",
                row,
                column,
                "这一格是办公室填好的，被改过了，整张表没有收下。",
                f"只填黄色格。{AGAIN}",
            )

    def _protected(self, grid: Grid, at: int, stamp: Stamp) -> None:
        """The row's protected cells as they went out, and nothing written where nothing is read."""
        sealed = {int(name): expected for name, expected in opened_seal(stamp[4]).items()}
        for column, expected in sealed.items():
            self._sealed(grid, at, column, expected)
        read = {layout.KEY, layout.LAMP, layout.STATE, layout.PERCENT, *_TEXTS.values(), *sealed}
        read |= {layout.figure_cell(number) for number in range(len(_ids(stamp)))}
        for column in range(len(grid[at])):
            if column not in read and text_of(grid, at, column).strip():
                self._error(
                    "outside",
                    at,
                    column,
                    "这一格不是填写的地方，写在这里的内容收不到。",
                    "把内容移到黄色格里，清空这一格。",
                )

    def _row(self, grid: Grid, at: int, stamp: Stamp) -> None:
        self._protected(grid, at, stamp)
        filled = _filled(grid, at, stamp)
        if not filled.changed:
            self.unchanged += 1
            return
        row = queries.one_obligation(self.conn, stamp[0])
        if row is None:
            self._conflict(filled, "这一项已不在台账里")
            return
        report = self._report(filled, row)
        if report is not None:
            self._settle(filled, row, report)

    # -- one row's report --

    def _report(self, filled: _Filled, row: queries.Row) -> Report | None:
        finishes = row["kind"] in FINISHES
        if not self._state_fits(filled, finishes=finishes):
            return None
        indicators = self._indicators(filled.stamp)
        fields = {
            **filled.texts,
            **{FIGURE + name: value for name, value in filled.figures.items()},
            "percent": self._percent_of(filled, finishes=finishes),
            "nil": "1" if filled.state == UNCHANGED else "",
            "signed_by": self.signed_by,
        }
        report, wrong = read_report(
            fields,
            kind=row["kind"],
            indicators=indicators,
            door=self.door,
            idem_key=f"wb:{self.fingerprint}:{hashlib.sha256(filled.stamp[0].encode()).hexdigest()[:16]}",
        )
        for issue in wrong:
            at, column = self._place(issue.place.file, filled.at, indicators)
            self._error(issue.code, at, column, issue.message, issue.way_out)
        return None if wrong.errors else report

    def _state_fits(self, filled: _Filled, *, finishes: bool) -> bool:
        choices = (UNCHANGED, PROGRESS, DONE) if finishes else (UNCHANGED, PROGRESS)
        if filled.state and filled.state not in choices:
            self._error(
                "state",
                filled.at,
                layout.STATE,
                f"“{filled.state[:20]}”不是可选的状态。",
                f"可选：{'、'.join(choices)}，也可以不选。",
            )
            return False
        if filled.state == UNCHANGED and (
            filled.texts["progress"] or any(filled.figures.values()) or filled.percent_changed
        ):
            self._error(
                "state-unchanged",
                filled.at,
                layout.STATE,
                "选了“无变化”，但又填了进展、进度或指标。",
                "有进展请改选“有进展”；确无变化，请清空这一行填的内容、恢复原进度。",
            )
            return False
        if filled.state == DONE and filled.percent_changed and filled.percent != "100":
            self._error(
                "state-done",
                filled.at,
                layout.PERCENT,
                f"选了“办结”，累计进度却填了{filled.percent[:10]}。",
                "办结填 100；没有办完请改选“有进展”。",
            )
            return False
        return True

    def _percent_of(self, filled: _Filled, *, finishes: bool) -> str:
        if not finishes or filled.state == UNCHANGED:
            return ""
        return "100" if filled.state == DONE else filled.percent or filled.stamp[2]

    def _indicators(self, stamp: Stamp) -> list[Indicator]:
        known = {each.id: each for each in self.office.matrix.plan.indicators}
        return [known[name] for name in _ids(stamp) if name in known]

    def _place(self, name: str, at: int, indicators: Sequence[Indicator]) -> tuple[int, int]:
        """The cell of what the form's checks call by name."""
        if name in _PLACES:
            return at, _PLACES[name]
        for number, indicator in enumerate(indicators):
            if indicator.name == name:
                return at, layout.figure_cell(number)
        return layout.SIGNED_CELL

    # -- against the ledger --

    def _settle(self, filled: _Filled, row: queries.Row, report: Report) -> None:
        """The same file again is the same report; otherwise the row must be as the form knew it."""
        known = queries.submission_by_idem(self.conn, report.idem_key or "")
        if known is not None:
            self.reports.append((row["key"], report))
        elif version_of(row) != filled.stamp[1]:
            self._later(filled, row, report)
        elif row["state"] not in _TAKES_REPORTS:
            why = f"这一项现为“{STATE_NAMES[row['state']]}”，不再接收报送"
            self._conflict(filled, why, report=report)
        else:
            self.reports.append((row["key"], report))

    def _later(self, filled: _Filled, row: queries.Row, report: Report) -> None:
        """The row has moved on: the same said again is nothing new, anything else is a conflict."""
        last = queries.one_submission(self.conn, row["submission"]) if row["submission"] else None
        if last is not None and said_already(last, report):
            self.unchanged += 1
            return
        why = f"制表之后这一项又有了报送或退回，现为“{STATE_NAMES[row['state']]}”"
        self._conflict(filled, why, report=report, last=last)

    def _conflict(
        self,
        filled: _Filled,
        why: str,
        *,
        report: Report | None = None,
        last: queries.Row | None = None,
    ) -> None:
        place = Place(FILE, cell=f"{layout.SHEET}!{cell_name(filled.at, layout.STATE)}")
        both = sides(last, report) if report is not None else ()
        message = f"{why}，没有收下这一行（{self._age()}）。"
        self.conflicts.append(Conflict(filled.stamp[0], place, message, both))
        self.issues.error(
            "conflict", place, f"{message}{sides_words(both)}", f"两边都对照一下再报：{AGAIN}"
        )

    def _age(self) -> str:
        days = (clock.day_of(self.now) - clock.day_of(self.meta.made_at)).days
        made = clock.local(self.meta.made_at)
        return f"本表生成于{made.month}月{made.day}日{f'，已过{days}天' if days > 0 else ''}"


def _ids(stamp: Stamp) -> list[str]:
    return [name for name in stamp[3].split(",") if name]


def _filled(grid: Grid, at: int, stamp: Stamp) -> _Filled:
    percent = text_of(grid, at, layout.PERCENT).strip()
    return _Filled(
        at=at,
        stamp=stamp,
        state=clean(text_of(grid, at, layout.STATE)),
        percent=stamp[2] if percent == NOT_ASKED else percent,
        texts={name: clean(text_of(grid, at, column)) for name, column in _TEXTS.items()},
        figures={
            name: text_of(grid, at, layout.figure_cell(number)).strip()
            for number, name in enumerate(_ids(stamp))
        },
    )
