"""Models over the API: who may what, what is refused and why, and that a rollback changes what is answered; the alias does the same."""

import datetime as dt
import json
import random
import uuid

import polars as pl
import pytest

from seeding_platform.models import shipped_spec, shipped_specs
from seeding_platform.models.operations.settings import PROMOTION
from seeding_platform.models.operations.training import Work, carry_out
from seeding_platform.storage.ml.jobs import Ended, Job
from seeding_platform.storage.ml.whose import Whose

CHURN = Whose("default", "churn")
ALIAS = "/api/workflows/ml/auto-retraining"
ROW = {"plan": "basic", "contract": "monthly", "tenure_months": 2, "tickets_90d": 6}


def customers(*, turned: bool = False, seed: int = 1) -> pl.DataFrame:
    draw, rows = random.Random(seed), []
    for i in range(600):
        tickets = draw.randint(0, 8)
        leaves = ((tickets > 4) != (draw.random() < 0.1)) != turned
        rows.append(
            {
                "customer_ref": f"c{i}", "as_of": dt.datetime(2026, 1, 1 + i % 28, tzinfo=dt.UTC), "plan": draw.choice(["basic", "plus"]),
                "contract": draw.choice(["monthly", "yearly"]), "tenure_months": draw.randint(1, 60), "monthly_charges": draw.uniform(5, 90),
                "tickets_90d": tickets, "inactive_days": draw.randint(0, 60), "orders_90d": draw.randint(0, 9), "spend_90d": draw.uniform(0, 500),
                "days_since_order": draw.randint(0, 90), "churned": leaves, "synthetic": False,
            }
        )  # fmt: skip
    return pl.DataFrame(rows)


def trained(service, frame: pl.DataFrame, *, by: str = "key1") -> Job:
    bench = service.app.state.service.bench
    job = Job(job_id=f"job_{uuid.uuid4().hex}", whose=Whose("default", "churn"), trigger="manual", requested_by=by, requested_at=bench.now())
    bench.jobs.request(job)
    return carry_out(bench, job, Work(shipped_spec("churn"), lambda: frame, {"data_version": "customers@1", "input quality/customers": "1"}, "run1"))


def private(service) -> None:
    """Allow callbacks into a private network."""
    shared = service.app.state.service
    shared.settings = shared.settings.model_copy(update={"private_addresses": True})


@pytest.fixture
def serving(service):
    assert trained(service, customers()).verdict == "deploy"
    return service


