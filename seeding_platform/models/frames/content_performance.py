"""How often a post is shown: one row a published post."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.known import trailing
from seeding_platform.models.frames.posts import first_measurements, published

if TYPE_CHECKING:
    from collections.abc import Mapping

TRAILING_DAYS = 28


def content_performance_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a published post with a measurement at 24 hours or later; synthetic posts are marked, not dropped.

    Args:
        tables: quality tables of one tenant by contract name.

    Returns:
        The features and target of the specification, `published_at`, `account_id`, `post_id`, `synthetic`.
    """
    outcome = first_measurements(tables, needs=("impressions",)).select("post_id", "measured_at", "impressions")
    rows = (
        published(tables)
        .join(outcome, on="post_id", how="inner")
        .with_columns(log_impressions=pl.col("impressions").cast(pl.Float64).log1p())
        .collect()
    )
    before = trailing(
        rows,
        by=["account_id"],
        asked_at="published_at",
        known_at="measured_at",
        value="log_impressions",
        key="post_id",
        days=TRAILING_DAYS,
        name="trailing_log_impressions",
    )
    return rows.join(before, on="post_id", how="left").drop("measured_at", "impressions").sort("published_at", "post_id")
