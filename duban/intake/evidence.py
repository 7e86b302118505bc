"""The store of evidence files: by SHA-256 under ``var/evidence/``, written once, never run.

A file is taken in only when its extension *and* its first bytes say the same allowed type. Macros and
files locked with a password are refused: the office could neither trust nor read them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from duban.errors import InputError, OutsideError, Place
from duban.ledger.transitions import Stored
from duban.settings import Home

MAX_BYTES = 20 * 1024 * 1024
MAX_FILES = 5
NAME_CHARS = 120
_CHUNK = 64 * 1024
_HEAD = 64
_MAX_ENTRIES_BYTES = 1024 * 1024  # of a zip's list of contents
_MAX_TYPES_BYTES = 1024 * 1024

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_OLE_MACROS = ("_VBA_PROJECT", "VBA", "Macros", "_VBA_PROJECT_CUR")


class Incoming(Protocol):
    """Bytes that come in: an upload, an attachment of a mail, a file."""

    def read(self, size: int = -1, /) -> bytes | None:
        """The next bytes, at most ``size``; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class _Type:
    """A type of file: its media type and which containers its bytes may be."""

    media_type: str
    containers: frozenset[str]


def _type(media_type: str, *containers: str) -> _Type:
    return _Type(media_type, frozenset(containers))


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES: Mapping[str, _Type] = {
    "jpg": _type("image/jpeg", "jpg"),
    "jpeg": _type("image/jpeg", "jpg"),
    "png": _type("image/png", "png"),
    "heic": _type("image/heic", "heic"),
    "pdf": _type("application/pdf", "pdf"),
    "docx": _type(_WORD, "word"),
    "xlsx": _type(_EXCEL, "excel"),
    "doc": _type("application/msword", "ole"),
    "xls": _type("application/vnd.ms-excel", "ole"),
    # WPS writes its own names into either container.
    "wps": _type("application/vnd.ms-works", "ole", "word"),
    "et": _type("application/vnd.ms-excel", "ole", "excel"),
    "ofd": _type("application/ofd", "ofd"),
}
ALLOWED_WORDS = "照片（jpg、png、heic）、PDF、Word、Excel、WPS（wps、et）和 OFD"
ACCEPT = ",".join(f".{name}" for name in TYPES)
"""For the ``accept`` of a file input."""


def refusal(code: str, name: str, message: str, way_out: str) -> InputError:
    """A refusal that names the file."""
    return InputError.one(code, Place(f"附件“{name}”"), message, way_out)


def store_all(home: Home, files: Iterable[tuple[str, Incoming]]) -> tuple[Stored, ...]:
    """Take in the files of one submission, the same content once. Raises InputError, OutsideError."""
    given = list(files)
    if len(given) > MAX_FILES:
        raise refusal(
            "too-many-files",
            shown_name(given[MAX_FILES][0]),
            f"一次最多交{MAX_FILES}个附件，这是第{MAX_FILES + 1}个。",
            "合并成一个 PDF，或分次补交。",
        )
    found = {stored.sha256: stored for stored in (store(home, name, file) for name, file in given)}
    return tuple(found.values())


def store(home: Home, name: str, file: Incoming, *, max_bytes: int = MAX_BYTES) -> Stored:
    """Take in one file, counting its bytes as they come; the same bytes are kept once.

    The file appears under its final name only when all of it is on disk. Raises InputError with the
    reason when it is refused and OutsideError when the disk fails.
    """
    name = shown_name(name)
    kind = _kind_of(name)
    try:
        folder = _folder(home)
        handle, draft = tempfile.mkstemp(dir=folder, prefix=".incoming-")
    except OSError as problem:
        raise _disk(problem) from problem
    path = Path(draft)
    try:
        with os.fdopen(handle, "w+b") as out:
            sha256, size = _copy(name, file, out, max_bytes)
            _check(name, kind, out)
            out.flush()
            os.fsync(out.fileno())
        _settle(path, place_of(home, sha256))
    except OSError as problem:
        raise _disk(problem) from problem
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
    return Stored(sha256, name, kind.media_type, size)


def place_of(home: Home, sha256: str) -> Path:
    """Where the file of that hash lies, whether it is there or not. Raises ValueError for no hash."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        msg = f"not a SHA-256: {sha256!r}"
        raise ValueError(msg)
    return home.var / "evidence" / sha256[:2] / sha256


def shown_name(raw: str) -> str:
    """A file's own name without folders, control signs or signs that turn the direction of reading."""
    last = unicodedata.normalize("NFC", raw).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip(" .")
    stem, dot, extension = kept.rpartition(".")
    if dot and len(extension) <= 8:
        return f"{stem[: NAME_CHARS - len(extension) - 1]}.{extension}"
    return kept[:NAME_CHARS] or "未命名"


