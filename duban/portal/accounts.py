"""Accounts: one's own (password, second factor, sessions), and everybody's for an administrator."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from duban import credentials
from duban.accounts import ROLE_NAMES, ROLE_WORDS, plain_name
from duban.errors import NOWHERE, InputError, Issue, Issues
from duban.ledger import account_changes, accounts
from duban.ledger.queries import Row
from duban.ledger.store import Writing
from duban.portal import door
from duban.portal.access import Clerk, home_of
from duban.portal.door import Turn
from duban.portal.office_pages import Posted, Visitor, in_order, page
from duban.portal.pages import Form, check_form, see_other
from duban.portal.sign_in import give_session, new_password_issues, renew, use_code
from duban.portal.state import Portal, portal_of

router = APIRouter(include_in_schema=False)
ENROL_SECONDS = 900
_SAID = {
    "password": "口令已改，别处的登录都已退出。",
    "ended": "已退出所选的登录。",
    "factor-off": "动态口令已停用。",
}

# ---- one's own account -------------------------------------------------------------------------


@router.get("/office/me")
def me(request: Request, visitor: Visitor, said: str = "") -> Response:
    """One's own account: where it is signed in, its password, its second factor."""
    return _me_page(request, visitor, said=_SAID.get(said, ""))


def _me_page(
    request: Request, visitor: Clerk, *, said: str = "", issues: list[Issue] | None = None
) -> Response:
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        row = accounts.account(conn, visitor.name)
        sessions = accounts.sessions_of(conn, visitor.name)
        lately = accounts.sign_ins(conn, account=visitor.name, limit=12)
    return page(
        request,
        visitor,
        "me.html",
        422 if issues else 200,
        account=row,
        sessions=sessions,
        lately=lately,
        must=portal.office.settings.sign_in.needs_factor(visitor.role),
        said=said,
        issues=issues or (),
    )


@router.post("/office/me/password")
def change_password(request: Request, visitor: Visitor, given: Posted) -> Response:
    """A new password, after the old one; every other session ends and this one gets a new number."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    row = _own_row(portal, visitor)
    issues = new_password_issues(portal, row, given)
    if not issues.found:
        _check_old(portal, request, visitor, given, issues)
    if issues.found:
        return _me_page(request, visitor, issues=issues.found)
    hashed = credentials.hash_password(given.text("password"))
    with portal.ledger.write(visitor.actor) as writing:
        accounts.set_password(writing, visitor.name, hashed, "本人改口令")
        token = renew(portal, request, writing, visitor.name, "full", how="password")
    response = see_other("/office/me?said=password")
    give_session(portal, response, token)
    return response


def _own_row(portal: Portal, visitor: Clerk) -> Row:
    with portal.ledger.read() as conn:
        row = accounts.account(conn, visitor.name)
    assert row is not None  # its session has just been found
    return row


def _check_old(
    portal: Portal, request: Request, visitor: Clerk, given: Form, issues: Issues
) -> None:
    """The old password proves that it is not a passer-by at an open screen."""
    turn = door.take_turn(portal, request, "password", visitor.name)
    with portal.ledger.read() as conn:
        kept = accounts.secrets_of(conn, visitor.name).password
    if not credentials.is_password(kept, given.text("old")):
        door.refuse(portal, turn, visitor.name, how="password", why="改设置时原口令不对")
        issues.error("old-password", NOWHERE, "原口令不对。", "忘了的话请管理员重设。")
        return
    with portal.ledger.write(visitor.actor) as writing:
        door.settle(writing, turn)


@router.post("/office/me/sessions")
def end_sessions(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Sign out one of one's sessions, or everywhere but here."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    with portal.ledger.write(visitor.actor) as writing:
        one = given.text("session")
        if one:
            ended = accounts.end_session(writing, visitor.name, one)
        else:
            ended = accounts.end_sessions(writing, visitor.name, but=visitor.session) > 0
        if ended:
            why = "本人退出一处登录" if one else "本人退出其他各处登录"
            door.tell(
                writing, "ended", visitor.name, Turn("", "", "", tell=True), how="password", why=why
            )
    return see_other("/office/me?said=ended")


# ---- the second factor -------------------------------------------------------------------------


@router.get("/office/me/totp")
def show_totp(request: Request, visitor: Visitor) -> Response:
    """A fresh secret to be scanned. Nothing is kept before a first code proves that it was."""
    return _totp_page(request, visitor, credentials.new_totp())


def _totp_page(request: Request, visitor: Clerk, secret: str, *, wrong: str = "") -> Response:
    portal = portal_of(request)
    address = credentials.totp_address(secret, visitor.name, "督办")
    value = {"name": visitor.name, "secret": secret}
    return page(
        request,
        visitor,
        "totp.html",
        422 if wrong else 200,
        sealed=credentials.seal(portal.account_key, "enrol", value, portal.now()),
        # segno writes the picture from our own address; it holds nothing but path data
        picture=Markup(credentials.totp_picture(address)),
        address=address,
        secret=" ".join(secret[n : n + 4] for n in range(0, len(secret), 4)),
        wrong=wrong,
        codes=(),
        to=home_of(visitor.role, visitor.unit),
    )


@router.post("/office/me/totp")
def enrol_totp(request: Request, visitor: Visitor, given: Posted) -> Response:
    """The first code, and the password of whoever is long signed in: from now on one is asked for.

    Recovery codes are shown this once.
    """
    portal = portal_of(request)
    check_form(portal, visitor, given)
    now = portal.now()
    value = credentials.unseal(
        portal.account_key, "enrol", given.text("sealed"), now, seconds=ENROL_SECONDS
    )
    secret = value.get("secret", "") if value.get("name") == visitor.name else ""
    step = credentials.totp_step(secret, given.line("code", 20), now, after=0) if secret else 0
    if not step:
        wrong = "动态口令不对。请看手机时间是否自动校准，再输一次。"
        return _totp_page(request, visitor, secret or credentials.new_totp(), wrong=wrong)
    issues = Issues()
    if visitor.stage == "full":  # who has just given the password is not asked twice
        _check_old(portal, request, visitor, given, issues)
    if issues.found:
        return _totp_page(request, visitor, secret, wrong="口令不对，没有启用。")
    return _enrolled(request, visitor, value, step)


def _enrolled(request: Request, visitor: Clerk, value: dict[str, str], step: int) -> Response:
    portal = portal_of(request)
    codes = credentials.new_recovery()
    kept = [credentials.recovery_hash(portal.account_key, visitor.name, each) for each in codes]
    with portal.ledger.write(visitor.actor) as writing:
        sealed = credentials.seal(portal.account_key, "totp", value, writing.at)
        accounts.totp_on(writing, visitor.name, sealed, kept, step=step)
        accounts.end_sessions(writing, visitor.name, but=visitor.session)
        token = renew(portal, request, writing, visitor.name, "full", how="code")
        if visitor.stage == "enrol":
            door.tell(writing, "done", visitor.name, Turn("", "", "", tell=True), how="code")
    now_visitor = replace(visitor, cookie=token, stage="full")
    response = page(
        request,
        now_visitor,
        "totp.html",
        codes=codes,
        wrong="",
        to=home_of(visitor.role, visitor.unit),
    )
    give_session(portal, response, token)
    return response


@router.post("/office/me/totp/off")
def stop_totp(request: Request, visitor: Visitor, given: Posted) -> Response:
    """No second factor any more, after the password and a code; not where the office asks for one."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    issues = Issues()
    if portal.office.settings.sign_in.needs_factor(visitor.role):
        issues.error(
            "factor-must", NOWHERE, "您的角色必须用动态口令。", "换手机请管理员停用后重新启用。"
        )
    else:
        _check_old(portal, request, visitor, given, issues)
    if not issues.found:
        _stop_totp(portal, visitor, given, issues)
    if issues.found:
        return _me_page(request, visitor, issues=issues.found)
    return see_other("/office/me?said=factor-off")


