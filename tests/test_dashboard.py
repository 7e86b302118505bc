"""The dashboard for the office and leaders: what stands on it, what lies behind it, as of which day."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import python_calamine
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal

import board_home
from duban import clock
from duban.accounts import Role
from duban.ledger import queries, transitions
from duban.ledger.audit import rebuilt_differs
from duban.ledger.events import Draft
from duban.ledger.store import Writing
from duban.ledger.transitions import Report, Stored
from duban.portal.app import create_app
from duban.portal.guard import HEADERS
from duban.reports.boardbook import plain
from duban.stages import escalate
from office_people import NAMES, cheap_hashes, make, session, setting
from portal_home import KEY, REPORT, SHORT, Browser, House, Watch

WEEK = "A-4/fy/finish:2026-W47"
FILE = Stored("ab" * 32, "佐证.pdf", "application/pdf", 10)


def at(house: House, text: str) -> datetime:
    """Set the house's clock by ``2026-11-22 08:30``."""
    house.watch.at = datetime.fromisoformat(text).replace(tzinfo=clock.SHANGHAI)
    return house.watch.at


def send(house: House, key: str, **more: Any) -> str:
    with house.portal.ledger.write("longhu/liaison", house.watch()) as writing:
        report = Report(**({"progress": "已办。", "files": (FILE,)} | more))
        return transitions.submit(writing, key, report, actor="longhu/liaison").submission


def record(writing: Writing, kind: str, row: dict[str, Any], why: str) -> None:
    writing.record(Draft(kind, row["key"], row, why=why, obligation=row["key"]))


def ask(house: House, *keys: str) -> None:
    """Ask for reports, as the morning does when their period opens."""
    with house.portal.ledger.write("duban:collect", house.watch()) as writing:
        for key in keys:
            asked = {"key": key, "requested_at": house.watch()}
            record(writing, "obligation.requested", asked, "开始报送")


def send_back(house: House, submission: str, reason: str = "缺协议") -> None:
    with house.portal.ledger.write("经办人甲", house.watch()) as writing:
        calendar = house.portal.office.calendar
        transitions.send_back(
            writing, submission, actor="经办人甲", reason=reason, calendar=calendar, days=3
        )


def accept(house: House, submission: str) -> None:
    with house.portal.ledger.write("经办人甲", house.watch()) as writing:
        transitions.accept(writing, submission, actor="经办人甲")


def cells(text: str) -> dict[tuple[str, str], str]:
    """(unit, header) to what stands in a cell of the heat map."""
    table = text[text.index('<table class="heat') :]
    table = table[: table.index("</table>")]
    head = [_bare(each) for each in re.findall(r'<th scope="col"[^>]*>(.*?)</th>', table)]
    if "colgroup" in table:  # several years: months are numbered through
        head = [head[0], *map(str, range(1, len(head)))]
    found: dict[tuple[str, str], str] = {}
    for row in re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", table, re.DOTALL):
        name, _, rest = row.partition("</th>")
        values = [_bare(each) for each in re.findall(r"<td[^>]*>(.*?)</td>", rest)]
        found |= {
            (_bare(name), month): value for month, value in zip(head[1:], values, strict=True)
        }
    return found


def _bare(markup: str) -> str:
    return re.sub(r"<[^>]+>", "", re.sub(r'<span class="sr">.*?</span>', "", markup)).strip()


# ---- lamps and the red list --------------------------------------------------------------------


def test_the_red_list_tells_how_long_why_and_how_far_the_ladder_went(house: House) -> None:
    send(house, SHORT, percent=40, problem="选址未定")
    house.proposal()
    office = house.office()
    text = office.get("/office").text
    red = text[text.index('id="red"') : text.index('id="heat"')]
    assert "逾期17天" in red
    assert "单位说明：选址未定" in red
    assert "通报" in red
    assert "待确认" in red
    days = [int(found) for found in re.findall(r"逾期(\d+)天", red[red.index("<tbody>") :])]
    assert days == sorted(days, reverse=True)


def test_a_reason_is_told_for_each_way_of_being_late(house: House) -> None:
    office = house.office()
    assert "没有签收，没有报送" in office.get("/office").text
    with house.portal.ledger.write("longhu/liaison") as writing:
        transitions.acknowledge(writing, SHORT, actor="longhu/liaison")
    assert "签收后没有报送" in office.get("/office").text
    send(house, SHORT, percent=40)
    assert "报了1次，未办结，没有说明原因" in office.get("/office").text
    send_back(house, send(house, SHORT, percent=100))
    house.watch.at += timedelta(days=10)
    assert "退回未补报" in house.office().get("/office").text


