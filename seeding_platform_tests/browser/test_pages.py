"""The pages in a real browser: the journey of an analyst, no outside or failed request, no accessibility fault in either theme."""

import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from seeding_platform.analytics.facts import read_fact_table
from seeding_platform.service.serve import new_key
from seeding_platform.settings import project_root
from seeding_platform.storage import snapshots
from seeding_platform.storage.api_state import Role
from seeding_platform.storage.lake import Lake
from seeding_platform_tests.analytics.questions import oracle
from seeding_platform_tests.analytics.questions.test_questions import OWN
from seeding_platform_tests.places import place_in
from seeding_platform_tests.service.conftest import FIRST, LAST, NOW
from seeding_platform_tests.service.posts import ROWS, RULES, cleaned_into, raw_posts
from seeding_platform_tests.service.test_bias_pages import platforms
from seeding_platform_tests.service.test_table_pages import rows as orders

pytestmark = pytest.mark.long
EXPORTS = project_root() / "data" / "samples" / "exports"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--no-first-run"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(address, key) of a service of its own."""
    place = place_in(tmp_path_factory.mktemp("served"))
    path = place.root / "facts.csv"
    oracle.facts(**OWN, first=FIRST, last=LAST, seed=3).write_csv(path)
    snapshots.publish(read_fact_table(path), place.settings.serving, now=NOW)
    policies = place.root / "policies"
    policies.mkdir()
    (policies / "content_posts.yaml").write_text(RULES, encoding="utf-8")
    lake = Lake(place.settings.lake)
    cleaned_into(lake, raw_posts(("default", ROWS)), policies)
    for amounts in ({"a": 1, "b": 1}, {"a": 2, "c": 1}):
        lake.overwrite("raw/orders", orders(**amounts))
    for behind in (0.5, 0.7):
        lake.overwrite("quality/bias", platforms(behind))
    _, key = new_key(place.settings, role=Role.ADMIN, tenant="default", label="browser")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**place.environment, "SEEDING_PORT": str(port), "SEEDING_REQUESTS_PER_MINUTE": "100000", "SEEDING_HOOK_SECRET": "of tests"}
    environment["SEEDING_POLICIES"] = str(policies)
    process = subprocess.Popen([sys.executable, "-m", "seeding_platform.cli", "serve"], env=environment, stderr=subprocess.DEVNULL)
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


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        said = "no chromium on the PATH: `apt-get install chromium`"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


class Watched:
    """A page that remembers what went wrong on it."""

    def __init__(self, browser, served, **options) -> None:
        self.address, self.key = served
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.trouble: list[str] = []
        self.bytes = 0
        self.page.on("console", lambda m: self.trouble.append(f"console: {m.text}") if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.trouble.append(f"script: {e}"))
        self.page.on("requestfailed", lambda r: self.trouble.append(f"failed: {r.url}") if "ERR_ABORTED" not in str(r.failure) else None)
        self.page.on("request", lambda r: None if r.url.startswith(self.address) else self.trouble.append(f"outside: {r.url}"))

    def sign_in(self, lang: str = "en"):
        self.page.goto(f"{self.address}/{lang}/kpis")
        self.page.fill("#key", self.key)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"**/{lang}/kpis")
        return self.page


def test_an_analyst_uploads_looks_asks_and_downloads(browser, served):
    watched = Watched(browser, served, accept_downloads=True)
    page = watched.sign_in()
    assert page.locator(".tile").count() == 5
    page.click("nav.nav >> text=Upload")
    page.set_input_files(".drop input", EXPORTS / "google_nl.csv")
    page.locator(".badge--ok").first.wait_for(timeout=120_000)
    assert "12" in page.inner_text(".kv")
    page.set_input_files(".drop input", EXPORTS / "plain_slashed.csv")
    page.locator(".problem").wait_for(timeout=30_000)
    assert "could be day/month or month/day" in page.inner_text(".problem")
    page.click("nav.nav >> text=Ask")
    page.fill("#q", "spend by campaign in september 2026")
    page.press("#q", "Enter")
    page.locator("#ok").wait_for()
    assert "Herfstactie, 20% korting" in page.inner_text("table")
    with page.expect_download() as download:
        page.click("text=Download CSV")
    assert "Merk | Zoeken" in download.value.path().read_text(encoding="utf-8")
    page.fill("#q", "why is profit down")
    page.press("#q", "Enter")
    page.locator("#not_understood").wait_for()
    assert "profit" in page.inner_text(".chip--unknown >> nth=1") + page.inner_text(".chip--unknown >> nth=0")
    page.click("#not_understood .chip:not(.chip--unknown)")
    page.locator("#ok").wait_for()
    assert [t for t in watched.trouble if "422" not in t] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "/en/overview",
        "/en/kpis",
        "/nl/ask?question=uitgaven+per+platform+vorige+maand",
        "/en/ask?question=profit",
        "/nl/watch",
        "/en/dashboards",
        "/en/upload",
        "/en/runs",
        "/en/sign-in",
    ],
)
def test_no_accessibility_fault(browser, served, path, theme):
    from axe_playwright_python.sync_playwright import Axe

    watched = Watched(browser, served, color_scheme=theme)
    page = watched.sign_in()
    page.goto(served[0] + path)
    found = Axe().run(page).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found] == []
    assert watched.trouble == []


