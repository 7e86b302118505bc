"""The review desk in a real Chromium: on a phone, by keys, and without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portal_home import KEY, REPORT, SHORT, House, report
from test_portal_browser import (  # fixtures are found by their names here
    NARROW,
    PHONE,
    chromium,
    house,
    sideways,
    site,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["chromium", "house", "site"]
pytestmark = pytest.mark.browser
WIDE = {"width": 1280, "height": 900}


def signed_in(page: Page, site: str) -> Page:
    page.goto(f"{site}/office/login")
    page.fill("input[name=key]", KEY)
    page.fill("input[name=name]", "经办人甲")
    page.click("main form button")
    return page


def waiting(house: House) -> None:
    unit = house.unit()
    report(unit, REPORT, progress="很长的一段进展" * 40 + "W" * 300)
    report(unit, SHORT, percent="100")


def test_on_a_phone_list_and_report_take_turns_without_javascript(
    house: House, site: str, chromium: Browser
) -> None:
    waiting(house)
    with chromium.new_context(viewport=PHONE, java_script_enabled=False) as context:  # type: ignore[arg-type]
        page = signed_in(context.new_page(), site)
        page.goto(f"{site}/office/review")
        assert page.locator(".queue").is_visible()
        assert not page.locator("#one").is_visible()
        page.click(".queue li:first-child a")
        assert page.locator("#one").is_visible()
        page.select_option("#template", index=1)
        page.get_by_role("button", name="退回补正").click()
        assert page.get_by_text("已退回1件").is_visible()
        assert page.get_by_text("第1件，共1件").is_visible()  # the next one
    assert [house.row(key)["state"] for key in (REPORT, SHORT)] == ["returned", "submitted"]


@pytest.mark.parametrize("viewport", [PHONE, NARROW, WIDE], ids=["phone", "narrow", "wide"])
def test_nothing_scrolls_sideways(
    house: House, site: str, chromium: Browser, viewport: dict[str, int]
) -> None:
    waiting(house)
    with chromium.new_context(viewport=viewport) as context:  # type: ignore[arg-type]
        page = signed_in(context.new_page(), site)
        for address in ("review", f"review?at={SHORT}%231", "review/done", "requests"):
            page.goto(f"{site}/office/{address}")
            assert not sideways(page), address


def test_the_desk_goes_by_keys(house: House, site: str, chromium: Browser) -> None:
    waiting(house)
    with chromium.new_context(viewport=WIDE) as context:  # type: ignore[arg-type]
        page = signed_in(context.new_page(), site)
        page.goto(f"{site}/office/review")
        page.keyboard.press("j")
        page.get_by_text("第2件，共2件").wait_for()
        page.keyboard.press("r")
        page.keyboard.type("jka")  # in a field these are letters
        assert page.input_value("#reason") == "jka"
        page.keyboard.press("Escape")
        page.keyboard.press("k")
        page.get_by_text("第1件，共2件").wait_for()
        page.keyboard.press("a")
        page.get_by_text("已通过1件").wait_for()
    assert [house.row(key)["state"] for key in (REPORT, SHORT)] == ["closed", "submitted"]
