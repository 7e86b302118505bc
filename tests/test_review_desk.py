"""The review desk: a morning's reports, each beside the one before, each decision in a name and only once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from httpx import Response

import portal_home
from duban import clock
from duban.accounts import Role
from duban.errors import InputError
from duban.ledger import events, requests, review_acts, reviews, transitions
from duban.ledger.audit import rebuilt_differs
from duban.ledger.request_rules import Asked
from duban.ledger.transitions import Report, Stored
from duban.portal import access
from duban.stages import collect
from office_people import make, send, session, token_of
from portal_home import (
    FINISH,
    KEY,
    MORNING,
    REPORT,
    SHORT,
    Browser,
    House,
    open_house,
    page,
    report,
)

LONG = "11月10日联合金融办召开银企对接会，达成意向6笔；新增质押登记2笔、0.29亿元，走访企业20家。"


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger_url: str) -> Iterator[House]:
    """The small office on each database."""
    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    monkeypatch.setenv("DUBAN_DATABASE_URL", ledger_url)
    for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_LINK_KEY"):
        monkeypatch.delenv(name, raising=False)
    with open_house(tmp_path / "home") as opened:
        yield opened


def told(house: House, key: str, progress: str = LONG, **more: Any) -> str:
    """A report that came in at this moment; its id."""
    unit = key.split("/")[1]
    with house.portal.ledger.write(f"{unit}/liaison") as writing:
        said = Report(progress=progress, **more)
        return transitions.submit(writing, key, said, actor=f"{unit}/liaison").submission


def decide(house: House, browser: Browser, **data: Any) -> Response:
    """Send a decision as the desk's form would."""
    cookie = (
        access.SESSION_COOKIE
        if browser.cookies.get(access.SESSION_COOKIE)
        else access.OFFICE_COOKIE
    )
    token = token_of(house, browser, cookie)
    return browser.post("/office/review", data={"form_token": token} | data)


def desk(browser: Browser, **more: str) -> str:
    reply = browser.get("/office/review", params=more)
    assert reply.status_code == 200
    return reply.text


def queue(text: str) -> list[str]:
    """The ids in the queue, in order."""
    return re.findall(r'type="checkbox" name="pick" value="([^"]+)"', text)


def record(house: House, key: str) -> list[tuple[str, str, str]]:
    with house.portal.ledger.read() as conn:
        return [(e.kind, e.actor, e.why) for e in events.read_events(conn, obligation=key)]


# The queue


@pytest.fixture
def three(house: House) -> list[str]:
    """A late finish, a monthly report with a file asked for, a copy: in the order they came."""
    found = [told(house, SHORT, percent=100)]
    house.watch.at += timedelta(hours=1)
    found.append(told(house, REPORT, "调解三件。"))
    house.watch.at += timedelta(hours=1)
    found.append(told(house, FINISH, LONG, percent=100))
    return found


def test_the_queue_goes_by_age_or_by_lamp(house: House, three: list[str]) -> None:
    house.watch.at += timedelta(days=2)
    office = house.office()
    assert queue(desk(office)) == three
    first = desk(office, order="lamp")
    assert queue(first)[0] == three[0]  # it came seventeen days late
    assert "迟报17天" in first
    assert "已等2个工作日" in first


@pytest.mark.parametrize(
    ("narrow", "places"),
    [
        ({"unit": "scjgj"}, [2]),
        ({"task": "A-1"}, [1]),
        ({"kind": "finish"}, [0, 2]),
        ({"lamp": "red"}, [0]),
        ({"flag": "short"}, [1]),
        ({"flag": "any"}, [1]),
        ({"flag": "figure-fell"}, []),
        ({"unit": "longhu", "kind": "report"}, [1]),
        ({"unit": "nobody", "lamp": "'\"><", "flag": "?", "order": "?"}, []),
    ],
)
def test_the_queue_is_narrowed(
    house: House, three: list[str], narrow: dict[str, str], places: list[int]
) -> None:
    if narrow.get("order") == "?":
        narrow = narrow | {"order": "age"}
    assert queue(desk(house.office(), **narrow)) == [three[place] for place in places]


