"""People with accounts for the portal's tests: made in a moment, with cheap hashes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from argon2 import PasswordHasher
from httpx import Response

from duban import credentials
from duban.accounts import Role
from duban.ledger import accounts, events
from duban.portal import access
from portal_home import Browser, House

PASSWORD = "马车 电池 订书钉 九月"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NOBODYS = CHEAP.hash("nobody")
NAMES = {
    Role.ADMIN: "管理甲",
    Role.REVIEWER: "审核乙",
    Role.LEADER: "领导丙",
    Role.HEAD: "负责人丁",
    Role.AUDITOR: "审计戊",
}


def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash in a millisecond: what is tested is who gets in, not how hard guessing is."""
    monkeypatch.setattr(credentials, "hasher", lambda: CHEAP)
    monkeypatch.setattr(credentials, "_NOBODYS", NOBODYS)


def make(house: House, role: Role, *, name: str = "", unit: str = "", claim: str = "") -> str:
    """An account with the usual password; its name."""
    found = name or NAMES[role]
    with house.portal.ledger.write("test") as writing:
        accounts.add(writing, found, role, unit=unit, claim=claim)
        accounts.set_password(writing, found, credentials.hash_password(PASSWORD), "测试")
    return found


def session(house: House, name: str, stage: str = "full") -> Browser:
    """A browser with a session of an account, as if just signed in."""
    token = credentials.new_token()
    with house.portal.ledger.write("test") as writing:
        accounts.start_session(
            writing,
            credentials.hash_of(token),
            name,
            stage,
            how="password",
            address="",
            browser="",
        )
    browser = house.browser()
    browser.cookies.set(access.SESSION_COOKIE, token)
    return browser


def token_of(house: House, browser: Browser, cookie: str = access.SESSION_COOKIE) -> str:
    """The form token that our pages give to this browser."""
    return access.form_token(house.portal.key, browser.cookies.get(cookie) or "")


def send(house: House, browser: Browser, address: str, **data: Any) -> Response:
    """Send a form as one of our pages would."""
    return browser.post(address, data={"form_token": token_of(house, browser)} | data)


def sign_in(
    house: House, name: str, password: str = PASSWORD, **more: str
) -> tuple[Browser, Response]:
    """A browser at the door, and what the door said."""
    browser = house.browser()
    return browser, browser.post("/office/login", data={"name": name, "password": password} | more)


def setting(house: House, text: str) -> None:
    """Add lines to config/duban.yaml; the portal reads them at the next request."""
    path = house.root / "config" / "duban.yaml"
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def kinds(house: House) -> list[str]:
    with house.portal.ledger.read() as conn:
        return [
            each.kind
            for each in events.read_events(conn)
            if each.kind[:7] in {"account", "sign_in"}
        ]


def whole_record(house: House) -> str:
    with house.portal.ledger.read() as conn:
        return json.dumps(
            [[e.subject, e.actor, dict(e.data)] for e in events.read_events(conn)],
            ensure_ascii=False,
        )


def works(browser: Browser, address: str = "/office/me") -> bool:
    return browser.get(address).status_code == 200
