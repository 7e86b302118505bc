"""Evidence through the portal: bounded while it comes, only ever an attachment, swept when nobody names it."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from duban.intake.evidence import place_of, shown_name, store
from duban.ledger import reviews, transitions
from duban.ledger.transitions import Stored
from duban.portal import guard
from duban.stages import upkeep
from portal_home import REPORT, House, fields, page

PDF = b"%PDF-1.7 minutes"


def reported(house: House, stored: Stored) -> str:
    """A report that names a stored file; the file's id in the record."""
    with house.portal.ledger.write("longhu/liaison") as writing:
        told = transitions.Report(progress="调解3件。", files=(stored,))
        receipt = transitions.submit(writing, REPORT, told, actor="longhu/liaison")
    return f"{receipt.submission}:{stored.sha256[:16]}"


def files_of(house: House) -> set[Path]:
    return {path for path in house.root.rglob("*") if path.is_file() and "sqlite" not in path.name}


def test_upkeep_sweeps_what_was_uploaded_without_a_report(house: House) -> None:
    home = house.portal.home
    named = store(home, "有报.pdf", io.BytesIO(PDF), scan=None)
    left = store(home, "没报.pdf", io.BytesIO(PDF + b"2"), scan=None)
    reported(house, named)
    old = (house.watch.at - timedelta(days=3)).timestamp()
    for each in (named, left):
        os.utime(place_of(home, each.sha256), (old, old))
    report = upkeep.run(house.portal.office, house.watch.at)
    assert report.counts["清理附件"] == 1
    assert any("清理了1个" in line for line in report.lines)
    assert place_of(home, named.sha256).exists()
    assert not place_of(home, left.sha256).exists()


def test_a_scanner_in_the_settings_is_asked(house: House, tmp_path: Path) -> None:
    script = tmp_path / "scanner.py"
    script.write_text("import sys\nsys.exit(b'EICAR' in open(sys.argv[1], 'rb').read())\n", "utf-8")
    config = house.root / "config" / "duban.yaml"
    line = f"evidence_scan: {{command: [{sys.executable}, {script}], found: quarantine}}\n"
    config.write_text(config.read_text("utf-8") + line, "utf-8")
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit") | {"progress": "调解3件。"}
    bad = {"file1": ("纪要.pdf", PDF + b"EICAR", "application/pdf")}
    refused = browser.post("/unit/submit", data=hidden, files=bad)
    assert refused.status_code == 422
    assert "没有通过查毒" in refused.text
    assert house.submissions(REPORT) == []
    good = {"file1": ("纪要.pdf", PDF, "application/pdf")}
    assert browser.post("/unit/submit", data=hidden, files=good).status_code == 303


HOSTILE_NAMES = [
    '"; filename="evil.html\r\nSet-Cookie: a=b.pdf',
    "..\\..\\etc\\纪要.pdf",
    "纪\u202efdp.exe.pdf",
    "长" * 400 + ".pdf",
    "a\0b.pdf",
    "<script>.pdf",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_only_a_name_in_an_attachment(house: House, name: str) -> None:
    stored = store(house.portal.home, name, io.BytesIO(PDF), scan=None)
    file = reported(house, stored)
    with house.portal.ledger.read() as conn:
        found = reviews.beside(conn, list(reviews.whole(conn, [f"{REPORT}#1"]).values()))
    ((row,),) = found.files.values()
    assert (row["id"], row["actor"], row["stored_at"]) == (file, "longhu/liaison", house.watch.at)
    reply = house.office().get(f"/office/evidence?id={quote(file)}")
    assert reply.content == PDF
    assert "sandbox" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in reply.headers
    disposition = reply.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    shown = unquote(disposition.partition("''")[2]) or disposition.split('"')[1]
    assert shown == stored.name == shown_name(name)
    assert len(shown) <= 120
    assert not set(shown) & set("\r\n\0/\\\u202e")


def test_only_those_who_may_see_it_get_it(house: House) -> None:
    stored = store(house.portal.home, "纪要.pdf", io.BytesIO(PDF), scan=None)
    address = f"evidence?id={quote(reported(house, stored))}"
    assert house.unit("longhu").get(f"/unit/{address}").content == PDF
    assert house.unit("fy").get(f"/unit/{address}").status_code == 403
    assert house.browser().get(f"/office/{address}").status_code == 403
    assert hashlib.sha256(PDF).hexdigest() in house.office().get("/office/review").text
    assert house.office().get(f"/static/../evidence/{stored.sha256[:2]}").status_code == 404


def test_an_enormous_upload_is_refused_before_it_is_read(house: House) -> None:
    browser = house.unit()
    before, given = files_of(house), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while given < 1 << 30:
            given += 65_536
            yield b"x" * 65_536

    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(1 << 30)}
    reply = browser.post("/unit/submit", content=endless(), headers=headers)
    assert reply.status_code == 413
    assert "太大" in reply.text
    assert given <= 65_536 * 2
    assert files_of(house) == before


def test_an_upload_that_hides_its_size_is_cut_at_the_limit(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(guard, "LIMITS", {"/unit/submit": 8 * 1024 * 1024})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    browser = house.unit()
    before, given = files_of(house), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        yield b'--b\r\nContent-Disposition: form-data; name="file1"; filename="a.pdf"\r\n\r\n'
        while given < 1 << 30:
            given += 65_536
            yield b"x" * 65_536

    tracemalloc.start()
    try:
        headers = {"content-type": "multipart/form-data; boundary=b"}
        reply = browser.post("/unit/submit", content=endless(), headers=headers)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reply.status_code == 413
    assert given < 9 * 1024 * 1024
    assert (
        peak < 6 * 1024 * 1024
    )  # less than what was sent: it went to the disk, and is gone from there
    assert files_of(house) == before
