"""Feeds about the use of the organisation's own pages: NavigationML, AINavigationFramework, NavigationAssistantBridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.distribution.feeds.feed import Feed

if TYPE_CHECKING:
    from seeding_platform.distribution.feeds.feed import FeedContext, Tables

PAGES_KEPT = 10
SMALLEST_GROUP = 5


def _steps(events: pl.LazyFrame) -> pl.LazyFrame:
    """Events with the page of the following step; `run` counts the stretches of a session without a missing step."""
    before = pl.col("seq").shift(1).over("session_id", order_by="seq")
    broken = (pl.col("seq") != before + 1).fill_null(True).cast(pl.Int64)
    return (
        events.sort("session_id", "seq")
        .with_columns(broken=broken)
        .with_columns(run=pl.col("broken").cum_sum().over("session_id"))
        .with_columns(next_page=pl.col("page").shift(-1).over("session_id", "run"))
    )


def navigation(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Steps with the pages before them and the page after them; a session's last step has none and is left out."""
    gap = (pl.col("at") - pl.col("at").shift(1).over("session_id", "run")).dt.total_milliseconds() / 1000.0

    def last(column: str, count: int) -> pl.Expr:
        return pl.concat_list(pl.col(column).shift(n).over("session_id", "run") for n in reversed(range(count))).list.drop_nulls()

    return (
        _steps(tables["navigation_events"])
        .with_columns(gap=gap)
        .with_columns(pages=last("page", PAGES_KEPT), gaps_seconds=last("gap", PAGES_KEPT - 1))
        .filter(pl.col("next_page").is_not_null())
        .select("session_id", "seq", "at", "role", "device", "page", "pages", "gaps_seconds", "next_page", "synthetic")
        .rename({"seq": "step"})
        .sort("session_id", "step")
        .collect()
    )


def transitions(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """How often one page follows another for a role; transitions seen in fewer than five sessions are not told.

    Shares are of what is told, so that what is not told cannot be worked out from them.
    """
    return (
        _steps(tables["navigation_events"])
        .filter(pl.col("next_page").is_not_null())
        .group_by("role", "page", "next_page", "synthetic")
        .agg(transitions=pl.len().cast(pl.Int64), sessions=pl.col("session_id").n_unique().cast(pl.Int64))
        .filter(pl.col("sessions") >= SMALLEST_GROUP)
        .with_columns(probability=pl.col("transitions") / pl.col("transitions").sum().over("role", "page", "synthetic"))
        .select("role", "page", "next_page", "transitions", "sessions", "probability", "synthetic")
        .sort("role", "page", "next_page", "synthetic")
        .collect()
    )


def utterances(tables: Tables, context: FeedContext) -> pl.DataFrame:
    """Masked questions with the page or plan that they led to."""
    return (
        tables["assistant_utterances"]
        .filter(pl.col("target").is_not_null())
        .select("language", "target", "accepted", "synthetic", utterance_id="id", text_masked="text")
        .select("utterance_id", "text_masked", "language", "target", "accepted", "synthetic")
        .sort("utterance_id")
        .collect()
    )


FEEDS = (
    Feed("navigation_ml", ("navigation_events",), navigation),
    Feed("ai_navigation_framework", ("navigation_events",), transitions),
    Feed("navigation_assistant_bridge", ("assistant_utterances",), utterances),
)
