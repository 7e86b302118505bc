"""The HTTP API: what programs of units and of the office read and do, by the same rules as the pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from api_home import Program, is_problem, program, reviewing
from duban.errors import OutsideError
from duban.ledger import requests
from duban.ledger.audit import rebuilt_differs
from duban.ledger.events import read_events, verify_chain
from portal_home import FINISH, KEY, MORNING, PDF, REPORT, SHORT, House, letter, open_house
from portal_home import report as report_on_page

WEEK = "A-4/fy/finish:2026-W47"
NEXT_WEEK = "A-4/fy/finish:2026-W48"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def both(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """The small office on each database."""
    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_DATABASE_URL", "DUBAN_LINK_KEY"):
        monkeypatch.delenv(name, raising=False)
    if request.param == "postgres":
        monkeypatch.setenv("DUBAN_DATABASE_URL", request.getfixturevalue("postgres_url"))
    with open_house(tmp_path / "home") as opened:
        yield opened


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One office for all that changes nothing in it but its tokens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUBAN_OFFICE_KEY", KEY)
        for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_DATABASE_URL", "DUBAN_LINK_KEY"):
            patch.delenv(name, raising=False)
        with open_house(tmp_path_factory.mktemp("quiet") / "home") as opened:
            yield opened


def intact(house: House) -> None:
    with house.portal.ledger.read() as conn:
        assert verify_chain(conn) is None
    assert rebuilt_differs(house.portal.ledger) == []


# ---- reading -----------------------------------------------------------------------------------


def test_a_unit_lists_what_it_owes_now_and_the_office_lists_all(house: House) -> None:
    mine = program(house).get("/items").json()
    assert [(each["key"], each["overdue"]) for each in mine["items"]] == [
        (SHORT, True),
        (REPORT, False),
    ]
    assert mine["next"] is None
    every = program(house, "", ("read",)).get("/items", state="all", limit=200).json()["items"]
    assert {each["unit"] for each in every} == {"longhu", "scjgj", "fy"}
    late = program(house, "", ("read",)).get("/items", state="overdue").json()["items"]
    assert late
    assert all(each["overdue"] for each in late)


@pytest.mark.parametrize(
    "chosen",
    [
        {"unit": "fy"}, {"task": "A-1"}, {"lamp": "red"}, {"due_from": "2026-11-25"},
        {"due_until": "2026-11-30"}, {"state": "waiting", "due_from": "2026-12-01", "due_until": "2026-12-31"},
    ],
)  # fmt: skip
def test_filters_choose_the_same_rows_page_by_page(both: House, chosen: dict[str, str]) -> None:
    office = program(both, "", ("read",))
    whole = office.get("/items", **{"state": "all"} | chosen, limit=200).json()["items"]
    assert whole
    walked: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = office.get("/items", **{"state": "all"} | chosen, limit=2, cursor=cursor).json()
        assert len(page["items"]) <= 2
        walked += page["items"]
        cursor = page["next"]
    assert walked == whole


def test_one_item_tells_what_is_asked_for_and_what_happened(house: House) -> None:
    unit = program(house)
    unit.report(REPORT, figures={"mediated": "3.50"})
    found = unit.get("/item", key=REPORT).json()
    assert found["state"] == "submitted"
    assert [(each["indicator"], each["target"], each["last"]) for each in found["asked"]] == [
        ("mediated", "60", "3.50")
    ]
    assert found["submissions"][0]["figures"] == {"mediated": "3.50"}
    assert [each["kind"] for each in found["history"]][-2:] == [
        "submission.received",
        "obligation.reported",
    ]
    assert found["history"][-1]["actor"] == "longhu/api:OA系统"


def test_what_the_office_weighs_is_not_told_to_the_unit(house: House) -> None:
    house.proposal()
    mine = {each["kind"] for each in program(house).get("/item", key=SHORT).json()["history"]}
    every = {
        each["kind"]
        for each in program(house, "", ("read",)).get("/item", key=SHORT).json()["history"]
    }
    assert "proposal.raised" in every - mine


def test_submissions_are_read_on_from_where_one_was(house: House) -> None:
    program(house).report(REPORT)
    office = program(house, "", ("read",))
    first = office.get("/submissions", limit=1).json()
    assert first["next"] is None
    house.watch.at += timedelta(minutes=1)
    program(house, "fy").report(WEEK, percent=100)
    page = office.get("/submissions", limit=1).json()
    rest = office.get("/submissions", cursor=page["next"]).json()
    assert [each["key"] for each in rest["submissions"]] == [WEEK]
    waiting = office.get("/submissions", state="pending", unit="longhu").json()["submissions"]
    assert [each["id"] for each in waiting] == [f"{REPORT}#1"]
    assert office.get("/submission", id=f"{REPORT}#1").json() == waiting[0]


def test_messages_hold_no_address_and_no_link(house: House) -> None:
    letter(house)
    letter(house, unit="fy", name="other")
    letter(house, state="queued", name="later")
    mine = program(house).get("/messages").json()["messages"]
    assert [each["id"] for each in mine] == ["day:longhu"]
    assert "http://testserver/unit" in mine[0]["text"]
    assert "c@x.example" not in str(mine)
    every = program(house, "", ("read",)).get("/messages").json()["messages"]
    assert {each["unit"] for each in every} == {"longhu", "fy"}


def test_why_nothing_was_said_is_told_with_the_next_day(house: House) -> None:
    told = program(house).get("/notices", task="A-1").json()
    assert (told["unit"], told["date"]) == ("longhu", "2026-11-23")
    assert {each["obligation"] for each in told["notices"] + told["unsaid"]} >= {REPORT}
    assert all(each["reason"] for each in told["unsaid"])
    is_problem(program(house).get("/notices", task="Z-9"), 422, "task")
    is_problem(program(house).get("/notices", date="2026-11-24"), 422, "date")
    is_problem(program(house, "", ("read",)).get("/notices"), 422, "unit")


def test_the_plan_tells_how_it_stands(house: House) -> None:
    program(house).report(REPORT)
    found = program(house, "", ("read",)).get("/plan").json()
    assert (found["plan"], found["to_review"], found["states"]["submitted"]) == ("small", 1, 1)
    assert found["overdue"] > 0
    assert program(house).get("/me").json()["unit"] == "longhu"


def test_health_needs_no_token_and_says_503_as_a_problem(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Program(house, "")
    assert nobody.get("/readyz").json()["ready"] is True
    stale = is_problem(nobody.get("/healthz"), 503)  # nothing has ticked since the plan was applied
    assert stale["stale"]

    def broken() -> None:
        raise OutsideError("连不上数据库。", "稍后再试。")

    monkeypatch.setattr(house.portal.ledger, "read", broken)
    is_problem(nobody.get("/readyz"), 503)
    is_problem(nobody.get("/healthz"), 503)
    is_problem(Program(house, "duban_x").get("/items"), 503)


@pytest.mark.parametrize(
    "path",
    [
        "/openapi.json", "/healthz", "/readyz", "/me", "/items", "/submissions", "/messages", "/plan", "/notices?unit=longhu",
        f"/item?key={REPORT}", "/submission?id=A", "/evidence?id=A",
    ],
)  # fmt: skip
def test_looking_changes_nothing(quiet: House, path: str) -> None:
    office = reviewing(quiet)
    before = quiet.head()
    for method in ("GET", "HEAD", "OPTIONS"):
        office.ask(method, path)
    assert quiet.head() == before


# ---- reporting ---------------------------------------------------------------------------------


def test_a_report_is_taken_in_once_and_answered_the_same(both: House) -> None:
    unit = program(both)
    ticket = unit.upload().json()["evidence"]
    body = {
        "figures": {"mediated": "12.50"}, "problem": "人手不足", "next_step": "培训", "signed_by": "镇长",
        "stated_on": "2026-11-20", "evidence": [ticket],
    }  # fmt: skip
    first = unit.report(REPORT, **body)
    assert first.status_code == 201
    both.watch.at += timedelta(days=2)  # the upload has run out, the report is there
    head = both.head()
    again = unit.report(REPORT, **body)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert both.head() == head
    (row,) = both.submissions(REPORT)
    assert (row["door"], row["actor"], row["figures"], str(row["stated_on"])) == (
        "api",
        "longhu/api:OA系统",
        '{"mediated":"12.50"}',
        "2026-11-20",
    )
    (file,) = first.json()["files"]
    assert unit.get("/evidence", id=file["id"]).content == PDF[1]
    intact(both)


def test_the_same_key_with_another_content_is_refused(both: House) -> None:
    unit = program(both)
    unit.report(REPORT)
    head = both.head()
    is_problem(unit.report(REPORT, progress="调解4件。"), 422, "Idempotency-Key")
    is_problem(unit.report(SHORT, percent=10), 422, "Idempotency-Key")
    assert both.head() == head
    assert program(both, name="另一系统").report(SHORT, percent=10).status_code == 201
    assert (
        program(both, "fy").report(WEEK, percent=50).status_code == 201
    )  # another's key is another key


def test_a_refused_report_leaves_its_key_free(house: House) -> None:
    unit = program(house)
    is_problem(unit.report(SHORT), 422, "percent")
    assert unit.report(SHORT, percent=40).status_code == 201


def test_two_at_the_same_moment_are_one(house: House) -> None:
    from concurrent.futures import ThreadPoolExecutor

    unit = program(house)
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: unit.report(REPORT), range(6)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert len(house.submissions(REPORT)) == 1


def test_a_milestone_is_reached_and_a_nil_return_says_nothing_else(house: House) -> None:
    unit = program(house)
    assert unit.report(SHORT, "a", reached=True).status_code == 201
    assert house.row(SHORT)["percent"] == 100
    nil = unit.post("/submissions", {"key": REPORT, "nil": True}, **{"Idempotency-Key": "b"})
    assert nil.json()["nil"] is True
    is_problem(unit.report(SHORT, "c", reached=True, percent=50), 422, "reached")


WRONG: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"progress": ""}, ("progress",)),
    ({"progress": "　 "}, ("progress",)),
    ({"progress": "字" * 2001}, ("progress",)),
    ({"percent": 101}, ("percent",)),
    ({"percent": "75"}, ("percent",)),
    ({"nil": "1"}, ("nil",)),
    ({"figures": {"mediated": 3}}, ("figures.mediated",)),
    ({"figures": {"mediated": "1e3"}}, ("figures.mediated",)),
    ({"figures": {"mediated": "1234567890.1234567"}}, ("figures.mediated",)),
    ({"figures": {"gdp": "3"}}, ("figures.gdp",)),
    ({"nil": True, "figures": {"mediated": "3"}}, ("figures.mediated",)),
    ({"stated_on": "2026-02-31"}, ("stated_on",)),
    ({"stated_on": "2026-11-24"}, ("stated_on",)),
    ({"evidence": ["gAAAAAB"]}, ("evidence.0",)),
    ({"evidence": ["x"] * 6}, ("evidence",)),
    ({"progres": "错字"}, ("progres",)),
    ({"progress": "退格\x08"}, ("progress",)),
    ({"signed_by": "\u0000"}, ("signed_by",)),
    ({"figures": {"a": {"b": {"c": {"d": "1"}}}}}, ("figures.a.b.c",)),
]


@pytest.mark.parametrize(("body", "fields"), WRONG, ids=lambda each: str(each)[:40])
def test_what_is_wrong_is_named_by_its_field(
    quiet: House, body: dict[str, Any], fields: tuple[str, ...]
) -> None:
    head = quiet.head()
    is_problem(program(quiet).report(REPORT, **body), 422, *fields)
    assert quiet.head()[0] == head[0] + 1  # the token
    assert quiet.submissions(REPORT) == []


def test_every_mistake_is_told_at_once(quiet: House) -> None:
    body = {"progress": "", "percent": None, "stated_on": "2027-01-01", "figures": {"gdp": "1"}}
    said = is_problem(program(quiet).report(SHORT, **body), 422)
    assert {each["field"] for each in said["errors"]} == {
        "progress",
        "percent",
        "stated_on",
        "figures.gdp",
    }


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff\xfe{}", 400), (b'{"key": NaN}', 422), (b'{"percent": 1.5}', 422),
        (b"[" * 100_000, 400), (b'{"key": "a", "key": "b"}', 400), (b"[]", 422), (b"null", 422), (b"3", 422),
        (b'{"percent": ' + b"9" * 5000 + b"}", 400), (b'{"key": "\\ud800"}', 422), (b'{"a": ' * 9 + b"1" + b"}" * 9, 422),
        (b'{"key": "' + b"a" * 300_000 + b'"}', 413),
    ],
    ids=lambda each: str(each)[:24],
)  # fmt: skip
def test_strange_bodies_are_refused_before_they_are_understood(
    quiet: House, content: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    reply = program(quiet).ask("POST", "/submissions", content=content, headers=headers)
    is_problem(reply, status)


def test_text_is_kept_as_the_page_keeps_it(house: House) -> None:
    text = "\u202e调解\u200b3件。\r\n又1件 "
    program(house).report(REPORT, progress=text)
    report_on_page(house.unit("scjgj"), FINISH, progress=text, percent="10")
    kept = {house.submissions(key)[0]["progress"] for key in (REPORT, FINISH)}
    assert kept == {"调解3件。\n又1件"}


def test_a_closed_item_takes_no_report(house: House) -> None:
    unit, office = program(house), reviewing(house)
    unit.report(SHORT, percent=100)
    review = {"submission": f"{SHORT}#1", "verdict": "accept"}
    assert office.post("/reviews", review).json()["reviewer"] == "审核乙"
    is_problem(unit.report(SHORT, "n2", percent=100), 409)
    assert unit.report(SHORT, percent=100).status_code == 201  # the answer of then
    is_problem(office.post("/reviews", review), 409)


# ---- evidence ----------------------------------------------------------------------------------


def refusals() -> list[tuple[str, bytes, int]]:
    return [
        ("a.exe", b"MZ", 422),
        ("a.docm", b"PK\x03\x04", 422),
        ("a.pdf", b"\x89PNG\r\n\x1a\n", 422),
        ("a.pdf", b"", 422),
        ("a.pdf", b"%PDF-" + b"0" * (20 * 1024 * 1024), 413),
    ]


@pytest.mark.parametrize(("name", "content", "status"), refusals(), ids=lambda each: str(each)[:9])
def test_files_are_looked_at_as_on_the_page(
    quiet: House, name: str, content: bytes, status: int
) -> None:
    is_problem(program(quiet).upload(name, content), status)
    store = quiet.portal.home.var / "evidence"
    assert [each for each in store.rglob("*") if each.is_file()] == []


def test_a_file_comes_in_pieces_and_is_cut_at_its_limit(house: House) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 200 * 1024 * 1024:
            sent += 1024 * 1024
            yield b"%PDF-" + b"0" * (1024 * 1024 - 5)

    reply = program(house).ask(
        "POST",
        "/evidence?name=a.pdf",
        content=endless(),
        headers={"Content-Type": "application/octet-stream"},
    )
    is_problem(reply, 413)
    assert sent <= 22 * 1024 * 1024


def test_an_upload_holds_a_day_and_for_its_unit_alone(house: House) -> None:
    unit, other = program(house), program(house, "fy")
    ticket = unit.upload().json()["evidence"]
    nobodys = is_problem(
        other.report(WEEK, percent=50, evidence=["x" * len(ticket)]), 422, "evidence.0"
    )
    assert (
        is_problem(other.report(WEEK, percent=50, evidence=[ticket]), 422, "evidence.0") == nobodys
    )
    house.watch.at += timedelta(hours=24, seconds=1)
    is_problem(unit.report(REPORT, evidence=[ticket]), 422, "evidence.0")
    house.watch.at = MORNING + timedelta(hours=24)  # the clock was set back a second
    reply = unit.report(REPORT, evidence=[ticket, ticket])
    assert len(reply.json().get("files", reply.text)) == 1


def test_files_and_bodies_say_what_they_are(quiet: House) -> None:
    unit = program(quiet)
    for kind in (
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
    ):
        is_problem(unit.upload(kind=kind), 415)
        headers = {"Content-Type": kind, "Idempotency-Key": "k"}
        is_problem(unit.ask("POST", "/submissions", content=b"{}", headers=headers), 415)


# ---- other acts --------------------------------------------------------------------------------


def test_acknowledging_twice_is_once(both: House) -> None:
    unit = program(both)
    first = unit.post("/acknowledgements", {"key": REPORT})
    both.watch.at += timedelta(hours=1)
    head = both.head()
    assert unit.post("/acknowledgements", {"key": REPORT}).content == first.content
    assert both.head() == head
    assert both.row(REPORT)["state"] == "active"


def test_more_time_is_asked_for_before_the_due_and_once(both: House) -> None:
    unit = program(both)
    ask = {"key": REPORT, "until": "2026-12-10", "reason": "等批复", "progress": "已上报"}
    first = unit.post("/extensions", ask)
    assert first.status_code == 201
    assert (first.json()["state"], first.json()["due_on"]) == ("waiting", "2026-11-25")
    head = both.head()
    assert unit.post("/extensions", ask).content == first.content
    assert both.head() == head
    is_problem(unit.post("/extensions", ask | {"until": "2026-12-11"}), 409)
    is_problem(unit.post("/extensions", ask | {"key": SHORT}), 409)
    other = program(both, "fy")
    for wrong, field in (
        ({"until": "2026-02-31"}, "until"), ({"until": "2027-12-01"}, "until"), ({"reason": " "}, "reason"), ({"progress": " "}, "progress"),
    ):  # fmt: skip
        is_problem(other.post("/extensions", ask | {"key": NEXT_WEEK} | wrong), 422, field)
    with both.portal.ledger.write("test") as writing:
        number = first.json()["request"]
        calendar = both.portal.office.calendar
        requests.decide(writing, number, grant=True, by="经办人甲", reason="", calendar=calendar)
    found = unit.get("/item", key=REPORT).json()
    assert (found["requests"][0]["state"], found["due_on"]) == ("granted", "2026-12-10")
    intact(both)


def test_the_office_returns_with_a_reason_in_a_name(both: House) -> None:
    program(both).report(REPORT)
    office = reviewing(both)
    review = {"submission": f"{REPORT}#1", "verdict": "return"}
    is_problem(office.post("/reviews", review), 422, "reason")
    said = office.post("/reviews", review | {"reason": "请补台账"}).json()
    assert (said["state"], said["reviewer"]) == ("returned", "审核乙")
    assert program(both).get("/items").json()["items"][-1]["state"] == "returned"
    with both.portal.ledger.read() as conn:
        last = list(read_events(conn, obligation=REPORT))[-1]
    assert (last.kind, last.actor, last.why) == ("obligation.returned", "审核乙", "请补台账")
    is_problem(office.post("/reviews", review | {"submission": "nothing"}), 404)
    is_problem(office.post("/reviews", review | {"verdict": "maybe"}), 422, "verdict")
    intact(both)


# ---- refusals of the framework -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404), ("DELETE", "/items", 405), ("PUT", "/evidence", 405),
        ("GET", "/reviews", 405), ("GET", "/item", 422), ("GET", "/items?limit=0", 422), ("GET", "/items?limit=x", 422),
        ("GET", "/items?limit=999999999999999999999", 422), ("GET", "/items?colour=red", 422), ("GET", "/items?unit=a&unit=b", 422),
        ("GET", "/items?state=gone", 422), ("GET", "/items?due_from=2026-13-01", 422), ("GET", "/items?cursor=zzz", 422),
        ("GET", "/items?cursor=WzEsMl0", 422), ("GET", "/submissions?cursor=W251bGwsICJhIl0", 422), ("GET", "/items?unit=%00", 422),
        ("GET", "/item?key=" + "a" * 300, 422), ("POST", "/reviews", 403),
    ],
)  # fmt: skip
def test_every_refusal_is_a_problem_in_chinese(
    quiet: House, method: str, path: str, status: int
) -> None:
    reply = program(quiet).ask(method, path)
    is_problem(reply, status)
    if status == 405:
        assert set(reply.headers["allow"].split(", ")) <= {"GET", "POST"}


def test_an_unknown_failure_is_a_problem_without_its_innards(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from duban.portal import api_read

    def broken(*_: object) -> None:
        raise ValueError("innards")

    monkeypatch.setattr(api_read, "plain_items", broken)
    browser = house.browser()
    browser.raises = False
    unit = program(house)
    reply: Response = browser.get(
        "/api/v1/items", headers={"Authorization": f"Bearer {unit.token}"}
    )
    assert "innards" not in str(is_problem(reply, 500))
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_strange_hosts_and_foreign_pages_get_a_problem_too(house: House) -> None:
    unit = program(house)
    is_problem(
        unit.ask("POST", "/acknowledgements", headers={"Origin": "https://evil.example"}), 400
    )
    path = house.root / "config" / "duban.yaml"
    path.write_text(path.read_text("utf-8") + "hosts: [duban.county.example]\n", "utf-8")
    is_problem(unit.ask("GET", "/items", headers={"Host": "evil.example"}), 400)


def test_pages_keep_their_own_refusals(quiet: House) -> None:
    for path in ("/nothing", "/unit", "/api"):
        assert quiet.browser().get(path).headers["content-type"].startswith("text/html")
