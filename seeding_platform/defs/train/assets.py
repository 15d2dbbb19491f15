"""Model assets: all of them in one step, so that one process trains what is due; each says what came of it, tenant by tenant."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import polars as pl

from seeding_platform.defs.describe import COLUMN_LINEAGE, column_lineage, stage
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.train.drift import drift_spec, kept, told
from seeding_platform.governance.lineage import fields_by_name
from seeding_platform.models import ModelSpec, frame_of
from seeding_platform.models.frames.exception_classification import NAME as EXCEPTION_CLASSIFICATION
from seeding_platform.models.frames.exception_classification import REVIEWED
from seeding_platform.models.operations.data import data_version, ready
from seeding_platform.storage.enrichment.taught import HumanLabels
from seeding_platform.storage.ml.jobs import Job, JobActive
from seeding_platform.storage.ml.whose import Whose

QUEUED_ONLY = "seeding/queued_only"
"""Tag of a run that carries out the jobs that were asked for, and no others."""


def model_assets(specs: Sequence[ModelSpec]) -> dg.AssetsDefinition:
    """`model/*`: one registered model a tenant each; any part of them may be trained by itself."""

    @dg.multi_asset(
        name="models",
        specs=[_spec(spec) for spec in specs],
        check_specs=[
            dg.AssetCheckSpec("serves", asset=["model", s.name], description="Every tenant with enough rows has a version that its gate let serve")
            for s in specs
        ]
        + [drift_spec(s) for s in specs],
        can_subset=True,
        pool="ml_training",
        op_tags=stage("model"),
    )
    def models(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> Iterator[dg.MaterializeResult]:
        failed: list[str] = []
        for spec in specs:
            if dg.AssetKey(["model", spec.name]) not in context.selected_asset_keys:
                continue
            if not ready(platform.lake, spec) and not any(job.whose.model == spec.name for job in platform.bench.jobs.queued()):
                context.log.info(f"model/{spec.name} waits for {', '.join(spec.inputs)}")
                continue
            began = time.process_time()
            done = _carried_out(context, platform, spec)
            failed += [f"{j.whose.registered}: {j.says}" for j in done if j.state == "failed"]
            if done and all(j.state == "failed" for j in done):
                continue
            yield _result(platform, spec, done, cpu_seconds=time.process_time() - began)
        if failed:
            raise dg.Failure("; ".join(failed)[:2000], allow_retries=False)

    return models


def _spec(spec: ModelSpec) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=["model", spec.name],
        deps=[dg.AssetKey(["quality", name]) for name in spec.inputs],
        group_name="model",
        kinds={"scikitlearn", "mlflow"},
        owners=["team:ml"],
        description=f"{spec.description} One model a tenant, <tenant>.{spec.name} in MLflow; it serves once its gate says so.",
        code_version=spec.digest(),
        skippable=True,
    )


def _carried_out(context: dg.AssetExecutionContext, platform: Platform, spec: ModelSpec) -> list[Job]:
    """The jobs of one model in this run, as they ended; of every tenant, or of those that asked."""
    from seeding_platform.models.operations.training import Work, carry_out

    bench = platform.bench
    there = [name for name in spec.inputs if platform.lake.exists(f"quality/{name}")]
    versions = {f"quality/{name}": platform.lake.version(f"quality/{name}") for name in there}
    snapshot = platform.state.pin(versions, purpose=f"model/{spec.name}", run_id=context.run.run_id, now=platform.now())
    lineage = {
        "dagster_run_id": context.run.run_id,
        "snapshot_id": snapshot,
        "data_version": data_version(platform.lake, spec),
        **{f"input {t}": str(v) for t, v in versions.items()},
    }
    waiting = {job.whose: job for job in bench.jobs.queued() if job.whose.model == spec.name}
    if context.run.tags.get(QUEUED_ONLY) != "true":
        for tenant in platform.tenants():
            whose = Whose(tenant, spec.name)
            if (
                whose not in waiting
                and (job := _asked(platform, whose, run_id=context.run.run_id, forced=context.run.job_name != "seed")) is not None
            ):
                waiting[whose] = job
    done = []
    for whose, job in sorted(waiting.items()):
        tables = {name: platform.lake.read(f"quality/{name}", version=versions[f"quality/{name}"], tenant=whose.tenant) for name in there}
        if spec.name == EXCEPTION_CLASSIFICATION:
            tables[REVIEWED] = HumanLabels(platform.state).newest(whose.tenant).lazy()
        whole = len(there) == len(spec.inputs)  # a table that no source fills yet holds no rows
        frame = (lambda given=tables: frame_of(spec, given)) if whole else (lambda: pl.DataFrame({c: [] for c in spec.columns()}))  # type: ignore[misc]
        work = Work(spec, frame, lineage, context.run.run_id)
        ended = carry_out(bench, job, work)
        if ended is not None:
            context.log.info(f"{whose.registered}: {ended.says}")
            done.append(ended)
    return done


def _asked(platform: Platform, whose: Whose, *, run_id: str, forced: bool) -> Job | None:
    """A job that this run asks for itself; None where another one is at it, or where something serves and rests in a run of the whole graph."""
    bench, standing = platform.bench, platform.bench.standings.one(whose)
    resting = standing is not None and standing.version is not None and standing.cool_until is not None and bench.now() < standing.cool_until
    if resting and not forced:
        return None
    trigger = "first" if standing is None or standing.version is None else "manual"
    by = f"run:{run_id[:8]}"
    job = Job(
        job_id=f"job_{bench.new_id()}",
        whose=whose,
        trigger=trigger,
        requested_by=by,
        requested_at=bench.now(),
        evidence={"asked_by": by},
        forced=forced,
    )
    try:
        return bench.jobs.request(job)
    except JobActive:
        return None


def _result(platform: Platform, spec: ModelSpec, done: Sequence[Job], *, cpu_seconds: float) -> dg.MaterializeResult:
    standings = {s.whose.tenant: s for s in platform.bench.standings.all() if s.whose.model == spec.name and s.whose.environment == "prod"}
    serving = {tenant: s.version for tenant, s in sorted(standings.items()) if s.version is not None}
    version = ",".join(f"{tenant}:{number}" for tenant, number in serving.items()) or "none"
    columns = fields_by_name(spec.columns(), list(spec.inputs))
    lineage = {COLUMN_LINEAGE: column_lineage(columns)} if columns else {}
    return dg.MaterializeResult(
        asset_key=["model", spec.name],
        metadata=job_metadata(spec, done) | {"serves": serving, "cpu_seconds": round(cpu_seconds, 3)} | lineage,
        data_version=dg.DataVersion(f"{spec.name}:{version}"),
        check_results=[_served(spec, done), dg.AssetCheckResult(asset_key=["model", spec.name], **told(kept(platform, spec)))],
    )


def job_metadata(spec: ModelSpec, done: Sequence[Job]) -> dict[str, Any]:
    """What came of jobs, for the page of their asset."""
    facts: dict[str, Any] = {
        "outcomes": {j.whose.registered: {"state": j.state, "says": j.says, "version": j.version, "verdict": j.verdict} for j in done}
    }
    for job in done:
        tenant, report = job.whose.tenant, job.report
        if (weighed := report.get("reweighing")) is not None:
            from seeding_platform.models.weighing import told as weighing

            facts[f"{tenant} reweighing"] = dg.MetadataValue.md(weighing(weighed).markdown())
        if (judged := report.get("evaluation")) is not None:
            dummy = judged["dummy"].get(spec.metric, {}).get("value")
            figures = {
                spec.metric: judged["metrics"][spec.metric]["value"], f"baseline {spec.metric}": dummy, "gain in standard errors": judged["gain_se"],
                "gain over what served": job.improvement,
            }  # fmt: skip
            facts |= {f"{tenant} {name}": value for name, value in figures.items() if value is not None}
    return facts


def _served(spec: ModelSpec, done: Sequence[Job]) -> dg.AssetCheckResult:
    wanting = [j for j in done if j.state == "failed" or j.verdict == "refuse"]
    return dg.AssetCheckResult(
        asset_key=["model", spec.name],
        check_name="serves",
        passed=not wanting,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{j.whose.registered}: {j.says}" for j in done)[:2000] or "no tenant has rows for it yet",
    )
