"""Feeds about paid advertising: ROIAlgorithm and Analytics. Sums of different currencies are never added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.contract import MONEY
from seeding_platform.distribution.feeds.feed import Feed

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables

_CONVERSIONS = pl.Decimal(18, 4)
_SERIES = ("campaign", "platform", "currency", "synthetic")


def _facts(tables: Tables, context: FeedContext) -> pl.LazyFrame:
    """Ad rows with `campaign` as id where known, and whether their day is among the last ones of their platform."""
    last = pl.col("date").max().over("platform")
    return (
        tables["ad_facts"]
        .with_columns(campaign=pl.coalesce("campaign_id", "campaign"), provisional=pl.col("date") > last - pl.duration(days=context.provisional_days))
        .rename({"date": "day"})
    )


def total(column: str, *, where: str | None = None, dtype: pl.DataType | None = None) -> pl.Expr:
    """Sum of the values that are there; null, not zero, where there is none.

    Args:
        column: what to add up.
        where: only rows that report this column.
        dtype: type of the sum; default: 64-bit integer.

    >>> pl.DataFrame({"x": [None, 2, 3], "y": [None, None, 1]}).select(total("x"), z=total("x", where="y")).row(0)
    (5, 3)
    >>> pl.DataFrame({"x": [None]}, schema={"x": pl.Int64}).select(total("x")).item() is None
    True
    """
    value = pl.col(column) if where is None else pl.col(column).filter(pl.col(where).is_not_null())
    return pl.when(value.count() > 0).then(value.sum()).cast(dtype or pl.Int64()).alias(column)


def roi(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Days of campaigns with what was spent, what came of it, and the same figures one and seven days before."""
    days = (
        _facts(tables, context)
        .group_by(*_SERIES, "day")
        .agg(
            total("spend", dtype=MONEY),
            total("clicks"),
            total("impressions"),
            total("conversions", dtype=_CONVERSIONS),
            total("revenue", dtype=MONEY),
            total("spend", where="revenue", dtype=MONEY).cast(pl.Float64).alias("revenue_spend"),
            pl.col("provisional").any(),
            pl.col("campaign_id").max(),
            pl.len().cast(pl.Int64).alias("rows"),
        )
    )
    for lag in (1, 7):
        before = days.select(
            *_SERIES,
            (pl.col("day") + pl.duration(days=lag)).alias("day"),
            pl.col("spend").alias(f"spend_lag_{lag}d"),
            pl.col("conversions").alias(f"conversions_lag_{lag}d"),
        )
        days = days.join(before, on=[*_SERIES, "day"], how="left", nulls_equal=True)
    objectives = tables["campaigns"].select("campaign_id", "objective")
    return (
        days.join(objectives, on="campaign_id", how="left")
        .select(
            "campaign",
            "platform",
            "day",
            "currency",
            "objective",
            pl.col("day").dt.weekday().cast(pl.Int64).alias("weekday"),
            "spend",
            "clicks",
            "impressions",
            "spend_lag_1d",
            "spend_lag_7d",
            "conversions_lag_1d",
            "conversions_lag_7d",
            "conversions",
            "revenue",
            pl.when(pl.col("revenue_spend") > 0).then(pl.col("revenue").cast(pl.Float64) / pl.col("revenue_spend") - 1.0).alias("roi"),
            "provisional",
            "rows",
            "synthetic",
        )
        .sort("campaign", "platform", "day", "currency", "synthetic")
        .collect()
    )


def kpi_cube(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Figures of every row by day, platform, campaign, country, device and currency, with the bases of their ratios."""
    key = ("day", "platform", "campaign", "country", "device", "currency")
    return (
        _facts(tables, context)
        .group_by(*key, "synthetic")
        .agg(
            total("spend", dtype=MONEY),
            total("clicks"),
            total("impressions"),
            total("conversions", dtype=_CONVERSIONS),
            total("revenue", dtype=MONEY),
            total("new_customers"),
            total("spend", where="revenue", dtype=MONEY).alias("revenue_spend"),
            total("spend", where="conversions", dtype=MONEY).alias("conversions_spend"),
            total("spend", where="new_customers", dtype=MONEY).alias("new_customers_spend"),
            total("impressions", where="clicks").alias("clicks_impressions"),
            pl.len().cast(pl.Int64).alias("rows"),
            pl.col("confidence").min().alias("lowest_confidence"),
            pl.col("provisional").any(),
        )
        .select(*key, pl.all().exclude(*key, "synthetic"), "synthetic")
        .sort(*key, "synthetic")
        .collect()
    )


FEEDS = (Feed("roi_algorithm", ("ad_facts", "campaigns"), roi), Feed("analytics", ("ad_facts",), kpi_cube))
