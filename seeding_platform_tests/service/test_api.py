"""The API: the same figures as everywhere, each refusal a problem, each tenant its own."""

import datetime as dt
import io
import json
import time

import polars as pl
import pytest

from seeding_platform.settings import project_root
from seeding_platform.storage.api_state import IdempotencyConflict
from seeding_platform.storage.enrichment.measurements import Measurement, Measurements
from seeding_platform_tests.enrichment.rows import NOW

EXPORTS = project_root() / "data" / "samples" / "exports"
READ = ["/api/v1/kpis", "/api/v1/insights/contributions", "/api/v1/metrics", "/api/v1/snapshots/current", "/api/v1/ingestions", "/api/v1/exports"]


def is_problem(response, status: int, code: str) -> bool:
    body = response.json()
    return (
        response.status_code == body["status"] == status and body["code"] == code and response.headers["content-type"] == "application/problem+json"
    )


def test_kpis_and_questions_give_the_same_figures(service):
    key = service.key()
    by_plan = service.get("/api/v1/kpis?metrics=cac,roas&by=platform&compare=previous", headers=key).json()
    in_words = service.post("/api/v1/nlq", json={"question": "CAC and ROAS by platform last 30 days vs the previous period"}, headers=key).json()
    assert by_plan["status"] == in_words["status"] == "ok"
    assert by_plan["rows"] == in_words["rows"]
    assert set(by_plan["rows"][0]["cac"]) == {"current", "previous", "change", "change_pct"}
    assert by_plan["snapshot"] == in_words["snapshot"]


def test_time_buckets_filters_and_order(service):
    key = service.key()
    weeks = service.get("/api/v1/kpis?metrics=spend&grain=week&start=2025-05-05&end=2025-06-01", headers=key).json()
    assert [r["period"] for r in weeks["rows"]] == ["2025-05-05", "2025-05-12", "2025-05-19", "2025-05-26"]
    some = service.get("/api/v1/kpis?metrics=clicks&by=country&filter=country:NL|BE&filter=platform:!Meta&order=-clicks&limit=1", headers=key).json()
    assert len(some["rows"]) == 1
    assert some["plan"]["filters"][1]["exclude"] is True


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/api/v1/kpis?metrics=profit", "invalid-plan"),
        ("/api/v1/kpis?metric=spend", "invalid-request"),
        ("/api/v1/kpis?by=city", "invalid-plan"),
        ("/api/v1/kpis?filter=platform", "invalid-request"),
        ("/api/v1/kpis?start=0", "invalid-request"),
        ("/api/v1/kpis?start=2025-06-02&end=2025-06-01", "invalid-plan"),
        ("/api/v1/kpis?order=rank", "invalid-plan"),
        ("/api/v1/kpis?limit=0", "invalid-request"),
        ("/api/v1/kpis?start=0001-01-01&end=0001-01-05&compare=previous", "invalid-plan"),
        ("/api/v1/kpis?start=yesterday", "invalid-request"),
    ],
)
def test_a_mistyped_request_is_a_problem(service, url, code):
    assert is_problem(service.get(url, headers=service.key()), 422, code)


def test_a_change_is_taken_apart(service):
    told = service.get("/api/v1/insights/contributions?metric=cac&by=campaign", headers=service.key()).json()
    assert sum(p["total"] for p in told["parts"]) == pytest.approx(told["change"])
    whole = service.get("/api/v1/kpis?metrics=cac&compare=previous", headers=service.key()).json()["rows"][0]["cac"]
    assert (told["current"], told["previous"]) == (whole["current"], whole["previous"])
    assert is_problem(service.get("/api/v1/insights/contributions?metric=cac&by=city", headers=service.key()), 422, "invalid-plan")
    assert is_problem(service.get("/api/v1/insights/contributions?start=2020-01-01&end=2020-01-02", headers=service.key()), 422, "refused")


def test_a_question_that_is_not_understood_is_an_answer(service):
    response = service.post("/api/v1/nlq", json={"question": "why is profit down"}, headers=service.key())
    assert response.status_code == 200
    assert response.json()["status"] == "not_understood"
    assert response.json()["rows"] == []


def test_nobody_without_a_key(service):
    for url in READ:
        assert is_problem(service.get(url), 401, "unauthenticated")
        assert is_problem(service.get(url, headers={"Authorization": "Bearer sp_viewerdefault_wrong"}), 401, "unauthenticated")
        assert is_problem(service.get(url, headers={"Authorization": "Bearer \u00e9".encode()}), 401, "unauthenticated")


def test_a_tenant_sees_only_its_own(service):
    mine, theirs = (service.get("/api/v1/kpis?metrics=spend&by=campaign", headers=service.key(tenant=t)).text for t in ("default", "other"))
    assert "Secret_Campaign" not in mine
    assert "Secret_Campaign" in theirs
    assert "Secret_Campaign" not in service.get("/api/v1/snapshots/current", headers=service.key()).text
    asked = service.post("/api/v1/nlq", json={"question": "spend for Secret Campaign last month"}, headers=service.key()).json()
    assert asked["status"] == "not_understood"


