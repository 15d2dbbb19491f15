"""Model assets: trained on what passed, registered when better than the dummy, and saying so when not."""

from typing import Any

import dagster as dg

from seeding_platform.defs.describe import COLUMN_LINEAGE, column_lineage, stage
from seeding_platform.defs.platform import Platform
from seeding_platform.governance.lineage import fields_by_name
from seeding_platform.models import ModelSpec, frame_of
from seeding_platform.models.pretraining import Outcome, Trained, pretrain


def content_performance_asset(spec: ModelSpec) -> dg.AssetsDefinition:
    """`model/content_performance`: one registered model a tenant."""
    columns = fields_by_name(spec.columns(), list(spec.inputs))
    lineage_of_columns = {COLUMN_LINEAGE: column_lineage(columns)} if columns else {}

    @dg.asset(
        key=["model", spec.name],
        deps=[dg.AssetKey(["quality", name]) for name in spec.inputs],
        group_name="model",
        kinds={"scikitlearn", "mlflow"},
        owners=["team:ml"],
        pool="ml_training",
        op_tags=stage("model"),
        description=f"{spec.description} One model a tenant, <tenant>.{spec.name} in MLflow; better than the dummy or not registered.",
        code_version=spec.digest(),
        check_specs=[
            dg.AssetCheckSpec("serves", asset=["model", spec.name], description="Every tenant with enough rows has a model that beats the dummy")
        ],
    )
    def model(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        versions = {f"quality/{name}": platform.lake.version(f"quality/{name}") for name in spec.inputs}
        snapshot = platform.state.pin(versions, purpose=f"model/{spec.name}", run_id=context.run.run_id, now=platform.now())
        lineage = {"dagster_run_id": context.run.run_id, "snapshot_id": snapshot, **{f"input {t}": str(v) for t, v in versions.items()}}
        done = []
        for tenant in platform.tenants():
            tables = {name: platform.lake.read(f"quality/{name}", version=versions[f"quality/{name}"], tenant=tenant) for name in spec.inputs}
            frame = frame_of(spec, tables)
            done.append(pretrain(spec, frame, platform.registry, tenant=tenant, lineage=lineage, now=platform.now()))
        return dg.MaterializeResult(metadata=_metadata(done, snapshot) | lineage_of_columns, check_results=[_served(done)])

    return model


def _metadata(done: list[Trained], snapshot: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "snapshot_id": snapshot,
        "outcomes": {t.model: {"outcome": str(t.outcome), "says": t.says, "version": t.version} for t in done},
    }
    for trained in done:
        tenant = trained.model.split(".")[0]
        if trained.reweighing is not None:
            facts[f"{tenant} reweighing"] = dg.MetadataValue.md(trained.reweighing.markdown())
        if trained.evaluation is not None:
            judged = trained.evaluation
            figures = {judged.metric: judged.value, f"baseline {judged.metric}": judged.baseline_value, "gain in standard errors": judged.gain_se}
            facts |= {f"{tenant} {name}": value for name, value in figures.items() if value is not None}
    return facts


def _served(done: list[Trained]) -> dg.AssetCheckResult:
    wanting = [t for t in done if t.outcome is Outcome.NOT_BETTER]
    return dg.AssetCheckResult(
        check_name="serves",
        passed=not wanting,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{t.model}: {t.says}" for t in done) or "no tenant has posts with measurements yet",
    )
