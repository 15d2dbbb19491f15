"""Calibration of a classifier by group: whether a predicted probability means the same for everyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias.columns import ALL
from seeding_platform.quality.bias.estimates import means, shares_of
from seeding_platform.quality.bias.findings import NAN, Finding
from seeding_platform.quality.bias.intervals import distance_limits, replicate_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from seeding_platform.quality.bias.intervals import Floats

BINS = 10


def calibration_findings(rows: pl.DataFrame, *, seed: int) -> Iterator[Finding]:
    """Figures of boolean `label` and `score` in 0-1 by `group`, of rows that have both.

    - `mean_score` and `base_rate` by group; `calibration_gap`: mean score minus base rate, positive where the model promises too much, with
      Student's limits; `calibration_gap_difference`: largest minus smallest of them.
    - `expected_calibration_error` by group and of all: mean distance of score and rate over ten bins of equal width, by their rows (Guo et al.
      2017), with limits from a multinomial bootstrap of the bins (`intervals.distance_limits`). It is too high for small groups, whose rates
      stray from any score: the lower limit is 0 where a calibrated model would often show as much.

    Raises:
        ConfigError: a score lies outside 0-1.
    """
    known = rows.filter(pl.col("label").is_not_null() & pl.col("score").is_not_null()).with_columns(
        pl.col("score").cast(pl.Float64), y=pl.col("label").cast(pl.Float64)
    )
    if not bool(known["score"].is_between(0, 1).all()):
        raise ConfigError("score: a value lies outside 0 and 1.", fix="Give the predicted probability of the positive class.")
    everyone = rows.select("group").unique().sort("group")
    gap = pl.col("score") - pl.col("y")
    figures = known.group_by("group").agg(
        n=pl.len().cast(pl.Int64),
        k=pl.col("y").sum().cast(pl.Int64),
        s=pl.col("score").mean(),
        s_dev=pl.col("score").std(),
        d=gap.mean(),
        d_dev=gap.std(),
    )
    table = everyone.join(figures, on="group", how="left", maintain_order="left").with_columns(pl.col("n", "k").fill_null(0))
    groups, (n, k, s, s_dev, d, d_dev) = tuple(table["group"]), (table[c].to_numpy() for c in ("n", "k", "s", "s_dev", "d", "d_dev"))
    yield from means(groups, n, s, s_dev).findings("mean_score")
    yield from shares_of(groups, k, n).findings("base_rate")
    gaps = means(groups, n, d, d_dev)
    yield from gaps.findings("calibration_gap")
    yield gaps.largest_difference("calibration_gap_difference")
    yield from _calibration_errors(known, groups, seed=seed)


def _calibration_errors(known: pl.DataFrame, groups: tuple[str, ...], *, seed: int) -> Iterator[Finding]:
    import numpy as np

    rng = np.random.default_rng(seed)
    edges = np.arange(1, BINS) / BINS
    binned = known.with_columns(bin=pl.Series(np.searchsorted(edges, known["score"].to_numpy(), side="left"), dtype=pl.Int64))
    for frame, names in ((binned, groups), (binned.with_columns(group=pl.lit(ALL)), (ALL,))):
        cells = frame.group_by("group", "bin", "label").agg(n=pl.len(), score=pl.col("score").mean()).partition_by("group", as_dict=True)
        for name in names:
            yield _calibration_error(name, cells.get((name,)), rng)


def _calibration_error(name: str, cells: pl.DataFrame | None, rng: np.random.Generator) -> Finding:
    """Error of one group from its rows and mean score in each cell of bin and label."""
    import numpy as np

    metric = "expected_calibration_error"
    if cells is None:
        return Finding(metric, name, NAN, 0)
    n, score = np.zeros(2 * BINS, dtype="int64"), np.zeros(2 * BINS)
    at = cells["bin"].to_numpy() * 2 + cells["label"].cast(pl.Int64).to_numpy()
    n[at], score[at] = cells["n"].to_numpy(), cells["score"].to_numpy()
    total = int(n.sum())
    rows, promised = (x.reshape(BINS, 2).sum(axis=1) for x in (n, n * score))

    def error(share: Floats) -> Floats:
        """From the shares of the cells, [..., cells]."""
        gap = (share * (score - np.tile([0.0, 1.0], BINS))).reshape(*share.shape[:-1], BINS, 2).sum(axis=-1)
        return np.abs(gap).sum(axis=-1)

    value, count = float(error(n / total)), replicate_count(2 * BINS)
    replicates = error(rng.multinomial(total, n / total, size=count) / total)
    kept = rng.binomial(rows, np.clip(promised / np.maximum(rows, 1), 0, 1), size=(count, BINS))
    low, high = distance_limits(value, replicates, np.abs(kept - promised).sum(axis=1) / total)
    return Finding(metric, name, value, total, low, min(high, 1.0))
