"""Evidence files: what is taken in is what it says it is, once, and small enough."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import zipfile
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest

from conftest import Told
from duban.errors import InputError, OutsideError
from duban.intake import evidence_kinds
from duban.intake.evidence import MAX_FILES, place_of, shown_name, store, store_all, sweep
from duban.intake.evidence_kinds import TYPES
from duban.settings import Home, Scan

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
    return store(home, name, io.BytesIO(content), scan=None).sha256


@pytest.mark.parametrize("name", GOOD)
def test_each_allowed_type_is_kept_byte_for_byte(home: Home, name: str) -> None:
    stored = store(home, name, io.BytesIO(GOOD[name]), scan=None)
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
        ("控件.docx", packed("word/document.xml", "word/activeX/x.bin"), "file-macro", "控件"),
        ("夹带.pdf", PDF + packed("readme.txt"), "file-content", "压缩包"),
        ("夹带.jpg", JPG + packed("readme.txt"), "file-content", "压缩包"),
        ("夹带.docx", packed("word/document.xml") + b"MZ tail", "file-content", "对不上"),
        ("两层.docx", WORD + packed("word/document.xml"), "file-content", "对不上"),
        ("出走.docx", packed("word/document.xml", "../../x"), "file-content", "对不上"),
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
        store(home, "大.pdf", endless, scan=None)
    assert endless.given < 21 * 1024 * 1024
    assert not list(home.var.rglob(".incoming-*"))


def test_the_same_bytes_are_kept_once(home: Home) -> None:
    assert taken(home, "甲.pdf", PDF) == taken(home, "乙.pdf", PDF)
    assert len([path for path in home.var.rglob("*") if path.is_file()]) == 1


def test_one_submission_takes_so_many_files(home: Home) -> None:
    files = [(f"{n}.pdf", io.BytesIO(PDF + bytes([n]))) for n in range(MAX_FILES)]
    assert len(store_all(home, files, scan=None)) == MAX_FILES
    twice = [("甲.pdf", io.BytesIO(PDF)), ("乙.pdf", io.BytesIO(PDF))]
    assert len(store_all(home, twice, scan=None)) == 1
    too_many = [(f"{n}.pdf", io.BytesIO(PDF)) for n in range(MAX_FILES + 1)]
    with pytest.raises(InputError, match="最多交5个"):
        store_all(home, too_many, scan=None)


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


# Office files that are archives: what they unpack to


def deflated(*, declared: int | None = None, size: int = 0) -> bytes:
    """A document whose one large part packs well; ``declared``: the size that its listing claims."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("word/document.xml", b"\0" * size)
    content = bytearray(out.getvalue())
    if declared is not None:
        for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            at = content.rfind(mark) + place
            content[at : at + 4] = declared.to_bytes(4, "little")
    return bytes(content)


def test_a_document_that_packs_well_is_taken(home: Home) -> None:
    assert taken(home, "长.docx", deflated(size=2_000_000))


@pytest.mark.parametrize("declared", [None, 4096])
def test_a_bomb_is_refused_whether_it_says_so_or_lies(
    home: Home, monkeypatch: pytest.MonkeyPatch, declared: int | None
) -> None:
    monkeypatch.setattr(evidence_kinds, "_FREE_BYTES", 1_000_000)
    bomb = deflated(size=3_000_000, declared=declared)
    assert len(bomb) < 10_000
    with pytest.raises(InputError, match="大得反常"):
        taken(home, "弹.docx", bomb)
    assert [path for path in home.root.rglob("*") if path.is_file()] == []


def test_a_template_from_elsewhere_is_a_macro(home: Home) -> None:
    rels = '<Relationship Type="…/attachedTemplate" Target="http://x.example/a.dotm" TargetMode="External"/>'
    out = io.BytesIO(WORD)
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("word/_rels/settings.xml.rels", rels)
    with pytest.raises(InputError, match="外部模板"):
        taken(home, "模板.docx", out.getvalue())


# A scanner of the office's own


def scanner(tmp_path: Path, body: str, *, seconds: int = 20, keeps: bool = False) -> Scan:
    script = tmp_path / "scanner.py"
    script.write_text(f"import os, pathlib, sys, time\n{body}\n", "utf-8")
    return Scan((sys.executable, str(script)), seconds, keeps)


