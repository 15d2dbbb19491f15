"""Webhooks: signed so that a receiver knows, sent again under the same id, switched off when nobody is there, never into a private network."""

import datetime as dt
import json
import threading
import time
from collections import Counter

import pytest

from seeding_platform.errors import PermanentError
from seeding_platform.exchange.signing import SignatureWrong, verified
from seeding_platform.monitoring import EVENTS, Alert, emit
from seeding_platform.monitoring.alert import NotAnId
from seeding_platform.monitoring.delivery import AT_ONCE_OF_TENANT, LOCK, Delivery
from seeding_platform.monitoring.routing import ROUTES
from seeding_platform.monitoring.webhook_keys import secret_of
from seeding_platform.settings import project_root
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.live import Live
from seeding_platform.storage.locks import exclusive
from seeding_platform.storage.webhooks import Webhook, Webhooks

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def webhook(state, outside):
    """One that is told of runs and alerts."""
    events = ("run.finished", "alert.opened", "alert.resolved")
    made = Webhook(webhook_id="wh_1", tenant="t", url=f"{outside.url}/mine?key=x", events=events, created_at=NOON, made_by="k")
    Webhooks(state).add(made)
    return made


def sent(state, settings, now=NOON):
    return Delivery(state, settings, clock=lambda: 0.0).send_due(now=now)


def test_an_event_is_signed_and_told_once(state, settings, webhook, outside):
    facts = {"run_id": "a1", "job": "seed", "status": "succeeded"}
    assert emit(state, "run.finished", "t", facts, now=NOON) == 1
    assert emit(state, "run.finished", "t", facts, now=NOON + MINUTE) == 0
    assert emit(state, "run.finished", "other", facts, now=NOON) == 0
    assert emit(state, "bundle.ready", "t", {"engine": "roi"}, now=NOON) == 0, "it did not ask for that"
    assert sent(state, settings) == 1
    ((path, headers, body),) = outside.web.got
    assert path == "/mine?key=x"
    assert json.loads(body) == {"type": "run.finished", "timestamp": NOON.isoformat(), "tenant": "t", "data": facts}
    assert verified(secret_of(webhook, settings), headers, body, now=NOON) == headers["webhook-id"]
    with pytest.raises(SignatureWrong):
        verified(secret_of(webhook, settings), headers, body + b" ", now=NOON)


def test_everybodys_event_goes_to_every_tenant(state, settings, webhook):
    Webhooks(state).add(Webhook(webhook_id="wh_2", tenant="u", url="https://example.org/", events=("run.finished",), created_at=NOON, made_by="k"))
    assert emit(state, "run.finished", "", {"run_id": "a1"}, now=NOON) == 2


def test_an_alert_tells_webhooks_when_it_opens_and_when_it_is_over(desk, state, settings, webhook, outside):
    Adjusted(state).change(ROUTES, {"routes": ["* -> console"]}, actor="k", reason="a test", now=NOON)
    made = desk.raise_(Alert(rule="model.drift", tenant="t", subject="model/churn", evidence={"value": 0.3}), now=NOON)
    desk.raise_(Alert(rule="model.drift", tenant="t", subject="model/churn", evidence={"value": 0.3}), now=NOON)
    desk.clear("model.drift", "t", "model/churn", now=NOON)
    sent(state, settings)
    told = sorted((json.loads(body) for _, _, body in outside.web.got), key=lambda event: event["type"])
    assert [(e["type"], e["data"]["alert_id"], e["data"]["state"]) for e in told] == [
        ("alert.opened", made.alert_id, "open"),
        ("alert.resolved", made.alert_id, "resolved"),
    ]
    assert told[0]["data"]["evidence"] == {"value": 0.3}


def test_while_a_secret_is_rotated_both_hold_and_then_the_new_one_only(state, settings, webhook, outside):
    webhooks, old = Webhooks(state), secret_of(webhook, settings)
    webhooks.rotate("wh_1", seen=1, now=NOON, old_until=NOON + 60 * MINUTE)
    new = secret_of(webhooks.one("wh_1"), settings)
    assert new != old
    for n, at in enumerate((NOON, NOON + 61 * MINUTE)):
        emit(state, "run.finished", "t", {"run_id": f"a{n}"}, now=at)
        sent(state, settings, at)
        _, headers, body = outside.web.got[n]
        verified(new, headers, body, now=at)
        if n == 0:
            verified(old, headers, body, now=at)
        else:
            with pytest.raises(SignatureWrong):
                verified(old, headers, body, now=at)


