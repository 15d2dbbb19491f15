"""Feed of ContentRecommendations: reactions of segments, and negatives sampled from the posts that they did not react to."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.distribution.feeds.feed import Feed
from seeding_platform.distribution.feeds.posts import characters, length_of

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables

NEGATIVES_PER_POSITIVE = 4
CLICKS = ("click",)
ENGAGEMENTS = ("like", "comment", "share", "save", "reaction", "follow")


def content_recommendations(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """One row for a segment and a post: each pair with a reaction, and four pairs without one for each of those."""
    posts = tables["content_posts"].filter((pl.col("status") == "published") & pl.col("published_at").is_not_null()).collect()
    pairs = _pairs(tables["content_interactions"]).join(posts.select("post_id"), on="post_id", how="semi")
    positives = pairs.filter(pl.col("clicked") | pl.col("engaged"))
    negatives = _negatives(positives, sorted(posts["post_id"]), context.seed)
    seen = pairs.select("segment", "post_id", "interactions", "users", "mean_shown_rank", interactions_synthetic="synthetic")
    features = posts.lazy().select(
        "post_id",
        "platform",
        "content_type",
        "language",
        text_length=characters(),
        hashtag_count=length_of("hashtags"),
        media_count="media_count",
        published_at="published_at",
        synthetic="synthetic",
    )
    chosen = pl.concat([positives.select("segment", "post_id", "clicked", "engaged", sampled=pl.lit(False), sample_weight=pl.lit(1.0)), negatives])
    return (
        chosen.lazy()
        .join(seen.lazy(), on=["segment", "post_id"], how="left")
        .join(features, on="post_id", how="inner")
        .select(
            "segment",
            "post_id",
            "clicked",
            "engaged",
            "sampled",
            pl.col("interactions").fill_null(0),
            pl.col("users").fill_null(0),
            "mean_shown_rank",
            "sample_weight",
            pl.lit(context.seed, dtype=pl.Int64).alias("seed"),
            "platform",
            "content_type",
            "language",
            "text_length",
            "hashtag_count",
            "media_count",
            "published_at",
            synthetic=pl.col("synthetic") | pl.col("interactions_synthetic").fill_null(False),
        )
        .sort("segment", "post_id")
        .collect()
    )


def _pairs(interactions: pl.LazyFrame) -> pl.DataFrame:
    kind = pl.col("kind").str.to_lowercase()
    return (
        interactions.with_columns(pl.col("segment").fill_null("all"))
        .group_by("segment", "post_id")
        .agg(
            clicked=kind.is_in(CLICKS).fill_null(False).any(),
            engaged=kind.is_in(ENGAGEMENTS).fill_null(False).any(),
            interactions=pl.len().cast(pl.Int64),
            users=pl.col("user_ref").n_unique().cast(pl.Int64),
            mean_shown_rank=pl.col("shown_rank").mean(),
            synthetic=pl.col("synthetic").any(),
        )
        .sort("segment", "post_id")
        .collect()
    )


def _negatives(positives: pl.DataFrame, posts: list[str], seed: int) -> pl.DataFrame:
    """Four posts without a reaction for each with one, a segment at a time; fewer where there are not so many."""
    segments: list[str] = []
    chosen: list[str] = []
    weights: list[float] = []
    for (segment,), reacted in positives.group_by("segment", maintain_order=True):
        taken = set(reacted["post_id"])
        others = [post for post in posts if post not in taken]
        sample = random.Random(f"{seed}:{segment}").sample(others, min(NEGATIVES_PER_POSITIVE * len(taken), len(others)))  # noqa: S311 - no secret
        segments += [str(segment)] * len(sample)
        chosen += sample
        weights += [len(others) / len(sample)] * len(sample) if sample else []
    frame = pl.DataFrame(
        {"segment": segments, "post_id": chosen, "sample_weight": weights},
        schema={"segment": pl.String, "post_id": pl.String, "sample_weight": pl.Float64},
    )
    return frame.select("segment", "post_id", clicked=pl.lit(False), engaged=pl.lit(False), sampled=pl.lit(True), sample_weight="sample_weight")


FEEDS = (Feed("content_recommendations", ("content_interactions", "content_posts"), content_recommendations),)
