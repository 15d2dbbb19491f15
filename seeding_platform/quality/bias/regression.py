"""Fairness of a regression: its errors by group, in the unit of the label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.quality.bias.columns import ALL
from seeding_platform.quality.bias.estimates import Estimates, means
from seeding_platform.quality.bias.intervals import student_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from seeding_platform.quality.bias.findings import Finding
    from seeding_platform.quality.bias.intervals import Floats


def regression_findings(rows: pl.DataFrame) -> Iterator[Finding]:
    """Figures of numeric `label` and `prediction` by `group`; an infinite value counts as missing.

    - `mean_error` (prediction minus label), `mean_absolute_error`, `root_mean_squared_error` by group and of all, with Student's limits, those
      of the last on the log scale of its square (delta method).
    - `..._difference`: largest minus smallest over the groups.
    - `mean_absolute_error_ratio`: smallest / largest, the one that is judged, for it has no unit.
    """
    error = pl.col("prediction") - pl.col("label")
    errors = rows.select("group", error=pl.when(error.is_finite()).then(error))
    by_group, whole = _errors(errors), _errors(errors.with_columns(group=pl.lit(ALL)))
    for metric, figures in by_group.items():
        yield from figures.findings(metric)
        yield from whole[metric].findings(metric)
    for metric, figures in by_group.items():
        yield figures.largest_difference(f"{metric}_difference")
    yield by_group["mean_absolute_error"].smallest_ratio("mean_absolute_error_ratio")


def _errors(errors: pl.DataFrame) -> dict[str, Estimates]:
    e = pl.col("error")
    found = (
        errors.group_by("group")
        .agg(n=e.count().cast(pl.Int64), e=e.mean(), e_dev=e.std(), a=e.abs().mean(), a_dev=e.abs().std(), q=(e**2).mean(), q_dev=(e**2).std())
        .sort("group")
    )
    groups, n = tuple(found["group"]), found["n"].to_numpy()
    mean, mean_dev, absolute, absolute_dev, square, square_dev = (
        found[c].cast(pl.Float64).fill_null(float("nan")).to_numpy() for c in ("e", "e_dev", "a", "a_dev", "q", "q_dev")
    )
    return {
        "mean_error": means(groups, n, mean, mean_dev),
        "mean_absolute_error": means(groups, n, absolute, absolute_dev, least=0.0),
        "root_mean_squared_error": _root_mean_squares(groups, n, square, square_dev),
    }


def _root_mean_squares(groups: tuple[str, ...], n: NDArray[np.int64], square: Floats, deviation: Floats) -> Estimates:
    import numpy as np

    value = np.sqrt(square)

    def limits(z: float) -> tuple[Floats, Floats]:
        with np.errstate(all="ignore"):
            spread = np.where(square > 0, deviation / (2 * square * np.sqrt(n)), 0.0)
            factor = np.exp(np.where(n > 1, student_quantile(z, n.astype("float64")) * spread, np.inf))
            return value / factor, value * np.where((value == 0) & (n > 1), 1.0, factor)

    return Estimates(groups, n, value, limits)