def test_what_was_narrowed_stays_so_after_a_decision(house: House, three: list[str]) -> None:
    reply = decide(house, house.office(), accept_one=three[0], w_kind="finish", next=three[2])
    assert reply.headers["location"] == (
        f"/office/review?kind=finish&at={quote(three[2], safe='')}&said=1-0-0"
    )


@contextmanager
def counted(house: House) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    engine = house.portal.ledger.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield said
    sa.event.remove(engine, "before_cursor_execute", note)


def test_a_hundred_wait_and_the_page_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "  - {{id: B-{n}, title: 第{n}项重点工作, text: 做好, source: example, lead: [龙湖镇], responsibility: 龙湖镇牵头, deliverable: 建成, deadline: 2026年12月25日前, kind: planned, weight: 1, evidence: [照片]}}\n"
    more = "".join(line.format(n=n) for n in range(1, 101))
    monkeypatch.setattr(portal_home, "TASKS", portal_home.TASKS + more)
    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_LINK_KEY", "DUBAN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with open_house(tmp_path / "home") as house:
        office = house.office()
        files = (Stored("0" * 64, "照片.jpg", "image/jpeg", 9),)
        told(house, "B-1/longhu/finish:end", percent=100, files=files)
        told(house, "B-2/longhu/finish:end", percent=100, files=files)
        with counted(house) as few:
            desk(office)
        for n in range(3, 101):
            told(house, f"B-{n}/longhu/finish:end", f"{LONG}{n}", percent=100, files=files)
        with counted(house) as many:
            text = desk(office, page_number="2")
        assert len(many) == len(few)
        assert len(text.encode()) < 200 * 1024
        assert "第2页，共2页" in text
        first = queue(desk(office))
        assert [len(first), len(queue(text)), len({*first, *queue(text)})] == [50, 50, 100]
        reply = decide(house, office, act="accept", pick=first)
        assert "已通过50件" in office.get(reply.headers["location"]).text
        assert len(queue(desk(office))) == 50


# One report beside the one before


def test_what_changed_is_marked_by_the_server(house: House) -> None:
    told(house, SHORT, "选址已定。投入资金3万元。", percent=40)
    told(house, SHORT, "选址已定。投入资金5万元。", percent=100)
    text = desk(house.office())
    assert "选址已定。投入资金<del>3</del>万元。" in text
    assert "选址已定。投入资金<ins>5</ins>万元。" in text
    assert re.search(r"40%</td><td class=\"r\"><b>100%</b></td><td class=\"r\">\+60<", text)


def test_doubts_are_shown_with_their_sentences(house: House) -> None:
    house.watch.at = MORNING
    files = (Stored("1" * 64, "照片.jpg", "image/jpeg", 9),)
    other = told(house, FINISH, LONG, percent=100, files=files)
    house.watch.at += timedelta(hours=1)
    told(house, REPORT, "调解。", files=files)
    text = desk(house.office(), at=f"{REPORT}#1")
    assert "本期进展只有2个字" in text
    assert "附件“照片.jpg”与市场监管局“出台贴息办法”" in text
    assert "交过的一模一样" not in desk(house.office(), at=other)  # it was the first


def test_the_same_file_again_after_a_return_is_no_doubt(house: House) -> None:
    files = (Stored("1" * 64, "照片.jpg", "image/jpeg", 9),)
    first = told(house, REPORT, files=files)
    office = house.office()
    decide(house, office, return_one=first, reason="写清结案数")
    told(house, REPORT, LONG + "其中结案两件，司法确认一件，履行到位一件。", files=files)
    text = desk(office)
    assert "佐证旧用" not in text.partition("筛选和排序")[2].partition("</details>")[2]
    assert "第1次（已退回）" in text


def test_hostile_text_stays_text(house: House) -> None:
    told(house, REPORT, portal_home.HOSTILE)
    portal_home.assert_own_page(house.office().get("/office/review", params={"at": f"{REPORT}#1"}))


# Deciding


