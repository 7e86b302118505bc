"""The portal in a real Chromium: a phone, a narrow screen, no JavaScript."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import uvicorn

from duban.ledger import requests
from portal_home import FINISH, KEY, REPORT, SHORT, House, open_house, report

CHROMIUM = "/usr/bin/chromium"
pytestmark = pytest.mark.browser
if not Path(CHROMIUM).exists() and os.environ.get("CI") != "true":
    pytest.skip(f"no Chromium at {CHROMIUM}", allow_module_level=True)

from axe_playwright_python.sync_playwright import Axe  # noqa: E402 - only where there is a browser
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

AXE = Axe()

PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert shutil.which(CHROMIUM), "CI must have Chromium"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("DUBAN_OFFICE_KEY", KEY)
    monkeypatch.delenv("DUBAN_EXAMPLE", raising=False)
    monkeypatch.delenv("DUBAN_PUBLIC_URL", raising=False)
    with open_house(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def site(house: House) -> Iterator[str]:
    config = uvicorn.Config(house.client.app, port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    started = threading.Event()
    startup = server.startup

    async def start(sockets: object = None) -> None:
        await startup()
        started.set()

    server.startup = start  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(20)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True) as context:  # type: ignore[arg-type]
        yield context.new_page()


def sideways(page: Page) -> bool:
    """Whether the page can be scrolled sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    return bool(wide > page.viewport_size["width"])  # type: ignore[index]


def test_a_report_from_a_phone(house: House, site: str, phone: Page, tmp_path: Path) -> None:
    photo = tmp_path / "现场.png"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
    phone.goto(f"{site}/u/{house.token('longhu')}")
    assert phone.url == f"{site}/unit"
    form = phone.locator(f'form[data-draft="{SHORT}"]')
    form.get_by_role("button", name="100%").click()
    assert form.locator("input[name=percent]").input_value() == "100"
    assert form.locator("input[type=range]").input_value() == "100"
    form.get_by_label("本期进展").fill("工作站已建成挂牌。")
    form.locator("input[name=file1]").set_input_files(photo)
    form.get_by_role("button", name="提交报送").click()
    phone.wait_for_url("**/unit/receipt**")
    assert phone.get_by_text("现场.png").is_visible()
    assert phone.get_by_text("记为迟报").is_visible()
    assert house.submissions(SHORT)[0]["percent"] == 100


def test_what_was_typed_survives_a_killed_webview_until_the_receipt(
    house: House, site: str, phone: Page
) -> None:
    phone.goto(f"{site}/u/{house.token('longhu')}")
    text = phone.locator(f'form[data-draft="{SHORT}"] textarea[name=progress]')
    text.fill("写到一半")
    phone.reload()
    assert text.input_value() == "写到一半"
    phone.locator(f'form[data-draft="{SHORT}"]').get_by_role("button", name="50%").click()
    phone.locator(f'form[data-draft="{SHORT}"]').get_by_role("button", name="提交报送").click()
    phone.wait_for_url("**/unit/receipt**")
    phone.goto(f"{site}/unit")
    assert text.input_value() == ""


def test_everything_works_without_javascript(house: House, site: str, chromium: Browser) -> None:
    with chromium.new_context(viewport=PHONE, java_script_enabled=False) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{site}/u/{house.token('longhu')}")
        assert not page.locator("input[type=range]").first.is_visible()
        form = page.locator(f'form[data-draft="{SHORT}"]')
        form.locator("input[name=percent]").fill("100")
        form.get_by_label("本期进展").fill("已建成。")
        form.get_by_role("button", name="提交报送").click()
        page.wait_for_url("**/unit/receipt**")
        page.goto(f"{site}/unit/item?key={quote(REPORT)}")
        page.get_by_role("link", name="无变化").click()
        page.get_by_role("button", name="确认无变化").click()
        page.wait_for_url("**/unit/receipt**")
        page.goto(f"{site}/office/login?key={KEY}")
        page.get_by_label("经办人姓名").fill("经办人甲")
        page.get_by_role("button", name="进入督办台").click()
        page.goto(f"{site}/office/review")
        page.locator(f'a[href*="{quote(REPORT, safe="")}"]').first.click()
        page.get_by_role("button", name="通过并销号").click()
        page.get_by_text("已通过1件").wait_for()
    assert house.submissions(SHORT)[0]["percent"] == 100
    (nil,) = house.submissions(REPORT)
    assert (nil["nil"], nil["state"], nil["reviewer"]) == (1, "accepted", "经办人甲")