def test_an_answer_that_is_held_is_not_sent_again(service):
    key = service.key()
    first = service.get("/api/v1/kpis", headers=key)
    again = service.get("/api/v1/kpis", headers={**key, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = service.get("/api/v1/kpis", headers={**service.key(tenant="other"), "If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    assert service.app.state.service.cache.hits >= 1


def test_downloads(service):
    key = service.key()
    text = service.get("/api/v1/exports?metrics=spend&by=campaign&compare=previous", headers=key)
    assert text.headers["content-disposition"] == 'attachment; filename="kpis.csv"'
    assert text.text.splitlines()[0] == "campaign,spend,spend_previous,spend_change,spend_change_pct"
    arrow = pl.read_ipc(io.BytesIO(service.get("/api/v1/exports?metrics=spend&by=campaign&format=arrow", headers=key).content))
    rows = service.get("/api/v1/kpis?metrics=spend&by=campaign", headers=key).json()["rows"]
    assert arrow.to_dicts() == rows


def test_a_cell_that_would_be_a_formula_is_defused():
    from seeding_platform.service.routes.figures import _defused

    found = pl.DataFrame({"c": ["=cmd()", "+1", "-1", "@x", "plain"]}).select(_defused("c"))["c"].to_list()
    assert found == ["'=cmd()", "'+1", "'-1", "'@x", "plain"]


def test_other_addresses_and_methods_are_problems(service):
    assert is_problem(service.get("/nowhere"), 404, "http-404")
    assert is_problem(service.delete("/api/v1/kpis"), 405, "http-405")
    assert service.options("/api/v1/audit/verify").headers["allow"] == "POST"  # beside /audit/{seq}, which takes GET
    assert is_problem(service.get("/api/v1/audit?to=0", headers=service.key("admin")), 422, "invalid-request")
    assert is_problem(service.get("/api/v1/ingestions/none", headers=service.key()), 404, "no-such-ingestion")
    response = service.get("/api/v1/kpis", headers=service.key())
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-trace-id"]


def test_health_and_metrics(service):
    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.get("/readyz").status_code == 200
    assert 'seeding_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in service.get("/metrics").text


def test_figures_of_enrichment_are_scraped_with_a_key(service):
    made = [Measurement(tenant=t, metric="enrichment_backlog_size", at=NOW, value=v, n=v) for t, v in (("default", 7), ("other", 9))]
    Measurements(service.app.state.service.state).keep(made)
    assert "enrichment_" not in service.get("/metrics").text
    told = service.get("/metrics", headers=service.key()).text
    assert 'enrichment_backlog_size{tenant="default"} 7' in told.splitlines()
    assert "other" not in told
    assert is_problem(service.get("/metrics", headers={"Authorization": "Bearer sp_wrong"}), 401, "unauthenticated")


def test_keys_are_made_shown_once_and_revoked(service):
    admin = service.key("admin")
    made = service.post("/api/v1/keys", json={"role": "viewer", "label": "dashboard"}, headers=admin).json()
    fresh = {"Authorization": f"Bearer {made['key']}"}
    assert service.get("/api/v1/metrics", headers=fresh).status_code == 200
    listed = service.get("/api/v1/keys", headers=admin).json()
    assert all(k["key"] is None for k in listed)
    assert {k["tenant"] for k in listed} == {"default"}
    other = service.key("admin", "other")
    assert service.delete(f"/api/v1/keys/{made['key_id']}", headers=other).status_code == 404
    assert service.delete(f"/api/v1/keys/{made['key_id']}", headers=admin).status_code == 204
    assert service.get("/api/v1/metrics", headers=fresh).status_code == 401


def upload(service, data: bytes, name: str = "google.csv", **headers: str):
    return service.post("/api/v1/ingestions", files={"file": (name, data)}, headers={**service.key("analyst"), **headers})


def test_what_cannot_be_trusted_is_refused_with_a_way_out(service):
    response = upload(service, (EXPORTS / "plain_slashed.csv").read_bytes(), "../../x/slashed.csv")
    assert is_problem(response, 422, "export-refused")
    assert "2026-09-13" in response.json()["how_to_export_again"]
    kept = service.get("/api/v1/ingestions", headers=service.key()).json()
    assert [(i["status"], i["file_name"], i["actor"]) for i in kept] == [("refused", "slashed.csv", "analystdefault")]
    for data in (b"", b"PK\x03\x04 no workbook", b"\x00\x01\x02" * 100, b"a,b\n1,2\n"):
        assert is_problem(upload(service, data), 422, "export-refused")


def test_ten_gigabytes_are_not_read(service):
    response = service.post("/api/v1/ingestions", headers={**service.key("analyst"), "Content-Length": "10000000000"}, content=b"x")
    assert is_problem(response, 413, "too-large")


@pytest.mark.long
def test_a_request_sent_twice_is_done_once(service):
    data = (EXPORTS / "google_en.csv").read_bytes()
    first = upload(service, data, **{"Idempotency-Key": "k1"})
    again = upload(service, data, **{"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 202
    assert first.json()["ingestion_id"] == again.json()["ingestion_id"]
    assert again.headers["idempotent-replayed"] == "true"
    other = upload(service, (EXPORTS / "google_nl.csv").read_bytes(), **{"Idempotency-Key": "k1"})
    assert is_problem(other, 422, "idempotency-key-reused")


def test_too_many_requests(place, facts_csv):
    from fastapi.testclient import TestClient

    from seeding_platform.service.app import create_app
    from seeding_platform.storage.api_state import Role

    app = create_app(place.settings, limit_per_minute=3)
    with TestClient(app) as client:
        now = app.state.service.now()
        key = app.state.service.api.create_key(role=Role.VIEWER, tenant="default", label="", secret="s", key_id="k", now=now)
        codes = [client.get("/api/v1/metrics", headers={"Authorization": f"Bearer {key}"}) for _ in range(4)]
    assert [c.status_code for c in codes] == [200, 200, 200, 429]
    assert int(codes[-1].headers["retry-after"]) > 0


@pytest.mark.timeout(400)
@pytest.mark.long
def test_an_upload_becomes_figures(service, place):
    response = upload(service, (EXPORTS / "google_nl.csv").read_bytes())
    assert response.status_code == 202
    told = response.json()
    assert told["summary"]["rows"] == 12
    for _ in range(300):
        now = service.get(response.headers["location"], headers=service.key()).json()
        if now["status"] not in ("queued", "running"):
            break
        time.sleep(0.5)
    assert now["status"] == "succeeded", now
    assert now["finished_at"] > now["started_at"]
    answer = service.get("/api/v1/kpis?metrics=spend,conversions&start=2026-09-01&end=2026-09-06", headers=service.key()).json()
    wanted = json.loads((EXPORTS / "expected.json").read_text())["google_nl.csv"]["sums"]
    assert answer["rows"] == [{"spend": pytest.approx(wanted["spend"]), "conversions": wanted["conversions"]}]
    assert not list((place.settings.state / "uploads").iterdir())


@pytest.mark.timeout(400)
@pytest.mark.long
def test_an_upload_that_a_kill_cut_short_is_taken_up_again(place):
    from fastapi.testclient import TestClient

    from seeding_platform.service.app import create_app
    from seeding_platform.storage.api_state import Ingestion

    app = create_app(place.settings, inherited=place.environment)
    left = Ingestion(
        ingestion_id="cut",
        tenant="default",
        file_name="google_en.csv",
        sha256="",
        bytes=1,
        status="running",
        actor="somebody",
        created_at=app.state.service.now(),
    )
    kept = app.state.uploads.path(left)
    kept.parent.mkdir(parents=True)
    kept.write_bytes((EXPORTS / "google_en.csv").read_bytes())
    app.state.service.api.record(left)
    with TestClient(app):
        for _ in range(300):
            now = app.state.service.api.ingestion("cut", tenant="default")
            if now.status not in ("queued", "running"):
                break
            time.sleep(0.5)
    assert (now.status, now.message) == ("succeeded", "")
    assert app.state.service.facts("default").values["campaign"] == ("Herfstactie, 20% korting", "Merk | Zoeken")


def test_a_repeated_request_is_remembered_for_a_day_and_a_claim_for_ten_minutes(service):
    api = service.app.state.service.api
    noon = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
    assert api.begin("default", "k", "body", now=noon) is None
    with pytest.raises(IdempotencyConflict) as conflict:
        api.begin("default", "k", "body", now=noon + dt.timedelta(minutes=9))
    assert conflict.value.in_flight
    assert api.begin("default", "k", "body", now=noon + dt.timedelta(minutes=11)) is None  # whoever claimed it was killed
    api.end("default", "k", status=202, answer="{}")
    assert api.begin("default", "k", "body", now=noon + dt.timedelta(hours=24)) == (202, "{}")
    assert api.begin("default", "k", "another body", now=noon + dt.timedelta(hours=25)) is None


@pytest.mark.parametrize("address", ["/api/v1/runs/a%00b", "/api/v1/runs?limit=%00", "/en/models/%00"])
def test_an_address_holds_no_nul(service, address):
    response = service.get(address, headers=service.key("admin"))
    assert response.status_code == 400
    assert response.headers["content-type"] == ("text/html; charset=utf-8" if address.startswith("/en/") else "application/problem+json")
