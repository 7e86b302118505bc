"""Reads what a program sends: JSON, strictly, and bytes of a file, bounded."""

from __future__ import annotations

import json
import tempfile
import unicodedata
from collections.abc import Awaitable, Callable, Iterator
from typing import IO, Any, NoReturn, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from duban.portal.api_access import Refused
from duban.portal.api_problem import Invalid, error, of_pydantic

DEPTH = 4
"""Our deepest body is two deep; what is much deeper was not written for us."""
_SPOOL = 256 * 1024  # bytes of a file that are held in memory before the disk is used
_Body = TypeVar("_Body", bound=BaseModel)


def body(shape: type[_Body]) -> Callable[[Request], Awaitable[_Body]]:
    """Dependency: the JSON body of a request as a shape. The gate has asked who it is before."""

    async def read(request: Request) -> _Body:
        need_type(request, "application/json")
        return shaped(shape, parsed(await request.body()))

    return read


def need_type(request: Request, wanted: str) -> None:
    """Refuse another media type. Raises Refused (415)."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != wanted:
        raise Refused(
            415,
            "内容类型不对",
            f"这里只收 {wanted}。",
            f"在请求头里写 Content-Type: {wanted}。",
        )


def parsed(content: bytes) -> Any:
    """JSON as values; no name twice, no fraction, nothing deep, no control characters. Raises Invalid."""
    try:
        found = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
    except (ValueError, RecursionError):
        raise Invalid(
            [error("", "不是合法的 JSON（UTF-8）。", "检查括号、引号和编码。")], 400
        ) from None
    for field, text in _texts(found, "", DEPTH):
        _need_plain(field, text)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Invalid([error(name[:120], "写了两次。", "只留一个。")], 400)
        found[name] = value
    return found


def _no_fraction(text: str) -> NoReturn:
    message = f"有小数 {text[:20]}：小数会失真，没有接收。"
    raise Invalid([error("", message, '指标值写成文字，如 "12.5"；进度写整数。')])


def _texts(value: Any, field: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every text with its field, names of fields too."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict | list):
        if depth == 0:
            raise Invalid([error(field[:120], "嵌套太深。", "对照接口说明改好再发。")])
        named = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in named:
            inner = f"{field}.{name}" if field else str(name)
            if isinstance(name, str):
                yield inner, name
            yield from _texts(each, inner, depth - 1)


def _need_plain(field: str, text: str) -> None:
    for char in text:
        if char not in "\n\r\t" and unicodedata.category(char) in {"Cc", "Cs"}:
            shown = "".join(each for each in field if each.isprintable())[:120]
            way_out = "去掉看不见的控制字符再发。"
            raise Invalid([error(shown, f"含有控制字符 U+{ord(char):04X}。", way_out)])


def shaped(shape: type[_Body], value: Any) -> _Body:
    """A value in a shape; unknown and missing fields by name. Raises Invalid."""
    try:
        return shape.model_validate(value)
    except ValidationError as wrong:
        found = wrong.errors(include_url=False, include_context=True, include_input=False)
        raise Invalid(of_pydantic([dict(each) for each in found])) from None


def strict_query(request: Request) -> None:
    """Dependency: no parameter that we do not know, none twice, no control characters. Raises Invalid."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = {each.alias for each in route.dependant.query_params}
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        _need_plain(name, name + value)
        if name not in known:
            way_out = f"可用的参数：{'、'.join(sorted(known)) or '没有'}。"
            raise Invalid([error(name[:120], "没有这个参数。", way_out)])
        if name in seen:
            raise Invalid([error(name, "写了两次。", "只留一个。")])
        seen.add(name)


async def spooled(request: Request) -> IO[bytes]:
    """The bytes of a request on the disk when they are many; the guard has set their limit."""
    need_type(request, "application/octet-stream")
    file = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - the caller closes it
    try:
        async for chunk in request.stream():
            file.write(chunk)
    except BaseException as failed:
        file.close()
        if isinstance(failed, ClientDisconnect):
            raise Invalid([error("", "附件没有传完。", "重新上传。")], 400) from None
        raise
    file.seek(0)
    return file
