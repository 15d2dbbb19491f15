"""Where personal data stands: a verdict on every text column of every table that rows come in by."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from seeding_platform.catalog import TABLES, TableContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.governance.pii.verdicts import TABLE_VERDICTS

TABLE = "quality/personal_columns"


def personal_columns_asset(contracts: Sequence[TableContract]) -> dg.AssetsDefinition:
    """`quality/personal_columns`: verdict, label and evidence a column, of the raw and clean tables."""

    @dg.asset(
        key=TABLE.split("/"),
        deps=[dg.AssetKey(["clean", c.name]) for c in contracts],
        group_name="quality",
        kinds={"polars", "deltalake"},
        owners=["team:data-platform"],
        op_tags=stage("quality"),
        automation_condition=follow_upstream(),
        code_version="1",
        description="Which columns of the raw and clean tables are personal data, by their name and by what stands in them, with the evidence.",
        metadata={"dagster/column_schema": frame_schema(TABLE_VERDICTS)},
        check_specs=[
            dg.AssetCheckSpec("declared", asset=TABLE.split("/"), description="What looks personal in a clean table is declared so in its contract")
        ],
    )
    def personal_columns(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        from seeding_platform.governance.pii.columns import judged_tables

        lake = platform.lake
        names = [t for t in lake.tables() if t.partition("/")[0] in ("raw", "clean") and not ("clean/" in t and "__" in t)]
        tables = {t: (lake.version(t), lake.read(t).collect()) for t in names}
        declared = {
            f"{layer}/{name}": {n: c.personal for n, c in contract.columns.items() if c.personal}
            for name, contract in TABLES.items()
            for layer in ("raw", "clean")
        }
        before = lake.read(TABLE).collect() if lake.exists(TABLE) else pl.DataFrame(schema=TABLE_VERDICTS)
        found = judged_tables(tables, declared=declared, before=before)
        written = lake.overwrite(TABLE, found)
        counts = dict(found["verdict"].value_counts(sort=True).iter_rows())
        return dg.MaterializeResult(metadata={**written_metadata(written, lake.uri(TABLE)), "verdicts": counts}, check_results=[_declared(found)])

    return personal_columns


def _declared(found: pl.DataFrame) -> dg.AssetCheckResult:
    clean = found.filter(pl.col("table").str.starts_with("clean/"))
    surprising = clean.filter(pl.col("verdict").is_in(["personal", "suspected"]) & (pl.col("evidence") != "declared in the contract"))
    told = "; ".join(f"{r['table']}, {r['column']}: {r['evidence']}" for r in surprising.iter_rows(named=True))
    return dg.AssetCheckResult(
        check_name="declared",
        passed=surprising.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description=told or "every column that looks personal is declared so",
    )
