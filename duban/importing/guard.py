"""Decides what a file is by its bytes, and refuses what must not be parsed, before anything parses it.

The limits are larger than the reporting form's: a 任务分工表 of 50,000 rows is read in one go. A sheet's
XML is only searched, never built as a tree: that takes milliseconds and the memory of the part.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from duban.intake.zipguard import MAX_RATIO, RATIO_FROM_BYTES, RefusedError

MAX_FILE_BYTES = 20 * 1024 * 1024
MAX_TOTAL_BYTES = 100 * 1024 * 1024
MAX_DOCUMENT_BYTES = 60 * 1024 * 1024
MAX_PARTS = 2_000  # a Word file may hold many pictures
MAX_ROWS, MAX_COLUMNS = 60_000, 300
MAX_AREA = 3_000_000  # one far-off cell makes a reader lay out every cell before it
_RESAVE = "请在 Excel 或 WPS 里打开它，“另存为”Excel 工作簿（.xlsx），再导入。"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "PDF 文件"),
    (b"{\\rtf", "RTF 文档"),
    (b"\x89PNG", "图片"),
    (b"\xff\xd8\xff", "图片"),
    (b"GIF8", "图片"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"),
    (b"MZ", "程序文件"),
    (b"\x7fELF", "程序文件"),
    (b"SQLite format", "数据库文件"),
)


def refuse(code: str, message: str, way_out: str = _RESAVE) -> RefusedError:
    """A refusal with its sentence and the way out."""
    return RefusedError(code, message, way_out)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file that is not too big. Raises RefusedError; the size is asked before reading."""
    try:
        if not path.is_file():
            raise refuse("file-missing", "找不到这个文件。", "检查文件名和所在的文件夹。")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise refuse(
                "too-big",
                f"文件有 {size / 1048576:.0f} MB，超过 20 MB。",
                "任务分工表用不了这么大：删去贴图和无关的工作表，另存后再导入。",
            )
        data = path.read_bytes()
    except OSError as problem:
        raise refuse(
            "file-unreadable", f"文件读不出来（{problem.strerror}）。", "检查文件权限。"
        ) from problem
    if not data.strip(b"\x00 \r\n\t"):
        raise refuse("file-empty", "文件是空的。", "换一个有内容的文件。")
    return data


