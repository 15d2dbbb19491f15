"""The pages of cleaning in a real browser: no accessibility fault, nothing sticks out, a rule undone and records told apart by hand."""

import pytest

from seeding_platform_tests.browser.test_pages import Watched
from seeding_platform_tests.browser.test_pages import browser as browser
from seeding_platform_tests.browser.test_pages import served as served
from seeding_platform_tests.depth import LOOKS

pytestmark = pytest.mark.long
TABLE = "quality/cleaning/content_posts"
PAGES = ["/en/quality/cleaning", f"/nl/{TABLE}", f"/en/{TABLE}?repairs=url_lower", f"/en/{TABLE}/clusters", f"/nl/{TABLE}/clusters?kind=semantic"]


def faults(page) -> list[tuple[str, list[list[str]]]]:
    """What axe finds on a page, with the first places."""
    from axe_playwright_python.sync_playwright import Axe

    return [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in Axe().run(page).response["violations"]]


@pytest.mark.parametrize(("width", "theme"), LOOKS)
@pytest.mark.parametrize("path", PAGES)
def test_no_accessibility_fault_narrow_and_wide(browser, served, path, width, theme):
    watched = Watched(browser, served, color_scheme=theme, viewport={"width": width, "height": 800})
    page = watched.sign_in()
    page.goto(served[0] + path)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert watched.trouble == []


@pytest.mark.parametrize("width", [768, 1100])
@pytest.mark.parametrize("path", PAGES)
def test_nothing_sticks_out_in_between(browser, served, path, width):
    page = Watched(browser, served, viewport={"width": width, "height": 800}).sign_in()
    page.goto(served[0] + path)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_rule_is_undone_and_records_are_told_apart_by_hand(browser, served):
    watched = Watched(browser, served)
    page = watched.sign_in()
    page.click("nav.nav >> text=Cleaning")
    page.click("a:has-text('content_posts')")
    page.click("tr:has-text('url_lower') button")
    page.click("tr:has-text('url_lower') button:has-text('Apply again')")
    page.locator("tr:has-text('url_lower') button:has-text('Undo this rule')").wait_for()
    assert "url_lower was applied again" in page.inner_text(".log")
    page.click("text=Look at the clusters")
    assert page.locator("ins, del").count() >= 1
    page.click("button:has-text('These are not the same')")
    page.locator("text=Put apart").wait_for()
    page.click("button:has-text('Take back')")
    page.locator("button:has-text('These are not the same')").wait_for()
    page.fill("#p-one", "P-3")
    page.fill("#p-other", "P-9")
    page.click("button:has-text('These are the same')")
    page.locator("#said >> text=no record 'P-9'").wait_for()
    page.fill("#p-other", "P-4")
    page.click("button:has-text('These are the same')")
    page.locator("td:has-text('waits for the next cleaning')").wait_for()
    assert faults(page) == []  # with decisions and changes on it
    page.goto(f"{served[0]}/en/{TABLE}")
    assert faults(page) == []
    assert [t for t in watched.trouble if "422" not in t] == []
