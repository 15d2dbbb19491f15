"""Every write and every question is on record, of whoever asked, with what became of it."""

import pytest


def events(client, key, **query):
    answer = client.get("/api/v1/audit", params=query, headers=key("steward"))
    assert answer.status_code == 200
    return answer.json()["items"]


def test_writes_and_questions_are_recorded_and_reads_are_not(service):
    client, key = service, service.key
    made = client.post("/api/v1/keys", json={"role": "viewer"}, headers=key("admin")).json()
    client.post("/api/v1/nlq", json={"question": "spend last month"}, headers=key("viewer"))
    client.get("/api/v1/kpis", headers=key("viewer"))
    client.delete(f"/api/v1/keys/{made['key_id']}", headers=key("admin"))
    found = [(e["action"], e["subject"], e["outcome"]) for e in events(client, key)]
    assert found[:3] == [
        ("DELETE /api/v1/keys/{key_id}", made["key_id"], "ok"),
        ("POST /api/v1/nlq", "", "ok"),
        ("POST /api/v1/keys", "", "ok"),
    ]
    assert not any("kpis" in action for action, _, _ in found)


def test_what_was_refused_is_recorded(service):
    client, key = service, service.key
    assert client.post("/api/v1/keys", json={"role": "viewer"}, headers=key("viewer")).status_code == 403
    assert client.post("/api/v1/keys", json={"role": "king"}, headers=key("admin")).status_code == 422
    found = events(client, key, outcome="refused")
    assert [(e["action"], e["detail"]["status"]) for e in found] == [("POST /api/v1/keys", 422), ("POST /api/v1/keys", 403)]


def test_a_person_in_an_address_is_not_kept(service):
    client, key = service, service.key
    assert client.delete("/api/v1/keys/jan.jansen@example.nl", headers=key("admin")).status_code == 404
    assert [e["subject"] for e in events(client, key)] == ["[EMAIL]"]


def test_neither_keys_nor_questions_stand_in_it(service):
    client, key = service, service.key
    presented = key("admin")["Authorization"].split()[1]
    client.post("/api/v1/nlq", json={"question": "spend of jan.jansen@example.nl"}, headers=key("viewer"))
    client.post("/en/sign-in", data={"key": presented})
    client.post("/en/sign-in", data={"key": "sp_no_key"})
    told = str([r.body for r in client.app.state.service.trail.log.newest(limit=100)])
    assert "jansen" not in told
    assert presented not in told
    assert "sp_no_key" not in told
    assert '"POST /{lang}/sign-in"' in told


def test_a_tenant_sees_its_own(service):
    client, key = service, service.key
    client.post("/api/v1/nlq", json={"question": "spend last month"}, headers=key("viewer", "other"))
    assert not any(e["action"] == "POST /api/v1/nlq" for e in events(client, key))


@pytest.mark.long
def test_attempts_of_strangers_do_not_flood_it(service):
    client = service
    for _n in range(80):
        client.post("/api/v1/keys", json={"role": "viewer"})
    strangers = [r for r in client.app.state.service.trail.log.newest(limit=200) if r.event.actor == "anonymous"]
    assert 0 < len(strangers) <= 60


def test_an_admin_verifies_it(service):
    client, key = service, service.key
    client.post("/api/v1/nlq", json={"question": "spend last month"}, headers=key("viewer"))
    client.app.state.watch.due()
    answer = client.post("/api/v1/audit/verify", headers=key("admin")).json()
    assert (answer["ok"], answer["first_bad"], answer["missing"]) == (True, None, [])
    assert answer["seals"] == 1


@pytest.mark.parametrize("role", ["viewer", "analyst", "operator"])
def test_others_do_not_read_it(service, role):
    client, key = service, service.key
    assert client.get("/api/v1/audit", headers=key(role)).status_code == 403


def test_what_a_person_writes_as_a_reason_is_redacted_before_it_stands_for_good(service):
    body = {"values": {"completeness": 0.9}, "reason": "asked by jan.jansen@example.nl"}
    service.put("/api/v1/settings/quality.gate", json=body, headers=service.key("steward"))
    told = events(service, service.key, action="PUT")[0]["detail"]
    assert told["reason"] == "asked by [EMAIL]"
    service.put("/api/v1/settings/quality.gate", json=body | {"values": {"nobody": "jan.jansen@example.nl"}}, headers=service.key("steward"))
    assert "values" not in events(service, service.key, action="PUT")[0]["detail"]
