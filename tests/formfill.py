"""Fills in a reporting form as an office program would save it, and lets LibreOffice do it for real."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from duban.intake import layout
from duban.intake.workbook import form_for, write_form
from duban.office import Office

SHEET1 = "xl/worksheets/sheet1.xml"
Edit = str | int | Decimal
Edits = Mapping[tuple[int, int], Edit]


def made_form(office: Office, unit: str) -> tuple[bytes, dict[str, int]]:
    """A unit's form, and the row of each key counted from 0."""
    with office.ledger.read() as conn:
        form = form_for(office, conn, unit, office.ledger.now())
    to = io.BytesIO()
    write_form(form, to)
    rows = {row.key: layout.FIRST_ROW + at for at, row in enumerate(form.rows)}
    return to.getvalue(), rows


def fill(data: bytes, edits: Edits) -> bytes:
    """The form with cells filled in."""

    def change(text: str) -> str:
        for (row, column), value in edits.items():
            text = _put(text, layout.cell_name(row, column), value)
        return text

    return patch(data, SHEET1, change)


def _put(text: str, name: str, value: Edit) -> str:
    inner = (
        f't="inlineStr"><is><t>{escape(value)}</t></is></c>'
        if isinstance(value, str)
        else f"><v>{value}</v></c>"
    )
    pattern = rf'<c r="{name}"( s="\d+")?[^>]*?(/>|>.*?</c>)'
    changed, count = re.subn(
        pattern, lambda found: f'<c r="{name}"{found[1] or ""} {inner}', text, flags=re.S
    )
    assert count == 1, name
    return changed


def patch(data: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """The workbook with one part rewritten."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            raw = source.read(name)
            out.writestr(name, change(raw.decode()).encode() if name == part else raw)
    return target.getvalue()


def resaved(folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Workbooks as LibreOffice saves them."""
    return {name: path.read_bytes() for name, path in converted(folder, files, "xlsx").items()}


def converted(folder: Path, files: Mapping[str, bytes], to: str) -> dict[str, Path]:
    """Workbooks in another format, by LibreOffice, all in one start of it.

    Without LibreOffice these tests are skipped; with ``DUBAN_NEED_LIBREOFFICE=1`` its absence is a failure.
    """
    program = shutil.which("soffice")
    if program is None:
        why = "没有 LibreOffice：用它另存报送表的测试未运行"
        if os.environ.get("DUBAN_NEED_LIBREOFFICE") == "1":
            pytest.fail(why)
        pytest.skip(why)
    paths = [folder / f"{name}.xlsx" for name in files]
    for path, data in zip(paths, files.values(), strict=True):
        path.write_bytes(data)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    order = [program, "--headless", profile, "--convert-to", to, "--outdir", str(folder / "out")]
    done = subprocess.run([*order, *map(str, paths)], capture_output=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return {name: folder / "out" / f"{name}.{to}" for name in files}
