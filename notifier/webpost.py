"""Sends one HTTP request and says how far it came: answered, surely not taken, or nobody knows.

No redirect is followed (a login page would count as delivered), no connection is kept (group bots take
20 messages a minute), the certificate is always checked, and a server that drips its answer is cut off.
Nothing here is ever logged.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from notifier.deadline import Deadline, TimedSocket

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
BODY_MAX_BYTES = 65_536
HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_PLAIN = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said. ``retry_after``: its header as written, empty when there is none."""

    status: int
    body: bytes
    retry_after: str = ""


class NotTakenError(Exception):
    """The request surely did not arrive; the sentence says why."""


class NoAnswerError(Exception):
    """The request was written out, but no whole answer came: it may have been acted on."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go: a scheme, host and port, and a path put before every request's own."""

    secure: bool
    host: str
    port: int
    prefix: str

    @property
    def name(self) -> str:
        """Host and port, for sentences."""
        return f"{self.host}:{self.port}"


def origin_of(url: str) -> Origin | None:
    """Read ``https://host[:port][/prefix]``; None when it is anything else.

    ``http://`` is taken only for this very machine (a forwarder of the office's own): keys and texts
    do not cross a network in clear.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    odd = parts.query or parts.fragment or "@" in parts.netloc or not _HOST.fullmatch(parts.netloc)
    if odd or not host or parts.scheme not in {"http", "https"} or not _PLAIN.fullmatch(url):
        return None
    secure = parts.scheme == "https"
    if not secure and host not in HERE:
        return None
    return Origin(secure, host, port or (443 if secure else 80), parts.path.rstrip("/"))


class Web:
    """One service on the web; makes its TLS context once."""

    def __init__(
        self,
        origin: Origin,
        *,
        ca_file: str = "",
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.origin = origin
        self.connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        by: Deadline | None = None,
    ) -> Answer:
        """Make one request that ends by a deadline.

        Raises NotTakenError or NoAnswerError, whose sentences hold no secret.
        """
        connection = self._connect(by or Deadline())
        try:
            self._write(connection, method, path, body, headers or {})
            return _read(connection)
        finally:
            connection.close()

    def _connect(self, by: Deadline) -> http.client.HTTPConnection:
        where = self.origin.name
        connection = self._connection()
        try:
            connection.timeout = by.within(self.connect_seconds)
            connection.connect()
        except ssl.SSLCertVerificationError as problem:
            raise NotTakenError(f"{where} 的证书不可信（{problem.verify_message}）") from None
        except ssl.SSLError as problem:
            raise NotTakenError(f"与 {where} 建立加密连接失败（{problem.reason}）") from None
        except (OSError, UnicodeError) as problem:
            raise NotTakenError(f"连不上 {where}（{_short(problem)}）") from None
        line: Any = TimedSocket(connection.sock, by, self.read_seconds)
        connection.sock = line
        return connection

    def _connection(self) -> http.client.HTTPConnection:
        origin = self.origin
        if not origin.secure:
            return http.client.HTTPConnection(
                origin.host, origin.port, timeout=self.connect_seconds
            )
        try:
            if self._context is None:
                self._context = ssl.create_default_context(cafile=self._ca_file or None)
        except OSError as problem:
            raise NotTakenError(f"ca= 指的证书文件读不出来（{_short(problem)}）") from None
        return http.client.HTTPSConnection(
            origin.host, origin.port, timeout=self.connect_seconds, context=self._context
        )

    def _write(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> None:
        given = {"User-Agent": "duban", "Accept": "application/json", "Connection": "close"}
        if body:
            given |= {"Content-Type": "application/json; charset=utf-8"}
        try:
            connection.request(method, self.origin.prefix + path, body or None, given | {**headers})
        except OSError as problem:
            # Headers and a part of the text may be there; a request that is not whole is not acted on
            # by a server that keeps the rules. Not every gateway does.
            raise NoAnswerError(f"没有传完连接就断了（{_short(problem)}）") from None


def _read(connection: http.client.HTTPConnection) -> Answer:
    try:
        response = connection.getresponse()
        body = response.read(BODY_MAX_BYTES)
        missing = response.length if len(body) < BODY_MAX_BYTES else 0
    except (http.client.HTTPException, OSError) as problem:
        raise NoAnswerError(f"已传完，对方没有答复（{_short(problem)}）") from None
    if missing:
        raise NoAnswerError("已传完，对方的答复只到了一半")
    return Answer(response.status, body, response.getheader("Retry-After") or "")


def _short(problem: BaseException) -> str:
    """An error without its parts that may repeat what we sent."""
    if isinstance(problem, TimeoutError):
        return "超时"
    if isinstance(problem, socket.gaierror):
        return "查不到这个主机名"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return type(problem).__name__
