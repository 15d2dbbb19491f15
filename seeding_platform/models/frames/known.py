"""What frames share: rows that may be relied on, and figures of the past up to each row's moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

MINIMUM_CONFIDENCE = 0.70
ZONE = "Europe/Amsterdam"


def relied_on(table: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with enough confidence to learn from."""
    return table.filter(pl.col("confidence") >= MINIMUM_CONFIDENCE)


def local(moment: pl.Expr) -> pl.Expr:
    """Hour and weekday are read in the brand's zone; posts follow people's days, not UTC's."""
    return moment.dt.convert_time_zone(ZONE)


def trailing(
    rows: pl.DataFrame, *, by: Sequence[str], asked_at: str, known_at: str, value: str, key: str, days: int, name: str, how: str = "median"
) -> pl.DataFrame:
    """A figure of what was known in the days before each row's moment.

    Args:
        rows: one row a thing, with its moment and the moment at which its value was known.
        by: columns whose values go together.
        asked_at: the moment of the row.
        known_at: the moment from which its value counts for later rows.
        value: what is looked at.
        key: identity of a row.
        days: how far back; what is known at the very moment does not count.
        name: of the new column.
        how: median or mean.

    Returns:
        `key` and the figure, null where nothing was known.
    """
    past = rows.select(*by, at=known_at, value=value, _key=pl.lit(None, dtype=rows.schema[key])).filter(pl.col("at").is_not_null())
    asked = rows.select(*by, at=asked_at, value=pl.lit(None, dtype=rows.schema[value]), _key=key)
    both = pl.concat([past, asked]).sort(*by, "at")
    rolled = pl.col("value").rolling_median_by if how == "median" else pl.col("value").rolling_mean_by
    figure = rolled("at", window_size=f"{days}d", closed="left", min_samples=1).over(by)
    return both.with_columns(figure.alias(name)).filter(pl.col("_key").is_not_null()).select(pl.col("_key").alias(key), name)


def sums_before(asked: pl.DataFrame, facts: pl.DataFrame, *, by: str, asked_at: str, at: str, values: Sequence[str], days: int) -> pl.DataFrame:
    """Sums of facts in the days before each row's moment, and when the last one was.

    Args:
        asked: rows with `by` and `asked_at`, each pair once.
        facts: rows with `by`, `at` and `values`.
        by: whose facts.
        asked_at: the moment of the row; facts at the very moment do not count.
        at: the moment of the fact.
        values: what is added up.
        days: how far back.

    Returns:
        `by`, `asked_at`, `facts` (how many), the sums, `last` (the latest fact before, however long ago).
    """
    pairs = (
        asked.select(by, asked_at)
        .join(facts.select(by, at, *values), on=by, how="left")
        .filter(pl.col(at) < pl.col(asked_at))
        .sort(by, asked_at, at, *values)
    )
    recent = pl.col(at) >= pl.col(asked_at).dt.offset_by(f"-{days}d")
    sums = pairs.group_by(by, asked_at, maintain_order=True).agg(
        recent.sum().cast(pl.Float64).alias("facts"), *(pl.col(v).filter(recent).sum() for v in values), last=pl.col(at).max()
    )
    return asked.select(by, asked_at).join(sums, on=[by, asked_at], how="left").with_columns(pl.col("facts", *values).fill_null(0.0))
