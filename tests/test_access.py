"""Every route × everybody: what the door says, and that nobody learns of another unit's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from duban import credentials
from duban.accounts import Role
from duban.errors import UsageError
from duban.ledger import accounts, links, queries
from duban.ledger.audit import rebuilt_differs
from duban.ledger.events import Draft
from duban.portal import access, access_table, app
from duban.portal.app import PARTS
from office_people import NAMES, cheap_hashes, make, send, session, token_of
from portal_home import (
    FINISH,
    KEY,
    PDF,
    REPORT,
    SHORT,
    Browser,
    House,
    fields,
    letter,
    open_house,
    page,
    papers,
    report,
)

ROUTERS = [part.router for part in PARTS]
A, R, L, H, U = Role.ADMIN, Role.REVIEWER, Role.LEADER, Role.HEAD, Role.AUDITOR
READ = {A, R, L, U}
EVERY = set(Role)
LIAISON = "liaison"

# (method, route, address or form, who may, status for those who may). Whoever is not named is refused.
EXPECTED: list[tuple[str, str, str, set[Any], int]] = [
    ("GET", "/office", "/office", READ, 200),
    ("GET", "/office/items", "/office/items?state=open", READ | {H}, 200),
    ("GET", "/office/item", f"/office/item?key={quote(REPORT)}", READ | {H}, 200),
    ("GET", "/office/evidence", "/office/evidence?id={evidence}", READ | {H}, 200),
    ("GET", "/office/unit", "/office/unit?id=longhu", READ | {H}, 200),
    ("GET", "/office/task", "/office/task?id=A-1", READ | {H}, 200),
    ("GET", "/office/cell/{unit}/{month}", "/office/cell/longhu/2026-11", READ | {H}, 200),
    ("GET", "/office/export", "/office/export?what=items", READ | {H}, 200),
    ("GET", "/office/burden", "/office/burden", READ, 200),
    ("GET", "/office/review", "/office/review", READ, 200),
    ("POST", "/office/review", "/office/review", {A, R}, 409),
    ("GET", "/office/review/done", "/office/review/done", READ, 200),
    ("GET", "/office/reopen", f"/office/reopen?key={quote(REPORT)}", {A, R}, 200),
    ("POST", "/office/reopen", "/office/reopen", {A, R}, 422),
    ("GET", "/office/requests", "/office/requests", READ, 200),
    ("POST", "/office/requests", "/office/requests", {A, R}, 409),
    ("GET", "/office/proposals", "/office/proposals", READ, 200),
    ("POST", "/office/proposals", "/office/proposals", {A, L}, 422),
    ("GET", "/office/units", "/office/units", READ, 200),
    ("GET", "/office/form", "/office/form", {A, R}, 200),
    ("POST", "/office/form", "/office/form", {A, R}, 422),
    ("GET", "/office/messages", "/office/messages", READ, 200),
    ("POST", "/office/messages/decide", "/office/messages/decide", {A}, 409),
    ("GET", "/office/preview", "/office/preview", READ, 200),
    ("GET", "/office/preview/letter", "/office/preview/letter?id=none", READ, 404),
    ("GET", "/office/digests", "/office/digests", READ, 200),
    ("POST", "/office/digests", "/office/digests", {A, L}, 422),
    ("GET", "/office/runs", "/office/runs", READ, 200),
    ("GET", "/office/scores/{run:path}", "/office/scores/2026@2026-11-23", READ, 200),
    ("GET", "/office/papers", "/office/papers", READ, 200),
    ("POST", "/office/papers", "/office/papers", {A, R}, 422),
    ("GET", "/office/file", "/office/file?of=digest&id=2026-W47&path=digest/w47.docx", READ, 200),
    ("GET", "/office/audit", "/office/audit?verify=1", {A, U}, 200),
    ("GET", "/office/accounts", "/office/accounts", {A}, 200),
    ("POST", "/office/accounts", "/office/accounts", {A}, 422),
    ("GET", "/office/me", "/office/me", EVERY, 200),
    ("POST", "/office/me/password", "/office/me/password", EVERY, 422),
    ("POST", "/office/me/sessions", "/office/me/sessions", EVERY, 303),
    ("GET", "/office/me/totp", "/office/me/totp", EVERY | {"enrol"}, 200),
    ("POST", "/office/me/totp", "/office/me/totp", EVERY | {"enrol"}, 422),
    ("POST", "/office/me/totp/off", "/office/me/totp/off", EVERY, 422),
    ("GET", "/office/code", "/office/code", {"code"}, 200),
    ("POST", "/office/code", "/office/code", {"code"}, 403),
    ("POST", "/office/logout", "/office/logout", EVERY | {"code", "enrol"}, 303),
    ("GET", "/unit", "/unit", {LIAISON, "other liaison"}, 200),
    ("GET", "/unit/item", page(REPORT), {LIAISON}, 200),
    ("GET", "/unit/nil", f"/unit/nil?key={quote(REPORT)}", {LIAISON}, 200),
    ("POST", "/unit/submit", "/unit/submit?{REPORT}", {LIAISON}, 422),
    ("GET", "/unit/receipt", "/unit/receipt?id={submission}", {LIAISON}, 200),
    ("POST", "/unit/ack", "/unit/ack?{REPORT}", {LIAISON}, 303),
    ("GET", "/unit/extend", f"/unit/extend?key={quote(REPORT)}", {LIAISON}, 200),
    ("POST", "/unit/extend", "/unit/extend?{REPORT}", {LIAISON}, 422),
    ("GET", "/unit/request", f"/unit/request?kind=split&key={quote(REPORT)}", {LIAISON}, 200),
    ("POST", "/unit/request", "/unit/request?{REPORT}", {LIAISON}, 422),
    ("POST", "/unit/request/withdraw", "/unit/request/withdraw", set(), 403),
    ("GET", "/unit/history", "/unit/history", {LIAISON, "other liaison"}, 200),
    ("GET", "/unit/inbox", "/unit/inbox", {LIAISON, "other liaison"}, 200),
    ("GET", "/unit/evidence", "/unit/evidence?id={evidence}", {LIAISON}, 200),
    ("GET", "/unit/form.xlsx", "/unit/form.xlsx", {LIAISON, "other liaison"}, 200),
    ("POST", "/unit/form", "/unit/form", {LIAISON, "other liaison"}, 422),
]
OPEN = {
    ("GET", "/"), ("GET", "/healthz"), ("GET", "/u/{token}"), ("GET", "/office/login"),
    ("POST", "/office/login"), ("GET", "/office/password/{token}"),
    ("POST", "/office/password/{token}"), ("GET", "/office/oidc"), ("GET", "/office/oidc/back"),
}  # fmt: skip


BY_KEY: list[Browser] = []
DISABLED = "停用己"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An office with something in every room, and an account of each role."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUBAN_OFFICE_KEY", KEY)
        for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_DATABASE_URL"):
            patch.delenv(name, raising=False)
        cheap_hashes(patch)
        with open_house(tmp_path_factory.mktemp("access") / "home") as opened:
            fill(opened)
            yield opened


def fill(house: House) -> None:
    unit = house.unit()
    BY_KEY.append(house.office())  # before there is an administrator
    unit.post(
        "/unit/submit",
        data=fields(unit.get(page(SHORT)), "/unit/submit") | {"percent": "40", "progress": "一"},
        files={"file1": PDF},
    )
    letter(house)
    papers(house)
    for role in Role:
        make(house, role, unit="longhu" if role is H else "")
    make(house, A, name=DISABLED)
    with house.portal.ledger.write("test") as writing:
        accounts.change(writing, DISABLED, "停用", active=0)


def ids(house: House) -> dict[str, str]:
    with house.portal.ledger.read() as conn:
        submission = house.submissions(SHORT)[0]["id"]
        (file,) = queries.evidence_of(conn, submission)
    return {"evidence": quote(file["id"]), "submission": quote(submission)}


def liaison(house: House, unit: str) -> Browser:
    return house.unit(unit)


def ended_link(house: House, *, revoked: bool) -> Browser:
    """A browser whose personal link was revoked, or has run out."""
    token = f"ended-{revoked}"
    now = house.watch()
    row = {
        "token_hash": links.hash_of(token), "unit": "longhu", "post": "liaison", "created_at": now,
        "expires_at": now + timedelta(days=1 if revoked else -1), "why": "",
    }  # fmt: skip
    with house.portal.ledger.write("test") as writing:
        known = queries.link_by_hash(writing.conn, links.hash_of(token))
        if known is None:
            writing.record(Draft("link.issued", token, row))
            if revoked:
                links.revoke(writing, str(row["token_hash"]), why="测试")
    browser = house.browser()
    sealed = access.unit_cookie(house.portal.key, str(row["token_hash"]))
    browser.cookies.set(access.UNIT_COOKIE, sealed)
    return browser


def old_session(house: House, *, idle: bool) -> Browser:
    """A session that nobody used for two hours, or that began twelve hours ago."""
    now = house.watch()
    house.watch.at = now - timedelta(hours=2 if idle else 12)
    try:
        browser = session(house, NAMES[A])
    finally:
        house.watch.at = now
    if not idle:
        key = credentials.hash_of(browser.cookies.get(access.SESSION_COOKIE) or "")
        with house.portal.ledger.write("test") as writing:
            accounts.touch(writing, key)
    return browser


def ended_session(house: House) -> Browser:
    browser = session(house, NAMES[A])
    send(house, browser, "/office/logout")
    with house.portal.ledger.read() as conn:
        assert accounts.session(conn, credentials.hash_of("x")) is None
    return browser


def forged(house: House) -> Browser:
    browser = house.browser()
    browser.cookies.set(access.SESSION_COOKIE, "0" * 43)
    browser.cookies.set(access.UNIT_COOKIE, "bG9uZ2h1." + "0" * 64)
    return browser


def signed_in(role: Role) -> Callable[[House], Browser]:
    return lambda house: session(house, NAMES[role])


VISITORS: dict[Any, Callable[[House], Browser]] = {
    **{role: signed_in(role) for role in Role},
    LIAISON: lambda house: liaison(house, "longhu"),
    "other liaison": lambda house: liaison(house, "fy"),
    "anonymous": lambda house: house.browser(),
    "key after an administrator": lambda _house: BY_KEY[-1],
    "idle session": lambda house: old_session(house, idle=True),
    "old session": lambda house: old_session(house, idle=False),
    "ended session": ended_session,
    "forged": forged,
    "disabled account": lambda house: session(house, DISABLED),
    "code": lambda house: session(house, NAMES[R], "code"),
    "enrol": lambda house: session(house, NAMES[A], "enrol"),
    "expired link": lambda house: ended_link(house, revoked=False),
    "revoked link": lambda house: ended_link(house, revoked=True),
}


def test_the_table_has_a_line_for_every_route_and_the_test_a_case() -> None:
    served = set(access_table.routes_of(ROUTERS))
    served = {
        each for each in served if not each[1].startswith("/api/")
    }  # test_api_tokens has these
    assert access_table.unlisted(ROUTERS) == []
    assert served == {(method, route) for method, route, *_ in EXPECTED} | OPEN


@pytest.mark.parametrize("who", VISITORS, ids=str)
def test_everybody_at_every_route(house: House, who: Any) -> None:
    known = ids(house)
    for method, route, form, allowed, status in EXPECTED:
        browser = VISITORS[who](house)
        address, _, key = form.partition("?{REPORT}")[0], None, REPORT
        address = address.format(**known)
        before = house.head()
        if method == "GET":
            reply = browser.get(address)
            assert house.head() == before, (route, "looking changed the record")
        else:
            cookie = access.UNIT_COOKIE if route.startswith("/unit") else access.SESSION_COOKIE
            data = {"form_token": token_of(house, browser, cookie), "key": key}
            reply = browser.post(address, data=data)
        refused = 410 if "link" in str(who) and route.startswith("/unit") else 403
        expected = status if who in allowed else refused
        assert reply.status_code == expected, (who, method, route, reply.status_code)
        if who not in allowed:
            assert house.head() == before, (route, "a refusal changed the record")
            assert "纠纷人民调解" not in reply.text


def test_a_route_without_a_line_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        access_table, "TABLE", {k: v for k, v in access_table.TABLE.items() if k[1] != "/office"}
    )
    with pytest.raises(UsageError, match="GET /office"):
        app.create_app(str(tmp_path))


# ---- another unit's rows -----------------------------------------------------------------------


def reply_of(browser: Browser, address: str, echoed: str) -> tuple[int, str]:
    reply = browser.get(address)
    return reply.status_code, reply.text.replace(echoed, "…")


@pytest.mark.parametrize(
    ("address", "theirs"),
    [
        ("/office/item?key={}", FINISH),
        ("/office/item?key={}", "A-4/fy/report:2026-W47"),
        ("/office/unit?id={}", "fy"),
        ("/office/unit?id={}", "scjgj"),
    ],
)
def test_a_head_is_told_of_other_units_what_is_told_of_nothing(
    house: House, address: str, theirs: str
) -> None:
    head = session(house, NAMES[H])
    other = reply_of(head, address.format(quote(theirs)), theirs)
    nothing = reply_of(head, address.format("nothing"), "nothing")
    assert other[0] == 404
    assert other == nothing


def test_a_heads_list_holds_the_own_unit_whatever_is_asked_for(house: House) -> None:
    head = session(house, NAMES[H])
    for asked in ("", "&unit=fy", "&unit=scjgj"):
        found = head.get(f"/office/items?format=json{asked}").json()["items"]
        assert {each["unit"] for each in found} == {"longhu"}
    text = head.get("/office/items").text
    assert "法院" not in text
    assert "市场监管局" not in text


def test_a_head_reads_own_evidence_and_no_other(house: House) -> None:
    other = liaison(house, "scjgj")
    other.post(
        "/unit/submit",
        data=fields(other.get(page(FINISH)), "/unit/submit") | {"percent": "10", "progress": "密"},
        files={"file1": PDF},
    )
    with house.portal.ledger.read() as conn:
        (file,) = queries.evidence_of(conn, house.submissions(FINISH)[0]["id"])
    head = session(house, NAMES[H])
    theirs = head.get("/office/evidence", params={"id": file["id"]})
    nothing = head.get("/office/evidence", params={"id": "nothing"})
    assert (theirs.status_code, theirs.text) == (404, nothing.text)
    mine = liaison(house, "longhu")
    refused = mine.get("/unit/evidence", params={"id": file["id"]})
    assert (refused.status_code, refused.text) == (403, mine.get("/unit/evidence?id=nothing").text)


def test_a_severe_step_that_is_weighed_is_not_told_to_the_unit(house: House) -> None:
    proposal = house.proposal()
    head, leader = session(house, NAMES[H]), session(house, NAMES[L])
    address = f"/office/item?key={quote(SHORT)}"
    assert "待确认" in leader.get(address).text
    text = head.get(address).text
    assert "待确认" not in text
    assert "达到督办条件" not in text
    hidden = fields(leader.get("/office/proposals"), "/office/proposals")
    data = hidden | {"proposal": proposal, "act": "confirm"}
    assert leader.post("/office/proposals", data=data).status_code == 303
    assert "通报" in head.get(address).text


def test_a_leader_approves_a_digest_in_the_own_name(house: House) -> None:
    leader = session(house, NAMES[L])
    hidden = fields(leader.get("/office/digests"), "/office/digests")
    before = house.head()
    for _ in range(2):
        data = hidden | {"digest": "2026-W47"}
        assert leader.post("/office/digests", data=data).status_code == 303
    assert house.head()[0] == before[0] + 2  # approved, and with that published
    text = leader.get("/office/digests").text
    assert f"{NAMES[L]} 2026年11月23日 09:00 审定" in text
    assert 'action="/office/digests"' not in text
    assert rebuilt_differs(house.portal.ledger) == []


# ---- what is offered ---------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
def test_a_page_offers_only_what_the_role_may_do(house: House, role: Role) -> None:
    report(house.unit("longhu"), REPORT)
    browser = session(house, NAMES[role])
    for method, route, form, allowed, _ in EXPECTED:
        address = form.format(**ids(house)) if method == "GET" else ""
        if role not in allowed or not address.startswith("/office") or "file?" in address:
            continue
        text = browser.get(address).text
        for other_method, other, *_, others, _status in EXPECTED:
            if role in others or "{" in other or not other.startswith("/office"):
                continue
            mark = f'action="{other}"' if other_method == "POST" else f'href="{other}"'
            assert mark not in text, (route, other)


# ---- strange requests --------------------------------------------------------------------------


def test_only_known_host_names_are_answered_where_the_office_lists_them(house: House) -> None:
    path = house.root / "config" / "duban.yaml"
    plain = path.read_text(encoding="utf-8")
    assert house.client.get("/", headers={"host": "evil.example"}).status_code == 200
    path.write_text(plain + "hosts: [duban.county.example]\n", encoding="utf-8")
    try:
        for good in ("duban.county.example", "DUBAN.county.example:8420", "testserver", "[::1]:80"):
            assert house.client.get("/", headers={"host": good}).status_code == 200, good
        for bad in ("evil.example", "duban.county.example.evil", "a@testserver.b", "[::1", ""):
            assert house.client.get("/", headers={"host": bad}).status_code == 400, bad
    finally:
        path.write_text(plain, encoding="utf-8")


def test_no_page_is_built_from_the_host_that_was_asked(house: House) -> None:
    browser = session(house, NAMES[A])
    for address in ("/", "/office/login", "/office", "/office/me", "/office/accounts"):
        reply = browser.get(
            address, headers={"host": "evil.example", "x-forwarded-host": "evil.example"}
        )
        assert "evil.example" not in reply.text + str(reply.headers)


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "http://x"}],
)
def test_a_form_from_elsewhere_is_refused_even_at_the_door(
    house: House, headers: dict[str, str]
) -> None:
    data = {"name": NAMES[A], "password": "x"}
    reply = house.browser().post("/office/login", data=data, headers=headers)
    assert reply.status_code == 400
    assert "set-cookie" not in reply.headers
    own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert house.browser().post("/office/login", data=data, headers=own).status_code == 403


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_other_methods_change_nothing(house: House, method: str) -> None:
    browser = session(house, NAMES[A])
    before = house.head()
    for _, route, *_ in EXPECTED:
        if "{" not in route:
            assert browser.request(method, route).status_code == 405
    assert house.head() == before
