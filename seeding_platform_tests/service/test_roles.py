"""Every role on every route and every page: allowed from a role on, refused below it; nothing without a key but what says so."""

import re

import pytest
from starlette.routing import Mount, WebSocketRoute

from seeding_platform_tests.service.test_kept import BODIES

ROLES = ["viewer", "analyst", "operator", "steward", "admin"]
KINDS = ["questions", "dashboards", "alert-rules", "targets", "annotations", "reports", "ratios"]
NEEDS = {
    **{
        ("GET", f"/api/v1/{path}"): "viewer"
        for path in (
            "kpis", "metrics", "snapshots/current", "ingestions", "ingestions/none", "exports",
            "events?seconds=0.01", "runs", "runs/none",
            "cleaning", "cleaning/none", *(f"cleaning/none/{part}" for part in ("rejects", "repairs", "clusters", "changes")),
            "engines/none/bundles/none/manifest", "engines/none/bundles/none/files/none",
            "engines", "engines/none", "engines/none/generations", "engines/none/generations/none/diff/none",
            "bundles", "deliveries", "deliveries/none",
            "engines/keys", "engines/none/bundles/none/manifest.sig", "engines/none/release", "engines/none/stream?seconds=0.01",
            *(f"delta-sharing/shares{rest}" for rest in ("", "/none", "/none/schemas", "/none/schemas/none/tables", "/none/all-tables")),
            *(f"delta-sharing/shares/none/schemas/none/tables/none/{part}" for part in ("version", "metadata")),
            "insights/contributions", "insights/anomalies", "insights/forecast?days=no", "insights/findings?unknown=1",
            "alerts", "alerts/none", "alert-rules/none/state", "targets/none/pace", "quality/tables",
        )
    },
    **{("GET", f"/api/v1/quality/{path}"): "operator" for path in ("scorecard", "recommendations")},
    **{("GET", f"/api/v1/{kind}{rest}"): "viewer" for kind in KINDS for rest in ("", "/none", "/none/history")},
    **{(method, f"/api/v1/{kind}{rest}"): "analyst" for kind in KINDS for method, rest in (("POST", ""), ("PUT", "/none"), ("DELETE", "/none"))},
    **{("POST", f"/api/v1/alerts/none/{act}"): "analyst" for act in ("acknowledge", "mute", "resolve")},
    **{("GET", f"/api/v1/webhooks{rest}"): "steward" for rest in ("", "/none", "/none/deliveries")},
    **{("POST", f"/api/v1/webhooks{rest}"): "steward" for rest in ("", "/none/rotate", "/none/enable", "/none/disable", "/none/test",
                                                                   "/none/deliveries/none/replay")},
    ("DELETE", "/api/v1/webhooks/none"): "steward",
    **{("POST", f"/api/v1/engines/none/{path}"): "operator" for path in ("acknowledgements", "health", "rollback", "redistribute")},
    **{("POST", f"/api/v1/{path}"): "operator" for path in ("engines/redistribute", "deliveries/none/replay")},
    **{(method, "/api/v1/engines/none/endpoints"): "admin" for method in ("GET", "POST")},
    ("DELETE", "/api/v1/engines/none/endpoints/none"): "admin",
    **{("POST", f"/api/v1/engines/none/endpoints/none/{act}"): "admin" for act in ("enable", "disable", "rotate-secret")},
    ("POST", "/api/v1/nlq"): "viewer",
    ("POST", "/api/v1/delta-sharing/shares/none/schemas/none/tables/none/query"): "viewer",
    ("POST", "/api/v1/ingestions"): "analyst",
    ("POST", "/api/v1/dashboards/none/share"): "analyst",
    ("GET", "/api/v1/messages"): "analyst",
    ("GET", "/api/v1/runs/none/log"): "operator",
    ("POST", "/api/v1/runs"): "operator",
    ("POST", "/api/v1/runs/none/stop"): "operator",
    ("POST", "/api/v1/cleaning/none/rules"): "operator",
    ("POST", "/api/v1/cleaning/none/pairs"): "operator",
    **{("GET", f"/api/v1/settings{rest}"): "analyst" for rest in ("", "/none", "/none/history")},
    ("PUT", "/api/v1/settings/none"): "steward",
    ("POST", "/api/v1/settings/none/back"): "steward",
    **{("GET", f"/api/v1/privacy/requests{rest}"): "steward" for rest in ("", "/none", "/none/certificate", "/none/package")},
    ("POST", "/api/v1/privacy/requests"): "steward",
    **{("GET", f"/api/v1/audit{rest}"): "steward" for rest in ("", "/seals", "/none")},
    ("POST", "/api/v1/privacy/reveals"): "steward",
    ("GET", "/api/v1/policies/none"): "steward",
    ("POST", "/api/v1/audit/verify"): "admin",
    **{("GET", f"/api/v1/tables/none/none/{part}"): "operator" for part in ("versions", "diff")},
    ("POST", "/api/v1/tables/none/none/restore"): "operator",
    **{
        ("GET", f"/api/v1/ml/{path}"): "viewer"
        for path in (
            "models", "models/none", "models/none/versions", "models/none/versions/none/card", "models/none/lineage", "retraining-jobs",
            "retraining-jobs/none", "deployments", "status", "metrics", "history", "schedules",
        )
    },
    **{("POST", f"/api/v1/ml/{path}"): "analyst" for path in ("predictions", "reasons", "labels")},
    ("PUT", "/api/v1/ml/models/none/shadow"): "operator",
    **{
        ("POST", f"/api/v1/ml/{path}"): "operator"
        for path in ("performance-checks", "retraining-jobs", "validations", "deployments", "rollback", "promotions")
    },
    **{
        ("GET", f"/api/v1/enrichment/none/{path}"): "viewer"
        for path in ("health", "report", "backlog", "records", "records/none/none", "dead-letters", "reviews", "versions", "comparison")
    },
    **{("POST", f"/api/v1/enrichment/none/{path}"): "analyst" for path in ("records", "reviews/none/none")},
    **{
        ("POST", f"/api/v1/enrichment/none/{path}"): "operator"
        for path in ("process", "dead-letters/redrive", "pauses", *(f"records/none/none/{act}" for act in ("cancel", "again", "replay")))
    },
    ("DELETE", "/api/v1/enrichment/none/pauses"): "operator",
    **{("POST", f"/api/v1/enrichment/none/{path}"): "steward" for path in ("samples", "versions/none", "comparison/sharing")},
    **{("GET", f"/api/v1/tenants{rest}"): "admin" for rest in ("", "/none/export")},
    **{("POST", f"/api/v1/tenants{rest}"): "admin" for rest in ("", "/none/suspend", "/none/resume", "/none/remove")},
    ("PUT", "/api/v1/tenants/none/quota"): "admin",
    ("GET", "/api/v1/keys"): "admin",
    ("POST", "/api/v1/keys"): "admin",
    ("POST", "/api/v1/keys/none/rotate"): "admin",
    ("DELETE", "/api/v1/keys/none"): "admin",
}  # fmt: skip
SENT = {
    "/api/v1/engines/none/acknowledgements": {"generation": 1, "content_id": "0" * 64, "state": "active"},
    "/api/v1/engines/none/health": {"metric": "auc", "value": 1.0},
}
"""Bodies that get as far as the question who may send them."""
SIGNED = {("POST", "/api/v1/hooks/{event}"), ("GET", "/api/v1/delta-sharing/files/{share}/{table}/{generation}/{name}")}
OPEN, ALIAS = "nobody", "/api/workflows/ml/auto-retraining"
ENRICHMENT = {
    **{("GET", f"/api/enrichment/{what}/{{tenant}}"): "viewer" for what in ("health", "report", "backlog")},
    ("POST", "/api/enrichment/process/{tenant}"): "operator",
}
PAGES = {
    **{
        ("GET", f"/{{lang}}/{path}"): "viewer"
        for path in (
            "overview", "kpis", "ask", "upload", "dashboards", "dashboards/{item_id}", "watch", "runs",
            "alerts", "alerts/{alert_id}",
            "quality/cleaning", "quality/cleaning/{contract}", "quality/cleaning/{contract}/clusters", "quality", "quality/bias",
            "engines", "engines/dead-letters", "engines/{engine}",
            "models", "models/{model}", "enrichment", "enrichment/records/{record_type}/{record_id}",
        )
    },
    **{(method, "/{lang}/enrichment/review"): "analyst" for method in ("GET", "POST")},
    **{("POST", f"/{{lang}}/{path}"): "operator" for path in ("enrichment", "enrichment/records/{record_type}/{record_id}")},
    **{("GET", f"/{{lang}}/{path}"): "analyst" for path in ("settings", "settings/{name}")},
    **{("POST", f"/{{lang}}/{path}"): "operator" for path in ("models", "models/{model}", "engines", "engines/dead-letters", "engines/{engine}")},
    ("POST", "/{lang}/engines/{engine}/endpoints"): "admin",
    ("POST", "/{lang}/alerts/{alert_id}"): "analyst",
    **{(method, "/{lang}/webhooks"): "steward" for method in ("GET", "POST")},
    **{(method, "/{lang}/tables/{layer}/{table}/history"): "operator" for method in ("GET", "POST")},
    ("GET", "/{lang}/tables"): "operator",
    **{("GET", f"/{{lang}}/{path}"): "steward" for path in ("privacy", "privacy/{request_id}", "audit", "audit/{seq}")},
    **{("POST", f"/{{lang}}/{path}"): "steward" for path in ("privacy", "settings/{name}")},
    ("POST", "/{lang}/audit"): "admin",
    **{(method, f"/{{lang}}/{path}"): "admin" for method in ("GET", "POST") for path in ("people", "tenants")},
    ("GET", ALIAS): "viewer",
    ("POST", ALIAS): "operator",
    **ENRICHMENT,
    ("GET", "/"): OPEN,
    ("GET", "/{lang}/sign-in"): OPEN,
    ("POST", "/{lang}/sign-in"): OPEN,
    ("GET", "/{lang}/sign-out"): OPEN,
    ("POST", "/{lang}/sign-out"): OPEN,
    ("GET", "/{lang}/sign-in/issuer"): OPEN,
    ("GET", "/sign-in/callback"): OPEN,
    ("GET", "/shared/{token}"): OPEN,
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/api/v1/openapi.json"): OPEN,
}  # fmt: skip
"""From which role on a page is shown. What a page offers to do is a route of the API and needs what that needs."""
NAMED = {
    "{lang}": "en", "{item_id}": "none", "{token}": "none", "{contract}": "content_posts", "{request_id}": "none", "{seq}": "1",
    "{alert_id}": "none", "{name}": "quality.gate", "{layer}": "clean", "{table}": "orders", "{model}": "churn",
    "{engine}": "churn_prediction",
    "{tenant}": "default",
    "{record_type}": "exception", "{record_id}": "none",
}  # fmt: skip