def hooks(state, outside, *names, tenant="t"):
    """Webhooks that are told of runs."""
    for name in names:
        url = f"{outside.url}/{name}"
        Webhooks(state).add(Webhook(webhook_id=f"wh_{name}", tenant=tenant, url=url, events=("run.finished",), created_at=NOON, made_by="k"))


def test_several_addresses_are_told_at_the_same_time(state, settings, outside):
    hooks(state, outside, "a", "b", "c")
    together = threading.Barrier(3, timeout=5)
    outside.web.meanwhile = lambda _: together.wait()
    assert emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON) == 3
    assert sent(state, settings) == 3
    assert not together.broken


def test_one_address_is_told_one_thing_after_another(state, settings, outside):
    hooks(state, outside, "a", "b")
    within, most, lock = Counter(), Counter(), threading.Lock()

    def entered(path):
        with lock:
            within[path] += 1
            most[path] = max(most[path], within[path])
        time.sleep(0.01)
        with lock:
            within[path] -= 1

    outside.web.meanwhile = entered
    for n in range(6):
        emit(state, "run.finished", "t", {"run_id": f"a{n}"}, now=NOON + dt.timedelta(seconds=n))
    assert sent(state, settings, NOON + MINUTE) == 12
    assert most == {"/a": 1, "/b": 1}
    runs = [json.loads(body)["data"]["run_id"] for path, _, body in outside.web.got if path == "/a"]
    assert runs == [f"a{n}" for n in range(6)]


def test_a_slow_tenant_does_not_hold_up_another(state, settings, outside):
    hooks(state, outside, *(f"slow{n}" for n in range(12)), tenant="slow")
    hooks(state, outside, "quick")
    came = threading.Event()
    outside.web.meanwhile = lambda path: came.set() if path == "/quick" else came.wait(5)
    emit(state, "run.finished", "slow", {"run_id": "a1"}, now=NOON)
    emit(state, "run.finished", "t", {"run_id": "a2"}, now=NOON + MINUTE)
    assert sent(state, settings, NOON + MINUTE) == 13
    assert [path for path, _, _ in outside.web.got].index("/quick") <= AT_ONCE_OF_TENANT


def test_each_message_is_signed_and_logged_at_its_own_moment(state, settings, webhook, outside):
    clock = [0.0]

    def minute_later(_):
        clock[0] += 60

    outside.web.meanwhile = minute_later
    for n in range(2):
        emit(state, "run.finished", "t", {"run_id": f"a{n}"}, now=NOON + dt.timedelta(seconds=n))
    began = NOON + MINUTE
    assert Delivery(state, settings, clock=lambda: clock[0]).send_due(now=began, seconds=1000) == 2
    for n, (_, headers, body) in enumerate(outside.web.got):
        at = began + n * MINUTE
        assert headers["webhook-timestamp"] == str(int(at.timestamp()))
        verified(secret_of(webhook, settings), headers, body, now=at)
        assert [a.at for a in Live(state).attempts(headers["webhook-id"])] == [at]
        assert Live(state).message(headers["webhook-id"], tenant="t").sent_at == at + MINUTE


def test_what_is_killed_on_the_way_comes_again_under_the_same_id(state, settings, webhook, outside):
    emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON)
    held = Live(state).claimed(now=NOON)
    assert sent(state, settings) == 0, "whoever holds it may still be at it"
    assert sent(state, settings, NOON + 3 * MINUTE) == 1
    assert outside.web.got[0][1]["webhook-id"] == held.message_id


def test_of_two_who_send_one_does(state, settings, webhook, outside):
    emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON)
    with exclusive(settings.state / LOCK, holder="another"):
        assert sent(state, settings) == 0
    assert sent(state, settings) == 1


def test_a_failed_delivery_comes_again_under_the_same_id(state, settings, webhook, outside):
    outside.web.status, outside.web.headers = 503, {"Retry-After": "300"}
    emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON)
    assert sent(state, settings) == 0
    assert sent(state, settings, NOON + 4 * MINUTE) == 0, "the other side wants to be left alone"
    outside.web.status = 200
    assert sent(state, settings, NOON + 5 * MINUTE) == 1
    ids = {headers["webhook-id"] for _, headers, _ in outside.web.got}
    assert (len(outside.web.got), len(ids)) == (2, 1)
    assert [(a.attempt, a.code) for a in Live(state).attempts(ids.pop())] == [(1, 503), (2, 200)]


