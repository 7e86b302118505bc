"""The OpenAPI 3.1 document of the API, and whether the service is well. Open to everybody.

The document is made from the routes, so it cannot forget one; what the framework cannot know (bodies that we
read ourselves, refusals, tokens) is added here.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from duban.errors import OutsideError
from duban.ledger import queries, tokens
from duban.portal import access_table, api_given, api_read, api_shapes, api_told, api_write
from duban.portal.access_table import Door
from duban.portal.api import health
from duban.portal.api_body import strict_query
from duban.portal.api_problem import MEDIA_TYPE, problem
from duban.portal.state import portal_of

router = APIRouter(prefix="/api/v1", dependencies=[Depends(strict_query)])
VERSION = "1.0.0"
_DESCRIPTION = """\
单位的系统用它取待办、报送、签收、申请延期；办公室的系统用它看全部、审核。与网页、报送表、命令行走同一套规则，写进同一本台账。

- 凭证：请求头 `Authorization: Bearer 凭证`，由办公室用 `duban token add` 开出，分单位、分权限，会到期。单位凭证只看得到本单位；别的单位的编号与不存在的编号，回答一样。
- 报送要带 `Idempotency-Key`：没收到回答就原样重发，不会重复登记。
- 办不成时一律回答 `application/problem+json`，写明原因和办法。
- 每个凭证的请求次数有限，超过时回答 429 和 `Retry-After`。
- 时间都带时区；数都写成十进制文字，不用小数。
- GET 从不改动任何东西，也不记谁看过。
"""
_BODIES: dict[tuple[str, str], type[BaseModel] | None] = {
    ("post", "/api/v1/submissions"): api_given.ReportIn,
    ("post", "/api/v1/acknowledgements"): api_given.KeyIn,
    ("post", "/api/v1/extensions"): api_given.ExtensionIn,
    ("post", "/api/v1/reviews"): api_given.ReviewIn,
    ("post", "/api/v1/evidence"): None,  # the file itself
}
_REFUSALS = {
    400: "没有读懂：不是合法的 JSON，或主机名不归本系统应答",
    401: "没有凭证，或凭证不能用",
    403: "凭证的权限不够",
    404: "没有，或不在这个凭证看得到的范围里",
    405: "不能用这个方法",
    409: "事项现在的状态不允许",
    413: "内容太大",
    415: "内容类型不对",
    422: "填写有误，errors 里逐项写明",
    429: "请求太密",
    500: "系统出了差错",
    503: "系统暂时办不成，稍后原样重发",
}
_REFERENCE = "#/components/schemas/{model}"


@cache
def document() -> dict[str, Any]:
    """The document. The same text for the same version of the software; needs no office."""
    routes = [
        route
        for part in (router, api_read.router, api_told.router, api_write.router)
        for route in part.routes
        if isinstance(route, APIRoute)
    ]
    made = get_openapi(
        title="督办接口",
        version=VERSION,
        openapi_version="3.1.0",
        description=_DESCRIPTION,
        routes=routes,
        servers=[{"url": "/", "description": "本单位的督办系统，如 http://127.0.0.1:8420"}],
        tags=[{"name": name} for name in ("凭证", "应办事项", "报送", "消息", "现状")],
        separate_input_output_schemas=False,
    )
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    # The framework leaves every null out of its own copies, also in examples.
    for shape in [getattr(api_shapes, name) for name in ("Problem", *schemas)]:
        _add_schema(schemas, shape)
    for shape in filter(None, _BODIES.values()):
        _add_schema(schemas, shape)
    made["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": f"凭证以 {tokens.PREFIX} 开头；权限：read 查看、submit 报送、review 审核",
        }
    }
    made["components"]["responses"] = {
        f"Refused{status}": _refusal(status, told) for status, told in _REFUSALS.items()
    }
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation)
    return made


def text() -> str:
    """The document as it stands in docs/schema/openapi.json."""
    return json.dumps(document(), ensure_ascii=False, indent=2) + "\n"


def _add_schema(schemas: dict[str, Any], shape: type[BaseModel]) -> None:
    made = shape.model_json_schema(ref_template=_REFERENCE)
    schemas.update(made.pop("$defs", {}))
    schemas[shape.__name__] = made


def _refusal(status: int, told: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": told,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
    header = {401: "WWW-Authenticate", 403: "WWW-Authenticate", 405: "Allow", 429: "Retry-After"}
    if status in header:
        kind = {"type": "integer", "minimum": 1} if status == 429 else {"type": "string"}
        made["headers"] = {header[status]: {"schema": kind, "required": True}}
    return made


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add to an operation who may call it, what it takes and how it refuses."""
    rule = access_table.TABLE[method.upper(), path]
    statuses = set(_REFUSALS) - {409, 413, 415}
    if rule.door is Door.TOKEN:
        operation["security"] = [{"token": []}]
        operation["description"] = _who(rule) + operation.get("description", "")
    else:
        statuses -= {401, 403, 404, 429}
    if (method, path) in _BODIES:
        statuses |= {409, 413, 415}
        operation["requestBody"] = _body(_BODIES[method, path])
    for status in operation["responses"].keys() - {"200", "201"}:
        del operation["responses"][status]
    for status in sorted(statuses):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/Refused{status}"}
    for status in operation["responses"].keys() & {"200", "201"}:
        operation["responses"][status]["description"] = "办成"
    lines = operation.get("description", "").splitlines()
    operation["summary"] = lines[-1].partition("：")[0].partition("。")[0] if lines else path
    if path == "/api/v1/submissions" and method == "post":
        operation["responses"]["201"]["headers"] = {
            "Idempotent-Replayed": {
                "description": "true：这份报送先前已收到，没有重复登记",
                "schema": {"type": "string", "enum": ["true"]},
            }
        }


