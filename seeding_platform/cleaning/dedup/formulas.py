"""Sentences that stand under any post ("Link in bio", "Lees verder op onze site"): they say nothing about the one at hand."""

from __future__ import annotations

import polars as pl

from seeding_platform.cleaning.dedup.texts import FEWEST_WORDS, normalised
from seeding_platform.cleaning.dedup.words import NEGATIONS

FEWEST, ONE_IN = 20, 3_000
"""A sentence of three words or more is a formula when it stands in this many texts, and in one of so many."""

_END = r"(?:[.!?…]+\s|[\n\r]|[.!?…]+$)"
_GREETING = r"^([^:.!?\n]{1,30}:)\s"
_SPLIT = "\x01"


def without_formulas(texts: pl.DataFrame) -> pl.Series:
    """Normal forms without sentences that many texts have and that name no number.

    Args:
        texts: `text` (as it was written) and `body` (its normal form).

    >>> posts = pl.DataFrame({"text": [f"Number {n} is out. Read more below." for n in range(30)]})
    >>> without_formulas(posts.with_columns(body=normalised(posts["text"]).frame["body"])).to_list()[:2]
    ['number 0 is out', 'number 1 is out']
    """
    sentences = texts.select(s=pl.col("text").str.replace(_GREETING, f"${{1}}{_SPLIT}").str.replace_all(_END, _SPLIT).str.split(_SPLIT)).explode(
        "s", empty_as_null=False
    )
    said = sentences.select(s=pl.col("s").str.strip_chars().str.to_lowercase()).filter(pl.col("s").str.len_chars() > 2)
    common = said.group_by("s").len().filter((pl.col("len") >= max(FEWEST, texts.height // ONE_IN)) & ~pl.col("s").str.contains(r"\d"))
    forms = normalised(common["s"]).frame["body"].unique()
    turned = forms.str.split(" ").list.set_intersection(pl.Series([sorted(NEGATIONS)])).list.len() > 0
    forms = forms.filter(~turned & (forms.str.count_matches(" ", literal=True) + 1 >= FEWEST_WORDS)).sort()
    if not forms.len():
        return texts["body"]
    padded = pl.format(" {} ", pl.col("body").str.replace_all(" ", "  ", literal=True))
    patterns = {f" {form.replace(' ', '  ')} ": "" for form in forms}
    return texts.select(padded.str.replace_many(patterns, leftmost=True).str.replace_all(r" +", " ").str.strip_chars().alias("body")).to_series()
