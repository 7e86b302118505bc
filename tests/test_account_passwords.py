"""Passwords, the one-time link that sets one, the commands of accounts, the record's page."""

from __future__ import annotations

import getpass
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from duban import credentials
from duban.accounts import (
    Role,
    check_password,
)
from duban.errors import Issues
from duban.ledger import accounts, events
from office_people import (
    NAMES,
    PASSWORD,
    cheap_hashes,
    make,
    send,
    session,
    sign_in,
    works,
)
from portal_home import Browser, House

Cli = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.usefixtures("cheap")


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap_hashes(monkeypatch)


# ---- passwords ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        "short", "一二三四五六七八九", "1234567890", "0987654321", "Password123!", "p@ssw0rd2026", "qwertyuiop",
        "aaaaaaaaaaaa", "abcabcabcabc", "龙湖镇龙湖镇龙湖镇龙湖镇", "abcdefghijkl", "管理甲管理甲2026", "x" * 129,
        "1qaz2wsx3edc", "woaini1314520", "Admin@888888", "1234567890１",
    ],
)  # fmt: skip
def test_passwords_that_everybody_tries_are_refused(bad: str) -> None:
    issues = Issues()
    check_password(bad, ["管理甲", "试点工作专班办公室", "龙湖镇"], issues)
    assert [each.code for each in issues.found] == ["password"]
    assert bad not in str(issues.found[0])


@pytest.mark.parametrize(
    "good", [PASSWORD, "correct horse battery", "k7#mQ2pW9x", "秋天的第一杯奶茶放凉了"]
)
def test_long_ones_are_taken_without_rules_of_composition(good: str) -> None:
    issues = Issues()
    check_password(good, ["管理甲"], issues)
    assert issues.found == []


def test_hashes_have_the_stated_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import extract_parameters
    from argon2.profiles import RFC_9106_LOW_MEMORY

    monkeypatch.undo()
    kept = credentials.hash_password(PASSWORD)
    assert extract_parameters(kept) == RFC_9106_LOW_MEMORY
    assert extract_parameters(credentials._NOBODYS) == RFC_9106_LOW_MEMORY
    assert credentials.is_password(kept, PASSWORD)
    assert not credentials.is_password(kept, PASSWORD + " ")


# ---- the one-time link -------------------------------------------------------------------------


def invited(house: House, name: str = "领导丙", role: Role = Role.LEADER) -> str:
    """The address of a one-time link, as an administrator gets it on the page."""
    make(house, Role.ADMIN) if not _has(house, NAMES[Role.ADMIN]) else None
    admin = session(house, NAMES[Role.ADMIN])
    act = "reset" if _has(house, name) else "add"
    reply = send(house, admin, "/office/accounts", act=act, name=name, role=role.value)
    found = re.findall(r"http://testserver(/office/password/[\w-]+)", reply.text)
    assert len(found) == 1
    return str(found[0])


def _has(house: House, name: str) -> bool:
    with house.portal.ledger.read() as conn:
        return accounts.account(conn, name) is not None


def set_password(browser: Browser, address: str, password: str = PASSWORD, again: str = "") -> int:
    token = re.findall(r'name="form_token" value="(\w+)"', browser.get(address).text)
    data = {
        "form_token": token[0] if token else "",
        "password": password,
        "again": again or password,
    }
    return browser.post(address, data=data).status_code


def test_a_new_colleague_sets_the_own_password_by_a_link_that_works_once(house: House) -> None:
    address = invited(house)
    browser = house.browser()
    before = house.head()
    for _ in range(2):
        assert "领导丙" in browser.get(address).text
    assert house.head() == before
    assert set_password(browser, address, "1234567890") == 422
    assert set_password(browser, address, PASSWORD, "something else") == 422
    assert browser.post(address, data={"password": PASSWORD, "again": PASSWORD}).status_code == 403
    assert set_password(browser, address) == 303
    assert set_password(browser, address) == 410
    assert browser.get(address).status_code == 410
    assert sign_in(house, "领导丙")[1].status_code == 303


def test_a_link_runs_out_and_ends_with_the_account_and_with_a_newer_one(house: House) -> None:
    first = invited(house)
    second = invited(house)
    browser = house.browser()
    assert (browser.get(first).status_code, browser.get(second).status_code) == (410, 200)
    admin = session(house, NAMES[Role.ADMIN])
    send(house, admin, "/office/accounts", act="disable", name="领导丙")
    assert browser.get(second).status_code == 410
    send(house, admin, "/office/accounts", act="enable", name="领导丙")
    third = invited(house)
    house.watch.at += timedelta(hours=72)
    assert browser.get(third).status_code == 410
    assert browser.get("/office/password/nonsense").status_code == 410


def test_a_reset_ends_the_old_password_and_every_session(house: House) -> None:
    name = make(house, Role.LEADER)
    browser, _ = sign_in(house, name)
    invited(house, name)
    assert not works(browser)
    assert sign_in(house, name)[1].status_code == 403


