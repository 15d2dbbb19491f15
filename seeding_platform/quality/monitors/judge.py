"""Which figures are unlike those before: robust distance from the median of the last 28 runs, at most one alert a figure a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from seeding_platform.catalog.adjustable import Adjustable
from seeding_platform.catalog.contract import TIMESTAMP

if TYPE_CHECKING:
    import datetime as dt

WINDOW, FEWEST, KEPT = 28, 7, 400
"""Runs that a figure is compared with, runs below which nothing is said, and runs that are kept."""


class MonitorLimits(BaseModel):
    """When a figure is called unusual."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    far: float = Field(5.0, ge=2, le=50, description="Robust standard deviations from the median of the runs before")
    fewest_runs: int = Field(FEWEST, ge=3, le=WINDOW, description="Runs below which nothing is said")
    psi: float = Field(0.2, ge=0.05, le=5, description="Population stability index from which on a changed shape is told at all")
    silent: bool = Field(False, description="Keep the figures, but alert of none")


MONITORING = Adjustable("quality.monitors", MonitorLimits, "When a figure of a table is called unlike those before.", scopes="table")
MOVES = {"rows": 0.05, "mean": 0.05, "freshness_hours": 0.5, "score": 0.01, "confidence": 0.02, "psi": 1.0}
"""Least relative move from the median that is told at all; shares of cells must move by .02."""
SHARE_MOVES, FRESHNESS_TOLD = 0.02, 6.0
"""Least move of a share, and hours of delay, that are told at all."""
_NORMAL = 1.4826  # MAD of a normal distribution times this is its standard deviation
SAME = ["tenant", "table", "column", "metric"]
MONITORS: dict[str, pl.DataType] = {
    "at": TIMESTAMP,
    "version": pl.Int64(),
    "tenant": pl.String(),
    "table": pl.String(),
    "column": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
    "n": pl.Int64(),
    "shape": pl.String(),
    "middle": pl.Float64(),
    "spread": pl.Float64(),
    "distance": pl.Float64(),
    "verdict": pl.String(),
    "alerted": pl.Boolean(),
}
"""One row a run (`at`, `version` of the table) and figure. `middle`, `spread` (1.4826 MAD) and `distance` (in spreads) are against the runs
before; `verdict` = learning (fewer than 7 runs), usual, unusual; `alerted` = it was unusual and the first time that day."""


def history_with(
    history: pl.DataFrame, figures: pl.DataFrame, *, table: str, version: int, at: dt.datetime, limits: MonitorLimits | None = None
) -> pl.DataFrame:
    """The history of a table with one more run, judged by the runs before.

    Args:
        history: `MONITORS` rows of this table; empty at first.
        figures: what was `measured` now.
        table: whose figures they are.
        version: of the table; a version that the history has already changes nothing.
        at: when they were measured.
        limits: when a figure is called unusual.
    """
    limits = limits or MonitorLimits()
    if history.height and (history["version"] == version).any():
        return history
    figures = pl.concat([figures, _gone(history, figures)])
    if not figures.height:
        return history
    runs = history["at"].unique().sort(descending=True)
    window = history.filter(pl.col("at").is_in(runs.head(WINDOW).implode())).filter(pl.col("value").is_not_null())
    middle = pl.col("value").median()
    before = window.group_by(SAME).agg(middle=middle, spread=(pl.col("value") - middle).abs().median() * _NORMAL, runs=pl.len())
    today = history.filter(pl.col("alerted") & (pl.col("at").dt.date() == at.date())).select(SAME).unique().with_columns(told=pl.lit(value=True))
    now = figures.with_columns(table=pl.lit(table), version=pl.lit(version, pl.Int64), at=pl.lit(at).cast(TIMESTAMP))
    joined = now.join(before, on=SAME, how="left", maintain_order="left").join(today, on=SAME, how="left", maintain_order="left")
    known = joined.with_columns(runs=pl.col("runs").fill_null(0), told=pl.col("told").fill_null(value=False))
    judged = known.with_columns(distance=_distance(limits)).with_columns(verdict=_verdict(limits))
    marked = judged.with_columns(alerted=(pl.col("verdict") == "unusual") & ~pl.col("told") & (not limits.silent))
    recent = pl.col("at").is_in(runs.head(WINDOW - 1).implode())
    kept = history.filter(pl.col("at").is_in(runs.head(KEPT - 1).implode())).with_columns(shape=pl.when(recent).then("shape"))
    return pl.concat([kept, marked.select(pl.col(c).cast(t) for c, t in MONITORS.items())]).sort("at", *SAME)


def _gone(history: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """No rows, for each tenant that had some at the run before and has none now."""
    before = history.filter((pl.col("at") == pl.col("at").max()) & (pl.col("metric") == "rows") & (pl.col("column") == "") & (pl.col("value") > 0))
    lost = before.select("tenant").unique().join(figures.select("tenant").unique(), on="tenant", how="anti").sort("tenant")
    return lost.select(
        "tenant",
        column=pl.lit(""),
        metric=pl.lit("rows"),
        value=pl.lit(0.0),
        n=pl.lit(0, dtype=pl.Int64),
        shape=pl.lit(None, dtype=pl.String),
    ).select(figures.columns)


def shapes_of(history: pl.DataFrame) -> dict[tuple[str, str], str]:
    """The oldest shape that is kept of each tenant's column: what today's is compared with, so that a slow drift is seen too."""
    known = history.filter(pl.col("shape").is_not_null()).sort("at")
    oldest = known.group_by("tenant", "column", maintain_order=True).agg(pl.col("shape").first())
    return {(tenant, column): shape for tenant, column, shape in oldest.iter_rows()}


def _least(limits: MonitorLimits) -> pl.Expr:
    """The smallest spread that counts as one: a figure that never moved is not alarming when it moves a little."""
    relative = pl.col("metric").replace_strict(MOVES, default=0.0, return_dtype=pl.Float64) * pl.col("middle").abs()
    share = pl.when(pl.col("metric").is_in(list(MOVES))).then(0.0).otherwise(SHARE_MOVES)
    hours = pl.when(pl.col("metric") == "freshness_hours").then(FRESHNESS_TOLD).otherwise(0.0)
    return pl.max_horizontal(relative, share, hours, 1e-9) / limits.far


def _distance(limits: MonitorLimits) -> pl.Expr:
    return (pl.col("value") - pl.col("middle")) / pl.max_horizontal("spread", _least(limits))


def _verdict(limits: MonitorLimits) -> pl.Expr:
    far = pl.col("distance").abs() > limits.far
    psi = pl.col("metric") == "psi"
    late = pl.col("metric") == "freshness_hours"
    unusual = pl.when(psi).then(far & (pl.col("value") > limits.psi)).when(late).then(pl.col("distance") > limits.far).otherwise(far)
    return (
        pl.when((pl.col("runs") < limits.fewest_runs) | pl.col("value").is_null())
        .then(pl.lit("learning"))
        .when(unusual)
        .then(pl.lit("unusual"))
        .otherwise(pl.lit("usual"))
    )


def told(history: pl.DataFrame, *, at: dt.datetime) -> list[str]:
    """What the run of a moment alerts of, in words, the farthest first."""
    rows = history.filter((pl.col("at") == at) & pl.col("alerted")).sort(pl.col("distance").abs(), descending=True)
    return [
        f"{table}{f'.{column}' if column else ''} of {tenant}: {metric.replace('_', ' ')} {value:,.4g} after {middle:,.4g}"
        for tenant, table, column, metric, value, middle in rows.select(*SAME, "value", "middle").iter_rows()
    ]
