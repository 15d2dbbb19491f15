"""Models in the graph: what was asked for is trained in one run, the check asks for what is due, a failure of one is not a failure of the others."""

import datetime as dt

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.train.assets import QUEUED_ONLY, model_assets
from seeding_platform.defs.train.checks import BY_CLOCK, check_all, check_job, check_schedule, retraining_sensor
from seeding_platform.errors import TransientError
from seeding_platform.models import shipped_spec
from seeding_platform.models.operations.checking import ask_for
from seeding_platform.models.operations.settings import RETRAINING
from seeding_platform.storage.ml.deployments import Deployment
from seeding_platform.storage.ml.whose import Whose
from seeding_platform_tests.service.test_models import customers

SPECS = [shipped_spec("churn"), shipped_spec("segmentation")]


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def platform(place, monkeypatch):
    """A lake whose quality tables are there and empty; the frame of churn is given."""
    made = Platform(place.settings)
    for name in {n for spec in SPECS for n in spec.inputs}:
        made.lake.overwrite(f"quality/{name}", LANDED[name].empty("quality"))
    frames = {"churn": customers()}

    def frame_of(spec, tables):
        found = frames[spec.name] if spec.name in frames else pl.DataFrame({c: [] for c in spec.columns()})
        if isinstance(found, Exception):
            raise found
        return found

    for module in ("seeding_platform.defs.train.assets", "seeding_platform.models.operations.data"):
        monkeypatch.setattr(f"{module}.frame_of", frame_of)
    made.frames = frames
    return made


def run(platform, instance, *, tags=None, selection=None) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [model_assets(SPECS)], instance=instance, resources={"platform": platform}, tags=tags, selection=selection, raise_on_error=False
    )


def materialised(result) -> set[str]:
    return {"/".join(e.asset_key.path) for e in result.get_asset_materialization_events()}


@pytest.mark.long
def test_a_run_trains_every_model_and_says_what_came_of_it(platform, instance):
    done = run(platform, instance)
    assert done.success
    assert materialised(done) == {"model/churn", "model/segmentation"}
    event = instance.get_latest_materialization_event(dg.AssetKey(["model", "churn"]))
    told = event.asset_materialization.metadata
    assert told["serves"].value == {"default": "1"}
    assert told["outcomes"].value["default.churn"]["verdict"] == "deploy"
    assert event.asset_materialization.tags["dagster/data_version"] == "churn:default:1"
    checks = {(c.asset_key.path[-1], c.check_name): c.passed for c in done.get_asset_check_evaluations()}
    assert checks[("churn", "serves")]
    assert checks[("churn", "drift")]
    again = run(platform, instance)
    assert again.success
    jobs = platform.bench.jobs.recent(tenant="default", model="churn")
    assert [j.state for j in jobs] == ["no_change", "succeeded"]
    assert {j.state for j in platform.bench.jobs.recent(tenant="default", model="segmentation")} == {"skipped"}


@pytest.mark.long
def test_a_run_for_what_was_asked_trains_nothing_else(platform, instance):
    ask_for(platform.bench, Whose("default", "churn"), SPECS[0], by="key1")
    context = dg.build_sensor_context(resources={"platform": platform})
    (request,) = retraining_sensor(SPECS)(context).run_requests
    assert request.asset_selection == [dg.AssetKey(["model", "churn"])]
    assert request.tags[QUEUED_ONLY] == "true"
    assert retraining_sensor(SPECS)(dg.build_sensor_context(resources={"platform": platform})).run_requests[0].run_key == request.run_key
    done = run(platform, instance, tags=dict(request.tags), selection=request.asset_selection)
    assert done.success
    assert materialised(done) == {"model/churn"}
    assert platform.bench.jobs.queued() == []
    assert isinstance(retraining_sensor(SPECS)(dg.build_sensor_context(resources={"platform": platform})), dg.SkipReason)


@pytest.mark.long
def test_one_that_fails_costs_no_other_and_is_named(platform, instance):
    platform.frames["segmentation"] = TransientError("the lake does not answer")
    done = run(platform, instance)
    assert not done.success
    assert materialised(done) == {"model/churn"}
    failure = next(e for e in done.all_node_events if e.is_step_failure)
    assert "segmentation" in failure.event_specific_data.error.message
    assert platform.bench.standings.one(Whose("default", "churn")).version == "1"


