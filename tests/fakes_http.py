"""A web service on the loopback that behaves as badly as told, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What the service does. ``how``: answer, drop-before (reads nothing), drop-after, half, silent."""

    status: int = 200
    body: Any = b""
    headers: tuple[str, ...] = ()
    how: str = "answer"

    def written(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        head = f"HTTP/1.1 {self.status} x\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{line}\r\n" for line in self.headers)
        return head.encode() + b"\r\n" + body


@dataclass
class FakeWeb:
    """Listens on a free port; ``replies`` are used up in turn, the last one stays."""

    context: ssl.SSLContext | None = None
    replies: list[Reply] = field(default_factory=lambda: [Reply()])
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> FakeWeb:
        self._done = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        while not self._done.is_set():
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self._answer(line)

    def _answer(self, line: socket.socket) -> None:
        with line:
            line.settimeout(5)
            if self.context:
                line = self.context.wrap_socket(line, server_side=True)
            with line:
                self._act(line, self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])

    def _act(self, line: socket.socket, reply: Reply) -> None:
        if reply.how == "drop-before":
            return
        self.asked.append(_read(line))
        if reply.how == "answer":
            line.sendall(reply.written())
        elif reply.how == "half":
            line.sendall(reply.written()[:-3])
        elif reply.how == "silent":
            self._done.wait(5)


def _read(line: socket.socket) -> Asked:
    with line.makefile("rb") as stream:
        method, target, _ = stream.readline().decode().split()
        headers = {}
        while (one := stream.readline().decode().strip()) != "":
            name, _, value = one.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
    return Asked(method, target, headers, body)
