"""Every role on every route: allowed from a role on, refused below it; no route without a key but those that say so."""

import re

ROLES = ["viewer", "analyst", "operator", "steward", "admin"]
KINDS = ["questions", "dashboards", "alerts", "targets", "annotations", "reports", "ratios"]
NEEDS = {
    **{
        ("GET", f"/api/v1/{path}"): "viewer"
        for path in (
            "kpis", "metrics", "snapshots/current", "ingestions", "ingestions/none", "exports",
            "events?seconds=0.01", "runs", "runs/none",
            "cleaning", "cleaning/none", *(f"cleaning/none/{part}" for part in ("rejects", "repairs", "clusters", "changes")),
            "engines/none/bundles/none/manifest", "engines/none/bundles/none/files/none",
            "insights/contributions", "insights/anomalies", "insights/forecast", "insights/findings", "alerts/none/state", "targets/none/pace",
        )
    },
    **{("GET", f"/api/v1/{kind}{rest}"): "viewer" for kind in KINDS for rest in ("", "/none", "/none/history")},
    **{(method, f"/api/v1/{kind}{rest}"): "analyst" for kind in KINDS for method, rest in (("POST", ""), ("PUT", "/none"), ("DELETE", "/none"))},
    ("POST", "/api/v1/nlq"): "viewer",
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
    ("GET", "/api/v1/keys"): "admin",
    ("POST", "/api/v1/keys"): "admin",
    ("DELETE", "/api/v1/keys/none"): "admin",
}  # fmt: skip
SIGNED = {("POST", "/api/v1/hooks/{event}")}


def test_every_role_on_every_route(service):
    wrong = []
    for (method, url), needed in NEEDS.items():
        for role in ROLES:
            body = {} if method in ("POST", "PUT") and "ingestions" not in url else None
            response = service.request(method, url, headers=service.key(role), json=body)
            allowed = ROLES.index(role) >= ROLES.index(needed)
            if (response.status_code == 403) == allowed or response.status_code == 401:
                wrong.append((method, url, role, response.status_code))
        if service.request(method, url).status_code != 401:
            wrong.append((method, url, "nobody", 0))
    assert wrong == []


def test_every_route_is_in_the_matrix(service):
    paths = service.app.openapi()["paths"]
    listed = {(m.upper(), path) for path, told in paths.items() for m in told if path.startswith("/api/v1/")} - SIGNED
    assert {(method, re.sub(r"{[a-z_]+}", "none", path)) for method, path in listed} == {(m, url.partition("?")[0]) for m, url in NEEDS}
