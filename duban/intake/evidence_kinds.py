"""What a file of evidence really is, by its bytes, and why it is refused.

The extension must be on the list and the bytes must say the same type. Refused besides: macros, programs
inside office files, files locked with a password, archives that unpack to far more than they are, and
files that are two things at once (a picture with an archive behind it opens differently in another
program).
"""

from __future__ import annotations

import copy
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO

from duban.errors import InputError, Place

_HEAD = 64
_CHUNK = 64 * 1024
_MAX_LISTING_BYTES = 1024 * 1024  # of a zip's list of contents
_MAX_PART_BYTES = 1024 * 1024  # of the small parts that we read
MAX_UNPACKED = 200 * 1024 * 1024
"""Bytes to which the parts of an office file may unpack, together."""
MAX_RATIO = 100
"""How many times larger than packed they may be; asked only above ``_FREE_BYTES``."""
_FREE_BYTES = 10 * 1024 * 1024
_MAX_PARTS = 3000
_TAIL = 65_557  # an end record with the longest comment

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_END = b"PK\x05\x06"
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
_OLE_MACROS = ("_VBA_PROJECT", "VBA", "Macros", "_VBA_PROJECT_CUR")
_ACTIVE_PARTS = ("vbaproject.bin", "vbadata.xml")
_ACTIVE_FOLDERS = ("macrosheets/", "activex/", "dialogsheets/", "basic/", "scripts/")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of file: its media type and which containers its bytes may be."""

    media_type: str
    containers: frozenset[str]


def _kind(media_type: str, *containers: str) -> Kind:
    return Kind(media_type, frozenset(containers))


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES: Mapping[str, Kind] = {
    "jpg": _kind("image/jpeg", "jpg"),
    "jpeg": _kind("image/jpeg", "jpg"),
    "png": _kind("image/png", "png"),
    "heic": _kind("image/heic", "heic"),
    "pdf": _kind("application/pdf", "pdf"),
    "docx": _kind(_WORD, "word"),
    "xlsx": _kind(_EXCEL, "excel"),
    "doc": _kind("application/msword", "ole"),
    "xls": _kind("application/vnd.ms-excel", "ole"),
    # WPS writes its own names into either container.
    "wps": _kind("application/vnd.ms-works", "ole", "word"),
    "et": _kind("application/vnd.ms-excel", "ole", "excel"),
    "ofd": _kind("application/ofd", "ofd"),
}
ALLOWED_WORDS = "照片（jpg、png、heic）、PDF、Word、Excel、WPS（wps、et）和 OFD"
_MACRO_TYPES = frozenset({"docm", "xlsm", "xlsb", "dotm", "xltm", "pptm"})


def refusal(code: str, name: str, message: str, way_out: str) -> InputError:
    """A refusal that names the file."""
    return InputError.one(code, Place(f"附件“{name}”"), message, way_out)


def kind_of(name: str) -> Kind:
    """The type that the extension of a name promises. Raises InputError for one that is not taken."""
    extension = name.rpartition(".")[2].lower()
    kind = TYPES.get(extension)
    if kind is None:
        macro = extension in _MACRO_TYPES
        why = "是带宏的文件" if macro else f"的类型（{extension[:12] or '无扩展名'}）不收"
        raise refusal(
            "file-type", name, f"{why}。", f"可以交{ALLOWED_WORDS}；其他文件请转成 PDF 再交。"
        )
    return kind


def check(name: str, kind: Kind, file: IO[bytes]) -> None:
    """Refuse a file whose bytes are not what its name promises, or are dangerous. Raises InputError."""
    container = _container(name, file)
    if container == "ole" and _ole_has(file, ("EncryptedPackage",)):
        raise _locked(name)
    if container not in kind.containers:
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
    if head.startswith(_ZIP):
        return _zip_kind(name, file)
    found = _by_head(head)
    if found == "ole" and _ole_has(file, _OLE_MACROS):
        raise _macros(name)
    if found != "unknown" and zipfile.is_zipfile(file):
        raise _two_things(name)
    return found


def _by_head(head: bytes) -> str:
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return "heic"
    if head.startswith(b"%PDF-"):
        return "pdf"
    return "ole" if head.startswith(_OLE) else "unknown"


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


# ---- office files: archives ---------------------------------------------------------------------


def _zip_kind(name: str, file: IO[bytes]) -> str:
    if not _is_one_small_zip(file):
        return "unknown"
    try:
        with zipfile.ZipFile(file) as packed:
            _need_sound(name, packed, file.seek(0, os.SEEK_END))
            _need_passive(name, packed)
            return _office_kind(packed)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        zlib.error,
    ):
        return "unknown"


def _is_one_small_zip(file: IO[bytes]) -> bool:
    """Whether it is one archive from its first byte to its last, with a short list of contents.

    What stands before or behind would be read by another program; a long list could fill the memory.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    found = tail.rfind(_END)
    if found < 0 or len(tail) < found + 22:
        return False
    number = tail[found:]
    listing, offset = _little(number, 12, 4), _little(number, 16, 4)
    comment = _little(number, 20, 2)
    end = size - len(tail) + found
    wide = (
        76 if tail[found - 20 : found].startswith(b"PK\x06\x07") else 0
    )  # zip64's own two records
    whole = offset + listing + wide == end and found + 22 + comment == len(tail)
    return whole and listing <= _MAX_LISTING_BYTES