def test_what_falls_due_stands_on_the_timeline(house: House) -> None:
    text = house.office().get("/office").text
    assert "11月25日（周三）" in text[text.index("未来14天到期") :]
    line = text[text.index('id="time"') :]
    assert "/office/task?id=A-2" in line
    assert "11月30日（周一）" in line


# ---- a month on record -------------------------------------------------------------------------


def test_a_closed_month_is_a_record_whatever_comes_later(house: House) -> None:
    """Close November, then submit late, close the item and change the lamps: the cell stays as it was."""
    at(house, "2026-12-01 08:30")
    escalate.run(house.portal.office, house.watch())
    before = cells(house.office().get("/office").text)
    assert before["龙湖镇", "11月"] == "红2"  # A-3, and the report of November
    for key in (SHORT, REPORT):
        accept(house, send(house, key, percent=100))
    path = house.root / "config" / "lamps.yaml"
    path.write_text(
        path.read_text("utf-8").replace("at_most_days_left: -1", "at_most_days_left: -9")
    )
    text = house.office().get("/office").text
    after = cells(text)
    assert after["龙湖镇", "11月"] == "红2"
    assert after["龙湖镇", "12月"] != before["龙湖镇", "12月"]  # the present month follows
    assert re.search(r'title="龙湖镇 11月：红灯2项（当月记录）"', text)
    behind = house.office().get("/office/cell/longhu/2026-11").text
    assert "当月记录" in behind
    assert "现在：" in behind
    assert "已办结" in behind
    assert "按当时的灯色标准" in behind
    assert rebuilt_differs(house.portal.ledger) == []


def test_both_views_are_links_and_the_view_by_share_counts_what_came_in_time(house: House) -> None:
    send(house, REPORT)
    office = house.office()
    text = office.get("/office").text
    assert 'href="/office?year=2026&amp;view=rate#heat"' in text
    rates = office.get("/office?view=rate").text
    assert cells(rates)["龙湖镇", "11月"] == "50"
    assert 'title="龙湖镇 11月：1/2项按时"' in rates
    assert 'href="/office?year=2026#heat"' in rates
    assert "onclick" not in rates


def test_the_heat_map_is_a_table_for_everybody(house: House) -> None:
    text = house.office().get("/office").text
    table = text[
        text.index('<table class="heat') : text.index("</table>", text.index('table class="heat'))
    ]
    assert "<caption" in table
    assert 'scope="col"' in table
    assert 'scope="row"' in table
    assert 'scope="rowgroup"' in table
    assert 'tabindex="0" role="region" aria-label="热力表' in text
    assert "（本月，按现在算）" in table  # said, not seen


# ---- what lies behind a cell -------------------------------------------------------------------


def test_a_cell_leads_to_items_to_reports_to_evidence(house: House) -> None:
    at(house, "2026-11-20 10:00")
    sent = send(house, REPORT, progress="调解3件。")
    at(house, "2026-11-23 09:00")
    office = house.office()
    (address,) = set(
        re.findall(r'href="(/office/cell/longhu/2026-11)"', office.get("/office").text)
    )
    text = office.get(address).text
    assert "纠纷人民调解" in text
    assert "调解3件。" in text
    assert "佐证.pdf" in text
    with house.portal.ledger.read() as conn:
        (file,) = queries.evidence_of(conn, sent)
    assert f"/office/evidence?id={quote(file['id'], safe='')}" in text
    assert f"/office/item?key={quote(REPORT, safe='')}" in text
    assert office.get("/office/cell/longhu/2026-99").status_code == 404
    assert office.get("/office/cell/nobody/2026-11").status_code == 404


# ---- history -----------------------------------------------------------------------------------