@pytest.mark.long
def test_every_role_on_every_route(service):
    wrong, keys = [], {role: service.key(role) for role in ROLES}
    for (method, url), needed in NEEDS.items():
        asked = url.replace("/audit/none", "/audit/1")  # a number, or it is no address at all
        for role in ROLES:
            body = SENT.get(url, {}) if method in ("POST", "PUT") and "ingestions" not in url else None
            response = service.request(method, asked, headers=keys[role], json=body)
            allowed = ROLES.index(role) >= ROLES.index(needed)
            if (response.status_code == 403) == allowed or response.status_code == 401:
                wrong.append((method, url, role, response.status_code))
        if service.request(method, asked).status_code != 401:
            wrong.append((method, url, "nobody", 0))
    assert wrong == []


def test_every_route_is_in_the_matrix(service):
    paths = service.app.openapi()["paths"]
    listed = {(m.upper(), path) for path, told in paths.items() for m in told if path.startswith("/api/v1/")} - SIGNED
    assert {(method, re.sub(r"{[a-z_]+}", "none", path)) for method, path in listed} == {(m, url.partition("?")[0]) for m, url in NEEDS}


def routes_in(routes) -> list[tuple[object, str]]:
    """Every route of an app with its address, those of included routers too; sockets have no methods, and tests of their own."""
    found = []
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            found += routes_in(inner.routes)
        elif not isinstance(route, Mount | WebSocketRoute):
            found.append((route, route.path_format))
    return found


