"""The preview is what happens: the same messages to the byte, and every difference has its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duban import clock
from duban.errors import InputError
from duban.ledger import apply, events, ladder, queries, requests, transitions
from duban.ledger.outbox import Outcome
from duban.ledger.request_rules import Asked, Bounds
from duban.ledger.store import open_ledger
from duban.ledger.transitions import Report
from duban.matrix.model import Holder
from duban.office import Office, open_office
from duban.rehearsal import STAGES, foretell, rehearse
from duban.rehearsal.against import against
from duban.rehearsal.compare import UNEXPLAINED, Difference
from duban.rehearsal.gather import happened
from duban.rehearsal.values import Preview, Told, as_json, read
from duban.settings import Home
from duban.stages import SLOTS, stage_function
from notifier.pretend import instead_of_sending
from smallhome import Hands, write_home

Cli = Callable[..., tuple[int, str, str]]
REPORT = Report(progress="已完成", percent=100, door="link")


class World:
    """An office that is played day by day, with people who do as they are told."""

    def __init__(self, home: Home, url: str, first: date) -> None:
        self.hands = Hands(clock.at(first, time(7, 0)))
        with open_office(home, ask=self.hands) as office:
            told = {name: getattr(office, name) for name in office.__dataclass_fields__}
        self.ledger = open_ledger(url, ask=self.hands, durable=False)
        self.office = Office(**{**told, "ledger": self.ledger})
        self.apply()

    def apply(self) -> None:
        apply.apply(
            self.ledger, self.office.matrix, self.office.planned(), actor="t", confirmed="演练"
        )

    @property
    def day(self) -> date:
        return clock.day_of(self.hands.at)

    def work(self, days: int, *, upto: datetime | None = None) -> None:
        """Run every stage that says something, on the rest of today and ``days`` days more."""
        first, begun = self.day, self.hands.at
        for number in range(days + 1):
            for name in STAGES:
                moment = clock.at(first + timedelta(days=number), SLOTS[name])
                if moment > begun and (upto is None or moment <= upto):
                    self.hands.at = moment
                    stage_function(name)(self.office, moment)
                    with instead_of_sending(lambda _letter, _at: Outcome("sent")):
                        stage_function("deliver")(self.office, moment)

    def evening(self) -> None:
        self.hands.at = clock.at(self.day, time(19, 0))

    def since(self, seq: int) -> tuple[Told, ...]:
        with self.ledger.read() as conn:
            return happened(self.office, conn, seq)[0]

    def seq(self) -> int:
        with self.ledger.read() as conn:
            return events.chain_head(conn)[0]

    def items(self, *states: str) -> list[Any]:
        with self.ledger.read() as conn:
            rows = queries.obligations(conn, states=states or ("waiting", "active", "returned"))
        return [row for row in rows if row["due_on"] and row["due_on"] > self.day - timedelta(60)][
            :12
        ]

    # ---- what people do ----

    def submit(self, pick: int) -> None:
        rows = self.items()
        if rows:
            with self.ledger.write("联络员乙") as writing:
                key = rows[pick % len(rows)]["key"]
                transitions.submit(writing, key, REPORT, actor="联络员乙")

    def send_back(self, pick: int) -> None:
        with self.ledger.write("经办人甲") as writing:
            rows = queries.to_review(writing.conn)
            if rows:
                transitions.send_back(
                    writing,
                    rows[pick % len(rows)]["id"],
                    actor="经办人甲",
                    reason="缺佐证",
                    calendar=self.office.calendar,
                    days=3,
                )

    def acknowledge(self, pick: int) -> None:
        rows = self.items()
        if rows:
            with self.ledger.write("联络员乙") as writing:
                transitions.acknowledge(writing, rows[pick % len(rows)]["key"], actor="联络员乙")

    def silence(self, pick: int) -> None:
        rows = self.items()
        if rows:
            row = rows[pick % len(rows)]
            with self.ledger.write("经办人甲") as writing:
                transitions.silence(
                    writing,
                    row["unit"],
                    task=row["task"] if pick % 2 else "",
                    post="",
                    until_on=self.day + timedelta(days=3 + pick % 9),
                    author="经办人甲",
                    reason="统一检查",
                )

    def extend(self, pick: int) -> None:
        rows = [
            row for row in self.items() if row["due_at"] > self.hands.at and not row["extended"]
        ]
        if rows:
            row = rows[pick % len(rows)]
            until = row["due_on"] + timedelta(days=5 + pick % 20)
            with self.ledger.write("经办人甲") as writing:
                asked = Asked("extension", "上级推后", "已过半", {"until": until.isoformat()})
                free = Bounds(needs_office=False)
                requests.ask(
                    writing,
                    row["key"],
                    asked,
                    actor="联络员乙",
                    calendar=self.office.calendar,
                    bounds=free,
                )

    def confirm(self, pick: int) -> None:
        with self.ledger.write("经办人甲") as writing:
            rows = ladder.proposals(writing.conn, states=("waiting",))
            if rows:
                row = rows[pick % len(rows)]
                transitions.decide_proposal(
                    writing, row["id"], confirm=pick % 3 > 0, actor="经办人甲", reason="属实"
                )

    def succeed(self, pick: int) -> None:
        """A liaison leaves, and another comes some days later."""
        matrix = self.office.matrix
        units = dict(matrix.directory.units)
        name = ("longhu", "mengzhuang", "scjgj")[pick % 3]
        if name not in units:
            name = sorted(units)[pick % len(units)]
        old = units[name].posts["liaison"][-1]
        leaves, comes = self.day + timedelta(pick % 4), self.day + timedelta(pick % 4 + 3)
        posts = {
            **units[name].posts,
            "liaison": (
                replace(old, until=leaves),
                Holder("联络员丙", comes, None, "c@xinzheng.example"),
            ),
        }
        units[name] = replace(units[name], posts=posts)
        self.office = replace(
            self.office,
            matrix=replace(matrix, directory=replace(matrix.directory, units=units)),
        )


ACTS = ("submit", "send_back", "acknowledge", "silence", "extend", "confirm", "succeed", "submit")


@contextmanager
def world(root: Path, url: str = "", first: date = date(2026, 11, 2)) -> Iterator[World]:
    home = write_home(root)
    made = World(home, url or f"sqlite:///{root / 'l.sqlite3'}", first)
    try:
        yield made
    finally:
        made.ledger.close()


HISTORIES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(ACTS), st.integers(0, 30)), min_size=1, max_size=6
)


def live_through(played: World, history: list[tuple[int, str, int]]) -> None:
    for days, act, pick in history:
        played.work(days)
        played.evening()
        getattr(played, act)(pick)


def bare(messages: tuple[Told, ...]) -> dict[str, tuple[Any, ...]]:
    return {
        told.id: (
            told.at, told.unit, told.post, told.person, told.address, told.channel, told.subject,
            told.text, told.bytes, told.html_bytes, told.html_hash, told.part, told.parts, told.items,
        )
        for told in messages
    }  # fmt: skip


def same_as_it_happens(played: World, days: int) -> Preview:
    before = played.seq()
    foreseen = foretell(played.office, played.hands.at, days)
    assert played.seq() == before, "预演留下了记录"
    played.work(days)
    assert bare(foreseen.messages) == bare(played.since(before))
    return foreseen


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=HISTORIES, days=st.integers(1, 10), month=st.integers(9, 11))
def test_whatever_went_before_the_preview_is_what_happens(
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[int, str, int]],
    days: int,
    month: int,
) -> None:
    with world(tmp_path_factory.mktemp("w") / "h", first=date(2026, month, 7)) as played:
        live_through(played, history)
        same_as_it_happens(played, days)


@pytest.mark.parametrize("seed", [1, 2])
def test_on_both_databases(tmp_path: Path, ledger_url: str, seed: int) -> None:
    history = [(2, ACTS[(seed + n) % len(ACTS)], 7 * seed + n) for n in range(6)]
    with world(tmp_path / "h", ledger_url) as played:
        live_through(played, history)
        assert len(same_as_it_happens(played, 25).messages) > 5


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with world(tmp_path / "h") as played:
        played.work(3)
        before = played.seq(), sorted(path.as_posix() for path in tmp_path.rglob("*"))
        with played.ledger.read() as conn:
            links = len(queries.working_links(conn, "longhu", played.hands.at))
        foreseen = foretell(played.office, played.hands.at, 30)
        assert "0token0" in foreseen.messages[0].text, "预演里没有真的链接"
        assert (played.seq(), sorted(path.as_posix() for path in tmp_path.rglob("*"))) == before
        with played.ledger.read() as conn:
            assert len(queries.working_links(conn, "longhu", played.hands.at)) == links


def test_a_bot_gets_parts_within_its_limit(tmp_path: Path) -> None:
    with world(tmp_path / "h") as played:
        path = played.office.home.config / "channels.yaml"
        bot = (
            '  - {id: group, name: 内网群, url: "ntfys://x@ntfy.example/t", form: md, limit: 300}\n'
            "\n  - id: inbox"
        )
        path.write_text(path.read_text("utf-8").replace("  - id: inbox", bot, 1), "utf-8")
        units = dict(played.office.matrix.directory.units)
        posts = {"liaison": (replace(units["longhu"].posts["liaison"][-1], address="group"),)}
        units["longhu"] = replace(units["longhu"], posts=posts)
        matrix = played.office.matrix
        directory = replace(matrix.directory, units=units)
        played.office = replace(played.office, matrix=replace(matrix, directory=directory))
        foreseen = same_as_it_happens(played, 12)
        parts = [told for told in foreseen.messages if told.channel == "group"]
        assert parts
        assert max(told.parts for told in parts) > 1
        for told in parts:
            assert told.bytes == len(told.text.encode()) <= told.limit_bytes == 300
            assert told.form == "md"
            assert told.html_bytes == 0
        assert sum(bool(told.items) for told in parts) == len({told.base for told in parts})


# ---- what came otherwise, and why ----------------------------------------------------------------


def differences(played: World, change: Callable[[], object], days: int = 12) -> list[Difference]:
    """Make a preview, keep it as a file would, change something, live on, and compare."""
    foreseen = foretell(played.office, played.hands.at, days)
    kept = read(json.dumps(as_json(foreseen)), "预演.json")
    assert kept == foreseen
    change()
    played.work(days)
    return against(played.office, kept, played.hands.at)


def test_when_nothing_changes_there_is_no_difference(tmp_path: Path) -> None:
    with world(tmp_path / "h") as played:
        played.work(2)
        assert differences(played, lambda: None, 20) == []


@pytest.mark.parametrize("act", ["submit", "acknowledge", "silence", "extend", "send_back"])
def test_each_difference_is_explained(tmp_path: Path, act: str) -> None:
    with world(tmp_path / "h") as played:
        played.work(10)
        played.evening()
        if act == "send_back":
            played.submit(0)
        keys = [row["key"] for row in played.items()]
        pick = keys.index("T-1/scjgj/finish:end") if act == "acknowledge" else 0
        found = differences(played, lambda: getattr(played, act)(pick))
        assert found
        assert {each.cause for each in found}.isdisjoint({UNEXPLAINED})
        assert all(each.sentence.endswith("。") for each in found)


def test_a_report_that_came_in_is_the_reason_in_a_sentence(tmp_path: Path) -> None:
    with world(tmp_path / "h") as played:
        played.work(5)
        played.evening()
        key = next(row["key"] for row in played.items() if row["key"].startswith("T-2/longhu"))

        def report() -> None:
            with played.ledger.write("龙湖镇联络员") as writing:
                transitions.submit(writing, key, REPORT, actor="龙湖镇联络员")

        found = differences(played, report)
        own = [each for each in found if (each.unit, each.post) == ("longhu", "liaison")]
        assert own
        assert all(
            "本应在给龙湖镇联络员" in each.sentence for each in own if each.kind == "missing"
        )
        assert "11月7日已报送而未发" in own[0].sentence


def test_a_lost_day_is_the_reason(tmp_path: Path) -> None:
    with world(tmp_path / "h") as played:
        played.work(6)

        def lose() -> None:
            played.hands.at = clock.at(played.day + timedelta(days=5), time(20, 0))

        found = differences(played, lose, 8)
        assert found
        assert {each.cause for each in found} <= {"stage"}
        assert "提醒流程没有运行" in found[0].sentence


def test_an_edited_ladder_is_the_reason(tmp_path: Path) -> None:
    with world(tmp_path / "h") as played:
        played.work(5)

        def edit() -> None:
            path = played.office.home.config / "duban.yaml"
            path.write_text(
                path.read_text("utf-8").replace("司文科 62696021", "司文科 00000000"), "utf-8"
            )
            with open_office(played.office.home, ask=played.hands) as fresh:
                played.office = replace(played.office, settings=fresh.settings)

        found = differences(played, edit)
        assert {each.kind for each in found} == {"reworded"}
        assert {each.cause for each in found} == {"files"}
        assert "config/duban.yaml在预演之后改过" in found[0].sentence


def test_a_successor_is_the_reason(tmp_path: Path) -> None:
    with world(tmp_path / "h") as played:
        played.work(5)

        def change_hands() -> None:
            path = played.office.home.config / "units.yaml"
            old = "longhu.lianluo@xinzheng.example"
            path.write_text(path.read_text("utf-8").replace(old, "jiren@xinzheng.example"), "utf-8")
            with open_office(played.office.home, ask=played.hands) as fresh:
                played.office = replace(played.office, matrix=fresh.matrix)

        found = [each for each in differences(played, change_hands) if each.unit == "longhu"]
        assert {each.kind for each in found} == {"other-reader"}
        assert "jiren@xinzheng.example" in found[0].sentence


def test_another_ledger_is_refused(tmp_path: Path) -> None:
    with world(tmp_path / "a") as one, world(tmp_path / "b") as other:
        one.work(2)
        foreseen = foretell(one.office, one.hands.at, 2)
        other.work(9)
        with pytest.raises(InputError, match="不是在这本台账上做的"):
            against(other.office, foreseen, other.hands.at)


# ---- the command -----------------------------------------------------------------------------------


def test_the_command_saves_filters_and_compares(cli: Cli, tmp_path: Path) -> None:
    home = write_home(tmp_path / "h")
    file = tmp_path / "预演.json"
    assert cli("apply", "--home", home.root)[0] == 0
    code, said, noted = cli("preview", "--days", "370", "--home", home.root, "--save", file)
    assert code == 0, noted
    assert "天预计发出" in said
    saved = read(file.read_text("utf-8"), "x")
    told = json.loads(cli("preview", "--days", "370", "--home", home.root, "--format", "json")[1])
    assert [each["id"] for each in told] == [each.id for each in saved.messages]
    unit = cli(
        "preview", "--days", "370", "--unit", "龙湖镇", "--home", home.root, "--format", "json"
    )
    assert {each["unit"] for each in json.loads(unit[1])} <= {"longhu"}
    code, said, _ = cli("preview", "--against", file, "--home", home.root)
    assert code == 0
    assert "完全一致" in said


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--days", "0"), 2),
        (("--days", "371"), 2),
        (("--against", "没有.json"), 2),
        (("--against", "config/duban.yaml"), 1),
        (("--unit", "没有这个单位"), 2),
    ],
)
def test_mistakes_are_told(cli: Cli, tmp_path: Path, args: tuple[str, ...], code: int) -> None:
    home = write_home(tmp_path / "h")
    given = [str(home.root / each) if each.startswith("config/") else each for each in args]
    got, _, noted = cli("preview", *given, "--home", home.root)
    assert got == code
    assert "办法" in noted


# ---- the page ------------------------------------------------------------------------------------


def test_the_page_shows_a_week_and_every_letter(house: Any) -> None:
    office, head = house.office(), house.head()
    week = office.get("/office/preview")
    assert week.status_code == 200
    assert len(week.content) < 200 * 1024
    expected = rehearse(house.portal.office, house.portal.now(), 6)
    assert expected
    for told in expected[:3]:
        assert told["subject"].partition("，")[0].partition("【")[2] in week.text
        page = office.get(f"/office/preview/letter?id={told['id']}")
        assert f"正文 {told['bytes']} 字节" in page.text
        assert "（个人链接）" in page.text
        assert "0token0" not in page.text
    assert house.head() == head, "看预演不留记录"


def test_the_page_is_for_the_office_and_tells_what_is_gone(house: Any) -> None:
    assert house.browser().get("/office/preview").status_code == 403
    office = house.office()
    assert office.get("/office/preview/letter?id=day:none").status_code == 404
    for address in ("?week=99", "?week=-3", "?unit=nobody", "?day=2026-13-45", "?number=999"):
        assert office.get(f"/office/preview{address}").status_code == 200


def test_the_page_notices_what_was_changed(house: Any) -> None:
    office = house.office()
    before = office.get("/office/preview?unit=longhu").text
    with house.portal.ledger.write("联络员乙") as writing:
        for row in queries.obligations(writing.conn, unit="longhu", states=("waiting", "active")):
            transitions.submit(writing, row["key"], REPORT, actor="联络员乙")
    assert office.get("/office/preview?unit=longhu").text != before
