"""The unit's phone page: looking changes nothing, two people's reports meet, a summary starts from its parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

import portal_home
from duban.ledger import transitions
from portal_home import (
    FINISH,
    KEY,
    PDF,
    REPORT,
    SHORT,
    House,
    assert_own_page,
    fields,
    open_house,
    page,
    report,
)

STATIC = Path(__file__).parent.parent / "duban" / "portal" / "static"
TEMPLATES = STATIC.parent / "templates"
NEW_CSS = (
    r":is\(", r":where\(", r":has\(", r":focus-visible", r":focus-within\(", r"\baspect-ratio\s*:", r"\binset(-\w+)?\s*:",
    r"\bclamp\(", r"(?<![\w-])(?:min|max)\(", r"(?<!grid-)(?<!-)\b(?:row-|column-)?gap\s*:", r"@layer", r"@container", r"\bcolor-mix\(",
    r"\bmargin-(?:inline|block)\b", r"\bpadding-(?:inline|block)\b", r"\d(?:dvh|svh|lvh)\b", r"\baccent-colour\b", r"@property",
    r"\bcontent-visibility\b", r"\btext-wrap\b", r"\bbackdrop-filter\b", r"\bsubgrid\b",
)  # fmt: skip
"""What Chromium 78 does not know (flex gap came with 84, aspect-ratio with 88, :is with 88 …)."""
NEW_JS = (
    r"\?\.[\w(\[]", r"\?\?", r"=>", r"`", r"\b(?:let|const|class|async|await|import|export)\b", r"\.\.\.",
    r"\.replaceAll\(", r"\.at\(", r"\bfetch\(", r"\bPromise\b", r"\bSymbol\b", r"\bfor\s*\([^)]* of ", r"\*\*",
)  # fmt: skip
SUMMARY = "A-5/scjgj/summary:2026-11"
PART, OTHER_PART = "A-5/longhu/report:2026-11", "A-5/fy/report:2026-11"
MORE = """\
  - {id: A-5, title: 侵权纠纷摸排, text: 摸排, source: example, lead: [市场监管局], support: [龙湖镇, 法院], responsibility: 市场监管局牵头, deliverable: 台账, deadline: 持续推进, kind: planned, report: {every: month, due: 每月25日前, by: [龙湖镇, 法院], summary: 每月28日前}, indicators: [found, share], weight: 2}
"""
FIGURES = """\
  - {id: found, name: 摸排件数, unit: 件, direction: normal, measure: cumulative, comparator: ge, source: example, baseline: 0, baseline_on: 2025-12-31, targets: {2026: 90}}
  - {id: share, name: 办结率, unit: "%", direction: normal, measure: flow, comparator: ge, source: example, baseline: 50, baseline_on: 2025-12-31, targets: {2026: 90}}
