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

from portal_home import FINISH, KEY, REPORT, SHORT, House, open_house, report

CHROMIUM = "/usr/bin/chromium"
pytestmark = pytest.mark.browser
if not Path(CHROMIUM).exists() and os.environ.get("CI") != "true":
    pytest.skip(f"no Chromium at {CHROMIUM}", allow_module_level=True)

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

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
        page.get_by_label("经办人姓名").fill("李明")
        page.get_by_role("button", name="进入督办台").click()
        page.goto(f"{site}/office/review")
        page.get_by_role("button", name="通过并销号").first.click()
        page.wait_for_url("**/office/review?said=1-0")
    assert house.submissions(SHORT)[0]["percent"] == 100
    (nil,) = house.submissions(REPORT)
    assert (nil["nil"], nil["state"], nil["reviewer"]) == (1, "accepted", "李明")


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
        page.fill("#name", "李明")
        page.get_by_role("button", name="进入督办台").click()
        page.goto(f"{site}/u/{house.token('scjgj')}")
        for address in (
            "/unit", f"/unit/item?key={quote(FINISH)}", f"/unit/extend?key={quote(FINISH)}",
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