def _stop_totp(portal: Portal, visitor: Clerk, given: Form, issues: Issues) -> None:
    with portal.ledger.write(visitor.actor) as writing:
        if use_code(portal, writing, visitor.name, given.line("code", 40)):
            accounts.totp_off(writing, visitor.name, "本人停用动态口令")
        else:
            issues.error("code", NOWHERE, "动态口令不对，或已经用过。", "等下一个再输。")


_EMPTY = {"act": "", "name": "", "role": "reviewer", "unit": "", "claim": ""}

# ---- everybody's accounts ----------------------------------------------------------------------


@router.get("/office/accounts")
def all_accounts(request: Request, visitor: Visitor) -> Response:
    """Every account: who, which role, when last here."""
    return _accounts_page(request, visitor)


def _accounts_page(
    request: Request,
    visitor: Clerk,
    *,
    said: str = "",
    link: str = "",
    issues: list[Issue] | None = None,
    values: dict[str, Any] | None = None,
) -> Response:
    portal = portal_of(request)
    with portal.ledger.read() as conn:
        rows = accounts.accounts(conn)
    return page(
        request,
        visitor,
        "accounts.html",
        422 if issues else 200,
        accounts=rows,
        units=in_order(portal),
        account_roles=ROLE_NAMES,
        role_words=ROLE_WORDS,
        said=said,
        link=link,
        values=_EMPTY | (values or {}),
        issues=issues or (),
    )


@router.post("/office/accounts")
def change_accounts(request: Request, visitor: Visitor, given: Posted) -> Response:
    """Add an account, or change one; a one-time link is shown on this answer and never again."""
    portal = portal_of(request)
    check_form(portal, visitor, given)
    try:
        with portal.ledger.write(visitor.actor) as writing:
            said, token = change(writing, given, portal.office.units)
    except InputError as wrong:
        return _accounts_page(request, visitor, issues=wrong.issues, values=dict(given.fields))
    link = f"{portal.office.settings.public_url}/office/password/{token}" if token else ""
    return _accounts_page(request, visitor, said=said, link=link)


def change(writing: Writing, given: Form, units: Collection[str]) -> tuple[str, str]:
    """Carry out what an administrator asked for: what to say, and the token of a link if one was made.

    Raises InputError with what stands against it.
    """
    name, role, unit = plain_name(given.line("name", 60)), given.text("role"), given.text("unit")
    match given.text("act"):
        case "add":
            claim = given.line("claim", 120)
            token = account_changes.add(writing, name, role, unit, claim=claim, units=units)
            return f"已建立账号“{name}”，请把下面的链接交给本人。", token
        case "role":
            now = account_changes.change_role(writing, name, role, unit, units=units)
            return f"“{name}”已改为{ROLE_NAMES[now]}，要重新登录。", ""
        case "disable":
            account_changes.disable(writing, name)
            return f"“{name}”已停用，各处登录都已退出。", ""
        case "enable":
            account_changes.enable(writing, name)
            return f"“{name}”已恢复。", ""
        case "reset":
            token = account_changes.reset(writing, name)
            return f"“{name}”的原口令已停用，请把下面的链接交给本人。", token
        case "totp-off":
            account_changes.drop_factor(writing, name)
            return f"“{name}”的动态口令已停用，下次登录可重新启用。", ""
        case _:
            raise InputError.one("no-act", NOWHERE, "没有说明做什么。", "用页面上的按钮。")
