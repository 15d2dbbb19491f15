"""Whether a customer leaves within 30 days: one row a customer and day of knowledge."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.known import relied_on, sums_before

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS = 30
ORDER_DAYS = 90
COLUMNS = ("customer_ref", "as_of", "synthetic")
FEATURES = ("plan", "contract", "tenure_months", "tickets_90d", "inactive_days", "orders_90d", "spend_90d", "days_since_order", "monthly_charges")


def churn_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a (customer, as_of) whose 30 days after are over; who had left by then is not asked about.

    What is over is told by the newest moment in the tables: of a later one nobody knows yet who will leave.

    Returns:
        The features, `churned` (true, false), `as_of`, `customer_ref`, `synthetic`.
    """
    customers, orders = known(tables)
    until = _known_until(customers, orders)
    there = _there(customers)
    over = there.filter(pl.col("asked").dt.offset_by(f"{DAYS}d") <= until) if until is not None else there.clear()
    left = (pl.col("churned_at") < pl.col("asked").dt.offset_by(f"{DAYS}d")).fill_null(False)
    return with_orders(over, orders).select(*COLUMNS, *FEATURES, churned=left).sort("as_of", "customer_ref")


def customers_now(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a customer at its newest day of knowledge, if it had not left by then: whom a model is asked about, whatever becomes of them.

    Returns:
        The features of `churn` and `segmentation`, `as_of`, `customer_ref`, `synthetic`.
    """
    customers, orders = known(tables)
    newest = customers.sort("customer_ref", "as_of").group_by("customer_ref", maintain_order=True).agg(pl.all().last())
    return with_orders(_there(newest), orders).select(*COLUMNS, *FEATURES).sort("customer_ref")


def known(tables: Mapping[str, pl.LazyFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Customers with the moment at which they are asked about, and their orders."""
    customers = relied_on(tables["customers"]).collect().with_columns(asked=start_of(pl.col("as_of")))
    return customers, relied_on(tables["orders"]).filter(pl.col("customer_ref").is_not_null()).collect()


def _there(customers: pl.DataFrame) -> pl.DataFrame:
    """Those that had not left at their moment."""
    return customers.filter(pl.col("churned_at").is_null() | (pl.col("churned_at") >= pl.col("asked")))


def start_of(day: pl.Expr) -> pl.Expr:
    """The first moment of a day in UTC: what happened on the day of knowledge itself is not known yet."""
    return day.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def with_orders(customers: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Customers (`asked` = their moment) with days since they were active and their orders of the 90 days before; amounts in EUR only."""
    facts = orders.select(
        "customer_ref", "created_at", amount=pl.when(pl.col("currency") == "EUR").then(pl.col("amount").cast(pl.Float64)).otherwise(0.0)
    )
    asked = customers.select("customer_ref", "asked").unique()
    sums = sums_before(asked, facts, by="customer_ref", asked_at="asked", at="created_at", values=["amount"], days=ORDER_DAYS)
    told = customers.join(sums, on=["customer_ref", "asked"], how="left").with_columns(pl.col("monthly_charges").cast(pl.Float64))
    active = pl.when(pl.col("last_active_at") < pl.col("asked").dt.offset_by("1d")).then(pl.col("last_active_at"))
    return told.with_columns(
        inactive_days=(pl.col("asked") - active).dt.total_seconds() / 86_400.0,
        days_since_order=(pl.col("asked") - pl.col("last")).dt.total_seconds() / 86_400.0,
    ).rename({"facts": "orders_90d", "amount": "spend_90d"})


def _known_until(customers: pl.DataFrame, orders: pl.DataFrame) -> dt.datetime | None:
    """The newest moment that the tables tell of."""
    told = [customers["asked"].max(), customers["last_active_at"].max(), customers["churned_at"].max(), orders["created_at"].max()]
    return max((t for t in told if isinstance(t, dt.datetime)), default=None)
