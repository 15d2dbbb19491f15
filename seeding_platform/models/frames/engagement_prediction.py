"""How many of those who saw a post reacted to it: one row a published post, on the logit scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.known import trailing
from seeding_platform.models.frames.posts import early_measurements, first_measurements, published

if TYPE_CHECKING:
    from collections.abc import Mapping

TRAILING_DAYS = 28


def engagement_prediction_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a published post with impressions and reactions at 24 hours or later.

    Returns:
        The features and target (`logit_engagement`, smoothed by half a reaction), and of the second variant what was measured in the first hour
        and a half: its moment is later, nothing of it is among the first variant's features.
    """
    outcome = (
        first_measurements(tables, needs=("impressions", "likes"))
        .filter(pl.col("impressions") > 0)
        .select("post_id", "measured_at", logit_engagement=logit(pl.col("engagements"), pl.col("impressions").cast(pl.Float64)))
    )
    early = early_measurements(tables).select(
        "post_id",
        early_log_impressions=pl.col("impressions").cast(pl.Float64).log1p(),
        early_log_reactions=pl.col("engagements").log1p(),
        early_logit=pl.when(pl.col("impressions") > 0).then(logit(pl.col("engagements"), pl.col("impressions").cast(pl.Float64))),
    )
    rows = published(tables).join(outcome, on="post_id", how="inner").join(early, on="post_id", how="left").collect()
    before = trailing(
        rows,
        by=["account_id"],
        asked_at="published_at",
        known_at="measured_at",
        value="logit_engagement",
        key="post_id",
        days=TRAILING_DAYS,
        name="trailing_logit_engagement",
    )
    return rows.join(before, on="post_id", how="left").drop("measured_at").sort("published_at", "post_id")


def logit(engagements: pl.Expr, impressions: pl.Expr) -> pl.Expr:
    """Log odds of a reaction; half a reaction more on both sides keeps none and all finite."""
    others = pl.max_horizontal(impressions - engagements, pl.lit(0.0))
    return ((engagements + 0.5) / (others + 0.5)).log()
