"""Alerts and webhooks as pages: what waits stands first, every deed is a form, and a secret is on the one page that makes it."""

import re

import pytest

from seeding_platform.monitoring import RULES, Alert, emit
from seeding_platform.service.adjustables import SETTINGS
from seeding_platform.service.pages.render import words
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform_tests.monitoring.conftest import outside
from seeding_platform_tests.service.pages import Pages

__all__ = ["outside"]


@pytest.fixture
def shared(service):
    return service.app.state.service


def drift(shared, tenant="default", subject="model/churn", **more):
    told = {"column": "tenure", "value": 0.31, "limit": 0.2}
    return shared.desk.raise_(Alert(rule="model.drift", tenant=tenant, subject=subject, evidence=told, **more), now=shared.now())


def test_what_is_open_stands_first_in_ones_own_language(service, shared):
    made = drift(shared)
    drift(shared, "other", "model/theirs")
    page = Pages(service, "viewer")
    english, dutch = page.get("/en/alerts"), page.get("/nl/alerts")
    assert "The data of churn has drifted" in english
    assert "De gegevens van churn zijn verschoven" in dutch
    assert "model/theirs" not in english
    assert f"/en/alerts/{made.alert_id}#todo" in english
    assert "One alert is open" in english
    assert "Nothing is muted" in page.get("/en/alerts?state=muted")
    assert "has drifted" not in page.get("/en/alerts?severity=critical")
    assert "has drifted" in page.get("/en/alerts?state=nonsense&severity=x"), "what it does not know it leaves out"


def test_one_alert_shows_its_evidence_what_to_do_and_what_became_of_it(service, shared):
    made = drift(shared)
    text = Pages(service, "viewer").get(f"/en/alerts/{made.alert_id}")
    assert "tenure" in text
    assert "0.3100" in text
    assert RULES["model.drift"].todo["en"] in text
    assert "docs/alerts.md#modeldrift" in text
    assert "Analysts and above may take it on" in text
    assert "<form" not in text.partition('id="act"')[2]


def test_it_is_taken_on_muted_and_ended_by_forms(service, shared):
    made, page = drift(shared), Pages(service, "analyst")
    here = f"/en/alerts/{made.alert_id}"
    assert page.send(here, step="acknowledge").status_code == 303
    assert "Taken on by test" in page.get(here)
    assert page.send(here, step="mute", hours="8").status_code == 303
    assert "Muted by" in page.get(here)
    assert page.send(here, step="mute", hours="9").status_code == 422
    assert page.send(here, step="nonsense").status_code == 422
    assert page.send(here, step="resolve").status_code == 303
    again = page.send(here, step="resolve")
    assert (again.status_code, "This alert is over" in again.text) == (409, True)
    assert shared.desk.alerts.one(made.alert_id).resolved_by == "analystdefault"
    assert "has drifted" in page.get("/en/alerts?state=resolved")


def test_a_form_from_elsewhere_does_nothing(service, shared):
    made, page = drift(shared), Pages(service, "analyst")
    assert page.send(f"/en/alerts/{made.alert_id}", step="resolve", csrf="wrong").status_code == 403
    assert shared.desk.alerts.one(made.alert_id).state == "open"


def test_what_is_not_ones_own_is_not_there(service, shared):
    theirs, page = drift(shared, "other"), Pages(service, "analyst")
    assert "There is no such alert" in page.get(f"/en/alerts/{theirs.alert_id}", status=404)
    assert page.send(f"/en/alerts/{theirs.alert_id}", step="resolve").status_code == 404
    assert shared.desk.alerts.one(theirs.alert_id).state == "open"


def test_earlier_times_are_led_to(service, shared):
    first = drift(shared)
    shared.desk.clear("model.drift", "default", "model/churn", now=shared.now())
    second = drift(shared)
    text = Pages(service, "viewer").get(f"/en/alerts/{second.alert_id}")
    assert f'href="/en/alerts/{first.alert_id}"' in text
    assert "Ended by the platform" in text


def test_the_overview_leads_to_what_is_open(service, shared):
    made, theirs = drift(shared), drift(shared, "other", "model/theirs")
    shared.desk.raise_(Alert(rule="quality.gate_closed", tenant="", subject="quality/orders"), now=shared.now())
    text = Pages(service, "viewer").get("/en/overview")
    assert f"alerts/{made.alert_id}" in text
    assert theirs.alert_id not in text
    assert "The gate of quality/orders is closed" not in text
    assert "The gate of quality/orders is closed" in Pages(service, "operator").get("/en/overview")
    shared.desk.acknowledge(made.alert_id, actor="k", now=shared.now())
    assert f"alerts/{made.alert_id}" not in Pages(service, "viewer").get("/en/overview")


