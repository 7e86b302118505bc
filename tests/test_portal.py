"""The portal through HTTP: the units' side, and that looking changes nothing."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from duban import clock
from duban.intake.evidence import MAX_BYTES
from duban.ledger import account_changes, links, queries
from duban.ledger.events import Draft
from duban.portal import guard
from duban.portal.pages import FOLDER
from duban.stages import upkeep
from duban.stages.upkeep import STALE
from office_people import session
from portal_home import (
    HOSTILE,
    KEY,
    MORNING,
    PDF,
    REPORT,
    SHORT,
    TASKS,
    House,
    assert_headers,
    assert_own_page,
    fields,
    letter,
    page,
    papers,
    report,
)

# ---- looking changes nothing -------------------------------------------------------------------


def test_no_get_changes_the_ledger_and_every_get_is_tried(house: House) -> None:
    unit, office = house.unit(), house.office()
    report(unit)
    letter(house)
    papers(house)
    house.proposal()
    sent = unit.post("/unit/submit", data=fields(unit.get(page(SHORT)), "/unit/submit") | {"percent": "100", "progress": "建成"}, files={"file1": PDF})  # fmt: skip
    with house.portal.ledger.read() as conn:
        (file,) = queries.evidence_of(conn, house.submissions(SHORT)[0]["id"])
    evidence = quote(file["id"])
    tried = {
        "/": (house.client, "/"),
        "/u/{token}": (house.client, f"/u/{house.token('fy')}"),
        "/unit": (unit, "/unit"),
        "/unit/item": (unit, page(REPORT)),
        "/unit/nil": (unit, f"/unit/nil?key={quote(REPORT)}"),
        "/unit/extend": (unit, f"/unit/extend?key={quote(REPORT)}"),
        "/unit/request": (unit, f"/unit/request?kind=split&key={quote(REPORT)}"),
        "/unit/receipt": (unit, sent.headers["location"]),
        "/unit/history": (unit, "/unit/history"),
        "/unit/inbox": (unit, "/unit/inbox"),
        "/unit/evidence": (unit, f"/unit/evidence?id={evidence}"),
        "/unit/form.xlsx": (unit, "/unit/form.xlsx"),
        "/office/login": (house.client, f"/office/login?key={KEY}"),
        "/office/password/{token}": (house.client, f"/office/password/{invite(house)}"),
        "/office/oidc": (house.client, "/office/oidc"),
        "/office/oidc/back": (house.client, "/office/oidc/back?code=x&state=y"),
        "/office/code": (session(house, "领导丙", "code"), "/office/code"),
        "/office/me": (session(house, "领导丙"), "/office/me"),
        "/office/me/totp": (session(house, "领导丙"), "/office/me/totp"),
        "/office/accounts": (office, "/office/accounts"),
        "/office/audit": (office, "/office/audit?verify=1"),
        "/office": (office, "/office?year=2026"),
        "/office/items": (office, "/office/items?state=now&unit=longhu&month=2026-11"),
        "/office/item": (office, f"/office/item?key={quote(SHORT)}"),
        "/office/evidence": (office, f"/office/evidence?id={evidence}"),
        "/office/review": (office, "/office/review"),
        "/office/proposals": (office, "/office/proposals"),
        "/office/units": (office, "/office/units"),
        "/office/unit": (office, "/office/unit?id=longhu"),
        "/office/messages": (office, "/office/messages"),
        "/office/digests": (office, "/office/digests"),
        "/office/runs": (office, "/office/runs"),
        "/office/scores/{run:path}": (office, "/office/scores/2026@2026-11-23"),
        "/office/file": (office, "/office/file?of=digest&id=2026-W47&path=digest/w47.docx"),
        "/healthz": (house.client, "/healthz"),
    }
    ours = {route.path for route in routes() if "GET" in (route.methods or ())}
    elsewhere = ("/office", "/api/")  # test_access looks at every page of the office in every role
    assert set(tried) >= {path for path in ours if not path.startswith(elsewhere)}
    before = house.head()
    for browser, address in tried.values():
        reply = browser.get(address)
        good = {"/healthz": {200, 503}}.get(address, {200, 303})
        good |= {404} if "/oidc" in address else set()  # no such service is set
        assert reply.status_code in good, (address, reply.status_code, reply.text[:300])
        assert_headers(reply)
        if reply.headers.get("content-type", "").startswith("text/html"):
            assert_own_page(reply)
    assert house.head() == before


def invite(house: House) -> str:
    """A leader's account with a one-time link: its token."""
    with house.portal.ledger.write("test") as writing:
        return account_changes.add(writing, "领导丙", "leader", "", claim="", units=())


