"""Runs over the API: started once, refused while one is under way, stopped; hooks only with a genuine and fresh signature."""

import hashlib
import hmac
import time

from pydantic import SecretStr

from seeding_platform_tests.service.test_api import is_problem


def signed(event: str, body: bytes = b"", *, secret: str = "secret of hooks", at: float | None = None) -> dict[str, str]:
    when = int(at if at is not None else time.time())
    mark = hmac.new(secret.encode(), f"{when}.{event}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Seeding-Signature": f"t={when},v1={mark}"}


def test_a_run_is_started_once_for_a_key_and_refused_while_one_is_under_way(service):
    key = {**service.key("operator"), "Idempotency-Key": "k"}
    first = service.post("/api/v1/runs", json={"event": "seed"}, headers=key)
    again = service.post("/api/v1/runs", json={"event": "seed"}, headers=key)
    assert (first.status_code, first.headers["location"]) == (202, "/api/v1/runs/run1")
    assert again.json() == first.json()
    assert service.runs.asked == ["seed"]
    service.runs.add("under-way", "running")
    assert is_problem(service.post("/api/v1/runs", json={"event": "kpi"}, headers=service.key("operator")), 409, "busy")


def test_a_run_shows_its_stages_and_log_and_can_be_stopped_once(service):
    service.runs.add("r", "running")
    key = service.key("operator")
    told = service.get("/api/v1/runs/r", headers=key).json()
    assert [(s["name"], s["done"], s["planned"], s["rows"]) for s in told["stages"]] == [("raw", 2, 2, 1200), ("clean", 1, 4, 300)]
    assert [line["subject"] for line in service.get("/api/v1/runs/r/log", headers=key).json()] == ["raw/posts"]
    assert service.get("/api/v1/runs/r/log?after=1", headers=key).json() == []
    assert service.post("/api/v1/runs/r/stop", headers=key).json()["status"] == "canceled"
    assert is_problem(service.post("/api/v1/runs/r/stop", headers=key), 404, "no-such-run")
    assert is_problem(service.get("/api/v1/runs/none", headers=key), 404, "no-such-run")


def test_a_signed_hook_starts_a_run_and_its_repetition_none(service):
    headers = signed("clean", b"{}")
    first = service.post("/api/v1/hooks/clean", content=b"{}", headers=headers)
    again = service.post("/api/v1/hooks/clean", content=b"{}", headers=headers)
    assert (first.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert service.runs.asked == ["clean"]


def test_a_hook_that_is_not_genuine_or_not_fresh_starts_nothing(service):
    post = service.post
    assert is_problem(post("/api/v1/hooks/seed", content=b""), 401, "unsigned")
    assert is_problem(post("/api/v1/hooks/seed", content=b"", headers=signed("seed", secret="another")), 401, "wrong-signature")
    assert is_problem(post("/api/v1/hooks/seed", content=b"x", headers=signed("seed")), 401, "wrong-signature")
    assert is_problem(post("/api/v1/hooks/seed", content=b"", headers=signed("kpi")), 401, "wrong-signature")
    assert is_problem(post("/api/v1/hooks/seed", content=b"", headers=signed("seed", at=time.time() - 301)), 401, "stale-signature")
    assert post("/api/v1/hooks/drop", content=b"", headers=signed("drop")).status_code == 422
    assert service.runs.asked == []


def test_hooks_without_a_secret_are_off(service):
    shared = service.app.state.service
    shared.settings = shared.settings.model_copy(update={"hook_secret": SecretStr("")})
    assert is_problem(service.post("/api/v1/hooks/seed", content=b"", headers=signed("seed", secret="")), 503, "hooks-off")


def test_why_a_run_failed_is_for_operators(service):
    service.runs.add("r", "failed", message="line 3 of their_file.csv: 'Secret'", partition="their_file")
    for role, sees in (("viewer", False), ("analyst", False), ("operator", True)):
        key = service.key(role)
        for told in (
            service.get("/api/v1/runs/r", headers=key).text,
            service.get("/api/v1/runs", headers=key).text,
            service.get("/en/runs", headers=key).text,
        ):
            assert ("their_file" in told) == sees
        assert ("Secret" in service.get("/en/overview", headers=key).text) == sees
        assert (service.get("/api/v1/runs/r/log", headers=key).status_code == 200) == sees


def test_a_failed_landing_is_not_forgotten_because_something_ran_after_it(service):
    service.runs.add("a", "failed", job="land__ads", message="the file is broken")
    service.runs.add("b", "succeeded", job="seed")
    assert "the file is broken" in service.get("/en/overview", headers=service.key("operator")).text
    service.runs.add("c", "succeeded", job="land__ads")
    assert "the file is broken" not in service.get("/en/overview", headers=service.key("operator")).text
