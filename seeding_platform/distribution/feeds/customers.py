"""Feeds about customers and choices: ChurnPrediction, CustomerIntelligence, Optimization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog.contract import MONEY
from seeding_platform.distribution.feeds.feed import Feed

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables

CHURN_WINDOW_DAYS = 30
SMALLEST_GROUP = 5
NOT_BOUGHT = ("cancelled", "canceled", "failed")
_BANDS = ("recency_band", "frequency_band", "value_band", "currency", "synthetic")


def churn(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Customers who were still there on a day, with what was known on it and whether they left in the 30 days after."""
    people = tables["customers"].with_columns(left=pl.col("churned_at").dt.date(), active=pl.col("last_active_at").dt.date())
    people = people.filter(pl.col("left").is_null() | (pl.col("left") > pl.col("as_of")))
    until = pl.col("as_of") + pl.duration(days=CHURN_WINDOW_DAYS)
    horizon = pl.lit(_last_known_day(tables), dtype=pl.Date)
    return (
        people.join(_orders_before(people, tables["orders"]), on=["customer_ref", "as_of"], how="left")
        .select(
            "customer_ref",
            "as_of",
            "tenure_months",
            "plan",
            "contract",
            "monthly_charges",
            "tickets_90d",
            days_since_active=pl.when(pl.col("active") <= pl.col("as_of")).then((pl.col("as_of") - pl.col("active")).dt.total_days()),
            orders_90d="orders_90d",
            days_since_order="days_since_order",
            churned_30d=(pl.col("left") <= until).fill_null(False),
            label_complete=((pl.col("left") <= until).fill_null(False)) | (until <= horizon).fill_null(False),
            sample_weight="confidence",
            synthetic="synthetic",
        )
        .sort("customer_ref", "as_of")
        .collect()
    )


def _last_known_day(tables: Tables) -> object:
    """The latest day of which customers or orders tell anything."""
    people = tables["customers"].select(pl.max_horizontal(pl.col("as_of").max(), pl.col("churned_at", "last_active_at").max().dt.date()))
    orders = tables["orders"].select(pl.col("created_at").max().dt.date())
    days = [frame.collect().item() for frame in (people, orders)]
    return max((day for day in days if day is not None), default=None)


def _orders_before(people: pl.LazyFrame, orders: pl.LazyFrame) -> pl.LazyFrame:
    """Per customer and day the orders up to that day; null for everyone where no orders are known at all."""
    bought = orders.filter(pl.col("customer_ref").is_not_null()).select("customer_ref", day=pl.col("created_at").dt.date())
    known = people.select("customer_ref", "as_of").join(bought, on="customer_ref", how="left")
    before = pl.col("day") <= pl.col("as_of")
    recent = before & (pl.col("day") > pl.col("as_of") - pl.duration(days=90))
    counted = known.group_by("customer_ref", "as_of").agg(
        orders_90d=recent.fill_null(False).sum().cast(pl.Int64), last=pl.col("day").filter(before.fill_null(False)).max()
    )
    any_known = pl.col("known_orders") > 0
    return counted.join(orders.select(known_orders=pl.len()), how="cross").select(
        "customer_ref",
        "as_of",
        orders_90d=pl.when(any_known).then("orders_90d"),
        days_since_order=(pl.col("as_of") - pl.col("last")).dt.total_days(),
    )


def customer_intelligence(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Customers in thirds of recency, frequency and value; groups of fewer than five are left out.

    Figures are the medians of a customer's group: two customers of one group differ by their pseudonyms only.
    """
    customers = _bought(tables["orders"]).with_columns(
        recency_band=_third(-pl.col("recency_days")), frequency_band=_third(pl.col("frequency")), value_band=_third(pl.col("value"), "currency")
    )
    grouped = customers.filter(pl.col("customer_ref").n_unique().over(_BANDS) >= SMALLEST_GROUP)

    def median(column: str) -> pl.Expr:
        return pl.col(column).cast(pl.Float64).median().over(_BANDS)

    return (
        grouped.select(
            "customer_ref",
            "recency_band",
            "frequency_band",
            "value_band",
            segment=_segment(),
            recency_days=median("recency_days"),
            frequency=median("frequency"),
            value=median("value").round(2).cast(MONEY),
            currency="currency",
            synthetic="synthetic",
        )
        .sort("customer_ref")
        .collect()
    )


def _bought(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Per customer: days since the last order at the latest order of all, orders, and their value in the main currency."""
    kept = (
        orders.filter(pl.col("customer_ref").is_not_null() & ~pl.col("status").str.to_lowercase().is_in(NOT_BOUGHT).fill_null(False))
        .with_columns(day=pl.col("created_at").dt.date())
        .with_columns(as_of=pl.col("day").max())
    )
    currencies = (
        kept.group_by("customer_ref", "currency").agg(n=pl.len(), value=pl.col("amount").sum().cast(pl.Float64)).sort("currency", nulls_last=True)
    )
    main = (
        currencies.sort("n", descending=True, maintain_order=True)
        .group_by("customer_ref", maintain_order=True)
        .agg(pl.col("currency", "value").first())
    )
    figures = kept.group_by("customer_ref").agg(
        recency_days=(pl.col("as_of") - pl.col("day")).min().dt.total_days(), frequency=pl.len().cast(pl.Int64), synthetic=pl.col("synthetic").any()
    )
    return figures.join(main, on="customer_ref")


def _third(value: pl.Expr, *within: str) -> pl.Expr:
    """1 to 3 by rank; equal values share the lowest third that one of them is in."""
    rank, size = value.rank("min").cast(pl.Int64) - 1, value.count().cast(pl.Int64)
    third = (rank * 3) // size + 1
    return third.over(within) if within else third


def _segment() -> pl.Expr:
    recent, often, worth = pl.col("recency_band"), pl.col("frequency_band"), pl.col("value_band")
    return (
        pl.when((recent == 3) & (often == 3) & (worth == 3))
        .then(pl.lit("champion"))
        .when((recent >= 2) & (often == 3))
        .then(pl.lit("loyal"))
        .when((recent == 3) & (often == 1))
        .then(pl.lit("new"))
        .when((recent == 1) & (often >= 2))
        .then(pl.lit("at_risk"))
        .when((recent == 1) & (often == 1))
        .then(pl.lit("lost"))
        .otherwise(pl.lit("regular"))
    )


def decisions(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Choices with the chance that each had; one without a chance teaches nothing and is left out."""
    after = (pl.col("rewarded_at") >= pl.col("decided_at")) | pl.col("rewarded_at").is_null()
    return (
        tables["decisions"]
        .filter(pl.col("propensity") > 0)
        .select(
            "decision_id",
            "context",
            "action",
            "propensity",
            pl.when(after).then("reward").alias("reward"),
            "decided_at",
            pl.when(after).then("rewarded_at").alias("rewarded_at"),
            "synthetic",
        )
        .sort("decision_id")
        .collect()
    )


FEEDS = (
    Feed("churn_prediction", ("customers", "orders"), churn),
    Feed("customer_intelligence", ("orders",), customer_intelligence),
    Feed("optimization", ("decisions",), decisions),
)
