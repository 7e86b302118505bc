"""The gate before every route: who is asking, and whether the table of routes lets them."""

from __future__ import annotations

import logging
from datetime import datetime

from fastapi import Request

from duban.accounts import ROLE_NAMES, TOUCH
from duban.errors import OutsideError
from duban.ledger import accounts
from duban.portal import access, access_table, api_access
from duban.portal.access import Clerk, Denied, Liaison
from duban.portal.access_table import Door, Rule
from duban.portal.state import Portal, portal_of

_LOG = logging.getLogger("duban.portal")


def gate(request: Request) -> None:
    """Dependency of every route: finds the visitor, or raises Denied before anything else is read."""
    rule = access_table.rule_of(request.method, request.scope["route"].path)
    if rule is None:  # the start-up refuses such a route; this is the second lock
        raise access.not_yours("")
    portal = portal_of(request)
    if rule.door is Door.LINK:
        request.state.visitor = _liaison(portal, request)
    elif rule.door is Door.OFFICE:
        request.state.visitor = _let_in(portal, request, rule)
    elif rule.door is Door.TOKEN:
        request.state.visitor = api_access.let_in(portal, request, rule)


def clerk_of(request: Request) -> Clerk | None:
    """Who of the office's side is signed in, or None; changes nothing."""
    portal = portal_of(request)
    now, sign_in = portal.now(), portal.office.settings.sign_in
    with portal.ledger.read() as conn:
        found = access.clerk_by_session(conn, sign_in, request.cookies, now)
        if found is not None:
            return found
        by_key = access.clerk_by_key(portal.key, portal.office_key, request.cookies, now)
        return by_key if by_key is not None and access.key_opens(conn, sign_in) else None


def office_visitor(request: Request) -> Clerk:
    """Dependency: the visitor of the office's side whom the gate let in."""
    found = request.state.visitor
    assert isinstance(found, Clerk)
    return found


def unit_visitor(request: Request) -> Liaison:
    """Dependency: the liaison officer whom the gate let in."""
    found = request.state.visitor
    assert isinstance(found, Liaison)
    return found


def _liaison(portal: Portal, request: Request) -> Liaison:
    with portal.ledger.read() as conn:
        return access.liaison(conn, portal.key, request.cookies, portal.now())


def _let_in(portal: Portal, request: Request, rule: Rule) -> Clerk:
    visitor = clerk_of(request)
    if visitor is None or (visitor.stage not in rule.stages and visitor.stage == "code"):
        raise access.sign_in_first()
    if visitor.stage not in rule.stages:
        raise _step_missing(visitor)
    if visitor.role not in rule.roles:
        raise access.not_yours(ROLE_NAMES[visitor.role])
    if rule.account and not visitor.session:
        raise Denied(
            403,
            "钥匙登录没有自己的账号",
            "现在是用办公室钥匙登录的，口令、动态口令和登录记录只属于账号。",
            "先建立管理员账号，再用账号登录",
        )
    _touch(portal, visitor, portal.now())
    return visitor


def _step_missing(visitor: Clerk) -> Denied:
    if visitor.stage == "enrol":
        return Denied(
            403,
            "还要先启用动态口令",
            "按本单位的设置，您的角色要用动态口令才能继续。",
            "打开 /office/me/totp 启用",
        )
    return Denied(403, "已经登录了", "这一步只在登录时用。", "回到督办台")


def _touch(portal: Portal, visitor: Clerk, now: datetime) -> None:
    """Note now and then that a session is in use; it is no part of the record."""
    if visitor.seen_at is None or now - visitor.seen_at < TOUCH:
        return
    try:
        with portal.ledger.write(visitor.actor) as writing:
            accounts.touch(writing, visitor.session)
    except OutsideError as problem:
        _LOG.warning("登录状态没有记下：%s", problem)
