"""Mitigation before training: weights or drawn rows by which the label no longer depends on the group.

What it did is told by the same figures before and after: it can make equalised odds worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias.columns import chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_COPIES = 3


def reweigh(frame: pl.DataFrame | pl.LazyFrame, *, group: str | Sequence[str], label: str) -> pl.Series:
    """Weights P(g) P(y) / P(g, y) by which every group gets every label at the same rate (Kamiran and Calders 2012, Reweighing).

    Args:
        frame: any table.
        group: column, or columns whose values together make the groups; a null is a group of its own.
        label: column of the outcome, of any number of values; a null is a value of its own.

    Returns:
        `weight` (Float64), positive, in row order. Their mean is 1 where every group has every label, and less otherwise: an empty cell has no
        row to carry its weight.

    Raises:
        ConfigError: a column is missing or cannot be counted.

    >>> frame = pl.DataFrame({"sex": ["f", "f", "f", "m"] * 2, "hired": [0, 0, 1, 1, 0, 0, 1, 0]})
    >>> reweigh(frame, group="sex", label="hired").round(4).to_list()
    [0.9375, 0.9375, 1.125, 0.75, 0.9375, 0.9375, 1.125, 1.25]
    """
    rows = chosen(frame, group=group, label=label)
    return rows.select((pl.len().over("group") * pl.len().over("label") / (pl.len() * pl.len().over("group", "label"))).alias("weight")).to_series()


def resample(frame: pl.DataFrame | pl.LazyFrame, *, group: str | Sequence[str], label: str, seed: int = 0, cap: int | None = None) -> pl.DataFrame:
    """Rows drawn so that every group gets every label at the same rate, as far as `cap` copies of a row reach (Kamiran and Calders 2012, Sampling).

    Every cell of group and label is drawn to the rows expected of it, n P(g) P(y), rounded: without replacement from one that has more, as
    evenly as may be from one that has fewer. No row is taken more than `cap` times, so a cell that is too small stays below.

    Args:
        frame: any table.
        group: column, or columns whose values together make the groups; a null is a group of its own.
        label: column of the outcome; a null is a value of its own.
        seed: of the draw.
        cap: most copies of one row; 3 where None.

    Returns:
        The drawn rows, in the order of the table, copies side by side.

    Raises:
        ConfigError: a column is missing or cannot be counted, or `cap` is below 1.

    >>> frame = pl.DataFrame({"sex": ["f"] * 6 + ["m"] * 6, "hired": [1, *[0] * 5, *[1] * 5, 0]})
    >>> resample(frame, group="sex", label="hired").group_by("sex", "hired").len().sort("sex", "hired").rows()
    [('f', 0, 3), ('f', 1, 3), ('m', 0, 3), ('m', 1, 3)]
    """
    import numpy as np

    most = MOST_COPIES if cap is None else cap
    if most < 1:
        raise ConfigError(f"cap: {most} copies of a row are none.", fix="Give 1 or more.")
    table = frame.lazy().collect()
    rows = chosen(table, group=group, label=label)
    cells = (
        rows.with_row_index("row")
        .with_columns(expected=(pl.len().over("group") * pl.len().over("label") / pl.len()).round())
        .group_by("group", "label", maintain_order=True)
        .agg("row", pl.col("expected").first().cast(pl.Int64))
    )
    rng = np.random.default_rng(seed)
    copies = np.zeros(table.height, dtype="int64")
    for held, expected in zip(cells["row"], cells["expected"], strict=True):
        each, rest = divmod(min(expected, most * held.len()), held.len())
        copies[held.to_numpy()] = each
        copies[rng.choice(held.to_numpy(), size=rest, replace=False)] += 1
    return table[np.repeat(np.arange(table.height), copies)]