def routes() -> list[APIRoute]:
    from duban.portal.app import PARTS

    return [route for part in PARTS for route in part.router.routes if isinstance(route, APIRoute)]


# ---- personal links ----------------------------------------------------------------------------


def test_a_link_gives_a_cookie_and_a_clean_address(house: House) -> None:
    reply = house.client.get(f"/u/{house.token('longhu')}")
    assert reply.headers["location"] == "/unit"
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert house.token("longhu") not in cookie


@pytest.mark.parametrize("token", ["nonsense", "a" * 32, "%00", "../../etc"])
def test_an_unknown_link_says_whom_to_ask(house: House, token: str) -> None:
    reply = house.client.get(f"/u/{token}")
    assert reply.status_code in {403, 404}
    assert "司文科 62696021" in reply.text
    assert "set-cookie" not in reply.headers


def test_an_expired_link_stops_working_cookie_and_all(house: House) -> None:
    token, browser = house.token("longhu"), house.unit()
    house.watch.at += timedelta(days=46)
    for reply in (browser.get(f"/u/{token}"), browser.get("/unit")):
        assert reply.status_code == 410
        assert "过期" in reply.text


def test_a_revoked_link_stops_working_at_once(house: House) -> None:
    token, browser = house.token("longhu"), house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit")
    with house.portal.ledger.write("test") as writing:
        links.revoke(writing, links.hash_of(token), why="换人")
    assert browser.get("/unit").status_code == 410
    assert browser.post("/unit/submit", data=hidden | {"progress": "x"}).status_code == 410
    assert house.submissions(REPORT) == []


@pytest.mark.parametrize("cookie", ["", "x.y", "eA.00", "€"])
def test_a_cookie_that_we_did_not_make_opens_nothing(house: House, cookie: str) -> None:
    reply = house.client.get("/unit", headers={"cookie": f"duban_unit={cookie}".encode()})
    assert reply.status_code == 403


# ---- reports -----------------------------------------------------------------------------------


def test_a_report_is_taken_in_and_its_receipt_says_everything(house: House) -> None:
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit")
    data = hidden | {
        "progress": "调解3件。",
        "percent": "７５",
        "figure.mediated": "1,234",
        "signed_by": "单位审签人",
    }
    reply = browser.post("/unit/submit", data=data, files={"file1": PDF, "file2": ("", b"")})
    receipt = browser.get(reply.headers["location"])
    (row,) = house.submissions(REPORT)
    assert (row["progress"], row["percent"], row["signed_by"]) == ("调解3件。", 75, "单位审签人")
    assert (json.loads(row["figures"]), row["late"], row["actor"]) == (
        {"mediated": "1234"},
        0,
        "longhu/liaison",
    )
    with house.portal.ledger.read() as conn:
        (file,) = queries.evidence_of(conn, row["id"])
    for said in (
        "2026年11月23日 09:00:00",
        "按时",
        "会议纪要.pdf",
        file["sha256"],
        "1234件",
        "75%",
    ):
        assert said in receipt.text
    got = browser.get(f"/unit/evidence?id={quote(file['id'])}")
    assert got.content == PDF[1]
    assert got.headers["content-disposition"].startswith("attachment")
    assert house.row(REPORT)["state"] == "submitted"


