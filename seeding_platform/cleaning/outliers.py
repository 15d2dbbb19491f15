"""Outlier rules: expressions that are true where a value is suspect.

A suspect value is flagged, never dropped: a viral post is legitimate. Impossible values are rules of the contracts.
"""

from __future__ import annotations

import polars as pl


def iqr_outliers(column: str, *, factor: float = 1.5) -> pl.Expr:
    """True where the value lies more than `factor` interquartile ranges outside the middle half (Tukey 1977).

    >>> pl.DataFrame({"x": [1.0, 2, 3, 4, 100]}).select(iqr_outliers("x")).to_series().to_list()
    [False, False, False, False, True]
    """
    return _outside_fences(pl.col(column).cast(pl.Float64), factor)


def log_iqr_outliers(column: str, *, factor: float, min_rows: int, by: tuple[str, ...] = ()) -> pl.Expr:
    """The same on log1p of a count, within groups of at least `min_rows` rows that have a spread; elsewhere false.

    >>> df = pl.DataFrame({"x": [10, 11, 12, 13, 14, 15, 90_000]})
    >>> df.select(log_iqr_outliers("x", factor=3, min_rows=5)).to_series().to_list()[-2:]
    [False, True]
    """
    value = pl.when(pl.col(column) >= 0).then(pl.col(column).cast(pl.Float64)).log1p()
    spread = value.quantile(0.75) - value.quantile(0.25)
    suspect = _outside_fences(value, factor) & (value.count() >= min_rows) & (spread > 0)
    return (suspect.over(*by) if by else suspect).fill_null(False)


def _outside_fences(value: pl.Expr, factor: float) -> pl.Expr:
    low, high = value.quantile(0.25), value.quantile(0.75)
    reach = factor * (high - low)
    return (value < low - reach) | (value > high + reach)
