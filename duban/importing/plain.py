"""Reads CSV text of unknown encoding and separator, and the tables of a Word document, into grids."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from duban.importing.grid import Grid, clean
from duban.importing.guard import MAX_COLUMNS, MAX_DOCUMENT_BYTES, MAX_ROWS, Package, refuse

_RESAVE = "用 Excel 打开原表，另存为 .xlsx 再导入。"


def read_csv(data: bytes, name: str) -> Grid:
    """The one table of a CSV file. Raises RefusedError for text that cannot be read."""
    text = _decode(data)
    delimiter = _delimiter(text)
    rows: list[list[str]] = []
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False):
            rows.append([clean(cell) for cell in cells])
            if len(rows) > MAX_ROWS:
                raise refuse("too-long", f"表格超过 {MAX_ROWS} 行。", "分成几个文件再导入。")
            if len(cells) > MAX_COLUMNS:
                raise refuse("too-wide", f"表格超过 {MAX_COLUMNS} 列。", "检查分隔符；" + _RESAVE)
    except csv.Error as problem:
        raise refuse(
            "damaged", f"CSV 读不下去（第 {len(rows) + 1} 行附近）。", _RESAVE
        ) from problem
    return Grid(name, rows, knows_merges=False)


def _decode(data: bytes) -> str:
    marked = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    for encoding in ["utf-16"] if marked else ["utf-8-sig", "gb18030"]:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refuse(
        "encoding",
        "文字编码认不出来（不是 UTF-8，也不是 GBK/GB18030）。",
        "用 Excel 打开原表，另存为 .xlsx 或“CSV UTF-8”。",
    )


def _delimiter(text: str) -> str:
    """The separator that most lines of the beginning agree on."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:40]

    def lines_with(mark: str) -> int:
        return sum(mark in line for line in lines)

    best = max((",", "\t", ";", "|"), key=lines_with)
    return best if lines_with(best) else ","


# ---- Word --------------------------------------------------------------------------------------

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def read_document(data: bytes) -> list[Grid]:
    """The tables of a Word document, in order. Raises RefusedError.

    The XML is walked directly: asking python-docx for each cell lays out its row anew every time.
    """
    package = Package(data)
    package.read("word/document.xml", MAX_DOCUMENT_BYTES)
    package.verify_rest({"word/document.xml"})
    import docx

    try:
        body = docx.Document(io.BytesIO(data)).element.body
    except Exception as problem:
        # python-docx passes on errors of lxml, zipfile and its own for a damaged document.
        raise refuse(
            "damaged", "Word 文档读不出来。", "在 Word 或 WPS 里打开，另存为 .docx 再导入。"
        ) from problem
    grids: list[Grid] = []
    heading = ""
    for element in body.iter(f"{_W}tbl", f"{_W}p"):
        if any(parent.tag in {f"{_W}tbl", f"{_W}tc"} for parent in element.iterancestors()):
            continue
        if element.tag == f"{_W}tbl":
            grids.append(_table(element, len(grids) + 1, heading))
            heading = ""
        else:
            heading = _text(element) or heading
    return grids


def _table(table: Any, number: int, heading: str) -> Grid:
    rows: list[list[str]] = []
    merges: list[tuple[int, int, int, int]] = []
    open_at: dict[int, tuple[int, int, int]] = {}  # column → first row, last column, last row
    for element in _own(table, "tr"):
        at = len(rows)
        if at >= MAX_ROWS:
            raise refuse("too-long", f"表格超过 {MAX_ROWS} 行。", "分成几个文件再导入。")
        cells, seen = [""] * _skipped(element), set()
        for cell in _own(element, "tc"):
            column, span = len(cells), _span(cell)
            merge = _vertical(cell)
            if column + span > MAX_COLUMNS:
                raise refuse("too-wide", f"表格超过 {MAX_COLUMNS} 列。", "分成几个表再导入。")
            cells += ["" if merge == "continue" else _cell_text(cell)] + [""] * (span - 1)
            if merge == "continue" and column in open_at:
                first, last, _ = open_at[column]
                open_at[column] = (first, last, at)
                seen.add(column)
            else:
                _close(open_at, column, merges)
                open_at[column] = (at, column + span - 1, at)
                seen.add(column)
        for column in [each for each in open_at if each not in seen]:
            _close(open_at, column, merges)
        rows.append(cells)
    for column in list(open_at):
        _close(open_at, column, merges)
    return Grid(f"第{number}个表", rows, merges, numbered=False, heading=heading)


def _close(
    open_at: dict[int, tuple[int, int, int]], column: int, merges: list[tuple[int, int, int, int]]
) -> None:
    found = open_at.pop(column, None)
    if found is not None:
        first, right, last = found
        if last > first or right > column:
            merges.append((first, column, last, right))


def _own(element: Any, tag: str) -> Iterator[Any]:
    """The rows of a table or cells of a row, through content controls, not those of nested tables."""
    for child in element:
        if child.tag == f"{_W}{tag}":
            yield child
        elif child.tag in {f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins"}:
            yield from _own(child, tag)


def _value(element: Any, path: str) -> str | None:
    found = element.find(path)
    return None if found is None else found.get(f"{_W}val") or ""


def _span(cell: Any) -> int:
    value = _value(cell, f"{_W}tcPr/{_W}gridSpan")
    return max(1, min(int(value), MAX_COLUMNS)) if value and value.isdigit() else 1


def _skipped(row: Any) -> int:
    value = _value(row, f"{_W}trPr/{_W}gridBefore")
    return min(int(value), MAX_COLUMNS) if value and value.isdigit() else 0


def _vertical(cell: Any) -> str:
    value = _value(cell, f"{_W}tcPr/{_W}vMerge")
    return "" if value is None else (value or "continue")


def _cell_text(cell: Any) -> str:
    return clean("\n".join(text for text in map(_text, cell.iter(f"{_W}p")) if text))


def _text(paragraph: Any) -> str:
    nodes = paragraph.iter(f"{_W}t", f"{_W}br", f"{_W}tab", f"{_W}cr")
    return clean("".join(map(_of_node, nodes)))


def _of_node(node: Any) -> str:
    if node.tag == f"{_W}t":
        return node.text or ""
    return " " if node.tag.endswith("tab") else "\n"
