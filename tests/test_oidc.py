"""The county's sign-in service: there and back, against a service on loopback with a key of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from duban.accounts import Role
from duban.errors import UsageError
from duban.ledger import accounts
from duban.portal import app, oidc
from fake_issuer import SECRET, Issuer, issuer
from office_people import NAMES, cheap_hashes, make
from portal_home import MORNING, Browser, House

pytest.importorskip("authlib")


@pytest.fixture
def service(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    cheap_hashes(monkeypatch)
    monkeypatch.setenv("DUBAN_TEST_OIDC", SECRET)
    with issuer(int(MORNING.timestamp())) as found:
        path = house.root / "config" / "duban.yaml"
        path.write_text(
            path.read_text("utf-8")
            + f"sign_in: {{oidc: {{issuer: '{found.url}', client_id: duban,"
            + " client_secret: '${env:DUBAN_TEST_OIDC}'}}\n",
            "utf-8",
        )
        yield found
    oidc._HEARD.clear()


def there(browser: Browser, to: str = "") -> str:
    """Off to the service: the address the browser is sent to."""
    reply = browser.get("/office/oidc", params={"next": to})
    assert reply.status_code == 303
    return str(reply.headers["location"])


def in_by(service: Issuer, browser: Browser, to: str = "") -> Any:
    return browser.get(service.approve(there(browser, to)))


def test_who_the_service_knows_and_has_an_account_comes_in(house: House, service: Issuer) -> None:
    name = make(house, Role.LEADER, claim="zhang.san")
    browser = house.browser()
    assert "用统一身份认证登录" in browser.get("/office/login").text
    reply = in_by(service, browser, "/office/runs")
    assert (reply.status_code, reply.headers["location"]) == (303, "/office/runs")
    assert browser.get("/office/me").status_code == 200
    with house.portal.ledger.read() as conn:
        (row,) = accounts.sign_ins(conn)
    assert (row["account"], row["act"], row["how"]) == (name, "in", "oidc")


def test_an_account_is_found_by_its_name_where_no_claim_is_written(
    house: House, service: Issuer
) -> None:
    service.user = make(house, Role.AUDITOR)
    assert in_by(service, house.browser()).headers["location"] == "/office"


@pytest.mark.parametrize("user", ["li.si", "", NAMES[Role.LEADER]])
def test_nobody_gets_an_account_by_coming(house: House, service: Issuer, user: str) -> None:
    make(house, Role.LEADER, claim="zhang.san")  # found by its claim, no longer by its name
    service.user = user
    browser = house.browser()
    reply = in_by(service, browser)
    assert (reply.status_code, "还没有账号" in reply.text) == (403, True)
    assert browser.get("/office").status_code == 403


def test_a_disabled_account_stays_out(house: House, service: Issuer) -> None:
    name = make(house, Role.LEADER, claim="zhang.san")
    with house.portal.ledger.write("test") as writing:
        accounts.change(writing, name, "停用", active=0)
    assert in_by(service, house.browser()).status_code == 403


def test_what_is_asked_is_fresh_and_the_secret_stays_here(house: House, service: Issuer) -> None:
    browser = house.browser()
    asked = [parse_qs(urlsplit(there(browser)).query) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 32
    assert SECRET not in str(asked)
    assert asked[0]["redirect_uri"] == ["http://testserver/office/oidc/back"]
    evil = house.browser().get("/office/oidc", headers={"host": "evil.example"})
    assert "evil" not in evil.headers["location"]


def test_the_way_back_works_only_for_the_browser_that_went(house: House, service: Issuer) -> None:
    make(house, Role.LEADER, claim="zhang.san")
    mine, other = house.browser(), house.browser()
    back = service.approve(there(mine))
    there(other)
    before = house.head()
    assert other.get(back).status_code == 403
    assert house.browser().get(back).status_code == 403
    assert mine.get(back.split("&state=")[0] + "&state=" + "x" * 32).status_code == 403
    assert mine.get("/office/oidc/back?error=access_denied").status_code == 403
    assert house.head() == before
    assert mine.get(back).status_code == 303
    assert mine.get(back).status_code == 403, "a code was taken twice"


def test_the_way_back_closes_after_ten_minutes(house: House, service: Issuer) -> None:
    make(house, Role.LEADER, claim="zhang.san")
    browser = house.browser()
    back = service.approve(there(browser))
    house.watch.at += timedelta(minutes=11)
    assert browser.get(back).status_code == 403


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "another audience": {"claims": {"aud": "another"}},
    "several audiences, for another": {"claims": {"aud": ["duban", "x"], "azp": "x"}},
    "another audience, though for us": {"claims": {"aud": "another", "azp": "duban"}},
    "no audience": {"claims": {"aud": None}},
    "another nonce": {"claims": {"nonce": "x"}},
    "no nonce": {"claims": {"nonce": None}},
    "run out": {"claims": {"exp": int(MORNING.timestamp()) - 300}},
    "of tomorrow": {"claims": {"iat": int(MORNING.timestamp()) + 86_400}},
    "no end": {"claims": {"exp": None}},
    "unsigned": {"header": {"alg": "none"}},
    "signed with our own secret": {"header": {"alg": "HS256", "kid": "k1"}},
    "signed by another": {"shown": "another"},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_id_token_that_does_not_prove_itself_opens_nothing(
    house: House, service: Issuer, lie: str
) -> None:
    make(house, Role.LEADER, claim="zhang.san")
    for name, value in LIES[lie].items():
        other = RSAKey.generate_key(2048, {"kid": "k1"}) if value == "another" else value
        setattr(service, name, other)
    browser = house.browser()
    reply = in_by(service, browser)
    assert (reply.status_code, "没有登录成功" in reply.text) == (403, True)
    assert browser.get("/office").status_code == 403


def test_a_service_that_calls_itself_another_or_is_silent_says_so(
    house: House, service: Issuer
) -> None:
    service.own_name = "https://evil.example"
    assert house.browser().get("/office/oidc").status_code == 503
    path = house.root / "config" / "duban.yaml"
    path.write_text(path.read_text("utf-8").replace(f":{service.port}", ":1"), "utf-8")
    reply = house.browser().get("/office/oidc")
    assert (reply.status_code, "没有正常应答" in reply.text) == (503, True)


def test_without_the_service_there_is_no_way_through_it(house: House) -> None:
    for address in ("/office/oidc", "/office/oidc/back?code=x&state=y"):
        assert house.browser().get(address).status_code == 404


def test_the_portal_does_not_start_without_what_it_needs(
    house: House, service: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUBAN_TEST_OIDC")
    with pytest.raises(UsageError, match="DUBAN_TEST_OIDC"):
        app.create_app(str(house.root))
    monkeypatch.setenv("DUBAN_TEST_OIDC", SECRET)
    monkeypatch.setattr(oidc, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"duban\[oidc\]"):
        app.create_app(str(house.root))
