"""The pages of governance in a real browser: no accessibility fault, nothing sticks out, and every form works without a script."""

import pytest

from seeding_platform_tests.browser.test_cleaning_pages import faults
from seeding_platform_tests.browser.test_pages import Watched
from seeding_platform_tests.browser.test_pages import browser as browser
from seeding_platform_tests.browser.test_pages import served as served
from seeding_platform_tests.depth import LOOKS

pytestmark = pytest.mark.long
PAGES = [
    "/en/privacy",
    "/nl/privacy",
    "/en/audit",
    "/nl/audit?outcome=ok",
    "/en/audit/1",
    "/en/settings",
    "/nl/settings/quality.gate?scope=orders",
    "/nl/tables",
    "/en/tables/raw/orders/history?version=0",
    "/nl/quality/bias",
    "/en/people",
    "/nl/people",
]
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize(("width", "theme"), LOOKS)
@pytest.mark.parametrize("path", PAGES)
def test_no_accessibility_fault_narrow_and_wide(browser, served, path, width, theme):
    watched = Watched(browser, served, color_scheme=theme, viewport={"width": width, "height": 800})
    page = watched.sign_in()
    page.goto(served[0] + path)
    assert faults(page) == []
    assert page.evaluate(SIDEWAYS) <= 0
    assert watched.trouble == []


def without_script(browser, served, **options):
    """A person whose browser runs no script, signed in."""
    context = browser.new_context(java_script_enabled=False, **options)
    page = context.new_page()
    page.goto(f"{served[0]}/en/kpis")
    page.fill("#key", served[1])
    page.click("button[type=submit]")
    page.wait_for_url("**/en/kpis")
    return page


def test_a_request_is_taken_without_a_script(browser, served):
    page = without_script(browser, served)
    page.click("nav.nav >> text=Privacy requests")
    page.check("input[value=erase]")
    page.fill("#v-0", "x")
    page.click("text=Take the request")
    assert "too short or too plain" in page.inner_text("#v-0-e")
    assert page.input_value("#v-0") == "x"
    page.fill("#v-0", "jan.browser@planted.example")
    page.click("text=More rows")
    assert page.locator("input[name=value]").count() == 6
    page.click("text=Take the request")
    page.locator("h1 >> text=Erase this person?").wait_for()
    page.click("button:has-text('Back')")
    assert page.input_value("#v-0") == "jan.browser@planted.example"
    page.click("text=Take the request")
    page.click("text=Erase everywhere")
    page.locator(".steps").wait_for()
    assert "planted" not in page.url + page.content()


@pytest.mark.parametrize("width", [360, 1360])
def test_a_request_is_followed_to_its_certificate(browser, served, width):
    watched = Watched(browser, served, accept_downloads=True, viewport={"width": width, "height": 800})
    page = watched.sign_in()
    page.goto(served[0] + "/en/privacy")
    page.check("input[value=erase]")
    page.fill("#v-0", f"an{width}@planted.example")
    page.click("text=Take the request")
    assert faults(page) == []
    assert page.evaluate(SIDEWAYS) <= 0
    page.click("text=Erase everywhere")
    page.locator("text=The signature is ours and holds").wait_for(timeout=90_000)  # the service looks every half minute
    assert faults(page) == []
    assert page.evaluate(SIDEWAYS) <= 0
    with page.expect_download() as download:
        page.click("text=Download certificate")
    assert '"residue": 0' in download.value.path().read_text(encoding="utf-8").replace(":0", ": 0")
    assert watched.trouble == []


def test_the_log_is_verified_without_a_script(browser, served):
    page = without_script(browser, served)
    page.click("nav.nav >> text=Audit log")
    page.click("text=Verify now")
    page.locator("text=are as they were written").wait_for()
    page.fill("#f-a", "audit.verify")
    page.click("button:has-text('Show')")
    page.wait_for_url("**action=audit.verify**")
    page.click("tbody a >> nth=0")
    assert '"ok": true' in page.inner_text("pre >> nth=0")


def test_a_rule_is_changed_and_returned_to_without_a_script(browser, served):
    page = without_script(browser, served)
    page.click("nav.nav >> text=Schedules and rules")
    page.click("text=Gate of a table")
    page.select_option("#scope", "orders")
    page.click("button:has-text('Show') >> nth=0")
    page.wait_for_url("**scope=orders")
    page.fill("#s-1", "7")
    page.click("text=Show what changes")
    assert "At most 1" in page.inner_text("#s-1-e")
    page.fill("#s-1", "0.9")
    page.click("text=Show what changes")
    assert "0.90" in page.inner_text("ins")
    page.click("text=Save this change")
    assert "Say why" in page.inner_text("#reason-e")
    page.fill("#reason", "the shop sends every cell")
    page.click("text=Show what changes")
    page.click("text=Save this change")
    page.locator("text=the shop sends every cell").wait_for()
    assert page.input_value("#s-1") == "0.9"
    page.click("text=Return to this")
    page.locator("text=returned to version 0").wait_for()
    assert page.input_value("#s-1") == "0.8"


def test_a_version_is_put_in_force_again_without_a_script(browser, served):
    page = without_script(browser, served)
    page.click("nav.nav >> text=Versions of tables")
    page.click("text=raw/orders")
    page.click("a:has-text('Compare')")
    page.click("button:has-text('Put version 0 in force again')")
    assert "Say why" in page.inner_text("#reason-e")
    page.fill("#reason", "half a load")
    page.click("button:has-text('Put version 0 in force again')")
    page.locator("td:has-text('Put in force again')").wait_for(timeout=60_000)
    page.goto(f"{served[0]}/en/audit?action=table.restore")
    assert "raw/orders" in page.inner_text("tbody")
