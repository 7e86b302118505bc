"""The reporting form goes out and comes back: what was filled in, no more and no less."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import python_calamine

from duban import clock
from duban.intake import layout
from duban.intake.form import lamp_days
from duban.intake.workbook import FormResult, form_for, read_form, write_form
from duban.ledger import queries, transitions
from duban.office import Office
from duban.status import standing
from formfill import SHEET1, Edit, fill, patch, resaved
from smallhome import Hands, moment, small_office

TOWN, BUREAU = "longhu", "scjgj"
REPORT = "T-2/longhu/report:2026-11"
FINISH = "T-2/longhu/finish:end"


class Desk:
    """An officer and the office, with a form between them."""

    def __init__(self, office: Office, hands: Hands) -> None:
        self.office, self.hands = office, hands

    def form(self, unit: str = TOWN) -> bytes:
        with self.office.ledger.read() as conn:
            form = form_for(self.office, conn, unit, self.hands.at)
        to = io.BytesIO()
        write_form(form, to)
        return to.getvalue()

    def rows(self, unit: str = TOWN) -> dict[str, int]:
        """Key to the row in which the form shows it, counted from 0."""
        with self.office.ledger.read() as conn:
            form = form_for(self.office, conn, unit, self.hands.at)
        return {row.key: layout.FIRST_ROW + at for at, row in enumerate(form.rows)}

    def read(self, data: bytes, unit: str | None = TOWN) -> FormResult:
        with self.office.ledger.read() as conn:
            return read_form(data, self.office, conn, unit, self.hands.at)

    def submit(self, result: FormResult) -> list[transitions.Receipt]:
        result.issues.stop_on_errors()
        with self.office.ledger.write("test") as writing:
            return [transitions.submit(writing, k, r, actor="test") for k, r in result.reports]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with small_office(tmp_path) as (office, hands):
        hands.at = moment(16)
        yield Desk(office, hands)


def strings(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("xl/sharedStrings.xml").decode()


def codes(result: FormResult) -> list[tuple[str, str | None]]:
    return [(issue.code, issue.place.cell) for issue in result.issues.errors]


# ---- there and back ----


def test_untouched_form_changes_nothing(desk: Desk) -> None:
    result = desk.read(desk.form())
    assert (result.reports, result.unchanged, list(result.issues)) == ((), 2, [])


def test_same_form_same_bytes_and_text_stays_text(desk: Desk) -> None:
    assert desk.form() == desk.form()
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(desk.form()))
    shown = {sheet.name: str(sheet.visible) for sheet in book.sheets_metadata}
    assert shown["_meta"].endswith("VeryHidden")
    assert "T-2" in str(book.get_sheet_by_name(layout.SHEET).to_python())
    assert "示例数据" not in strings(desk.form())


def test_edited_rows_become_reports(desk: Desk) -> None:
    rows = desk.rows()
    data = fill(
        desk.form(),
        {
            (rows[REPORT], layout.PROGRESS): "走访企业12家 & <建账>",
            (rows[REPORT], layout.PROBLEM): "缺人手",
            (rows[REPORT], layout.figure_cell(0)): "２８",
            (rows[FINISH], layout.STATE): "有进展",
            (rows[FINISH], layout.PERCENT): 45,
            (rows[FINISH], layout.PROGRESS): "完成一半",
            layout.SIGNED_CELL: "镇长",
        },
    )
    result = desk.read(data)
    found = dict(result.reports)
    assert set(found) == {REPORT, FINISH}
    assert found[REPORT].progress == "走访企业12家 & <建账>"
    assert found[REPORT].figures == {"patents": Decimal(28)}
    assert (found[FINISH].percent, found[FINISH].signed_by) == (45, "镇长")
    assert [receipt.repeated for receipt in desk.submit(result)] == [False, False]


def test_one_edit_is_one_report(desk: Desk) -> None:
    at = desk.rows()[REPORT]
    result = desk.read(fill(desk.form(), {(at, layout.STATE): "无变化"}))
    assert [(key, report.nil) for key, report in result.reports] == [(REPORT, True)]
    assert result.unchanged == 1


def test_done_means_hundred(desk: Desk) -> None:
    at = desk.rows()[FINISH]
    data = fill(desk.form(), {(at, layout.STATE): "办结", (at, layout.PROGRESS): "全部建账"})
    desk.submit(desk.read(data))
    with desk.office.ledger.read() as conn:
        row = queries.one_obligation(conn, FINISH)
    assert row is not None
    assert (row["state"], row["percent"]) == ("submitted", 100)


def test_same_file_twice_changes_nothing(desk: Desk) -> None:
    data = fill(desk.form(), {(desk.rows()[REPORT], layout.PROGRESS): "已建账"})
    desk.submit(desk.read(data))
    again = desk.read(data)
    assert [receipt.repeated for receipt in desk.submit(again)] == [True]
    with desk.office.ledger.read() as conn:
        assert len(queries.submissions(conn, REPORT)) == 1


def test_returned_form_with_another_row_put_right(desk: Desk) -> None:
    rows, form = desk.rows(), desk.form()
    first: dict[tuple[int, int], Edit] = {(rows[REPORT], layout.PROGRESS): "已建账"}
    desk.submit(desk.read(fill(form, first)))
    second: dict[tuple[int, int], Edit] = {
        **first,
        (rows[FINISH], layout.PROGRESS): "过半",
        (rows[FINISH], layout.PERCENT): 55,
    }
    result = desk.read(fill(form, second))
    assert [key for key, _ in result.reports] == [FINISH]
    assert result.unchanged == 1


def test_prefilled_percentage_is_no_edit(desk: Desk) -> None:
    with desk.office.ledger.write("test") as writing:
        report = transitions.Report(progress="过半", percent=55)
        transitions.submit(writing, FINISH, report, actor="test")
    assert desk.read(desk.form()).unchanged == 2


def test_indicator_is_asked_once(desk: Desk) -> None:
    with desk.office.ledger.read() as conn:
        form = form_for(desk.office, conn, TOWN, desk.hands.at)
    asked = [(row.key, figure.target) for row in form.rows for figure in row.figures]
    assert asked == [(REPORT, "30")]


# ---- what is refused ----


def test_stale_row_is_a_conflict(desk: Desk) -> None:
    at, form = desk.rows()[REPORT], desk.form()
    with desk.office.ledger.write("test") as writing:
        transitions.submit(writing, REPORT, transitions.Report(progress="链接先报"), actor="test")
    desk.hands.at = moment(18)
    result = desk.read(fill(form, {(at, layout.PROGRESS): "表格后报"}))
    assert [each.key for each in result.conflicts] == [REPORT]
    assert codes(result) == [("conflict", f"进展报送!I{at + 1}")]
    assert "已过2天" in result.conflicts[0].message
    assert result.reports == ()


def test_each_wrong_cell_is_named(desk: Desk) -> None:
    rows = desk.rows()
    data = fill(
        desk.form(),
        {
            (rows[REPORT], layout.PROGRESS): "字" * 2001,
            (rows[REPORT], layout.figure_cell(0)): "约三十",
            (rows[FINISH], layout.PROGRESS): "写了",
            (rows[FINISH], layout.PERCENT): 130,
        },
    )
    result = desk.read(data)
    expected = {
        ("too-long", layout.cell_name(rows[REPORT], layout.PROGRESS)),
        ("figure", layout.cell_name(rows[REPORT], layout.figure_cell(0))),
        ("percent", layout.cell_name(rows[FINISH], layout.PERCENT)),
    }
    assert set(codes(result)) == {(code, f"进展报送!{cell}") for code, cell in expected}
    assert result.reports == ()


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        (layout.PERCENT, 50, "state-unchanged"),
        (layout.PROGRESS, "其实有进展", "state-unchanged"),
        (layout.STATE, "差不多了", "state"),
    ],
)
def test_state_that_does_not_fit(desk: Desk, column: int, value: Edit, code: str) -> None:
    at = desk.rows()[FINISH]
    data = fill(desk.form(), {(at, layout.STATE): "无变化", (at, column): value})
    assert [found for found, _ in codes(desk.read(data))] == [code]


def test_progress_without_text_is_asked_for(desk: Desk) -> None:
    at = desk.rows()[FINISH]
    result = desk.read(fill(desk.form(), {(at, layout.PERCENT): 80}))
    assert codes(result) == [("empty", f"进展报送!K{at + 1}")]


def test_formula_is_refused_with_its_cell(desk: Desk) -> None:
    at = desk.rows()[REPORT]
    name = layout.cell_name(at, layout.PROGRESS)

    def put(text: str) -> str:
        return re.sub(rf'<c r="{name}"[^>]*/>', f'<c r="{name}"><f>1+1</f><v>2</v></c>', text)

    result = desk.read(patch(desk.form(), SHEET1, put))
    assert codes(result) == [("formula", f"进展报送!{name}")]
    assert result.reports == ()


def test_text_that_looks_like_a_formula_stays_text(desk: Desk) -> None:
    at = desk.rows()[REPORT]
    result = desk.read(fill(desk.form(), {(at, layout.PROGRESS): "=SUM(A1)"}))
    assert [report.progress for _, report in result.reports] == ["=SUM(A1)"]


def test_other_units_form_is_refused(desk: Desk) -> None:
    result = desk.read(desk.form("mengzhuang"))
    assert codes(result) == [("other-unit", "进展报送!B2")]
    assert desk.read(desk.form("mengzhuang"), None).unit == "mengzhuang"


def test_altered_key_is_refused(desk: Desk) -> None:
    forged = patch(
        desk.form(), "xl/sharedStrings.xml", lambda text: text.replace("T-2/longhu", "T-2/xindian")
    )
    assert codes(desk.read(forged)) == [("altered", "进展报送!B2")]


def test_example_form_does_not_enter_the_ledger(desk: Desk, tmp_path: Path) -> None:
    with small_office(tmp_path / "played", example=True) as (office, hands):
        hands.at = moment(16)
        played = Desk(office, hands).form()
    assert "示例数据" in strings(played)
    assert [code for code, _ in codes(desk.read(played))] == ["altered"]


def test_copied_row_is_refused(desk: Desk) -> None:
    rows = desk.rows()
    data = fill(
        desk.form(), {(rows[FINISH], layout.KEY): REPORT, (rows[FINISH], layout.PROGRESS): "抄"}
    )
    assert [code for code, _ in codes(desk.read(data))] == ["row-key"]


def zipped(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name, raw in parts.items():
            out.writestr(name, raw)
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-xlsx"),
        (b"\xd0\xcf\x11\xe0old excel", "not-xlsx"),
        (b"PK\x03\x04 cut off", "damaged"),
        (b"PK\x03\x04" + bytes(5 * 1024 * 1024), "too-big"),
        (zipped({"xl/worksheets/sheet1.xml": bytes(30 * 1024 * 1024)}), "bomb"),
        (zipped({f"p{number}": b"" for number in range(201)}), "bomb"),
        (zipped({"xl/vbaProject.bin": b"macro"}), "macro"),
        (zipped({"hello.txt": b"not a workbook"}), "damaged"),
    ],
    ids=["empty", "old", "cut", "big", "bomb", "parts", "macro", "zip"],
)
def test_dangerous_or_broken_file(desk: Desk, data: bytes, code: str) -> None:
    assert [found for found, _ in codes(desk.read(data))] == [code]


def test_part_that_lies_about_its_size(desk: Desk) -> None:
    raw = bytearray(zipped({"xl/workbook.xml": bytes(200_000)}))
    directory = raw.rindex(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    assert [code for code, _ in codes(desk.read(bytes(raw)))] == ["damaged"]


def test_far_off_cell(desk: Desk) -> None:
    wide = patch(
        desk.form(),
        SHEET1,
        lambda text: text.replace(
            "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        ),
    )
    assert [code for code, _ in codes(desk.read(wide))] == ["too-wide"]


def test_foreign_workbook(desk: Desk) -> None:
    import xlsxwriter

    to = io.BytesIO()
    with xlsxwriter.Workbook(to) as book:
        book.add_worksheet(layout.SHEET).write(0, 0, "别的表")
    assert codes(desk.read(to.getvalue())) == [("foreign", "进展报送!B2")]


# ---- what was changed beside the entry cells ----


@pytest.mark.parametrize(
    ("row", "column", "value", "code"),
    [
        (0, layout.NUMBER, "别的标题", "altered-cell"),
        (layout.HEAD_ROW, layout.PROGRESS, "存在问题", "altered-cell"),
        (layout.FIRST_ROW, layout.ITEM, "改过的任务", "altered-cell"),
        (layout.FIRST_ROW, layout.DUE, 46500, "altered-cell"),
        (layout.FIRST_ROW, layout.PERCENT, 50, "altered-cell"),
        (layout.FIRST_ROW, layout.FIRST_FIGURE, "指标换了", "altered-cell"),
        (layout.FIRST_ROW + 1, layout.figure_cell(0), 12, "outside"),
    ],
)
def test_protected_cell_that_was_changed(
    desk: Desk, row: int, column: int, value: Edit, code: str
) -> None:
    filled: dict[tuple[int, int], Edit] = {(desk.rows()[REPORT], layout.PROGRESS): "走访"}
    result = desk.read(fill(desk.form(), {**filled, (row, column): value}))
    assert (code, f"进展报送!{layout.cell_name(row, column)}") in codes(result)
    assert result.reports == ()


def test_row_under_another_rows_key(desk: Desk) -> None:
    rows = desk.rows()
    swapped = {(rows[REPORT], layout.KEY): FINISH, (rows[FINISH], layout.KEY): REPORT}
    result = desk.read(fill(desk.form(), {**swapped, (rows[REPORT], layout.PROGRESS): "调包"}))
    assert {code for code, _ in codes(result)} >= {"altered-cell"}
    assert result.reports == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [(r"<t>[0-9a-f]{64}</t>", f"<t>{'0' * 64}</t>"), (r"3:[0-9a-f]{8}", "3:00000000")],
)
def test_forged_signature_and_foreign_seal(desk: Desk, old: str, new: str) -> None:
    forged = patch(desk.form(), "xl/sharedStrings.xml", lambda text: re.sub(old, new, text))
    assert codes(desk.read(forged)) == [("altered", "进展报送!B2")]


def test_replayed_old_form_is_a_conflict_with_both_sides(desk: Desk) -> None:
    at, form = desk.rows()[FINISH], desk.form()
    old = fill(form, {(at, layout.PROGRESS): "头一版", (at, layout.PERCENT): 10})
    desk.submit(desk.read(old))
    desk.hands.at = moment(17)
    with desk.office.ledger.write("test") as writing:
        later = transitions.Report(progress="第二版", percent=40)
        transitions.submit(writing, FINISH, later, actor="test")
    again = desk.read(old)
    assert [receipt.repeated for receipt in desk.submit(again)] == [True]
    other = desk.read(fill(form, {(at, layout.PROGRESS): "旧表新话", (at, layout.PERCENT): 20}))
    sides = {side.name: (side.ledger, side.form) for side in other.conflicts[0].sides}
    assert sides["累计进度"] == ("40%", "20%")
    assert sides["本期进展"] == ("第二版", "旧表新话")
    assert "台账里是“第二版”，本表是“旧表新话”" in other.issues.errors[0].message


def test_a_corrected_figure_alone_is_not_taken_for_the_same(desk: Desk) -> None:
    at, form = desk.rows()[REPORT], desk.form()
    base: dict[tuple[int, int], Edit] = {(at, layout.PROGRESS): "走访"}
    desk.submit(desk.read(fill(form, {**base, (at, layout.figure_cell(0)): 28})))
    result = desk.read(fill(form, {**base, (at, layout.figure_cell(0)): 29}))
    assert [code for code, _ in codes(result)] == ["conflict"]


RISKY = ("=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(1)")


@pytest.mark.parametrize("text", RISKY)
def test_text_of_reports_never_becomes_a_formula(desk: Desk, text: str) -> None:
    from duban.intake import zipguard

    with desk.office.ledger.write("test") as writing:
        report = transitions.Report(progress=text, problem=text, percent=10)
        transitions.submit(writing, FINISH, report, actor="test")
    data = desk.form()
    found = zipguard.look(data, (layout.SHEET,)).formulas[layout.SHEET]
    assert {column for _, column in found} == {layout.LAMP}
    assert text in str(
        python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        .get_sheet_by_name(layout.SHEET)
        .to_python()
    )


def test_every_workbook_is_written_with_text_as_text() -> None:
    root = Path(__file__).parent.parent
    makers = [
        path
        for path in root.glob("duban/**/*.py")
        if "xlsxwriter.Workbook(" in path.read_text("utf-8")
    ]
    assert len(makers) >= 4
    for path in makers:
        assert '"strings_to_formulas": False' in path.read_text("utf-8"), path


# ---- saved by another program ----


def test_files_saved_by_libreoffice_mean_the_same(desk: Desk, tmp_path: Path) -> None:
    rows, form = desk.rows(), desk.form()
    one: dict[tuple[int, int], Edit] = {(rows[REPORT], layout.PROGRESS): "=走访 & <12家>\n第二行"}
    two: dict[tuple[int, int], Edit] = {
        **one,
        (rows[REPORT], layout.figure_cell(0)): 28,
        (rows[FINISH], layout.STATE): "有进展",
        (rows[FINISH], layout.PERCENT): 45,
        (rows[FINISH], layout.PROGRESS): "过半",
        layout.SIGNED_CELL: "镇长",
    }
    bad: dict[tuple[int, int], Edit] = {**one, (rows[REPORT], layout.ITEM): "改过"}
    given = {"none": form, "one": fill(form, one), "two": fill(form, two), "bad": fill(form, bad)}
    saved = resaved(tmp_path, given)
    none = desk.read(saved["none"])
    assert (none.reports, none.unchanged, list(none.issues)) == ((), 2, [])
    assert [report.progress for _, report in desk.read(saved["one"]).reports] == [
        "=走访 & <12家>\n第二行"
    ]
    found = dict(desk.read(saved["two"]).reports)
    assert found[REPORT].figures == {"patents": Decimal(28)}
    assert (found[FINISH].percent, found[FINISH].signed_by) == (45, "镇长")
    assert found == {
        key: replace(report, idem_key=found[key].idem_key)
        for key, report in desk.read(given["two"]).reports
    }
    assert codes(desk.read(saved["bad"])) == [
        ("altered-cell", f"进展报送!{layout.cell_name(rows[REPORT], layout.ITEM)}")
    ]


# ---- the live lamp ----


def test_lamp_formula_shows_what_the_office_shows(desk: Desk) -> None:
    calendar, policy, due = desk.office.calendar, desk.office.lamps, date(2026, 10, 9)
    lamps = lamp_days(calendar, policy, due)
    for day in (due + timedelta(days=away) for away in range(-30, 15)):
        how = standing(
            state="active",
            due_on=due,
            due_at=clock.end_of(due),
            now=clock.at(day),
            calendar=calendar,
            lamps=policy,
        )
        assert next(each.lamp for each in lamps if each.since <= day) == how.lamp, day


def test_unit_without_anything_to_report(desk: Desk) -> None:
    result = desk.read(desk.form("xindian"), "xindian")
    assert (result.reports, result.unchanged, list(result.issues)) == ((), 0, [])
