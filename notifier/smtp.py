"""Sends mail over kept connections and says what became of each recipient.

One TLS context per pool: building one per message took 70–80 % of the time of the stock way. A read
waits 60 s, because a server that answers late already has the mail, and everything together ends by the
letter's own deadline. What is lost after the last line was written is *unknown*, never "failed": it may
have arrived.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from duban.ledger.outbox import BAD_ADDRESS, UNREACHABLE, Outcome
from notifier.deadline import Deadline, TimedSocket

READ_SECONDS = 60
CONNECT_SECONDS = 15
_GOODBYE_SECONDS = 2
MODES = ("ssl", "starttls", "plain")
PORTS = {"ssl": 465, "starttls": 587, "plain": 25}
_ADDRESS = re.compile(r"[\x21-\x7e]+@[\x21-\x7e]+", re.ASCII)
_LOST = (smtplib.SMTPServerDisconnected, OSError)
Reply = tuple[int, bytes] | Exception


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. ``mode``: ssl from the first byte, starttls (refused if not offered), or plain."""

    host: str
    port: int
    mode: str
    user: str = ""
    password: str = ""
    ca_file: str = ""
    read_seconds: float = READ_SECONDS

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port}, {self.mode})"


class UnreachableError(Exception):
    """The server cannot take mail just now, whichever mail it is; the sentence says why."""


