"""Evidence files: what is taken in is what it says it is, once, and small enough."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from duban.errors import InputError
from duban.intake.evidence import MAX_FILES, TYPES, place_of, shown_name, store, store_all
from duban.settings import Home

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
PDF = b"%PDF-1.7\n" + b"x" * 40
JPG = b"\xff\xd8\xff\xe0" + b"\0" * 40
HEIC = b"\0\0\0\x18ftypheic" + b"\0" * 40


def packed(*parts: str, types: str = "<Types/>") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("[Content_Types].xml", types)
        for part in parts:
            file.writestr(part, "x")
    return out.getvalue()


def compound(*names: str) -> bytes:
    entries = b"".join(name.encode("utf-16-le").ljust(64, b"\0") + b"\0" * 64 for name in names)
    return (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").ljust(512, b"\0") + entries


WORD, EXCEL = packed("word/document.xml"), packed("xl/workbook.xml")
OFD = packed("OFD.xml")
GOOD = {
    "照片.jpg": JPG,
    "照片.JPEG": JPG,
    "图.png": PNG,
    "图.heic": HEIC,
    "文件.pdf": PDF,
    "通知.docx": WORD,
    "台账.xlsx": EXCEL,
    "旧.doc": compound("WordDocument"),
    "旧.xls": compound("Workbook"),
    "稿.wps": compound("WordDocument"),
    "表.et": EXCEL,
    "公文.ofd": OFD,
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def taken(home: Home, name: str, content: bytes) -> str:
    return store(home, name, io.BytesIO(content)).sha256


@pytest.mark.parametrize("name", GOOD)
def test_each_allowed_type_is_kept_byte_for_byte(home: Home, name: str) -> None:
    stored = store(home, name, io.BytesIO(GOOD[name]))
    assert stored.sha256 == hashlib.sha256(GOOD[name]).hexdigest()
    assert (stored.name, stored.size) == (name, len(GOOD[name]))
    assert place_of(home, stored.sha256).read_bytes() == GOOD[name]


def test_every_type_in_the_list_has_an_example_here() -> None:
    assert {name.rpartition(".")[2].lower() for name in GOOD} == set(TYPES)


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("病毒.exe", b"MZ" + b"\0" * 60, "file-type", "不收"),
        ("无扩展名", PDF, "file-type", "PDF"),
        ("页.html", b"<script>", "file-type", "不收"),
        ("图.svg", b"<svg/>", "file-type", "不收"),
        ("宏.xlsm", EXCEL, "file-type", "带宏"),
        ("假.pdf", b"<html><script>1</script>" + b" " * 60, "file-content", "对不上"),
        ("假.png", JPG, "file-content", "对不上"),
        ("假.docx", EXCEL, "file-content", "对不上"),
        ("假.docx", b"PK\x03\x04" + b"\0" * 90, "file-content", "对不上"),
        ("压缩.xlsx", packed("readme.txt"), "file-content", "对不上"),
        ("宏.docx", packed("word/document.xml", "word/vbaProject.bin"), "file-macro", "宏"),
        ("宏.xlsx", packed("xl/workbook.xml", "xl/macrosheets/sheet1.xml"), "file-macro", "宏"),
        (
            "宏.xlsx",
            packed("xl/workbook.xml", types='<x T="application/vnd.ms-excel.sheet.macroEnabled"/>'),
            "file-macro",
            "宏",
        ),
        ("宏.doc", compound("WordDocument", "Macros", "VBA"), "file-macro", "宏"),
        ("宏.xls", compound("Workbook", "_VBA_PROJECT_CUR"), "file-macro", "宏"),
        ("密.docx", compound("EncryptedPackage"), "file-locked", "密码"),
        ("空.pdf", b"", "file-empty", "空"),
    ],
)
def test_what_is_refused_says_why_and_leaves_nothing(
    home: Home, name: str, content: bytes, code: str, words: str
) -> None:
    with pytest.raises(InputError) as refused:
        taken(home, name, content)
    (issue,) = refused.value.issues
    assert issue.code == code
    assert words in str(issue)
    assert issue.way_out
    assert [path for path in home.root.rglob("*") if path.is_file()] == []


def test_size_is_counted_as_the_bytes_come(home: Home) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += 65_536
            return PDF.ljust(65_536, b"x")

    endless = Endless()
    with pytest.raises(InputError, match="超过 20 MB"):
        store(home, "大.pdf", endless)
    assert endless.given < 21 * 1024 * 1024
    assert not list(home.var.rglob(".incoming-*"))


def test_the_same_bytes_are_kept_once(home: Home) -> None:
    assert taken(home, "甲.pdf", PDF) == taken(home, "乙.pdf", PDF)
    assert len([path for path in home.var.rglob("*") if path.is_file()]) == 1


def test_one_submission_takes_so_many_files(home: Home) -> None:
    files = [(f"{n}.pdf", io.BytesIO(PDF + bytes([n]))) for n in range(MAX_FILES)]
    assert len(store_all(home, files)) == MAX_FILES
    twice = [("甲.pdf", io.BytesIO(PDF)), ("乙.pdf", io.BytesIO(PDF))]
    assert len(store_all(home, twice)) == 1
    too_many = [(f"{n}.pdf", io.BytesIO(PDF)) for n in range(MAX_FILES + 1)]
    with pytest.raises(InputError, match="最多交5个"):
        store_all(home, too_many)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\材料\\总结.docx", "总结.docx"),
        ("a\u202efdp.exe.pdf", "afdp.exe.pdf"),
        ("一\n二\0.png", "一二.png"),
        ("长" * 300 + ".pdf", "长" * 116 + ".pdf"),
        ("", "未命名"),
    ],
)
def test_names_are_only_names(raw: str, shown: str) -> None:
    assert shown_name(raw) == shown


@pytest.mark.parametrize("hash_", ["../x", "A" * 64, "", "a" * 63])
def test_only_a_hash_finds_a_file(home: Home, hash_: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        place_of(home, hash_)
