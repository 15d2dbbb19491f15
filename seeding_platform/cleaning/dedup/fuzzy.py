"""Texts that are the same up to typos, reposts, cut-off ends and additions, joined to components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from seeding_platform.cleaning.dedup.candidates import candidates, sketches, vocabulary
from seeding_platform.cleaning.dedup.cut import beginnings
from seeding_platform.cleaning.dedup.differences import PART, SAME, Differences, Judged
from seeding_platform.cleaning.dedup.texts import telling_links, tokens

if TYPE_CHECKING:
    from seeding_platform.cleaning.dedup.texts import Tokens
    from seeding_platform.cleaning.progress import Progress

MOST_LIKELY = 5
"""A text that was cut off joins a post that begins with it and was posted this many times as often as all others that do."""


def alike(spoken: pl.DataFrame, known: pl.DataFrame | None, progress: Progress) -> tuple[np.ndarray, np.ndarray, pl.DataFrame | None]:
    """Component and likeness of each text, and the verdicts on all pairs that were looked at.

    Args:
        spoken: `key`, `body`, `link`, `cut`, `tail` and `row` (the rows that have this text), longest first.
        known: verdicts of an earlier run (`known.PAIRS`); None = there are none, and these are not to be kept.
        progress: is told a line at each step.
    """
    words: Tokens = tokens(spoken["body"])
    counted = vocabulary(words)
    pairs = candidates(sketches(words, counted))
    differences = Differences(words, counted, spoken["cut"].to_numpy(), telling_links(spoken["link"]))
    shared = f"{len(pairs):,} pairs of texts share their rarest words"
    if known is None:
        progress(f"{shared}; all of them are compared")
        return *_joined(spoken, pairs, differences.judge(pairs)), None
    asked = _asked(spoken["key"].to_numpy(), differences.signs(), pairs)
    told = asked.join(known, on=asked.columns, how="left", maintain_order="left")
    new = told["verdict"].is_null().to_numpy()
    progress(f"{shared}; {int(new.sum()):,} of them are compared")
    found = differences.judge(pairs[new])
    verdict, similarity = (told[name].fill_null(0).to_numpy().copy() for name in ("verdict", "similarity"))
    verdict[new], similarity[new] = found.verdict, found.similarity
    judged = Judged(verdict, similarity)
    return *_joined(spoken, pairs, judged), asked.with_columns(verdict=pl.Series(verdict), similarity=pl.Series(similarity))


def _asked(keys: np.ndarray, signs: np.ndarray, pairs: np.ndarray) -> pl.DataFrame:
    """What a verdict on each pair is kept under."""
    one, other = pairs.T
    return pl.DataFrame({"one": keys[one], "other": keys[other], "sign_one": signs[one], "sign_other": signs[other]})


def _joined(spoken: pl.DataFrame, pairs: np.ndarray, judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Components of what is the same; a text that is a part of others joins the one it is most like, unless two are as good."""
    n, same = spoken.height, judged.verdict == SAME
    likeness = np.zeros(n)
    for side in (0, 1):
        np.maximum.at(likeness, pairs[same, side], judged.similarity[same])
    component = components(n, pairs[same])
    part = judged.verdict == PART
    edges = pl.DataFrame(
        {
            "child": component[pairs[part, 1]],
            "row": pairs[part, 1],
            "whole": pairs[part, 0],
            "parent": component[pairs[part, 0]],
            "similarity": judged.similarity[part],
        }
    ).filter(pl.col("child") != pl.col("parent"))
    best = (
        edges.group_by("child", "parent")
        .agg(pl.col("similarity").max(), pl.col("row", "whole").first())
        .sort("child", "similarity", "parent", descending=[False, True, False])
    )
    sole = _sole(best, spoken, component)
    for place in ("row", "whole"):
        np.maximum.at(likeness, sole[place].to_numpy(), sole["similarity"].to_numpy())
    above = np.arange(component.max() + 1)
    above[sole["child"].to_numpy()] = sole["parent"].to_numpy()
    together = components(len(above), np.stack([np.arange(len(above)), above], axis=1))
    return together[component], np.where(likeness > 0, likeness, 1.0)


def _sole(best: pl.DataFrame, spoken: pl.DataFrame, component: np.ndarray) -> pl.DataFrame:
    """Of each child the one parent that it joins: the only post that begins with a text that was cut off, else the one it is most like.

    A text that several posts begin with joins none, unless one of them was posted far more often; nor does one that is as much like two.
    """
    first = best.with_columns(next=pl.col("similarity").shift(-1).over("child")).group_by("child", maintain_order=True).first()
    clear = pl.col("next").is_null() | (pl.col("next") < pl.col("similarity") - 1e-9)
    begun = beginnings(spoken, first["row"].to_numpy())
    posted = spoken["row"].list.len().cast(pl.Int64).gather(begun["whole"])
    of = (
        begun.select("row", component=pl.Series(component[begun["whole"].to_numpy()]), posted=posted)
        .group_by("row", "component")
        .agg(pl.col("posted").sum())
    )
    ranked = of.sort("row", "posted", "component", descending=[False, True, False]).group_by("row", maintain_order=True)
    likely = ranked.agg(pl.col("component").first(), most=pl.col("posted").first(), all=pl.col("posted").sum())
    sure = pl.col("most") >= MOST_LIKELY * (pl.col("all") - pl.col("most"))
    told = first.join(likely, on="row", how="left", maintain_order="left").with_columns(
        parent=pl.when(pl.col("component").is_null()).then(pl.when(clear).then("parent")).when(sure).then("component")
    )
    return told.filter(pl.col("parent").is_not_null() & (pl.col("parent") != pl.col("child")))


def components(n: int, edges: np.ndarray) -> np.ndarray:
    """The connected component of each of n nodes, numbered by their first node (hooking and pointer jumping; Shiloach & Vishkin 1982).

    SciPy has the same; importing it costs more than a hundred thousand texts do.

    >>> components(5, np.array([[3, 1], [4, 3]])).tolist()
    [0, 1, 2, 1, 1]
    """
    root = np.arange(n)
    a, b = edges.T
    while len(a):
        np.minimum.at(root, np.maximum(root[a], root[b]), np.minimum(root[a], root[b]))
        while not np.array_equal(root, above := root[root]):
            root = above
        apart = root[a] != root[b]
        a, b = a[apart], b[apart]
    numbered: np.ndarray = np.cumsum(root == np.arange(n)) - 1
    return numbered[root]
