"""KPI assets: daily partitions, any range of days in one run."""

import datetime as dt

import dagster as dg
import polars as pl

from seeding_platform import __version__
from seeding_platform.analytics.daily import ads_daily
from seeding_platform.analytics.facts import FACT_SCHEMA, known
from seeding_platform.analytics.serving import TABLE, publish_from_lake
from seeding_platform.catalog import TABLES
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage
from seeding_platform.defs.io_managers import DAY_COLUMN, expected_schema
from seeding_platform.defs.platform import Platform
from seeding_platform.storage.snapshots import opened

ADS_DAILY = dg.AssetKey(["kpi", "ads_daily"])
INSIGHTS = dg.AssetKey(["kpi", "learning_insights"])
SERVING = dg.AssetKey(["kpi", "serving_snapshot"])


def kpi_days(first_day: dt.date) -> dg.DailyPartitionsDefinition:
    """The days of KPI tables, the present one included."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), end_offset=1)


def ads_daily_asset(first_day: dt.date) -> dg.AssetsDefinition:
    """`kpi/ads_daily`, by day."""
    contract = TABLES["ads_daily"]

    @dg.asset(
        key=ADS_DAILY,
        ins={"facts": dg.AssetIn(["quality", "ad_facts"], input_manager_key="lake")},
        group_name="kpi",
        kinds={"polars", "deltalake"},
        owners=[contract.owner],
        io_manager_key="lake",
        op_tags=stage("kpi"),
        partitions_def=kpi_days(first_day),
        backfill_policy=dg.BackfillPolicy.single_run(),
        metadata={DAY_COLUMN: "date", "dagster/column_schema": frame_schema(expected_schema("kpi/ads_daily") or {})},
        description=contract.description,
        code_version=f"{__version__}/{contract.version}",
    )
    def ads(context: dg.AssetExecutionContext, facts: pl.LazyFrame) -> pl.DataFrame:
        window = context.partition_time_window
        return ads_daily(facts, first=window.start.date(), last=window.end.date() - dt.timedelta(days=1))

    return ads


@dg.asset(
    key=SERVING,
    deps=[dg.AssetKey(TABLE.split("/"))],
    group_name="kpi",
    kinds={"duckdb"},
    owners=["team:marketing"],
    op_tags=stage("kpi"),
    automation_condition=follow_upstream(),
    metadata={"dagster/column_schema": frame_schema(FACT_SCHEMA)},
    description="Ad facts as questions, pages and the API read them: an immutable DuckDB file, put in force by one pointer.",
    code_version=__version__,
)
def serving_snapshot(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Publish the facts that passed; equal facts leave the snapshot in force as it is."""
    version = platform.lake.version(TABLE)
    name, rows = publish_from_lake(platform.lake, platform.settings.serving, version=version, now=platform.now())
    return dg.MaterializeResult(metadata={"dagster/row_count": rows, "snapshot": name, "ad_facts_version": version})


@dg.asset(
    key=INSIGHTS,
    deps=[SERVING],
    group_name="kpi",
    kinds={"polars", "deltalake"},
    owners=["team:marketing"],
    io_manager_key="lake",
    op_tags=stage("kpi"),
    automation_condition=follow_upstream(),
    metadata={"dagster/column_schema": frame_schema(expected_schema("kpi/learning_insights") or {})},
    description="What is worth knowing about the ad figures: what moved them, days that stand out, the days to come; each with n and its 95 % range.",
    code_version=f"{__version__}/{TABLES['learning_insights'].version}",
)
def learning_insights(platform: dg.ResourceParam[Platform]) -> pl.DataFrame:
    """The findings of every tenant's facts in the snapshot in force; the same that the KPI page shows."""
    from seeding_platform.analytics.findings import findings, insight_rows  # compiles SQL: too dear to import with the definitions

    snapshot = opened(platform.settings.serving)
    try:
        tenants = [row["tenant"] for row in snapshot.rows("SELECT DISTINCT tenant FROM facts ORDER BY 1")]
        parts = [insight_rows(findings(known(snapshot, tenant=tenant)), tenant=tenant) for tenant in tenants]
    finally:
        snapshot.close()
    return pl.concat([insight_rows([], tenant=""), *parts]).sort("tenant", "insight_id")
