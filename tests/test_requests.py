"""What units ask of the office: bounded, decided by name, the original due never lost, parts summing up.

The stories extension, extension_asked, suspension and request_kinds tell the course of days.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cast import home_of, write_matrix
from conftest import Told
from duban import clock
from duban.desk import need_desk
from duban.errors import InputError
from duban.ledger import events, queries, requests
from duban.ledger.apply import apply
from duban.ledger.audit import rebuilt_differs
from duban.ledger.request_rules import weights_of
from duban.ledger.requests import Asked, Bounds
from duban.ledger.store import Ledger, open_ledger
from duban.office import Office
from duban.settings import Home
from portal_home import FINISH, REPORT, SHORT, House, fields, page

TASKS: list[dict[str, Any]] = [
    {"id": f"T-0{n}", "title": f"任务{n}", "lead": ["龙湖镇"], "deadline": "2026年6月25日前"}
    for n in (1, 2, 3)
]
ONE, TWO, THREE = (f"T-0{n}/longhu/finish:end" for n in (1, 2, 3))
KINDS: dict[str, dict[str, Any]] = {
    "extension": {"until": "2026-07-15"},
    "suspension": {"until": "2026-05-20"},
    "adjustment": {"title": "任务一（修订）"},
    "withdrawal": {},
    "merge": {"into": TWO},
    "split": {
        "parts": [
            {"title": "甲", "due": "2026-05-20", "share": "33.3"},
            {"title": "乙", "due": "2026-06-25", "share": "66.7"},
        ]
    },
}


class Desk:
    """An office of three tasks with a ledger, and how to ask and answer there."""

    def __init__(self, root: Path, ledger: Ledger, told: Told) -> None:
        self.ledger, self.told = ledger, told
        self.home = Home(home_of(root, {"tasks": TASKS}))
        self.office = self._open()
        told.set("2026-03-02 09:00")
        apply(ledger, self.office.matrix, self.office.planned(), actor="测试")

    def _open(self) -> Office:
        desk = need_desk(self.home, clock.day_of(self.told.moment))
        names = ("home", "settings", "matrix", "calendar", "reminders", "escalation", "lamps")
        return Office(**{name: getattr(desk, name) for name in names}, ledger=self.ledger)

    def ask(self, kind: str, key: str = ONE, at: str = "2026-04-10 10:00", **more: Any) -> str:
        self.told.set(at)
        asked = Asked(kind, "上级批次推后", "已完成初稿", KINDS[kind] | more)
        with self.ledger.write("联络员乙") as writing:
            return requests.ask(
                writing, key, asked, actor="联络员乙", calendar=self.office.calendar
            )

    def answer(
        self, request: str, *, grant: bool = True, at: str = "2026-04-13 10:00", **more: Any
    ) -> None:
        self.told.set(at)
        given = {"by": "经办人甲", "reason": "情况属实", "doc_no": "会议纪要〔2026〕3号"}
        with self.ledger.write("经办人甲") as writing:
            requests.decide(
                writing, request, grant=grant, calendar=self.office.calendar, **(given | more)
            )

    def rows(self) -> dict[str, queries.Row]:
        with self.ledger.read() as conn:
            return {row["key"]: row for row in queries.obligations(conn)}

    def apply_again(self) -> list[str]:
        """The matrix, with another plan title so that it is compared, is applied once more."""
        write_matrix(self.home.root, {"tasks": TASKS, "title": "测试方案（再版）"})
        self.office = self._open()
        found = apply(self.ledger, self.office.matrix, self.office.planned(), actor="测试")
        return found.sentences()

    def stands(self) -> None:
        with self.ledger.read() as conn:
            assert events.verify_chain(conn) is None
        assert rebuilt_differs(self.ledger) == []


@pytest.fixture
def desk(tmp_path: Path, ledger: Ledger, told: Told) -> Desk:
    return Desk(tmp_path / "home", ledger, told)


@pytest.fixture
def fast(tmp_path: Path, told: Told) -> Any:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'fast.sqlite3'}", ask=told, durable=False)
    yield Desk(tmp_path / "home", ledger, told)
    ledger.close()


def test_every_kind_is_asked_granted_and_kept_with_person_and_reason(desk: Desk) -> None:
    before = desk.rows()
    for number, kind in enumerate(("adjustment", "extension", "split"), 1):
        desk.answer(desk.ask(kind, f"T-0{number}/longhu/finish:end"))
    after = desk.rows()
    assert after[ONE]["title"] == "任务一（修订）"
    kept = json.loads(after[ONE]["adjusted"])["title"]
    assert (kept["was"], kept["doc_no"]) == ("任务1", "会议纪要〔2026〕3号")
    assert (after[TWO]["due_on"], after[TWO]["extended"]) == (date(2026, 7, 15), 1)
    assert after[THREE]["state"] == "merged"
    assert {key: row["original_due_on"] for key, row in after.items() if key in before} == {
        key: row["original_due_on"] for key, row in before.items()
    }
    with desk.ledger.read() as conn:
        told = [e for e in events.read_events(conn) if e.kind.startswith("request.")]
        causes = {e.kind: e.cause for e in events.read_events(conn, obligation=TWO)}
    assert [(e.kind, e.actor) for e in told[:2]] == [
        ("request.asked", "联络员乙"),
        ("request.decided", "经办人甲"),
    ]
    assert all(each.why for each in told)
    assert causes["obligation.extended"] == f"{TWO}?1"
    desk.stands()


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_refusal_changes_nothing_and_needs_a_reason(fast: Desk, kind: str) -> None:
    before = [dict(row) for row in fast.rows().values()]
    request = fast.ask(kind)
    with pytest.raises(InputError, match="不同意要写明理由"):
        fast.answer(request, grant=False, reason=" ")
    fast.answer(request, grant=False, reason="时间够用")
    assert [dict(row) for row in fast.rows().values()] == before
    with pytest.raises(InputError, match="已经答复过"):
        fast.answer(request)


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_late_is_not_asked(fast: Desk, kind: str) -> None:
    with pytest.raises(InputError, match="时限已过"):
        fast.ask(kind, at="2026-06-26 08:00")


@pytest.mark.parametrize("kind", ["adjustment", "withdrawal"])
def test_what_changes_the_plan_needs_a_paper(fast: Desk, kind: str) -> None:
    request = fast.ask(kind)
    with pytest.raises(InputError, match="文号"):
        fast.answer(request, doc_no="")


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("extension", {"until": "2026-06-25"}, "须晚于现时限"),
        ("extension", {"until": "2026-09-25"}, "最多顺延"),
        ("extension", {"until": "下月"}, "请选择新的时限"),
        ("suspension", {"until": "2026-04-10"}, "今天以后"),
        ("suspension", {"until": "2027-04-10"}, "最多暂缓"),
        ("adjustment", {"title": "任务1"}, "与原来相同"),
        ("adjustment", {"due_on": "2027-01-01"}, "请写明要调整什么"),
        ("adjustment", {"unit": "不在"}, "名录里没有"),
        ("adjustment", {"targets": {"patents": {"was": "1", "now": "NaN"}}}, "不小于0"),
        ("merge", {"into": ONE}, "并入哪一件"),
        ("merge", {"into": "没有"}, "并入哪一件"),
        ("split", {"parts": [{"title": "甲", "due": "2026-05-20", "share": "100"}]}, "2至10部分"),
        (
            "split",
            {"parts": [{"title": t, "due": "2026-06-25", "share": "50.1"} for t in "甲乙"]},
            "合计应为100",
        ),
        (
            "split",
            {"parts": [{"title": t, "due": "2026-06-26", "share": "50"} for t in "甲乙"]},
            "不能晚于原时限",
        ),
    ],
)
def test_bounds_are_explained(fast: Desk, kind: str, more: dict[str, Any], said: str) -> None:
    head = fast.rows()
    with pytest.raises(InputError, match=said) as refused:
        fast.ask(kind, **more)
    assert refused.value.issues[0].way_out
    assert fast.rows() == head


def test_one_waits_at_a_time_and_the_third_refusal_ends_it(fast: Desk) -> None:
    for _ in range(3):
        request = fast.ask("extension")
        with pytest.raises(InputError, match="在等办公室答复"):
            fast.ask("withdrawal")
        fast.answer(request, grant=False)
    with pytest.raises(InputError, match="已被退3次"):
        fast.ask("extension")


def test_a_report_makes_a_waiting_request_needless(house: House) -> None:
    browser = house.unit("scjgj")
    ask(browser, FINISH, "extension", until="2026-12-10")
    hidden = fields(browser.get(page(FINISH)), "/unit/submit")
    browser.post("/unit/submit", data=hidden | {"percent": "100", "progress": "已印发。"})
    with house.portal.ledger.read() as conn:
        (row,) = requests.of(conn, FINISH)
    assert (row["state"], row["decision_reason"]) == ("withdrawn", "已报送，申请自动撤回")


def test_suspended_work_goes_on_with_the_days_that_were_left(desk: Desk) -> None:
    desk.answer(desk.ask("suspension"))
    row = desk.rows()[ONE]
    calendar = desk.office.calendar
    left = calendar.between(date(2026, 4, 13), date(2026, 6, 25))
    assert (row["state"], row["is_open"], row["remaining_days"]) == ("suspended", 0, left)
    desk.told.set("2026-05-20 07:50")
    with desk.ledger.write("duban:collect") as writing:
        assert requests.resume_due(writing, calendar) == 1
        assert requests.resume_due(writing, calendar) == 0
    row = desk.rows()[ONE]
    assert calendar.between(date(2026, 5, 20), row["due_on"]) == left
    assert (row["original_due_on"], row["is_open"]) == (date(2026, 6, 25), 1)
    with pytest.raises(InputError, match="不能再暂缓"):
        desk.ask("suspension", at="2026-05-21 10:00", until="2026-06-30")
    desk.stands()


@pytest.mark.parametrize("kind", ["adjustment", "withdrawal", "merge", "split"])
def test_applying_the_matrix_again_does_not_undo_a_decision(fast: Desk, kind: str) -> None:
    fast.answer(fast.ask(kind))
    decided = {key: dict(row) for key, row in fast.rows().items()}
    told = fast.apply_again()
    assert [each for each in told if "T-0" in each] == []
    assert {key: dict(row) for key, row in fast.rows().items()} == decided


@settings(max_examples=60, deadline=None)
@given(
    st.decimals(0, 100, places=3),
    st.lists(st.decimals("0.01", 100, places=2), min_size=1, max_size=10),
)
def test_weights_of_parts_sum_to_the_whole(whole: Decimal, shares: list[Decimal]) -> None:
    parts = weights_of(whole, shares)
    assert sum(parts) == whole
    assert all(part >= 0 for part in parts)
    total = sum(shares, Decimal(0))
    for part, share in zip(parts, shares, strict=True):
        assert abs(part - whole * share / total) <= Decimal("0.001")


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(KINDS)), st.booleans(), st.integers(0, 40)),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_is_decided_no_original_due_is_lost_and_weights_stay(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, bool, int]]
) -> None:
    root = tmp_path_factory.mktemp("acts")
    told = Told(clock.at(date(2026, 3, 2)))
    ledger = open_ledger(f"sqlite:///{root / 'l.sqlite3'}", ask=told, durable=False)
    desk = Desk(root / "home", ledger, told)
    first = {key: row["original_due_on"] for key, row in desk.rows().items()}
    weight = sum(row["weight"] for row in desk.rows().values())
    gone = Decimal(0)
    for kind, grant, days in acts:
        day = date(2026, 4, 1) + timedelta(days=days)
        before = desk.rows()[ONE]["weight"]
        try:
            request = desk.ask(kind, at=f"{day} 10:00")
            desk.answer(request, grant=grant, at=f"{day} 15:00")
        except InputError:
            continue
        gone += before if kind == "withdrawal" and grant else Decimal(0)
    rows = desk.rows()
    assert {key: rows[key]["original_due_on"] for key in first} == first
    assert all(row["original_due_on"] <= date(2026, 6, 25) for row in rows.values())
    counted = [
        row["weight"] for row in rows.values() if row["state"] not in {"merged", "cancelled"}
    ]
    assert sum(counted) == weight - gone
    desk.stands()
    ledger.close()


# ---- by page and by command --------------------------------------------------------------------


def ask(browser: Any, key: str, kind: str, **more: str) -> Any:
    action = "/unit/extend" if kind == "extension" else "/unit/request"
    shown = browser.get(f"/unit/request?kind={kind}&key={quote(key)}")
    told = {"reason": "待市政府常务会审议", "progress": "已送审"}
    return browser.post(action, data=fields(shown, action) | told | more)


def waiting(house: House) -> list[queries.Row]:
    with house.portal.ledger.read() as conn:
        return requests.waiting(conn)


def test_an_extension_waits_for_the_office_and_a_double_tap_is_one(house: House) -> None:
    browser = house.unit("scjgj")
    hidden = fields(browser.get(f"/unit/extend?key={quote(FINISH)}"), "/unit/extend")
    asked = hidden | {"until": "2026-12-10", "reason": "待常务会审议", "progress": "已送审"}
    assert browser.post("/unit/extend", data=asked | {"reason": " "}).status_code == 422
    assert browser.post("/unit/extend", data=asked | {"progress": ""}).status_code == 422
    assert browser.post("/unit/extend", data=asked | {"until": "明天"}).status_code == 422
    for _ in range(2):
        assert browser.post("/unit/extend", data=asked).headers["location"] == "/unit?said=asked"
    (row,) = waiting(house)
    assert (row["reason"], row["progress"]) == ("待常务会审议", "已送审")
    assert house.row(FINISH)["due_on"] == date(2026, 11, 30)
    shown = browser.get(page(FINISH)).text
    assert "原时限 2026年11月30日 不变" in shown
    assert f'href="/unit/extend?key={quote(FINISH, safe="")}"' not in shown
    answer(house, row["id"], grant=True)
    row = house.row(FINISH)
    assert (row["due_on"], row["original_due_on"], row["extended"]) == (
        date(2026, 12, 10),
        date(2026, 11, 30),
        1,
    )
    assert "不能再延" in browser.post("/unit/extend", data=asked | {"until": "2026-12-20"}).text


def answer(house: House, request: str, *, grant: bool, reason: str = "情况属实") -> None:
    with house.portal.ledger.write("经办人甲") as writing:
        requests.decide(
            writing,
            request,
            grant=grant,
            by="经办人甲",
            reason=reason,
            calendar=house.portal.office.calendar,
        )


def test_an_office_that_need_not_be_asked_grants_at_once(house: House) -> None:
    assert Bounds.of(house.portal.office.settings) == Bounds(extensions=1, needs_office=True)
    config = house.root / "config" / "duban.yaml"
    config.write_text(f"{config.read_text('utf-8')}extension_needs_office: 否\n", "utf-8")
    browser = house.unit("scjgj")
    assert ask(browser, FINISH, "extension", until="2026-12-10").headers["location"] == (
        "/unit?said=extended"
    )
    assert house.row(FINISH)["due_on"] == date(2026, 12, 10)


def test_every_kind_has_its_form_and_is_taken_back_by_its_own_unit_only(house: House) -> None:
    browser, other = house.unit("scjgj"), house.unit()
    given: dict[str, dict[str, str]] = {
        "suspension": {"until": "2026-12-20"},
        "adjustment": {"title": "修订贴息办法", "unit": ""},
        "withdrawal": {},
        "split": {
            "part1.title": "起草", "part1.due": "2026-11-27", "part1.share": "40",
            "part2.title": "印发", "part2.due": "2026-11-30", "part2.share": "60",
        },
    }  # fmt: skip
    for kind, more in given.items():
        assert ask(browser, FINISH, kind, **more).headers["location"] == "/unit?said=asked", kind
        (row,) = waiting(house)
        shown = browser.get(page(FINISH))
        hidden = fields(shown, "/unit/request/withdraw")
        token = fields(other.get(page(REPORT)), "/unit/submit")["form_token"]
        stolen = {"id": row["id"], "form_token": token}
        assert other.post("/unit/request/withdraw", data=stolen).status_code == 403
        assert other.get(f"/unit/request?kind={kind}&key={quote(FINISH)}").status_code == 403
        assert browser.post("/unit/request/withdraw", data=hidden).status_code == 303
        assert waiting(house) == []
    assert "申请记录" in browser.get("/unit/history").text


def test_a_refused_request_keeps_what_was_typed(house: House) -> None:
    reply = ask(house.unit("scjgj"), FINISH, "split", **{"part1.title": "起草", "part1.share": "4"})
    assert reply.status_code == 422
    assert 'value="起草"' in reply.text
    late = house.unit().get(f"/unit/request?kind=split&key={quote(SHORT)}")
    assert "时限已过，不能再申请" in late.text


def test_the_office_lists_and_answers_by_command(
    house: House, cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(house.unit("scjgj"), FINISH, "extension", until="2026-12-10")
    (row,) = waiting(house)
    home = ("--home", str(house.root))
    code, out, _ = cli("request", "list", *home)
    assert (code, "延期至2026-12-10" in out, "待市政府常务会审议" in out) == (0, True, True)
    listed = json.loads(cli("request", "list", "--format", "json", *home)[1])
    assert (listed[0]["id"], listed[0]["proposal"]) == (row["id"], {"until": "2026-12-10"})
    assert cli("request", "refuse", row["id"], "--reason", " ", *home)[0] == 1
    assert cli("request", "refuse", row["id"], *home)[0] == 2
    code, out, _ = cli(
        "request", "refuse", row["id"], "--reason", "可按期", "--actor", "经办人甲", *home
    )
    assert (code, "可按期" in out) == (0, True)
    assert cli("request", "grant", row["id"], *home)[0] == 1
    assert "没有待答复" in cli("request", "list", *home)[1]
    assert "未同意" in cli("request", "list", "--all", *home)[1]
