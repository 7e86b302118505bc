"""``dubanmaildir://`` – a Maildir folder: mail for an office without a mail server, and for trying out.

The file's name is the message's number, so delivering it again finds it there and makes no second copy.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from duban.ledger.outbox import UNREACHABLE, Outcome
from notifier.channels.base import NotifyDuban, Parcel
from notifier.mime import digest_of


class NotifyDubanMaildir(NotifyDuban):
    """Writes each mail to ``new/`` by way of ``tmp/``: a reader never sees half of one."""

    service_name = "Duban maildir"
    protocol = "dubanmaildir"

    def __init__(self, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = Path(folder)

    def carry(self, parcel: Parcel) -> Outcome:
        """Write the mail unless it is there already."""
        refused = parcel.refused()
        if refused is not None:
            return refused
        name = digest_of(parcel.letter.id)
        try:
            for part in ("tmp", "new", "cur"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
            if self._has(name):
                return Outcome("sent", "maildir", "邮件夹里已有这封，未重复写入")
            self._write(name, parcel.as_mail())
        except OSError as problem:
            return Outcome("temporary", UNREACHABLE, f"邮件夹写不进去（{problem.strerror}）")
        return Outcome("sent", "maildir", f"new/{name}")

    def _has(self, name: str) -> bool:
        """Whether it lies in ``new``, or was read and moved to ``cur`` (there with flags)."""
        return (self.folder / "new" / name).exists() or any((self.folder / "cur").glob(f"{name}*"))

    def _write(self, name: str, mail: bytes) -> None:
        # A worker that was killed left at most a piece in tmp; each process writes its own.
        piece = self.folder / "tmp" / f"{name}.{os.getpid()}"
        try:
            with piece.open("wb") as file:
                file.write(mail)
                file.flush()
                os.fsync(file.fileno())
            piece.replace(self.folder / "new" / name)
        finally:
            with suppress(FileNotFoundError):
                piece.unlink()
        _sync(self.folder / "new")

    @staticmethod
    def parse_url(url: str) -> dict[str, Any] | None:
        """Parse ``dubanmaildir://localhost/absolute/folder``."""
        found: dict[str, Any] | None = NotifyDuban.parse_url(url, verify_host=False)
        if found:
            found["folder"] = NotifyDuban.unquote(found.get("fullpath") or "")
        return found if found and found["folder"] else None


def _sync(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