def test_a_late_report_is_taken_in_and_called_late(house: House) -> None:
    house.watch.at = clock.at(date(2026, 11, 26), time(0, 0, 1))
    browser = house.unit()
    receipt = browser.get(report(browser).headers["location"])
    assert house.submissions(REPORT)[0]["late"] == 1
    assert "迟报" in receipt.text


def test_the_same_form_sent_twice_counts_once(house: House) -> None:
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit") | {"progress": "调解3件。"}
    first, second = (
        browser.post("/unit/submit", data=hidden, files={"file1": PDF}) for _ in range(2)
    )
    assert first.headers["location"] == second.headers["location"]
    assert len(house.submissions(REPORT)) == 1


def test_the_same_form_with_other_content_is_a_report_of_its_own(house: House) -> None:
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit") | {"progress": "调解3件。"}
    sent = [
        browser.post("/unit/submit", data=hidden | more, files=files).headers["location"]
        for more, files in (
            ({}, {}),
            ({"progress": "调解5件。"}, {}),
            ({"progress": "调解5件。"}, {"file1": PDF}),
            ({}, {}),
        )
    ]
    assert len(set(sent)) == 3
    assert sent[0] == sent[3]
    rows = house.submissions(REPORT)
    assert sorted((row["version"], row["progress"]) for row in rows) == [
        (1, "调解3件。"), (2, "调解5件。"), (3, "调解5件。"),
    ]  # fmt: skip


def test_the_same_form_for_another_item_is_not_swallowed(house: House) -> None:
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit")
    for key in (REPORT, SHORT):
        data = hidden | {"key": key, "progress": "一样的话", "percent": "40"}
        assert browser.post("/unit/submit", data=data).status_code == 303
    assert [len(house.submissions(key)) for key in (REPORT, SHORT)] == [1, 1]


def test_a_form_for_what_is_closed_meanwhile_is_refused_and_its_text_kept(house: House) -> None:
    browser, office = house.unit(), house.office()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit") | {"progress": "调解3件。"}
    first = browser.post("/unit/submit", data=hidden).headers["location"]
    accept = fields(office.get("/office/review"), "/office/review")
    office.post("/office/review", data=accept | {"accept_one": house.submissions(REPORT)[0]["id"]})
    again = browser.post("/unit/submit", data=hidden | {"progress": "更正：5件。"})
    assert again.status_code == 422
    assert "不再接收报送" in again.text
    assert "更正：5件。" in again.text
    assert browser.post("/unit/submit", data=hidden).headers["location"] == first
    assert len(house.submissions(REPORT)) == 1


@pytest.mark.parametrize("token", ["", "0" * 32, "other", "€"])
def test_a_form_from_elsewhere_is_refused(house: House, token: str) -> None:
    browser, other = house.unit(), house.unit("fy")
    hidden = fields(browser.get(page(REPORT)), "/unit/submit")
    if token == "other":
        token = re.findall(r'name="form_token" value="([^"]+)"', other.get("/unit").text)[0]
    before = house.head()
    for address in ("/unit/submit", "/unit/ack", "/unit/extend", "/unit/form"):
        data = hidden | {"progress": "x", "form_token": token}
        assert browser.post(address, data=data).status_code == 403
    assert house.head() == before


def test_another_units_items_are_closed(house: House) -> None:
    mine, theirs = house.unit("fy"), house.unit()
    report(theirs)
    sent = quote(house.submissions(REPORT)[0]["id"])
    hidden = fields(mine.get("/unit"), "/unit/submit")
    before = house.head()
    for address in (
        page(REPORT),
        f"/unit/nil?key={quote(REPORT)}",
        f"/unit/receipt?id={sent}",
        page("no/such/item"),
    ):
        reply = mine.get(address)
        assert reply.status_code == 403
        assert "纠纷人民调解" not in reply.text
    for address in ("/unit/submit", "/unit/ack", "/unit/extend"):
        assert mine.post(address, data=hidden | {"key": REPORT, "progress": "x"}).status_code == 403
    assert house.head() == before


