"""What is judged for bias in this product: whether posts of every kind reach people alike.

The figures and their verdicts are made in `quality.bias`, which is imported when there is something to judge: the definitions need the columns only.
What is done about bias before training stands in a model's specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

INPUTS = ("content_posts", "content_analytics")
GROUPS = ("platform", "language", "content_type", "ai_generated")
STRATUM = "platform"
LABEL = "engaging"
BIAS: dict[str, pl.DataType] = {
    "tenant": pl.String(),
    "subject": pl.String(),
    "metric": pl.String(),
    "group": pl.String(),
    "value": pl.Float64(),
    "n": pl.Int64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "verdict": pl.String(),
}
"""Columns of the table of findings: those of `quality.bias`, with whose posts and by what."""
_TOLD_BY_OUTCOME = ("label_missing", "base_rate")


def engaging_posts(posts: pl.LazyFrame, analytics: pl.LazyFrame) -> pl.DataFrame:
    """Published, real posts with `engaging`: the latest known engagement rate lies above the tenant's median; null where none is known.

    Args:
        posts: quality rows of `content_posts`.
        analytics: quality rows of `content_analytics`.

    >>> posts = pl.LazyFrame({"tenant": "t", "post_id": ["a", "b"], "status": "published", "synthetic": False, "platform": "X"})
    >>> measured = pl.LazyFrame({"tenant": "t", "post_id": ["a", "a", "b"], "measured_at": [1, 2, 1], "engagement_rate": [0.1, 0.5, 0.2]})
    >>> engaging_posts(posts, measured).select("post_id", "engaging").rows()
    [('a', True), ('b', False)]
    """
    known = analytics.filter(pl.col("engagement_rate").is_not_null()).sort("measured_at")
    latest = known.group_by("tenant", "post_id").agg(rate=pl.col("engagement_rate").last())
    kept = posts.filter((pl.col("status") == "published") & ~pl.col("synthetic"))
    present = [name for name in GROUPS if name in posts.collect_schema()]
    rows = kept.select("tenant", "post_id", *present).join(latest, on=["tenant", "post_id"], how="left")
    judged = rows.with_columns((pl.col("rate") > pl.col("rate").median().over("tenant")).alias(LABEL))
    return judged.drop("rate").sort("tenant", "post_id").collect()


def content_bias(posts: pl.LazyFrame, analytics: pl.LazyFrame) -> pl.DataFrame:
    """All findings about posts, tenant by tenant: who is there, who engages, and whether the platform stands behind a difference.

    A column is judged where it holds two values or more. What is engaging is compared within platforms too, but for the platforms themselves.

    Args:
        posts: quality rows of `content_posts`.
        analytics: quality rows of `content_analytics`.

    Returns:
        `BIAS`: `subject` is "content_posts by <column>", the rest as the functions of `quality.bias` say.
    """
    rows = engaging_posts(posts, analytics)
    found = [part.select(*BIAS) for tenant in rows["tenant"].unique().sort() for part in _of_tenant(rows.filter(pl.col("tenant") == tenant), tenant)]
    return pl.concat([pl.DataFrame(schema=BIAS), *found])


def _of_tenant(rows: pl.DataFrame, tenant: str) -> Iterator[pl.DataFrame]:
    from seeding_platform.quality.bias import outcome, representation, simpson

    labelled = rows[LABEL].count() > 0
    for group in [name for name in GROUPS if name in rows.columns and rows[name].drop_nulls().n_unique() > 1]:
        inside = group != STRATUM and STRATUM in rows.columns
        parts = [representation(rows, group=group)]
        if labelled:
            parts.append(outcome(rows, group=group, label=LABEL, positive=True, strata=STRATUM if inside else ()))
        if labelled and inside:
            reversal = simpson(rows, group=group, label=LABEL, stratum=STRATUM)
            parts.append(reversal.filter(~pl.col("metric").is_in(_TOLD_BY_OUTCOME)))
        named = {"tenant": pl.lit(tenant), "subject": pl.lit(f"content_posts by {group}")}
        yield from (part.with_columns(**named) for part in parts)
