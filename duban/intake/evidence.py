"""The store of evidence files: by SHA-256 under ``var/evidence/``, written once, never run.

A file is taken in only when its extension *and* its bytes say the same allowed type (``evidence_kinds``)
and the office's virus scanner, where there is one, finds nothing (``evidence_scan``). Bytes are counted
as they come: no file is ever held in memory, and one that is too large is dropped at its limit.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Protocol

from duban.errors import OutsideError
from duban.intake.evidence_kinds import TYPES, check, kind_of, refusal
from duban.intake.evidence_scan import is_clean
from duban.ledger.transitions import Stored
from duban.settings import Home, Scan

MAX_BYTES = 20 * 1024 * 1024
MAX_FILES = 5
NAME_CHARS = 120
ACCEPT = ",".join(f".{name}" for name in TYPES)
"""For the ``accept`` of a file input."""
SETTLING = timedelta(hours=36)
"""So long a file may lie without a report before it counts as left over: a program's ticket for a file
holds for a day, and half a day is grace."""
_CHUNK = 64 * 1024
_DRAFT = ".incoming-"
_HEX = frozenset("0123456789abcdef")
_ASKED_AT_ONCE = 200


class Incoming(Protocol):
    """Bytes that come in: an upload, an attachment of a mail, a file."""

    def read(self, size: int = -1, /) -> bytes | None:
        """The next bytes, at most ``size``; none at the end."""
        ...


# ---- taking in ----------------------------------------------------------------------------------


def store_all(
    home: Home, files: Iterable[tuple[str, Incoming]], *, scan: Scan | None
) -> tuple[Stored, ...]:
    """Take in the files of one submission, the same content once. Raises InputError, OutsideError."""
    given = list(files)
    if len(given) > MAX_FILES:
        raise refusal(
            "too-many-files",
            shown_name(given[MAX_FILES][0]),
            f"一次最多交{MAX_FILES}个附件，这是第{MAX_FILES + 1}个。",
            "合并成一个 PDF，或分次补交。",
        )
    taken = (store(home, name, file, scan=scan) for name, file in given)
    return tuple({stored.sha256: stored for stored in taken}.values())


def store(
    home: Home, name: str, file: Incoming, *, scan: Scan | None, max_bytes: int = MAX_BYTES
) -> Stored:
    """Take in one file, counting its bytes as they come; the same bytes are kept once.

    ``scan``: the office's virus scanner, None where there is none. The file appears under its final name
    only when all of it is on disk. Raises InputError with the reason when it is refused and OutsideError
    when the disk or the scanner fails.
    """
    name = shown_name(name)
    kind = kind_of(name)
    try:
        handle, draft = tempfile.mkstemp(dir=_folder(home), prefix=_DRAFT)
    except OSError as problem:
        raise _disk(problem) from problem
    path = Path(draft)
    try:
        with os.fdopen(handle, "w+b") as out:
            sha256, size = _copy(name, file, out, max_bytes)
            check(name, kind, out)
            out.flush()
            os.fsync(out.fileno())
        _need_clean(home, name, path, sha256, scan)
        _settle(path, place_of(home, sha256), size)
    except OSError as problem:
        raise _disk(problem) from problem
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
    return Stored(sha256, name, kind.media_type, size)


def place_of(home: Home, sha256: str) -> Path:
    """Where the file of that hash lies, whether it is there or not. Raises ValueError for no hash."""
    if not _is_hash(sha256):
        msg = f"not a SHA-256: {sha256!r}"
        raise ValueError(msg)
    return home.var / "evidence" / sha256[:2] / sha256


def _is_hash(text: str) -> bool:
    return len(text) == 64 and set(text) <= _HEX


def shown_name(raw: str) -> str:
    """A file's own name without folders, control signs or signs that turn the direction of reading."""
    last = unicodedata.normalize("NFC", raw).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip(" .")
    stem, dot, extension = kept.rpartition(".")
    if dot and len(extension) <= 8:
        return f"{stem[: NAME_CHARS - len(extension) - 1]}.{extension}"
    return kept[:NAME_CHARS] or "未命名"


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


def _need_clean(home: Home, name: str, path: Path, sha256: str, scan: Scan | None) -> None:
    """Ask the virus scanner; what it finds is refused, and kept apart where the office wants that."""
    if scan is None or is_clean(scan, path):
        return
    if scan.keeps:
        apart = home.var / "quarantine"
        apart.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.replace(apart / sha256)  # as it came, readable by us alone, never served
    raise refusal(
        "file-virus",
        name,
        "没有通过查毒，已拒收。" if not scan.keeps else "没有通过查毒，已隔离，没有作为附件接收。",
        "先在本机查杀病毒，换一份干净的文件再交；有疑问请联系办公室。",
    )


def _folder(home: Home) -> Path:
    folder = home.var / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _settle(draft: Path, final: Path, size: int) -> None:
    """Give the file its name; when the same bytes are there already, they stay and count as new."""
    if final.exists() and final.stat().st_size == size:
        os.utime(final)  # the sweep must not take it while its report is being written
        return
    final.parent.mkdir(exist_ok=True)
    draft.chmod(0o640)
    draft.replace(final)
    for folder in (final.parent, final.parent.parent):
        _sync(folder)


def _sync(folder: Path) -> None:
    """Make the names in a folder last: without it a crash could lose a file that was promised."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _disk(problem: OSError) -> OutsideError:
    return OutsideError(
        f"附件没有存上（{problem.strerror or type(problem).__name__}），这次报送没有记录。",
        "稍后再试；如仍不行请联系办公室检查磁盘。",
    )


# ---- sweeping -----------------------------------------------------------------------------------


def sweep(
    home: Home, now: datetime, known: Callable[[Collection[str]], Collection[str]]
) -> tuple[int, int]:
    """Remove files whose report never came within ``SETTLING``; how many, and their bytes.

    ``known``: which of some hashes the ledger has. It is asked after the files were listed, so that a
    report that comes meanwhile keeps its file. Raises OutsideError when the disk fails.
    """
    count = freed = 0
    try:
        old = [path for path in _files(home) if _is_old(path, now)]
        for start in range(0, len(old), _ASKED_AT_ONCE):
            some = old[start : start + _ASKED_AT_ONCE]
            kept = set(known([path.name for path in some]))
            for path in some:
                if path.name not in kept and _is_old(path, now):
                    freed += path.stat().st_size
                    path.unlink()
                    count += 1
    except OSError as problem:
        raise OutsideError(
            f"没有报送的附件清理不了（{problem.strerror or type(problem).__name__}）。",
            "检查 var/evidence 的权限和磁盘；什么也没有丢。",
        ) from problem
    return count, freed


def _files(home: Home) -> Iterator[Path]:
    """Stored files and what an interrupted upload left; nothing else that may lie there."""
    folder = home.var / "evidence"
    yield from sorted(folder.glob(f"{_DRAFT}*"))
    yield from sorted(path for path in folder.glob("??/*") if _is_hash(path.name))


def _is_old(path: Path, now: datetime) -> bool:
    return now.timestamp() - path.stat().st_mtime > SETTLING.total_seconds()
