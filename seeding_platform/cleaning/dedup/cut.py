"""Texts that were cut off: the posts that begin with them."""

from __future__ import annotations

import numpy as np
import polars as pl

from seeding_platform.cleaning.dedup.texts import places

_OPENING = 24
_AFTER = "\U0010ffff"


def beginnings(texts: pl.DataFrame, rows: np.ndarray) -> pl.DataFrame:
    """`row, whole`: for each of `rows` that was cut off, the whole texts that begin with all that is left of it.

    Args:
        texts: `body`, `tail` (what is left of the last word) and `cut`.
        rows: places in `texts`.
    """
    asked = texts.with_row_index("place")[rows].filter("cut").select("place", start=pl.concat_str("body", "tail", separator=" ").str.strip_chars())
    opening = pl.col("body").str.slice(0, _OPENING)
    near = texts.with_row_index("place").filter(~pl.col("cut") & opening.is_in(asked["start"].str.slice(0, _OPENING).unique().implode()))
    ordered = near.select("place", "body").sort("body")
    low = ordered["body"].search_sorted(asked["start"], side="left").to_numpy().astype(np.int64)
    high = ordered["body"].search_sorted(asked["start"] + _AFTER, side="left").to_numpy().astype(np.int64)
    whole = ordered["place"].gather(places(low, high - low))
    return pl.DataFrame({"row": np.repeat(asked["place"].to_numpy(), high - low), "whole": whole}, schema={"row": pl.Int64, "whole": pl.Int64})