def test_another_units_evidence_is_closed(house: House) -> None:
    theirs = house.unit()
    hidden = fields(theirs.get(page(REPORT)), "/unit/submit") | {"progress": "x"}
    theirs.post("/unit/submit", data=hidden, files={"file1": PDF})
    with house.portal.ledger.read() as conn:
        (file,) = queries.evidence_of(conn, house.submissions(REPORT)[0]["id"])
    address = f"evidence?id={quote(file['id'])}"
    assert house.unit("fy").get(f"/unit/{address}").status_code == 403
    assert house.browser().get(f"/office/{address}").status_code == 403
    assert house.office().get(f"/office/{address}").content == PDF[1]


def test_hostile_text_is_only_text_everywhere(house: House) -> None:
    unit, office = house.unit(), house.office()
    reply = report(
        unit, problem=HOSTILE, next_step=HOSTILE, progress=HOSTILE, signed_by=HOSTILE[:40]
    )
    letter(house, HOSTILE)
    papers(house)
    for browser, address in (
        (unit, reply.headers["location"]),
        (unit, page(REPORT)),
        (unit, "/unit/inbox"),
        (office, "/office/review"),
        (office, f"/office/item?key={quote(REPORT)}"),
        (office, "/office/messages"),
        (office, "/office/scores/2026@2026-11-23"),
    ):
        shown = browser.get(address)
        assert html.escape("<script>alert(1)</script>", quote=False) in shown.text, address
        assert "{{ 7*7 }}" in shown.text
        assert_own_page(shown)


def test_every_mistake_is_said_at_once_and_what_was_typed_is_kept(house: House) -> None:
    browser = house.unit()
    data = {
        "percent": "一半",
        "figure.mediated": "约3",
        "progress": "",
        "problem": "长" * 1001,
        "stated_on": "2027-01-01",
    }
    reply = report(browser, SHORT, **data)
    assert reply.status_code == 422
    for said in ("累计进度", "本期进展", "存在问题", "完成日期", "一半", "长" * 1001):
        assert said in reply.text
    assert house.submissions(SHORT) == []
    wrong = report(browser, REPORT, **{"figure.mediated": "约3"})
    assert "调解成功件数" in wrong.text
    assert 'value="约3"' in wrong.text


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (("病毒.exe", b"MZ"), "类型（exe）不收"),
        (("图.pdf", b"<script>"), "对不上"),
        (("大.pdf", b"%PDF-" + b"x" * MAX_BYTES), "超过 20 MB"),
    ],
)
def test_files_that_cannot_be_taken_stop_the_report(
    house: House, file: tuple[str, bytes], said: str
) -> None:
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit") | {"progress": "调解3件。"}
    reply = browser.post("/unit/submit", data=hidden, files={"file1": file})
    assert reply.status_code == 422
    assert said in reply.text
    assert "调解3件。" in reply.text
    assert house.submissions(REPORT) == []


def test_too_many_files_and_too_large_bodies_are_refused(house: House) -> None:
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit") | {"progress": "x"}
    many = [(f"f{n}", PDF) for n in range(6)]
    assert browser.post("/unit/submit", data=hidden, files=many).status_code == 400
    reply = browser.post("/unit/ack", data=hidden | {"x": "y" * guard.FORM_BYTES})
    assert reply.status_code == 413
    assert "文件太大" in reply.text
    assert_headers(reply)
    headers = {"content-type": "application/x-www-form-urlencoded"}

    async def stream() -> AsyncIterator[bytes]:  # no length is stated: the bytes are counted
        yield b"a=" + b"x" * guard.FORM_BYTES

    assert browser.post("/unit/ack", content=stream(), headers=headers).status_code == 413
    assert house.submissions(REPORT) == []


def test_no_change_takes_two_taps(house: House) -> None:
    browser = house.unit()
    confirm = browser.get(f"/unit/nil?key={quote(REPORT)}")
    assert house.submissions(REPORT) == []
    browser.post("/unit/submit", data=fields(confirm, "/unit/submit"))
    (row,) = house.submissions(REPORT)
    assert (row["nil"], row["state"]) == (1, "pending")