def moment(**later: int) -> str:
    """A moment as callers write it, by the clock of the service."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(**later)).isoformat()


def ask(service, role="analyst", **more) -> dict:
    answer = service.post("/api/v1/ml/predictions", json={"model": "churn", "rows": [ROW], **more}, headers=service.key(role))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_before_anything_is_trained_it_says_so(service):
    models = service.get("/api/v1/ml/models", headers=service.key()).json()
    assert len(models) == len(shipped_specs())
    assert {m["status"] for m in models} == {"untrained"}
    refused = service.post("/api/v1/ml/predictions", json={"model": "churn", "rows": [ROW]}, headers=service.key("analyst"))
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing-serves")
    assert service.get("/api/v1/ml/models/none", headers=service.key()).status_code == 404
    status = service.get("/api/v1/ml/status", headers=service.key()).json()
    assert (status["serving"], status["active_jobs"], status["success_rate"]) == (0, [], None)


def test_questions_are_answered_labelled_and_measured(serving):
    told = ask(serving)
    assert (told["model"], told["version"]) == ("churn", "1")
    (answer,) = told["predictions"]
    assert answer["value"] == "true"
    assert answer["probabilities"]["true"] > 0.6
    label = {"prediction_id": answer["prediction_id"], "actual": True, "observed_at": moment()}
    post = {"url": "/api/v1/ml/labels", "headers": serving.key("analyst")}
    assert serving.post(**post, json={"labels": [label]}).json()["taken"] == 1
    again = serving.post(**post, json={"labels": [label, {**label, "actual": False}, {**label, "prediction_id": "prd_none"}]}).json()
    assert (again["taken"], again["repeated"], again["conflicting"], again["unknown"]) == (0, 1, [answer["prediction_id"]], ["prd_none"])
    theirs = serving.post("/api/v1/ml/labels", json={"labels": [label]}, headers=serving.key("analyst", "other")).json()
    assert theirs["unknown"] == [answer["prediction_id"]], "another tenant's prediction is as unknown as none"
    early = {"prediction_id": ask(serving)["predictions"][0]["prediction_id"], "actual": True, "observed_at": "2020-01-01T00:00:00Z"}
    assert serving.post(**post, json={"labels": [early]}).json()["early"] == [early["prediction_id"]]


def test_what_is_no_label_is_told_apart_and_costs_the_others_nothing(serving):
    """One row each: no value, no finite number, the future; other spellings of a class are that class."""
    ids = [ask(serving)["predictions"][0]["prediction_id"] for _ in range(8)]
    actuals = (None, "", "Infinity", "true", "True", False, "gone", "true")
    seen = dict.fromkeys(ids, moment(minutes=4)) | {ids[7]: moment(minutes=6)}
    labels = [{"prediction_id": i, "actual": a, "observed_at": seen[i]} for i, a in zip(ids, actuals, strict=True)]
    body = json.dumps({"labels": labels}).replace('"Infinity"', "Infinity")
    post = {"url": "/api/v1/ml/labels", "headers": {**serving.key("analyst"), "Content-Type": "application/json"}}
    told = serving.post(**post, content=body).json()
    assert (told["taken"], told["new_class"]) == (4, [ids[6]])
    whys = ["it has no value", "it has no value", "it is no finite number", "it is from the future"]
    assert told["refused"] == [{"prediction_id": i, "why": w} for i, w in zip((ids[0], ids[1], ids[2], ids[7]), whys, strict=True)]
    again = serving.post(**post, json={"labels": [{**label, "actual": True, "observed_at": seen[ids[0]]} for label in labels]}).json()
    assert (again["taken"], again["repeated"], again["conflicting"]) == (4, 2, [ids[5], ids[6]]), "what was refused may come again, and right"
    (alert,) = [a for a in serving.app.state.service.bench.desk.alerts.standing() if a.rule == "model.new_class"]
    assert dict(alert.evidence) == {"labels": 1}


def test_no_model_is_not_all_of_them(service):
    operator = service.key("operator")
    for url in ("retraining-jobs", "performance-checks", "validations"):
        assert service.post(f"/api/v1/ml/{url}", json={"models": []}, headers=operator).status_code == 422, url
    for action in ("trigger_retraining", "check_performance", "validate_models", "deploy_model"):
        assert service.post(f"{ALIAS}?action={action}", json={"model_types": []}, headers=operator).status_code == 422, action
    assert service.get("/api/v1/ml/retraining-jobs", headers=service.key()).json() == []


def test_half_a_letter_is_refused(serving):
    """A lone surrogate, which no text has: in a row, in a label, in a reason, as a name."""
    for path, body in (
        ("predictions", '{"model": "churn", "rows": [{"plan": "\\ud800"}]}'),
        ("predictions", '{"model": "churn", "rows": [{"\\ud800": 1}]}'),
        ("labels", '{"labels": [{"prediction_id": "\\ud800", "actual": true, "observed_at": "2026-12-24T10:00:00Z"}]}'),
        ("labels", '{"labels": [{"prediction_id": "x", "actual": "\\ud800", "observed_at": "2026-12-24T10:00:00Z"}]}'),
        ("rollback", '{"model": "churn", "reason": "\\ud800"}'),
        ("retraining-jobs", '{"models": ["churn"], "webhook_url": "https://example.org/\\ud800"}'),
        ("retraining-jobs", '{"models": ["churn"], "\\ud800": 1}'),
    ):
        headers = {**serving.key("admin"), "Content-Type": "application/json"}
        assert serving.post(f"/api/v1/ml/{path}", content=body, headers=headers).status_code == 422, (path, body)


WRONG = (
    {"model": "churn", "rows": []},
    {"model": "churn", "rows": [{"shoe_size": 44}]},
    {"model": "churn", "rows": [{"tenure_months": "long"}]},
    {"model": "churn", "rows": [{"plan": {"a": 1}}]},
    {"model": "../x", "rows": [ROW]},
    {"model": "churn", "rows": [ROW], "environment": "mars"},
)


def test_rows_that_cannot_be_are_refused(serving):
    for wrong in WRONG:
        assert serving.post("/api/v1/ml/predictions", json=wrong, headers=serving.key("analyst")).status_code == 422, wrong


def test_reasons_of_an_answer_are_told_on_demand_and_not_kept(serving):
    def why(role="analyst", tenant="default", **body):
        return serving.post("/api/v1/ml/reasons", json={"model": "churn", "row": ROW, **body}, headers=serving.key(role, tenant))

    bench = serving.app.state.service.bench
    before = bench.predictions.answered(CHURN, "1", since=bench.now() - dt.timedelta(days=1))
    found = why().json()
    spec = shipped_spec("churn")
    assert (found["model"], found["version"], {r["feature"] for r in found["reasons"]}) == ("churn", "1", set(spec.features))
    effects = [abs(r["effect"]) for r in found["reasons"]]
    assert effects == sorted(effects, reverse=True)
    assert effects[0] > 0
    assert {r["of"] for r in found["reasons"]} == {"true"}
    assert bench.predictions.answered(CHURN, "1", since=bench.now() - dt.timedelta(days=1)) == before
    assert why(row={}).status_code == 200, "what is not known counts as unknown"
    assert why("viewer").status_code == 403
    assert (why(tenant="other").status_code, why(tenant="other").json()["code"]) == (409, "nothing-serves")
    assert why(model="none").status_code == 404
    for wrong in ({"shoe_size": 44}, {"tenure_months": "long"}, {"plan": {"a": 1}}):
        assert why(row=wrong).status_code == 422, wrong


def test_a_rollback_changes_what_is_answered(serving):
    second = trained(serving, customers(turned=True, seed=2))
    assert (second.version, second.verdict) == ("2", "deploy"), "on rows of a world that turned, it is the better one"
    assert (ask(serving)["version"], ask(serving)["predictions"][0]["value"]) == ("2", "false")
    operator = serving.key("operator")
    back = serving.post("/api/v1/ml/rollback", json={"model": "churn", "reason": "worse"}, headers=operator)
    assert (back.status_code, back.json()["version"]) == (201, "1")
    assert (ask(serving)["version"], ask(serving)["predictions"][0]["value"]) == ("1", "true")
    desk = serving.app.state.service.desk
    [told] = desk.alerts.standing(rule="model.taken_back")
    assert (told.severity, told.tenant, told.evidence["version"], told.evidence["previous"]) == ("info", "default", "2", "1")
    assert desk.alerts.standing(rule="model.rolled_back") == [], "that is what the watch does"
    body = {"model": "churn", "version": "2", "reason": "try it"}
    stale = serving.post("/api/v1/ml/deployments", json={**body, "expected_champion": "7"}, headers=operator)
    assert (stale.status_code, stale.json()["serves"]) == (412, "1")
    made = serving.post("/api/v1/ml/deployments", json={**body, "expected_champion": "1"}, headers=operator)
    assert (made.status_code, made.json()["state"], made.json()["previous_version"]) == (201, "verified", "1")
    assert desk.alerts.standing(rule="model.taken_back") == []
    assert (ask(serving)["version"], ask(serving)["predictions"][0]["value"]) == ("2", "false")
    assert serving.post("/api/v1/ml/deployments", json={**body, "version": "9"}, headers=operator).status_code == 404
    kinds = [d["kind"] for d in serving.get("/api/v1/ml/deployments?model=churn", headers=serving.key()).json()]
    assert kinds == ["deploy", "rollback", "deploy", "deploy"]
    versions = serving.get("/api/v1/ml/models/churn/versions", headers=serving.key()).json()
    assert [(v["version"], v["serves"]) for v in versions] == [("2", True), ("1", False)]
    assert versions[0]["gate"]["reasons"]
    assert versions[0]["lineage"]["data_version"] == "customers@1"
    card = serving.get("/api/v1/ml/models/churn/versions/1/card", headers=serving.key())
    assert card.headers["content-type"].startswith("text/markdown")
    assert "churn" in card.text
    assert serving.get("/api/v1/ml/models/churn/lineage", headers=serving.key()).json()["version"] == "2"


def test_a_training_is_asked_for_once_and_started(service):
    operator = {**service.key("operator"), "Idempotency-Key": "a"}
    body = {"models": ["churn", "roi"], "force": True}
    first = service.post("/api/v1/ml/retraining-jobs", json=body, headers=operator)
    assert first.status_code == 202
    jobs = first.json()["jobs"]
    assert {j["model"] for j in jobs} == {"churn", "roi"}
    assert service.post("/api/v1/ml/retraining-jobs", json=body, headers=operator).json() == first.json(), "the same request again"
    busy = service.post("/api/v1/ml/retraining-jobs", json=body, headers=service.key("operator"))
    assert (busy.status_code, busy.json()["active"]["churn"]) == (409, next(j["job_id"] for j in jobs if j["model"] == "churn"))
    assert service.app.state.service.runs.asked == ["retrain"]
    listed = service.get("/api/v1/ml/retraining-jobs?state=queued", headers=service.key()).json()
    assert len(listed) == 2
    one = service.get(f"/api/v1/ml/retraining-jobs/{listed[0]['job_id']}", headers=service.key())
    assert one.json()["report"] == {}
    assert service.get(f"/api/v1/ml/retraining-jobs/{listed[0]['job_id']}", headers=service.key("viewer", "other")).status_code == 404


def test_where_settings_ask_for_it_a_second_person_lets_a_version_serve(serving):
    bench = serving.app.state.service.bench
    bench.adjusted.change(PROMOTION, {"approval": True}, scope="churn", actor="a", reason="four eyes", now=bench.now())
    waiting = trained(serving, customers(turned=True, seed=2), by="operatordefault")
    assert "waits for a second person" in waiting.says
    assert bench.standings.one(Whose("default", "churn")).version == "1"
    body = {"model": "churn", "version": "2", "reason": "looks right"}
    own = serving.post("/api/v1/ml/deployments", json=body, headers=serving.key("operator"))
    assert (own.status_code, own.json()["code"]) == (403, "second-person")
    half = {"url": "/api/v1/ml/models/churn/shadow", "json": {"version": "2", "share": 0.5}}
    refused = serving.put(**half, headers=serving.key("operator"))
    assert (refused.status_code, refused.json()["code"]) == (403, "second-person"), "half of the requests are as good as all"
    assert serving.put(**half | {"json": {"version": "2"}}, headers=serving.key("operator")).status_code == 200
    promotion = {"model": "churn", "version": "2", "source": "prod", "target": "staging", "reason": "rehearse"}
    refused = serving.post("/api/v1/ml/promotions", json=promotion, headers=serving.key("operator"))
    assert (refused.status_code, refused.json()["code"]) == (403, "second-person")
    assert serving.get("/api/v1/ml/models/churn/versions?environment=staging", headers=serving.key()).json() == [], "nothing was copied"
    assert serving.put(**half, headers=serving.key("admin")).status_code == 200
    assert {p["version"] for p in ask(serving, rows=[{**ROW, "tenure_months": i} for i in range(40)])["predictions"]} == {"1", "2"}
    assert serving.post("/api/v1/ml/deployments", json=body, headers=serving.key("admin")).status_code == 201


def test_what_was_rolled_back_is_not_put_back_by_a_workflow(serving):
    bench, operator = serving.app.state.service.bench, serving.key("operator")
    assert trained(serving, customers(turned=True, seed=2)).verdict == "deploy"
    serving.post("/api/v1/ml/rollback", json={"model": "churn", "reason": "worse"}, headers=operator)
    assert bench.standings.one(Whose("default", "churn")).cool_until > bench.now()
    for body in ({"model_types": ["churn"]}, {"model_types": ["churn"], "version": "2"}):
        validated = serving.post(f"{ALIAS}?action=validate_models", json=body, headers=operator).json()["data"]
        assert (validated["models"][0]["rolled_back"], validated["deployable"]) == (True, [])
        (left,) = serving.post(f"{ALIAS}?action=deploy_model", json=body, headers=operator).json()["data"]["deployments"]
        assert not left["deployed"]
        assert "was rolled back" in left["says"]
    assert serving.post("/api/v1/ml/rollback", json={"model": "churn", "reason": "again"}, headers=operator).status_code == 404
    by_hand = {"model": "churn", "version": "2", "reason": "it was the labels"}
    assert serving.post("/api/v1/ml/deployments", json=by_hand, headers=operator).status_code == 201


def test_after_a_rollback_a_workflow_waits_for_the_cool_down(serving):
    bench, operator = serving.app.state.service.bench, serving.key("operator")
    assert trained(serving, customers(turned=True, seed=2)).verdict == "deploy"
    serving.post("/api/v1/ml/rollback", json={"model": "churn", "reason": "worse"}, headers=operator)
    bench.adjusted.change(PROMOTION, {"approval": True}, scope="churn", actor="a", reason="four eyes", now=bench.now())
    assert "waits" in trained(serving, customers(turned=True, seed=4)).says
    deploy = {"url": f"{ALIAS}?action=deploy_model", "json": {"model_types": ["churn"]}, "headers": operator}
    (left,) = serving.post(**deploy).json()["data"]["deployments"]
    assert (left["deployed"], "rests until" in left["says"]) == (False, True)
    later = bench.now() + dt.timedelta(hours=25)
    serving.app.state.service.bench.now = serving.app.state.service.now = lambda: later
    assert serving.post(**deploy).json()["data"]["deployments"][0]["deployed"]


def test_a_workflow_deploys_over_no_other_version_than_was_judged_against(serving):
    bench, operator = serving.app.state.service.bench, serving.key("operator")
    bench.adjusted.change(PROMOTION, {"approval": True}, scope="churn", actor="a", reason="four eyes", now=bench.now())
    for seed in (2, 4):
        assert "waits" in trained(serving, customers(turned=True, seed=seed)).says
    by_hand = {"model": "churn", "version": "2", "reason": "looks right"}
    assert serving.post("/api/v1/ml/deployments", json=by_hand, headers=operator).status_code == 201
    (left,) = serving.post(f"{ALIAS}?action=deploy_model", json={"model_types": ["churn"]}, headers=operator).json()["data"]["deployments"]
    assert not left["deployed"]
    assert "another version serves than the one it was judged against" in left["says"]


def test_an_artefact_that_is_gone_is_a_refusal_and_leaves_what_serves(serving):
    bench, operator = serving.app.state.service.bench, serving.key("operator")
    trained(serving, customers(turned=True, seed=2))
    serving.post("/api/v1/ml/rollback", json={"model": "churn", "reason": "worse"}, headers=operator)
    run = bench.registry.version("default.churn", "2").run_id
    (bench.registry.artefacts / "default.churn" / run / "artifacts" / "model.skops").unlink()
    validated = serving.post("/api/v1/ml/validations", json={"models": ["churn"], "version": "2"}, headers=operator)
    assert (validated.status_code, validated.json()[0]["valid"], "model.skops" in validated.json()[0]["fault"]) == (200, False, True)
    refused = serving.post("/api/v1/ml/deployments", json={"model": "churn", "version": "2", "reason": "try"}, headers=operator)
    assert (refused.status_code, refused.json()["code"]) == (422, "did-not-prove-itself")
    away = bench.registry.artefacts.with_name("away")
    bench.registry.artefacts.rename(away)
    try:
        body = {"model": "churn", "version": "1", "reason": "again"}
        silent = [
            serving.post(f"/api/v1/ml/{what}", json=body if what == "deployments" else {}, headers=operator)
            for what in ("validations", "deployments")
        ]
    finally:
        away.rename(bench.registry.artefacts)
    assert [(r.status_code, r.json()["code"]) for r in silent] == [(503, "not-now"), (503, "not-now")]
    assert bench.deployer.reconcile() == ["default.churn: deploy of version 1: verified"]
    assert ask(serving)["version"] == "1"


def test_a_version_goes_from_one_environment_to_another(serving):
    body = {"model": "churn", "version": "1", "source": "prod", "target": "staging", "reason": "rehearse"}
    made = serving.post("/api/v1/ml/promotions", json=body, headers=serving.key("operator"))
    assert (made.status_code, made.json()["environment"]) == (201, "staging")
    assert ask(serving, environment="staging")["predictions"][0]["value"] == "true"
    assert serving.post("/api/v1/ml/promotions", json={**body, "target": "prod"}, headers=serving.key("operator")).status_code == 422


def test_a_shadow_stands_beside_what_serves(serving):
    trained(serving, customers(seed=3))
    operator = serving.key("operator")
    put = {"url": "/api/v1/ml/models/churn/shadow", "headers": operator}
    assert serving.put(**put, json={"version": "1"}).status_code == 409
    assert serving.put(**put, json={"version": "9"}).status_code == 404
    assert serving.put(**put, json={"version": "2", "share": 0.2}).json()["shadow"] == "2"
    assert serving.put(**put, json={"version": None}).json()["shadow"] is None


def test_the_eight_actions_answer_at_their_own_address(serving):
    viewer, operator = serving.key(), serving.key("operator")
    for action in ("status", "metrics", "models", "history"):
        answer = serving.get(f"{ALIAS}?action={action}", headers=viewer)
        assert (answer.status_code, answer.json()["success"]) == (200, True), answer.text
    checks = serving.post(f"{ALIAS}?action=check_performance", json={"model_types": ["churn"], "threshold": 0.03, "time_window": 7}, headers=operator)
    assert checks.json()["data"] == {"models": [], "needs_retraining": False, "model_types": []}, "there are no tables yet"
    validated = serving.post(f"{ALIAS}?action=validate_models", json={"model_types": ["churn"]}, headers=operator).json()["data"]
    assert validated["models"][0]["valid"]
    deployed = serving.post(f"{ALIAS}?action=deploy_model", json={"model_types": ["churn"]}, headers=operator).json()["data"]
    assert deployed["deployments"][0]["says"] == "it serves already"
    body = {"force": True, "model_types": ["content_performance", "engagement_prediction"], "webhook_url": "http://127.0.0.1:5678/webhook/done"}
    refused = serving.post(f"{ALIAS}?action=trigger_retraining", json=body, headers=operator)
    assert (refused.status_code, refused.json()["code"]) == (422, "address-refused"), "private addresses are not allowed here"
    private(serving)
    triggered = serving.post(f"{ALIAS}?action=trigger_retraining", json=body, headers=operator)
    assert (triggered.status_code, len(triggered.json()["data"]["jobs"])) == (202, 2)
    assert serving.post(f"{ALIAS}?action=dance", json={}, headers=operator).status_code == 422
    assert serving.post(f"{ALIAS}?action=trigger_retraining", json={}, headers=viewer).status_code == 403


def test_what_its_gate_holds_or_refuses_is_no_error_for_a_workflow(serving):
    """Only what cannot answer is one."""
    operator, bench = serving.key("operator"), serving.app.state.service.bench
    worse = trained(serving, customers(seed=5))
    assert worse.verdict in ("hold", "refuse"), worse.says
    body = {"model_types": ["churn"], "version": worse.version}
    answer = serving.post(f"{ALIAS}?action=deploy_model", json=body, headers=operator)
    (left,) = answer.json()["data"]["deployments"]
    assert (answer.status_code, left["deployed"], left["verdict"]) == (200, False, worse.verdict)
    untrained = serving.post(f"{ALIAS}?action=deploy_model", json={"model_types": ["roi"]}, headers=operator)
    assert (untrained.status_code, untrained.json()["data"]["deployments"][0]["deployed"]) == (200, False)
    bench.registry.tag("default.churn", worse.version, {"subject_erased": "true"})
    broken = serving.post(f"{ALIAS}?action=deploy_model", json=body, headers=operator)
    assert (broken.status_code, broken.json()["code"]) == (422, "not-deployable")
    assert bench.standings.one(Whose("default", "churn")).version == "1"


@pytest.mark.parametrize("url", ["ftp://example.org/", "no address", "http://example.org/", "https://10.1.2.3/hook", "https://a@example.org/"])
def test_a_callback_that_is_not_talked_to_is_refused_at_once(service, url):
    body = {"models": ["churn"], "webhook_url": url}
    refused = service.post("/api/v1/ml/retraining-jobs", json=body, headers=service.key("operator"))
    assert (refused.status_code, refused.json()["code"]) == (422, "address-refused")
    assert service.get("/api/v1/ml/retraining-jobs", headers=service.key()).json() == [], "nothing was asked for"


def test_the_address_of_a_callback_is_not_shown(service):
    body = {"models": ["churn"], "webhook_url": "https://hooks.example.org/secret/1"}
    made = service.post("/api/v1/ml/retraining-jobs", json=body, headers=service.key("operator")).json()
    assert made["jobs"][0]["callback"] == "hooks.example.org"
    assert "secret/1" not in service.get("/api/v1/ml/history", headers=service.key()).text


def test_gains_are_averaged_over_retrainings_whose_figure_is_a_share(service):
    bench = service.app.state.service.bench
    for model, trigger, gain in (("churn", "first", 0.4), ("churn", "performance", 0.03), ("churn", "weekly", 0.01), ("roi", "weekly", 250.0)):
        job = Job(job_id=uuid.uuid4().hex, whose=Whose("default", model), trigger=trigger, requested_by="key1", requested_at=bench.now())
        bench.jobs.request(job)
        bench.jobs.claim(job.job_id, run_id="run1", now=bench.now())
        bench.jobs.end(job.job_id, Ended(state="succeeded", says="it serves", verdict="deploy", improvement=gain), now=bench.now())
    assert service.get("/api/v1/ml/status", headers=service.key()).json()["average_improvement"] == pytest.approx(0.02)
