"""Which words of a corpus are names: words that mostly have a capital where no sentence begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np

_SHOUTED = r"^[^\p{Ll}]*$"
_CAPITALS = r"\s\p{Lu}\p{Ll}"
_RUN = r"[\p{Ll}\p{N},;)]\s+[\"'‘“(]?(?:\p{Lu}[\p{L}\p{M}\p{N}.'’-]*[\s]*)+"
_SMALL = r"\b\p{Ll}[\p{L}\p{M}'’]*"
_APOSTROPHES = r"['’‘`´ʼ]"
_TITLED = 0.5  # share of the words with a capital above which capitals say nothing


def names(texts: pl.Series, words: pl.Series) -> np.ndarray:
    """True for the words (lower case) that stand with a capital, in mid-sentence, at least twice as often as without.

    >>> names(pl.Series(["we met Anna in Rome, and we met Bo", "they met in Rome"]), pl.Series(["met", "anna", "rome", "bo"])).tolist()
    [False, True, True, True]
    """
    text = pl.col("t")
    told = (
        texts.alias("t")
        .to_frame()
        .filter(~text.str.contains(_SHOUTED) & (text.str.count_matches(_CAPITALS) <= _TITLED * text.str.count_matches(r"\s\S")))
    )
    runs = told.select(w=text.str.extract_all(_RUN)).explode("w", empty_as_null=False).select(w=pl.col("w").str.replace(r"^\S\s+", ""))
    large = _counted(runs.select(w=pl.col("w").str.split(" ")), "large")
    # a word is looked up in small letters only if it ever has a capital: most never do
    once = told.select(w=text.str.extract_all(_SMALL)).explode("w", empty_as_null=False)
    small = _folded(once).filter(pl.col("w").is_in(large["w"].implode())).group_by("w").len("small")
    named = large.join(small, on="w", how="left").filter(pl.col("large") >= 2 * pl.col("small").fill_null(0))
    return words.is_in(named["w"].implode()).to_numpy()


def _counted(lists: pl.DataFrame, name: str) -> pl.DataFrame:
    return _folded(lists.explode("w", empty_as_null=False)).group_by("w").len(name)


def _folded(words: pl.DataFrame) -> pl.DataFrame:
    word = pl.col("w").str.replace_all(_APOSTROPHES, "").str.to_lowercase().str.strip_chars(' .-"“”()\n\t')
    return words.drop_nulls().select(w=word.str.split("-")).explode("w", empty_as_null=False).filter(pl.col("w") != "")