EICAR = "found = b'EICAR' in pathlib.Path(sys.argv[-1]).read_bytes()\nsys.exit(int(found))"


def test_a_scanner_sees_the_whole_file_and_nothing_of_ours(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBAN_OFFICE_KEY", "secret")
    scan = scanner(tmp_path, f"if 'DUBAN_OFFICE_KEY' in os.environ: sys.exit(9)\n{EICAR}")
    assert store(home, "好; touch x.pdf", io.BytesIO(PDF), scan=scan).name == "好; touch x.pdf"
    with pytest.raises(InputError, match="没有通过查毒，已拒收"):
        store(home, "坏.pdf", io.BytesIO(PDF + b"EICAR"), scan=scan)
    assert [p.name for p in home.var.rglob("*") if p.is_file()] == [hashlib.sha256(PDF).hexdigest()]


def test_what_is_found_can_be_kept_apart(home: Home, tmp_path: Path) -> None:
    content = PDF + b"EICAR"
    with pytest.raises(InputError, match="已隔离"):
        store(home, "坏.pdf", io.BytesIO(content), scan=scanner(tmp_path, EICAR, keeps=True))
    (kept,) = (path for path in home.var.rglob("*") if path.is_file())
    assert kept.parent.name == "quarantine"
    assert kept.read_bytes() == content
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("body", "seconds", "words"),
    [("sys.exit(2)", 20, "退出码 2"), ("time.sleep(60)", 1, "1秒内没有答复")],
)
def test_a_scanner_without_an_answer_takes_nothing_in(
    home: Home, tmp_path: Path, body: str, seconds: int, words: str
) -> None:
    with pytest.raises(OutsideError, match=words):
        store(home, "好.pdf", io.BytesIO(PDF), scan=scanner(tmp_path, body, seconds=seconds))
    with pytest.raises(OutsideError, match="没有给出结果"):
        store(home, "好.pdf", io.BytesIO(PDF), scan=Scan(("/nowhere/scan",)))
    assert [path for path in home.var.rglob("*") if path.is_file()] == []


# Leftovers


def test_files_are_on_the_disk_before_they_are_promised(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name[:9])
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    sha256 = taken(home, "好.pdf", PDF)
    assert synced == [".incoming", sha256[:2], "evidence"]


def test_the_sweep_takes_only_what_no_report_names(home: Home, told: Told) -> None:
    kept, left, fresh = (taken(home, "文件.pdf", PDF + bytes([n])) for n in range(3))
    draft = home.var / "evidence" / ".incoming-abc"
    stranger = home.var / "evidence" / "说明.txt"
    draft.write_bytes(b"half")
    stranger.write_bytes(b"not ours")
    old = (told() - timedelta(days=2)).timestamp()
    for path in (place_of(home, kept), place_of(home, left), draft, stranger):
        os.utime(path, (old, old))
    os.utime(place_of(home, fresh), (told().timestamp(), told().timestamp()))
    asked: list[str] = []

    def known(hashes: Collection[str]) -> Collection[str]:
        asked.extend(hashes)
        return {kept}

    assert sweep(home, told(), known) == (2, len(PDF) + 1 + 4)
    assert sorted(asked) == sorted([kept, left, ".incoming-abc"])
    assert place_of(home, kept).exists()
    assert place_of(home, fresh).exists()
    assert not place_of(home, left).exists()
    assert not draft.exists()
    assert stranger.exists()


def test_the_same_bytes_again_are_young_again(home: Home) -> None:
    path = place_of(home, taken(home, "文件.pdf", PDF))
    os.utime(path, (0, 0))
    taken(home, "文件.pdf", PDF)
    assert path.stat().st_mtime > 0


def test_a_file_that_was_cut_short_is_put_right(home: Home) -> None:
    sha256 = taken(home, "文件.pdf", PDF)
    place_of(home, sha256).write_bytes(PDF[:5])
    taken(home, "文件.pdf", PDF)
    assert place_of(home, sha256).read_bytes() == PDF
