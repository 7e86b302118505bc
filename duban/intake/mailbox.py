"""Looks into a mailbox and never changes it: IMAP over TLS, or a local Maildir.

A person may read, mark or move mails there as before: what was dealt with stands in the ledger, not in
flags. Nothing is fetched whole before its size is known.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from duban import clock
from duban.errors import OutsideError, UsageError
from duban.mailbox_settings import PASSWORD, Mailbox
from duban.settings import Home, secret

SECONDS = 30
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_HEAD_BYTES = 64 * 1024
_MAX_LISTED = 200_000


@dataclass(frozen=True, slots=True)
class Lying:
    """A mail as it lies in the box. ``place`` stays the same as long as it lies there."""

    place: str
    at: str  # what the box itself calls it


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail's bytes. ``whole`` False: it is too big, and only its beginning was fetched."""

    raw: bytes
    whole: bool
    arrived_at: datetime | None


class Box(Protocol):
    """An open mailbox."""

    def lying(self, since: date) -> list[Lying]:
        """The mails that arrived since a day, oldest first."""
        ...

    def fetch(self, lying: Lying, max_bytes: int) -> Fetched | None:
        """A mail, or None when somebody has taken it away."""
        ...


def box_number(settings: Mailbox) -> str:
    """A short name of a mailbox, for the record of what was read in it."""
    return hashlib.sha256(f"{settings.url}\n{settings.folder}".encode()).hexdigest()[:12]


@contextmanager
def open_box(settings: Mailbox, home: Home) -> Iterator[Box]:
    """Open the mailbox. Raises OutsideError when it cannot be reached or read, UsageError without password."""
    if settings.parts.scheme == "maildir":
        yield _Maildir(_folder(settings, home), box_number(settings))
        return
    with _sentences(settings), _signed_in(settings) as server:
        yield _Imap(server, settings)


@contextmanager
def _sentences(settings: Mailbox) -> Iterator[None]:
    """A server that fails, as a sentence without any secret."""
    host = settings.parts.hostname or ""
    try:
        yield
    except ssl.SSLCertVerificationError as problem:
        raise OutsideError(
            f"邮箱服务器 {host} 的证书不可信（{problem.verify_message}），没有登录。",
            "内网自建证书请在 mailbox 里写 ca: 证书文件。",
        ) from None
    except imaplib.IMAP4.error as problem:
        said = " ".join(clean_words(str(problem)).split())[:120]
        raise OutsideError(
            f"邮箱服务器 {host} 没有答应：{said}。",
            "核对账号、口令和文件夹；邮件都还在，下次再收。",
        ) from None
    except OSError as problem:
        raise OutsideError(
            f"连不上邮箱服务器 {host}（{problem.strerror or type(problem).__name__}）。",
            "稍后再试；邮件都还在，下次再收。",
        ) from None


def clean_words(said: str) -> str:
    """What a server said, printable."""
    return "".join(char if char.isprintable() else " " for char in said)


# ---- Maildir -----------------------------------------------------------------------------------


def _folder(settings: Mailbox, home: Home) -> Path:
    parts = settings.parts
    named = unquote(parts.netloc + parts.path)
    return Path(named) if named.startswith("/") else home.var / named


@dataclass(frozen=True, slots=True)
class _Maildir:
    """A folder of the Maildir kind; its files never change once they have their name."""

    folder: Path
    box: str

    def lying(self, since: date) -> list[Lying]:
        if not (self.folder / "new").is_dir() or not (self.folder / "cur").is_dir():
            raise OutsideError(
                f"{self.folder} 不是邮件夹（缺 new/ 或 cur/）。", "核对 mailbox 的 url。"
            )
        first = clock.at(since).timestamp()
        found = []
        for name in ("new", "cur"):
            for path in (self.folder / name).iterdir():
                with suppress(FileNotFoundError):
                    told = path.stat()
                    if path.is_file() and path.name[0] != "." and told.st_mtime >= first:
                        found.append((told.st_mtime, path.name.split(":")[0], path))
        return [Lying(f"{self.box}:{unique}"[:240], str(path)) for _, unique, path in sorted(found)]

    def fetch(self, lying: Lying, max_bytes: int) -> Fetched | None:
        path = Path(lying.at)
        try:
            told = path.stat()
            with path.open("rb") as file:
                raw = file.read(max_bytes + 1)
        except FileNotFoundError:
            return None  # a mail program has moved it to cur/ or away; it is found again if it is there
        except OSError as problem:
            raise OutsideError(
                f"邮件夹读不出来（{problem.strerror}）：{path.name}。", "检查权限；下次再收。"
            ) from None
        whole = len(raw) <= max_bytes
        arrived = datetime.fromtimestamp(told.st_mtime, tz=UTC)
        return Fetched(raw if whole else raw[:_HEAD_BYTES], whole, clock.local(arrived))


