"""Renders pages, reads forms, and turns every refusal into a page with the way out."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException

from duban import clock
from duban.errors import InputError, Issue, OutsideError
from duban.intake.evidence import MAX_BYTES, MAX_FILES
from duban.intake.submission import clean
from duban.ledger import links, queries
from duban.portal import access, gate, shown
from duban.portal.access import Clerk, Denied, Liaison
from duban.portal.guard import HEADERS
from duban.portal.state import Portal, portal_of
from duban.settings import EXAMPLE_MARK

FOLDER = Path(__file__).parent
MAX_FIELDS = 400
MAX_FIELD_BYTES = 32 * 1024
router = APIRouter(include_in_schema=False)


def templates() -> Environment:
    """The templates: escaped always; a name that is missing fails in a test, not as a blank."""
    env = Environment(
        loader=FileSystemLoader(FOLDER / "templates", encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(shown.FILTERS)
    env.globals.update(shown.WORDS)
    env.globals.update(new_idem=new_idem, placeholder=links.PLACEHOLDER)
    return env


def new_idem() -> str:
    """A fresh number for a form, so that sending it twice counts once."""
    return secrets.token_urlsafe(12)


_TEMPLATES = templates()


def render(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page with what every page shows: the office, whose turn it is, and the banner of an example."""
    portal = portal_of(request)
    now = portal.now()
    known: dict[str, Any] = {
        "office": portal.office.settings,
        "plan": portal.office.matrix.plan,
        "example": _is_example(portal),
        "example_mark": EXAMPLE_MARK,
        "now": now,
        "today": clock.day_of(now),
        "clerk": None,
        "liaison": None,
        "here": name.partition(".")[0],
        "counts": {},
        "form_token": "",
        "issues": (),
        "style_version": _version("app.css"),
        "script_version": _version("app.js"),
        "desk_script": _version("review.js"),
    }
    page = _TEMPLATES.get_template(name).render(known | values)
    return HTMLResponse(page, status_code=status)


def _version(file: str) -> str:
    """Changes when the file does, so that browsers may keep it."""
    return f"{(FOLDER / 'static' / file).stat().st_mtime_ns // 1_000_000:x}"


def _is_example(portal: Portal) -> bool:
    if portal.home.example:
        return True
    try:
        with portal.ledger.read() as conn:
            return queries.is_example(conn)
    except OutsideError:
        return False


def see_other(address: str) -> RedirectResponse:
    """To another page after a form was taken in."""
    return RedirectResponse(address, status_code=303)


# ---- forms -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Form:
    """A form that came in: plain fields, fields given several times, and files with a name."""

    data: FormData

    def text(self, name: str) -> str:
        """A field as text; empty when it is missing."""
        value = self.data.get(name, "")
        return value if isinstance(value, str) else ""

    def line(self, name: str, chars: int) -> str:
        """A field as one clean line of at most so many characters."""
        return " ".join(clean(self.text(name)).split())[:chars]

    def texts(self, name: str) -> list[str]:
        """All values of a field, each once."""
        found = [value for value in self.data.getlist(name) if isinstance(value, str)]
        return list(dict.fromkeys(found))

    @property
    def fields(self) -> Mapping[str, str]:
        """Every plain field, the last value of each."""
        return {name: value for name, value in self.data.multi_items() if isinstance(value, str)}

    @property
    def files(self) -> Sequence[UploadFile]:
        """Files that were really chosen: an empty input comes without a name."""
        found = [value for _, value in self.data.multi_items() if isinstance(value, UploadFile)]
        return [file for file in found if file.filename]


async def form(request: Request) -> AsyncIterator[Form]:
    """Dependency: the form of a request, bounded in files, fields and text."""
    async with request.form(
        max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES
    ) as data:
        yield Form(data)


def check_form(portal: Portal, visitor: Liaison | Clerk, given: Form) -> None:
    """Refuse a form that one of our pages did not make for this visitor."""
    access.check_form(portal.key, visitor.cookie, given.text("form_token"))


# ---- refusals ----------------------------------------------------------------------------------

_TITLES = {
    400: ("没有读懂这次提交", "提交的内容不完整，或附件太多。", f"附件一次最多{MAX_FILES}个；返回上一页重试。"),
    404: ("没有这个页面", "网址可能没有复制完整。", "从首页重新进入。"),
    405: ("不能这样打开", "这个网址只接收表单。", "返回上一页，用页面上的按钮。"),
    413: (
        "文件太大，没有接收",
        f"单个附件不超过 {MAX_BYTES // 1024 // 1024} MB，一次不超过{MAX_FILES}个。",
        "压缩照片或拆成几次交；填过的文字返回上一页还在。",
    ),
}  # fmt: skip
_ANY = ("没有办成", "这次请求没有办成，什么也没有改动。", "返回上一页重试。")


def problem(
    request: Request,
    status: int,
    title: str,
    message: str,
    way_out: str,
    *,
    issues: Sequence[Issue] = (),
    sign_in: str = "",
) -> Response:
    """A refusal as a page, or as JSON for those who asked for it."""
    if request.url.path in {"/healthz"} or request.query_params.get("format") == "json":
        return JSONResponse({"error": message, "way_out": way_out}, status)
    return render(
        request,
        "problem.html",
        status=status,
        title=title,
        message=message,
        way_out=way_out,
        issues=issues,
        sign_in=sign_in,
    )


async def _denied(request: Request, denied: Exception) -> Response:
    assert isinstance(denied, Denied)
    return problem(
        request,
        denied.status,
        denied.title,
        denied.message,
        denied.way_out,
        sign_in=_way_in(request) if denied.sign_in else "",
    )


def _way_in(request: Request) -> str:
    """The way to sign in, and back to what was asked for."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return shown.query("/office/login", next=wanted if request.method == "GET" else "")


async def _input(request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, InputError)
    return problem(request, 422, "没有办成", "请看下面的原因。", "改好再试。", issues=wrong.issues)


async def _outside(request: Request, failed: Exception) -> Response:
    assert isinstance(failed, OutsideError)
    return problem(request, 503, "系统暂时办不成", failed.message, failed.way_out)


async def _http(request: Request, failed: Exception) -> Response:
    assert isinstance(failed, StarletteHTTPException)
    return problem(request, failed.status_code, *_TITLES.get(failed.status_code, _ANY))


async def _invalid(request: Request, _failed: Exception) -> Response:
    return problem(request, 422, "网址不完整", "少了要看的那一项。", "从列表里点进来。")


async def _unknown(request: Request, _failed: Exception) -> Response:
    way_out = "稍后再试；如仍不行，请告诉办公室时间和正在做的事。"
    response = problem(request, 500, "系统出了差错", "这次没有办成，已记入日志。", way_out)
    response.headers.update(HEADERS)  # this one is answered outside the guard
    return response


def add_refusals(app: FastAPI) -> None:
    """Every way of failing has a page."""
    for kind, handler in (
        (Denied, _denied),
        (InputError, _input),
        (OutsideError, _outside),
        (StarletteHTTPException, _http),
        (HTTPException, _http),
        (RequestValidationError, _invalid),
        (Exception, _unknown),
    ):
        app.add_exception_handler(kind, handler)


# ---- the front door ----------------------------------------------------------------------------


@router.get("/")
def front(request: Request) -> Response:
    """What this is and where the keys are; who is signed in goes on."""
    visitor = gate.clerk_of(request)
    if visitor is not None and visitor.stage == "full":
        return see_other(access.home_of(visitor.role, visitor.unit))
    if access.UNIT_COOKIE in request.cookies:
        return see_other("/unit")
    return render(request, "front.html")
