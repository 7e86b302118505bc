"""The portal through HTTP: the office's side, its key, and what it decides."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from duban.errors import OutsideError, UsageError
from duban.ledger import ladder, links, queries, views
from duban.ledger.audit import rebuilt_differs
from duban.portal import access
from duban.portal.office_pages import router as office_router
from duban.settings import Home
from portal_home import (
    KEY,
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


def test_everything_of_the_office_is_behind_the_key(house: House) -> None:
    from duban.portal.app import PARTS

    liaison = house.unit()
    open_to_all = {"/office/login", "/office/password/{token}", "/office/oidc", "/office/oidc/back"}
    before = house.head()
    for part in PARTS:
        for route in part.router.routes:
            assert isinstance(route, APIRoute)
            if not route.path.startswith("/office") or route.path in open_to_all:
                continue
            for browser in (house.browser(), liaison):
                for method in route.methods or ():
                    address = route.path.replace("{run:path}", "x")
                    query = {"key": REPORT, "id": "x", "of": "run", "path": "x"}
                    reply = browser.request(method, address, params=query)
                    assert reply.status_code == 403, (method, address)
    assert house.head() == before
    assert office_router.routes


def test_signing_in_needs_key_and_name_and_looking_signs_nobody_in(house: House) -> None:
    browser = house.browser()
    assert "set-cookie" not in browser.get(f"/office/login?key={KEY}").headers
    assert (
        browser.post("/office/login", data={"key": "wrong", "name": "经办人甲"}).status_code == 403
    )
    assert browser.post("/office/login", data={"key": KEY, "name": " "}).status_code == 422
    office = house.office()
    assert "经办人甲" in office.get("/office").text
    house.watch.at += timedelta(hours=12)
    assert office.get("/office").status_code == 403


def test_only_listed_clerks_sign_where_the_office_lists_them(house: House) -> None:
    path = house.root / "config" / "duban.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\nclerks: [经办人甲]\n", encoding="utf-8")
    refused = house.browser().post("/office/login", data={"key": KEY, "name": "别人"})
    assert refused.status_code == 422
    assert "不在经办人名单里" in refused.text
    assert house.office("经办人甲").get("/office").status_code == 200


def test_a_new_office_key_signs_everybody_out(house: House) -> None:
    office = house.office()
    house.portal.office_key = "another-key-for-tests"
    assert office.get("/office").status_code == 403


def test_signing_out(house: House) -> None:
    office = house.office()
    office.post("/office/logout", data=fields(office.get("/office"), "/office/logout"))
    assert office.get("/office").status_code == 403


def test_the_office_key_is_made_once_for_us_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUBAN_OFFICE_KEY", raising=False)
    with open_house(tmp_path / "home") as house:
        path = house.portal.home.var / "office.key"
        assert path.stat().st_mode & 0o777 == 0o600
        assert (
            access.office_key(house.portal.home)
            == path.read_text("utf-8")
            == house.portal.office_key
        )
        assert len(house.portal.office_key) >= 32
    monkeypatch.setenv("DUBAN_OFFICE_KEY", "short")
    with pytest.raises(UsageError, match="太短"):
        access.office_key(house.portal.home)


def test_the_dashboard_names_the_late_and_counts_them(house: House) -> None:
    report(house.unit())
    text = house.office().get("/office").text
    assert "建设工作站" in text
    assert "逾期17天" in text
    rates = house.office().get("/office?view=rate").text
    assert re.search(r'title="龙湖镇 11月：1/2项按时">50<', rates)
    assert "乡镇街道" in text


def test_the_list_filters_and_speaks_json(house: House) -> None:
    office = house.office()
    found = office.get("/office/items?format=json&state=overdue&unit=longhu").json()
    assert [(item["key"], item["lamp"], item["overdue"]) for item in found["items"]] == [
        (SHORT, "red", True)
    ]
    assert office.get("/office/items?format=json&lamp=green&task=A-3").json()["count"] == 0
    november = office.get("/office/items?format=json&month=2026-11&task=A-1").json()["items"]
    assert [item["due_on"] for item in november] == ["2026-11-25"]
    assert office.get("/office/items?month=2026-99&lamp=x&state=y").status_code == 200


def test_an_items_page_shows_its_whole_record(house: House) -> None:
    report(house.unit())
    text = house.office().get(f"/office/item?key={quote(REPORT)}").text
    for said in ("列入台账", "收到报送", "龙湖镇联络员", "调解3件。", "每月25日前"):
        assert said in text
    assert house.office().get("/office/item?key=no").status_code == 404


def test_review_accepts_and_returns_in_the_clerks_name(house: House) -> None:
    office, browser = house.office("张华"), house.unit()
    report(browser)
    report(browser, SHORT, percent="100")
    ids = [house.submissions(key)[0]["id"] for key in (REPORT, SHORT)]
    hidden = fields(office.get("/office/review"), "/office/review")
    refused = office.post("/office/review", data=hidden | {"act": "return", "pick": ids})
    assert (refused.status_code, house.row(REPORT)["state"]) == (409, "submitted")
    assert "退回要写明理由" in refused.text
    assert office.post("/office/review", data=hidden | {"act": "accept"}).status_code == 409
    both = office.post("/office/review", data=hidden | {"act": "accept", "pick": ids})
    assert "已通过2件" in office.get(both.headers["location"]).text
    assert [house.row(key)["state"] for key in (REPORT, SHORT)] == ["closed", "closed"]
    assert house.submissions(SHORT)[0]["reviewer"] == "张华"
    twice = office.post("/office/review", data=hidden | {"accept_one": ids[0]})
    assert twice.status_code == 303  # the same person, the same decision
    other = house.office("经办人乙")
    hidden = fields(other.get("/office/items"), "/office/logout") | {"accept_one": ids[0]}
    assert "已经审核过了" in other.post("/office/review", data=hidden).text


def test_review_returns_one_with_its_reason(house: House) -> None:
    office, browser = house.office(), house.unit()
    report(browser)
    sent = house.submissions(REPORT)[0]["id"]
    hidden = fields(office.get("/office/review"), "/office/review")
    office.post("/office/review", data=hidden | {"return_one": sent, f"reason.{sent}": "缺协议"})
    row = house.row(REPORT)
    assert (row["state"], row["returned"], row["round"]) == ("returned", 1, 2)
    assert "缺协议" in browser.get(page(REPORT)).text
    assert "缺协议" in browser.get("/unit/history").text


def test_a_severe_step_is_confirmed_in_a_name_or_dropped_with_a_reason(house: House) -> None:
    report(house.unit(), SHORT, percent="40", problem="选址未定")
    proposal = house.proposal()
    office = house.office("张华")
    shown = office.get("/office/proposals")
    assert "选址未定" in shown.text
    assert "以张华的名义确认通报" in shown.text
    hidden = fields(shown, "/office/proposals") | {"proposal": proposal}
    assert (
        "不予采纳要写明理由" in office.post("/office/proposals", data=hidden | {"act": "drop"}).text
    )
    assert office.post("/office/proposals", data=hidden | {"act": "confirm"}).status_code == 303
    with house.portal.ledger.read() as conn:
        row = ladder.one_proposal(conn, proposal)
    assert row is not None
    assert (row["state"], row["decided_by"]) == ("confirmed", "张华")
    assert "已有人处理" in office.post("/office/proposals", data=hidden | {"act": "confirm"}).text


def test_steps_of_what_has_come_in_meanwhile_are_dropped_together(house: House) -> None:
    proposal = house.proposal()
    report(house.unit(), SHORT, percent="100")
    office = house.office()
    shown = office.get("/office/proposals")
    assert "事项已补报或办结的" in shown.text
    hidden = fields(shown, "/office/proposals")
    office.post(
        "/office/proposals",
        data=hidden | {"act": "drop", "proposal": [proposal], "reason": "已补报"},
    )
    with house.portal.ledger.read() as conn:
        row = ladder.one_proposal(conn, proposal)
    assert row is not None
    assert (row["state"], row["decided_by"]) == ("dropped", "经办人甲")
    assert row["reason"].endswith("已补报")


def test_office_forms_from_elsewhere_are_refused(house: House) -> None:
    office, unit = house.office(), house.unit()
    report(unit)
    proposal = house.proposal()
    sent = house.submissions(REPORT)[0]["id"]
    foreign = re.findall(r'name="form_token" value="([^"]+)"', unit.get("/unit").text)[0]
    before = house.head()
    for token in ("", foreign):
        data = {"form_token": token, "accept_one": sent, "proposal": proposal, "act": "confirm"}
        assert office.post("/office/review", data=data).status_code == 403
        assert office.post("/office/proposals", data=data).status_code == 403
    assert house.head() == before


@pytest.mark.parametrize(
    "path",
    [
        "digest/secret.txt",
        "../../config/duban.yaml",
        "/etc/passwd",
        "digest/../link.key",
        "link.key",
        "",
    ],
)
def test_only_files_of_the_record_below_var_are_served(house: House, path: str) -> None:
    papers(house)
    reply = house.office().get(
        "/office/file", params={"of": "digest", "id": "2026-W47", "path": path}
    )
    assert reply.status_code in {404, 422}


def test_papers_are_attachments_and_their_pages_run_nothing(house: House) -> None:
    papers(house)
    office = house.office()
    what = {"of": "digest", "id": "2026-W47"}
    word = office.get("/office/file", params=what | {"path": "digest/w47.docx"})
    assert word.headers["content-disposition"].startswith("attachment")
    shown = office.get("/office/file", params=what | {"path": "digest/w47.html"})
    assert "sandbox" in shown.headers["content-security-policy"]
    assert "script-src" not in shown.headers["content-security-policy"]
    assert "迟报1次，扣0.2分" in office.get("/office/scores/2026@2026-11-23").text


def test_units_without_a_reachable_head_are_marked(house: House) -> None:
    office = house.office()
    assert "主要负责人无人" in office.get("/office/units").text
    assert "无人在岗" in office.get("/office/unit?id=longhu").text


# ---- keys --------------------------------------------------------------------------------------


KEYS = (
    (access.office_key, "DUBAN_OFFICE_KEY", "office.key"),
    (links.home_key, "DUBAN_LINK_KEY", "link.key"),
)


@pytest.mark.parametrize(("read", "variable", "file"), KEYS)
def test_a_broken_key_file_stops_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: object, variable: str, file: str
) -> None:
    assert callable(read)
    monkeypatch.delenv(variable, raising=False)
    home = Home(tmp_path)
    home.var.mkdir()
    for content in (b"", b" \n", b"short", b"\xff" * 32):
        (home.var / file).write_bytes(content)
        with pytest.raises(UsageError, match=f"var/{file}.*备份"):
            read(home)
        assert (home.var / file).read_bytes() == content


@pytest.mark.parametrize(("read", "variable", "file"), KEYS)
def test_a_short_key_is_refused_from_the_environment_and_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: object, variable: str, file: str
) -> None:
    assert callable(read)
    monkeypatch.setenv(variable, "x" * 15)
    with pytest.raises(UsageError, match=f"{variable} 太短"):
        read(Home(tmp_path))
    (tmp_path / "empty").write_bytes(b"")
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "empty"))
    with pytest.raises(UsageError, match=f"{variable} 是空的"):
        read(Home(tmp_path))
    assert not (tmp_path / "var" / file).exists()


@pytest.mark.parametrize(("read", "variable", "file"), KEYS)
def test_a_full_disk_leaves_no_half_key_and_the_first_writer_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: object, variable: str, file: str
) -> None:
    assert callable(read)
    monkeypatch.delenv(variable, raising=False)
    home = Home(tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OutsideError, match="磁盘空间"):
            read(home)
    assert list(home.var.iterdir()) == []

    def overtaken(_draft: Path, target: Path) -> None:
        target.write_text("w" * 32, "utf-8")
        raise FileExistsError

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", overtaken)
        assert read(home) in {"w" * 32, b"w" * 32}
    assert [each.name for each in home.var.iterdir()] == [file]


def test_an_empty_key_opens_nothing(house: House) -> None:
    house.portal.office_key = ""
    reply = house.browser().post("/office/login", data={"key": "", "name": "经办人甲"})
    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers


def test_nobody_outside_is_told_where_the_key_lies(house: House) -> None:
    browser = house.browser()
    for reply in (
        browser.get("/"),
        browser.get("/office"),
        browser.get("/office/login"),
        browser.post("/office/login", data={"key": "no", "name": "x"}),
    ):
        assert "office.key" not in reply.text
        assert "启动时给出的" not in reply.text
        assert "系统管理员" in reply.text


# ---- messages that did not arrive --------------------------------------------------------------


def decide(office: Browser, **more: object) -> tuple[int, str]:
    """Post a decision; the status and the page that follows."""
    hidden = fields(office.get("/office/messages"), "/office/messages/decide")
    reply = office.post("/office/messages/decide", data=hidden | more)
    shown = office.get(reply.headers["location"]) if reply.status_code == 303 else reply
    return reply.status_code, shown.text


def message(house: House, key: str) -> queries.Row:
    with house.portal.ledger.read() as conn:
        return views.letters_by_id(conn, [key])[key]


@pytest.mark.parametrize("state", views.TROUBLE)
@pytest.mark.parametrize(("act", "after"), [("resend", "queued"), ("drop", "cancelled")])
def test_a_person_decides_about_what_did_not_arrive(
    house: House, state: str, act: str, after: str
) -> None:
    key = letter(house, state=state)
    office = house.office("张华")
    assert "要处理 <b>1</b>" in office.get("/office/messages").text
    assert "消息<b>1</b>" in office.get("/office").text
    before = house.head()
    status, text = decide(office, act=act, reason="")
    assert (status, house.head()) == (409, before)
    assert "写明理由" in text
    status, text = decide(office, act=act, reason="地址已更正")
    assert status == 303
    row = message(house, key)
    assert (row["state"], row["detail"]) == (after, "张华：地址已更正")
    assert rebuilt_differs(house.portal.ledger) == []
    assert "要处理 <b>0</b>" in text


def test_several_messages_are_decided_together_or_not_at_all(house: House) -> None:
    office = house.office()
    keys = [letter(house, state="expired", name=f"day{n}") for n in range(2)]
    sent = letter(house, name="sent")
    before = house.head()
    status, text = decide(office, act="resend", reason="重发", message=[*keys, sent, "no"])
    assert (status, house.head()) == (409, before)
    assert "现在是“已送达”" in text
    assert "没有这条消息：no" in text
    assert 'value="重发"' in text
    assert decide(office, act="burn", reason="重发", message=keys)[0] == 409
    assert decide(office, act="drop", reason="已过时", message=keys)[0] == 303
    assert [message(house, key)["state"] for key in keys] == ["cancelled"] * 2
    assert [message(house, sent)["state"]] == ["sent"]


def test_a_decision_about_messages_needs_our_own_form(house: House) -> None:
    letter(house, state="failed")
    office = house.office()
    before = house.head()
    data = {"message": "day:longhu", "act": "drop", "reason": "x", "form_token": "0" * 32}
    assert office.post("/office/messages/decide", data=data).status_code == 403
    assert house.head() == before


# ---- strange addresses, half-done work ---------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/office/messages?page_number=99999999999999999999",
        "/office/messages?page_number=-5&state=trouble",
        "/office/items?page_number=99999999999999999999",
        "/office/items?month=99999999999999999999",
        "/office/items?month=9999-12",
        "/office/review?said=²-0",
        "/office?year=99999999999999999999",
    ],
)
def test_strange_numbers_in_an_address_break_nothing(house: House, address: str) -> None:
    letter(house)
    assert house.office().get(address).status_code == 200


def test_a_review_that_half_succeeds_says_both(house: House) -> None:
    office, browser = house.office(), house.unit()
    report(browser)
    hidden = fields(office.get("/office/review"), "/office/review")
    picked = [house.submissions(REPORT)[0]["id"], "no#1"]
    reply = office.post("/office/review", data=hidden | {"act": "accept", "pick": picked})
    assert reply.status_code == 409
    assert "已通过1件" in reply.text
    assert "还不能提交" in reply.text
    assert house.row(REPORT)["state"] == "closed"


def test_the_dashboard_says_what_it_counts_as_the_status_does(house: House) -> None:
    text = house.office().get("/office").text
    with house.portal.ledger.read() as conn:
        states = queries.states(conn)
    assert states["historic"] > 0
    assert f"台账共{sum(states.values())}项" in text
    assert f"启用前到期的{states['historic']}项不计" in text
    counted = sum(states.values()) - states["historic"]
    assert f"<b>{counted}<small>项</small></b><span>启用以来应办事项</span>" in text
