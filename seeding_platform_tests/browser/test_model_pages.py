"""The pages of models in a real browser: no accessibility fault, nothing sticks out, narrow and wide, light and dark; a rollback without a script."""

import socket
import threading
import time

import pytest
import uvicorn

from seeding_platform.models.operations.checking import Data, checked
from seeding_platform.models.spec import shipped_spec
from seeding_platform.storage.ml.standing import Measurement
from seeding_platform_tests.browser.test_cleaning_pages import faults
from seeding_platform_tests.browser.test_pages import Watched
from seeding_platform_tests.browser.test_pages import browser as browser
from seeding_platform_tests.service.conftest import facts_csv as facts_csv
from seeding_platform_tests.service.conftest import nothing_learned as nothing_learned
from seeding_platform_tests.service.conftest import place as place
from seeding_platform_tests.service.conftest import published as published
from seeding_platform_tests.service.conftest import service as service
from seeding_platform_tests.service.test_model_pages import CHURN
from seeding_platform_tests.service.test_models import customers, trained

pytestmark = pytest.mark.long
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def modelled(service):
    """(address, key) of a service with two versions of a model, drift, an alert, and a training under way."""
    bench = service.app.state.service.bench
    trained(service, customers())
    grown = customers(turned=True, seed=2)
    trained(service, grown)
    checked(bench, CHURN, shipped_spec("churn"), Data("customers@2", lambda: 600, lambda: customers(seed=9)), ask=False)
    bench.alert("performance_drop", CHURN, value=0.8, rows=150)
    operator = service.key("operator")
    assert service.post("/api/v1/ml/retraining-jobs", json={"models": ["churn"]}, headers=operator).status_code == 202
    job = bench.jobs.active(CHURN)
    bench.jobs.claim(job.job_id, run_id="r", now=bench.now())
    bench.at_stage(job, "fit")
    server = uvicorn.Server(uvicorn.Config(service.app, log_level="error", lifespan="off"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [free]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{free.getsockname()[1]}", operator["Authorization"].removeprefix("Bearer ")
        server.should_exit = server.force_exit = True
        thread.join(timeout=30)


def test_every_page_of_models_in_both_themes_narrow_and_wide_and_a_rollback_without_a_script(browser, modelled):
    address, key = modelled
    for theme, width in (("light", 1360), ("dark", 360), ("light", 360), ("dark", 1360), ("light", 900)):
        watched = Watched(browser, modelled, color_scheme=theme, viewport={"width": width, "height": 900})
        page = watched.sign_in()
        for path in ("/en/models", "/nl/models/churn"):
            page.goto(address + path)
            assert faults(page) == [], (path, theme, width)
            assert page.evaluate(SIDEWAYS) <= 0, (path, theme, width)
        assert watched.trouble == []
        watched.context.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/en/models/churn")
    page.fill("#key", key)
    page.click("button[type=submit]")
    page.fill("#back-r", "worse")
    page.click("text=Show what changes")
    assert "Roll churn back to version 1?" in page.inner_text("h1")
    page.click("button:has-text('Roll back to version 1')")
    assert "worse" in page.inner_text("#main")
    assert page.inner_text(".figures dd >> nth=0") == "1"


def test_every_part_follows_what_happens_and_what_was_chosen_or_unfolded_stays(browser, modelled, service):
    watched = Watched(browser, modelled, viewport={"width": 1360, "height": 900})
    page = watched.sign_in()
    page.goto(f"{modelled[0]}/en/models/churn")
    page.click("summary:has-text('All figures')")
    bench = service.app.state.service.bench
    live = Measurement(measurement_id="live:1", whose=CHURN, version="2", source="live", metric="auc", value=0.8123, rows=150, at=bench.now())
    bench.standings.measured(live)
    back = service.post("/api/v1/ml/rollback", json={"model": "churn", "reason": "worse than it was"}, headers=service.key("operator"))
    assert back.status_code == 201
    page.locator("#live details td:has-text('0.812')").wait_for()
    assert page.locator("#live details").get_attribute("open") is not None
    page.locator("#live-more td:has-text('worse than it was')").wait_for()
    page.locator("#live-sides th:has-text('Version 1') >> nth=0").wait_for()
    page.select_option("#side-a", "2")
    page.mouse.click(5, 5)
    again = {"model": "churn", "version": "2", "reason": "the other way"}
    assert service.post("/api/v1/ml/deployments", json=again, headers=service.key("operator")).status_code == 201
    page.locator("#live-more td:has-text('the other way')").wait_for()
    assert page.input_value("#side-a") == "2"
    assert watched.trouble == []
    watched.context.close()