def test_nothing_scrolls_sideways_on_a_narrow_screen_and_nothing_comes_from_elsewhere(
    house: House, site: str, chromium: Browser
) -> None:
    report(house.unit())
    house.proposal()
    asked: list[str] = []
    troubles: list[str] = []
    with chromium.new_context(viewport=NARROW) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"{site}/office/login?key={KEY}")
        page.fill("#name", "经办人甲")
        page.get_by_role("button", name="进入督办台").click()
        page.goto(f"{site}/u/{house.token('scjgj')}")
        for address in (
            "/unit", f"/unit/item?key={quote(FINISH)}", f"/unit/extend?key={quote(FINISH)}",
            f"/unit/request?kind=split&key={quote(FINISH)}",
            f"/unit/nil?key={quote(FINISH)}", "/unit/history", "/unit/inbox", "/office",
            "/office/items", f"/office/item?key={quote(REPORT)}", "/office/review", "/office/proposals",
            "/office/units", "/office/unit?id=longhu", "/office/messages", "/office/digests",
            "/office/runs",
        ):  # fmt: skip
            reply = page.goto(f"{site}{address}")
            assert reply is not None
            assert reply.status == 200, address
            assert not sideways(page), address
    assert [url for url in asked if not url.startswith((site, "data:"))] == []
    assert troubles == []


UNIT_PAGES = (
    "/unit", "/unit/item?key={item}", "/unit/extend?key={item}", "/unit/request?kind=split&key={item}",
    "/unit/request?kind=adjustment&key={item}", "/unit/nil?key={item}", "/unit/receipt?id={sent}",
    "/unit/history", "/unit/inbox",
)  # fmt: skip
OFFICE_PAGES = (
    "/office", "/office/items", "/office/item?key={item}", "/office/review", "/office/proposals",
    "/office/units", "/office/unit?id=longhu", "/office/messages", "/office/digests",
)  # fmt: skip


@pytest.mark.parametrize(
    ("side", "addresses"),
    [("unit", UNIT_PAGES), ("office", OFFICE_PAGES)],
    ids=["unit", "office"],
)
def test_axe_finds_nothing(
    house: House, site: str, phone: Page, side: str, addresses: tuple[str, ...]
) -> None:
    """Names, contrast, order, roles: what a screen reader or a weak eye needs."""
    browser = house.unit("scjgj")
    report(browser, FINISH, percent="30")
    ask_more_time(house)
    (sent,) = house.submissions(FINISH)
    if side == "unit":
        phone.goto(f"{site}/u/{house.token('scjgj')}")
    else:
        phone.goto(f"{site}/office/login?key={KEY}")
        phone.fill("#name", "经办人甲")
        phone.get_by_role("button", name="进入督办台").click()
    faults = {}
    for address in addresses:
        reply = phone.goto(site + address.format(item=quote(FINISH), sent=quote(sent["id"])))
        assert reply is not None
        assert reply.status == 200, address
        found = AXE.run(phone, options={"resultTypes": ["violations"]}).response["violations"]
        if found:
            faults[address] = [(each["id"], each["nodes"][0]["html"][:160]) for each in found]
    assert faults == {}


def ask_more_time(house: House) -> None:
    asked = requests.Asked("extension", "待审议", "已送审", {"until": "2026-12-10"})
    with house.portal.ledger.write("联络员甲") as writing:
        calendar = house.portal.office.calendar
        requests.ask(writing, FINISH, asked, actor="联络员甲", calendar=calendar)


def test_a_draft_stays_with_its_unit(house: House, site: str, phone: Page) -> None:
    phone.goto(f"{site}/u/{house.token('longhu')}")
    phone.locator(f'form[data-draft="{SHORT}"] textarea[name=progress]').fill("龙湖镇写到一半")
    phone.goto(f"{site}/u/{house.token('scjgj')}")
    phone.goto(f"{site}/unit/item?key={quote(FINISH)}")
    typed = phone.evaluate(
        "[].map.call(document.querySelectorAll('textarea'),function(t){return t.value}).join('')"
    )
    assert typed == ""


def test_nothing_new_in_two_taps(house: House, site: str, phone: Page) -> None:
    phone.goto(f"{site}/u/{house.token('longhu')}")
    phone.locator("details", has_text="纠纷人民调解").locator("summary").first.click()
    phone.locator(f'form[data-draft="{REPORT}"]').get_by_role("link", name="无变化").tap()
    phone.get_by_role("button", name="确认无变化").tap()
    phone.wait_for_url("**/unit/receipt**")
    assert house.submissions(REPORT)[0]["nil"] == 1


def test_two_versions_stand_side_by_side_on_a_phone(house: House, site: str, phone: Page) -> None:
    phone.goto(f"{site}/u/{house.token('longhu')}")
    phone.goto(f"{site}/unit/item?key={quote(SHORT)}")
    report(house.unit(), SHORT, percent="60", progress="另一人写的。")
    form = phone.locator(f'form[data-draft="{SHORT}"]')
    form.locator("input[name=percent]").fill("70")
    form.get_by_label("本期进展").fill("我写的。")
    form.get_by_role("button", name="提交报送").click()
    assert phone.get_by_text("另有一份已先报送").is_visible()
    assert phone.get_by_text("另一人写的。").is_visible()
    assert phone.locator("textarea[name=progress]").input_value() == "我写的。"
    assert not sideways(phone)
    phone.get_by_role("button", name="提交报送").click()
    phone.wait_for_url("**/unit/receipt**")
    assert [row["progress"] for row in house.submissions(SHORT)] == ["我写的。", "另一人写的。"]
