"""Where two texts differ, place by place, and what a corpus teaches about such changes.

A place is a run of words that stand in one text only. Places of two texts that lie between the same neighbours are a change: one wording for
another. A corpus tells two sorts of change apart. A word that many others take the place of, in texts that are otherwise the same, fills a gap
in a form: it is a fact. A change that comes back again and again, where neither word has other substitutes to speak of, is another wording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from seeding_platform.cleaning.dedup.texts import NEGATION, NOTHING, NUMBER, places
from seeding_platform.cleaning.dedup.words import OPPOSITES

if TYPE_CHECKING:
    from seeding_platform.cleaning.dedup.differences import Differences, Left, Meant

FAMILIES, SHARE = 3, 0.2
"""A change is another wording when it is seen between this many families of texts, and is this share of the changes of the rarer side."""

FILLERS, DOMINANT = 4, 0.34
"""A word is a fact when this many others take its place in texts that are otherwise equal, none of them in more than this share of the cases."""

_PLACE = np.uint64(0x9E3779B97F4A7C15)
_START = np.int64(-1)


@dataclass(frozen=True, slots=True)
class Compared:
    """Pairs whose facts are the same, and where they differ.

    Args:
        pair: places in the list of pairs that was asked about.
        facts: True for each pair asked about whose facts differ.
        similarity: shared idf / idf of the longer text, for each pair asked about.
        changes: `pair, x, y, places, family`: an aligned change (hashes of the two wordings, x < y), the number of places of its pair, and
            what its pair has in common.
        counts: `pair, places, words`: how many places and words differ, the side that has more; no row where nothing differs.
        shared: for each pair asked about, how many words that tell something both texts have.
        anchors: for each pair asked about, how many names and numbers both texts have.
    """

    facts: np.ndarray
    similarity: np.ndarray
    changes: pl.DataFrame
    counts: pl.DataFrame
    shared: np.ndarray
    anchors: np.ndarray


class Comparison:
    """Compares pairs of one corpus place by place."""

    def __init__(self, differences: Differences, named: np.ndarray) -> None:
        self.of = differences
        self.named = named & (differences.kinds != NOTHING)
        poles = np.zeros((len(OPPOSITES), len(differences.spelled)), dtype=np.int32)
        for axis, row in zip(OPPOSITES, poles, strict=True):
            for bit, side in enumerate(axis):
                row[differences.spelled.is_in(sorted(side)).to_numpy()] |= 1 << bit
        self.poles: np.ndarray = poles
        self.turning: np.ndarray = np.asarray(poles.any(axis=0))

    def compare(self, pairs: np.ndarray) -> Compared:
        """Compare pairs (m x 2)."""
        a, b = pairs.T
        m, of = len(pairs), self.of
        left = of.left_over(a, b)
        first = left.first
        similarity = 1.0 - np.bincount(left.pair[first], weights=of.idf[left.word[first]], minlength=m) / np.maximum(of.weight[a], 1e-9)
        kinds = of.kinds[left.word]
        facts = np.bincount(left.pair[(kinds == NUMBER)], minlength=m) > 0
        gone, meant = of.without_typos(left, facts, m)
        kept = ~gone
        left = type(left)(left.pair[kept], left.word[kept], left.first[kept])
        kinds = of.kinds[left.word]
        facts |= np.bincount(left.pair[(kinds == NEGATION) | self.named[left.word]], minlength=m) > 0
        facts |= self._opposed(left, m)
        runs = self._runs(pairs, left, meant, np.flatnonzero(~facts))
        facts |= runs.moved
        return Compared(facts, similarity, *runs.tables(facts), *runs.shared_words())

    def _opposed(self, left: Left, m: int) -> np.ndarray:
        """Pairs with a word on one side and one of its opposites on the other."""
        turning = np.flatnonzero(self.turning[left.word])
        sides = [np.bincount(left.pair[turning[left.first[turning] == side]], minlength=m) > 0 for side in (True, False)]
        asked = np.flatnonzero(sides[0] & sides[1])
        opposed = np.zeros(m, dtype=bool)
        place = np.full(m, -1)
        place[asked] = np.arange(len(asked))
        turning = turning[place[left.pair[turning]] >= 0]
        pair, word, first = place[left.pair[turning]], left.word[turning], left.first[turning].astype(np.int64)
        for poles in self.poles:
            there = np.zeros((2, len(asked)), dtype=np.int32)
            np.bitwise_or.at(there, (first, pair), poles[word])
            opposed[asked[(there[0] != 0) & (there[1] != 0) & ((there[0] & there[1]) == 0)]] = True
        return opposed

    def _runs(self, pairs: np.ndarray, left: Left, meant: Meant, asked: np.ndarray) -> Runs:
        key = left.pair * self.of.base + left.word
        sides = []
        for side, first in ((0, True), (1, False)):
            rows = pairs[asked, side]
            counts = np.diff(self.of.tokens.start)[rows]
            ids = self.of.tokens.ids[places(self.of.tokens.start[rows], counts)].astype(np.int64)
            pair = np.repeat(asked, counts)
            own = np.sort(key[left.first == first])
            token = pair * self.of.base + ids
            changed = _in(token, own)
            if not first and len(meant.key):
                place = np.minimum(np.searchsorted(meant.key, token), len(meant.key) - 1)
                ids = np.where(meant.key[place] == token, meant.word[place], ids)
            sides.append((pair, ids, changed))
        return Runs(sides[0], sides[1], self, len(pairs))


def _in(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    if not len(ordered):
        return np.zeros(len(values), dtype=bool)
    found: np.ndarray = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


Side = tuple[np.ndarray, np.ndarray, np.ndarray]


class Runs:
    """The runs of changed words of pairs, and whether what they share was moved about."""

    def __init__(self, one: Side, other: Side, comparison: Comparison, m: int) -> None:
        self.comparison, self.m = comparison, m
        self.shared = [(pair[~changed], ids[~changed]) for pair, ids, changed in (one, other)]  # small words too: "from" and "to" tell roles
        self.moved = self._exchanged()
        said = [comparison.of.kinds[ids] != NOTHING for _, ids, _ in (one, other)]
        self.runs = [self._runs(*(part[kept] for part in side)) for side, kept in zip((one, other), said, strict=True)]

    def _runs(self, pair: np.ndarray, ids: np.ndarray, changed: np.ndarray) -> pl.DataFrame:
        """`pair, before, after, code, words` of each run."""
        new = np.ones(len(pair), dtype=bool)
        new[1:] = pair[1:] != pair[:-1]
        starts = np.flatnonzero(changed & np.concatenate([[True], new[1:] | ~changed[:-1]]))
        ends = np.flatnonzero(changed & np.concatenate([new[1:] | ~changed[1:], [True]])) + 1 if len(pair) else starts
        marks = self.comparison.of.tokens.marks
        place = (
            np.arange(len(pair)) - np.repeat(starts, ends - starts)[np.cumsum(changed) - 1] if len(starts) else np.zeros(len(pair), dtype=np.int64)
        )
        mixed = np.where(changed, marks[ids] ^ ((place + 1).astype(np.uint64) * _PLACE), np.uint64(0))
        code = np.add.reduceat(mixed, starts)[: len(starts)] if len(starts) else np.zeros(0, dtype=np.uint64)
        if len(starts):  # reduceat runs on to the next start: what lies between is not changed and adds nothing
            code = code.astype(np.uint64)
        before = np.where(new[starts], _START, ids[np.maximum(starts - 1, 0)])
        last = ends >= len(pair)
        following = np.minimum(ends, max(len(pair) - 1, 0))
        after = np.where(last | new[following], _START, ids[following]) if len(pair) else np.zeros(0, dtype=np.int64)
        return pl.DataFrame({"pair": pair[starts], "before": before, "after": after, "code": code, "words": ends - starts})

    def _exchanged(self) -> np.ndarray:
        """Pairs in which two words have changed places: each stands where the other stood, before or behind the same word."""
        of = self.comparison.of
        exchanged = np.zeros(self.m, dtype=bool)
        for step in (1, -1):
            one, other = (_beside(*side, step) for side in self.shared)
            telling = pl.Series(of.tells | self.comparison.named | (of.kinds == NUMBER))
            one, other = (side.filter(telling[side["word"]]) for side in (one, other))
            there = one.join(other, on=["pair", "beside"], suffix="_other").filter(pl.col("word") != pl.col("word_other"))
            back = there.select("pair", word="word_other", word_other="word", elsewhere="beside")
            both = there.join(back, on=["pair", "word", "word_other"]).filter(pl.col("beside") != pl.col("elsewhere"))
            exchanged[both["pair"].unique().to_numpy()] = True
        return exchanged

    def shared_words(self) -> tuple[np.ndarray, np.ndarray]:
        """Telling words, and names and numbers, that both texts of each pair have."""
        of, (pair, ids) = self.comparison.of, self.shared[0]
        anchor = self.comparison.named[ids] | (of.kinds[ids] == NUMBER)
        said = anchor | (of.kinds[ids] != NOTHING)
        return np.bincount(pair[said], minlength=self.m), np.bincount(pair[anchor], minlength=self.m)

    def tables(self, facts: np.ndarray) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Aligned changes and counts of the pairs whose facts are the same."""
        one, other = (runs.filter(~pl.Series(facts)[runs["pair"]]) for runs in self.runs)
        counts = _counts(one, other)
        pair, ids = self.shared[0]
        family = np.zeros(self.m, dtype=np.uint64)
        np.add.at(family, pair, self.comparison.of.tokens.marks[ids])
        aligned = []
        for neighbour in ("before", "after"):
            sole = [side.filter(pl.struct("pair", neighbour).is_unique()) for side in (one, other)]
            aligned.append(sole[0].join(sole[1], on=["pair", neighbour], suffix="_other").select("pair", "code", "code_other"))
        changes = (
            pl.concat(aligned)
            .unique()
            .join(counts, on="pair")
            .select("pair", x=pl.min_horizontal("code", "code_other"), y=pl.max_horizontal("code", "code_other"), places="places")
        )
        return changes.with_columns(family=pl.Series(family)[changes["pair"]]), counts


