"""Accounts at the door: who gets in, for how long, and what ends a session."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from duban import credentials
from duban.accounts import (
    ACCOUNT_PATIENCE,
    ADDRESS_PATIENCE,
    FORGOTTEN,
    Role,
    locked_until,
)
from duban.ledger import accounts
from duban.portal.access import OFFICE_COOKIE, SESSION_COOKIE
from duban.portal.sign_in import WRONG, safe_next
from office_people import (
    NAMES,
    PASSWORD,
    cheap_hashes,
    kinds,
    make,
    send,
    session,
    setting,
    sign_in,
    whole_record,
    works,
)
from portal_home import KEY, MORNING, House, fields

pytestmark = pytest.mark.usefixtures("cheap")


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_hashes(monkeypatch)


# ---- the office's key, before and after --------------------------------------------------------


def test_the_key_opens_until_there_is_an_administrator(house: House) -> None:
    by_key = house.office("经办人甲")
    make(house, Role.REVIEWER)
    assert by_key.get("/office").status_code == 200
    shown = by_key.get("/office/accounts")
    hidden = fields(shown, "/office/accounts") | {"act": "add", "name": "管理甲", "role": "admin"}
    made = by_key.post("/office/accounts", data=hidden)
    assert "http://testserver/office/password/" in made.text
    assert by_key.get("/office").status_code == 403
    refused = house.browser().post("/office/login", data={"key": KEY, "name": "经办人甲"})
    assert (refused.status_code, "钥匙已停用" in refused.text) == (403, True)
    assert 'name="key"' not in house.browser().get("/office/login").text


def test_the_key_opens_as_the_office_sets_it(house: House) -> None:
    make(house, Role.ADMIN)
    setting(house, "sign_in: {office_key: always}\n")
    assert house.office("经办人甲").get("/office").status_code == 200
    borrowed = house.browser().post("/office/login", data={"key": KEY, "name": NAMES[Role.ADMIN]})
    assert (borrowed.status_code, "不能用钥匙代签" in borrowed.text) == (422, True)
    path = house.root / "config" / "duban.yaml"
    path.write_text(path.read_text("utf-8").replace("always", "never"), "utf-8")
    assert house.browser().post("/office/login", data={"key": KEY, "name": "甲"}).status_code == 403


def test_nobody_guesses_the_key_either(house: House) -> None:
    for _ in range(ACCOUNT_PATIENCE.free):
        assert (
            house.client.post("/office/login", data={"key": "no", "name": "甲"}).status_code == 403
        )
    assert house.client.post("/office/login", data={"key": KEY, "name": "甲"}).status_code == 429
    house.watch.at += timedelta(seconds=31)
    assert house.client.post("/office/login", data={"key": KEY, "name": "甲"}).status_code == 303


# ---- in and out --------------------------------------------------------------------------------


def test_signing_in_gives_a_session_and_the_record_hears_of_it(house: House) -> None:
    name = make(house, Role.ADMIN)
    browser, reply = sign_in(house, name, next="/office/units?x=1")
    assert (reply.status_code, reply.headers["location"]) == (303, "/office/units?x=1")
    cookie = next(c for c in reply.headers.get_list("set-cookie") if SESSION_COOKIE in c)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert works(browser)
    with house.portal.ledger.read() as conn:
        (row,) = accounts.sign_ins(conn)
    assert (row["account"], row["act"], row["how"], row["address"]) == (
        name,
        "in",
        "password",
        "127.0.0.0/24",
    )
    browser.post("/office/logout", data=fields(browser.get("/office"), "/office/logout"))
    assert not works(browser)
    assert kinds(house)[-2:] == ["sign_in.done", "sign_in.ended"]


def test_cookies_are_secure_where_the_office_is_reached_by_https(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make(house, Role.ADMIN)
    path = house.root / "config" / "duban.yaml"
    path.write_text(
        path.read_text("utf-8").replace("http://testserver", "https://x.example"), "utf-8"
    )
    _, reply = sign_in(house, name)
    assert all(
        "Secure" in each for each in reply.headers.get_list("set-cookie") if "duban_session" in each
    )


def test_a_session_number_changes_at_every_sign_in(house: House) -> None:
    name = make(house, Role.ADMIN)
    browser, _ = sign_in(house, name)
    first = browser.cookies[SESSION_COOKIE]
    browser.cookies.set("planted", "x")
    browser.post("/office/login", data={"name": name, "password": PASSWORD})
    assert browser.cookies[SESSION_COOKIE] != first
    old = house.browser()
    old.cookies.set(SESSION_COOKIE, first)
    assert not works(old)


def test_a_session_ends_unused_after_two_hours_and_anyway_after_twelve(house: House) -> None:
    browser, _ = sign_in(house, make(house, Role.ADMIN))
    for _ in range(6):
        house.watch.at += timedelta(minutes=115)
        assert works(browser)
    house.watch.at += timedelta(minutes=31)
    assert not works(browser)
    again, _ = sign_in(house, NAMES[Role.ADMIN])
    house.watch.at += timedelta(hours=2)
    assert not works(again)


def test_the_office_sets_how_long_a_session_lasts(house: House) -> None:
    setting(house, "sign_in: {idle_minutes: 10, absolute_hours: 1}\n")
    browser, reply = sign_in(house, make(house, Role.ADMIN))
    assert "Max-Age=3600" in str(reply.headers)
    house.watch.at += timedelta(minutes=10)
    assert not works(browser)


@pytest.mark.parametrize("role", Role)
def test_each_role_begins_where_it_belongs(house: House, role: Role) -> None:
    name = make(house, role, unit="longhu" if role is Role.HEAD else "")
    browser, reply = sign_in(house, name)
    assert browser.get(reply.headers["location"]).status_code == 200
    assert browser.get("/").headers["location"] == reply.headers["location"]


# ---- the same answer ---------------------------------------------------------------------------


def test_unknown_wrong_disabled_and_unset_get_the_same_answer_after_the_same_work(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(house, Role.ADMIN)
    make(house, Role.REVIEWER)
    with house.portal.ledger.write("test") as writing:
        accounts.change(writing, NAMES[Role.REVIEWER], "停用", active=0)
        accounts.add(writing, "没设口令", Role.LEADER)
    worked: list[str] = []
    hasher = credentials.hasher()

    class Spy:
        def verify(self, kept: str, given: str) -> bool:
            worked.append(kept.split("$")[3])
            return bool(hasher.verify(kept, given))

    monkeypatch.setattr(credentials, "hasher", Spy)
    answers = set()
    for name, password in (
        (NAMES[Role.ADMIN], "wrong password"),
        (NAMES[Role.REVIEWER], PASSWORD),
        ("没设口令", ""),
        ("没有这个人", "x"),
    ):
        _, reply = sign_in(house, name, password)
        answers.add(
            (reply.status_code, reply.text.replace(name, "…"), str(reply.headers.get("set-cookie")))
        )
    ((status, text, cookie),) = answers
    assert (status, WRONG in text, cookie) == (403, True, "None")
    assert len(worked) == 4
    assert len(set(worked)) == 1


def test_what_is_typed_as_an_unknown_name_is_not_written_down(house: House) -> None:
    make(house, Role.ADMIN)
    sign_in(house, "correct horse as name", "also a secret")
    record = whole_record(house)
    assert "correct horse" not in record
    assert "also a secret" not in record
    assert kinds(house)[-1] == "sign_in.refused"


# ---- how often one may try ---------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_after_five_failures_even_the_right_password_waits(house: House, known: bool) -> None:
    name = make(house, Role.ADMIN)
    tried = name if known else "没有这个人"
    for _ in range(5):
        assert sign_in(house, tried, "wrong wrong")[1].status_code == 403
    locked = sign_in(house, tried)[1]
    assert (locked.status_code, "停一停" in locked.text) == (429, True)
    house.watch.at += timedelta(seconds=30)
    assert sign_in(house, tried)[1].status_code == (303 if known else 403)


def test_waits_double_and_end_and_success_begins_anew(house: House) -> None:
    name = make(house, Role.ADMIN)
    for wait in (0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900):
        house.watch.at += timedelta(seconds=wait - 1) if wait else timedelta()
        if wait:
            assert sign_in(house, name, "wrong wrong")[1].status_code == 429, wait
            house.watch.at += timedelta(seconds=1)
        assert sign_in(house, name, "wrong wrong")[1].status_code == 403, wait
    house.watch.at += timedelta(seconds=900)
    assert sign_in(house, name)[1].status_code == 303
    assert sign_in(house, name, "wrong wrong")[1].status_code == 403
    assert sign_in(house, name)[1].status_code == 303


def test_one_address_cannot_try_many_names(house: House) -> None:
    name = make(house, Role.ADMIN)
    for number in range(ADDRESS_PATIENCE.free):
        assert sign_in(house, f"某{number}", "x")[1].status_code == 403
    assert sign_in(house, name)[1].status_code == 429


def test_the_record_cannot_be_filled_from_outside(house: House) -> None:
    make(house, Role.ADMIN)
    for _ in range(200):
        sign_in(house, "没有这个人", "x")
    assert kinds(house).count("sign_in.refused") <= 3


def test_patience_forgets_after_a_day() -> None:
    assert locked_until(99, MORNING, ACCOUNT_PATIENCE, MORNING) == MORNING + timedelta(minutes=15)
    assert locked_until(99, MORNING, ACCOUNT_PATIENCE, MORNING + timedelta(minutes=15)) is None
    assert locked_until(4, MORNING, ACCOUNT_PATIENCE, MORNING) is None
    assert ADDRESS_PATIENCE.wait(10**6) == timedelta(hours=1)
    assert timedelta(hours=1) < FORGOTTEN


# ---- what ends sessions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "act",
    [{"act": "disable"}, {"act": "role", "role": "auditor"}, {"act": "reset"}, {"act": "totp-off"}],
)
def test_what_an_administrator_changes_signs_out_everywhere(
    house: House, act: dict[str, str]
) -> None:
    make(house, Role.ADMIN)
    name = make(house, Role.REVIEWER)
    browsers = [sign_in(house, name)[0] for _ in range(2)]
    admin = session(house, NAMES[Role.ADMIN])
    assert send(house, admin, "/office/accounts", name=name, **act).status_code == 200
    assert not any(works(each) for each in browsers)


def test_a_new_password_keeps_this_browser_and_signs_out_the_others(house: House) -> None:
    name = make(house, Role.LEADER)
    here, there = sign_in(house, name)[0], sign_in(house, name)[0]
    before = here.cookies[SESSION_COOKIE]
    new = {"password": "另一个 很长的 口令", "again": "另一个 很长的 口令"}
    assert send(house, here, "/office/me/password", old="wrong", **new).status_code == 422
    assert send(house, here, "/office/me/password", old=PASSWORD, **new).status_code == 303
    assert works(here)
    assert here.cookies[SESSION_COOKIE] != before
    assert not works(there)
    assert sign_in(house, name)[1].status_code == 403
    assert sign_in(house, name, "另一个 很长的 口令")[1].status_code == 303


def test_ones_own_sessions_are_listed_and_can_be_ended(house: House) -> None:
    name, other = make(house, Role.LEADER), make(house, Role.AUDITOR)
    here, there, third = (sign_in(house, name)[0] for _ in range(3))
    stranger = sign_in(house, other)[0]
    listed = re.findall(r'name="session" value="(\w+)"', here.get("/office/me").text)
    assert len(listed) == 2
    gone = credentials.hash_of(there.cookies[SESSION_COOKIE])
    assert send(house, stranger, "/office/me/sessions", session=gone).status_code == 303
    assert works(there)
    send(house, here, "/office/me/sessions", session=gone)
    assert [works(each) for each in (here, there, third)] == [True, False, True]
    send(house, here, "/office/me/sessions")
    assert [works(each) for each in (here, third, stranger)] == [True, False, True]


@pytest.mark.parametrize("act", [{"act": "disable"}, {"act": "role", "role": "reviewer"}])
def test_the_last_administrator_stays(house: House, act: dict[str, str]) -> None:
    name = make(house, Role.ADMIN)
    admin = session(house, name)
    before = house.head()
    reply = send(house, admin, "/office/accounts", name=name, **act)
    assert (reply.status_code, "最后一个管理员" in reply.text, house.head()) == (422, True, before)
    make(house, Role.ADMIN, name="管理己")
    assert send(house, admin, "/office/accounts", name=name, **act).status_code == 200
    assert not works(admin)


MISTAKEN = [
    ({"name": "管理甲", "role": "leader"}, "已有账号"),
    ({"name": "a/b", "role": "leader"}, "不合写法"),
    ({"name": "duban:remind", "role": "leader"}, "不合写法"),
    ({"name": "Deliver", "role": "leader"}, "系统自己的名字"),
    ({"name": "乙", "role": "king"}, "没有选角色"),
    ({"name": "乙", "role": "head"}, "哪个单位"),
    ({"name": "乙", "role": "head", "unit": "nowhere"}, "没有单位"),
    ({"name": "乙", "role": "leader", "unit": "longhu"}, "不分单位"),
    ({"name": "乙", "role": "leader", "claim": "管理甲"}, "认证服务"),
]


def test_a_mistaken_account_is_not_made(house: House) -> None:
    make(house, Role.ADMIN)
    admin, before = session(house, "管理甲"), house.head()
    for form, said in MISTAKEN:
        reply = send(house, admin, "/office/accounts", act="add", **form)
        assert (reply.status_code, said in reply.text) == (422, True), form
    assert house.head() == before


# ---- where one goes, and what cannot be slipped in ---------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "/office//evil", "javascript:alert(1)",
        "/office/../..//evil.example", "/unit", "/", "", "/office/login", "/office/logout", "/office/oidc", "/officex",
        "/office\r\nX: y", "/office/\x00", " /office", "/office?next=" + "x" * 600, "/office#//x", "/%09/evil.example",
    ],
)  # fmt: skip
def test_only_pages_of_the_office_are_come_back_to(given: str) -> None:
    assert safe_next(given) == ""


def test_nobody_is_sent_elsewhere_after_signing_in(house: House) -> None:
    name = make(house, Role.ADMIN)
    for given in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/office\r\nX: evil",
    ):
        assert sign_in(house, name, next=given)[1].headers["location"] == "/office"
        assert "evil" not in house.browser().get("/office/login", params={"next": given}).text


@pytest.mark.parametrize(
    "good",
    [
        "/office",
        "/office/items?state=now&unit=%E9%BE%99",
        "/office/item?key=A-1%2Fx",
        "/office/scores/2026@2026-11-23",
    ],
)
def test_pages_of_the_office_may_be_come_back_to(good: str) -> None:
    assert safe_next(good) == good


def test_a_page_asked_for_too_early_is_come_back_to(house: House) -> None:
    name = make(house, Role.ADMIN)
    asked = house.browser().get("/office/unit?id=longhu")
    way_in = re.findall(r'href="(/office/login\?next=[^"]+)"', asked.text)[0]
    browser = house.browser()
    to = re.findall(r'name="next" value="([^"]+)"', browser.get(way_in).text)[0]
    assert sign_in(house, name, next=to)[1].headers["location"] == "/office/unit?id=longhu"


def test_nothing_slips_into_a_header(house: House) -> None:
    make(house, Role.ADMIN)
    for name in ("甲\r\nSet-Cookie: x=1", "甲\nX-Evil: 1"):
        _, reply = sign_in(house, name, "x", next="/office\r\nX-Evil: 1")
        assert "x-evil" not in reply.headers
        assert "set-cookie" not in reply.headers
    reply = house.browser().get("/office/login?next=/office%0d%0aX-Evil:%201&key=%0d%0aX-Evil:1")
    assert "x-evil" not in reply.headers


def test_a_signature_is_the_account(house: House) -> None:
    house.office("经办人甲")
    name = make(house, Role.ADMIN)
    browser, reply = sign_in(house, name)
    assert any(
        OFFICE_COOKIE in each and "Max-Age=0" in each
        for each in reply.headers.get_list("set-cookie")
    )
    assert f'<a href="/office/me">{name}</a>' in browser.get("/office").text
