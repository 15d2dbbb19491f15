"""Customers who are alike: one row a customer, as last known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.models.frames.churn import COLUMNS, customers_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

FEATURES = ("tenure_months", "monthly_charges", "tickets_90d", "inactive_days", "orders_90d", "spend_90d", "days_since_order")


def segmentation_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a customer at its newest day of knowledge, if it had not left by then.

    Returns:
        Recency, frequency, value and engagement as features, `as_of`, `customer_ref`, `synthetic`.
    """
    return customers_now(tables).select(*COLUMNS, *FEATURES)