def test_every_page_is_in_the_matrix(service):
    described = {(m.upper(), path) for path, told in service.app.openapi()["paths"].items() for m in told}
    walked = {(m, path) for route, path in routes_in(service.app.routes) for m in route.methods - {"HEAD"}}
    assert len(walked) > 60
    assert {(m, p) for m, p in walked - described} == {
        (m, p) for m, p in PAGES if not p.startswith(("/healthz", "/readyz", "/metrics", ALIAS, "/api/enrichment/"))
    }
    assert {(m, p) for m, p in described if not p.startswith("/api/v1/")} <= set(PAGES)
    assert [r.path for r in service.app.routes if isinstance(r, Mount)] == ["/static"]


def address(template: str) -> str:
    for name, value in NAMED.items():
        template = template.replace(name, value)
    return template


@pytest.mark.long
def test_every_role_on_every_page(service):
    wrong, keys = [], {None: {}, **{role: service.key(role) for role in ROLES}}
    for (method, template), needed in PAGES.items():
        url = address(template)
        for role in [None, *ROLES]:
            headers = keys[role]
            response = service.request(method, url, headers=headers, follow_redirects=False)
            to_sign_in = response.headers.get("location", "").startswith("/en/sign-in?next=")
            refused = to_sign_in or response.status_code in (401, 403)
            allowed = needed == OPEN or (role is not None and ROLES.index(role) >= ROLES.index(needed))
            if refused == allowed or response.status_code >= 500:
                wrong.append((method, url, role, response.status_code))
    assert wrong == []


