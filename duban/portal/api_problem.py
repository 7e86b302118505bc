"""Every refusal of the API in one form: application/problem+json (RFC 9457), in Chinese, with the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from duban.errors import InputError, Issue, OutsideError
from duban.portal import access_table
from duban.portal.access import Denied
from duban.portal.api_access import Refused
from duban.portal.guard import HEADERS

MEDIA_TYPE = "application/problem+json"
ROOT = "/api/"
KINDS: Mapping[int, str] = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method",
    409: "conflict",
    410: "gone",
    413: "too-large",
    415: "media-type",
    422: "invalid",
    429: "too-many",
    500: "failed",
    503: "unavailable",
}
"""Status to the last word of ``type``; these words are kept."""
_TITLES: Mapping[int, tuple[str, str, str]] = {
    400: ("没有读懂这次请求", "请求不完整，或不合写法。", "对照 /api/v1/openapi.json 改好再发。"),
    404: ("没有这个网址", "接口里没有这个网址。", "网址见 /api/v1/openapi.json。"),
    405: ("不能用这个方法", "这个网址不接受这种方法。", "可用的方法见 Allow。"),
    413: ("内容太大，没有接收", "请求内容超过上限。", "附件每个不超过 20 MB；其余请求不超过 256 KB。"),
}  # fmt: skip
_ANY = ("没有办成", "这次请求没有办成，什么也没有改动。", "对照 /api/v1/openapi.json 改好再发。")
_STATE_CODES = frozenset(
    {"not-open", "historic", "suspended", "reviewed", "not-submitted", "replaced", "too-late"}
    | {"extended-before", "request-waiting", "asked-often"}
)
"""Refusals that lie in how the item stands, not in what was sent: 409."""
FIELDS: Mapping[str, str] = {
    "本期进展": "progress",
    "存在问题": "problem",
    "下一步打算": "next_step",
    "累计进度": "percent",
    "审签人": "signed_by",
    "完成日期": "stated_on",
}
"""The names by which a form's reader calls its fields, and ours."""
_CODE_FIELDS: Mapping[str, str] = {
    "percent": "percent",
    "percent-missing": "percent",
    "empty": "progress",
    "no-reason": "reason",
    "no-progress": "progress",
    "extend-date": "until",
    "extend-far": "until",
    "idem-reused": "Idempotency-Key",
}


def problem(
    status: int,
    title: str,
    detail: str,
    way_out: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """A refusal. ``errors``: each ``field``, ``message``, ``way_out``; ``more``: extension members."""
    body = {
        "type": f"urn:duban:problem:{KINDS.get(status, 'failed')}",
        "title": title,
        "status": status,
        "detail": detail,
        "way_out": way_out,
        "errors": [dict(each) for each in errors],
    }
    return JSONResponse(body | dict(more or {}), status, dict(headers or {}), MEDIA_TYPE)


def error(field: str, message: str, way_out: str = "") -> dict[str, str]:
    """One entry of ``errors``."""
    return {"field": field, "message": message, "way_out": way_out}


def invalid(errors: Sequence[Mapping[str, str]], status: int = 422) -> Response:
    """What was sent is wrong; every mistake at once."""
    return problem(
        status,
        "填写有误，没有接收",
        "；".join(f"{each['field']}：{each['message']}" if each["field"] else each["message"] for each in errors),
        "按 errors 逐项改好再发。",
        errors=errors,
    )  # fmt: skip


class Invalid(Exception):  # noqa: N818 - it is an answer, not a failure
    """What was sent is wrong. ``status``: 422, or 400 where it could not be read at all."""

    def __init__(self, errors: Sequence[Mapping[str, str]], status: int = 422) -> None:
        super().__init__(str(errors))
        self.errors = errors
        self.status = status


def of_issues(issues: Sequence[Issue]) -> Response:
    """The refusal of an act: 409 where the item stands against it, 413 for size, else 422."""
    codes = {issue.code for issue in issues}
    errors = [error(field_of(each), each.message, each.way_out) for each in issues]
    if codes & _STATE_CODES:
        first = issues[0]
        return problem(
            409, "现在不能这样办", first.message, first.way_out or "刷新后再看。", errors=errors
        )
    return invalid(errors, 413 if codes == {"file-size"} else 422)


def field_of(issue: Issue) -> str:
    """The name of the field that an issue is about; empty when it is about none."""
    place = issue.place.file
    if place.startswith("附件“"):
        return "evidence"
    return FIELDS.get(place) or place or _CODE_FIELDS.get(issue.code, "")


# ---- what the framework refuses ----------------------------------------------------------------

_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("缺少这一项。", "补上再发。"),
    "extra_forbidden": ("没有这一项。", "去掉它，或核对拼写。"),
    "string_type": ("应是文字。", '加引号写成文字，如 "12.5"。'),
    "int_type": ("应是整数。", "写成如 75，不加引号，不带小数。"),
    "int_parsing": ("应是整数。", "写成如 50。"),
    "bool_type": ("应是 true 或 false。", "不加引号。"),
    "list_type": ("应是一个列表。", '写成如 ["…"]。'),
    "dict_type": ("应是“名称：值”的对象。", '写成如 {"mediated": "3"}。'),
    "model_type": ("应是一个对象。", '写成如 {"key": "…"}。'),
    "string_too_long": ("超过{max_length}字。", "精简后再发。"),
    "string_too_short": ("不能空着。", "填好再发。"),
    "too_long": ("超过{max_length}个。", "分次再发。"),
    "string_pattern_mismatch": ("不合写法。", "写法见 /api/v1/openapi.json 里的 pattern。"),
    "greater_than_equal": ("应不小于{ge}。", "改正后再发。"),
    "less_than_equal": ("应不大于{le}。", "改正后再发。"),
    "literal_error": ("只能是 {expected} 之一。", "改正后再发。"),
    "enum": ("只能是 {expected} 之一。", "改正后再发。"),
}