def kind_of(data: bytes) -> str:
    """What a file is by its bytes: xlsx, xls, docx, ods or csv. Raises RefusedError for all else."""
    if data.startswith(b"PK\x03\x04"):
        return _zip_kind(data)
    if data.startswith(_OLE):
        return _ole_kind(data)
    for magic, what in _OTHERS:
        if data.startswith(magic):
            raise refuse(
                "wrong-type",
                f"这是{what}，不是表格。",
                "请找原始的 Excel、CSV 或 Word 表格来导入。",
            )
    start = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if start.startswith((b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta")):
        raise refuse("wrong-type", "这是网页或 XML 另起的名字，不是真正的 Excel 文件。")
    utf16 = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    if b"\x00" in data[:65536] and not utf16:
        raise refuse(
            "wrong-type",
            "认不出这是什么文件，里面不是文字。",
            "请导入 .xlsx、.xls、.ods、.csv 或 .docx。",
        )
    return "csv"


def _zip_kind(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as problem:
        raise refuse("damaged", "文件已损坏，打不开。") from problem
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "word/document.xml" in names:
        return "docx"
    if "xl/workbook.bin" in names:
        raise refuse("wrong-type", "这是二进制工作簿（.xlsb）。")
    if "content.xml" in names and "mimetype" in names:
        return "ods"
    raise refuse(
        "wrong-type",
        "这是压缩包或别的文件，不是表格。",
        "请导入 .xlsx、.xls、.ods、.csv 或 .docx。",
    )


def _ole_kind(data: bytes) -> str:
    def holds(name: str) -> bool:
        return name.encode("utf-16-le") in data

    if holds("EncryptedPackage"):
        raise refuse(
            "encrypted",
            "文件加了密码，打不开。",
            "在 Excel 里去掉密码（文件 → 信息 → 保护工作簿），另存后再导入。",
        )
    if holds("_VBA_PROJECT"):
        raise _macro()
    if holds("WordDocument"):
        raise refuse(
            "wrong-type", "这是旧版 Word 文档（.doc）。", "请在 Word 或 WPS 里另存为 .docx 再导入。"
        )
    if holds("Workbook") or holds("Book"):
        return "xls"
    raise refuse("wrong-type", "认不出这是什么文件。")


def _macro() -> RefusedError:
    return refuse(
        "macro", "文件里有宏，为安全起见不打开。", "另存为不含宏的 Excel 工作簿（.xlsx）再导入。"
    )


# ---- zipped files ------------------------------------------------------------------------------


class Package:
    """A zipped office file whose parts have been counted, and are read under a limit."""

    def __init__(self, data: bytes) -> None:
        """Raises RefusedError for a bomb, a macro, a password or a damaged file."""
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, EOFError) as problem:
            raise refuse("damaged", "文件已损坏，打不开。") from problem
        self._check(len(data))

    def _check(self, size: int) -> None:
        parts = self._archive.infolist()
        total = sum(part.file_size for part in parts)
        bomb = refuse(
            "bomb",
            "文件展开后过大，为安全起见没有打开。",
            "请把表格内容复制到一个新的工作簿里，另存后再导入。",
        )
        if len(parts) > MAX_PARTS or total > MAX_TOTAL_BYTES:
            raise bomb
        if total > RATIO_FROM_BYTES and total > size * MAX_RATIO:
            raise bomb
        for part in parts:
            if part.file_size > max(RATIO_FROM_BYTES, max(part.compress_size, 1) * MAX_RATIO):
                raise bomb
            if part.flag_bits & 0x1:
                raise refuse("encrypted", "文件加了密码，打不开。", "去掉密码另存后再导入。")
            if "vbaproject" in part.filename.lower():
                raise _macro()

    def names(self) -> list[str]:
        """The parts' names."""
        return self._archive.namelist()

    def read(self, name: str, limit: int = MAX_TOTAL_BYTES) -> bytes:
        """A part. Raises RefusedError when it is longer than the directory says, or missing."""
        try:
            if self._archive.getinfo(name).file_size > limit:
                raise refuse("bomb", "文件展开后过大，为安全起见没有打开。")
            with self._archive.open(name) as stream:
                raw = stream.read()  # at most what the directory states
        except (
            KeyError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            RuntimeError,
            NotImplementedError,
        ) as problem:
            raise refuse("damaged", "文件已损坏，读不完整。") from problem
        if name.endswith((".xml", ".rels")) and not _begins_well(raw):
            raise refuse("damaged", "文件内容不合规范，为安全起见没有打开。")
        return raw

    def verify_rest(self, done: set[str]) -> None:
        """Unpack once what a parser will unpack: a part that lies about its size fails its checksum."""
        for name in self.names():
            if name not in done and name.endswith((".xml", ".rels")):
                self.read(name)


_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)


def _begins_well(raw: bytes) -> bool:
    """Whether a part begins as a document without a DOCTYPE, which can only stand before its root."""
    match = _PROLOG.match(raw)
    end = match.end() if match else 0
    return not raw or re.match(rb"<[A-Za-z_]", raw[end : end + 2]) is not None


# ---- sheets ------------------------------------------------------------------------------------

_LARGE = rb"(?:\d{6,}|[7-9]\d{4}|6[1-9]\d{3}|60[1-9]\d\d|600[1-9]\d|6000[1-9])"
_PECULIAR = re.compile(rb'<c(?! r="[A-Z](?:[1-9]\d{0,3}|[1-5]\d{4}|60000)"[ >/])(?=[\s>/])')
_SHORT, _NAME_ENDS = frozenset({b"c", b"f"}), frozenset({b" ", b">", b"/", b"\t", b"\n", b"\r"})
_USUAL = b'<c r="'
_ODD_USUAL = re.compile(rb'<c r="([A-Z]{2,})\d+"|<c r="[A-Z]+(' + _LARGE + rb')"')
_ODD_ANY = re.compile(
    rb"""\br\s*=\s*["']([A-Z]{2,})\d+["']|\br\s*=\s*["'][A-Z]*(""" + _LARGE + rb""")["']"""
)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_CELL = re.compile(rb"""<(?:\w+:)?c\s([^>]*)>""")
_REF = re.compile(rb"""\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")
_STYLE = re.compile(rb"""\bs\s*=\s*["'](\d{1,6})["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row[\s/>]""")
_TAIL = 100_000
_RARE = 10_000
_CELL_MARKS = (b"<c ", b"<c>", b":c", b":f")


@dataclass(frozen=True, slots=True)
class SheetXml:
    """A sheet's raw part, to be searched for what the reader of values does not tell."""

    raw: bytes

    def check(self) -> None:
        """Refuse more rows or columns than a matrix can have. Raises RefusedError."""
        if _PECULIAR.search(self.raw) is None and not self._prefixed():
            return  # every cell is named and stands within A1:Z60000
        columns = self._columns()
        if columns > MAX_COLUMNS:
            raise refuse(
                "too-wide",
                f"表格超过 {MAX_COLUMNS} 列。",
                "删去右边多余的列（选中后“删除列”），再导入。",
            )
        if self._last_row() * columns > MAX_AREA:
            raise refuse(
                "too-wide",
                "表格的行和列都很多，不像任务分工表。",
                "只留下任务分工表所在的区域，另存后再导入。",
            )

    def _prefixed(self) -> bool:
        """Whether elements may carry a prefix (``<x:c>``); a colon is rare in a sheet, and quickly found."""
        end = self._cells_end()
        at, looked = self.raw.find(b":", 0, end), 0
        while at >= 0:
            if self.raw[at + 1 : at + 2] in _SHORT and self.raw[at + 2 : at + 3] in _NAME_ENDS:
                return True
            at, looked = self.raw.find(b":", at + 1, end), looked + 1
            if looked > _RARE:
                return b":c" in self.raw or b":f" in self.raw
        return False

    def _columns(self) -> int:
        """The widest row, 26 at least. Raises RefusedError on a cell below the last allowed row."""
        raw = self.raw
        plain = raw.count(b"<c ") == raw.count(_USUAL) and b":c " not in raw
        letters: set[bytes] = set()
        for match in (_ODD_USUAL if plain else _ODD_ANY).finditer(raw):
            if match[2]:
                raise _too_long()
            letters.add(match[1])
        cells = raw.count(b"<c>") + raw.count(b"<c/>")  # without a name: the reader counts on
        return max([26, cells, *map(_column, letters)])

    def _last_row(self) -> int:
        rows = self.raw.count(b"<row")
        rows = rows or len(_ROW.findall(self.raw))
        named = [int(match[2]) for match in _REF.finditer(self.raw, max(0, len(self.raw) - _TAIL))]
        last = max([rows, *named])
        if last > MAX_ROWS:
            raise _too_long()
        return last

    def _may_calculate(self) -> bool:
        """Whether ``<f`` stands among the cells; a lone f is rarer than ``<`` and so found sooner."""
        end = self._cells_end()
        at, looked = self.raw.find(b"f", 0, end), 0
        while at >= 0 and looked < _RARE:
            if self.raw[at - 1 : at] == b"<":
                return True
            at, looked = self.raw.find(b"f", at + 1, end), looked + 1
        return at >= 0 and self.raw.find(b"<f", 0, end) >= 0

    def _cells_end(self) -> int:
        """Where the cells end; below them stand merged ranges by the thousand, full of marks."""
        end = self.raw.rfind(b"</sheetData>")
        if end < 0 or any(self.raw.find(mark, end) >= 0 for mark in _CELL_MARKS):
            return len(self.raw)  # no such end, or a false one
        return end

    def formulas(self) -> set[tuple[int, int]]:
        """The cells (row, column from 0) that hold a formula."""
        found: set[tuple[int, int]] = set()
        if not self._may_calculate() and not self._prefixed():
            return found
        for match in _FORMULA.finditer(self.raw):
            start = max(
                self.raw.rfind(b"<c ", 0, match.start()), self.raw.rfind(b":c ", 0, match.start())
            )
            ref = _REF.search(self.raw, start, match.start()) if start >= 0 else None
            if ref:
                found.add((int(ref[2]) - 1, _column(ref[1]) - 1))
        return found

    def styles(self, wanted: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """The style number of each wanted cell."""
        found: dict[tuple[int, int], int] = {}
        for match in _CELL.finditer(self.raw) if wanted else ():
            ref = _REF.search(match[1])
            if ref is None:
                continue
            at = (int(ref[2]) - 1, _column(ref[1]) - 1)
            style = _STYLE.search(match[1])
            if at in wanted:
                found[at] = int(style[1]) if style else 0
        return found


def _too_long() -> RefusedError:
    return refuse(
        "too-long",
        f"表格超过 {MAX_ROWS} 行。",
        "删去表格下面多余的行（选中后“删除行”），或分成几个文件。",
    )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


_ROOM = re.compile(r"\{[^}]*/relationships\}id")


def sheet_parts(package: Package) -> dict[str, str]:
    """Sheet names to the parts that hold them, as the workbook's relationships say."""
    try:
        links = ET.fromstring(package.read("xl/_rels/workbook.xml.rels"))
        targets = {link.attrib["Id"]: link.attrib["Target"] for link in links}
        found = {}
        for element in ET.fromstring(package.read("xl/workbook.xml")).iter():
            if element.tag.rpartition("}")[2] != "sheet":
                continue
            link = next(
                (value for key, value in element.attrib.items() if _ROOM.fullmatch(key)), ""
            )
            target = targets.get(link, "")
            found[element.attrib["name"]] = (
                target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            )
    except (ET.ParseError, KeyError) as problem:
        raise refuse("damaged", "文件内容不完整，读不出来。") from problem
    return found


_BUILT_IN = {
    17: "ym",
    27: "ym",
    57: "ym",
    16: "md",
    28: "md",
    29: "md",
    58: "md",
}


def date_formats(package: Package) -> list[str]:
    """For each style number what its date format shows: ym, md or ymd."""
    if "xl/styles.xml" not in package.names():
        return []
    try:
        root = ET.fromstring(package.read("xl/styles.xml", MAX_FILE_BYTES))
    except ET.ParseError:
        return []
    codes = {
        each.attrib.get("numFmtId", ""): each.attrib.get("formatCode", "")
        for each in root.iter()
        if each.tag.endswith("}numFmt")
    }
    formats: list[str] = []
    for group in root:
        if group.tag.endswith("}cellXfs"):
            formats = [_shows(each.attrib.get("numFmtId", "0"), codes) for each in group]
    return formats


def _shows(number: str, codes: dict[str, str]) -> str:
    code = codes.get(number)
    if code is None:
        return _BUILT_IN.get(int(number) if number.isdigit() else 0, "ymd")
    bare = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code.split(";", maxsplit=1)[0]).lower()
    if "y" in bare and "d" not in bare:
        return "ym" if "m" in bare else "y"
    return "md" if "y" not in bare and "m" in bare and "d" in bare else "ymd"
