"""Bias in what was collected: every figure about every kind of post, and a check that names the biased ones."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from seeding_platform.catalog import TableContract
from seeding_platform.defs.automation import follow_upstream
from seeding_platform.defs.describe import frame_schema, stage, written_metadata
from seeding_platform.defs.platform import Platform
from seeding_platform.quality.fairness import BIAS, INPUTS, content_bias

TABLE = "quality/bias"
MOST_TOLD = 20
"""Biased figures that the check names; the table holds them all."""


def bias_asset(contracts: Sequence[TableContract]) -> dg.AssetsDefinition:
    """`quality/bias`: figures of representation and outcome with their rows, interval and verdict, a tenant."""
    judged = {c.name: c for c in contracts if c.name in INPUTS}

    @dg.asset(
        key=TABLE.split("/"),
        deps=[dg.AssetKey(["quality", name]) for name in INPUTS],
        group_name="quality",
        kinds={"polars", "deltalake"},
        owners=["team:data-platform"],
        op_tags=stage("quality"),
        automation_condition=follow_upstream(),
        code_version="1",
        description="Which kinds of posts are there and which engage people, by platform, language, form and author, with intervals and verdicts.",
        metadata={"dagster/column_schema": frame_schema(BIAS)},
        check_specs=[dg.AssetCheckSpec("no_bias", asset=TABLE.split("/"), description="No figure is biased beyond chance")],
    )
    def bias(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
        from seeding_platform.quality.bias import Verdict

        lake = platform.lake
        posts, analytics = (
            lake.read(f"quality/{name}") if lake.exists(f"quality/{name}") else judged[name].empty("quality").lazy() for name in INPUTS
        )
        found = content_bias(posts, analytics)
        written = lake.overwrite(TABLE, found)
        counts = {verdict.value: found.filter(pl.col("verdict") == verdict.value).height for verdict in Verdict}
        return dg.MaterializeResult(metadata={**written_metadata(written, lake.uri(TABLE)), "verdicts": counts}, check_results=[_no_bias(found)])

    return bias


def _no_bias(found: pl.DataFrame) -> dg.AssetCheckResult:
    biased = found.filter(pl.col("verdict") == "biased")
    told = [_told(*row) for row in biased.head(MOST_TOLD).drop("verdict").iter_rows()]
    if biased.height > MOST_TOLD:
        told.append(f"and {biased.height - MOST_TOLD} more in {TABLE}")
    return dg.AssetCheckResult(
        check_name="no_bias",
        passed=biased.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(told) or ("nothing yet" if found.is_empty() else f"none of {found.height} figures is biased"),
    )


def _told(tenant: str, subject: str, metric: str, group: str, value: float, n: int, low: float | None, high: float | None) -> str:
    limits = " to ".join("?" if limit is None else f"{limit:.2f}" for limit in (low, high))
    return f"{tenant}, {subject}, {group}: {metric} {value:.2f} of {n} rows (95 % interval {limits})"
