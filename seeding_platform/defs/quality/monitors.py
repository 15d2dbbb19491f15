"""`quality/monitors`: the figures of every table over time, and a check that names those that are unlike the runs before."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg
import polars as pl

from seeding_platform.catalog import TableContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.quality.alarms import monitor_alarms
from seeding_platform.quality.monitors import MONITORS, history_with, measured, shapes_of, told
from seeding_platform.quality.monitors.judge import MONITORING, MonitorLimits

TABLE = "quality/monitors"
MOST_TOLD = 20


def monitors_asset(contracts: Sequence[TableContract]) -> dg.AssetsDefinition:
    """`quality/monitors`, one run more for each table whose version is new."""

    @dg.asset(
        key=TABLE.split("/"),
        deps=[dg.AssetKey(["quality", c.name]) for c in contracts],
        group_name="quality",
        kinds={"polars", "deltalake"},
        owners=["team:data-platform"],
        op_tags=stage("quality"),
        automation_condition=follow_upstream(),
        code_version="1",
        description="Rows, freshness, gaps, scores and shapes of every table, run by run, each judged by the 28 runs before.",
        metadata={"dagster/column_schema": frame_schema(MONITORS)},
        check_specs=[dg.AssetCheckSpec("usual", asset=TABLE.split("/"), description="No figure is unlike those of the runs before")],
    )
    def monitors(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        lake, now = platform.lake, platform.now()
        history = lake.read(TABLE).collect() if lake.exists(TABLE) else pl.DataFrame(schema=MONITORS)
        tables = [history_of(platform, contract, history, now) for contract in contracts]
        whole = pl.concat([pl.DataFrame(schema=MONITORS), *tables])
        written = lake.overwrite(TABLE, whole)
        monitor_alarms(platform.desk, whole, now=now)
        alerts = told(whole, at=now)
        return dg.MaterializeResult(
            metadata={**written_metadata(written, lake.uri(TABLE)), "runs": whole.select("table", "at").n_unique(), "alerts": len(alerts)},
            check_results=[_usual(alerts, whole)],
        )

    return monitors


def history_of(platform: Platform, contract: TableContract, history: pl.DataFrame, now: dt.datetime) -> pl.DataFrame:
    """A table's history, with its latest version where that is new."""
    lake, table = platform.lake, f"quality/{contract.name}"
    mine = history.filter(pl.col("table") == contract.name)
    if not lake.exists(table):
        return mine
    version = lake.version(table)
    if mine.height and (mine["version"] == version).any():
        return mine
    limits = platform.adjusted.value(MONITORING, contract.name)
    assert isinstance(limits, MonitorLimits)  # noqa: S101  the setting's own model
    refused = lake.read(f"clean/{contract.name}__quarantine").group_by("tenant").agg(pl.len()).collect()
    figures = measured(lake.read(table), contract, quarantined=dict(refused.iter_rows()), now=now, shapes=shapes_of(mine))
    return history_with(mine, figures, table=contract.name, version=version, at=now, limits=limits)


def _usual(alerts: list[str], whole: pl.DataFrame) -> dg.AssetCheckResult:
    said = alerts[:MOST_TOLD] + ([f"and {len(alerts) - MOST_TOLD} more in {TABLE}"] if len(alerts) > MOST_TOLD else [])
    learning = whole.filter(pl.col("verdict") == "learning").height == whole.height
    calm = "nothing to compare with yet: seven runs are needed" if learning else "every figure is as it was before"
    return dg.AssetCheckResult(check_name="usual", passed=not alerts, severity=dg.AssetCheckSeverity.WARN, description="; ".join(said) or calm)