def of_pydantic(found: Sequence[Mapping[str, Any]], *, skip: int = 0) -> list[dict[str, str]]:
    """Mistakes as pydantic finds them, in Chinese. ``skip``: leading parts of a place that are not a field."""
    return [_in_chinese(each, skip) for each in found]


def _in_chinese(found: Mapping[str, Any], skip: int) -> dict[str, str]:
    field = ".".join(str(part) for part in found["loc"][skip:] if part != "[key]")
    message, way_out = _WORDS.get(found["type"], ("不合写法。", "写法见 /api/v1/openapi.json。"))
    said = {name: str(value).replace(" or ", "、") for name, value in found.get("ctx", {}).items()}
    return error(field[:120], message.format_map(_Said(said)), way_out)


class _Said(dict[str, str]):
    """Words for a message; a number that is not given is left out."""

    def __missing__(self, key: str) -> str:
        return "规定"


def _of_http(request: Request, failed: HTTPException) -> Response:
    headers = dict(failed.headers or {})
    if failed.status_code == 405:
        headers["Allow"] = ", ".join(_allowed(request))
    title, detail, way_out = _TITLES.get(failed.status_code, _ANY)
    return problem(failed.status_code, title, detail, way_out, headers=headers)


def _allowed(request: Request) -> list[str]:
    """Every method of this address; those of the API hold no variable parts."""
    return sorted(method for method, path in access_table.TABLE if path == request.url.path)


def _answer(request: Request, failed: Exception) -> Response:
    """The problem that an exception means."""
    match failed:
        case Invalid():
            return invalid(failed.errors, failed.status)
        case Denied():
            headers = failed.headers if isinstance(failed, Refused) else None
            return problem(
                failed.status, failed.title, failed.message, failed.way_out, headers=headers
            )
        case InputError():
            return of_issues(failed.issues)
        case OutsideError():
            return problem(503, "系统暂时办不成", failed.message, failed.way_out)
        case RequestValidationError():
            return invalid(of_pydantic(failed.errors(), skip=1))
        case HTTPException():
            return _of_http(request, failed)
    way_out = "稍后用同一提交编号重发；如仍不行，请告诉办公室时间和网址。"
    response = problem(500, "系统出了差错", "这次没有办成，已记入日志。", way_out)
    response.headers.update(HEADERS)  # this one is answered outside the guard
    return response


_Handler = Callable[[Request, Exception], Awaitable[Response]]


def add_refusals(app: FastAPI) -> None:
    """Every way of failing has a problem below ``/api/``; elsewhere it keeps its page."""
    for kind, page in list(app.exception_handlers.items()):
        app.add_exception_handler(kind, _either(cast(_Handler, page)))
    app.add_exception_handler(Invalid, _either(None))


def _either(page: _Handler | None) -> _Handler:
    async def handle(request: Request, failed: Exception) -> Response:
        if page is None or request.url.path.startswith(ROOT):
            return _answer(request, failed)
        return await page(request, failed)

    return handle
