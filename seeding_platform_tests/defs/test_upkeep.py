"""The nightly upkeep: small files go, rows that are past go, the latest materialisations stay."""

import datetime as dt

import dagster as dg
import polars as pl
import pytest

from seeding_platform.defs.maintenance.upkeep import KEEP_ATTEMPTS_DAYS, KEEP_CACHED_DAYS, KEEP_RUNS_DAYS, RETRIES, expire_rows, upkeep
from seeding_platform.defs.platform import Platform
from seeding_platform.governance.retention import RETENTION
from seeding_platform.storage.enrichment import schema
from seeding_platform.storage.enrichment.answers import Answers
from seeding_platform.storage.enrichment.measurements import Measurement, Measurements
from seeding_platform.storage.enrichment.store import EnrichmentStore
from seeding_platform.storage.locks import exclusive
from seeding_platform_tests.enrichment.rows import attempt, put, record, stage
from seeding_platform_tests.governance.orders import carried, raw, refs


class Later(Platform):
    """A platform whose clock is beyond the keeping time."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(days=KEEP_RUNS_DAYS + 1)


@dg.asset
def one() -> None:
    """An asset."""


def test_old_runs_go_but_those_with_the_latest_materialisation_stay(place):
    platform = Later(place.settings)
    for n in range(3):
        platform.lake.overwrite("raw/things", pl.DataFrame({"tenant": ["t"], "n": [n]}))
    with dg.DagsterInstance.ephemeral() as instance:
        runs = [dg.materialize([one], instance=instance).run_id for _ in range(3)]
        done = upkeep.execute_in_process(instance=instance, resources={"platform": platform})
        assert done.success
        assert done.output_for_node("prune_runs") == 2
        left = {r.run_id for r in instance.get_runs()}
        assert runs[2] in left
        assert not {runs[0], runs[1]} & left
        assert instance.get_latest_materialization_event(dg.AssetKey("one")) is not None
    assert platform.lake.read("raw/things").collect()["n"].to_list() == [2]


def test_rows_that_are_past_go_and_what_lies_below_is_told(place):
    platform = Later(place.settings)
    now = dt.datetime.now(dt.UTC)
    carried(platform, raw(["cust-0001"], at=f"{now - dt.timedelta(days=400):%Y-%m-%d}T10:00:00Z"))
    platform.adjusted.change(RETENTION, {"days": 300}, scope="orders", actor="k", reason="x", now=now)
    with dg.DagsterInstance.ephemeral() as instance:
        done = upkeep.execute_in_process(instance=instance, resources={"platform": platform})
        assert done.output_for_node("expire_rows") == 3
        told = instance.get_latest_materialization_event(dg.AssetKey(["quality", "orders"]))
        assert told.asset_materialization.description == "rows were past the time that they may be kept"
    assert refs(platform, "raw") == []
    (report,) = (place.settings.state / "retention").glob("*.json")
    assert "upkeep" in report.read_text()


@dg.op
def writes() -> None:
    pass


@dg.job
def writing() -> None:
    writes()


def test_rows_stay_while_somebody_else_may_write_them(place):
    platform = Later(place.settings)
    now = dt.datetime.now(dt.UTC)
    carried(platform, raw(["cust-0001"], at=f"{now - dt.timedelta(days=400):%Y-%m-%d}T10:00:00Z"))
    platform.adjusted.change(RETENTION, {"days": 300}, scope="orders", actor="k", reason="x", now=now)

    def tried(instance):
        with dg.build_op_context(instance=instance, resources={"platform": platform}) as context:
            return expire_rows(context, 0)

    with dg.DagsterInstance.ephemeral() as instance:
        with exclusive(place.settings.state / "seeding.lock", holder="a run"), pytest.raises(dg.RetryRequested) as again:
            tried(instance)
        assert again.value.max_retries == RETRIES
        mine = instance.create_run_for_job(upkeep, status=dg.DagsterRunStatus.STARTED)
        run = instance.create_run_for_job(writing, status=dg.DagsterRunStatus.STARTED)
        with pytest.raises(dg.RetryRequested):
            tried(instance)
        assert refs(platform, "raw") == ["cust-0001"]
        instance.delete_run(run.run_id)
        assert instance.has_run(mine.run_id), "two upkeeps do not wait for each other"
        assert tried(instance) == 3


def test_what_enrichment_remembers_is_thinned_and_its_states_stay(place):
    platform = Later(place.settings)
    now = platform.now()
    put(platform.state, schema.records, [record("r", now=now)])
    put(platform.state, schema.stages, [stage("r", "order_analysis", "completed", now=now)])
    old = 24 * (KEEP_ATTEMPTS_DAYS + 1)
    put(platform.state, schema.attempts, [attempt("r", "failed", fence=1, hours=old, now=now), attempt("r", "completed", fence=2, now=now)])
    answers = Answers(platform.state)
    answers.keep("t", {"old": {}}, now=now - dt.timedelta(days=KEEP_CACHED_DAYS + 1))
    answers.keep("t", {"new": {}}, now=now)
    at = now - dt.timedelta(days=401)
    Measurements(platform.state).keep([Measurement(tenant="t", metric="enrichment_backlog_size", at=at, value=1.0, n=1)])
    with dg.DagsterInstance.ephemeral() as instance:
        done = upkeep.execute_in_process(instance=instance, resources={"platform": platform})
    assert done.output_for_node("forget_enrichment") == 3
    assert list(answers.found("t", ["old", "new"])) == ["new"]
    story = EnrichmentStore(platform.state).story("t", "exception", "r")
    assert ([a.fence for a in story.attempts], [s.status for s in story.record.stages]) == ([2], ["completed"])
