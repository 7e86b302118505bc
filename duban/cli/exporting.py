"""The matrix as the papers an office prints, and the schemas its editors read."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duban import clock
from duban.cli import show
from duban.errors import Exit, UsageError
from duban.settings import find_home

if TYPE_CHECKING:
    from duban.desk import Desk

_PAPERS = (".xlsx", ".docx")


def export_matrix(args: argparse.Namespace) -> int:
    """The 任务分工表: a workbook, a Word draft or CSV by the name of ``--out``; CSV or JSON without it.

    Raises UsageError for another kind of file and InputError when the matrix has mistakes.
    """
    from duban.desk import need_desk

    suffix = Path(args.out).suffix.lower() if args.out else ".csv"
    if suffix not in {*_PAPERS, ".csv"}:
        raise UsageError(
            f"不会写“{args.out}”这种文件。",
            "文件名以 .xlsx、.docx 或 .csv 结尾，如 任务分工表.xlsx。",
        )
    desk = need_desk(find_home(args.home), clock.day_of(clock.now()))
    if args.format == "json" and not args.out:
        head, rows = _flat(desk)
        show.as_json([dict(zip(head, row, strict=True)) for row in rows])
    elif suffix in _PAPERS:
        _write_paper(args, desk, suffix)
    else:
        write_csv(args.out, *_flat(desk))
    return Exit.DONE


def _write_paper(args: argparse.Namespace, desk: Desk, suffix: str) -> None:
    from duban.reports.matrixtable import matrix_table

    today = clock.day_of(clock.now())
    table = matrix_table(desk.matrix, today)
    if suffix == ".xlsx":
        from duban.reports.matrixbook import matrixbook_bytes

        content = matrixbook_bytes(table)
    else:
        from duban.reports.matrixpaper import matrixpaper_bytes

        content = matrixpaper_bytes(
            table, author=desk.settings.office_name, created=clock.at(today)
        )
    path = Path(args.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if args.format == "json":
        show.as_json({"file": args.out, "rows": len(table.rows), "notes": list(table.notes)})
    else:
        show.say(
            f"已写入 {args.out}，共{len(table.rows)}项。", *(f"· {note}" for note in table.notes)
        )


def _flat(desk: Desk) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Every task as one row of text, withdrawn ones too; the first nine keys have been there longest."""
    from duban.reports.matrixtable import flat_rows

    return flat_rows(desk.matrix)


def write_csv(out: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """CSV on standard output, or in a file with a byte-order mark so that Excel reads Chinese."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(head)
    writer.writerows([[_cell(cell) for cell in row] for row in rows])
    if out:
        Path(out).write_text("\ufeff" + buffer.getvalue(), encoding="utf-8", newline="")
        show.note(f"已写入 {out}，共{len(rows)}行。")
    else:
        show.say(buffer.getvalue().rstrip())


def _cell(value: object) -> str:
    """Text that a spreadsheet does not take for a formula."""
    text = "" if value is None else str(value)
    risky = text[:1] in {"=", "+", "-", "@", "\t", "\r"} and not text.lstrip("-").isdigit()
    return f"'{text}" if risky else text


def schema(args: argparse.Namespace) -> int:
    """Write the JSON Schemas for editors (``--out``), the key tables of the readme, or list what there is."""
    from duban.matrix.schema import FILES
    from duban.matrix.schema_files import json_schemas, readme

    written = []
    if args.out:
        folder = Path(args.out)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in json_schemas().items():
            (folder / name).write_text(text, encoding="utf-8")
            written.append(str(folder / name))
    if args.readme:
        Path(args.readme).write_text(readme(), encoding="utf-8")
        written.append(args.readme)
    if args.format == "json":
        show.as_json(written or [{"schema": each.file, "for": each.path} for each in FILES])
    elif written:
        show.say(*(f"已写入 {name}" for name in written))
    else:
        show.table(("结构文件", "管哪些文件"), [(each.file, each.path) for each in FILES])
        show.note("加 --out 目录 写出，编辑器里就有键名提示和拼写检查。")
    return Exit.DONE
