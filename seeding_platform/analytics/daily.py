"""Ad figures by day, platform and currency. Sums first, ratios of sums after; currencies are never added together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog import TABLES

if TYPE_CHECKING:
    import datetime as dt

GRAIN = ("tenant", "date", "platform", "currency")


def ads_daily(facts: pl.LazyFrame, *, first: dt.date | None = None, last: dt.date | None = None) -> pl.DataFrame:
    """Daily figures of ad facts between two days, both included.

    Every row counts, whatever its confidence: money is never dropped. cac = spend / new_customers where they are
    reported, else spend / conversions, and `cac_basis` says which; roas = revenue / spend where revenue is reported.
    A ratio without a denominator is null.
    """
    inside = facts
    if first is not None:
        inside = inside.filter(pl.col("date") >= first)
    if last is not None:
        inside = inside.filter(pl.col("date") <= last)
    sums = inside.group_by(GRAIN).agg(
        pl.col("spend", "clicks", "impressions", "conversions").sum(),
        *(_sum_or_null(name) for name in ("revenue", "new_customers")),
        rows=pl.len().cast(pl.Int64),
    )
    spend = pl.col("spend").cast(pl.Float64)
    by_customers = pl.col("new_customers") > 0
    per = pl.when(by_customers).then(pl.col("new_customers").cast(pl.Float64)).otherwise(pl.col("conversions").cast(pl.Float64))
    figures = sums.with_columns(
        cac=spend / pl.when(per > 0).then(per),
        cac_basis=pl.when(by_customers).then(pl.lit("new_customers")).when(pl.col("conversions") > 0).then(pl.lit("conversions")),
        roas=pl.col("revenue").cast(pl.Float64) / pl.when(spend > 0).then(spend),
    )
    schema = {
        "tenant": pl.String(),
        **{n: c.dtype if isinstance(c.dtype, pl.DataType) else c.dtype() for n, c in TABLES["ads_daily"].columns.items()},
    }
    return figures.select(pl.col(n).cast(d) for n, d in schema.items()).sort(GRAIN, nulls_last=True).collect()


def _sum_or_null(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name)


def changed_days(before: pl.LazyFrame | None, after: pl.LazyFrame) -> tuple[dt.date, dt.date] | None:
    """First and last day whose facts differ between two states of a table, or None when none do."""
    marks = [_marks(frame).with_columns(side=pl.lit(side)) for side, frame in ((0, before), (1, after)) if frame is not None]
    differing = (
        pl.concat(marks)
        .group_by("date")
        .agg(n=pl.len(), kinds=pl.struct("mark", "rows").n_unique())
        .filter((pl.col("n") != 2) | (pl.col("kinds") != 1))
    )
    first, last = differing.select(pl.col("date").min().alias("first"), pl.col("date").max().alias("last")).collect().row(0)
    return None if first is None else (first, last)


def _marks(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Per day a mark that changes when a figure of the day changes."""
    names = sorted(set(frame.collect_schema()) - {"_batch", "_source", "flags"})
    return (
        frame.select("date", pl.struct(names).hash(seed=7).alias("h")).group_by("date").agg(mark=pl.col("h").sort().hash(seed=7).sum(), rows=pl.len())
    )
