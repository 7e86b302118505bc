"""Signing in and out: by account, by the office's key before there is an administrator, by a one-time link."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from duban import credentials
from duban.accounts import NAME_CHARS, Role, check_password, network, plain_name
from duban.errors import NOWHERE, Issue, Issues
from duban.ledger import accounts
from duban.ledger.accounts import Secrets
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.portal import access, door
from duban.portal.access import OFFICE_COOKIE, SESSION_COOKIE, Clerk, Denied
from duban.portal.door import Turn
from duban.portal.gate import office_visitor
from duban.portal.pages import Form, check_form, form, render, see_other
from duban.portal.shown import query
from duban.portal.state import Portal, portal_of

router = APIRouter(include_in_schema=False)
Visitor = Annotated[Clerk, Depends(office_visitor)]
Posted = Annotated[Form, Depends(form)]
_LOCAL = re.compile(r"/(?:[A-Za-z0-9_\-.~%@:+,=&?/]*)")
_SAID = {"password": "口令已设好，现在用它登录。", "out": "已退出。"}
WRONG = "账号名或口令不对。"
"""The answer to a wrong password, an unknown name, a disabled account and one without a password alike."""


def safe_next(given: str) -> str:
    """Where to go after signing in: a page of the office's side on this site, else empty.

    Refuses other hosts in all their spellings (``//x``, ``/\\\\x``, control characters, a scheme).
    """
    if len(given) > 500 or not _LOCAL.fullmatch(given):
        return ""
    path = urlsplit(given).path
    known = path == "/office" or path.startswith("/office/")
    door_itself = path.startswith(("/office/login", "/office/logout", "/office/oidc"))
    return given if known and not door_itself and "//" not in path else ""


# ---- the form ----------------------------------------------------------------------------------


@router.get("/office/login")
def ask_login(request: Request, key: str = "", said: str = "", next: str = "") -> Response:  # noqa: A002 - the address
    """The form. Opening it signs nobody in: previews fetch links too."""
    return login_page(request, key=key, said=_SAID.get(said, ""), to=safe_next(next))


def login_page(
    request: Request,
    *,
    status: int = 200,
    key: str = "",
    name: str = "",
    said: str = "",
    wrong: str = "",
    to: str = "",
    issues: list[Issue] | None = None,
) -> Response:
    """The way in as it stands: by account, by key while that opens, by the sign-in service if there is one."""
    portal = portal_of(request)
    sign_in = portal.office.settings.sign_in
    with portal.ledger.read() as conn:
        by_key = access.key_opens(conn, sign_in)
        by_account = bool(accounts.accounts(conn))
    return render(
        request,
        "login.html",
        status=status,
        key=key,
        account_name=name,
        said=said,
        wrong=wrong,
        to=to,
        by_key=by_key,
        by_account=by_account or not by_key,
        hours=sign_in.absolute.total_seconds() // 3600,
        oidc=sign_in.oidc,
        issues=issues or (),
    )


@router.post("/office/login")
def login(request: Request, given: Posted) -> Response:
    """Sign in with name and password, or with the office's key and a name to sign by."""
    if "key" in given.fields:
        return _by_key(request, given)
    return _by_password(request, given)


# ---- by the office's key -----------------------------------------------------------------------


def _by_key(request: Request, given: Form) -> Response:
    portal = portal_of(request)
    settings = portal.office.settings
    turn = door.take_turn(portal, request, "key", "")
    with portal.ledger.read() as conn:
        opens = access.key_opens(conn, settings.sign_in)
        taken = [row["name"] for row in accounts.accounts(conn)]
    if not access.is_office_key(portal.office_key, given.text("key").strip()) or not opens:
        door.refuse(portal, turn, "", how="key", why="钥匙不对" if opens else "钥匙已停用")
        raise _key_refused(opens=opens)
    name = plain_name(given.line("name", NAME_CHARS))
    issues = _may_sign(settings.clerks, taken, name)
    with portal.ledger.write(name) as writing:
        door.settle(writing, turn)
        if not issues.found:
            door.tell(writing, "done", name, turn, how="key")
    if issues.found:
        return login_page(request, status=422, key=given.text("key"), issues=issues.found)
    response = see_other(safe_next(given.text("next")) or "/office")
    cookie = access.office_cookie(
        portal.key, portal.office_key, name, portal.now(), settings.sign_in
    )
    _set_cookie(portal, response, OFFICE_COOKIE, cookie)
    return response


def _key_refused(*, opens: bool) -> Denied:
    if opens:
        return Denied(403, "钥匙不对", "这不是办公室现在的钥匙。", access.WHERE_THE_KEY_IS)
    return Denied(
        403,
        "办公室钥匙已停用",
        "已经有管理员账号，钥匙不再能进入。",
        "用自己的账号登录；没有账号的，向本单位系统管理员要",
    )


def _may_sign(clerks: tuple[str, ...], taken: list[str], name: str) -> Issues:
    """A signature is a name, one of the listed names where the office lists them, and no account's."""
    issues = Issues()
    if not name:
        issues.error("no-name", NOWHERE, "请填写经办人姓名。", "审核和督办意见都以它署名。")
    elif clerks and name not in clerks:
        issues.error(
            "not-a-clerk",
            NOWHERE,
            f"“{name}”不在经办人名单里。",
            "请用本人姓名；新增经办人由管理员写进 config/duban.yaml 的 clerks。",
        )
    elif name in taken:
        issues.error(
            "has-account", NOWHERE, f"“{name}”有自己的账号，不能用钥匙代签。", "请用账号登录。"
        )
    return issues


# ---- by account --------------------------------------------------------------------------------


def _by_password(request: Request, given: Form) -> Response:
    portal = portal_of(request)
    name = plain_name(given.line("name", 60))
    turn = door.take_turn(portal, request, "password", name)
    row, known = _look_up(portal, name)
    usable = row is not None and bool(row["active"])
    # Asked for nobody too, so that the answer takes as long.
    good = credentials.is_password(known.password if usable else "", given.text("password"))
    if row is None or not good:
        why = "口令不对" if usable else "账号不存在或已停用"
        door.refuse(portal, turn, "" if row is None else name, how="password", why=why)
        return login_page(
            request, status=403, name=name, wrong=WRONG, to=safe_next(given.text("next"))
        )
    return enter(request, row, turn, how="password", to=given.text("next"))


def _look_up(portal: Portal, name: str) -> tuple[Row | None, Secrets]:
    with portal.ledger.read() as conn:
        return accounts.account(conn, name), accounts.secrets_of(conn, name)


def enter(request: Request, row: Row, turn: Turn, *, how: str, to: str) -> Response:
    """A session for an account that has proved itself; what is still missing decides where it leads."""
    portal = portal_of(request)
    role = Role(row["role"])
    stage = _stage(portal, row, role, how)
    with portal.ledger.write(row["name"]) as writing:
        door.settle(writing, turn)
        accounts.sweep(writing, portal.now() - portal.office.settings.sign_in.absolute)
        token = renew(portal, request, writing, row["name"], stage, how=how)
        if stage != "code":
            door.tell(writing, "done", row["name"], turn, how=how)
    return _entered(portal, token, stage, safe_next(to) or access.home_of(role, row["unit"]))


def _stage(portal: Portal, row: Row, role: Role, how: str) -> str:
    """A sign-in service has its own second factor; ours is asked for after a password."""
    if how == "oidc":
        return "full"
    if row["totp_at"] is not None:
        return "code"
    return "enrol" if portal.office.settings.sign_in.needs_factor(role) else "full"


def renew(
    portal: Portal, request: Request, writing: Writing, name: str, stage: str, *, how: str
) -> str:
    """A new session number for this browser; the one it came with ends. The number is told once."""
    old = credentials.hash_of(request.cookies.get(SESSION_COOKIE, ""))
    accounts.end_session(writing, name, old)
    token = credentials.new_token()
    accounts.start_session(
        writing,
        credentials.hash_of(token),
        name,
        stage,
        how=how,
        address=network(request.client.host if request.client else ""),
        browser=request.headers.get("user-agent", ""),
    )
    return token


def _entered(portal: Portal, token: str, stage: str, to: str) -> Response:
    where = {"code": query("/office/code", next=to), "enrol": "/office/me/totp"}.get(stage, to)
    response = see_other(where)
    give_session(portal, response, token)
    response.delete_cookie(OFFICE_COOKIE)
    return response


def give_session(portal: Portal, response: Response, token: str) -> None:
    """Hand the browser its session number."""
    _set_cookie(portal, response, SESSION_COOKIE, token)


def _set_cookie(portal: Portal, response: Response, name: str, value: str) -> None:
    settings = portal.office.settings
    response.set_cookie(
        name,
        value,
        max_age=int(settings.sign_in.absolute.total_seconds()),
        httponly=True,
        samesite="lax",  # leaders come by links in messages, which "strict" would sign out
        secure=settings.public_url.startswith("https://"),
    )


# ---- the second step ---------------------------------------------------------------------------


@router.get("/office/code")
def ask_code(request: Request, visitor: Visitor, next: str = "") -> Response:  # noqa: A002 - the address
    """Asks for the code of the second factor."""
    return _code_page(request, visitor, to=safe_next(next))


def _code_page(
    request: Request, visitor: Clerk, *, to: str, wrong: str = "", status: int = 200
) -> Response:
    token = access.form_token(portal_of(request).key, visitor.cookie)
    return render(
        request,
        "code.html",
        status=status,
        account_name=visitor.name,
        to=to,
        wrong=wrong,
        form_token=token,
    )


@router.post("/office/code")
def take_code(request: Request, visitor: Visitor, given: Posted) -> Response:
    """The code, or a recovery code; each works once."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    turn = door.take_turn(portal, request, "code", visitor.name)
    to = safe_next(given.text("next"))
    with portal.ledger.write(visitor.name) as writing:
        good = use_code(portal, writing, visitor.name, given.line("code", 40))
        if good:
            door.settle(writing, turn)
            token = renew(portal, request, writing, visitor.name, "full", how="code")
            door.tell(writing, "done", visitor.name, turn, how="code")
    if not good:
        door.refuse(portal, turn, visitor.name, how="code", why="动态口令不对")
        return _code_page(request, visitor, to=to, wrong="动态口令不对，或已经用过。", status=403)
    return _entered(portal, token, "full", to or access.home_of(visitor.role, visitor.unit))


def use_code(portal: Portal, writing: Writing, name: str, code: str) -> bool:
    """Take a code of the second factor or a recovery code, once."""
    known = accounts.secrets_of(writing.conn, name)
    secret = portal.totp_secret(name, known.totp)
    step = credentials.totp_step(secret, code, writing.at, after=known.totp_step) if secret else 0
    if step:
        return accounts.use_step(writing, name, step)
    struck = credentials.recovery_hash(portal.account_key, name, code)
    return accounts.use_recovery(writing, name, struck)


# ---- out ---------------------------------------------------------------------------------------


@router.post("/office/logout")
def logout(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Sign out of this browser."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    how = "password" if visitor.session else "key"
    address = network(request.client.host if request.client else "")
    with portal.ledger.write(visitor.actor) as writing:
        if visitor.session:
            accounts.end_session(writing, visitor.name, visitor.session)
        door.tell(writing, "ended", visitor.name, Turn("", "", address, tell=True), how=how)
    response = see_other("/office/login?said=out" if visitor.session else "/")
    response.delete_cookie(OFFICE_COOKIE)
    response.delete_cookie(SESSION_COOKIE)
    return response


# ---- the one-time link -------------------------------------------------------------------------


@router.get("/office/password/{token}")
def ask_password(request: Request, token: str) -> Response:
    """The form behind a one-time link. Opening it uses nothing up: previews fetch links too."""
    portal = portal_of(request)
    return _password_page(request, token, _invited(portal, token))


def _invited(portal: Portal, token: str) -> Row:
    with portal.ledger.read() as conn:
        name = accounts.invited(conn, credentials.hash_of(token), portal.now())
        row = accounts.account(conn, name) if name else None
    if row is None:
        raise _used_up()
    return row


def _used_up() -> Denied:
    return Denied(
        410, "这个链接已经用过或过期", "设口令的链接只能用一次，三天内有效。", "请管理员再发一个"
    )


def _password_page(
    request: Request, token: str, row: Row, issues: list[Issue] | None = None
) -> Response:
    return render(
        request,
        "password.html",
        status=422 if issues else 200,
        account_name=row["name"],
        form_token=access.form_token(portal_of(request).key, token),
        issues=issues or (),
    )


@router.post("/office/password/{token}")
def take_password(request: Request, token: str, given: Posted) -> Response:
    """Set the password; the link is used up and every old session ends."""
    portal = portal_of(request)
    row = _invited(portal, token)
    access.check_form(portal.key, token, given.text("form_token"))
    issues = new_password_issues(portal, row, given)
    if issues.found:
        return _password_page(request, token, row, issues.found)
    hashed = credentials.hash_password(given.text("password"))
    with portal.ledger.write(row["name"]) as writing:
        if accounts.invited(writing.conn, credentials.hash_of(token), writing.at) is None:
            raise _used_up()  # meanwhile, by a second click
        accounts.set_password(writing, row["name"], hashed, "本人用一次性链接设口令")
    return see_other("/office/login?said=password")


def new_password_issues(portal: Portal, row: Row, given: Form) -> Issues:
    """What stands against a new password as typed, twice."""
    settings = portal.office.settings
    unit = portal.office.units.get(row["unit"])
    issues = Issues()
    password = given.text("password")
    about = [row["name"], settings.office_name, unit.name if unit else ""]
    check_password(password, about, issues)
    if password != given.text("again"):
        issues.error("password-again", NOWHERE, "两次输入的口令不一样。", "重新输入两次。")
    return issues