@pytest.mark.long
def test_no_page_offers_what_its_reader_may_not_do(service):
    """Every button and form of every page, for every role, is a route that this role may use; and somebody is offered something."""
    service.runs.add("abcdef0123", "running")
    for kind, body in BODIES.items():
        assert service.post(f"/api/v1/{kind}", json=body, headers=service.key("analyst")).status_code == 201
    board = service.get("/api/v1/dashboards", headers=service.key()).json()[0]["item_id"]
    urls = [address(t).replace("none", board) for (_, t), needed in PAGES.items() if needed != OPEN] + ["/en/ask?question=spend+last+month"]
    offered, wrong = {role: set() for role in ROLES}, []
    for role in ("viewer", "analyst", "operator", "admin"):
        headers = service.key(role)
        for url in urls:
            text = service.get(url, headers=headers).text
            tags = re.findall(r"<[^>]*\sdata-(?:send|post)=[^>]*>", text)
            for tag in tags:
                _, address_of = re.search(r'data-(send|post)="([^"]+)"', tag).groups()
                method = (re.search(r'data-method="(\w+)"', tag) or ["", "POST"])[1]
                route = next(((m, u) for m, u in NEEDS if m == method and re.fullmatch(u.replace("none", "[^/]+"), address_of)), None)
                if route is None or ROLES.index(role) < ROLES.index(NEEDS[route]):
                    wrong.append((url, role, method, address_of))
                offered[role].add(route)
    assert wrong == []
    assert offered["viewer"] == set()
    assert {("POST", "/api/v1/alert-rules"), ("DELETE", "/api/v1/alert-rules/none"), ("POST", "/api/v1/questions")} <= offered["analyst"]
    assert {("POST", "/api/v1/runs"), ("POST", "/api/v1/runs/none/stop"), *offered["analyst"]} <= offered["operator"]