def test_after_a_decision_comes_the_next(house: House, three: list[str]) -> None:
    office = house.office()
    for place, one in enumerate(three):
        text = desk(office, at=one)
        hidden = dict(
            re.findall(
                r'type="hidden" name="([^"]+)" value="([^"]*)"',
                text.partition('class="verdict"')[2],
            )
        )
        following = three[place + 1] if place < 2 else ""
        assert (hidden["at"], hidden["next"]) == (one, following)
        reply = office.post("/office/review", data=hidden | {"accept_one": one})
        assert reply.status_code == 303
    assert "没有待审核的报送" in desk(office)


def test_a_return_restarts_the_clock_and_keeps_every_version(house: House) -> None:
    first = told(house, REPORT, "调解3件。")
    office = house.office()
    reasons = house.portal.office.settings.return_reasons
    assert all(each in desk(office) for each in reasons)
    decide(house, office, return_one=first, template=reasons[1], reason="缺调解协议")
    row = house.row(REPORT)
    assert (row["state"], row["due_on"], row["original_due_on"]) == (
        "returned", date(2026, 11, 26), date(2026, 11, 25),
    )  # fmt: skip
    assert house.submissions(REPORT)[0]["review_reason"] == f"{reasons[1]}；缺调解协议"
    told(house, REPORT, "调解3件，协议附后。")
    text = desk(office)
    assert "以前各次报送（1次）" in text
    assert "缺调解协议" in text


def test_reasons_come_from_the_settings(house: House) -> None:
    config = house.root / "config" / "duban.yaml"
    config.write_text(config.read_text("utf-8") + "return_reasons: [请盖章后再报。]\n", "utf-8")
    told(house, REPORT)
    text = desk(house.office())
    assert "请盖章后再报。" in text
    assert "内容太笼统" not in text


def test_a_part_is_accepted_and_the_rest_has_its_own_due(both: House) -> None:
    first = told(both, SHORT, "主体建成。", percent=100)
    office = both.office()
    refused = decide(both, office, at=first, part_one=first, owed=" ", reason="主体已验收")
    assert refused.status_code == 409
    assert "部分通过要写明还欠什么" in refused.text
    assert "主体已验收" in refused.text  # what was typed is still there
    sent = {"part_one": first, "owed": "制度上墙照片", "owed_due": "2026-12-04"}
    assert decide(both, office, **sent).headers["location"].endswith("said=0-0-1")
    assert decide(both, office, **sent).status_code == 303  # sent twice
    row = both.row(SHORT)
    assert (row["state"], row["is_open"], row["round"]) == ("active", 1, 2)
    assert (row["due_on"], row["original_due_on"]) == (date(2026, 12, 4), date(2026, 11, 6))
    assert (row["submitted_at"], row["returned"]) == (MORNING, 0)
    assert [kind for kind, _, _ in record(both, SHORT)].count("obligation.accepted_part") == 1
    assert "制度上墙照片" in both.unit().get(page(SHORT)).text
    # The unit is told once, and what it sends next can be closed.
    both.watch.at += timedelta(days=1)
    told_again = [collect.run(both.portal.office, both.watch.at).counts["新告知退回"] for _ in "12"]
    assert told_again == [1, 0]
    with both.portal.ledger.read() as conn:
        assert [each["key"] for each in reviews.still_owed(conn)] == [SHORT]
    assert rebuilt_differs(both.portal.ledger) == []
    second = told(both, SHORT, "照片补齐。", percent=100)
    decide(both, both.office(), accept_one=second)
    assert both.row(SHORT)["state"] == "closed"


@pytest.mark.parametrize(("due", "words"), [("2026-11-01", "已经过去"), ("2028-01-01", "太远")])
def test_the_rest_needs_a_due_that_can_be_kept(house: House, due: str, words: str) -> None:
    first = told(house, SHORT, percent=100)
    refused = decide(house, house.office(), part_one=first, owed="照片", owed_due=due)
    assert refused.status_code == 409
    assert words in refused.text
    assert house.row(SHORT)["state"] == "submitted"


