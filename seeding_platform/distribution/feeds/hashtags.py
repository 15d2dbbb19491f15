"""Feed of TrendingHashtagAnalyzer: how much a hashtag is used an hour, and by whom among the accounts that we know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.distribution.feeds.feed import Feed
from seeding_platform.distribution.feeds.posts import published_posts

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables

WORLD = "WORLD"
_SERIES = ("hashtag", "platform", "synthetic")
_HOUR = (*_SERIES, "hour")


def trending_hashtags(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """One row for a hashtag, a platform and an hour with an observation; nothing in it was known later than the hour's end."""
    hours = _hours(tables["trending_intelligence"])
    previous = {name: pl.col(name).shift(1).over(_SERIES, order_by="hour") for name in ("uses", "velocity")}
    age_days = (pl.col("hour") - pl.col("hour").min().over(_SERIES)).dt.total_seconds() / 86400.0
    return (
        hours.with_columns(uses_new=pl.col("uses") - previous["uses"], velocity_before=previous["velocity"], novelty=1.0 / (1.0 + age_days))
        .join(_known_posts(tables, hours), on=list(_HOUR), how="left")
        .select(
            "hashtag",
            "platform",
            "hour",
            "uses",
            "uses_new",
            "velocity",
            "sentiment",
            "regions",
            "novelty",
            pl.col("posts_28d").fill_null(0),
            pl.col("accounts_28d").fill_null(0),
            "impressions_28d",
            "competitor_share",
            _trend().alias("trend"),
            "synthetic",
        )
        .sort("hashtag", "platform", "hour", "synthetic")
        .collect()
    )


def _hours(observations: pl.LazyFrame) -> pl.LazyFrame:
    """Last observation of each region in the hour; worldwide figures stand for all regions where a hashtag has any."""
    has_world = (pl.col("region") == WORLD).any().over(_SERIES)
    last = (
        observations.filter(pl.col("volume").is_not_null())
        .with_columns(hour=pl.col("observed_at").dt.truncate("1h"))
        .filter(~has_world | (pl.col("region") == WORLD))
        .sort("observed_at")
        .group_by(*_HOUR, "region")
        .agg(pl.col("volume", "velocity", "sentiment").last())
        .sort(*_HOUR, "region")
    )
    known = pl.col("velocity").count() > 0
    return last.group_by(*_HOUR, maintain_order=True).agg(
        uses=pl.col("volume").sum(),
        velocity=pl.when(known).then(pl.col("velocity").sum()),
        sentiment=pl.col("sentiment").mean(),
        regions=pl.len().cast(pl.Int64),
    )


def _known_posts(tables: Tables, hours: pl.LazyFrame) -> pl.LazyFrame:
    """Per hour the posts with the hashtag that were published in the 28 days up to its end."""
    tagged = (
        published_posts(tables)
        .select("post_id", "account_id", "account_type", "platform", "published_at", hashtag="hashtags")
        .explode("hashtag", empty_as_null=True, keep_nulls=True)
        .filter(pl.col("hashtag").is_not_null())
        .unique(["post_id", "hashtag"])
    )
    seen = tables["content_analytics"].filter(pl.col("impressions").is_not_null()).select("post_id", "measured_at", "impressions").sort("measured_at")
    end = pl.col("hour") + pl.duration(hours=1)
    measured = pl.col("impressions").count() > 0
    return (
        hours.select(_HOUR)
        .join(tagged, on=["hashtag", "platform"], how="inner")
        .with_columns(end=end)
        .filter((pl.col("published_at") < pl.col("end")) & (pl.col("published_at") >= pl.col("end") - pl.duration(days=28)))
        .sort("end")
        .join_asof(seen, left_on="end", right_on="measured_at", by="post_id", strategy="backward", allow_exact_matches=False, check_sortedness=False)
        .group_by(_HOUR)
        .agg(
            posts_28d=pl.len().cast(pl.Int64),
            accounts_28d=pl.col("account_id").n_unique().cast(pl.Int64),
            impressions_28d=pl.when(measured).then(pl.col("impressions").sum()),
            competitor_share=pl.col("account_type").eq_missing("competitor").mean(),
        )
    )


def _trend() -> pl.Expr:
    before, now = pl.col("velocity_before"), pl.col("velocity")
    margin = 0.1 * before.abs()
    return (
        pl.when(now.is_null() | before.is_null())
        .then(pl.lit("new"))
        .when(now > before + margin)
        .then(pl.lit("rising"))
        .when(now < before - margin)
        .then(pl.lit("falling"))
        .otherwise(pl.lit("steady"))
    )


FEEDS = (Feed("trending_hashtag_analyzer", ("trending_intelligence", "content_posts", "content_analytics", "social_accounts"), trending_hashtags),)
