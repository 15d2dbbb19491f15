"""Whatever a key of one tenant asks, nothing of another comes back: random requests over every read route."""

import random

import pytest

from seeding_platform_tests.service.test_kept import BODIES

WORDS = ["spend", "cac", "roas", "by campaign", "by platform", "last month", "last 30 days"]
WORDS += ["for Secret Campaign", "without Secret_Campaign", "vs the previous period"]
SECRETS = ("Secret_Campaign", "Secret note", "secret@example.org")


def drawn(rng: random.Random, ids: list[str]) -> tuple[str, str, dict | None]:
    """A request: method, address, body."""
    kind = rng.choice(["kpis", "nlq", "exports", "contributions", "anomalies", "item", "history", "page", "list"])
    filters = rng.choice(["", "&filter=campaign:Secret_Campaign", "&filter=campaign:!Secret_Campaign", "&filter=platform:Google"])
    by = rng.choice(["campaign", "platform", "account", "country"])
    if kind == "nlq":
        return "POST", "/api/v1/nlq", {"question": " ".join(rng.sample(WORDS, rng.randint(1, 4)))}
    if kind in ("kpis", "exports"):
        return "GET", f"/api/v1/{kind}?metrics=spend,conversions&by={by}{filters}", None
    if kind == "contributions":
        return "GET", f"/api/v1/insights/contributions?metric=spend&by={by}{filters}", None
    if kind == "anomalies":
        return "GET", f"/api/v1/insights/anomalies?metric=spend{filters}", None
    if kind in ("item", "history"):
        return "GET", f"/api/v1/{rng.choice(list(BODIES))}/{rng.choice(ids)}{'/history' if kind == 'history' else ''}", None
    if kind == "page":
        pages = [f"kpis?by={by}", "watch", "dashboards", "overview", f"dashboards/{rng.choice(ids)}", "kpis?only=campaign:Secret_Campaign"]
        return "GET", f"/{rng.choice(['en', 'nl'])}/{rng.choice(pages)}", None
    return "GET", f"/api/v1/{rng.choice(['snapshots/current', 'messages', 'ingestions', *BODIES])}", None


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_of_another_tenant_comes_back(service, seed):
    theirs = service.key("analyst", "other")
    bodies = {**BODIES, "annotations": {"day": "2025-06-11", "text": "Secret note"}, "questions": {"title": "Secret note", "question": "spend"}}
    ids = [service.post(f"/api/v1/{kind}", json=body, headers=theirs).json()["item_id"] for kind, body in bodies.items()]
    mine = service.key("analyst")
    mine_total = service.get("/api/v1/kpis?metrics=spend", headers=mine).json()["rows"][0]["spend"]
    rng, leaks = random.Random(seed), []
    service.post("/en/sign-in", data={"key": mine["Authorization"].split()[1]})
    for _ in range(150):
        method, url, body = drawn(rng, ids)
        answer = service.request(method, url, json=body, headers=mine)
        asked_for = url + str(body or "")
        told = answer.text
        if any(secret in told for secret in SECRETS if secret not in asked_for) or answer.status_code >= 500:
            leaks.append((url, body, answer.status_code))
        if "by=campaign" in url and url.startswith("/api/v1/kpis") and "filter" not in url and answer.json()["rows"]:
            total = sum(row["spend"] for row in answer.json()["rows"])
            if abs(total - mine_total) > 0.01:
                leaks.append((url, total))
    assert leaks == []
