"""Second factors, and what the record never hears."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest

from conftest import Told
from duban import credentials
from duban.accounts import (
    Role,
    network,
)
from duban.ledger import accounts, events, tables
from duban.ledger.audit import rebuilt_differs
from duban.ledger.store import Ledger
from duban.portal.access import SESSION_COOKIE
from office_people import (
    NAMES,
    PASSWORD,
    cheap_hashes,
    make,
    send,
    session,
    setting,
    sign_in,
    whole_record,
    works,
)
from portal_home import Browser, House, fields

pytestmark = pytest.mark.usefixtures("cheap")


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_hashes(monkeypatch)


# ---- the second factor -------------------------------------------------------------------------


def enrol(house: House, browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """Scan the picture, type the first code; the authenticator and the recovery codes."""
    shown = browser.get("/office/me/totp")
    assert "<svg" in shown.text
    secret = re.findall(r"secret=([A-Z2-7]{32})", shown.text)[0]
    authenticator = pyotp.TOTP(secret)
    hidden = fields(shown, "/office/me/totp")
    assert browser.post("/office/me/totp", data=hidden | {"code": "000000"}).status_code == 422
    right = hidden | {"code": now_code(house, authenticator)}
    if "登录口令" in shown.text:
        assert browser.post("/office/me/totp", data=right | {"old": "wrong"}).status_code == 422
    reply = browser.post("/office/me/totp", data=right | {"old": PASSWORD})
    assert reply.status_code == 200
    return authenticator, re.findall(r'<li class="mono">([\w-]+)</li>', reply.text)


def now_code(house: House, authenticator: pyotp.TOTP) -> str:
    return str(authenticator.at(house.watch()))


def answer(house: House, browser: Browser, code: str) -> int:
    return send(house, browser, "/office/code", code=code).status_code


def test_a_second_factor_is_asked_for_and_each_code_works_once(house: House) -> None:
    name = make(house, Role.ADMIN)
    authenticator, recovery = enrol(house, sign_in(house, name)[0])
    assert len(set(recovery)) == credentials.CODES
    house.watch.at += timedelta(seconds=30)
    browser, reply = sign_in(house, name, next="/office/units")
    assert reply.headers["location"] == "/office/code?next=%2Foffice%2Funits"
    assert not works(browser, "/office")
    half = browser.cookies[SESSION_COOKIE]
    code = now_code(house, authenticator)
    assert answer(house, browser, "12 34") == 403
    assert answer(house, browser, code) == 303
    assert works(browser)
    assert browser.cookies[SESSION_COOKIE] != half
    again, _ = sign_in(house, name)
    assert answer(house, again, code) == 403, "a code was taken twice"
    house.watch.at += timedelta(seconds=60)
    assert answer(house, again, now_code(house, authenticator)) == 303


def test_a_recovery_code_works_once_and_the_record_says_how_many_are_left(house: House) -> None:
    name = make(house, Role.ADMIN)
    _, recovery = enrol(house, sign_in(house, name)[0])
    browser, _ = sign_in(house, name)
    assert answer(house, browser, recovery[0].upper().replace("-", " ")) == 303
    again, _ = sign_in(house, name)
    assert answer(house, again, recovery[0]) == 403
    assert answer(house, again, recovery[1]) == 303
    assert "还剩8个" in whole_record(house)
    assert not any(code in whole_record(house) for code in recovery)


def test_codes_are_not_guessed(house: House) -> None:
    name = make(house, Role.ADMIN)
    authenticator, _ = enrol(house, sign_in(house, name)[0])
    house.watch.at += timedelta(seconds=60)
    browser, _ = sign_in(house, name)
    for _ in range(5):
        assert answer(house, browser, "000000") == 403
    assert answer(house, browser, now_code(house, authenticator)) == 429
    fresh, _ = sign_in(house, name)
    assert answer(house, fresh, now_code(house, authenticator)) == 429


def test_where_the_office_asks_for_it_nothing_opens_before_it_is_there(house: House) -> None:
    setting(house, "sign_in: {second_factor: admins}\n")
    name = make(house, Role.ADMIN)
    browser, reply = sign_in(house, name)
    assert reply.headers["location"] == "/office/me/totp"
    assert browser.get("/office").status_code == 403
    enrol(house, browser)
    assert works(browser, "/office")
    off = send(house, browser, "/office/me/totp/off", old=PASSWORD, code="0")
    assert (off.status_code, "必须用动态口令" in off.text) == (422, True)
    assert sign_in(house, make(house, Role.LEADER))[1].headers["location"] == "/office"


def test_a_second_factor_ends_by_password_and_code_or_by_an_administrator(house: House) -> None:
    name = make(house, Role.LEADER)
    browser, _ = sign_in(house, name)
    authenticator, recovery = enrol(house, browser)
    wrong = send(house, browser, "/office/me/totp/off", old="wrong", code=recovery[0])
    assert wrong.status_code == 422
    assert (
        send(house, browser, "/office/me/totp/off", old=PASSWORD, code=recovery[0]).status_code
        == 303
    )
    assert sign_in(house, name)[1].headers["location"] == "/office"
    enrol(house, browser)
    make(house, Role.ADMIN)
    send(house, session(house, NAMES[Role.ADMIN]), "/office/accounts", act="totp-off", name=name)
    assert sign_in(house, name)[1].headers["location"] == "/office"
    assert authenticator.secret not in whole_record(house)


def test_a_secret_moved_to_another_account_opens_nothing(house: House) -> None:
    one, two = make(house, Role.ADMIN), make(house, Role.LEADER)
    enrol(house, sign_in(house, one)[0])
    with house.portal.ledger.read() as conn:
        sealed = accounts.secrets_of(conn, one).totp
    assert house.portal.totp_secret(one, sealed)
    assert house.portal.totp_secret(two, sealed) == ""
    assert house.portal.totp_secret(one, sealed[:-2] + "AA") == ""


# ---- the record and the secrets ----------------------------------------------------------------


def test_no_secret_stands_in_an_event_and_a_rebuild_loses_none(house: House) -> None:
    name = make(house, Role.ADMIN)
    browser, _ = sign_in(house, name)
    authenticator, recovery = enrol(house, browser)
    send(
        house,
        browser,
        "/office/me/password",
        old=PASSWORD,
        password="第三个 很长的 口令",
        again="第三个 很长的 口令",
    )
    record = whole_record(house)
    with house.portal.ledger.read() as conn:
        kept = accounts.secrets_of(conn, name)
    for secret in (
        PASSWORD,
        "第三个",
        kept.password,
        kept.totp,
        authenticator.secret,
        *kept.recovery,
        *recovery,
    ):
        assert secret not in record
    assert browser.cookies[SESSION_COOKIE] not in record
    assert "argon2" not in record
    with house.portal.ledger.write("test") as writing:
        events.rebuild(writing.conn)
    assert works(browser)
    assert rebuilt_differs(house.portal.ledger) == []
    house.watch.at += timedelta(seconds=60)
    again, _ = sign_in(house, name, "第三个 很长的 口令")
    assert answer(house, again, now_code(house, authenticator)) == 303


def test_the_same_account_on_both_databases(ledger: Ledger, told: Told) -> None:
    with ledger.write("test") as writing:
        accounts.add(writing, "甲", Role.HEAD, unit="u")
        accounts.invite(writing, "甲", "h")
        assert accounts.invited(writing.conn, "h", writing.at) == "甲"
        accounts.set_password(writing, "甲", "hash", "测试")
        accounts.totp_on(writing, "甲", "sealed", ["r1", "r2"], step=7)
        assert not accounts.use_step(writing, "甲", 7)
        assert accounts.use_step(writing, "甲", 8)
        assert accounts.use_recovery(writing, "甲", "r1")
        assert not accounts.use_recovery(writing, "甲", "r1")
        accounts.start_session(
            writing, "s", "甲", "full", how="password", address="", browser="x" * 300
        )
        accounts.tell(writing, "1", "done", "甲", how="password", address="", why="")
        accounts.count(writing, "k", 3)
        accounts.count(writing, "k", 4)
        events.rebuild(writing.conn)
    with ledger.read() as conn:
        (row,) = accounts.accounts(conn)
        assert (row["recovery_left"], row["last_at"]) == (1, told.moment)
        assert accounts.secrets_of(conn, "甲").recovery == ("r2",)
        assert accounts.failures(conn, ["k"]) == {"k": (4, told.moment)}
        assert accounts.session(conn, "s") is not None
        assert accounts.invited(conn, "", told.moment) is None
    assert rebuilt_differs(ledger) == []
    told.moment += timedelta(days=3)
    with ledger.write("test") as writing:
        accounts.sweep(writing, told.moment - timedelta(hours=12))
        assert accounts.session(writing.conn, "s") is None
        assert accounts.failures(writing.conn, ["k"]) == {}


def test_tables_outside_the_record_are_the_ones_with_secrets() -> None:
    assert {"credential", "session", "throttle"} == tables.KEPT
    projected = {table.name for table, _ in events.KINDS.values()}
    assert projected.isdisjoint(tables.KEPT)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("10.2.3.4", "10.2.3.0/24"), ("::ffff:10.2.3.4", "10.2.3.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("testclient", ""), ("", ""),
    ],
)  # fmt: skip
def test_an_address_is_kept_only_as_its_network(address: str, kept: str) -> None:
    assert network(address) == kept
