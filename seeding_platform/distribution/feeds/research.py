"""Feeds about the world outside and what to read of it: ideas, competitors, work lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.distribution.feeds.feed import Feed
from seeding_platform.distribution.feeds.posts import ENGAGEMENTS, aged_measurements, published_posts

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables

LONGEST_SILENCE_DAYS = 14
EXEMPLARS = 5
EXEMPLAR_DAYS = 28


def ideas(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Topics with posts that show them."""
    topics = tables["topics"]
    published = (pl.col("status") == "published") & pl.col("published_at").is_not_null()
    tagged = _exploded(tables["content_posts"].filter(published).select("post_id", "published_at", "hashtags"), "hashtags")
    day = pl.col("published_at").dt.date()
    exemplars = (
        _exploded(topics.select("topic", "period", "terms"), "terms")
        .with_columns(pl.col("terms").str.to_lowercase())
        .join(tagged, left_on="terms", right_on="hashtags", how="inner")
        .filter((day >= pl.col("period")) & (day < pl.col("period") + pl.duration(days=EXEMPLAR_DAYS)))
        .unique(["topic", "period", "post_id"])
        .sort(["published_at", "post_id"], descending=[True, False])
        .group_by("topic", "period", maintain_order=True)
        .agg(exemplar_post_ids=pl.col("post_id").head(EXEMPLARS))
    )
    return (
        topics.join(exemplars, on=["topic", "period"], how="left")
        .select(
            "topic",
            "period",
            "terms",
            pl.col("exemplar_post_ids").fill_null(pl.lit([], dtype=pl.List(pl.String))),
            "own_posts",
            "competitor_posts",
            "gap",
            pl.col("period").dt.month().cast(pl.Int64).alias("season"),
            "synthetic",
        )
        .sort("topic", "period")
        .collect()
    )


def _exploded(frame: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return frame.explode(column, empty_as_null=True, keep_nulls=True).filter(pl.col(column).is_not_null())


def competitor_posts(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Competitors' posts with figures for each follower, and their accounts' shares of the week on the platform."""
    latest = (
        aged_measurements(tables)
        .with_columns(engagements=ENGAGEMENTS)
        .sort("measured_at")
        .group_by("post_id", maintain_order=True)
        .agg(pl.col("age_hours", "engagements", "impressions").last())
    )
    week = ["platform", "week"]
    account_week = ["account_id", *week]
    all_engagements = pl.col("engagements").sum().over(week)
    posts = (
        published_posts(tables)
        .join(latest, on="post_id", how="left")
        .join(_topic_of_posts(tables), on="post_id", how="left")
        .join(tables["social_accounts"].select("account_id", "followers"), on="account_id", how="left")
        .with_columns(week=pl.col("published_at").dt.date().dt.truncate("1w"))
        .with_columns(
            share_of_posts=pl.len().over(account_week) / pl.len().over(week),
            share_of_voice=pl.when(all_engagements > 0).then(pl.col("engagements").sum().over(account_week) / all_engagements),
        )
    )
    each_follower = pl.when(pl.col("followers") > 0).then(pl.col("followers"))
    return (
        posts.filter(pl.col("account_type") == "competitor")
        .select(
            "post_id",
            "account_id",
            "platform",
            "published_at",
            "week",
            "content_type",
            "language",
            "hashtags",
            "topic",
            "followers",
            pl.col("age_hours").alias("hours_measured"),
            "engagements",
            "impressions",
            (1000.0 * pl.col("engagements") / each_follower).alias("engagements_per_1000_followers"),
            (pl.col("impressions") / each_follower).alias("impressions_per_follower"),
            "share_of_posts",
            "share_of_voice",
            "synthetic",
        )
        .sort("post_id")
        .collect()
    )


def _topic_of_posts(tables: Tables) -> pl.LazyFrame:
    tagged = _exploded(tables["content_posts"].select("post_id", "hashtags"), "hashtags")
    terms = _exploded(tables["topics"].select("topic", "terms"), "terms").with_columns(pl.col("terms").str.to_lowercase())
    return tagged.join(terms, left_on="hashtags", right_on="terms", how="inner").group_by("post_id").agg(pl.col("topic").min())


def missing_ranges(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Stretches of more than 14 days without a published post, an account at a time, up to the latest post of all."""
    accounts = tables["social_accounts"].filter(pl.col("status").ne_missing("revoked")).select("account_id", "platform", "connected_at", "synthetic")
    posts = published_posts(tables).select("account_id", "post_id", "published_at")
    latest = posts.select(pl.col("published_at").max()).collect().item()
    if latest is None:
        latest = tables["social_accounts"].select(pl.max_horizontal(pl.col("connected_at", "last_synced_at").max())).collect().item()
    following = pl.col("published_at").shift(-1).over("account_id", order_by=["published_at", "post_id"])
    between = posts.with_columns(until=following).select(
        "account_id",
        start="published_at",
        end=pl.coalesce("until", pl.lit(latest, dtype=pl.Datetime("us", "UTC"))),
        reason=pl.when(pl.col("until").is_null()).then(pl.lit("silent_since")).otherwise(pl.lit("gap_between_posts")),
        checkpoint="post_id",
    )
    without = accounts.join(posts, on="account_id", how="anti").select(
        "account_id",
        start="connected_at",
        end=pl.lit(latest, dtype=pl.Datetime("us", "UTC")),
        reason=pl.lit("no_posts"),
        checkpoint=pl.lit(None, dtype=pl.String),
    )
    days = (pl.col("end") - pl.col("start")).dt.total_seconds() / 86400.0
    return (
        pl.concat([between, without])
        .join(accounts, on="account_id", how="inner")
        .with_columns(days=days)
        .filter(pl.col("end").is_not_null() & (pl.col("days").is_null() | (pl.col("days") > LONGEST_SILENCE_DAYS)))
        .select(
            "account_id",
            "platform",
            pl.col("start").alias("from"),
            pl.col("end").alias("to"),
            "days",
            "reason",
            pl.when(pl.col("days").fill_null(1e9) > 60).then(1).when(pl.col("days") > 30).then(2).otherwise(3).cast(pl.Int64).alias("priority"),
            "checkpoint",
            "synthetic",
        )
        .sort("account_id", "from")
        .collect()
    )


def pages_to_visit(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Pages with the age of their last visit; "now" is the latest visit of any page."""
    latest = pl.col("fetched_at").max()
    return (
        tables["research_sources"]
        .select(
            "url",
            "robots_state",
            "fetched_at",
            ((latest - pl.col("fetched_at")).dt.total_seconds() / 3600.0).alias("freshness_hours"),
            "new_items",
            "next_visit",
            (pl.col("next_visit") <= latest).fill_null(True).alias("due"),
            "synthetic",
        )
        .sort("url")
        .collect()
    )


FEEDS = (
    Feed("content_ideation", ("topics", "content_posts"), ideas),
    Feed("competitor_analyzer", ("content_posts", "social_accounts", "content_analytics", "topics"), competitor_posts),
    Feed("historical_content_scraper", ("social_accounts", "content_posts"), missing_ranges),
    Feed("research_scraping", ("research_sources",), pages_to_visit),
)
