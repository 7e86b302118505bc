"""Tokens of programs: who may what, for how long, how often, and that nobody reads another unit's rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from api_home import V1, Program, is_problem, operations, program, reviewing
from duban import clock
from duban.accounts import Role
from duban.assessment.traces import trace_in
from duban.credentials import hash_of
from duban.errors import InputError
from duban.ledger import accounts, tables, tokens
from duban.ledger.audit import rebuilt_differs
from duban.portal import access_table
from duban.portal.access_table import Door
from duban.portal.api_access import Pace
from office_people import whole_record
from portal_home import FINISH, MORNING, PDF, House, letter

Cli = Callable[..., tuple[int, str, str]]
SCOPES = {"unit": ("read", "submit"), "office": ("read", "review")}


def filled(house: House) -> dict[str, str]:
    """Something of scjgj with every sort of number; what they are."""
    unit = program(house, "scjgj")
    ticket = unit.upload().json()["evidence"]
    said = unit.report(FINISH, percent=10, progress="密", evidence=[ticket]).json()
    letter(house, unit="scjgj")
    (file,) = said["files"]
    return {
        "key": FINISH,
        "submission": said["submission"],
        "evidence": file["id"],
        "unit": "scjgj",
    }


# ---- whose, and what it may --------------------------------------------------------------------


def test_every_operation_stands_in_the_table_and_asks_for_a_token(house: House) -> None:
    served = {(method, path) for method, path in access_table.TABLE if path.startswith(V1)}
    assert served == set(operations())
    unknown, malformed = Program(house, "duban_" + "x" * 43), Program(house, "Basic")
    for method, path in sorted(served):
        rule = access_table.TABLE[method, path]
        if rule.door is Door.OPEN:
            continue
        assert rule.door is Door.TOKEN
        before = house.head()
        for nobody in (Program(house, ""), unknown, malformed):
            reply = nobody.ask(method, path.removeprefix(V1))
            is_problem(reply, 401)
            assert reply.headers["www-authenticate"].startswith("Bearer")
        for side, scopes in SCOPES.items():
            for scope in scopes:
                if scope == rule.scope and side in rule.sides:
                    continue
                other = one_scope(house, side, scope)
                before = house.head()
                reply = other.ask(method, path.removeprefix(V1))
                is_problem(reply, 403)
                assert "insufficient_scope" in reply.headers["www-authenticate"]
        assert house.head() == before


def one_scope(house: House, side: str, scope: str) -> Program:
    if side == "unit":
        return program(house, scopes=[scope])
    if scope == "review":
        reviewing(house)
        return program(house, "", [scope], account="审核乙")
    return program(house, "", [scope])


def test_cookies_of_pages_open_nothing_here(house: House) -> None:
    for browser in (house.unit(), house.office()):
        is_problem(browser.get(f"{V1}/items"), 401)


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "/item", {"params": {"key": "{key}"}}),
        ("GET", "/submission", {"params": {"id": "{submission}"}}),
        ("GET", "/evidence", {"params": {"id": "{evidence}"}}),
        ("GET", "/notices", {"params": {"unit": "{unit}"}}),
        ("POST", "/submissions", {"json": {"key": "{key}", "progress": "一", "percent": 1}}),
        ("POST", "/submissions", {"json": {"key": "{key}", "evidence": ["x"]}}),
        ("POST", "/acknowledgements", {"json": {"key": "{key}"}}),
        ("POST", "/extensions", {"json": {"key": "{key}", "until": "2026-12-01", "reason": "一", "progress": "二"}}),
        ("POST", "/extensions", {"json": {"key": "{key}", "until": "2026-02-31", "reason": "一", "progress": "二"}}),
        ("GET", "/items", {"params": {"unit": "{unit}"}}),
        ("GET", "/items", {"params": {"unit": "{unit}", "state": "all"}}),
        ("GET", "/submissions", {"params": {"unit": "{unit}"}}),
        ("GET", "/submissions", {"params": {"key": "{key}"}}),
        ("GET", "/messages", {"params": {"unit": "{unit}"}}),
    ],
)  # fmt: skip
def test_of_another_unit_is_told_what_is_told_of_nothing(
    house: House, method: str, path: str, sent: Any
) -> None:
    theirs = filled(house)
    mine = program(house)
    before = house.head()
    replies = []
    for known in (theirs, dict.fromkeys(theirs, "nothing")):
        text = json.dumps(sent)
        for name, value in known.items():
            text = text.replace(f"{{{name}}}", value)
        given = json.loads(text)
        reply = mine.ask(method, path, headers={"Idempotency-Key": "k"}, **given)
        said = reply.json()
        said.pop("as_of", None)
        replies.append((reply.status_code, said))
    assert replies[0] == replies[1]
    empty = path in {"/items", "/submissions", "/messages"} and method == "GET"
    assert replies[0][0] == (200 if empty else 404)
    assert "密" not in str(replies)
    assert house.head() == before


def test_the_owner_and_the_office_do_read_these(house: House) -> None:
    theirs = filled(house)
    for reader in (program(house, "scjgj"), program(house, "", ("read",))):
        assert reader.get("/item", key=theirs["key"]).status_code == 200
        assert reader.get("/submission", id=theirs["submission"]).json()["progress"] == "密"
        file = reader.get("/evidence", id=theirs["evidence"])
        assert file.content == PDF[1]
        assert file.headers["content-disposition"].startswith("attachment")
        assert reader.get("/notices", unit="scjgj").status_code == 200
        assert len(reader.get("/messages", unit="scjgj").json()["messages"]) == 1


# ---- how long ----------------------------------------------------------------------------------


def test_a_token_ends_by_its_day_by_revocation_and_with_its_account(house: House) -> None:
    mine, lost, office = program(house, days=30), program(house), reviewing(house)
    with house.portal.ledger.write("test") as writing:
        tokens.revoke(writing, hash_of(lost.token)[:12], "丢失")
        accounts.change(writing, "审核乙", "停用", active=0)
    is_problem(lost.get("/items"), 401)
    is_problem(office.get("/items"), 401)
    assert mine.get("/items").status_code == 200
    house.watch.at += timedelta(days=30)
    is_problem(mine.get("/items"), 401)
    assert rebuilt_differs(house.portal.ledger) == []


def test_a_reviewer_who_becomes_an_auditor_reviews_no_more(house: House) -> None:
    office = reviewing(house)
    with house.portal.ledger.write("test") as writing:
        accounts.change(writing, "审核乙", "改", role=Role.AUDITOR.value)
    is_problem(office.post("/reviews", {"submission": "x", "verdict": "accept"}), 401)


def test_nothing_kept_is_a_token_or_tells_when_one_was_used(house: House) -> None:
    mine = program(house)
    mine.get("/items")
    with house.portal.ledger.read() as conn:
        (row,) = [dict(each) for each in tokens.tokens(conn)]
        whole = [str(list(conn.execute(sa.select(each)))) for each in tables.metadata.sorted_tables]
    head = house.head()
    house.watch.at += timedelta(hours=5)
    mine.get("/items")
    with house.portal.ledger.read() as conn:
        assert [dict(each) for each in tokens.tokens(conn)] == [row]
    assert house.head() == head
    assert mine.token not in whole_record(house) + "".join(whole)
    assert [name for name in row if trace_in(name)] == []


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (tokens.Wish("", "fy", scopes=["read"]), "token-name"),
        (tokens.Wish("一" * 31, "fy", scopes=["read"]), "token-name"),
        (tokens.Wish("a/b", "fy", scopes=["read"]), "token-name"),
        (tokens.Wish("甲", "nothing", scopes=["read"]), "token-unit"),
        (tokens.Wish("甲", "fy", scopes=["review"]), "token-scope"),
        (tokens.Wish("甲", "", scopes=["submit"]), "token-scope"),
        (tokens.Wish("甲", "fy"), "token-scope"),
        (tokens.Wish("甲", "fy", scopes=["read"], days=0), "token-days"),
        (tokens.Wish("甲", "fy", scopes=["read"], days=367), "token-days"),
        (tokens.Wish("甲", "fy", "审核乙", ["read"]), "token-account"),
        (tokens.Wish("甲", "", scopes=["review"]), "token-account"),
        (tokens.Wish("甲", "", "没有这人", ["review"]), "token-account"),
        (tokens.Wish("甲", "", "领导丙", ["review"]), "token-account"),
    ],
    ids=str,
)
def test_a_token_that_makes_no_sense_is_not_issued(
    house: House, wish: tokens.Wish, code: str
) -> None:
    with house.portal.ledger.write("test") as writing:
        accounts.add(writing, "领导丙", Role.LEADER)
    before = house.head()
    with pytest.raises(InputError) as wrong, house.portal.ledger.write("test") as writing:
        tokens.issue(writing, wish, units=house.portal.office.units)
    assert [each.code for each in wrong.value.issues] == [code]
    assert house.head() == before


# ---- how often ---------------------------------------------------------------------------------


def test_who_asks_too_often_is_told_how_long_to_wait(house: House) -> None:
    mine, other = program(house), program(house)
    replies = [mine.get("/me").status_code for _ in range(121)]
    assert replies == [200] * 120 + [429]
    reply = mine.get("/me")
    is_problem(reply, 429)
    assert reply.headers["retry-after"] == "1"
    assert other.get("/me").status_code == 200
    house.watch.at += timedelta(seconds=1)
    assert [mine.get("/me").status_code for _ in range(3)] == [200, 200, 429]


def test_files_have_a_pace_of_their_own(house: House) -> None:
    mine = program(house)
    assert {mine.upload().status_code for _ in range(30)} == {201}
    reply = mine.upload()
    is_problem(reply, 429)
    assert reply.headers["retry-after"] == "20"
    assert mine.get("/me").status_code == 200


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3_000, 3_000), max_size=60), st.integers(1, 5), st.integers(1, 900))
def test_a_pace_lets_no_more_through_than_it_says(steps: list[int], burst: int, every: int) -> None:
    pace, now, passed = Pace(burst, timedelta(milliseconds=every)), MORNING, []
    longest = timedelta(milliseconds=every) * burst
    for step in steps:
        now += timedelta(milliseconds=step)
        wait = pace.wait("a", now)
        assert timedelta() <= wait <= longest, "nobody waits longer than a whole burst"
        if wait:
            now += wait
            assert not pace.wait("a", now), "who waited as told may go on"
        passed.append(now)
    if all(step >= 0 for step in steps):
        for first in range(len(passed) - burst):
            assert passed[first + burst] - passed[first] >= timedelta(milliseconds=every)


# ---- the commands ------------------------------------------------------------------------------


def test_a_token_is_shown_once_listed_without_itself_and_revoked(
    house: House, cli: Cli, tmp_path: Path
) -> None:
    home = ("--home", house.root)
    house.watch.at = clock.now()  # commands have the real clock
    code, out, noted = cli("token", "add", "OA系统", "--unit", "龙湖镇", "--scope", "read", *home)
    assert code == 0
    token = out.strip()
    assert Program(house, token).get("/items").status_code == 200
    assert "只给这一次" in noted
    (row,) = json.loads(cli("token", "list", "--format", "json", *home)[1])
    assert (row["name"], row["unit"], row["scopes"], row["works"]) == ("OA系统", "longhu", ["read"], True)  # fmt: skip
    assert token not in cli("token", "list", *home)[1]
    assert row["id"] in cli("token", "list", *home)[1]
    assert cli("token", "revoke", row["id"], *home)[0] == 0
    is_problem(Program(house, token).get("/items"), 401)
    assert cli("token", "revoke", row["id"], *home)[0] == 1
    assert "已停用" in cli("token", "list", *home)[1]
    kept = tmp_path / "token"
    assert token not in cli("token", "add", "二", "--unit", "fy", "--out", kept, *home)[1]
    assert Program(house, kept.read_text().strip()).get("/items").status_code == 200
    assert kept.stat().st_mode & 0o077 == 0
    assert cli("token", "add", "二", "--unit", "fy", "--out", kept, *home)[0] == 2
    assert cli("token", "add", "三", "--scope", "review", *home)[0] == 1
    assert cli("token", "add", "三", "--unit", "没有", *home)[0] == 2
