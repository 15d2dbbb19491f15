"""The pages of engines in a real browser: no accessibility fault, nothing sticks out, a change appears by itself, every deed without a script."""

import pytest

from seeding_platform_tests.browser.test_cleaning_pages import faults
from seeding_platform_tests.browser.test_governance_pages import SIDEWAYS
from seeding_platform_tests.browser.test_pages import Watched
from seeding_platform_tests.browser.test_pages import browser as browser
from seeding_platform_tests.service.conftest import facts_csv as facts_csv
from seeding_platform_tests.service.conftest import nothing_learned as nothing_learned
from seeding_platform_tests.service.conftest import place as place
from seeding_platform_tests.service.conftest import published as published
from seeding_platform_tests.service.conftest import service as service
from seeding_platform_tests.service.fed_engines import BEHIND, DEAD, ENGINE, TENANT, UNBUILT, filled, tried
from seeding_platform_tests.service.served import served as serving

pytestmark = pytest.mark.long


@pytest.fixture
def engines(service):
    """(address, key of an admin) of a service whose engines have lived for a while."""
    inside = service.app.state.service
    filled(inside.delivering.publisher, now=inside.now())
    key = service.key("admin", TENANT)["Authorization"].removeprefix("Bearer ")
    with serving(service.app) as address:
        yield address, key


def signed_in(watched, lang="en"):
    """At the page Engines: this organisation has no facts, where others begin."""
    watched.page.goto(f"{watched.address}/{lang}/engines")
    watched.page.fill("#key", watched.key)
    watched.page.click("button[type=submit]")
    watched.page.wait_for_url(f"**/{lang}/engines")
    return watched.page


def test_no_accessibility_fault_and_nothing_sticks_out_narrow_and_wide_light_and_dark(browser, engines):
    address, _ = engines
    for theme, width, lang in (("light", 1360, "en"), ("dark", 360, "nl"), ("light", 360, "en"), ("dark", 900, "en")):
        watched = Watched(browser, engines, color_scheme=theme, viewport={"width": width, "height": 900})
        page = signed_in(watched, lang)
        for path in ("", *(f"/{name}" for name in (ENGINE, DEAD, BEHIND, UNBUILT)), "/dead-letters"):
            answer = page.goto(f"{address}/{lang}/engines{path}")
            assert answer.ok, path
            assert faults(page) == [], (path, theme, width)
            assert page.evaluate(SIDEWAYS) <= 0, (path, theme, width)
        page.goto(f"{address}/{lang}/engines/{ENGINE}")
        page.click("button[value=rollback]")
        page.locator("#to").wait_for()
        assert faults(page) == []
        assert watched.trouble == []
        watched.context.close()


def test_a_change_appears_by_itself(browser, engines, service):
    watched = Watched(browser, engines)
    page = signed_in(watched)
    assert "12 of 15" in page.inner_text("main")
    inside = service.app.state.service
    tried(inside.delivering.publisher, now=inside.now())
    page.locator("text=14 of 15 engines").wait_for(timeout=30_000)
    assert "One is behind." in page.inner_text("main")
    assert watched.trouble == []


def test_everything_is_done_without_a_script(browser, engines):
    address, key = engines
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{address}/en/engines")
    page.fill("#key", key)
    page.click("button[type=submit]")
    page.click(f"#engine-{ENGINE} button[value=rollback]")
    page.fill("#why", "the figures fell")
    page.click("button:has-text('Roll back ContentPerformanceML')")
    page.wait_for_url(f"**/engines/{ENGINE}")
    assert "the figures fell" in page.inner_text("main")
    page.goto(f"{address}/en/engines/dead-letters")
    page.check("[name=delivery] >> nth=0")
    page.click("button:has-text('Send what is chosen again')")
    assert "1 were sent again." in page.inner_text("main")
    page.goto(f"{address}/en/engines/{UNBUILT}")
    page.select_option("#n-kind", "folder")
    page.fill("#n-target", "research/in")
    page.click("button:has-text('Add the address')")
    assert page.inner_text("pre").startswith("whsec_")
    page.click("text=I have copied it")
    page.click("button[value=remove]")
    assert "Nothing has been done yet" in page.inner_text("main")
    page.click("button:has-text('Take away') >> nth=0")
    page.wait_for_url("**#endpoints")
    assert "research/in" not in page.inner_text("#main")
