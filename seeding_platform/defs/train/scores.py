"""Batch scoring as an asset: what the versions that serve say of every customer as last known."""

import dagster as dg
import polars as pl

from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.errors import SeedingError
from seeding_platform.storage.ml.whose import Whose

TABLE = "enriched/customer_scores"
INPUTS = ("customers", "orders")
CHURN, SEGMENTATION = "churn", "segmentation"
SCORES: dict[str, pl.DataType] = {
    "tenant": pl.String(),
    "customer_ref": pl.String(),
    "as_of": pl.Date(),
    "churn_probability": pl.Float64(),
    "churn_version": pl.String(),
    "segment": pl.Int64(),
    "segmentation_version": pl.String(),
}


def scores_asset() -> dg.AssetsDefinition:
    """`enriched/customer_scores`: a row a tenant and customer; null where no version serves, never a guess."""

    @dg.asset(
        key=TABLE.split("/"),
        deps=[*(dg.AssetKey(["quality", name]) for name in INPUTS), *(dg.AssetKey(["model", name]) for name in (CHURN, SEGMENTATION))],
        group_name="enriched",
        kinds={"polars", "deltalake", "scikitlearn"},
        owners=["team:ml"],
        op_tags=stage("enriched"),
        code_version="1",
        automation_condition=follow_upstream(),
        description="How likely each customer leaves within 30 days and which customers it is like, by the versions that serve.",
        metadata={"dagster/column_schema": frame_schema(SCORES)},
    )
    def customer_scores(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        parts, served, left_out = [pl.DataFrame(schema=SCORES)], {}, {}
        for tenant in platform.tenants():
            rows = _customers(platform, tenant)
            for model in (CHURN, SEGMENTATION):
                try:
                    version, rows = _with(platform, Whose(tenant, model), rows)
                    served[f"{tenant}.{model}"] = version
                except SeedingError as error:  # the other model and the other tenants are scored all the same, and the page says why this one is not
                    left_out[f"{tenant}.{model}"] = str(error)
                    context.log.info(f"{tenant}.{model}: {error}")
            parts.append(rows.with_columns(tenant=pl.lit(tenant)))
        table = pl.concat([_typed(part) for part in parts])
        written = platform.lake.overwrite(TABLE, table.sort("tenant", "customer_ref"))
        return dg.MaterializeResult(metadata={**written_metadata(written, platform.lake.uri(TABLE)), "serves": served, "left_out": left_out})

    return customer_scores


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(t) if name in rows.columns else pl.lit(None, t).alias(name) for name, t in SCORES.items())


def _customers(platform: Platform, tenant: str) -> pl.DataFrame:
    from seeding_platform.models.frames.churn import customers_now

    if not all(platform.lake.exists(f"quality/{name}") for name in INPUTS):
        return pl.DataFrame(schema={"customer_ref": pl.String(), "as_of": pl.Date()})
    return customers_now({name: platform.lake.read(f"quality/{name}", tenant=tenant) for name in INPUTS})


def _with(platform: Platform, whose: Whose, rows: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """The rows with what the version that serves says of them, and which that is."""
    from seeding_platform.models.operations.scoring import scored_table, serving

    version, spec, model = serving(platform.bench.registry, platform.bench.standings, whose)
    if rows.is_empty():
        return version, rows
    found = scored_table(spec, model, rows.select(list(spec.features)))
    said = {"churn_probability": found["score"]} if whose.model == CHURN else {"segment": found["prediction"].cast(pl.Int64)}
    return version, rows.with_columns(**said, **{f"{whose.model}_version": pl.lit(version)})
