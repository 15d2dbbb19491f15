"""What a post does on a second platform: one row a pair of the same content, the first published before the second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.engagement_prediction import logit
from seeding_platform.models.frames.known import local, relied_on, trailing
from seeding_platform.models.frames.posts import first_measurements

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_DAYS = 60
TRAILING_DAYS = 90
CLUSTERS = "content_posts__clusters"


def cross_platform_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a pair of posts of the same content on two platforms, at most 60 days apart.

    Content is the same where cleaning says so (the side table `content_posts__clusters`, where it is given); else where the words are the same
    but for case, marks, hashtags and links. A post's reactions are held against the median of its platform in the 90 days before; the target
    is the second post's less the first one's: the log of a ratio of odds.

    Returns:
        The features and `log_ratio`, `published_at` (of the second), `content`, `synthetic`.
    """
    posts = _posts(tables)
    platform = trailing(
        posts,
        by=["platform"],
        asked_at="published_at",
        known_at="measured_at",
        value="score",
        key="post_id",
        days=TRAILING_DAYS,
        name="usual",
    )
    told = posts.join(platform, on="post_id", how="left").with_columns(relative=pl.col("score") - pl.col("usual"))
    first = told.select("content", first_id="post_id", first_platform="platform", first_at="published_at", first_seen="measured_at", first="relative")
    pairs = told.join(first, on="content", how="inner").filter(
        (pl.col("first_at") < pl.col("published_at"))
        & (pl.col("first_platform") != pl.col("platform"))
        & (pl.col("published_at") - pl.col("first_at") <= pl.duration(days=MOST_DAYS))
        & pl.col("relative").is_not_null()
        & pl.col("first").is_not_null()
    )
    return pairs.select(
        "content",
        "published_at",
        "synthetic",
        "platform",
        "first_platform",
        "content_type",
        "language",
        "text_length",
        pair=pl.concat_str("first_platform", pl.lit(" > "), "platform"),
        weekday=local(pl.col("published_at")).dt.weekday(),
        hour=local(pl.col("published_at")).dt.hour(),
        delay_hours=(pl.col("published_at") - pl.col("first_at")).dt.total_seconds() / 3600.0,
        first_relative=pl.when(pl.col("first_seen") < pl.col("published_at")).then(pl.col("first")),
        log_ratio=pl.col("relative") - pl.col("first"),
    ).sort("published_at", "content", "pair")


def _posts(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    outcome = (
        first_measurements(tables, needs=("impressions", "likes"))
        .filter(pl.col("impressions") > 0)
        .select("post_id", "measured_at", score=logit(pl.col("engagements"), pl.col("impressions").cast(pl.Float64)))
    )
    posts = relied_on(tables["content_posts"]).filter((pl.col("status") == "published") & pl.col("published_at").is_not_null())
    words = (
        pl.col("text").str.to_lowercase().str.replace_all(r"https?://\S+|#\w+|@\w+", " ").str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    )
    chosen = posts.with_columns(content=pl.when(words.str.len_chars() >= 20).then(words), text_length=pl.col("text").str.len_chars())
    if CLUSTERS in tables:
        clusters = tables[CLUSTERS].select("post_id", "cluster_id").unique("post_id", keep="first", maintain_order=True)
        chosen = chosen.join(clusters, on="post_id", how="left").with_columns(content=pl.coalesce("cluster_id", "content"))
    columns = ("post_id", "content", "platform", "content_type", "language", "text_length", "published_at", "synthetic")
    return chosen.filter(pl.col("content").is_not_null()).select(columns).join(outcome, on="post_id", how="inner").collect()
