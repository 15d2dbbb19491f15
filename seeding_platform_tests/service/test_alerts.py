"""Alerts and webhooks over the API: seen by whom they concern, acted on by analysts, on record; a webhook is tried, replayed and rotated."""

import datetime as dt

import pytest
from pydantic import SecretStr

from seeding_platform.exchange.signing import verified
from seeding_platform.monitoring import Alert, emit
from seeding_platform.service.watch import Watch
from seeding_platform_tests.monitoring.conftest import outside

__all__ = ["outside"]


@pytest.fixture
def shared(service):
    """The service's own, without any channel but the console."""
    return service.app.state.service


def drift(shared, tenant="default", subject="model/churn"):
    return shared.desk.raise_(Alert(rule="model.drift", tenant=tenant, subject=subject, evidence={"value": 0.3}), now=shared.now())


def raised(shared, rule, tenant):
    return shared.desk.raise_(Alert(rule=rule, tenant=tenant, subject="a/b"), now=shared.now())


def rules_seen(service, role, **asked):
    answer = service.get("/api/v1/alerts", params=asked, headers=service.key(role))
    assert answer.status_code == 200, answer.text
    return sorted(item["rule"] for item in answer.json()["items"])


def test_an_alert_is_seen_by_whom_it_concerns(service, shared):
    raised(shared, "model.drift", "default")
    raised(shared, "model.drift", "other")
    raised(shared, "privacy.deadline", "default")
    raised(shared, "quality.gate_closed", "")
    raised(shared, "audit.broken", "")
    assert rules_seen(service, "viewer") == ["model.drift"]
    assert rules_seen(service, "operator") == ["model.drift", "quality.gate_closed"]
    assert rules_seen(service, "steward") == ["audit.broken", "model.drift", "privacy.deadline", "quality.gate_closed"]
    assert rules_seen(service, "steward", scope="installation") == ["audit.broken", "quality.gate_closed"]
    assert rules_seen(service, "steward", scope="own", rule="model.") == ["model.drift"]
    assert rules_seen(service, "steward", severity="critical") == ["audit.broken"]
    assert rules_seen(service, "viewer", scope="installation") == []


def test_what_one_may_not_see_is_not_there(service, shared):
    theirs, hidden = drift(shared, "other"), raised(shared, "privacy.deadline", "default")
    everybodys = raised(shared, "quality.gate_closed", "")
    for alert in (theirs, hidden, everybodys):
        for act in ("acknowledge", "resolve"):
            assert service.post(f"/api/v1/alerts/{alert.alert_id}/{act}", headers=service.key("analyst")).status_code == 404
        assert service.get(f"/api/v1/alerts/{alert.alert_id}", headers=service.key("analyst")).status_code == 404
        assert shared.desk.alerts.one(alert.alert_id).state == "open"


def test_it_is_taken_on_muted_and_ended_and_on_record(service, shared):
    made, key = drift(shared), service.key("analyst")
    place = f"/api/v1/alerts/{made.alert_id}"
    assert service.post(f"{place}/acknowledge", headers=key).json()["acknowledged_by"] == "analystdefault"
    until = (shared.now() + dt.timedelta(hours=2)).isoformat()
    assert service.post(f"{place}/mute", json={"until": until}, headers=key).json()["state"] == "muted"
    for wrong in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "tomorrow", 1, "2026-11-24"):
        assert service.post(f"{place}/mute", json={"until": wrong}, headers=key).status_code == 422, wrong
    assert service.post(f"{place}/resolve", headers=key).json()["state"] == "resolved"
    for act in ("acknowledge", "resolve"):
        again = service.post(f"{place}/{act}", headers=key)
        assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "not-possible")
    told = service.get(place, headers=service.key()).json()
    assert [h["what"] for h in told["history"]] == ["opened", "notified", "acknowledged", "muted", "resolved"]
    assert told["alert"]["runbook"] == "docs/alerts.md#modeldrift"
    events = service.get("/api/v1/audit", params={"by": "analystdefault"}, headers=service.key("steward")).json()["items"]
    assert {"alert.acknowledged", "alert.muted", "alert.resolved"} <= {e["action"] for e in events}