def test_an_extension_after_the_due_is_refused(house: House) -> None:
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/submit")
    asked = hidden | {"key": SHORT, "until": "2026-12-10", "reason": "忙", "progress": "无"}
    reply = browser.post("/unit/extend", data=asked)
    assert reply.status_code == 422
    assert "时限已过" in reply.text
    assert "/unit/extend" not in browser.get(page(SHORT)).text


def test_acknowledging_is_recorded_once(house: House) -> None:
    browser = house.unit()
    hidden = fields(browser.get(page(REPORT)), "/unit/ack")
    browser.post("/unit/ack", data=hidden)
    once = house.head()
    assert browser.post("/unit/ack", data=hidden).headers["location"] == "/unit?said=acked"
    assert house.head() == once
    assert house.row(REPORT)["acked_at"] == MORNING


def test_the_list_begins_with_what_is_late_and_shows_why_it_came_back(house: House) -> None:
    browser, office = house.unit(), house.office()
    report(browser)
    (row,) = house.submissions(REPORT)
    returning = fields(office.get("/office/review"), "/office/review")
    office.post(
        "/office/review",
        data=returning | {"return_one": row["id"], f"reason.{row['id']}": "缺调解协议"},
    )
    text = browser.get("/unit").text
    assert (
        text.index("已逾期")
        < text.index("建设工作站")
        < text.index("本周到期")
        < text.index("纠纷人民调解")
    )
    assert "缺调解协议" in text
    assert "被退回" in text


def test_a_page_of_very_many_items_stays_small(house: House) -> None:
    house.watch.at = clock.at(date(2026, 12, 31), time(20, 0))
    reply = house.unit("fy").get("/unit")
    assert reply.text.count("周调度") > 8
    assert_own_page(reply)
    assert reply.text.count('enctype="multipart/form-data" data-draft') <= 12


def test_messages_are_shown_as_text_without_any_token(house: House) -> None:
    letter(house)
    inbox = house.unit().get("/unit/inbox").text
    assert "http://testserver/unit 谢谢" in inbox
    assert "0token0" not in inbox + house.office().get("/office/messages").text
    assert "请报送" not in house.unit("fy").get("/unit/inbox").text


def test_the_workbook_goes_out_and_comes_back(house: House) -> None:
    browser = house.unit()
    book = browser.get("/unit/form.xlsx")
    assert book.content.startswith(b"PK")
    assert "filename*=UTF-8''" in book.headers["content-disposition"]
    hidden = {"form_token": fields(browser.get("/unit"), "/unit/form")["form_token"]}
    before = house.head()
    back = browser.post(
        "/unit/form", data=hidden, files={"workbook": ("报送表.xlsx", book.content)}
    )
    assert back.status_code == 303, back.text
    assert back.headers["location"] == "/unit/history?said=same"
    junk = browser.post("/unit/form", data=hidden, files={"workbook": ("报送表.xlsx", b"junk")})
    assert junk.status_code == 422
    assert browser.post("/unit/form", data=hidden).status_code == 422
    assert house.head() == before


# ---- the house ---------------------------------------------------------------------------------


def test_health_is_good_while_stages_tick_and_names_the_stale(house: House) -> None:
    house.watch.at = clock.at(date(2026, 11, 2), time(20, 0))
    good = house.client.get("/healthz")
    assert (good.status_code, good.json()["ok"], good.json()["stale"]) == (200, True, [])
    house.watch.at = MORNING
    bad = house.client.get("/healthz")
    assert bad.status_code == 503
    assert "remind" in bad.json()["stale"]


def test_an_example_says_so_on_every_page(house: House) -> None:
    assert "不是真实考核结果" not in house.client.get("/").text
    with house.portal.ledger.write("test") as writing:
        row = {"name": "example", "value": "1"}
        writing.record(Draft("ledger.marked", "trait:example", row))
    for reply in (
        house.client.get("/"),
        house.unit().get("/unit"),
        house.office().get("/office"),
        house.client.get("/u/x"),
    ):
        assert "示例数据" in reply.text
        assert "不是真实考核结果" in reply.text


