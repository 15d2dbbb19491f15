"""Customers who are alike: one row a customer, as last known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.churn import start_of, with_orders
from seeding_platform.models.frames.known import relied_on

if TYPE_CHECKING:
    from collections.abc import Mapping


def segmentation_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a customer at its newest day of knowledge, if it had not left by then.

    Returns:
        Recency, frequency, value and engagement as features, `as_of`, `customer_ref`, `synthetic`.
    """
    customers = relied_on(tables["customers"]).collect().with_columns(asked=start_of(pl.col("as_of")))
    orders = relied_on(tables["orders"]).filter(pl.col("customer_ref").is_not_null()).collect()
    newest = customers.sort("customer_ref", "as_of").group_by("customer_ref", maintain_order=True).agg(pl.all().last())
    there = newest.filter(pl.col("churned_at").is_null() | (pl.col("churned_at") >= pl.col("asked")))
    told = with_orders(there, orders).with_columns(monthly_charges=pl.col("monthly_charges").cast(pl.Float64))
    features = ("tenure_months", "monthly_charges", "tickets_90d", "inactive_days", "orders_90d", "spend_90d", "days_since_order")
    return told.select("customer_ref", "as_of", "synthetic", *features).sort("customer_ref")