def _who(rule: access_table.Rule) -> str:
    sides = "、".join(
        {"unit": "单位", "office": "办公室"}[each] for each in sorted(rule.sides, reverse=True)
    )
    return f"要{sides}凭证，权限 {rule.scope}（{tokens.SCOPE_NAMES[rule.scope]}）。\n\n"


def _body(shape: type[BaseModel] | None) -> dict[str, Any]:
    if shape is None:
        kind = {"type": "string", "format": "binary"}
        return {"required": True, "content": {"application/octet-stream": {"schema": kind}}}
    schema = {"$ref": _REFERENCE.format(model=shape.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


# ---- open to everybody -------------------------------------------------------------------------


@router.get("/openapi.json", tags=["现状"], operation_id="openapi", response_class=JSONResponse)
def openapi() -> Response:
    """这份接口说明（OpenAPI 3.1）。"""
    return JSONResponse(document())


@router.get("/healthz", tags=["现状"], operation_id="healthz", response_model=api_shapes.Health)
def healthz(request: Request) -> Response | api_shapes.Health:
    """是否正常：台账应答，各流程最近都运行过；否则 503。"""
    portal = portal_of(request)
    now = portal.now()
    try:
        with portal.ledger.read() as conn:
            said = health(conn, portal.office.matrix.plan.id, now)
    except OutsideError as failed:
        return problem(503, "台账没有应答", failed.message, failed.way_out)
    if said["ok"]:
        return api_shapes.Health(ok=True, now=now, stale=[])
    return problem(
        503,
        "有流程太久没有运行",
        f"太久没有运行：{'、'.join(said['stale'])}。" if said["stale"] else "有流程的时间在将来。",
        "请系统管理员运行 duban doctor。",
        more={"stale": said["stale"]},
    )


@router.get("/readyz", tags=["现状"], operation_id="readyz", response_model=api_shapes.Ready)
def readyz(request: Request) -> Response | api_shapes.Ready:
    """能不能接收请求：台账应答即可；否则 503。"""
    portal = portal_of(request)
    try:
        with portal.ledger.read() as conn:
            queries.is_example(conn)
    except OutsideError as failed:
        return problem(503, "台账没有应答", failed.message, failed.way_out)
    return api_shapes.Ready(ready=True, now=portal.now())
