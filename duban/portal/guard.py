"""What stands before every page: headers that browsers obey, a limit on what they may send, whose they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duban.intake.evidence import MAX_BYTES, MAX_FILES
from duban.settings import Settings

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
LIMITS: Mapping[str, int] = {
    "/unit/submit": UPLOAD_BYTES,
    "/unit/form": WORKBOOK_BYTES,
    "/office/form": WORKBOOK_BYTES,
    "/api/v1/evidence": MAX_BYTES,
}
"""Bytes of a request's body by path; everything else is a small form."""


_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """Host names that are answered; empty for any. The machine itself may always ask."""
    if not settings.hosts:
        return frozenset()
    public = urlsplit(settings.public_url).hostname or ""
    return frozenset(settings.hosts) | _LOOPBACK | {public.lower()}


class Guard:
    """Adds the headers to every answer, counts the bytes of every request, refuses strange ones."""

    def __init__(self, app: ASGIApp, hosts: Callable[[], frozenset[str]] = frozenset) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = _strange_host(headers, self.hosts()) or _from_elsewhere(scope["method"], headers)
        if refusal:
            await _refused(scope["path"], refusal)(scope, receive, _headed(send))
            return
        await self.app(scope, _counted(scope, receive), _headed(send))


def _refused(path: str, refusal: str) -> Response:
    """The refusal as text, or as a problem (RFC 9457) for programs."""
    if not path.startswith("/api/"):
        return PlainTextResponse(refusal, 400)
    detail, _, way_out = refusal.strip().partition("办法：")
    body = {
        "type": "urn:duban:problem:malformed",
        "title": "这次请求没有接收",
        "status": 400,
        "detail": detail,
        "way_out": way_out,
        "errors": [],
    }
    return JSONResponse(body, 400, media_type="application/problem+json")


def _strange_host(headers: Headers, allowed: frozenset[str]) -> str:
    """Why a request is not for us; empty when it is. Nothing we write is ever built from this header."""
    if not allowed:
        return ""
    name = urlsplit(f"//{headers.get('host', '')}").hostname if _is_host(headers) else None
    if name in allowed:
        return ""
    return "这个主机名不归本系统应答。办法：用单位公布的网址打开。\n"


def _is_host(headers: Headers) -> bool:
    """Whether the host header can be read at all: brackets that do not match cannot."""
    host = headers.get("host", "")
    return "[" not in host or (host.startswith("[") and host.count("]") == 1)


def _from_elsewhere(method: str, headers: Headers) -> str:
    """Why a form did not come from our pages, where the browser says so; empty when it may have.

    A second lock behind the token that every form carries, and the only one at the door itself.
    """
    if method in {"GET", "HEAD"}:
        return ""
    origin = headers.get("origin", "null")
    other = origin != "null" and urlsplit(origin).netloc != headers.get("host", "")
    if other or headers.get("sec-fetch-site") == "cross-site":
        return "这张表不是从本系统的页面提交的，没有接收。办法：从首页重新进入。\n"
    return ""


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
