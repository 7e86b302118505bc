"""The drop folder ``var/inbox``: workbooks that the office puts there are taken in, one by one.

What was taken goes to ``done/`` with a receipt beside it, what was refused to ``refused/`` with the reason;
nothing is deleted or overwritten. A file that is still being written is left for the next run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from duban import clock
from duban.errors import InputError, Issue, Level, Place
from duban.intake import formtake, zipguard
from duban.intake.workbook import Opened, open_form, take_form
from duban.office import Office

DONE, REFUSED = "done", "refused"
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".download", ".swp")
_LEFT = ".waiting.json"
_ACTOR_CHARS = 120


@dataclass(slots=True)
class Dropped:
    """What the folder brought: how many reports, a sentence and a path per file."""

    taken: int = 0
    lines: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def take_in_folder(office: Office, at: datetime) -> Dropped:
    """Take in what lies in ``var/inbox``; what cannot be read yet is left and told."""
    inbox, found = office.home.var / "inbox", Dropped()
    if not inbox.is_dir():
        return found
    before, waiting = _left_before(inbox), {}
    for path in sorted(inbox.iterdir()):
        if _is_offered(path):
            found.files.append(office.home.shown(path))
            mark = _take_in(office, path, at, found, before.get(path.name))
            if mark:
                waiting[path.name] = mark
    _leave(inbox, waiting)
    return found


def _is_offered(path: Path) -> bool:
    """A real file that no program says it is still writing (``~$…`` is a lock of Excel or WPS)."""
    name = path.name
    return (
        path.is_file()
        and not path.is_symlink()
        and name[0] not in ".~"
        and not name.lower().endswith(_UNFINISHED)
    )


def _take_in(office: Office, path: Path, at: datetime, found: Dropped, before: str | None) -> str:
    """Take in one file. Returns how it looked when it must be left for the next run, else nothing."""
    try:
        mark, data = _mark(path), _read(path)
        same = _mark(path) == mark
    except OSError as problem:
        found.lines.append(
            f"{path.name}：读不出来（{problem.strerror}），留在原处，下次再收。办法：检查文件权限。"
        )
        return ""
    if not same or (_is_cut_off(data) and before != mark):
        found.lines.append(f"{path.name}：好像还没有写完，留在原处，下次再收。")
        return mark if same else "changing"
    try:
        told = _judge(office, path, data, at)
        target = _set_aside(path, told)
    except OSError as problem:
        found.lines.append(
            f"{path.name}：已处理，但挪不动（{problem.strerror}），下次再挪。办法：检查文件夹权限和磁盘。"
        )
        return ""
    found.taken += told.new
    word = "未收" if told.folder == REFUSED else f"收到{told.new}项"
    shown = office.home.shown(target)
    found.lines.append(
        f"{path.name}：{word}，见 {shown}.txt。{told.lines[0] if told.lines else ''}"
    )
    return ""


def _mark(path: Path) -> str:
    told = path.stat()
    return f"{told.st_size}/{told.st_mtime_ns}"


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(zipguard.MAX_FILE_BYTES + 1)


def _is_cut_off(data: bytes) -> bool:
    """A workbook's list of contents stands at its end: without it, its end has not come yet."""
    whole = len(data) > zipguard.MAX_FILE_BYTES or b"PK\x05\x06" in data[-65_557:]
    return not data or (data.startswith(b"PK\x03\x04") and not whole)


def _left_before(inbox: Path) -> Mapping[str, str]:
    try:
        known = json.loads((inbox / _LEFT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _leave(inbox: Path, waiting: Mapping[str, str]) -> None:
    """Remember how unfinished files looked: one that is the same in the next run is not being written."""
    place = inbox / _LEFT
    with suppress(OSError):
        if waiting:
            place.write_text(json.dumps(waiting, ensure_ascii=False), encoding="utf-8")
        else:
            place.unlink(missing_ok=True)


# ---- one file ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    """What became of a file."""

    folder: str
    new: int
    lines: tuple[str, ...]


def _judge(office: Office, path: Path, data: bytes, at: datetime) -> _Told:
    try:
        if path.suffix.lower() != ".xlsx":
            raise zipguard.RefusedError(
                "not-xlsx", "收件夹只收 .xlsx 报送表。", "在 Excel 或 WPS 里另存为 .xlsx 再放进来。"
            )
        return _record(office, path, open_form(data), at)
    except zipguard.RefusedError as refused:
        issue = Issue(Level.ERROR, refused.code, Place(path.name), refused.message, refused.way_out)
        return _Told(REFUSED, 0, tuple(formtake.issue_words([issue])))
    except InputError as wrong:
        return _Told(REFUSED, 0, tuple(formtake.issue_words(wrong.issues)))


def _record(office: Office, path: Path, opened: Opened, at: datetime) -> _Told:
    actor = f"drop:{path.name}"[:_ACTOR_CHARS]
    with office.ledger.write(actor, at) as writing:
        taken = take_form(writing, office, opened, units=None, door="drop", actor=actor)
        lines = formtake.words(writing.conn, taken)
    head = f"{clock.local(at):%Y-%m-%d %H:%M} 收件夹"
    return _Told(REFUSED if taken.refused else DONE, taken.new, (*lines, head))


def _set_aside(path: Path, told: _Told) -> Path:
    """Move the file, its receipt first: after a crash in between the file is judged again, to the same end."""
    folder = path.parent / told.folder
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():  # an earlier file of the same name is evidence too
        number += 1
        target = folder / f"{path.stem}（{number}）{path.suffix}"
    receipt = target.with_name(f"{target.name}.txt")
    receipt.write_text("\n".join(told.lines) + "\n", encoding="utf-8")
    path.replace(target)
    return target
