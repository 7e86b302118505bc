"""Import: what is refused before it is parsed, what a failure leaves, and YAML that reads back."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

import import_cases as cases
from conftest import ROOT
from duban.errors import InputError, Issues
from duban.importing.emit import block, comment, flow, scalar
from duban.importing.grid import clean
from duban.importing.run import Order, import_file
from duban.yamltext import Listing, Mapping, Text, parse
from import_cases import to_xlsx

# ---- refusals ----------------------------------------------------------------------------------


def refused(path: Path, tmp_path: Path) -> str:
    """The code of the refusal; nothing may have been written, and quickly."""
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        import_file(Order(path, tmp_path / "out", ROOT / "config", 2026))
    assert time.process_time() - started < 1
    assert not (tmp_path / "out").exists()
    (issue,) = caught.value.issues
    assert re.search("[\u4e00-\u9fff]", issue.message)
    assert issue.way_out
    return issue.code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (b"%PDF-1.7 ...", "wrong-type"),
        (b"\x89PNG\r\n\x1a\n0000", "wrong-type"),
        (b"<html><table><tr><td>\xe5\xba\x8f</td></tr></table></html>", "wrong-type"),
        (b"PK\x03\x04 broken", "damaged"),
        (b"\x00\x01\x02\x03" * 100, "wrong-type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "_VBA_PROJECT".encode("utf-16-le"), "macro"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "wrong-type"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le") + b"\x00" * 2000,
            "damaged",
        ),
        ("序号,任务\n".encode() + b"\xff\xff\xff", "encoding"),
        ("只有一些文字\n没有表".encode(), "no-table"),
        ("序号,被考核单位,考核情况,得分\n1,经信局,完成,100\n".encode(), "no-table"),
        ("序号,任务,责任单位\n".encode(), "no-rows"),
    ],
)
def test_wrong_files_are_refused_by_content(content: bytes, code: str, tmp_path: Path) -> None:
    path = tmp_path / "file.xlsx"
    path.write_bytes(content)
    assert refused(path, tmp_path) == code


def test_a_missing_file_and_a_huge_one(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.xlsx", tmp_path) == "file-missing"
    huge = tmp_path / "huge.xlsx"
    with huge.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    assert refused(huge, tmp_path) == "too-big"


def _rezipped(
    source: Path, target: Path, change: Callable[[str, bytes], bytes], extra: dict[str, bytes]
) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, raw in extra.items():
            new.writestr(name, raw)
    return target


def test_bombs_macros_and_far_off_cells_are_refused(tmp_path: Path) -> None:
    good = to_xlsx(tmp_path / "good.xlsx", [cases.quarters()])

    def same(_: str, raw: bytes) -> bytes:
        return raw

    def moved(to: str) -> Callable[[str, bytes], bytes]:
        return lambda name, raw: (
            raw.replace(b'r="G3"', f'r="{to}"'.encode()) if "sheet1" in name else raw
        )

    bomb = _rezipped(good, tmp_path / "bomb.xlsx", same, {"xl/media/a.bin": b"\0" * 60_000_000})
    assert refused(bomb, tmp_path) == "bomb"
    macro = _rezipped(good, tmp_path / "macro.xlsx", same, {"xl/vbaProject.bin": b"x"})
    assert refused(macro, tmp_path) == "macro"
    for cell, code in (
        ("G60001", "too-long"),
        ("G1048576", "too-long"),
        ("KO3", "too-wide"),
        ("XFD3", "too-wide"),
    ):
        far = _rezipped(good, tmp_path / f"{cell}.xlsx", moved(cell), {})
        assert refused(far, tmp_path) == code
    both = _rezipped(good, tmp_path / "both.xlsx", moved("KN59999"), {})
    assert refused(both, tmp_path) == "too-wide"
    odd = _rezipped(
        good,
        tmp_path / "odd.xlsx",
        lambda name, raw: (
            raw.replace(b'<c r="G3"', b"<c  r = 'G99999'") if "sheet1" in name else raw
        ),
        {},
    )
    assert refused(odd, tmp_path) == "too-long"


def test_a_part_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    good = to_xlsx(tmp_path / "good.xlsx", [cases.province()])
    raw = bytearray(good.read_bytes())
    at = raw.rfind(b"PK\x01\x02", 0, raw.rfind(b"xl/sharedStrings.xml"))
    raw[at + 24 : at + 28] = (20).to_bytes(4, "little")
    liar = tmp_path / "liar.xlsx"
    liar.write_bytes(raw)
    assert refused(liar, tmp_path) == "damaged"


def test_sixty_thousand_rows_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "long.xlsx"
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        page = book.add_worksheet("表")
        page.write_row(0, 0, ["序号", "任务"])
        for row in range(1, 60_002):
            page.write_number(row, 0, row)
    assert refused(path, tmp_path) == "too-long"


def test_a_failure_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = to_xlsx(tmp_path / "a.xlsx", [cases.quarters()])
    target = tmp_path / "deep" / "out"
    written = Path.write_bytes
    count = iter(range(10))

    def failing(self: Path, *args: Any, **more: Any) -> int:
        if next(count) == 3:
            raise OSError(28, "No space left on device")
        return written(self, *args, **more)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OSError, match="No space"):
        import_file(Order(path, target, ROOT / "config", 2026))
    assert list(target.parent.iterdir()) == []


# ---- the emitter -------------------------------------------------------------------------------

_NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("：:#- \n\t\"'\\[]{},&*!|>%@`~?。，、（）0123456789年月是否nulltrue"),
        st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]),
    ),
    max_size=30,
)


@given(_NASTY, st.lists(_NASTY, max_size=4), _NASTY)
@settings(max_examples=300, deadline=None)
def test_what_is_written_reads_back_letter_for_letter(
    value: str, items: list[str], remark: str
) -> None:
    value, items = clean(value), [clean(item) for item in items]
    text = f"{block('text', value, '')}\none: {scalar(value)}   {comment(remark)}\nmany: {flow(items)}\n"
    issues = Issues()
    node = parse(text, "x", issues)
    assert isinstance(node, Mapping), (text, list(issues))
    read, one, many = (node.entries[key] for key in ("text", "one", "many"))
    assert isinstance(read, Text)
    assert isinstance(one, Text)
    assert isinstance(many, Listing)
    assert read.raw == value
    assert one.raw == value
    assert [item.raw for item in many.items if isinstance(item, Text)] == items
    assert not one.is_null or not value


@pytest.mark.parametrize(
    "word",
    ["null", "~", "true", "NO", "12:30", "3.10", "2026-06-30", "", "1e3", "- a", "a: b", "a #b"],
)
def test_words_that_other_readers_would_change_are_quoted(word: str) -> None:
    assert scalar(word).startswith('"')


def test_the_shipped_way_of_writing_stays_plain() -> None:
    for value in ("2026年6月底前", "市市场监管局（省知识产权局）", "自批复之日起2个月内", "T-001"):
        assert scalar(value) == value
