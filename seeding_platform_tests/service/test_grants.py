"""Keys that are limited to tables and sources: every route that names one, what is about none, and who may be limited."""

import re

import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.service.granted import FREE, about
from seeding_platform.storage.api_keys import ApiKeys, KeyRefused, Role
from seeding_platform.storage.grants import granted, parsed
from seeding_platform_tests.service.test_roles import PAGES, routes_in
from seeding_platform_tests.storage.filled import NOW

NAMING = {"layer", "table", "contract", "engine", "source", "model"}
"""Names in addresses that say which table or source they are about."""
VALUES = {
    "layer": "clean",
    "table": "orders",
    "contract": "orders",
    "engine": "analytics",
    "lang": "en",
    "model": "churn",
    "generation": "1",
    "seq": "1",
}


@pytest.fixture
def limited(service):
    """Makes a key of a steward with grants; the header."""

    def made(*grants: str, role: Role = Role.STEWARD) -> dict[str, str]:
        key_id = f"limited{len(service.app.state.service.api.all_keys())}"
        key = service.app.state.service.api.create_key(
            role=role, tenant="default", label="", secret="s", key_id=key_id, now=NOW, grants=grants
        )  # fmt: skip
        return {"Authorization": f"Bearer {key}"}

    return made


def walked(service) -> set[tuple[str, str]]:
    described = {(m.upper(), path) for path, told in service.app.openapi()["paths"].items() for m in told}
    return described | {(m, path) for route, path in routes_in(service.app.routes) for m in route.methods - {"HEAD"}}


def filled_in(path: str) -> str:
    return re.sub(r"{(\w+)(?::\w+)?}", lambda m: VALUES.get(m[1], "none"), path)


def test_every_route_that_names_a_table_or_a_source_is_about_it(service):
    naming = {path for _, path in walked(service) if NAMING & set(re.findall(r"{(\w+)", path))}
    assert len(naming) > 15
    assert {path for path in naming if about(path, VALUES) is None} == set()


@pytest.mark.long
def test_a_limited_key_is_refused_on_every_other_route(service, limited):
    header, passed = limited("quality/nothing"), []
    for method, path in sorted(walked(service)):
        signed = path.startswith(("/api/v1/hooks/", "/api/v1/delta-sharing/files/"))
        if PAGES.get((method, path)) == "nobody" or signed or path in FREE:
            continue
        answer = service.request(method, filled_in(path), headers=header, follow_redirects=False)
        page = path.startswith("/{lang}/")
        refused = answer.headers["content-type"].startswith("text/html") if page else answer.json().get("code") == "not-granted"
        if answer.status_code != 403 or not refused:
            passed.append((method, path, answer.status_code))
    assert passed == []


@pytest.mark.parametrize(
    ("grants", "url", "code"),
    [
        (["clean/orders"], "/api/v1/tables/clean/orders/versions", 404),
        (["clean/*"], "/api/v1/tables/clean/orders/versions", 404),
        (["clean/orders"], "/api/v1/tables/clean/customers/versions", 403),
        (["clean/orders"], "/api/v1/tables/raw/orders/versions", 403),
        (["clean/orders"], "/api/v1/kpis", 403),
        (["kpi/*"], "/api/v1/kpis", 200),
        (["kpi/ads_daily"], "/en/kpis", 200),
        (["kpi/*"], "/api/v1/exports?metrics=spend&by=platform", 200),
        (["kpi/*"], "/api/v1/ingestions", 403),
        (["source:ad_*"], "/api/v1/ingestions", 200),
        (["source:ad_*"], "/en/upload", 200),
        (["bundle/analytics"], "/api/v1/engines/analytics/bundles/1/manifest", 404),
        (["bundle/analytics"], "/api/v1/engines/optimization/bundles/1/manifest", 403),
        (["engine:analytics"], "/api/v1/engines/analytics/bundles/1/manifest", 404),
        (["engine:analytics"], "/api/v1/engines/analytics/release", 404),
        (["engine:analytics"], "/api/v1/engines/optimization/release", 403),
        (["engine:analytics"], "/api/v1/tables/bundle/analytics/versions", 403),
        (["*/*"], "/api/v1/audit", 403),
    ],
)
def test_what_a_grant_opens(service, limited, grants, url, code):
    assert service.get(url, headers=limited(*grants)).status_code == code


def test_uploads_are_refused_on_record(service, limited):
    refused = service.post("/api/v1/ingestions", files={"file": ("a.csv", b"x")}, headers=limited("kpi/*"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not-granted")
    assert service.get("/api/v1/tables/clean/orders/versions", headers=limited("kpi/*")).status_code == 403
    events = service.app.state.service.trail.log.newest(tenant="default", limit=9)
    assert [e.event.outcome for e in events] == ["refused", "refused"]


def test_a_session_is_limited_as_its_key_is(service, limited):
    key = limited("kpi/*")["Authorization"].split()[1]
    service.post("/en/sign-in", data={"key": key})
    assert service.get("/en/kpis").status_code == 200
    assert service.get("/en/tables").status_code == 403


def test_grants_are_set_and_shown_when_a_key_is_made(service):
    admin = service.key("admin")
    made = service.post("/api/v1/keys", json={"role": "viewer", "grants": ["kpi/*", "clean/orders"]}, headers=admin)
    assert (made.status_code, made.json()["grants"]) == (201, ["kpi/*", "clean/orders"])
    assert {k["key_id"]: k["grants"] for k in service.get("/api/v1/keys", headers=admin).json()}[made.json()["key_id"]] == ["kpi/*", "clean/orders"]
    for wrong in ({"role": "viewer", "grants": ["orders"]}, {"role": "admin", "grants": ["kpi/*"]}, {"role": "viewer", "grants": ["a/b c"]}):
        assert service.post("/api/v1/keys", json=wrong, headers=admin).json()["code"] == "no-such-grant"


def test_the_page_takes_and_shows_grants(service):
    form = {"step": "create", "role": "viewer", "holder": "Kim", "new_id": "0123456789ab"}
    made = service.post("/en/people", data={**form, "grants": "kpi/*  clean/orders"}, headers=service.key("admin"))
    assert "kpi/* clean/orders" in made.text
    assert service.app.state.service.api.named_key("0123456789ab").grants == ("kpi/*", "clean/orders")
    for wrong in ({"grants": "orders"}, {"grants": "kpi/*", "role": "admin"}):
        refused = service.post("/nl/people", data={**form, "new_id": "0123456789ac", **wrong}, headers=service.key("admin"))
        assert refused.status_code == 422
        assert 'id="grants-e"' in refused.text


def test_an_admin_is_never_limited(service):
    with pytest.raises(KeyRefused, match="cannot be limited"):
        ApiKeys(service.app.state.service.state).create_key(
            role=Role.ADMIN, tenant="default", label="", secret="s", key_id="x", now=NOW, grants=["kpi/*"]
        )  # fmt: skip


@pytest.mark.parametrize("wrong", ["", "clean", "clean/", "/orders", "clean/orders ", "source:", "sources:a", "clean/[a]", "clean/../x", "a/b/c"])
def test_what_is_no_grant(wrong):
    with pytest.raises(ConfigError, match="no grant"):
        parsed([wrong])


def test_a_source_is_not_a_table():
    assert not granted(("*/*",), "source:ad_exports")
    assert not granted(("source:*",), "clean/orders")
