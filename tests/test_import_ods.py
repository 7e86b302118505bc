"""OpenDocument spreadsheets: read as they show, and never laid out past the limits."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from conftest import ROOT
from duban.errors import InputError, Issues
from duban.importing.run import Order, import_file, read_grids
from duban.matrix.load import load_matrix
from duban.settings import Home

_SPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
    for short, long in (
        ("office", "office"),
        ("table", "table"),
        ("text", "text"),
        ("style", "style"),
    )
)
_TYPE = b"application/vnd.oasis.opendocument.spreadsheet"
_HIDDEN = (
    '<office:automatic-styles><style:style style:name="ta2" style:family="table">'
    '<style:table-properties table:display="false"/></style:style></office:automatic-styles>'
)


def cell(text: str = "", **told: str) -> str:
    said = "".join(
        f' {key.replace("__", ":").replace("_", "-")}="{value}"' for key, value in told.items()
    )
    lines = "".join(f"<text:p>{line}</text:p>" for line in text.split("\n")) if text else ""
    return f"<table:table-cell{said}>{lines}</table:table-cell>"


def row(*cells: str, times: int = 1) -> str:
    said = [each if each.startswith("<") else cell(each) for each in cells]
    return (
        f'<table:table-row table:number-rows-repeated="{times}">{"".join(said)}</table:table-row>'
    )


def ods(path: Path, *rows: str, more: dict[str, bytes] | None = None, kind: bytes = _TYPE) -> Path:
    table = f'<table:table table:name="分工">{"".join(rows)}</table:table>'
    table += (
        f'<table:table table:name="旧表" table:style-name="ta2">{row("序号", "任务")}</table:table>'
    )
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    text = f"<office:document-content {_SPACES}>{_HIDDEN}{body}</office:document-content>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("content.xml", '<?xml version="1.0" encoding="UTF-8"?>' + text)
        for name, raw in (more or {}).items():
            archive.writestr(name, raw)
    return path


HEAD = row("序号", "重点任务", "牵头单位", "完成时限")


def test_an_ods_is_read_as_it_shows(tmp_path: Path) -> None:
    number = {"office__value_type": "float", "office__value": "1"}
    day = {"office__value_type": "date", "office__date_value": "2026-06-01"}
    covered = "<table:covered-table-cell/>"
    note = "<table:table-cell><office:annotation><text:p>批注</text:p></office:annotation><text:p>市<text:s/>财政局</text:p></table:table-cell>"
    path = ods(
        tmp_path / "表.ods",
        HEAD,
        row(
            cell("1", **number),
            "建立台账",
            cell("市财政局", table__number_rows_spanned="2"),
            cell("2026年6月", **day),
        ),
        row(cell("2", **number), "印发文件", covered, cell("06/01/26", **day)),
        row(cell("", table__number_columns_repeated="16384"), times=3),
        row(
            cell("3", **number),
            "开展\n培训",
            note,
            cell("2026年9月底前", table__formula="of:=[.A1]"),
        ),
        row(cell("", table__number_columns_repeated="16384"), times=1_048_000),
    )
    grid, hidden = read_grids(path)
    assert hidden.hidden
    assert grid.merges == [(1, 2, 2, 2)]
    report = import_file(Order(path, tmp_path / "out", ROOT / "config", 2026))
    assert report.classes["task"] == 3
    assert {(each.cell, each.code) for each in report.errors} == {("D7", "formula")}
    assert ("D2", "deadline-shown") in {(each.cell, each.code) for each in report.warnings}
    matrix = load_matrix(Home(tmp_path / "out"), report.plan, Issues())
    assert matrix is not None
    first, second, third = matrix.plan.tasks
    assert [first.deadline_phrase, second.deadline_phrase] == ["2026年6月", "2026年6月1日"]
    assert first.lead == second.lead
    assert third.title == "开展培训"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ((row(cell("甲", table__number_columns_repeated="1000000000")),), "too-wide"),
        ((row(cell("", table__number_columns_repeated="999999999"), "甲"),), "too-wide"),
        ((row("甲", times=1_000_000_000),), "too-long"),
        ((row("", times=1_000_000_000), row("甲")), "too-long"),
        ((row(cell("甲", table__number_columns_repeated="300"), times=59_999),), "too-wide"),
        ((row(cell("甲", table__number_columns_repeated="viele")),), "damaged"),
    ],
)
def test_repeats_are_counted_before_they_are_laid_out(
    rows: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    assert refused(ods(tmp_path / "a.ods", *rows), tmp_path) == code


def test_passwords_macros_and_other_documents_are_refused(tmp_path: Path) -> None:
    manifest = {"META-INF/manifest.xml": b"<manifest><encryption-data/></manifest>"}
    assert refused(ods(tmp_path / "a.ods", HEAD, more=manifest), tmp_path) == "encrypted"
    macro = {"Basic/Standard/Module1.xml": b"<module/>"}
    assert refused(ods(tmp_path / "b.ods", HEAD, more=macro), tmp_path) == "macro"
    text = b"application/vnd.oasis.opendocument.text"
    assert refused(ods(tmp_path / "c.ods", HEAD, kind=text), tmp_path) == "wrong-type"


def refused(path: Path, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        import_file(Order(path, folder / "out", ROOT / "config", 2026))
    assert not (folder / "out").exists()
    return caught.value.issues[0].code