def test_a_closed_item_is_looked_at_again_with_a_reason(both: House) -> None:
    first = told(both, SHORT, percent=100)
    office = both.office("经办人乙")
    address = f"/office/reopen?key={quote(SHORT)}"
    assert "没有办结" in office.get(address).text
    decide(both, office, accept_one=first)
    assert quote(SHORT, safe="") in office.get("/office/review/done").text
    assert address.partition("?")[0] in office.get(f"/office/item?key={quote(SHORT)}").text
    hidden = portal_home.fields(office.get(address), "/office/reopen")
    refused = office.post("/office/reopen", data=hidden | {"reason": " "})
    assert (refused.status_code, both.row(SHORT)["state"]) == (422, "closed")
    reply = office.post("/office/reopen", data=hidden | {"reason": "现场未挂牌", "due_on": ""})
    assert "已重新打开" in office.get(reply.headers["location"]).text
    row = both.row(SHORT)
    assert (row["state"], row["is_open"], row["closed_at"]) == ("active", 1, None)
    assert (row["due_on"], row["original_due_on"]) == (date(2026, 11, 26), date(2026, 11, 6))
    assert ("obligation.reopened", "经办人乙", "现场未挂牌") in record(both, SHORT)
    assert both.submissions(SHORT)[0]["state"] == "accepted"  # nothing is erased
    again = office.post("/office/reopen", data=hidden | {"reason": "现场未挂牌"})
    assert "只有已办结的事项能回头看" in again.text
    assert collect.run(both.portal.office, both.watch.at).counts["新告知退回"] == 1
    second = told(both, SHORT, "已挂牌。", percent=100)
    decide(both, office, accept_one=second)
    assert both.row(SHORT)["state"] == "closed"


def test_many_at_once_each_in_the_persons_name_and_only_once(
    house: House, three: list[str]
) -> None:
    office = house.office("经办人乙")
    sent = {"act": "return", "pick": three, "reason": "请补佐证"}
    assert decide(house, office, **sent).status_code == 303
    before = house.head()
    assert decide(house, office, **sent).status_code == 303
    assert house.head() == before
    for key in (SHORT, REPORT, FINISH):
        acts = [each for each in record(house, key) if each[0] == "submission.reviewed"]
        assert acts == [("submission.reviewed", "经办人乙", "请补佐证")]


def test_one_that_fails_does_not_stop_the_others(house: House, three: list[str]) -> None:
    office = house.office("经办人乙")
    decide(house, house.office("经办人甲"), accept_one=three[1])
    refused = decide(house, office, act="return", pick=three, reason="请补佐证")
    assert refused.status_code == 409
    assert "经办人甲在11月23日11:00通过。您这次的处理没有记录" in refused.text
    assert "已退回2件" in refused.text
    assert [house.row(key)["state"] for key in (SHORT, REPORT, FINISH)] == [
        "returned", "closed", "returned",
    ]  # fmt: skip


def test_two_reviewers_at_once_and_one_decision_stands(both: House) -> None:
    first = told(both, REPORT)
    people = [both.office("经办人甲"), both.office("经办人乙")]
    sent = [{"accept_one": first}, {"return_one": first, "reason": "缺协议"}]
    tokens = [portal_home.fields(each.get("/office/review"), "/office/review") for each in people]

    def act(n: int) -> Response:
        return people[n].post("/office/review", data=tokens[n] | sent[n])

    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(act, (0, 1)))
    assert sorted(reply.status_code for reply in replies) == [303, 409]
    loser = next(reply for reply in replies if reply.status_code == 409)
    winner = both.submissions(REPORT)[0]
    assert f"{winner['reviewer']}在11月23日" in loser.text
    assert (
        both.row(REPORT)["state"] == {"accepted": "closed", "returned": "returned"}[winner["state"]]
    )
    acts = [each for each in record(both, REPORT) if each[0] == "submission.reviewed"]
    assert len(acts) == 1