def test_after_too_many_failures_it_is_switched_off_with_an_alert(desk, state, settings, webhook, outside):
    Adjusted(state).change(ROUTES, {"webhook_failures": 3, "routes": ["* -> console"]}, actor="k", reason="a test", now=NOON)
    outside.web.status = 500
    for n in range(5):
        emit(state, "run.finished", "t", {"run_id": f"a{n}"}, now=NOON)
        sent(state, settings)
    found = Webhooks(state).one("wh_1")
    assert (found.enabled, found.disabled_why, found.failures) == (False, "failures", 3)
    assert len(outside.web.got) == 3
    (alert,) = desk.alerts.standing(rule="delivery.failed")
    assert (alert.subject, alert.tenant, alert.evidence["code"]) == ("webhook/wh_1", "t", 500)
    for message in desk.live.messages(tenant="t", to="wh_1"):
        assert message.sent_at is None


def test_one_success_forgives_what_went_before(state, settings, webhook, outside):
    outside.web.status = 500
    emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON)
    sent(state, settings)
    assert Webhooks(state).one("wh_1").failures == 1
    outside.web.status = 204
    sent(state, settings, NOON + MINUTE)
    assert Webhooks(state).one("wh_1").failures == 0


def test_who_says_that_it_is_gone_is_told_nothing_more(desk, state, settings, webhook, outside):
    Adjusted(state).change(ROUTES, {"routes": ["* -> console"]}, actor="k", reason="a test", now=NOON)
    outside.web.status = 410
    emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON)
    sent(state, settings)
    assert Webhooks(state).one("wh_1").disabled_why == "gone"
    assert emit(state, "run.finished", "t", {"run_id": "a2"}, now=NOON) == 0
    assert len(desk.alerts.standing(rule="delivery.failed")) == 1


def test_a_redirect_is_a_failure(state, settings, webhook, outside):
    outside.web.status, outside.web.headers = 307, {"Location": f"{outside.url}/elsewhere"}
    emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON)
    assert sent(state, settings) == 0
    assert [path for path, _, _ in outside.web.got] == ["/mine?key=x"]


def test_a_private_address_is_not_talked_to_unless_the_installation_says_so(state, settings, webhook, outside):
    emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON)
    assert sent(state, settings.model_copy(update={"private_addresses": False})) == 0
    assert outside.web.got == []
    (message,) = Live(state).messages(tenant="t", to="wh_1")
    assert (message.next_at, "AddressRefused" in message.error, "key=x" in message.error) == (None, True, False)


def test_when_a_channel_cannot_be_reached_at_last_an_alert_says_so_and_ends_when_it_can(desk, state, settings, outside):
    Adjusted(state).change(ROUTES, {"routes": ["* rules=model. -> slack", "* rules=delivery. -> console"]}, actor="k", reason="a test", now=NOON)
    outside.web.status, now = 500, NOON
    desk.raise_(Alert(rule="model.drift", tenant="t", subject="model/churn"), now=NOON)
    for _ in range(8):
        sent(state, settings, now)
        now += dt.timedelta(days=2)
    (alert,) = desk.alerts.standing(rule="delivery.failed")
    assert (alert.subject, alert.evidence["code"]) == ("channel/slack", 500)
    outside.web.status = 200
    desk.raise_(Alert(rule="model.drift", tenant="t", subject="model/roi"), now=now)
    sent(state, settings, now)
    assert desk.alerts.standing(rule="delivery.failed") == []


def test_that_a_channel_cannot_be_reached_is_not_said_by_itself(desk, state, settings, outside):
    outside.web.status = 410
    desk.raise_(Alert(rule="model.drift", tenant="t", subject="model/churn"), now=NOON)
    for _ in range(5):
        sent(state, settings)
    told = {
        (json.loads(body).get("text") or json.loads(body).get("event_action", "hook"))[:40] for path, _, body in outside.web.got if path == "/slack"
    }
    assert not any("channel/slack" in text for text in told)
    assert len(desk.alerts.standing()) == 4


def test_what_is_sent_is_never_about_a_person(state, webhook):
    with pytest.raises(NotAnId):
        emit(state, "run.finished", "t", {"by": "jan@example.org"}, now=NOON)
    with pytest.raises(PermanentError, match=r"no event 'run\.begun'"):
        emit(state, "run.begun", "t", {}, now=NOON)


def test_every_event_is_documented():
    docs = (project_root() / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert [name for name in EVENTS if f"| `{name}` |" not in docs] == []


def test_a_secret_is_kept_nowhere(state, settings, webhook, tmp_path):
    emit(state, "run.finished", "t", {"run_id": "a1"}, now=NOON)
    sent(state, settings)
    state.engine.dispose()
    needle = secret_of(webhook, settings).removeprefix("whsec_").encode()
    assert [p.name for p in tmp_path.rglob("*") if p.is_file() and needle in p.read_bytes()] == []
