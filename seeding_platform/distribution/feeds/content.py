"""Feeds about single posts and predictions: ContentPerformanceML and SelfLearningAnalytics."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.distribution.feeds.feed import Feed
from seeding_platform.distribution.feeds.posts import characters, length_of, measured_at_age, own_posts

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables

_TRAILING = "28d"


def content_performance(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Posts with what was known when they went out, and what became of them at 24 h and 168 h."""
    posts = own_posts(tables)
    early = measured_at_age(tables, hours=24, before_hours=168)
    late = measured_at_age(tables, hours=168)
    accounts = tables["social_accounts"].select("account_id", "followers", "last_synced_at", "timezone")
    objectives = tables["campaigns"].select("campaign_id", "objective")
    rows = (
        posts.join(accounts, on="account_id", how="left")
        .join(objectives, on="campaign_id", how="left")
        .join(early, on="post_id", how="left")
        .join(late, on="post_id", how="left")
        .with_columns(local=pl.col("published_at").dt.replace_time_zone(None))
        .with_columns(_previous_post(), local=_local_time(tables))
    )
    return (
        rows.join(_trailing_figures(posts, early), on="post_id", how="left")
        .filter(pl.col("impressions_24h").is_not_null())
        .select(
            "post_id",
            "account_id",
            "published_at",
            "platform",
            "content_type",
            "language",
            "objective",
            hour_local=pl.col("local").dt.hour().cast(pl.Int64),
            weekday_local=pl.col("local").dt.weekday().cast(pl.Int64),
            text_length=characters(),
            hashtag_count=length_of("hashtags"),
            mention_count=length_of("mentions"),
            media_count="media_count",
            has_url=pl.col("url").is_not_null(),
            ai_generated="ai_generated",
            followers_at_publication=pl.when(pl.col("last_synced_at") <= pl.col("published_at")).then("followers"),
            hours_since_previous_post="hours_since_previous_post",
            account_posts_28d=pl.col("account_posts_28d").fill_null(0),
            account_impressions_24h_median_28d="account_impressions_24h_median_28d",
            account_engagement_rate_24h_median_28d="account_engagement_rate_24h_median_28d",
            hours_measured_24h="hours_measured_24h",
            impressions_24h="impressions_24h",
            engagement_rate_24h="engagement_rate_24h",
            impressions_168h="impressions_168h",
            engagement_rate_168h="engagement_rate_168h",
            sample_weight=pl.min_horizontal("confidence", "confidence_24h"),
            synthetic="synthetic",
        )
        .sort("post_id")
        .collect()
    )


def _previous_post() -> pl.Expr:
    before = pl.col("published_at").shift(1).over("account_id", order_by=["published_at", "post_id"])
    return ((pl.col("published_at") - before).dt.total_seconds() / 3600.0).alias("hours_since_previous_post")


def _local_time(tables: Tables) -> pl.Expr:
    """Wall-clock time of publication; one branch a time zone, since a Polars column has one."""
    zones = tables["social_accounts"].select(pl.col("timezone").drop_nulls().unique().sort()).collect()["timezone"]
    local = pl.col("local")
    for zone in zones:
        if _is_zone(zone):
            there = pl.col("published_at").dt.convert_time_zone(zone).dt.replace_time_zone(None)
            local = pl.when(pl.col("timezone") == zone).then(there).otherwise(local)
    return local


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _trailing_figures(posts: pl.LazyFrame, early: pl.LazyFrame) -> pl.LazyFrame:
    """Per post the account's figures at 24 h that had been measured in the 28 days before it went out, and none later.

    Publications and measurements stand on one time line an account, so that each publication closes its own window.
    """
    none = pl.lit(None, dtype=pl.Float64)
    measured = posts.join(early, on="post_id").select(
        "account_id",
        at="measured_at_24h",
        post_id=pl.lit(None, dtype=pl.String),
        impressions=pl.col("impressions_24h").cast(pl.Float64),
        rate="engagement_rate_24h",
    )
    published = posts.select("account_id", at="published_at", post_id="post_id", impressions=none, rate=none)

    def trailing(column: str) -> pl.Expr:
        return pl.col(column).rolling_median_by("at", window_size=_TRAILING, closed="left").over("account_id")

    counted = pl.col("impressions").is_not_null().cast(pl.Int64).rolling_sum_by("at", window_size=_TRAILING, closed="left").over("account_id")
    return (
        pl.concat([measured, published])
        .with_columns(
            account_posts_28d=counted.cast(pl.Int64),
            account_impressions_24h_median_28d=trailing("impressions"),
            account_engagement_rate_24h_median_28d=trailing("rate"),
        )
        .filter(pl.col("post_id").is_not_null())
        .select("post_id", pl.col("^account_.*_28d$"))
    )


def self_learning(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Predictions with outcomes that were observed after them, then findings with their intervals."""
    after = pl.col("observed_at") >= pl.col("predicted_at")
    predictions = tables["performance_feedback"].select(
        record_type=pl.lit("prediction"),
        record_id="prediction_id",
        model="model",
        model_version="version",
        entity="entity",
        predicted="predicted",
        actual=pl.when(after).then("actual"),
        error=pl.when(after).then(pl.col("actual") - pl.col("predicted")),
        predicted_at="predicted_at",
        observed_at=pl.when(after).then("observed_at"),
        synthetic="synthetic",
    )
    insights = tables["learning_insights"].select(
        "effect",
        "ci_low",
        "ci_high",
        "valid_from",
        "valid_to",
        "synthetic",
        record_type=pl.lit("insight"),
        record_id="insight_id",
        entity="segment",
        insight_kind="kind",
        observations="n",
    )
    order = (
        "record_type record_id model model_version entity insight_kind predicted actual error effect ci_low ci_high observations "
        "predicted_at observed_at valid_from valid_to synthetic"
    )
    return pl.concat([predictions, insights], how="diagonal").select(order.split()).sort("record_type", "record_id").collect()


FEEDS = (
    Feed("content_performance_ml", ("content_posts", "content_analytics", "social_accounts", "campaigns"), content_performance),
    Feed("self_learning_analytics", ("performance_feedback", "learning_insights"), self_learning),
)
