"""Callbacks: told once, signed where there is a secret, tried again, never into a private network that is not allowed."""

import datetime as dt
import json

import pytest
from pydantic import SecretStr

from seeding_platform.exchange.addresses import AddressRefused
from seeding_platform.exchange.signing import verified
from seeding_platform.monitoring.alert import NotAnId
from seeding_platform.monitoring.callbacks import call_back, checked_callback
from seeding_platform.monitoring.delivery import Delivery
from seeding_platform.monitoring.routing import ROUTES
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.live import Live

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
FACTS = {"job_id": "job_1", "model": "churn", "state": "succeeded", "version": "3", "verdict": "deploy"}


@pytest.fixture(autouse=True)
def quiet(state):
    """Alerts go to the console only: here callbacks are all that leaves."""
    Adjusted(state).change(ROUTES, {"routes": ["* -> console"]}, actor="k", reason="a test", now=NOON)


def told(state, outside, mark="job_1"):
    return call_back(state, f"{outside.url}/done?key=x", "retraining.finished", "t", FACTS, now=NOON, mark=mark)


def standing(desk):
    return {(a.rule, a.subject) for a in desk.alerts.standing()}


def test_it_is_told_once_and_signed(state, settings, outside):
    assert (told(state, outside), told(state, outside)) == (True, False)
    assert Delivery(state, settings).send_due(now=NOON) == 1
    ((path, headers, body),) = outside.web.got
    assert path == "/done?key=x"
    assert json.loads(body) == {"event": "retraining.finished", **FACTS}
    assert verified(settings.webhook_secret.get_secret_value(), headers, body, now=NOON) == headers["webhook-id"]


def test_without_a_secret_it_goes_unsigned(state, settings, outside):
    told(state, outside)
    bare = settings.model_copy(update={"webhook_secret": SecretStr("")})
    assert Delivery(state, bare).send_due(now=NOON) == 1
    assert "webhook-signature" not in outside.web.got[0][1]


def test_it_is_tried_again_and_given_up_with_an_alert_that_ends_with_the_next_one_that_arrives(state, settings, desk, outside):
    told(state, outside)
    outside.web.status, now, delivery = 503, NOON, Delivery(state, settings)
    for _ in range(6):
        assert delivery.send_due(now=now) == 0
        assert standing(desk) == set()
        now += dt.timedelta(days=2)
    delivery.send_due(now=now)
    assert len(outside.to("/done?key=x")) == 7
    assert standing(desk) == {("delivery.failed", "channel/callback")}
    assert "key=x" not in json.dumps([a.evidence for a in desk.alerts.standing()])
    outside.web.status = 200
    told(state, outside, "job_2")
    assert delivery.send_due(now=now) == 1
    assert standing(desk) == set()


def test_a_private_address_is_given_up_at_once_where_those_are_not_allowed(state, settings, desk, outside):
    told(state, outside)
    shut = settings.model_copy(update={"private_addresses": False})
    assert Delivery(state, shut).send_due(now=NOON) == 0
    (message,) = [m for m in Live(state).messages(tenant="t") if m.channel == "callback"]
    assert message.next_at is None
    assert outside.to("/done?key=x") == []
    assert standing(desk) == {("delivery.failed", "channel/callback")}


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("ftp://example.org/x", True),
        ("job done", True),
        ("https://user@example.org/", True),
        ("http://example.org/x", False),
        ("https://10.0.0.1/x", False),
        ("http://127.0.0.1:5678/x", False),
        ("https://[::ffff:127.0.0.1]/x", False),
    ],
)
def test_addresses_that_are_refused(url, private):
    with pytest.raises(AddressRefused):
        checked_callback(url, private=private)


def test_addresses_that_pass():
    assert checked_callback("http://127.0.0.1:5678/x", private=True) == "http://127.0.0.1:5678/x"
    assert checked_callback("https://example.org/x?y=1", private=False) == "https://example.org/x?y=1"


def test_only_figures_and_ids_are_told(state):
    with pytest.raises(NotAnId):
        call_back(state, "https://example.org/", "retraining.finished", "t", {"says": "a sentence about somebody"}, now=NOON, mark="x")
