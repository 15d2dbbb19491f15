"""Posts and their measurements as several feeds need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import Tables

_REACTIONS = ("likes", "comments", "shares", "saves")
ENGAGEMENTS = pl.when(pl.any_horizontal(pl.col(_REACTIONS).is_not_null())).then(pl.sum_horizontal(_REACTIONS, ignore_nulls=True))
"""Reactions of a measurement, null where none is reported."""


def published_posts(tables: Tables) -> pl.LazyFrame:
    """Published posts with the type of their account (`account_type`, null where the account is unknown)."""
    accounts = tables["social_accounts"].select("account_id", "account_type")
    posts = tables["content_posts"].filter((pl.col("status") == "published") & pl.col("published_at").is_not_null())
    return posts.join(accounts, on="account_id", how="left")


def own_posts(tables: Tables) -> pl.LazyFrame:
    """Published posts that are not a competitor's."""
    return published_posts(tables).filter(pl.col("account_type").ne_missing("competitor"))


def aged_measurements(tables: Tables) -> pl.LazyFrame:
    """Measurements with the age of their post in hours (`age_hours`), as recorded, else from its publication."""
    posts = tables["content_posts"].select("post_id", "published_at")
    since = (pl.col("measured_at") - pl.col("published_at")).dt.total_seconds() / 3600.0
    return tables["content_analytics"].join(posts, on="post_id", how="inner").with_columns(age_hours=pl.coalesce("hours_since_publication", since))


def measured_at_age(tables: Tables, *, hours: int, before_hours: float | None = None) -> pl.LazyFrame:
    """Per post the first measurement at an age of `hours` or more and less than `before_hours`.

    Columns `post_id` and, ending in `_<hours>h`: `hours_measured`, `measured_at`, `impressions`, `engagement_rate`, `confidence`.
    """
    inside = pl.col("age_hours") >= hours
    if before_hours is not None:
        inside &= pl.col("age_hours") < before_hours
    names = {"age_hours": "hours_measured", **{n: n for n in ("measured_at", "impressions", "engagement_rate", "confidence")}}
    return (
        aged_measurements(tables)
        .filter(inside & pl.col("impressions").is_not_null())
        .sort("age_hours", "measured_at")
        .group_by("post_id", maintain_order=True)
        .agg(pl.col(old).first().alias(f"{new}_{hours}h") for old, new in names.items())
    )


def length_of(column: str) -> pl.Expr:
    """Entries of a list, 0 where there is none."""
    return pl.col(column).list.len().cast(pl.Int64).fill_null(0)


def characters(column: str = "text") -> pl.Expr:
    """Characters of a text.

    >>> pl.DataFrame({"text": ["één", None]}).select(characters()).to_series().to_list()
    [3, None]
    """
    return pl.col(column).str.len_chars().cast(pl.Int64)
