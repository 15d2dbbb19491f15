"""Which words of a corpus are names: words that mostly have a capital where no sentence begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np

_SHOUTED = r"^[^\p{Ll}]*$"
_CAPITALS = r"\s\p{Lu}\p{Ll}"
_RUN = r"[\p{Ll}\p{N},;)]\s+[\"'‘“(]?(?:\p{Lu}[\p{L}\p{M}\p{N}.'’-]*[\s]*)+"
_CAPITAL = r"\p{Lu}[\p{L}\p{M}'’-]*"
_APOSTROPHES = r"['’‘`´ʼ]"
_TITLED = 0.5  # share of the words with a capital above which capitals say nothing


def names(texts: pl.Series, words: pl.Series, counts: np.ndarray) -> np.ndarray:
    """True for the words (lower case) that stand with a capital, in mid-sentence, at least twice as often as without.

    Args:
        texts: as they were written.
        words: the vocabulary.
        counts: how often each of the words stands in the texts, with and without a capital.

    >>> posts = pl.Series(["we met Anna in Rome, and we met Bo", "they met in Rome"])
    >>> names(posts, pl.Series(["met", "anna", "rome", "bo"]), pl.Series([3, 1, 2, 1]).to_numpy()).tolist()
    [False, True, True, True]
    """
    text = pl.col("t")
    given = texts.alias("t").to_frame()
    told = given.filter(~text.str.contains(_SHOUTED) & (text.str.count_matches(_CAPITALS) <= _TITLED * text.str.count_matches(r"\s\S")))
    runs = told.select(w=text.str.extract_all(_RUN)).explode("w", empty_as_null=False).select(w=pl.col("w").str.replace(r"^\S\s+", ""))
    large = _folded(runs.select(w=pl.col("w").str.split(" ")).explode("w", empty_as_null=False)).group_by("w").len("large")
    capital = _folded(given.select(w=text.str.extract_all(_CAPITAL)).explode("w", empty_as_null=False)).group_by("w").len("capital")
    known = pl.DataFrame({"w": words, "n": counts}).join(large, on="w", how="left", maintain_order="left").join(capital, on="w", how="left")
    small = (pl.col("n").cast(pl.Int64) - pl.col("capital").fill_null(0)).clip(0)
    return known.select((pl.col("large") >= 2 * small).fill_null(value=False)).to_series().to_numpy()


def _folded(words: pl.DataFrame) -> pl.DataFrame:
    word = pl.col("w").str.replace_all(_APOSTROPHES, "").str.to_lowercase().str.strip_chars(' .-"“”()\n\t')
    return words.drop_nulls().select(w=word.str.split("-")).explode("w", empty_as_null=False).filter(pl.col("w") != "")