def test_what_is_written_by_people_is_shown_as_text(service, shared):
    shared.desk.raise_(
        Alert(rule="kpi.limit", tenant="default", subject="alert-rule/x@1", title="<script>x</script>", says="<b>", channels=()), now=shared.now()
    )
    assert "<script>x" not in Pages(service, "viewer").get("/en/alerts")


def test_routes_are_edited_as_lines(service, shared):
    page, here = Pages(service, "steward"), "/en/settings/alerts.routes"
    assert "Who is told of alerts" in page.get(here)
    change = {"values": {"routes": ["critical -> pager", "* -> slack"], "repeat_hours": 6, "lang": "nl"}, "reason": "nights"}
    answer = service.put("/api/v1/settings/alerts.routes", json=change, headers=service.key("steward"))
    assert answer.status_code == 200
    text = page.get(here)
    assert "critical -&gt; pager" in text
    assert "* -&gt; slack" in text
    assert Adjusted(shared.state).value(SETTINGS["alerts.routes"]).repeat_hours == 6


# webhooks


@pytest.fixture
def hooked(shared, outside):
    shared.settings = shared.settings.model_copy(update={"private_addresses": True})
    return f"{outside.url}/mine"


def test_a_webhook_is_made_tried_and_its_secret_is_shown_once(service, hooked, outside):
    page = Pages(service, "steward")
    assert "No other system is told anything" in page.get("/en/webhooks")
    wrong = page.send("/en/webhooks", step="create", address="")
    assert (wrong.status_code, "Give an address" in wrong.text, "Choose at least one" in wrong.text) == (422, True, True)
    made = page.send("/en/webhooks", step="create", address=hooked, event=["run.finished", "alert.opened"])
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", made.text)[0]
    named = re.search(r"wh_[0-9a-f]{16}", made.text)[0]
    assert secret not in page.get(f"/en/webhooks?webhook={named}")
    tried = page.send("/en/webhooks", step="test", webhook=named)
    assert tried.headers["location"] == f"/en/webhooks?webhook={named}"
    log = page.get(tried.headers["location"])
    assert "webhook.test" in log
    assert len(outside.web.got) == 1
    new = page.send("/en/webhooks", step="rotate", webhook=named, overlap_hours="24", seen="1")
    assert re.search(r"whsec_[A-Za-z0-9+/=]+", new.text)[0] != secret
    assert "The old secret signs too until" in new.text
    assert "Nothing was done" in page.send("/en/webhooks", step="rotate", webhook=named, overlap_hours="24", seen="1").text
    assert page.send("/en/webhooks", step="rotate", webhook=named, overlap_hours="25", seen="1").status_code == 422


def test_a_private_address_is_refused_beside_its_field(service):
    answer = Pages(service, "steward").send("/nl/webhooks", step="create", address="https://10.0.0.1/", event="run.finished")
    assert answer.status_code == 422
    assert 'id="url-e"' in answer.text
    assert "Met dit adres wordt niet gesproken" in answer.text


def test_what_failed_is_sent_again_by_a_press(service, shared, hooked, outside):
    page = Pages(service, "steward")
    named = re.search(r"wh_[0-9a-f]{16}", page.send("/en/webhooks", step="create", address=hooked, event="run.finished").text)[0]
    outside.web.status = 410
    emit(shared.state, "run.finished", "default", {"run_id": "a1"}, now=shared.now())
    shared.delivery.send_due(now=shared.now())
    text = page.get(f"/en/webhooks?webhook={named}")
    assert "Off: the other side says it is gone" in text
    assert "It answered with 410" in text
    delivery = re.search(r"msg_[0-9a-f]{24}", text)[0]
    assert page.send("/en/webhooks", step="replay", webhook=named, delivery=delivery).status_code == 409
    outside.web.status = 200
    assert page.send("/en/webhooks", step="enable", webhook=named).status_code == 303
    assert shared.desk.alerts.standing(rule="delivery.failed") == []
    assert page.send("/en/webhooks", step="replay", webhook=named, delivery=delivery).status_code == 303
    assert "Sent" in page.get(f"/en/webhooks?webhook={named}")
    assert "Nothing has been done yet" in page.send("/en/webhooks", step="remove", webhook=named).text
    assert named in page.get("/en/webhooks")
    assert page.send("/en/webhooks", step="removed", webhook=named).headers["location"] == "/en/webhooks"
    assert page.send("/en/webhooks", step="test", webhook=named).status_code == 404


def test_every_rule_and_event_has_its_words():
    from seeding_platform.monitoring import EVENTS

    for lang in ("en", "nl"):
        assert words(lang)["webhooks"]["events"].keys() == EVENTS.keys()
        assert words(lang)["settings"]["groups"]["alerts.routes"]["fields"].keys() >= SETTINGS["alerts.routes"].model.model_fields.keys()