@pytest.mark.long
def test_the_check_asks_for_what_is_due_and_fits_nothing(platform, instance):
    said = check_all(platform, {s.name: s for s in SPECS})
    assert any("default.churn: weekly" in line for line in said), said
    assert {j.whose.model for j in platform.bench.jobs.queued()} == {"churn", "segmentation"}
    assert not (platform.settings.state / "mlflow").exists(), "nothing was trained"
    run(platform, instance, tags={QUEUED_ONLY: "true"})
    assert any("churn: not due" in line for line in check_all(platform, {s.name: s for s in SPECS}))
    later = platform.now() + dt.timedelta(days=8)
    platform.bench.now = lambda: later
    check_all(platform, {s.name: s for s in SPECS})
    assert {(j.whose.model, j.trigger) for j in platform.bench.jobs.queued()} >= {("churn", "weekly")}


def test_the_clock_starts_a_run_where_it_is_a_models_turn_or_a_deployment_is_under_watch(platform):
    schedule = check_schedule(SPECS)

    def tick(hour: int):
        at = dt.datetime(2026, 11, 2, hour, 0, 5, tzinfo=dt.UTC)
        platform.bench.now = lambda: at
        found = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=at, resources={"platform": platform}))
        return [r.tags[BY_CLOCK] for r in found.run_requests or ()]

    assert tick(7) == ["true"], "no model was looked at yet"
    specs = {s.name: s for s in SPECS}
    assert len(check_all(platform, specs, by_clock=True)) == 2
    assert tick(7) == []
    platform.bench.adjusted.change(RETRAINING, {"check_hours": 1}, scope="churn", actor="a", reason="closer", now=platform.bench.now())
    assert tick(8) == ["true"]
    check_all(platform, specs, by_clock=True)
    assert tick(8) == []
    assert tick(9) == ["true"]
    (said,) = check_all(platform, specs, by_clock=True)
    assert said.startswith("default.churn"), "the other one has its turn at noon"
    assert len(check_all(platform, specs)) == 2, "whoever starts the check by hand has all looked at"
    platform.bench.adjusted.change(RETRAINING, {"check_hours": 24}, scope="", actor="a", reason="seldom", now=platform.bench.now())
    platform.bench.adjusted.change(RETRAINING, {"check_hours": 24}, scope="churn", actor="a", reason="seldom", now=platform.bench.now())
    assert tick(16) == []
    whose, at = Whose("default", "churn"), platform.bench.now()
    ledger = platform.bench.deployer.ledger
    known = {"version": "1", "actor": "a", "reason": "better", "watched_until": at + dt.timedelta(days=1)}
    planned = ledger.plan(Deployment(deployment_id="d", whose=whose, planned_at=at, moved_at=at, **known))
    ledger.verified(ledger.alias_set(planned, now=at), now=at)
    assert (tick(17), tick(20)) == ([], ["true"])


def test_a_model_that_cannot_be_checked_is_an_alert_and_holds_up_no_other(platform, monkeypatch):
    specs = {s.name: s for s in SPECS}
    check_all(platform, specs)

    def scheduled(whose: Whose, *_: object, **__: object) -> None:
        if whose.model == "churn":
            raise KeyError("somebody@example.com")

    monkeypatch.setattr(platform.bench.standings, "scheduled", scheduled)
    before = platform.bench.standings.one(Whose("default", "segmentation")).checked_at
    with pytest.raises(dg.Failure, match=r"default\.churn: KeyError; the log says where"):
        check_all(platform, specs)
    assert platform.bench.standings.one(Whose("default", "segmentation")).checked_at > before
    assert [(a.rule, a.subject) for a in platform.bench.desk.alerts.standing()] == [("model.check_failed", "model/default.churn")]


def test_the_check_is_a_job_of_its_own(platform, instance):
    done = check_job(SPECS).execute_in_process(instance=instance, resources={"platform": platform})
    assert done.success


@pytest.mark.long
def test_rows_that_are_no_longer_as_they_were_are_a_failed_check(platform, instance):
    run(platform, instance)
    moved = customers(seed=9).with_columns(tenure_months=pl.col("tenure_months") + 400)
    platform.frames["churn"] = pl.concat([platform.frames["churn"], moved])
    platform.lake.overwrite("quality/customers", platform.lake.read("quality/customers").collect().clear(n=1))
    done = check_job(SPECS).execute_in_process(instance=instance, resources={"platform": platform})
    assert done.success
    key = dg.AssetCheckKey(dg.AssetKey(["model", "churn"]), "drift")
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    found = record.event.asset_check_evaluation
    assert not found.passed
    assert "tenure_months" in found.description
