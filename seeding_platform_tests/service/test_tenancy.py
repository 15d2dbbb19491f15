"""Tenants over the API: managed by admins of the installation, each admin sees their own; quotas and suspensions are kept to."""

import io
import json
import zipfile

import polars as pl
import pytest

from seeding_platform.settings import project_root
from seeding_platform.storage.lake import Lake

EXPORT = project_root() / "data" / "samples" / "exports" / "ga4.csv"
AT = "/api/v1/tenants"


@pytest.fixture
def lake(service):
    made = Lake(service.app.state.service.settings.lake)
    made.overwrite("raw/orders", pl.DataFrame({"tenant": ["default", "other", "other"], "id": ["1", "2", "3"]}))
    return made


@pytest.fixture
def root(service):
    """An admin of the installation."""
    return service.key("admin", "")


def test_an_admin_sees_their_own_and_one_of_the_installation_all(service, lake, root):
    mine = service.key("admin")
    service.key("viewer", "other")
    assert [(t["tenant"], t["rows"]) for t in service.get(AT, headers=mine).json()] == [("default", 1)]
    told = {t["tenant"]: t for t in service.get(AT, headers=root).json()}
    assert set(told) == {"default", "other"}
    assert {n: told["other"][n] for n in ("rows", "tables", "keys", "state")} == {"rows": 2, "tables": 1, "keys": 1, "state": "active"}


def test_only_an_admin_of_the_installation_changes_anything(service, lake, root):
    mine, body = service.key("admin"), {"reason": "x"}
    asked = [("POST", "", {"tenant": "new"}), ("PUT", "/default/quota", {}), ("POST", "/default/suspend", body), ("POST", "/default/resume", body),
             ("POST", "/default/remove", {**body, "confirm": "default"})]  # fmt: skip
    assert [service.request(m, AT + url, json=json, headers=mine).status_code for m, url, json in asked] == [403] * 5
    others = [(m, url.replace("default", "other"), json) for m, url, json in asked[1:]] + [("GET", "/other/export", None)]
    assert [service.request(m, AT + url, json=json, headers=mine).status_code for m, url, json in others] == [404] * 5
    assert [service.request(m, AT + url.replace("default", "none"), json=json, headers=root).status_code for m, url, json in asked[1:4]] == [404] * 3


def test_adding_one(service, root):
    made = service.post(AT, json={"tenant": "acme", "label": "Acme", "quota": {"rows": 5}}, headers=root)
    assert (made.status_code, made.json()["quota"]) == (201, {"rows": 5, "bytes": None, "requests_a_minute": None})
    assert service.post(AT, json={"tenant": "acme"}, headers=root).json()["code"] == "there-already"
    for wrong in ({"tenant": "A b"}, {"tenant": "a", "quota": {"rows": -1}}, {"tenant": "a", "quota": {"rows": "5"}}, {"tenant": "a", "x": 1}):
        assert service.post(AT, json=wrong, headers=root).status_code == 422
    events = service.app.state.service.trail.log.newest(tenant="acme", action="tenants.add", limit=9)
    assert len(events) == 1


def test_a_suspended_tenant_is_refused_at_once_with_the_reason(service, lake, root):
    theirs = service.key("analyst", "other")
    service.post("/en/sign-in", data={"key": theirs["Authorization"].split()[1]})
    assert service.get("/api/v1/kpis").status_code == 200
    assert service.post(f"{AT}/other/suspend", json={"reason": "unpaid"}, headers=root).json()["state"] == "suspended"
    refused = service.get("/api/v1/kpis", headers=theirs)
    assert (refused.status_code, refused.json()["code"]) == (403, "tenant-suspended")
    assert service.get("/api/v1/kpis").status_code == 401
    assert service.get("/api/v1/kpis", headers={"Authorization": "Bearer sp_analystother_wrong"}).status_code == 401
    assert service.get("/en/overview", follow_redirects=False).status_code == 303
    assert service.get("/api/v1/kpis", headers=service.key()).status_code == 200
    service.cookies.clear()
    assert service.post(f"{AT}/other/resume", json={"reason": "paid"}, headers=root).json()["state"] == "active"
    assert service.get("/api/v1/kpis", headers=theirs).status_code == 200


def test_requests_of_all_keys_of_a_tenant_count_together(service, root, lake):
    keys = [service.key("viewer", "other"), service.key("analyst", "other")]
    assert service.put(f"{AT}/other/quota", json={"requests_a_minute": 3}, headers=root).status_code == 200
    answers = [service.get("/api/v1/metrics", headers=keys[n % 2]) for n in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[3].json()["code"] == "quota-exceeded"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert service.get("/api/v1/metrics", headers=service.key()).status_code == 200


@pytest.mark.parametrize(("quota", "of"), [({"rows": 3}, "rows"), ({"bytes": 1000}, "bytes")])
def test_an_upload_beyond_the_quota_is_not_kept(service, root, lake, quota, of):
    service.put(f"{AT}/default/quota", json=quota, headers=root)
    sent = {"files": {"file": ("ga4.csv", EXPORT.read_bytes())}, "headers": service.key("analyst")}
    refused = service.post("/api/v1/ingestions", **sent)
    assert (refused.status_code, refused.json()["code"], refused.json()["of"]) == (413, "quota-exceeded", of)
    assert service.get("/api/v1/ingestions", headers=service.key()).json() == []
    assert not list((service.app.state.service.settings.state / "uploads").glob("*"))


def test_taking_one_s_own_along(service, lake):
    got = service.get(f"{AT}/default/export", headers=service.key("admin"))
    assert got.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(got.content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert pl.read_parquet(archive.read("tables/raw/orders.parquet"))["id"].to_list() == ["1"]
    assert manifest["tenant"] == "default"
    assert not list(service.app.state.service.settings.state.glob("*.zip"))
    assert service.app.state.service.trail.log.newest(tenant="default", action="tenants.export", limit=9)


def test_removing_one_is_confirmed_and_leaves_the_others(service, lake, root):
    theirs = service.key("viewer", "other")
    for body in ({"reason": "x", "confirm": "default"}, {"reason": " ", "confirm": "other"}):
        assert service.post(f"{AT}/other/remove", json=body, headers=root).json()["code"] == "not-confirmed"
    done = service.post(f"{AT}/other/remove", json={"reason": "ended", "confirm": "other"}, headers=root)
    assert done.status_code == 200, done.text
    assert done.json()["stores"]["tables"] == {"raw/orders": 2}
    assert lake.read("raw/orders").collect()["tenant"].to_list() == ["default"]
    assert service.get("/api/v1/kpis", headers=theirs).status_code == 401
    assert service.get("/api/v1/kpis?metrics=spend", headers=service.key()).json()["rows"][0]["spend"] > 0
    assert {t["tenant"]: t["state"] for t in service.get(AT, headers=root).json()}["other"] == "removed"
    again = service.post(f"{AT}/other/remove", json={"reason": "ended", "confirm": "other"}, headers=root)
    assert (again.status_code, again.json()["code"]) == (409, "removed")
