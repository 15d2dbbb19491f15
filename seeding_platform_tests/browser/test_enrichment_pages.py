"""The pages of enrichment in a real browser: no accessibility fault, nothing sticks out, narrow and wide, light and dark; a queue by keyboard."""

import socket
import threading
import time

import pytest
import uvicorn

from seeding_platform_tests.browser.test_cleaning_pages import faults
from seeding_platform_tests.browser.test_pages import Watched
from seeding_platform_tests.browser.test_pages import browser as browser
from seeding_platform_tests.service.conftest import facts_csv as facts_csv
from seeding_platform_tests.service.conftest import nothing_learned as nothing_learned
from seeding_platform_tests.service.conftest import place as place
from seeding_platform_tests.service.conftest import published as published
from seeding_platform_tests.service.conftest import service as service
from seeding_platform_tests.service.enriched_records import filled

pytestmark = pytest.mark.long
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
FOCUSED = "document.activeElement.id"


@pytest.fixture
def enriched(service):
    """(address, key of an operator) of a service with a day of enrichment."""
    bench = service.app.state.service.bench
    filled(bench.state, bench.settings, bench.now())
    key = service.key("operator")["Authorization"].removeprefix("Bearer ")
    server = uvicorn.Server(uvicorn.Config(service.app, log_level="error", lifespan="off"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [free]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{free.getsockname()[1]}", key
        server.should_exit = server.force_exit = True
        thread.join(timeout=30)


def test_no_accessibility_fault_and_nothing_sticks_out_narrow_and_wide_light_and_dark(browser, enriched):
    address, _ = enriched
    for theme, width in (("light", 1360), ("dark", 360), ("light", 360), ("dark", 1360), ("light", 900)):
        watched = Watched(browser, enriched, color_scheme=theme, viewport={"width": width, "height": 900})
        page = watched.sign_in()
        page.goto(f"{address}/en/enrichment/review")
        record = page.get_attribute(".review__one a.push", "href")
        for path in ("/en/enrichment?report=daily", "/nl/enrichment", "/en/enrichment/review#queue", record, record.replace("/en/", "/nl/", 1)):
            answer = page.goto(address + path)
            assert answer is None or answer.ok, path
            assert faults(page) == [], (path, theme, width)
            assert page.evaluate(SIDEWAYS) <= 0, (path, theme, width)
        assert watched.trouble == []
        watched.context.close()


def test_a_queue_is_worked_through_by_keyboard_alone(browser, enriched):
    address, _ = enriched
    watched = Watched(browser, enriched)
    page = watched.sign_in()
    page.goto(f"{address}/en/enrichment")
    page.click("text=Label what waits for a person")
    page.wait_for_url("**/review#queue")
    assert page.evaluate(FOCUSED) == "queue"

    def card() -> str:
        return page.input_value("#card [name=record]")

    def chosen() -> str | None:
        return page.evaluate("document.querySelector('#card [name=label]:checked')?.value ?? null")

    def pressed(key: str) -> None:
        """A key that loads the page anew; the list has the focus again afterwards."""
        before = page.evaluate("performance.timeOrigin")
        page.keyboard.press(key)
        page.wait_for_function("before => performance.timeOrigin !== before && document.activeElement.id === 'queue'", arg=before)

    first = card()
    page.keyboard.press("Enter")
    assert "Choose a label first" in page.inner_text("#queue-says")
    page.keyboard.press("5")
    assert chosen() == "damaged"
    assert "Chosen: Damaged. Enter confirms" in page.inner_text("#queue-says")
    page.keyboard.press("ArrowRight")
    assert chosen() == "duplicate_order"
    page.keyboard.press("u")
    assert chosen() is None
    page.keyboard.press("0")
    assert chosen() == "other"
    pressed("Enter")
    assert "is now: Something else." in page.inner_text("[role=status].notice")
    second = card()
    assert second != first
    pressed("u")
    assert (card(), chosen()) == (first, "other")
    page.keyboard.press("5")
    pressed("Enter")
    assert "is now: Damaged." in page.inner_text("[role=status].notice")
    assert card() == second
    pressed("ArrowDown")
    third = card()
    assert third != second
    pressed("k")
    assert card() == second
    pressed("s")
    assert card() == third
    # outside of the list no key means anything
    page.focus("#card [name=label] >> nth=0")
    page.keyboard.press("7")
    assert chosen() is None
    page.focus("main a >> nth=0")
    page.keyboard.press("s")
    assert (card(), page.evaluate(FOCUSED)) == (third, "")
    assert watched.trouble == []


def test_the_same_without_a_script(browser, enriched):
    address, key = enriched
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{address}/en/enrichment/review")
    page.fill("#key", key)
    page.click("button[type=submit]")
    page.click("text=Out of stock")
    page.click("button:has-text('Confirm')")
    assert "is now: Out of stock." in page.inner_text("#main")
    page.goto(f"{address}/en/enrichment")
    page.check("tbody [name=record] >> nth=0")
    page.click("text=Show what would be tried again")
    assert page.inner_text("h1") == "Try 1 again?"
    page.click("button:has-text('Try 1 again')")
    assert page.inner_text("h1") == "Enrichment"
    page.select_option("#p-stage", "automated_resolution")
    page.fill("#p-reason", "a new policy")
    page.click("button:has-text('Pause')")
    assert "a new policy" in page.inner_text("#pauses")
    page.click("button:has-text('Resume')")
    assert "Nothing is paused" in page.inner_text("#pauses")
