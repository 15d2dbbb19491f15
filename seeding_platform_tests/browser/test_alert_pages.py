"""Alerts and webhooks in a real browser: no accessibility fault, nothing sticks out, and every form works without a script."""

import datetime as dt
import socket
import subprocess
import sys
import time

import pytest

from seeding_platform.monitoring import Alert, AlertDesk, Severity
from seeding_platform.service.serve import new_key
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.state import State
from seeding_platform_tests.browser.test_cleaning_pages import faults
from seeding_platform_tests.browser.test_governance_pages import SIDEWAYS
from seeding_platform_tests.browser.test_pages import browser as browser
from seeding_platform_tests.monitoring.conftest import outside as outside
from seeding_platform_tests.places import place_in

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(address, key) of a service with three alerts."""
    place, now = place_in(tmp_path_factory.mktemp("alerts")), dt.datetime.now(dt.UTC)
    place.settings.state.mkdir(parents=True, exist_ok=True)
    _, key = new_key(place.settings, role=Role.ADMIN, tenant="default", label="browser")
    with State.open(place.settings.state_url) as state:
        desk = AlertDesk(state, place.settings)
        drift = {"column": "tenure", "value": 0.31, "limit": 0.2}
        low = {"metric": "auc", "value": 0.61, "floor": 0.7}
        desk.raise_(Alert(rule="model.drift", tenant="default", subject="model/churn", evidence=drift), now=now)
        desk.raise_(Alert(rule="model.below_floor", tenant="default", subject="model/roi", severity=Severity.CRITICAL, evidence=low), now=now)
        over = desk.raise_(Alert(rule="quality.gate_closed", tenant="", subject="quality/orders", evidence={"why": ["score"]}), now=now)
        desk.resolve(over.alert_id, actor="cli", now=now)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"SEEDING_PORT": str(port), "SEEDING_REQUESTS_PER_MINUTE": "100000", "SEEDING_PRIVATE_ADDRESSES": "true"}
    process = subprocess.Popen([sys.executable, "-m", "seeding_platform.cli", "serve"], env={**place.environment, **told}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", key
    finally:
        process.terminate()
        process.wait(timeout=60)


def signed_in(browser, served, **options):
    page = browser.new_context(**options).new_page()
    page.goto(f"{served[0]}/en/alerts")
    page.fill("#key", served[1])
    page.click("button[type=submit]")
    page.wait_for_url("**/en/alerts")
    return page


def test_everything_is_done_without_a_script_and_without_a_fault(browser, served, outside):
    page = signed_in(browser, served, java_script_enabled=False)
    assert "2 alerts are open" in page.inner_text("main")
    page.click("text=The data of churn has drifted")
    page.click("button:has-text('Take it on')")
    page.locator("text=Taken on by browser").first.wait_for()
    page.select_option("#hours", "8")
    page.click("button:has-text('Mute it')")
    page.locator("text=Muted by browser").first.wait_for()
    page.click("button:has-text('It is over')")
    page.locator("text=This alert is over").wait_for()
    page.click("nav.nav >> text=Webhooks")
    page.fill("#url", "nonsense")
    page.click("button:has-text('Make the webhook')")
    assert "not talked to" in page.inner_text("#url-e")
    page.fill("#url", f"{outside.url}/mine")
    page.click("button:has-text('Make the webhook')")
    assert page.inner_text("pre").startswith("whsec_")
    page.click("text=I have copied it")
    page.click("button:has-text('Try it')")
    page.locator("td:has-text('200')").first.wait_for()
    page.click("button:has-text('Send again')")
    page.locator("text=webhook.test").first.wait_for()
    assert len(outside.web.got) == 2
    page.click("button:has-text('New secret')")
    page.locator("text=The old secret signs too").first.wait_for()

    for width, theme, paths in ((360, "light", ("/nl/alerts", "one")), (1360, "dark", ("/en/alerts?state=resolved", "/en/webhooks"))):
        seeing = signed_in(browser, served, color_scheme=theme, viewport={"width": width, "height": 800})
        one = seeing.get_attribute("tbody a", "href")
        for path in paths:
            seeing.goto(served[0] + (one if path == "one" else path))
            if path == "/en/webhooks":
                seeing.click("tbody a >> nth=0")
            assert faults(seeing) == [], (path, width)
            assert seeing.evaluate(SIDEWAYS) <= 0, (path, width)