def _kind_of(name: str) -> _Type:
    extension = name.rpartition(".")[2].lower()
    kind = TYPES.get(extension)
    if kind is None:
        macro = extension in {"docm", "xlsm", "xlsb", "dotm", "xltm", "pptm"}
        why = "是带宏的文件" if macro else f"的类型（{extension[:12] or '无扩展名'}）不收"
        raise refusal(
            "file-type", name, f"{why}。", f"可以交{ALLOWED_WORDS}；其他文件请转成 PDF 再交。"
        )
    return kind


def _copy(name: str, file: Incoming, out: IO[bytes], max_bytes: int) -> tuple[str, int]:
    total, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise refusal(
                "file-size",
                name,
                f"超过 {max_bytes // (1024 * 1024)} MB。",
                "照片请用“原图”以外的选项，扫描件请降低分辨率，或拆成几份。",
            )
        total.update(chunk)
        out.write(chunk)
    if size == 0:
        raise refusal("file-empty", name, "是空文件。", "重新选择文件。")
    return total.hexdigest(), size


def _check(name: str, kind: _Type, file: IO[bytes]) -> None:
    container = _container(name, file)
    if container in kind.containers:
        return
    if container == "ole" and _ole_has(file, ("EncryptedPackage",)):
        raise refusal("file-locked", name, "加了打开密码。", "去掉密码再交，办公室要能打开。")
    raise refusal(
        "file-content",
        name,
        "的内容和扩展名对不上。",
        f"用原来的程序另存一次再交。可以交{ALLOWED_WORDS}。",
    )


def _container(name: str, file: IO[bytes]) -> str:
    """What the bytes really are: jpg, png, heic, pdf, word, excel, ofd, ole, or unknown."""
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return "heic"
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(_OLE):
        if _ole_has(file, _OLE_MACROS):
            raise _macros(name)
        return "ole"
    return _zip_kind(name, file) if head.startswith(_ZIP) else "unknown"


def _macros(name: str) -> InputError:
    return refusal("file-macro", name, "带有宏，不收。", "另存为不带宏的格式，或转成 PDF。")


def _ole_has(file: IO[bytes], names: Iterable[str]) -> bool:
    """Whether the compound file has a storage or stream of one of these names.

    A directory entry is 128 bytes on a 128-byte boundary: its name in UTF-16, padded with zeros to 64.
    """
    wanted = {each.encode("utf-16-le").ljust(64, b"\0") for each in names}
    file.seek(0)
    while block := file.read(128 * 512):
        for start in range(0, len(block), 128):
            if block[start : start + 64] in wanted:
                return True
    return False


def _zip_kind(name: str, file: IO[bytes]) -> str:
    if not _zip_is_small(file):
        return "unknown"
    try:
        with zipfile.ZipFile(file) as packed:
            parts = set(packed.namelist())
            lower = {part.lower() for part in parts}
            if any(part.endswith("vbaproject.bin") or "macrosheets/" in part for part in lower):
                raise _macros(name)
            if "OFD.xml" in parts:
                return "ofd"
            if "[Content_Types].xml" not in parts:
                return "unknown"
            with packed.open("[Content_Types].xml") as types:
                said = types.read(_MAX_TYPES_BYTES).lower()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError):
        return "unknown"
    if b"macroenabled" in said:
        raise _macros(name)
    if "word/document.xml" in parts:
        return "word"
    return "excel" if "xl/workbook.xml" in parts else "unknown"


def _zip_is_small(file: IO[bytes]) -> bool:
    """Whether the list of contents is small enough to read: a hostile one can fill the memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) < found + 22:
        return False
    return int.from_bytes(tail[found + 12 : found + 16], "little") <= _MAX_ENTRIES_BYTES


def _folder(home: Home) -> Path:
    folder = home.var / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _settle(draft: Path, final: Path) -> None:
    """Give the file its name; when the same bytes are there already, they stay."""
    if final.exists():
        return
    final.parent.mkdir(exist_ok=True)
    draft.chmod(0o640)
    draft.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _disk(problem: OSError) -> OutsideError:
    return OutsideError(
        f"附件没有存上（{problem.strerror or type(problem).__name__}），这次报送没有记录。",
        "稍后再试；如仍不行请联系办公室检查磁盘。",
    )