def _beside(pair: np.ndarray, ids: np.ndarray, step: int) -> pl.DataFrame:
    """`pair, word, beside`: each word with the one before (1) or behind (-1) it in its text, or `_START` where there is none."""
    beside = np.roll(ids, step)
    new = np.ones(len(pair), dtype=bool)
    new[1:] = pair[1:] != pair[:-1]
    edge = new if step == 1 else np.roll(new, -1)
    beside[edge] = _START
    return pl.DataFrame({"pair": pair, "word": ids, "beside": beside})


def _counts(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """`pair, places, words`; a pair that differs nowhere has no row."""
    sides = [side.group_by("pair").agg(places=pl.len(), words=pl.col("words").sum()) for side in (one, other)]
    return pl.concat(sides).group_by("pair").agg(pl.col("places", "words").max().cast(pl.Int64))


@dataclass(frozen=True, slots=True)
class Learned:
    """Changes that are other wordings (`x, y`), and words that are facts."""

    wordings: pl.DataFrame
    fillers: pl.Series


def learned(changes: pl.DataFrame) -> Learned:
    """What the changes of a corpus teach."""
    seen = changes.select("x", "y", "family", "places").unique()
    both = pl.concat([seen.select("x", "y", "family", "places"), seen.select("family", "places", x="y", y="x").select("x", "y", "family", "places")])
    alone = both.filter(pl.col("places") == 1).group_by("x", "y").agg(n=pl.col("family").n_unique())
    times = both.group_by("x", "y").agg(n=pl.col("family").n_unique())
    of = times.group_by("x").agg(others=pl.len(), total=pl.col("n").sum(), most=pl.col("n").max())
    fillers = of.filter((pl.col("others") >= FILLERS) & (pl.col("most") <= DOMINANT * pl.col("total")))["x"]
    beside = both.filter(pl.col("places") > 1).group_by("x", "y").agg(n=pl.col("family").n_unique())
    total = beside.group_by("x").agg(total=pl.col("n").sum())
    told = beside.filter(pl.col("x") < pl.col("y")).join(total, on="x").join(total, left_on="y", right_on="x", suffix="_y")
    told = told.join(alone.rename({"n": "alone"}), on=["x", "y"], how="left").with_columns(pl.col("alone").fill_null(0))
    wordings = told.filter(
        (pl.col("n") >= FAMILIES) & (pl.col("n") > pl.col("alone")) & (pl.col("n") >= SHARE * pl.min_horizontal("total", "total_y"))
    )
    return Learned(wordings.select("x", "y"), fillers)