def _little(data: bytes, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "little")


def _need_sound(name: str, packed: zipfile.ZipFile, size: int) -> None:
    """Refuse locked parts, strange names, and what unpacks to far more than it is. Raises InputError."""
    parts = packed.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise _locked(name)
    names = [part.filename for part in parts]
    if len(parts) > _MAX_PARTS or len(set(names)) < len(names) or any(map(_strays, names)):
        raise zipfile.BadZipFile
    said = sum(part.file_size for part in parts)
    stored = sum(part.compress_size for part in parts)
    if said > MAX_UNPACKED or stored > size or (said > _FREE_BYTES and said > MAX_RATIO * stored):
        raise _bomb(name)
    for part in parts:
        if _unpacked(packed, part, MAX_UNPACKED) != part.file_size:
            raise _bomb(name)


def _strays(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\0" in name


def _unpacked(packed: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> int:
    """How many bytes a part really unpacks to; counting ends just above ``most``.

    The list of contents may lie: the reader would stop where the list says, other programs would not.
    """
    unlimited = copy.copy(part)
    unlimited.file_size = most + 1
    count = 0
    with packed.open(unlimited) as stream:
        while block := stream.read(_CHUNK):
            count += len(block)
    return count


def _need_passive(name: str, packed: zipfile.ZipFile) -> None:
    """Refuse macros, controls and a template that is fetched from elsewhere. Raises InputError."""
    for part in packed.namelist():
        lower = part.lower()
        if lower.endswith(_ACTIVE_PARTS) or any(each in lower for each in _ACTIVE_FOLDERS):
            raise _macros(name)
        if lower.endswith("settings.xml.rels"):
            said = _small(packed, part)
            if b"attachedtemplate" in said and b"external" in said:
                raise _macros(name)
    if "[Content_Types].xml" in packed.namelist():
        said = _small(packed, "[Content_Types].xml")
        if b"macroenabled" in said or b"vbaproject" in said:
            raise _macros(name)


def _small(packed: zipfile.ZipFile, part: str) -> bytes:
    with packed.open(part) as stream:
        return stream.read(_MAX_PART_BYTES).lower()


def _office_kind(packed: zipfile.ZipFile) -> str:
    parts = set(packed.namelist())
    if "OFD.xml" in parts:
        return "ofd"
    if "[Content_Types].xml" not in parts:
        return "unknown"
    if "word/document.xml" in parts:
        return "word"
    return "excel" if "xl/workbook.xml" in parts else "unknown"


# ---- refusals -----------------------------------------------------------------------------------


def _macros(name: str) -> InputError:
    return refusal(
        "file-macro",
        name,
        "带有宏、控件或外部模板，不收。",
        "另存为不带宏的格式，或转成 PDF。",
    )


def _locked(name: str) -> InputError:
    return refusal("file-locked", name, "加了打开密码。", "去掉密码再交，办公室要能打开。")


def _bomb(name: str) -> InputError:
    return refusal(
        "file-bomb",
        name,
        f"解开后大得反常（超过 {MAX_UNPACKED // 1024 // 1024} MB，或压缩比超过 {MAX_RATIO}）。",
        "用原来的程序另存一次，或转成 PDF 再交。",
    )


def _two_things(name: str) -> InputError:
    return refusal(
        "file-content",
        name,
        "后面还夹带着一个压缩包。",
        "用看图或阅读软件另存一份干净的再交；要交压缩包里的材料，请逐个上传。",
    )
