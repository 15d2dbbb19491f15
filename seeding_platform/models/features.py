"""Training frames: what was known when a post went out, and what became of it.

Point in time: no figure enters a row that was measured after the row's own moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

MINIMUM_HOURS = 24.0
TRAILING_DAYS = 28
MINIMUM_CONFIDENCE = 0.70


def content_performance_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a published post with a measurement at 24 hours or later; synthetic posts are marked, not dropped.

    Args:
        tables: quality tables of one tenant by contract name.

    Returns:
        The features and target of the specification, `published_at`, `account_id`, `post_id`, `synthetic`.
    """
    good = {name: frame.filter(pl.col("confidence") >= MINIMUM_CONFIDENCE) for name, frame in tables.items()}
    posts = good["content_posts"].filter((pl.col("status") == "published") & pl.col("published_at").is_not_null())
    outcome = _outcomes(posts, good["content_analytics"])
    labelled = posts.join(outcome, on="post_id", how="inner")
    accounts = good["social_accounts"].select("account_id", "followers", zone=pl.col("timezone"))
    campaigns = good["campaigns"].select("campaign_id", "objective")
    joined = labelled.join(accounts, on="account_id", how="left").join(campaigns, on="campaign_id", how="left")
    featured = joined.select(
        "post_id",
        "account_id",
        "published_at",
        "synthetic",
        "platform",
        "content_type",
        "language",
        "objective",
        "media_count",
        hour=_local(pl.col("published_at")).dt.hour(),
        weekday=_local(pl.col("published_at")).dt.weekday(),
        text_length=pl.col("text").str.len_chars(),
        hashtags=pl.col("hashtags").list.len(),
        mentions=pl.col("mentions").list.len(),
        log_followers=pl.col("followers").cast(pl.Float64).log1p(),
        measured_at=pl.col("measured_at"),
        log_impressions=pl.col("impressions").cast(pl.Float64).log1p(),
    ).collect()
    return featured.join(_trailing(featured), on="post_id", how="left").drop("measured_at").sort("published_at", "post_id")


def _local(moment: pl.Expr) -> pl.Expr:
    """Hour and weekday are read in the brand's zone; posts follow people's days, not UTC's."""
    return moment.dt.convert_time_zone("Europe/Amsterdam")


def _outcomes(posts: pl.LazyFrame, analytics: pl.LazyFrame) -> pl.LazyFrame:
    """The first measurement of each post at 24 hours or later that counted impressions."""
    aged = analytics.filter(pl.col("impressions").is_not_null()).join(posts.select("post_id", "published_at"), on="post_id", how="inner")
    hours = (pl.col("measured_at") - pl.col("published_at")).dt.total_seconds() / 3600.0
    late = aged.filter(hours >= MINIMUM_HOURS).sort("post_id", "measured_at")
    return late.group_by("post_id", maintain_order=True).agg(pl.col("impressions").first(), pl.col("measured_at").first())


def _trailing(rows: pl.DataFrame) -> pl.DataFrame:
    """Median log impressions of the account's posts measured in the 28 days before each publication."""
    past = rows.select("account_id", at="measured_at", value="log_impressions", post_id=pl.lit(None, dtype=pl.String))
    asked = rows.select("account_id", at="published_at", value=pl.lit(None, dtype=pl.Float64), post_id="post_id")
    both = pl.concat([past, asked]).sort("account_id", "at")
    trailing = pl.col("value").rolling_median_by("at", window_size=f"{TRAILING_DAYS}d", closed="left", min_samples=1).over("account_id")
    return both.with_columns(trailing_log_impressions=trailing).filter(pl.col("post_id").is_not_null()).select("post_id", "trailing_log_impressions")
