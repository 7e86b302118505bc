"""What stands before every page: headers that browsers obey, and a limit on what they may send."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import HTTPException
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duban.intake.evidence import MAX_BYTES, MAX_FILES

POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
PAPER_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
)
"""For papers that we show but did not write as pages: nothing runs, nothing is fetched."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}
FORM_BYTES = 256 * 1024
WORKBOOK_BYTES = 6 * 1024 * 1024
UPLOAD_BYTES = MAX_FILES * MAX_BYTES + 1024 * 1024
LIMITS: Mapping[str, int] = {"/unit/submit": UPLOAD_BYTES, "/unit/form": WORKBOOK_BYTES}
"""Bytes of a request's body by path; everything else is a small form."""


class Guard:
    """Adds the headers to every answer and counts the bytes of every request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await self.app(scope, _counted(scope, receive), _headed(send))


def _counted(scope: Scope, receive: Receive) -> Receive:
    limit = LIMITS.get(scope["path"], FORM_BYTES)
    stated = dict(scope["headers"]).get(b"content-length", b"0")
    seen = 0

    async def read() -> Message:
        nonlocal seen
        if not stated.isdigit() or int(stated) > limit:
            raise _too_large()
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _too_large()
        return message

    return read


def _too_large() -> HTTPException:
    return HTTPException(413)


def _headed(send: Send) -> Send:
    async def write(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return write