# ---- IMAP --------------------------------------------------------------------------------------


@contextmanager
def _signed_in(settings: Mailbox) -> Iterator[imaplib.IMAP4]:
    parts = settings.parts
    password = secret(PASSWORD)
    if not password:
        raise UsageError(
            "没有给出收件邮箱的口令。",
            f"设环境变量 {PASSWORD}，或 {PASSWORD}_FILE 指向存着它的文件。",
        )
    server = _connected(settings)
    try:
        server.login(unquote(parts.username or ""), password)
        yield server
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            server.logout()
        with suppress(OSError):
            server.shutdown()  # a connection that broke is not closed by saying goodbye


def _connected(settings: Mailbox) -> imaplib.IMAP4:
    parts = settings.parts
    host = parts.hostname or ""
    if parts.scheme == "imap":  # the loopback only, as the settings were checked
        return imaplib.IMAP4(host, parts.port or 143, timeout=SECONDS)
    context = ssl.create_default_context(cafile=settings.ca or None)
    return imaplib.IMAP4_SSL(host, parts.port or 993, ssl_context=context, timeout=SECONDS)


class _Imap:
    """A folder on a server, opened for reading only."""

    def __init__(self, server: imaplib.IMAP4, settings: Mailbox) -> None:
        self._server = server
        _need(server.select(f'"{utf7(settings.folder)}"', readonly=True))
        validity = server.response("UIDVALIDITY")[1]
        number = validity[0].decode() if validity and isinstance(validity[0], bytes) else "0"
        self._prefix = f"{box_number(settings)}:{number}"

    def lying(self, since: date) -> list[Lying]:
        day = f"{since.day}-{_MONTHS[since.month - 1]}-{since.year}"
        found = _need(self._server.uid("SEARCH", f"SINCE {day}"))
        uids = b" ".join(each for each in found if isinstance(each, bytes)).split()[:_MAX_LISTED]
        named = sorted({int(uid) for uid in uids if uid.isdigit()})
        return [Lying(f"{self._prefix}.{uid}", str(uid)) for uid in named]

    def fetch(self, lying: Lying, max_bytes: int) -> Fetched | None:
        told = _need(self._server.uid("FETCH", lying.at, "(RFC822.SIZE INTERNALDATE)"))
        head = b" ".join(each for each in told if isinstance(each, bytes))
        size = re.search(rb"RFC822\.SIZE (\d+)", head)
        if size is None:
            return None
        whole = int(size[1]) <= max_bytes
        most = (
            max_bytes + 1 if whole else _HEAD_BYTES
        )  # the size is the server's word: count as well
        parts = _need(self._server.uid("FETCH", lying.at, f"(BODY.PEEK[]<0.{most}>)"))
        raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
        if not isinstance(raw, bytes):
            return None
        if len(raw) > max_bytes:
            whole, raw = False, raw[:_HEAD_BYTES]
        return Fetched(raw, whole, _arrived(head))


def _need(answer: tuple[str, Sequence[object]]) -> Sequence[object]:
    """What the server gave, or the refusal it said."""
    status, given = answer
    if status != "OK":
        said = given[0].decode("utf-8", "replace") if isinstance(given[0], bytes) else status
        raise imaplib.IMAP4.error(said)
    return given


def _arrived(head: bytes) -> datetime | None:
    found = re.search(rb'INTERNALDATE "([^"]{11,40})"', head)
    if found is None:
        return None
    told = email.utils.parsedate_tz(
        found[1].decode("ascii", "replace").strip().replace("-", " ", 2)
    )
    if told is None or told[9] is None:
        return None
    try:
        return clock.local(datetime.fromtimestamp(email.utils.mktime_tz(told), tz=UTC))
    except (ValueError, OverflowError, OSError):
        return None


def utf7(name: str) -> str:
    """A folder's name as IMAP writes it (RFC 3501, 5.1.3): 已收 becomes ``&Xn12NQ-`` or the like."""

    def coded(match: re.Match[str]) -> str:
        if match[0] == "&":
            return "&-"
        packed = base64.b64encode(match[0].encode("utf-16-be")).decode().rstrip("=")
        return f"&{packed.replace('/', ',')}-"

    return re.sub(r"&|[^\x20-\x7e]+", coded, name).replace("\\", "\\\\").replace('"', '\\"')
