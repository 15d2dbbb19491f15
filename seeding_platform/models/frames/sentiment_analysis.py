"""Whether a text is negative, neutral or positive: one row a post that somebody labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.models.frames.known import relied_on

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "sentiment_analysis"
FEEDBACK = "performance_feedback"


def sentiment_analysis_frame(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row a post with a label; no contract holds labels of texts, so they come from feedback on predictions, where there is any.

    Feedback on a prediction of this model (`performance_feedback`, entity = id of the post) counts below 0 as negative, at 0 as neutral, above
    as positive. Where nobody labelled anything there is no row, and the model is not trained.

    Returns:
        `text`, `language`, `sentiment`, `published_at`, `post_id`, `synthetic`.
    """
    posts = relied_on(tables["content_posts"]).filter(pl.col("text").is_not_null())
    chosen = posts.select("post_id", "text", "language", "published_at", "synthetic")
    if FEEDBACK not in tables:
        return chosen.with_columns(sentiment=pl.lit(None, dtype=pl.String)).collect().clear()
    told = tables[FEEDBACK].filter(
        (pl.col("model").str.split(".").list.last() == NAME) & pl.col("actual").is_not_null() & pl.col("entity").is_not_null()
    )
    newest = told.sort("observed_at", "prediction_id").group_by("entity", maintain_order=True).agg(pl.col("actual").last())
    sentiment = (
        pl.when(pl.col("actual") < 0).then(pl.lit("negative")).when(pl.col("actual") > 0).then(pl.lit("positive")).otherwise(pl.lit("neutral"))
    )
    labels = newest.select(post_id="entity", sentiment=sentiment)
    return chosen.join(labels, on="post_id", how="inner").sort("published_at", "post_id").collect()