def test_lists_are_paged_and_counted(service, shared):
    for n in range(5):
        drift(shared, subject=f"model/m{n}")
    shared.desk.clear("model.drift", "default", "model/m0", now=shared.now())
    first = service.get("/api/v1/alerts?state=open&limit=3", headers=service.key()).json()
    rest = service.get("/api/v1/alerts?state=open&limit=3&offset=3", headers=service.key()).json()
    assert (len(first["items"]), len(rest["items"]), first["counts"]) == (3, 1, {"open": 4, "resolved": 1})
    assert service.get("/api/v1/alerts?lang=nl", headers=service.key()).json()["items"][0]["title"].startswith("De gegevens van")
    assert service.get("/api/v1/alerts?state=nonsense", headers=service.key()).status_code == 422


def test_a_limit_that_is_passed_is_an_alert_and_ends_when_it_is_taken_away(service, shared):
    key = service.key("analyst")
    made = service.post("/api/v1/alert-rules", json={"metric": "spend", "operator": ">", "value": 1, "title": "Call jan@example.nl"}, headers=key)
    watch = Watch(shared)
    watch.due()
    (alert,) = service.get("/api/v1/alerts", headers=service.key()).json()["items"]
    assert (alert["rule"], alert["title"], alert["evidence"]["metric"]) == ("kpi.limit", "Call [EMAIL]", "spend")
    assert alert["subject"] == f"alert-rule/{made.json()['item_id']}@1"
    changed = service.put(made.headers["location"], json={"metric": "spend", "operator": "<", "value": 1}, headers=key)
    assert changed.status_code == 200
    watch.due()
    states = {a["subject"].rpartition("@")[2]: a["state"] for a in service.get("/api/v1/alerts", headers=service.key()).json()["items"]}
    assert states == {"1": "resolved"}


# webhooks


@pytest.fixture
def hooked(service, shared, outside):
    """Where webhooks may point into this machine."""
    shared.settings = shared.settings.model_copy(update={"private_addresses": True})
    return f"{outside.url}/mine"


def made(service, url, *events):
    answer = service.post("/api/v1/webhooks", json={"url": url, "events": list(events) or ["run.finished"]}, headers=service.key("steward"))
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_secret_is_shown_once(service, hooked):
    told = made(service, hooked)
    assert told["secret"].startswith("whsec_")
    key = service.key("steward")
    for url in ("/api/v1/webhooks", f"/api/v1/webhooks/{told['webhook_id']}"):
        answer = service.get(url, headers=key)
        assert told["secret"] not in answer.text
        assert hooked in answer.text
    assert told["secret"] not in service.get("/api/v1/audit", headers=key).text


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.org/", "address-refused"), ("https://127.0.0.1/", "address-refused"), ("https://[::ffff:10.0.0.1]/", "address-refused"),
        ("https://a:b@example.org/", "address-refused"), ("nonsense", "address-refused"), ("https://169.254.169.254/latest", "address-refused"),
    ],
)  # fmt: skip
def test_an_address_that_must_not_be_talked_to_is_refused(service, url, code):
    answer = service.post("/api/v1/webhooks", json={"url": url, "events": ["run.finished"]}, headers=service.key("steward"))
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, code)


def test_events_that_there_are_not_are_refused(service):
    key = service.key("steward")
    for events in (["nonsense"], [], ["run.finished"] * 20):
        assert service.post("/api/v1/webhooks", json={"url": "https://example.org/", "events": events}, headers=key).status_code == 422


def test_it_is_tried_now_and_its_signature_holds(service, hooked, outside):
    told = made(service, hooked)
    answer = service.post(f"/api/v1/webhooks/{told['webhook_id']}/test", headers=service.key("steward")).json()
    assert (answer["state"], [a["code"] for a in answer["attempts"]]) == ("sent", [200])
    ((_, headers, body),) = outside.web.got
    assert verified(told["secret"], headers, body, now=dt.datetime.now(dt.UTC)) == answer["delivery_id"]


def test_what_failed_is_in_the_log_and_replayed_under_its_own_id(service, shared, hooked, outside):
    told, key = made(service, hooked), service.key("steward")
    place = f"/api/v1/webhooks/{told['webhook_id']}"
    outside.web.status = 500
    emit(shared.state, "run.finished", "default", {"run_id": "a1"}, now=shared.now())
    shared.delivery.send_due(now=shared.now())
    (delivery,) = service.get(f"{place}/deliveries", headers=key).json()
    assert (delivery["state"], delivery["attempts"][0]["code"], delivery["attempts"][0]["took_ms"] >= 0) == ("waiting", 500, True)
    outside.web.status = 200
    replay = f"{place}/deliveries/{delivery['delivery_id']}/replay"
    later = shared.now() + dt.timedelta(seconds=31)
    shared.now = lambda: later
    again = service.post(replay, headers=key).json()
    assert (again["state"], [a["code"] for a in again["attempts"]]) == ("sent", [500, 200])
    assert len({headers["webhook-id"] for _, headers, _ in outside.web.got}) == 1
    once_more = service.post(replay, headers=key).json()
    assert [a["code"] for a in once_more["attempts"]] == [500, 200, 200]
    assert service.post(f"{place}/deliveries/nonsense/replay", headers=key).status_code == 404