def test_the_reviewer_reviews_and_the_others_only_look(house: House) -> None:
    first = told(house, REPORT)
    for role, status in ((Role.REVIEWER, 303), (Role.LEADER, 403), (Role.AUDITOR, 403)):
        browser = session(house, make(house, role))
        shown = browser.get("/office/review")
        assert shown.status_code == 200
        if status == 403:
            assert "通过并销号" not in shown.text
            assert send(house, browser, "/office/reopen", key=REPORT, reason="x").status_code == 403
            assert send(house, browser, "/office/requests", id="x", act="grant").status_code == 403
            assert send(house, browser, "/office/review", accept_one=first).status_code == 403
    reviewer = session(house, make(house, Role.REVIEWER, name="审核己"))
    assert send(house, reviewer, "/office/review", accept_one=first).status_code == 303
    assert house.submissions(REPORT)[0]["reviewer"] == "审核己"
    head = session(house, make(house, Role.HEAD, unit="longhu"))
    assert head.get("/office/review").status_code == 403


def test_forms_from_elsewhere_and_nonsense_change_nothing(house: House) -> None:
    first = told(house, REPORT)
    office, before = house.office(), house.head()
    assert office.post("/office/review", data={"accept_one": first}).status_code == 403
    assert office.post("/office/reopen", data={"key": REPORT}).status_code == 403
    for data in ({"act": "burn", "pick": first}, {"accept_one": "x#1"}, {"act": "accept"}):
        assert decide(house, office, **data).status_code == 409
    assert office.get("/office/reopen?key=x").status_code == 404
    assert desk(office, at="x", page_number="-7")
    assert house.head() == before


def test_acts_are_refused_where_they_do_not_fit(house: House) -> None:
    with house.portal.ledger.write("经办人甲") as writing:
        due = date(2026, 12, 1)
        with pytest.raises(InputError, match="没有这份报送"):
            review_acts.accept_part(writing, "x#1", owed="照片", due_on=due, actor="经办人甲")
        with pytest.raises(InputError, match="没有应办事项"):
            review_acts.reopen(writing, "x", due_on=due, actor="经办人甲", reason="看")


# What units ask for


def asked(house: House) -> str:
    with house.portal.ledger.write("longhu/liaison") as writing:
        what = Asked("extension", "暴雨停工", "完成七成", {"until": "2026-12-10"})
        return requests.ask(
            writing, REPORT, what, actor="longhu/liaison", calendar=house.portal.office.calendar
        )


def test_a_request_is_granted_or_refused_on_the_desk(both: House) -> None:
    request = asked(both)
    office = both.office()
    assert "单位申请 <b>1</b>" in desk(office)
    shown = office.get("/office/requests")
    for words in ("延期至2026-12-10", "暴雨停工", "完成七成", "龙湖镇"):
        assert words in shown.text
    hidden = portal_home.fields(shown, "/office/requests")
    assert hidden["id"] == request
    refused = office.post("/office/requests", data=hidden | {"act": "refuse", "doc_no": "会纪1号"})
    assert refused.status_code == 409
    assert "不同意要写明理由" in refused.text
    assert "会纪1号" in refused.text
    assert office.post("/office/requests", data=hidden | {"act": "?"}).status_code == 409
    granted = office.post("/office/requests", data=hidden | {"act": "grant", "date": "2026-12-03"})
    assert "已同意" in office.get(granted.headers["location"]).text
    assert both.row(REPORT)["due_on"] == date(2026, 12, 3)
    twice = office.post("/office/requests", data=hidden | {"act": "refuse", "reason": "不行"})
    assert "已经答复过" in twice.text
    assert both.row(REPORT)["due_on"] == date(2026, 12, 3)


def test_the_script_is_small_and_old_enough() -> None:
    script = (
        Path(portal_home.__file__).parent.parent / "duban/portal/static/review.js"
    ).read_text()
    assert len(script) <= 2048
    assert not re.search(r"=>|\blet\b|\bconst\b|`|\?\.", script)
    assert clock.day_of(MORNING) == date(2026, 11, 23)


def test_reports_through_the_form_reach_the_desk(house: House) -> None:
    report(house.unit(), SHORT, percent="100")
    assert "调解3件。" in desk(house.office())
