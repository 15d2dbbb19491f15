"""Feed of CrossPlatformLearning: the same text on two platforms of a tenant's own accounts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.distribution.feeds.feed import Feed
from seeding_platform.distribution.feeds.posts import measured_at_age, own_posts

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables


def comparable_text(column: str = "text") -> pl.Expr:
    """A text without case, links, hashtags and differences of spacing.

    >>> pl.DataFrame({"text": ["New  STOCK https://a.nl/x #sale "]}).select(comparable_text()).item()
    'new stock'
    """
    bare = pl.col(column).str.to_lowercase().str.replace_all(r"https?://\S+|www\.\S+", " ").str.replace_all(r"#\w+", " ")
    return bare.str.replace_all(r"\s+", " ").str.strip_chars()


def cross_platform(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Pairs of posts with the same text, with engagement at 24 h relative to the median of each one's platform."""
    measured = (
        own_posts(tables)
        .join(measured_at_age(tables, hours=24, before_hours=168), on="post_id", how="inner")
        .filter(pl.col("engagement_rate_24h").is_not_null())
        .with_columns(median=pl.col("engagement_rate_24h").median().over("platform"), cluster=comparable_text())
        .filter((pl.col("median") > 0) & (pl.col("cluster") != ""))
        .sort("published_at", "post_id")
        .group_by("cluster", "platform", maintain_order=True)
        .first()
        .filter(pl.col("platform").n_unique().over("cluster") > 1)
        .select(
            "cluster",
            "platform",
            "post_id",
            "content_type",
            "language",
            "published_at",
            "synthetic",
            engagement=pl.col("engagement_rate_24h") / pl.col("median"),
        )
        .collect()
    )
    texts = measured["cluster"].unique().sort()
    digests = pl.Series("cluster_id", [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts], dtype=pl.String)
    named = measured.lazy().join(pl.DataFrame({"cluster": texts, "cluster_id": digests}).lazy(), on="cluster")
    first_is_a = pl.col("published_at") <= pl.col("published_at_b")
    ratio = pl.col("engagement_b") / pl.col("engagement")
    return (
        named.join(named, on="cluster_id", suffix="_b")
        .filter(pl.col("platform") < pl.col("platform_b"))
        .select(
            "cluster_id",
            platform_a="platform",
            platform_b="platform_b",
            post_id_a="post_id",
            post_id_b="post_id_b",
            content_type_a="content_type",
            content_type_b="content_type_b",
            language=pl.coalesce("language", "language_b"),
            first_platform=pl.when(first_is_a).then("platform").otherwise("platform_b"),
            delay_hours=(pl.col("published_at_b") - pl.col("published_at")).dt.total_seconds().abs() / 3600.0,
            normalised_engagement_a="engagement",
            normalised_engagement_b="engagement_b",
            log_ratio=pl.when((pl.col("engagement") > 0) & (pl.col("engagement_b") > 0)).then(ratio.log()),
            synthetic=pl.col("synthetic") | pl.col("synthetic_b"),
        )
        .sort("cluster_id", "platform_a", "platform_b")
        .collect()
    )


FEEDS = (Feed("cross_platform_learning", ("content_posts", "content_analytics", "social_accounts"), cross_platform),)