def eventful(house: House) -> None:
    """Asked, reminded, reported, returned, extended, escalated, closed."""
    at(house, "2026-11-03 08:30")
    ask(house, REPORT)
    at(house, "2026-11-04 10:00")
    with house.portal.ledger.write("经办人甲", house.watch()) as writing:
        until = date(2026, 11, 28)
        later = {"due_on": until, "due_at": clock.end_of(until), "extended": 1}
        record(writing, "obligation.extended", {"key": REPORT, **later}, "汛期")
    at(house, "2026-11-10 10:00")
    first = send(house, REPORT)
    at(house, "2026-11-11 10:00")
    send_back(house, first)
    at(house, "2026-11-12 10:00")
    second = send(house, REPORT)
    at(house, "2026-11-13 10:00")
    accept(house, second)
    at(house, "2026-11-23 09:00")
    house.proposal()


def story(text: str) -> list[str]:
    part = text[text.index('<ol class="story">') : text.index("</ol>")]
    return [
        " ".join(_bare(each).split()) for each in re.findall(r"<li>(.*?)</li>", part, re.DOTALL)
    ]


def test_the_history_of_an_item_is_told_in_sentences_with_who_and_when(house: House) -> None:
    eventful(house)
    told = story(house.office().get(f"/office/item?key={quote(REPORT)}").text)
    for who, what in (
        ("系统（报送）", "报送通知"),
        ("经办人甲", "延期至2026年11月28日：汛期"),
        ("龙湖镇联络员", "第1次报送"),
        ("经办人甲", "退回，补报时限"),
        ("龙湖镇联络员", "第2次报送"),
        ("经办人甲", "销号"),
    ):
        assert any(who in line and what in line for line in told), (who, what, told)
    assert all(re.match(r"2026年\d+月\d+日 \d\d:\d\d ", line) for line in told)
    assert "缺协议" in "".join(told)
    late = story(house.office().get(f"/office/item?key={quote(SHORT)}").text)
    assert any("达到督办条件" in line and "通报" in line for line in late)


def test_a_task_and_a_unit_have_their_whole_history(house: House) -> None:
    eventful(house)
    office = house.office()
    for address in ("/office/task?id=A-1", "/office/unit?id=longhu"):
        text = office.get(address).text
        told = "\n".join(story(text))
        assert "第2次报送" in told, address
        assert "延期至2026年11月28日" in told, address
    unit = office.get("/office/unit?id=longhu").text
    assert "佐证.pdf" in unit
    assert "建设工作站" in unit
    assert office.get("/office/task?id=no").status_code == 404


def test_a_long_history_goes_on_over_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from duban.portal import item_pages

    eventful(house)
    monkeypatch.setattr(item_pages, "EVENTS_PER_PAGE", 5)
    office = house.office()
    lines, address, pages = [], "/office/unit?id=longhu", 0
    while address:
        text = office.get(address).text
        lines += story(text)
        found = re.search(r'href="([^"]+before=\d+)"', text)
        address, pages = (found[1].replace("&amp;", "&") if found else ""), pages + 1
    monkeypatch.setattr(item_pages, "EVENTS_PER_PAGE", 500)
    assert lines == story(office.get("/office/unit?id=longhu").text)
    assert pages > 2


# ---- as of a day -------------------------------------------------------------------------------


def test_as_of_a_day_shows_what_was_known_then_and_offers_today(house: House) -> None:
    eventful(house)
    office = house.office()
    then = office.get("/office?as_of=2026-11-11").text
    assert "这是2026年11月11日日终时的情况" in then
    assert 'href="/office"' in then
    item = office.get(f"/office/item?key={quote(REPORT)}&as_of=2026-11-11").text
    assert "第1次报送" in item
    assert "第2次报送" not in item
    assert ">退回<" in item
    assert "as_of=2026-11-11" in item  # links stay in that day
    listed = office.get("/office/items?format=json&task=A-1&month=2026-11&as_of=2026-11-11").json()
    assert [each["state"] for each in listed["items"]] == ["returned"]
    now = office.get("/office/items?format=json&task=A-1&month=2026-11").json()
    assert [each["state"] for each in now["items"]] == ["closed"]
    red = then[then.index('id="red"') : then.index('id="heat"')]
    assert "逾期5天" in red
    assert "通报" not in red  # raised on the 23rd


def test_as_of_before_the_record_began_is_empty_and_says_so(house: House) -> None:
    text = house.office().get("/office?as_of=2026-10-01").text
    assert "2026年10月1日时台账里还没有任务" in text


