"""Counts of a good outcome by group and stratum, weighted or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.quality.bias.columns import ALL
from seeding_platform.quality.bias.estimates import proportions
from seeding_platform.quality.bias.findings import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seeding_platform.quality.bias.estimates import Estimates
    from seeding_platform.quality.bias.intervals import Floats


@dataclass(frozen=True, slots=True)
class Counts:
    """Rates of the good outcome in a table of groups x strata.

    Args:
        groups: names, sorted.
        strata: names, sorted; "(all)" alone where rows are not divided.
        n: rows with a known label, [groups, strata].
        weight: their summed weights.
        rate: share of the good outcome among them, weighted; NaN where there are none.
        size: rows without weights that would tell as much, the rate's variance being p (1 - p) / size (Kish 1965); n where rows are not weighted.
    """

    groups: tuple[str, ...]
    strata: tuple[str, ...]
    n: NDArray[np.int64]
    weight: Floats
    rate: Floats
    size: Floats

    def rates(self, stratum: int = 0) -> Estimates:
        """The rates of one stratum."""
        return proportions(self.groups, self.n[:, stratum], self.rate[:, stratum], self.size[:, stratum])


def counted(rows: pl.DataFrame, *, by_stratum: bool = False) -> Counts:
    """Counts of rows with `group`, `hit` (true, false or null) and perhaps `stratum` and `weight`; groups of unknown labels are there with n = 0."""
    import numpy as np

    stratum = pl.col("stratum") if by_stratum else pl.lit(ALL).alias("stratum")
    weight = pl.col("weight").cast(pl.Float64) if "weight" in rows.columns else pl.lit(1.0)
    known = weight * pl.col("hit").is_not_null().cast(pl.Float64)
    good = weight * pl.col("hit").fill_null(False).cast(pl.Float64)
    cells = (
        rows.lazy()
        .group_by("group", stratum)
        .agg(n=pl.col("hit").is_not_null().sum(), w=known.sum(), w2=(known**2).sum(), k=good.sum(), k2=(good**2).sum())
        .collect()
    )
    groups, strata = (tuple(cells[c].unique().sort()) for c in ("group", "stratum"))
    strata = strata or (() if by_stratum else (ALL,))
    at = (_positions(cells["group"], groups), _positions(cells["stratum"], strata))

    def placed(name: str) -> Floats:
        grid = np.zeros((len(groups), len(strata)))
        grid[at] = cells[name].to_numpy()
        return grid

    n, w, w2, k, k2 = (placed(name) for name in ("n", "w", "w2", "k", "k2"))
    with np.errstate(all="ignore"):
        rate = np.where(w > 0, np.minimum(k / w, 1.0), np.nan)
        variance = ((1 - rate) ** 2 * k2 + rate**2 * np.maximum(w2 - k2, 0)) / w**2
        size = np.where((rate > 0) & (rate < 1) & (variance > 0), rate * (1 - rate) / variance, w**2 / w2)
    return Counts(groups, strata, n.astype("int64"), w, rate, np.where(w > 0, size, 0.0) if "weight" in rows.columns else n)


def left_out(unknown: pl.Series, metric: str) -> Finding:
    """Share of rows that are left out, for a value of theirs is not known; n is their number."""
    n = int(unknown.sum())
    return Finding(metric, ALL, n / unknown.len() if unknown.len() else float("nan"), n)


def _positions(column: pl.Series, names: tuple[str, ...]) -> NDArray[np.int64]:
    order = {name: i for i, name in enumerate(names)}
    return column.replace_strict(order, return_dtype=pl.Int64).to_numpy() if names else pl.Series([], dtype=pl.Int64).to_numpy()
