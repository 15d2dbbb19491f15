"""The seeding experiment as an asset: what the seed package is worth to each model, once a week and apart from the hot path."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import SeedingError
from seeding_platform.models import ModelSpec, frame_of
from seeding_platform.models.experiment_table import EXPERIMENTS, experiments_table
from seeding_platform.models.operations.data import ready

NAME = "seeding_experiment"
TABLE = f"quality/{NAME}"
EXPERIMENT = dg.AssetKey(TABLE.split("/"))


def experiment_asset(specs: Sequence[ModelSpec]) -> dg.AssetsDefinition:
    """`quality/seeding_experiment`: a row a tenant, model and number of own labels. It follows the clock: each model is fitted 120 times."""

    @dg.asset(
        key=EXPERIMENT,
        deps=[dg.AssetKey(["quality", name]) for name in sorted({name for spec in specs for name in spec.inputs})],
        group_name="quality",
        kinds={"polars", "deltalake", "scikitlearn"},
        owners=["team:ml"],
        op_tags=stage("quality"),
        pool="ml_training",
        code_version="1",
        description="What data from outside are worth: models of few own labels with the seed package and without, on the same held-out rows.",
        metadata={"dagster/column_schema": frame_schema(EXPERIMENTS)},
    )
    def seeding_experiment(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        from seeding_platform.models.seeding_experiment import SeedingExperiment
        from seeding_platform.models.seeding_experiment import seeding_experiment as tried

        found, tenants = {}, platform.tenants()
        for spec in (s for s in specs if ready(platform.lake, s)):
            for tenant in tenants:
                try:
                    one = tried(spec, _frame(platform, spec, tenant), _package(platform, spec, tenant))
                except SeedingError as error:  # it stands in the table; the other models are tried all the same
                    one = SeedingExperiment(spec.name, spec.metric, str(spec.direction), spec.floor, f"not run: {error.without_value()}")
                context.log.info(f"{tenant}.{spec.name}: {one.says}")
                found[tenant, spec.name] = one
        written = platform.lake.overwrite(TABLE, experiments_table(found, at=platform.now()))
        told = {f"{tenant}.{model}": one.says for (tenant, model), one in found.items()}
        return dg.MaterializeResult(metadata={**written_metadata(written, platform.lake.uri(TABLE)), "experiments": told})

    return seeding_experiment


def _frame(platform: Platform, spec: ModelSpec, tenant: str) -> pl.DataFrame:
    return frame_of(spec, {name: platform.lake.read(f"quality/{name}", tenant=tenant) for name in spec.inputs})


def _package(platform: Platform, spec: ModelSpec, tenant: str) -> pl.DataFrame | None:
    """Rows of the tenants whose data everybody here may learn from; those of the tenant itself are its own."""
    frames = [_frame(platform, spec, name) for name in sorted(platform.settings.seed_tenant_names - {tenant})]
    return pl.concat(frames, how="vertical_relaxed") if frames else None


def experiment_job() -> Any:
    """The job `seeding_experiment`: that asset alone."""
    selection = dg.AssetSelection.assets(EXPERIMENT)
    return dg.define_asset_job(NAME, selection=selection, description="Try every model with the seed package and without.")


def experiment_schedule() -> dg.ScheduleDefinition:
    """The schedule `seeding_experiment`: on Sundays, after the nightly upkeep."""
    return dg.ScheduleDefinition(
        name=NAME,
        job_name=NAME,
        cron_schedule="30 4 * * 0",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Tries once a week what the seed package is worth to each model.",
    )