@pytest.mark.parametrize(
    ("as_of", "said"),
    [("2026-11-24", "还没有到"), ("gestern", "不是一个日期"), ("2026-02-30", "不是")],
)
def test_a_day_that_cannot_be_shown_is_refused_with_the_way_out(
    house: House, as_of: str, said: str
) -> None:
    reply = house.office().get(f"/office?as_of={as_of}")
    assert reply.status_code == 422
    assert said in reply.text


def test_a_months_record_is_not_known_before_it_was_made(house: House) -> None:
    at(house, "2026-12-01 08:30")
    escalate.run(house.portal.office, house.watch())
    office = house.office()
    assert cells(office.get("/office").text)["龙湖镇", "11月"] == "红2"
    text = office.get("/office?as_of=2026-11-30").text
    assert "本月，按现在算" in text[text.index("11月") :]
    assert "当月记录）" not in text[text.index("<tbody>") :]


# ---- the burden --------------------------------------------------------------------------------


def test_the_burden_counts_asks_and_minutes_warns_and_names_who_asks(house: House) -> None:
    at(house, "2026-11-03 08:30")
    ask(house, REPORT, "A-1/longhu/report:2026-12", WEEK)
    office = house.office()
    text = office.get("/office/burden").text
    rows = cells(text)
    assert (rows["龙湖镇", "合计"], rows["龙湖镇", "约（分钟）"]) == ("2", "30")
    assert (rows["法院", "11月"], rows["法院", "约（分钟）"]) == ("1", "15")
    assert "没有单位超过限额" in text
    assert "估算" in text
    setting(house, "\nboard: {asks_per_month: 1, minutes_per_ask: 20, minutes_per_month: 10}\n")
    text = office.get("/office/burden").text
    assert "有超过限额的月份" in text
    assert re.search(r"<b>\d+<small>超</small></b>", text)
    assert cells(text)["龙湖镇", "约（分钟）"] == "40"
    most = text[text.index("谁要得最多 <small") :]
    assert "市场监管局" in most
    assert "/office/task?id=A-1" in most


# ---- taking it away ----------------------------------------------------------------------------