@pytest.mark.parametrize("width", [360, 768, 1360])
@pytest.mark.parametrize(
    "path",
    [
        "/nl/overview",
        "/en/kpis",
        "/nl/ask?question=CAC+per+campagne+vorige+maand+vs+de+vorige+periode",
        "/nl/watch",
        "/en/dashboards",
        "/nl/upload",
        "/en/runs",
    ],
)
def test_nothing_sticks_out(browser, served, path, width):
    watched = Watched(browser, served, viewport={"width": width, "height": 800})
    page = watched.sign_in()
    page.goto(served[0] + path)
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0


def test_an_analyst_keeps_things_and_drills_down(browser, served):
    watched = Watched(browser, served)
    page = watched.sign_in()
    page.click("#rows tbody a >> nth=0")
    page.wait_for_url("**only=platform*")
    page.click("#rows tbody a >> nth=0")
    page.wait_for_url("**only=campaign*")
    assert page.locator(".chips .chip").count() == 2
    page.goto(served[0] + "/en/watch")
    page.select_option("#a-m", "cac")
    page.fill("#a-v", "0.01")
    page.click("text=Add limit")
    page.locator("text=passed since").wait_for()
    page.fill("#n-d", page.get_attribute(".ctx time", "datetime"))
    page.fill("#n-t", "Sale began")
    page.click("text=Add note")
    page.locator("td:has-text('Sale began')").wait_for()
    page.fill("#x-n", "spend")
    page.fill("#x-en", "spend")
    page.fill("#x-nl", "uitgaven")
    page.click("text=Add ratio")
    page.locator("#said >> text=shipped figure").wait_for()
    page.goto(served[0] + "/en/kpis")
    assert page.locator(".note-dot").count() >= 1
    page.goto(served[0] + "/en/overview")
    assert "CAC" in page.inner_text("#needs >> xpath=ancestor::section")
    page.goto(served[0] + "/en/dashboards")
    page.fill("#d-title", "Monday")
    page.fill("#d-q", "spend by platform last 30 days\nwhy is it so")
    page.click("text=Make dashboard")
    page.click("td >> text=Monday" if page.locator("td >> text=Monday").count() else "a:has-text('Monday')")
    page.click("text=Share by a link")
    page.locator("#link a").wait_for()
    shared = page.get_attribute("#link a", "href")
    stranger = Watched(browser, served)
    stranger.page.goto(served[0] + shared)
    assert "Google" in stranger.page.inner_text("main")
    assert [t for t in watched.trouble if "422" not in t] == []
    assert stranger.trouble == []


def test_a_run_is_started_and_watched_live(browser, served):
    watched = Watched(browser, served)
    page = watched.sign_in()
    page.goto(served[0] + "/en/runs")
    page.click("text=Make KPIs again")
    page.locator("#live .badge--ok, #live .badge--failed").first.wait_for(timeout=90_000)
    assert "The run " in page.inner_text(".log")
    assert watched.trouble == []


def test_first_paint_and_bytes(browser, served, record_property):
    """Measured, not judged by the clock: what a first visit transfers, and that it stays small."""
    watched = Watched(browser, served)
    session = watched.context.new_cdp_session(watched.page)
    session.send("Network.enable")
    seen: list[float] = []
    session.on("Network.loadingFinished", lambda e: seen.append(e["encodedDataLength"]))
    page = watched.sign_in()
    page.wait_for_load_state("networkidle")
    first = sum(seen)  # the page to sign in and the first page behind it, nothing cached
    seen.clear()
    page.reload()
    page.wait_for_load_state("networkidle")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    record_property("first_contentful_paint_ms", paint)
    record_property("bytes_first_visit", first)
    record_property("bytes_again", sum(seen))
    print(f"first contentful paint {paint:.0f} ms; transferred {first / 1000:.0f} kB at first, {sum(seen) / 1000:.0f} kB again")
    assert first < 400_000
    assert sum(seen) < first


def test_the_theme_that_was_chosen_stays(browser, served):
    page = Watched(browser, served, color_scheme="light").sign_in()
    page.click("[data-set-theme=dark]")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.get_attribute("[data-set-theme=dark]", "aria-pressed") == "true"
