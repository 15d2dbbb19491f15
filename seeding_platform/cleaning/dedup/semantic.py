"""Texts that say the same in other words: their facts are equal, and every difference is one that the corpus shows to be a matter of wording."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from seeding_platform.cleaning.dedup.candidates import COMMONEST, candidates, sketches, vocabulary
from seeding_platform.cleaning.dedup.differences import Differences
from seeding_platform.cleaning.dedup.formulas import without_formulas
from seeding_platform.cleaning.dedup.named import names
from seeding_platform.cleaning.dedup.rewording import Comparison, learned
from seeding_platform.cleaning.dedup.texts import tokens

if TYPE_CHECKING:
    from seeding_platform.cleaning.dedup.rewording import Compared, Learned
    from seeding_platform.cleaning.progress import Progress

FEWEST_SHARED = 4
"""Texts that say the same share at least this many words that tell something."""

WORDS, PLACES, LIKE, ANCHORS = 3, 2, 0.40, 3
"""Differences that nothing explains still make one text another's rewording when at least this many words in this many places differ (a single
other fact changes one place), the texts are this much alike, and this many names and numbers are the same in both."""

SKETCH, SHARED = 8, 4
_SLICE = 200_000


def reworded(texts: pl.DataFrame, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Cluster and likeness of each text.

    Args:
        texts: `body` (normal form) and `text` (as it was written: capitals tell names), longest first, no two the same in fuzzy terms.
        progress: is told a line at each step.
    """
    n = texts.height
    cluster, likeness = np.arange(n), np.ones(n)
    words = tokens(without_formulas(texts))
    counted = vocabulary(words)
    drawn = sketches(words, counted, neighbours=False, size=SKETCH, commonest=max(COMMONEST, n // 60))
    pairs = candidates(drawn, shared=SHARED)
    if not len(pairs):
        return cluster, likeness
    progress(f"{len(pairs):,} pairs of texts share words; they are compared place by place")
    compare = Comparison(
        Differences(words, counted, np.zeros(n, dtype=bool)), names(texts["text"], words.words, np.bincount(words.ids, minlength=len(words.words)))
    )
    parts = [compare.compare(pairs[i : i + _SLICE]) for i in range(0, len(pairs), _SLICE)]
    progress("wordings are learned from what differs")
    verdict = _judged(_together(parts))
    same, apart = verdict.filter("same"), verdict.filter("apart")
    return _clusters(n, pairs, same, apart)


def _together(parts: list[Compared]) -> Compared:
    """The slices as one, pairs counted on."""
    begin = np.cumsum([0] + [len(p.facts) for p in parts])
    shifted = [
        dataclasses.replace(p, changes=p.changes.with_columns(pl.col("pair") + at), counts=p.counts.with_columns(pl.col("pair") + at))
        for p, at in zip(parts, begin[:-1].tolist(), strict=True)
    ]
    return type(parts[0])(
        np.concatenate([p.facts for p in parts]),
        np.concatenate([p.similarity for p in parts]),
        pl.concat([p.changes for p in shifted]),
        pl.concat([p.counts for p in shifted]),
        np.concatenate([p.shared for p in parts]),
        np.concatenate([p.anchors for p in parts]),
    )


def _judged(told: Compared) -> pl.DataFrame:
    """`pair, similarity, same, apart` of each pair."""
    known: Learned = learned(told.changes)
    filling = [pl.col(side).is_in(known.fillers.implode()) for side in ("x", "y")]
    wordings = known.wordings.with_columns(known=True)
    marked = told.changes.join(wordings, on=["x", "y"], how="left").with_columns(fact=filling[0] & filling[1], doubt=filling[0] | filling[1])
    marked = marked.with_columns(pl.col("known").fill_null(value=False))
    marked = marked.with_columns(fact=pl.col("fact") & ~pl.col("known"), doubt=pl.col("doubt") & ~pl.col("known"))
    of = marked.group_by("pair").agg(explained=pl.col("known").sum().cast(pl.Int64), fact=pl.col("fact").any(), doubt=pl.col("doubt").any())
    rows = pl.DataFrame(
        {"pair": np.arange(len(told.facts)), "similarity": told.similarity, "facts": told.facts, "shared": told.shared, "anchors": told.anchors}
    )
    rows = (
        rows.join(told.counts, on="pair", how="left")
        .join(of, on="pair", how="left")
        .with_columns(pl.col("places", "words", "explained").fill_null(0), pl.col("fact", "doubt").fill_null(value=False))
    )
    open_ = (pl.col("places") - pl.col("explained")).clip(0)
    many = (pl.col("places") >= PLACES) & (pl.col("words") >= WORDS) & (open_ != 1) & ~pl.col("doubt")
    other_words = many & (pl.col("similarity") >= LIKE) & (pl.col("anchors") >= ANCHORS)
    apart = pl.col("facts") | pl.col("fact") | (open_ == 1)
    return rows.with_columns(apart=apart, same=~apart & (pl.col("shared") >= FEWEST_SHARED) & ((open_ == 0) | other_words))


def _clusters(n: int, pairs: np.ndarray, same: pl.DataFrame, apart: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of what is the same, best pairs first; two clusters that hold texts known to be apart are never joined."""
    cluster, likeness = np.arange(n), np.ones(n)
    ordered = same.sort("similarity", "pair", descending=[True, False])
    touched = np.zeros(n, dtype=bool)
    touched[pairs[ordered["pair"].to_numpy()].ravel()] = True
    enemies: dict[int, set[int]] = {}
    between = pairs[apart["pair"].to_numpy()]
    for a, b in between[touched[between].all(axis=1)].tolist():
        enemies.setdefault(a, set()).add(b)
        enemies.setdefault(b, set()).add(a)
    members: dict[int, list[int]] = {}
    for (a, b), alike in zip(pairs[ordered["pair"].to_numpy()].tolist(), ordered["similarity"].to_list(), strict=True):
        one, other = int(cluster[a]), int(cluster[b])
        if one == other:
            continue
        theirs = members.get(other, [other])
        if any(x in enemies and not enemies[x].isdisjoint(members.get(one, [one])) for x in theirs):
            continue
        members[one] = members.get(one, [one]) + theirs
        cluster[theirs] = one
        members.pop(other, None)
        for row in (a, b):
            likeness[row] = alike if likeness[row] == 1.0 else likeness[row]
    return cluster, likeness