def read_csv(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def read_xlsx(content: bytes) -> list[list[Any]]:
    book = python_calamine.load_workbook(io.BytesIO(content))
    return book.get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("value", ["=1+1", "+86", "-2", "@SUM(A1)", "\t=1", "　=1", "＝1"])
def test_nothing_taken_away_is_a_formula(value: str) -> None:
    written = plain(value)
    assert isinstance(written, str)
    assert written.startswith("'")
    assert plain(5) == 5
    assert plain("正常") == "正常"


def test_the_red_list_is_taken_away_as_it_is_shown(house: House) -> None:
    send(house, SHORT, percent=40, problem='=HYPERLINK("http://x")')
    office = house.office()
    reply = office.get("/office/export?what=red&format=csv")
    assert reply.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    rows = read_csv(reply.content)
    head = next(n for n, row in enumerate(rows) if row[0] == "责任单位")
    (found,) = [row for row in rows if row[-1] == SHORT]
    first = dict(zip(rows[head], found, strict=True))
    assert (first["责任单位"], first["逾期天数"], first["任务编号"]) == ("龙湖镇", "17", "A-3")
    assert first["原因"].startswith("单位说明：=HYPERLINK")
    book = read_xlsx(office.get("/office/export?what=red&format=xlsx").content)
    assert any(row[0] == "龙湖镇" and row[-1] == SHORT for row in book)
    assert "数据截至" in rows[0][0]


def test_exports_follow_filters_and_the_day(house: House) -> None:
    eventful(house)
    office = house.office()
    asked = "/office/export?what=items&format=csv&unit=longhu&task=A-1&month=2026-11"
    rows = read_csv(office.get(asked).content)
    assert [row[-1] for row in rows if row[0] == "龙湖镇"] == [REPORT]
    state = rows[-1][rows[-2].index("状态")]
    assert state == "已办结"
    then = read_csv(office.get(asked + "&as_of=2026-11-11").content)
    assert then[-1][rows[-2].index("状态")] == "退回"
    assert "按当时已入账的情况" in then[0][0]
    heat = read_csv(office.get("/office/export?what=heat&view=rate").content)
    shown = cells(office.get("/office?view=rate").text)
    row = next(row for row in heat if row[1:2] == ["龙湖镇"])
    assert row[12] == shown["龙湖镇", "11月"]
    assert office.get("/office/export?what=all").status_code == 404
    assert office.get("/office/export?what=red&format=pdf").status_code == 404


# ---- who sees what -----------------------------------------------------------------------------


@pytest.fixture
def leader(house: House, monkeypatch: pytest.MonkeyPatch) -> Browser:
    cheap_hashes(monkeypatch)
    make(house, Role.LEADER)
    return session(house, NAMES[Role.LEADER])


def test_a_leader_sees_the_units_in_charge_of_first_and_all_by_a_link(
    house: House, leader: Browser
) -> None:
    assert "分管" not in leader.get("/office").text
    setting(house, f"\nboard: {{portfolios: [{{leader: {NAMES[Role.LEADER]}, units: [法院]}}]}}\n")
    mine = leader.get("/office").text
    assert "我分管的1个单位" in mine
    assert {unit for unit, _ in cells(mine)} == {"法院"}
    assert "建设工作站" not in mine
    whole = leader.get("/office?scope=all").text
    assert {unit for unit, _ in cells(whole)} >= {"法院", "龙湖镇"}
    assert "建设工作站" in whole
    rows = read_csv(leader.get("/office/export?what=items").content)
    assert {row[0] for row in rows if row[-1].count("/") == 2} == {"法院"}


def test_the_county_post_makes_a_portfolio_too(house: House, leader: Browser) -> None:
    path = house.root / "config" / "units.yaml"
    held = f'county: [{{name: {NAMES[Role.LEADER]}, address: ""}}], liaison: [{{name: 联络员丙'
    path.write_text(path.read_text("utf-8").replace("liaison: [{name: 联络员丙", held), "utf-8")
    assert "我分管的1个单位" in leader.get("/office").text


def test_a_leader_only_reads_and_nobody_is_ranked(house: House, leader: Browser) -> None:
    for address in ("/office", "/office/burden", "/office/unit?id=longhu", "/office/task?id=A-1"):
        text = leader.get(address).text
        posts = re.findall(r'<form method="post" action="([^"]+)"', text)
        assert set(posts) == {"/office/logout"}, address
        assert "排名" not in text
        assert "名次" not in text


# ---- size and cost -----------------------------------------------------------------------------


@contextmanager
def county(root: Path, units: int, tasks: int) -> Iterator[tuple[Browser, sa.Engine]]:
    watch = Watch(board_home.APPLIED)
    app = create_app(str(board_home.write_county(root, units, tasks)), ask=watch)
    portal = app.state.portal
    board_home.fill(portal.office, portal.ledger)
    watch.at = board_home.NOW
    board_home.one_more(portal.ledger)  # so that an earlier day is not the ledger as it stands
    with start_blocking_portal() as loop:
        browser = Browser(app, loop)
        browser.post("/office/login", data={"key": KEY, "name": "经办人甲"})
        yield browser, portal.ledger.engine
    portal.close()


def statements(engine: sa.Engine, browser: Browser, address: str) -> int:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        assert browser.get(address).status_code == 200
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return sum(not each.startswith(("BEGIN", "PRAGMA")) for each in seen)


def test_a_county_of_full_size_is_small_on_the_wire_and_asks_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 units, 36 months, 2,700 obligations: < 200 KB with style and script, statements bounded."""
    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    static = Path(board_home.__file__).parent.parent / "duban" / "portal" / "static"
    extra = sum((static / name).stat().st_size for name in ("app.css", "app.js"))
    with county(tmp_path / "big", board_home.UNITS, board_home.TASKS) as (browser, engine):
        counted = {}
        for address in (
            "/office", "/office?year=all", "/office?year=all&view=rate",
            "/office?year=all&as_of=2026-11-20",
        ):  # fmt: skip
            reply = browser.get(address)
            assert len(reply.content) + extra < 200_000, (address, len(reply.content), extra)
            counted[address] = statements(engine, browser, address)
        assert len(cells(browser.get("/office?year=all").text)) == 40 * 36
    with county(tmp_path / "small", 2, 3) as (browser, engine):
        for address, number in counted.items():
            few = statements(engine, browser, address)
            assert number == few, address
            assert number <= 24, address


def test_pages_keep_the_portals_headers(house: House) -> None:
    for address in ("/office/export?what=items", "/office/burden", "/office/task?id=A-1"):
        reply = house.office().get(address)
        for name in HEADERS:
            assert reply.headers[name] == HEADERS[name], (address, name)