def test_a_new_secret_signs_beside_the_old_one_for_a_while(service, hooked, outside):
    told, key = made(service, hooked), service.key("steward")
    place = f"/api/v1/webhooks/{told['webhook_id']}"
    new = service.post(f"{place}/rotate", json={"overlap_hours": 1, "seen": 1}, headers=key).json()
    assert (new["revision"], new["secret"] != told["secret"]) == (2, True)
    assert service.post(f"{place}/rotate", json={"overlap_hours": 1, "seen": 1}, headers=key).status_code == 409
    assert service.post(f"{place}/rotate", json={"overlap_hours": "1"}, headers=key).status_code == 422
    service.post(f"{place}/test", headers=key)
    _, headers, body = outside.web.got[-1]
    for secret in (told["secret"], new["secret"]):
        verified(secret, headers, body, now=dt.datetime.now(dt.UTC))


def test_switched_off_it_is_told_nothing_and_taken_away_it_is_gone(service, shared, hooked, outside):
    told, key = made(service, hooked), service.key("steward")
    place = f"/api/v1/webhooks/{told['webhook_id']}"
    assert service.post(f"{place}/disable", headers=key).json()["enabled"] is False
    assert service.post(f"{place}/test", headers=key).status_code == 409
    assert emit(shared.state, "run.finished", "default", {"run_id": "a1"}, now=shared.now()) == 0
    assert service.post(f"{place}/enable", headers=key).json()["enabled"] is True
    assert emit(shared.state, "run.finished", "default", {"run_id": "a2"}, now=shared.now()) == 1
    assert service.delete(place, headers=key).status_code == 204
    assert service.get(place, headers=key).status_code == 404
    shared.delivery.send_due(now=shared.now())
    assert outside.web.got == []


def test_another_tenants_webhook_is_not_there(service, shared, hooked):
    told, theirs = made(service, hooked), service.key("steward", "other")
    emit(shared.state, "run.finished", "default", {"run_id": "a1"}, now=shared.now())
    assert service.get("/api/v1/webhooks", headers=theirs).json() == []
    (delivery,) = service.get(f"/api/v1/webhooks/{told['webhook_id']}/deliveries", headers=service.key("steward")).json()
    for method, rest in (
        ("GET", ""), ("GET", "/deliveries"), ("POST", "/test"), ("POST", "/enable"), ("POST", "/disable"), ("DELETE", ""),
        ("POST", f"/deliveries/{delivery['delivery_id']}/replay"), ("POST", "/rotate"),
    ):  # fmt: skip
        answer = service.request(method, f"/api/v1/webhooks/{told['webhook_id']}{rest}", json={} if method == "POST" else None, headers=theirs)
        assert answer.status_code == 404, (method, rest)


def test_runs_and_files_that_end_are_told(service, shared, hooked, facts_csv):
    told, key = made(service, hooked, "run.finished", "ingestion.finished"), service.key("steward")
    service.runs.add("abcdef01", "running")
    watch = Watch(shared)
    watch.happened()
    service.runs.add("abcdef01", "succeeded")
    for _ in range(2):
        watch.happened()
    refused = service.post("/api/v1/ingestions", files={"file": ("x.csv", b"no;export\n1;2\n")}, headers=service.key("analyst"))
    assert refused.status_code == 422
    events = [d["event"] for d in service.get(f"/api/v1/webhooks/{told['webhook_id']}/deliveries", headers=key).json()]
    assert sorted(events) == ["ingestion.finished", "run.finished"]


def test_the_installations_own_webhook_and_pager_need_no_permission(service, shared, outside):
    told = {"webhook_url": SecretStr(f"{outside.url}/n8n"), "webhook_secret": SecretStr("plain words"), "pager_key": SecretStr("k")}
    shared.settings = shared.settings.model_copy(update={**told, "pager_url": f"{outside.url}/pager"})
    drift(shared)
    assert shared.delivery.send_due(now=shared.now()) == 2
    ((_, headers, body),) = [got for got in outside.web.got if got[0] == "/n8n"]
    verified("plain words", headers, body, now=shared.now())