def ticked(house: House, moment: datetime, *stages: str) -> None:
    with house.portal.ledger.write("test") as writing:
        for stage in stages:
            row = {"stage": stage, "logical_at": moment, "finished_at": moment, "counts": "{}"}
            writing.record(Draft("stage.ticked", f"stage:{stage}", row))


def test_health_gives_a_stage_that_never_ran_time_for_its_first_turn(house: House) -> None:
    rest = [stage for stage in STALE if stage != "upkeep"]
    ticked(house, MORNING - timedelta(hours=1), *rest)
    said = house.client.get("/healthz")
    assert (said.status_code, said.json()["stale"], said.json()["never"]) == (200, [], ["upkeep"])
    house.watch.at = MORNING + timedelta(hours=48)
    said = house.client.get("/healthz")
    assert said.status_code == 503
    assert {"upkeep", "remind"} <= set(said.json()["stale"])
    assert "digest" not in said.json()["stale"]


def test_upkeep_names_the_same_stages_as_health(house: House) -> None:
    ticked(house, MORNING, *STALE)
    house.watch.at = MORNING + timedelta(hours=49)
    said = upkeep.run(house.portal.office, house.watch.at)
    late = [stage for stage in STALE if stage not in {"digest", "upkeep"}]
    assert said.counts["久未运行"] == len(late)
    assert "警报：remind已超过36小时没有运行。" in said.lines
    assert house.client.get("/healthz").json()["stale"] == late


def test_health_names_a_tick_of_a_day_to_come(house: House) -> None:
    ticked(house, MORNING, *STALE)
    assert house.client.get("/healthz").status_code == 200
    ticked(house, MORNING + timedelta(days=30), "remind")
    said = house.client.get("/healthz")
    assert (said.status_code, said.json()["future"]) == (503, ["remind"])


def test_text_files_are_read_again_when_they_change_and_kept_when_they_break(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = house.root / "tasks_def" / "small" / "1-one.yaml"
    tasks.write_text(TASKS.replace("调解知识产权纠纷", "换了说法"), "utf-8")
    assert "换了说法" in house.unit().get(page(REPORT)).text
    assert caplog.messages == []
    tasks.write_text("tasks: [{", "utf-8")
    browser = house.unit()
    assert "换了说法" in browser.get(page(REPORT)).text
    assert len(caplog.messages) == 1  # said once, not at every request
    assert "duban check" in caplog.messages[0]
    # an editor that is just swapping the file: the name is there, the file is not
    tasks.unlink()
    tasks.symlink_to(tasks.with_suffix(".gone"))
    assert "换了说法" in browser.get(page(REPORT)).text


def test_refusals_are_pages_with_headers(house: House) -> None:
    for reply in (
        house.client.get("/nothing/here"),
        house.client.post("/unit"),
        house.unit().get("/unit/item"),
        house.client.get("/docs"),
        house.client.get("/openapi.json"),
    ):
        assert reply.status_code in {404, 405, 422}
        assert "怎么办" in reply.text
        assert_headers(reply)


def test_a_failure_is_a_page_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(queries, "open_items", broken)
    browser = house.unit()
    browser.raises = False
    reply = browser.get("/unit")
    assert reply.status_code == 500
    assert "系统出了差错" in reply.text
    assert_headers(reply)


def test_script_and_style_stay_small_old_and_at_home() -> None:
    script = (FOLDER / "static" / "app.js").read_text("utf-8")
    assert len(script.encode()) <= 2048
    assert not re.search(r"=>|`|\b(const|let|class|async)\b|\?\.|\?\?", script)
    style = (FOLDER / "static" / "app.css").read_text("utf-8")
    assert not re.search(
        r"@import|url\(|(?<!grid-)gap\s*:|:has\(|:is\(|clamp\(|inset\s*:|aspect-ratio",
        style.partition("*/")[2],
    )


def test_static_files_may_be_kept(house: House) -> None:
    reply = house.client.get("/static/app.css")
    assert reply.headers["cache-control"].startswith("public")
    assert house.client.get("/static/../app.py").status_code == 404