class SmtpPool:
    """Connections to one server, kept between mails; safe to use from several threads."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._context: ssl.SSLContext | None = None
        self._idle: list[smtplib.SMTP] = []
        self._lock = threading.Lock()

    def send(
        self, sender: str, recipients: Sequence[str], mail: bytes, by: Deadline | None = None
    ) -> dict[str, Outcome]:
        """Send one mail and give the outcome of each recipient; never raises for what a server does.

        ``by``: when it must have ended, however slowly the server talks.
        """
        bad = [each for each in recipients if not good_address(each)]
        wrong = Outcome("permanent", BAD_ADDRESS, "邮箱地址的写法不对")
        outcomes = dict.fromkeys(bad, wrong)
        good = [each for each in recipients if each not in outcomes]
        if good:
            try:
                outcomes |= self._send(sender, good, mail, by or Deadline())
            except UnreachableError as problem:
                outcomes |= dict.fromkeys(good, Outcome("temporary", UNREACHABLE, str(problem)))
        return outcomes

    def close(self) -> None:
        """Say goodbye on every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            try:
                _give(connection, Deadline(_GOODBYE_SECONDS), _GOODBYE_SECONDS)
                connection.quit()
            except (smtplib.SMTPException, OSError):
                connection.close()

    def _send(
        self, sender: str, recipients: Sequence[str], mail: bytes, by: Deadline
    ) -> dict[str, Outcome]:
        with self._begun(sender, recipients, by) as (connection, replies):
            outcomes = {
                each: _offer(connection, each, reply)
                for each, reply in zip_longest(recipients, replies)
            }
            taken = [each for each, outcome in outcomes.items() if outcome.kind == "sent"]
            if taken:
                outcomes |= dict.fromkeys(taken, _data(connection, mail))
            else:
                _quietly_reset(connection)
            return outcomes

    @contextmanager
    def _begun(
        self, sender: str, recipients: Sequence[str], by: Deadline
    ) -> Iterator[tuple[smtplib.SMTP, list[Reply]]]:
        """A connection that has taken our MAIL FROM, and what it said of recipients told with it.

        Afterwards the connection is kept if it is still good.
        """
        connection, replies = self._begin(sender, recipients, by)
        whole = False
        try:
            yield connection, replies
            whole = connection.sock is not None
        finally:
            if whole:
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.close()

    def _begin(
        self, sender: str, recipients: Sequence[str], by: Deadline
    ) -> tuple[smtplib.SMTP, list[Reply]]:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            fresh = connection is None
            if connection is None:
                connection = self._open(by)
            try:
                _give(connection, by, self.server.read_seconds)
                replies = _start(connection, sender, recipients)
            except UnreachableError:
                connection.close()
                # Servers close idle connections without a word: only a fresh one proves anything.
                if fresh:
                    raise
            else:
                return connection, replies

    def _open(self, by: Deadline) -> smtplib.SMTP:
        """Connect, secure and log in. Raises UnreachableError with a sentence."""
        server = self.server
        where = f"{server.host}:{server.port}"
        try:
            return self._greet(server, by)
        except smtplib.SMTPAuthenticationError as problem:
            raise UnreachableError(
                f"邮件服务器 {where} 不认这个账号或口令（{problem.smtp_code}）"
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise UnreachableError(
                f"邮件服务器 {where} 不支持要求的加密或登录方式，没有改用明文"
            ) from None
        except ssl.SSLCertVerificationError as problem:
            raise UnreachableError(
                f"邮件服务器 {where} 的证书不可信（{problem.verify_message}）"
            ) from None
        except ssl.SSLError as problem:
            raise UnreachableError(
                f"与邮件服务器 {where} 建立加密连接失败（{problem.reason}）"
            ) from None
        except smtplib.SMTPResponseException as problem:
            raise UnreachableError(f"邮件服务器 {where} 暂不接待（{problem.smtp_code}）") from None
        except (smtplib.SMTPException, OSError) as problem:
            raise UnreachableError(f"连不上邮件服务器 {where}（{_short(problem)}）") from None

    def _greet(self, server: Server, by: Deadline) -> smtplib.SMTP:
        connection = _connect(server, self._tls() if server.mode == "ssl" else None, by)
        try:
            connection.ehlo_or_helo_if_needed()
            if server.mode == "starttls":
                _secure(connection, self._tls(), by)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _tls(self) -> ssl.SSLContext:
        """The one context of this pool; reading the system's certificates is what costs."""
        with self._lock:
            if self._context is None:
                self._context = ssl.create_default_context(cafile=self.server.ca_file or None)
            return self._context


# What makes a connection's socket is not in the library's published types, so it is taken as untyped.
_PlainSmtp: Any = smtplib.SMTP
_TlsSmtp: Any = smtplib.SMTP_SSL


class _Smtp(_PlainSmtp):  # type: ignore[misc]  # untyped on purpose, see above
    """SMTP whose every step ends by the deadline, from the greeting on."""

    def __init__(self, by: Deadline, *args: Any, **settings: Any) -> None:
        self._by = by
        super().__init__(*args, **settings)

    def _get_socket(self, host: str, port: int, timeout: float) -> TimedSocket:
        plain = super()._get_socket(host, port, self._by.within(timeout))
        return TimedSocket(plain, self._by, CONNECT_SECONDS)


class _SmtpTls(_TlsSmtp):  # type: ignore[misc]  # untyped on purpose, see above
    """The same over TLS from the first byte."""

    def __init__(self, by: Deadline, *args: Any, **settings: Any) -> None:
        self._by = by
        super().__init__(*args, **settings)

    def _get_socket(self, host: str, port: int, timeout: float) -> TimedSocket:
        plain = super()._get_socket(host, port, self._by.within(timeout))
        return TimedSocket(plain, self._by, CONNECT_SECONDS)


def _connect(server: Server, context: ssl.SSLContext | None, by: Deadline) -> smtplib.SMTP:
    name = "duban.invalid" if not socket.gethostname().isascii() else None
    settings: dict[str, Any] = {"local_hostname": name, "timeout": CONNECT_SECONDS}
    made: smtplib.SMTP
    if context is not None:
        made = _SmtpTls(by, server.host, server.port, context=context, **settings)
    else:
        made = _Smtp(by, server.host, server.port, **settings)
    return made


def _secure(connection: smtplib.SMTP, context: ssl.SSLContext, by: Deadline) -> None:
    """STARTTLS, which wants the bare socket and leaves another one."""
    line: Any = connection.sock
    connection.sock = line.plain
    connection.starttls(context=context)
    secured: Any = TimedSocket(connection.sock, by, CONNECT_SECONDS)
    connection.sock = secured
    connection.ehlo()


def _give(connection: smtplib.SMTP, by: Deadline, step: float) -> None:
    """What a connection does next ends by this deadline, each step within so many seconds."""
    line: Any = connection.sock
    if line is not None:
        line.deadline, line.step = by, step


def good_address(address: str) -> bool:
    """Whether an address may stand in an SMTP command: ASCII, one ``@``, no brackets or blanks."""
    return (
        bool(_ADDRESS.fullmatch(address))
        and address.count("@") == 1
        and not any(sign in address for sign in "<>,;:\"'\\()[]")
        and len(address) <= 254
    )


def _start(connection: smtplib.SMTP, sender: str, recipients: Sequence[str]) -> list[Reply]:
    """MAIL FROM; where commands may be sent together (RFC 2920), RCPT TO with it, and its replies.

    DATA waits for them: sent along, a server that took no recipient might ask for the mail all the same.
    A server that refuses our sender refuses every mail: the channel is at fault.
    """
    together = connection.has_extn("pipelining") and good_address(sender)
    try:
        if together:
            connection.send(_at_once(sender, recipients))
        code, said = connection.getreply() if together else connection.mail(sender)
    except _LOST as problem:
        raise UnreachableError(f"邮件服务器断开了连接（{_short(problem)}）") from None
    replies = [_reply(connection) for _ in recipients] if together else []
    if code != 250:
        raise UnreachableError(f"邮件服务器不接受发件人（{code} {_text(said)}）")
    return replies


def _at_once(sender: str, recipients: Sequence[str]) -> str:
    lines = [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{each}>" for each in recipients)]
    return "".join(f"{line}\r\n" for line in lines)


def _reply(connection: smtplib.SMTP) -> Reply:
    """The next reply of a server, or what kept it from coming."""
    try:
        return connection.getreply()
    except _LOST as problem:
        connection.close()
        return problem


def _offer(connection: smtplib.SMTP, recipient: str, reply: Reply | None) -> Outcome:
    """RCPT TO, unless its ``reply`` is here: what the server says of one recipient; ``sent``: so far."""
    try:
        if isinstance(reply, Exception):
            raise reply
        code, said = reply or connection.rcpt(recipient)
    except _LOST as problem:
        connection.close()
        return Outcome("temporary", "dropped", f"发送前连接中断（{_short(problem)}）")
    if code in {250, 251}:
        return Outcome("sent", str(code))
    outcome = _refusal(connection, code, said)
    if outcome.kind == "permanent" and _nobody_there(code, outcome.detail):
        return replace(outcome, code=BAD_ADDRESS)
    return outcome


def _nobody_there(code: int, detail: str) -> bool:
    """Whether a refusal is about the mailbox (RFC 3463: 5.1.x, 5.2.1) and not about policy."""
    enhanced = re.search(r"\b5\.\d{1,3}\.\d{1,3}\b", detail)
    if enhanced:
        return enhanced[0].startswith("5.1.") or enhanced[0] == "5.2.1"
    return code in {550, 551, 553}


def _data(connection: smtplib.SMTP, mail: bytes) -> Outcome:
    """DATA and the mail itself. Once its last line is written, silence means unknown."""
    try:
        code, said = connection.docmd("DATA")
        if code != 354:
            return _refusal(connection, code, said)
        connection.send(_dotted(mail))
    except _LOST as problem:
        connection.close()
        return Outcome("temporary", "dropped", f"信没有传完连接就断了（{_short(problem)}）")
    try:
        code, said = connection.getreply()
    except (smtplib.SMTPException, OSError) as problem:
        connection.close()
        return Outcome("unknown", "no-answer", f"信已传完，对方没有答复（{_short(problem)}）")
    if code == 250:
        return Outcome("sent", "250", _text(said))
    return _refusal(connection, code, said)


def _dotted(mail: bytes) -> bytes:
    body = re.sub(rb"(?m)^\.", b"..", mail)
    return body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n")


def _refusal(connection: smtplib.SMTP, code: int, said: bytes) -> Outcome:
    """A reply that is no acceptance: 5xx for good, everything else worth another try."""
    if code in {421, -1}:
        connection.close()
    detail = f"{code} {_text(said)}"
    return Outcome("permanent" if 500 <= code <= 599 else "temporary", str(code), detail)


def _quietly_reset(connection: smtplib.SMTP) -> None:
    try:
        connection.rset()
    except (smtplib.SMTPException, OSError):
        connection.close()


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace").replace("\n", " ")[:300]


def _short(problem: BaseException) -> str:
    """An error without its parts that may repeat what we sent."""
    if isinstance(problem, smtplib.SMTPServerDisconnected):  # the library hides a time-out in it
        return "超时" if isinstance(problem.__context__, TimeoutError) else "连接断开"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return "超时" if isinstance(problem, TimeoutError) else type(problem).__name__
