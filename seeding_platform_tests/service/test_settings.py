"""Settings over the API: changed by stewards, on record, with history and a way back."""

from seeding_platform.service.adjustables import SETTINGS
from seeding_platform.service.routes import settings

WANTED = {"values": {"completeness": 0.9}, "reason": "the new source is whole"}


def test_a_threshold_is_changed_for_a_table_and_returned_to(service):
    steward = service.key("steward")
    before = service.get("/api/v1/settings/quality.gate", params={"scope": "orders"}, headers=steward).json()
    assert (before["values"]["completeness"], before["adjusted"]["version"]) == (0.8, 0)
    made = service.put("/api/v1/settings/quality.gate", json=WANTED | {"scope": "orders"}, headers=steward).json()
    assert made["affects"] == ["quality/orders"]
    assert service.get("/api/v1/settings/quality.gate", params={"scope": "orders"}, headers=steward).json()["values"]["completeness"] == 0.9
    assert service.get("/api/v1/settings/quality.gate", headers=steward).json()["values"]["completeness"] == 0.8
    back = service.post("/api/v1/settings/quality.gate/back", json={"version": 0, "scope": "orders", "reason": "was wrong"}, headers=steward)
    assert back.json()["adjusted"]["version"] == 2
    history = service.get("/api/v1/settings/quality.gate/history", params={"scope": "orders"}, headers=steward).json()
    assert [(v["version"], v["values"], v["reason"]) for v in history] == [
        (2, {}, "was wrong"),
        (1, {"completeness": 0.9}, "the new source is whole"),
    ]
    told = service.get("/api/v1/audit", params={"action": "PUT /api/v1/settings"}, headers=steward).json()["items"]
    assert told[0]["detail"]["values"] == {"completeness": 0.9}


def test_a_long_history_tells_the_newest(service, monkeypatch):
    monkeypatch.setattr(settings, "MOST_VERSIONS", 2)
    for score in (91, 92, 93):
        body = {"values": {"score": score}, "reason": "step by step"}
        assert service.put("/api/v1/settings/quality.gate", json=body, headers=service.key("steward")).status_code == 200
    told = service.get("/api/v1/settings/quality.gate/history", headers=service.key("steward")).json()
    assert [one["values"]["score"] for one in told] == [93, 92]


def test_everywhere_concerns_every_table(service):
    made = service.put("/api/v1/settings/quality.gate", json=WANTED, headers=service.key("steward")).json()
    assert "quality/orders" in made["affects"]
    assert len(made["affects"]) > 10


def test_what_is_wrong_is_refused(service):
    steward = service.key("steward")

    def put(body):
        return service.put("/api/v1/settings/quality.gate", json=body, headers=steward)

    assert put(WANTED | {"values": {"completeness": 7}}).status_code == 422
    assert put(WANTED | {"scope": "no_table"}).status_code == 404
    assert put({"values": {}}).status_code == 422
    assert put(WANTED | {"seen": 3}).status_code == 409
    assert service.put("/api/v1/settings/nothing", json=WANTED, headers=steward).status_code == 404
    assert service.post("/api/v1/settings/quality.gate/back", json={"version": 9, "reason": "x"}, headers=steward).status_code == 422
    assert {s["name"] for s in service.get("/api/v1/settings", headers=steward).json()} == set(SETTINGS)
    assert service.put("/api/v1/settings/schedules", json=WANTED | {"scope": "", "values": {}}, headers=steward).status_code == 422
    assert service.put("/api/v1/settings/distribution.rules", json=WANTED | {"scope": "no_engine", "values": {}}, headers=steward).status_code == 404


def test_what_deletes_for_good_is_for_admins(service):
    body = {"values": {"days": 400}, "reason": "the law", "scope": "orders"}
    refused = service.put("/api/v1/settings/governance.retention", json=body, headers=service.key("steward"))
    assert refused.status_code == 403
    assert "only admins" in refused.json()["detail"]
    assert service.put("/api/v1/settings/governance.retention", json=body, headers=service.key("admin")).status_code == 200
