"""Published posts as they were when they went out, and the measurements by which they are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.known import local, relied_on

if TYPE_CHECKING:
    from collections.abc import Mapping

MINIMUM_HOURS = 24.0
EARLY_HOURS = 1.5
_ENGAGEMENTS = pl.sum_horizontal("likes", "comments", "shares", "saves", ignore_nulls=True).cast(pl.Float64)


def published(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Posts that went out, with what was known of them and of their account then.

    An account is known as it was last read; its followers are a feature of posts that went out after that reading only.
    """
    posts = relied_on(tables["content_posts"]).filter((pl.col("status") == "published") & pl.col("published_at").is_not_null())
    accounts = relied_on(tables["social_accounts"]).select("account_id", "followers", "last_synced_at")
    campaigns = relied_on(tables["campaigns"]).select("campaign_id", "objective")
    joined = posts.join(accounts, on="account_id", how="left").join(campaigns, on="campaign_id", how="left")
    followers = pl.when(pl.col("last_synced_at") <= pl.col("published_at")).then(pl.col("followers"))
    return joined.select(
        "post_id",
        "account_id",
        "published_at",
        "synthetic",
        "platform",
        "content_type",
        "language",
        "objective",
        "media_count",
        hour=local(pl.col("published_at")).dt.hour(),
        weekday=local(pl.col("published_at")).dt.weekday(),
        text_length=pl.col("text").str.len_chars(),
        hashtags=pl.col("hashtags").list.len(),
        mentions=pl.col("mentions").list.len(),
        log_followers=followers.cast(pl.Float64).log1p(),
    )


def first_measurements(tables: Mapping[str, pl.LazyFrame], *, needs: tuple[str, ...]) -> pl.LazyFrame:
    """The first measurement of each post at 24 hours or later that tells all that is needed.

    Args:
        tables: quality tables by contract.
        needs: columns that must not be null.
    """
    return _aged(tables, needs).filter(pl.col("age") >= MINIMUM_HOURS).group_by("post_id", maintain_order=True).agg(pl.all().first())


def early_measurements(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """The last measurement of each post within its first hour and a half."""
    early = _aged(tables, ("likes",)).filter((pl.col("age") >= 0) & (pl.col("age") <= EARLY_HOURS))
    return early.group_by("post_id", maintain_order=True).agg(pl.all().last())


def _aged(tables: Mapping[str, pl.LazyFrame], needs: tuple[str, ...]) -> pl.LazyFrame:
    """Measurements with the age of their post in hours, post by post, the oldest first."""
    told = relied_on(tables["content_analytics"]).filter(*(pl.col(c).is_not_null() for c in needs))
    dated = told.join(relied_on(tables["content_posts"]).select("post_id", "published_at"), on="post_id", how="inner")
    age = (pl.col("measured_at") - pl.col("published_at")).dt.total_seconds() / 3600.0
    figures = ("measured_at", "impressions", "reach", "likes", "comments", "shares", "saves")
    return dated.with_columns(age=age).sort("post_id", "measured_at").select("post_id", "age", *figures, engagements=_ENGAGEMENTS)
