"""Texts that were cut off: the posts that begin with them, and whether there is only one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENING = 24
_AFTER = "\U0010ffff"


def beginnings(texts: pl.DataFrame, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For each of `rows` that was cut off, the rows of whole texts that begin with all that is left of it.

    Args:
        texts: `body`, `tail` (what is left of the last word) and `cut`.
        rows: places in `texts`.
    """
    asked = texts.with_row_index("place")[rows].filter("cut").select("place", start=pl.concat_str("body", "tail", separator=" ").str.strip_chars())
    opening = pl.col("body").str.slice(0, _OPENING)
    near = texts.with_row_index("place").filter(~pl.col("cut") & opening.is_in(asked["start"].str.slice(0, _OPENING).unique().implode()))
    ordered = near.select("place", "body").sort("body")
    bodies, whole = ordered["body"], ordered["place"].to_numpy().astype(np.int64)
    low = bodies.search_sorted(asked["start"], side="left").to_numpy()
    high = bodies.search_sorted(asked["start"] + _AFTER, side="left").to_numpy()
    for place, start, end in zip(asked["place"].to_list(), low, high, strict=True):
        yield place, whole[start:end]
