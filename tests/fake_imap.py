"""A small IMAP server on the loopback, over TLS: what a reader of one folder needs, and how it can misbehave."""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Mails:
    """What lies in the folder: UID to bytes and the day it arrived. ``log``: every command that came."""

    uids: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    validity: int = 7
    password: str = "geheim"
    drop_at: str = ""
    log: list[str] = field(default_factory=list)

    def put(self, raw: bytes, when: str = "16-Nov-2026 09:00:00 +0800") -> None:
        self.uids[max(self.uids, default=0) + 1] = (raw.replace(b"\n", b"\r\n"), when)


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):
            self.wfile.write(b"* OK ready\r\n")
            while line := self.rfile.readline():
                tag, _, rest = line.decode().strip().partition(" ")
                if not self._answer(tag, rest):
                    return

    def _answer(self, tag: str, rest: str) -> bool:
        mails: Mails = self.server.mails  # type: ignore[attr-defined]
        mails.log.append(rest)
        verb = rest.upper()
        if mails.drop_at and mails.drop_at in verb:
            mails.drop_at = ""
            return False
        said, status = b"", "OK done"
        if verb.startswith("LOGIN") and mails.password not in rest:
            status = "NO wrong password"
        elif verb.startswith(("SELECT", "EXAMINE")):
            said = f"* 1 EXISTS\r\n* OK [UIDVALIDITY {mails.validity}] ok\r\n".encode()
            status = "OK [READ-ONLY] done"
        elif verb.startswith("CAPABILITY"):
            said = b"* CAPABILITY IMAP4rev1\r\n"
        elif verb.startswith("UID SEARCH"):
            said = ("* SEARCH " + " ".join(map(str, mails.uids)) + "\r\n").encode()
        elif verb.startswith("UID FETCH"):
            said = self._fetch(mails, verb)
        elif verb.startswith("LOGOUT"):
            self.wfile.write(f"* BYE\r\n{tag} OK\r\n".encode())
            return False
        self.wfile.write(said + f"{tag} {status}\r\n".encode())
        return True

    @staticmethod
    def _fetch(mails: Mails, verb: str) -> bytes:
        uid = int(verb.split()[2])
        if uid not in mails.uids:
            return b""
        raw, when = mails.uids[uid]
        part = re.search(r"<0\.(\d+)>", verb)
        if part is None:
            return (
                f'* 1 FETCH (UID {uid} RFC822.SIZE {len(raw)} INTERNALDATE "{when}")\r\n'.encode()
            )
        raw = raw[: int(part[1])]
        return f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw + b")\r\n"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, mails: Mails, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails = mails
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)

    def get_request(self) -> tuple[Any, Any]:
        raw, address = self.socket.accept()
        raw.settimeout(10)
        return self._context.wrap_socket(raw, server_side=True), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is what some tests are about."""


@contextmanager
def imap(mails: Mails, certificate: Path) -> Iterator[int]:
    """The server on a free port."""
    server = _Server(mails, certificate)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
