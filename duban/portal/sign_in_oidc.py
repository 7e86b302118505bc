"""Signing in through the county's service: there and back. The account must exist beforehand."""

from __future__ import annotations

import hmac
import logging
from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from duban.credentials import seal, unseal
from duban.ledger import accounts
from duban.ledger.queries import Row
from duban.portal import door, oidc
from duban.portal.access import Denied
from duban.portal.oidc import Asked, Unproved
from duban.portal.sign_in import enter, safe_next
from duban.portal.state import Portal, portal_of
from duban.sign_in_settings import Oidc

router = APIRouter(include_in_schema=False)
COOKIE = "duban_oidc"
PATH = "/office/oidc"
SECONDS = 600
_LOG = logging.getLogger("duban.portal")


def _settings(portal: Portal) -> Oidc:
    found = portal.office.settings.sign_in.oidc
    if found is None:
        raise Denied(404, "没有接统一身份认证", "本单位没有接统一身份认证。", "用账号和口令登录")
    return found


def _back(portal: Portal) -> str:
    """Where the service sends visitors back: built from our own setting, never from a request."""
    return f"{portal.office.settings.public_url}{PATH}/back"


@router.get(PATH)
def there(request: Request, next: str = "") -> Response:  # noqa: A002 - the address
    """To the sign-in service, with what must come back in a sealed cookie."""
    portal = portal_of(request)
    settings, now = _settings(portal), portal.now()
    service = oidc.provider(settings, now)
    address, asked = oidc.ask(settings, service, _back(portal), safe_next(next))
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        COOKIE,
        seal(portal.account_key, "oidc", asdict(asked), now),
        max_age=SECONDS,
        path=PATH,
        httponly=True,
        samesite="lax",  # the way back is a link from another site
        secure=portal.office.settings.public_url.startswith("https://"),
    )
    return response


@router.get(f"{PATH}/back")
def back(request: Request, code: str = "", state: str = "") -> Response:
    """Back from the service. A GET that signs in, as the protocol has it: its code works once."""
    portal = portal_of(request)
    settings, now = _settings(portal), portal.now()
    asked = _asked(portal, request, state)
    if asked is None or not code:
        raise _failed()
    turn = door.take_turn(portal, request, "oidc", "")
    service = oidc.provider(settings, now)
    try:
        claim = oidc.who_came_back(settings, service, asked, back=_back(portal), code=code, now=now)
    except Unproved as problem:
        _LOG.warning("统一身份认证没有通过：%s", problem)
        door.refuse(portal, turn, "", how="oidc", why="认证服务的凭据没有通过核对")
        raise _failed() from problem
    row = _account_of(portal, claim)
    if row is None or not row["active"]:
        door.refuse(
            portal, turn, "" if row is None else row["name"], how="oidc", why="没有对应的账号"
        )
        raise _no_account()
    response = enter(request, row, turn, how="oidc", to=asked.to)
    response.delete_cookie(COOKIE, path=PATH)
    return response


def _asked(portal: Portal, request: Request, state: str) -> Asked | None:
    """What we asked with, when this browser asked it lately and the state is the same."""
    sealed = request.cookies.get(COOKIE, "")
    value = unseal(portal.account_key, "oidc", sealed, portal.now(), seconds=SECONDS)
    asked = Asked(**value) if value else None
    same = asked is not None and hmac.compare_digest(asked.state.encode(), state.encode())
    return asked if same else None


def _account_of(portal: Portal, claim: str) -> Row | None:
    with portal.ledger.read() as conn:
        return accounts.by_claim(conn, claim)


def _failed() -> Denied:
    return Denied(
        403,
        "没有登录成功",
        "统一身份认证没有完成，或时间太久了。",
        "回到登录页重来一次",
        sign_in=True,
    )


def _no_account() -> Denied:
    return Denied(
        403,
        "您在本系统还没有账号",
        "统一身份认证已通过，但本系统里没有对应的账号，或账号已停用。",
        "请管理员先建立账号",
    )