# ---- the command line --------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    from portal_home import write_home

    return write_home(tmp_path / "home")


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_the_first_administrator_is_made_in_a_terminal(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, PASSWORD + "\n")
    code, out, _ = cli(
        "user", "add", "管理甲", "--role", "admin", "--password-file", "-", "--home", str(home)
    )
    assert (code, PASSWORD in out) == (0, False)
    typed(monkeypatch, "")
    code, out, note = cli(
        "user", "add", "负责人丁", "--role", "head", "--unit", "龙湖镇", "--home", str(home)
    )
    assert code == 0
    assert re.search(r"^http://testserver/office/password/[\w-]{43}$", out, re.MULTILINE)
    assert "只显示这一次" in note
    code, out, _ = cli("user", "list", "--home", str(home), "--format", "json")
    found = {each["name"]: each for each in json.loads(out)}
    assert (found["管理甲"]["password"], found["负责人丁"]["password"]) == (True, False)
    assert found["负责人丁"]["unit"] == "longhu"
    assert PASSWORD not in out
    assert cli("audit", "verify", "--home", str(home))[0] == 0


def test_a_password_is_asked_twice_where_someone_sits(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    said = iter([PASSWORD, "something else", PASSWORD, PASSWORD])
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(said))
    add = ("user", "add", "管理甲", "--role", "admin", "--home", str(home))
    code, _, note = cli(*add)
    assert (code, "两次输入的口令不一样" in note) == (1, True)
    assert cli(*add)[0] == 0


def test_accounts_are_kept_in_order_from_a_terminal(
    cli: Cli, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "")
    where = ("--home", str(home))
    cli("user", "add", "管理甲", "--role", "admin", *where)
    (tmp_path / "weak").write_text("1234567890\n", "utf-8")
    for words, said in (
        (("add", "乙", "--role", "leader", "--password-file", str(tmp_path / "weak")), "常见口令"),
        (("add", "管理甲", "--role", "leader"), "已有账号"),
        (("disable", "管理甲"), "最后一个管理员"),
        (("role", "管理甲", "auditor"), "最后一个管理员"),
        (("reset", "没有"), "没有账号"),
        (("totp", "没有"), "没有账号"),
    ):
        code, _, note = cli("user", *words, *where)
        assert (code, said in note) == (1, True), words
    assert cli("user", "add", "乙", "--role", "king", *where)[0] == 2
    cli("user", "add", "乙", "--role", "reviewer", *where)
    assert "已改为领导" in cli("user", "role", "乙", "leader", *where)[1]
    assert "没有启用动态口令" in cli("user", "totp", "乙", "--off", *where)[1]
    assert "已停用" in cli("user", "disable", "乙", *where)[1]
    assert "停用" in cli("user", "list", *where)[1]
    assert "已恢复" in cli("user", "enable", "乙", *where)[1]
    assert "/office/password/" in cli("user", "reset", "乙", "--link", *where)[1]


def test_a_reset_in_a_terminal_forgives_failed_tries(
    house: House, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make(house, Role.ADMIN)
    for _ in range(6):
        sign_in(house, name, "wrong wrong")
    assert sign_in(house, name)[1].status_code == 429
    typed(monkeypatch, "另一个 很长的 口令\n")
    code, *_ = cli("user", "reset", name, "--password-file", "-", "--home", str(house.root))
    assert code == 0
    assert sign_in(house, name, "另一个 很长的 口令")[1].status_code == 303


def test_the_banner_says_what_opens(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import service

    monkeypatch.setattr(service, "up", lambda *_args: 0)
    typed(monkeypatch, "")
    said = cli("up", "--home", str(home))[2]
    assert "钥匙在 var/office.key" in said
    assert "duban user add 姓名 --role admin" in said
    cli("user", "add", "管理甲", "--role", "admin", "--home", str(home))
    said = cli("up", "--home", str(home))[2]
    assert "用账号登录" in said
    assert "office.key" not in said


# ---- the record's page -------------------------------------------------------------------------


def test_the_auditor_reads_the_record_and_has_the_chain_checked(house: House) -> None:
    name = make(house, Role.AUDITOR)
    sign_in(house, "没有这个人", "x")
    browser, _ = sign_in(house, name)
    text = browser.get("/office/audit?verify=1").text
    for said in ("没有一条被改动", "登录被拒", "建立账号", "（没有这个账号）", "列入台账"):
        assert said in text
    for strange in ("before=-5", "before=99999999999999999999", "before=3"):
        assert browser.get(f"/office/audit?{strange}").status_code == 200


def test_all_kinds_of_account_events_have_a_name_to_read() -> None:
    from duban.portal.shown import EVENT_NAMES, SIGN_IN_ACTS, SIGN_IN_WAYS

    mine = {kind for kind in events.KINDS if kind.startswith(("account.", "sign_in."))}
    assert mine <= set(EVENT_NAMES)
    assert set(SIGN_IN_ACTS) == {"in", "out", "refused"}
    assert set(SIGN_IN_WAYS) == {"password", "code", "oidc", "key"}
