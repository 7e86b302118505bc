"""Reads ``mailbox:`` of ``config/duban.yaml``: where returned workbooks are collected by mail.

The password never stands in the file: it comes from ``DUBAN_MAILBOX_PASSWORD`` (or the file that
``DUBAN_MAILBOX_PASSWORD_FILE`` names).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from duban.yamltext import Row

SCHEMES = ("imaps", "imap", "maildir")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PASSWORD = "DUBAN_MAILBOX_PASSWORD"
"""Names the environment variable (or ``…_FILE``) with the password; it is none itself."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox that is read and never changed. ``url`` empty: no mailbox.

    ``max_mb``: of one mail. ``max_mails``: in one run. ``first_days``: how far back the first run looks.
    """

    url: str = ""
    folder: str = "INBOX"
    ca: str = ""
    max_mb: int = 20
    max_mails: int = 50
    first_days: int = 7
    refuse_auth_fail: bool = True
    answer_strangers: bool = True

    @property
    def parts(self) -> SplitResult:
        """The address in its parts."""
        return urlsplit(self.url)


def read_mailbox(row: Row | None) -> Mailbox:
    """The settings; what is not written is as in ``Mailbox``. Mistakes go to the row's issues."""
    if row is None:
        return Mailbox()
    found = Mailbox(
        url=row.text("url"),
        folder=row.text("folder", "INBOX"),
        ca=row.text("ca"),
        max_mb=row.integer("max_mb", 20, least=1),
        max_mails=row.integer("max_mails", 50, least=1),
        first_days=row.integer("first_days", 7, least=1),
        refuse_auth_fail=row.flag("refuse_auth_fail", default=True),
        answer_strangers=row.flag("answer_strangers", default=True),
    )
    if found.url:
        _check_url(row, found.url)
    row.close()
    return found


def _check_url(row: Row, url: str) -> None:
    place = row.place_of("url")
    try:
        parts = urlsplit(url)
        host, password, _ = parts.hostname, parts.password, parts.port
    except ValueError:
        parts, host, password = SplitResult("", "", "", "", ""), None, None
    if password:
        row.issues.error(
            "mailbox-secret",
            place,
            "邮箱口令直接写在了配置文件里，会随文件传开。",
            f"从地址里删掉口令，放进环境变量 {PASSWORD}，并更换这个口令。",
        )
    named = bool(parts.netloc or parts.path.strip("/")) if parts.scheme == "maildir" else bool(host)
    if parts.scheme not in SCHEMES or not named:
        row.issues.error(
            "mailbox-url",
            place,
            "邮箱地址写得不对。",
            "写成 imaps://账号@mail.单位.example，或 maildir:///邮件夹路径。",
        )
    elif parts.scheme == "imap" and host not in _LOOPBACK:
        row.issues.error(
            "mailbox-plain",
            place,
            "imap:// 不加密，口令和内容会被看见。",
            "改成 imaps://；imap:// 只许用于本机。",
        )
