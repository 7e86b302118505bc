"""An overall end for talking to a server: one that drips a byte a second never lets a read time out.

A timeout on a socket starts anew with every byte. ``TimedSocket`` gives each step what is left of the
whole instead, so that a letter never takes longer than its share of the lease.
"""

from __future__ import annotations

import io
import socket
import time
from typing import Any

SEND_SECONDS = 75.0
"""The longest that sending one letter may take: connecting, talking, waiting for the receipt.

Mail waits up to a minute for an answer, because a server that answers late already has the mail.
"""
_PIECE_BYTES = 16_384


class Deadline:
    """A moment so many seconds from now, by a clock that nobody sets."""

    def __init__(self, seconds: float = SEND_SECONDS) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then; zero or less when it has passed."""
        return self._end - time.monotonic()

    def within(self, seconds: float) -> float:
        """At most so many seconds, and never past the deadline. Raises TimeoutError once it has passed."""
        left = self.left()
        if left <= 0:
            raise TimeoutError
        return min(seconds, left)


class TimedSocket:
    """A connected socket whose every step ends by ``deadline``; ``step`` bounds one step in seconds."""

    def __init__(self, plain: socket.socket, deadline: Deadline, step: float) -> None:
        self.plain = plain
        self.deadline = deadline
        self.step = step

    def tighten(self) -> None:
        """Give the next step what is left. Raises TimeoutError when nothing is."""
        self.plain.settimeout(self.deadline.within(self.step))

    def sendall(self, data: bytes) -> None:
        """Send everything, in pieces: over TLS each piece would have the whole timeout again."""
        view = memoryview(data)
        for start in range(0, len(view), _PIECE_BYTES):
            self.tighten()
            self.plain.sendall(view[start : start + _PIECE_BYTES])

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> io.BufferedReader:
        """A reader of what comes in; it keeps the connection open until it is closed itself."""
        if mode != "rb":
            msg = f"only for reading bytes, not {mode!r}"
            raise ValueError(msg)
        return io.BufferedReader(_Timed(self))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)


class _Timed(io.RawIOBase):
    """Reads from a socket, each time within what is left."""

    def __init__(self, line: TimedSocket) -> None:
        self._line = line
        self._file = line.plain.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what there is, at least a byte. Raises TimeoutError when the time is up."""
        self._line.tighten()
        return self._file.readinto(buffer)

    def close(self) -> None:
        """Let go of the socket."""
        self._file.close()
        super().close()