"""


@pytest.fixture
def summing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The small office with a task whose lead sums up what two units report."""
    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    monkeypatch.setattr(portal_home, "TASKS", portal_home.TASKS + MORE)
    monkeypatch.setattr(portal_home, "PLAN", portal_home.PLAN + FIGURES)
    for name in ("DUBAN_EXAMPLE", "DUBAN_PUBLIC_URL", "DUBAN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with open_house(tmp_path / "home") as opened:
        yield opened


# ---- looking -----------------------------------------------------------------------------------


def test_a_thousand_hits_of_link_scanners_change_nothing(house: House) -> None:
    link = f"/u/{house.token('longhu')}"
    inside = ("/unit", page(REPORT), f"/unit/nil?key={quote(REPORT)}", f"/unit/extend?key={quote(REPORT)}")  # fmt: skip
    known = house.unit().cookies
    head = house.head()

    async def scan() -> set[int]:
        transport = httpx.ASGITransport(house.client.app)
        found = set()
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            for number in range(1000):
                opened = number % 20 == 0
                address = inside[number // 20 % len(inside)] if opened else link
                client.cookies = httpx.Cookies(known if opened else None)
                reply = await client.request("HEAD" if number % 3 else "GET", address)
                found.add(reply.status_code)
        return found

    assert house.client.loop.call(scan) <= {200, 303, 405}
    assert house.head() == head


def test_overdue_comes_first_and_the_reason_of_a_return_stands_on_top(house: House) -> None:
    browser = house.unit()
    report(browser, REPORT)
    (row,) = house.submissions(REPORT)
    with house.portal.ledger.write("经办人甲") as writing:
        transitions.send_back(
            writing, row["id"], actor="经办人甲", reason="附会议记录",
            calendar=house.portal.office.calendar, days=3,
        )  # fmt: skip
    text = browser.get("/unit").text
    assert text.index("建设工作站") < text.index("纠纷人民调解")
    shown = browser.get(page(REPORT)).text
    assert shown.index("附会议记录") < shown.index('name="progress"')


# ---- two people --------------------------------------------------------------------------------


def test_who_comes_second_sees_both_versions_and_loses_nothing(house: House) -> None:
    first, second = house.unit(), house.unit()
    opened = [fields(each.get(page(SHORT)), "/unit/submit") for each in (first, second)]
    told = {"percent": "60", "progress": "主体完工。", "problem": "缺电"}
    assert first.post("/unit/submit", data=opened[0] | told).status_code == 303
    mine = {"percent": "70", "progress": "正在装修。", "signed_by": "负责人乙"}
    head = house.head()
    met = second.post("/unit/submit", data=opened[1] | mine, files={"file1": PDF})
    assert met.status_code == 409
    assert house.head() == head
    assert_own_page(met)
    for text in ("主体完工。", "缺电", "正在装修。", "负责人乙", "会议纪要.pdf", "第1次"):
        assert text in met.text
    again = second.post("/unit/submit", data=fields(met, "/unit/submit") | mine)
    assert again.status_code == 303
    newest, oldest = house.submissions(SHORT)
    assert (newest["progress"], oldest["progress"]) == ("正在装修。", "主体完工。")
    assert "会议纪要.pdf" in second.get(again.headers["location"]).text


def test_a_double_tap_is_no_conflict(house: House) -> None:
    browser = house.unit()
    told = fields(browser.get(page(SHORT)), "/unit/submit") | {
        "percent": "60",
        "progress": "完工。",
    }
    replies = [browser.post("/unit/submit", data=told) for _ in range(2)]
    assert [each.status_code for each in replies] == [303, 303]
    assert len({each.headers["location"] for each in replies}) == 1
    assert len(house.submissions(SHORT)) == 1


def test_files_sealed_for_one_item_do_not_come_with_another(house: House) -> None:
    browser = house.unit()
    old = fields(browser.get(page(SHORT)), "/unit/submit")
    report(browser, SHORT, percent="60", progress="一。")
    met = browser.post(
        "/unit/submit", data=old | {"percent": "70", "progress": "二。"}, files={"file1": PDF}
    )
    kept = fields(met, "/unit/submit")["kept"]
    reply = report(browser, REPORT, kept=kept)
    assert reply.status_code == 422
    assert "重新选择附件" in reply.text


# ---- the summary -------------------------------------------------------------------------------


def figure(text: str, name: str) -> str:
    """What a field of the form is filled in with."""
    found = re.search(rf'name="figure\.{name}"[^>]*value="([^"]*)"', text)
    assert found
    return found[1]


def test_a_summary_starts_from_its_parts_and_can_be_changed(summing: House) -> None:
    lead = summing.unit("scjgj")
    assert "草稿" not in lead.get(page(SUMMARY)).text
    report(
        summing.unit("longhu"),
        PART,
        progress="摸排三村。",
        **{"figure.found": "12.5", "figure.share": "60"},
    )
    half = lead.get(page(SUMMARY)).text
    assert "还没有报来：法院" in half
    report(
        summing.unit("fy"),
        OTHER_PART,
        progress="受理两件。",
        **{"figure.found": "2", "figure.share": "40"},
    )
    shown = lead.get(page(SUMMARY))
    assert "【龙湖镇】摸排三村。" in shown.text
    assert "【法院】受理两件。" in shown.text
    assert (figure(shown.text, "found"), figure(shown.text, "share")) == ("14.5", "")
    told = fields(shown, "/unit/submit") | {"progress": "两家共14件。", "figure.found": "14"}
    assert lead.post("/unit/submit", data=told).status_code == 303
    assert summing.submissions(SUMMARY)[0]["progress"] == "两家共14件。"


# ---- old kernels and small pages ---------------------------------------------------------------


@pytest.mark.parametrize("file", ["app.css"])
def test_styles_are_known_to_chromium_78(file: str) -> None:
    css = re.sub(r"/\*.*?\*/", "", (STATIC / file).read_text("utf-8"), flags=re.S)
    inline = " ".join(
        re.findall(
            r'style="([^"]*)"', "".join(t.read_text("utf-8") for t in TEMPLATES.glob("unit*.html"))
        )
    )
    assert [
        (each, re.findall(each, css + inline)) for each in NEW_CSS if re.search(each, css + inline)
    ] == []


def test_the_script_is_es5_and_small() -> None:
    raw = (STATIC / "app.js").read_text("utf-8")
    js = re.sub(r"'[^'\n]*'", "''", re.sub(r"/\*.*?\*/", "", raw, flags=re.S))
    assert len(raw.encode()) <= 2048
    assert [each for each in NEW_JS if re.search(each, js)] == []


@pytest.mark.parametrize(
    "new", [".a:is(b){}", ".a{display:flex;gap:2px}", ".a{inset:0}", ".a{width:min(1px,2px)}"]
)
def test_the_list_finds_what_is_too_new(new: str) -> None:
    assert any(re.search(each, new) for each in NEW_CSS)


def test_every_page_of_the_unit_is_small(house: House) -> None:
    browser = house.unit("scjgj")
    report(browser, FINISH, percent="30")
    (row,) = house.submissions(FINISH)
    for address in (
        "/unit", page(FINISH), f"/unit/receipt?id={quote(row['id'])}", "/unit/history", "/unit/inbox",
        *(f"/unit/request?kind={kind}&key={quote(FINISH)}" for kind in ("extension", "split", "adjustment", "merge")),
    ):  # fmt: skip
        assert_own_page(browser.get(address))
