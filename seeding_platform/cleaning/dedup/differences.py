"""What differs between two texts, and whether they still say the same: judged by the words that are left, never by a likeness alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist
from scipy.sparse import csr_array

from seeding_platform.cleaning.dedup.texts import NEGATION, NUMBER, TURN, WORD

if TYPE_CHECKING:
    from seeding_platform.cleaning.dedup.candidates import Vocabulary
    from seeding_platform.cleaning.dedup.texts import Tokens

APART, SAME, PART = range(3)
"""Verdicts: two things; one thing; the second text is a part of the first."""

TELLS = 2.5
"""Words of this idf and more tell one text from another."""

RARER = 30
"""A misspelling is this many times rarer than the word, or very rare itself."""

MOST_ADDED, MOST_ADDED_SHARE, LARGEST_REST = 3, 0.30, 0.40
FEWEST_SHARED = 4
_SLICE = 250_000
_TYPO_WORDS = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdict and weighted likeness (shared idf / idf of the longer text) of each pair."""

    verdict: np.ndarray
    similarity: np.ndarray


@dataclass(slots=True)
class _Left:
    """Words that stand in one text of a pair only, a row a word."""

    pair: np.ndarray
    word: np.ndarray
    first: np.ndarray


@dataclass(frozen=True, slots=True)
class _Meant:
    """Misspelt words of the second texts (pair and word in one key, sorted) and the words of the first that they stand for."""

    key: np.ndarray
    word: np.ndarray


class Differences:
    """Judges pairs of one corpus."""

    def __init__(self, tokens: Tokens, words: Vocabulary, cut: np.ndarray) -> None:
        self.kinds = tokens.kinds
        self.idf, self.df = words.idf, words.df
        self.tells = ((self.kinds == WORD) | (self.kinds == TURN)) & (self.idf > TELLS)
        self.opposes = self.tells | (self.kinds == TURN)
        self.cut = cut
        n = len(tokens.start) - 1
        start = np.searchsorted(words.rows, np.arange(n + 1))
        self.matrix = csr_array((words.times, words.ids.astype(np.int32), start.astype(np.int32)), shape=(n, len(self.idf)))
        self.weight = np.bincount(words.rows, weights=self.idf[words.ids], minlength=n)
        self.size = np.diff(start)
        self.tokens = tokens
        self.spelled = tokens.words
        self.length = tokens.words.str.len_chars().to_numpy().astype(np.int64)
        self.rare = max(2.0, n / 50_000)
        self.base = np.int64(len(self.idf))

    def judge(self, pairs: np.ndarray) -> Judged:
        """Judge pairs (m x 2), the longer text first."""
        parts = [self._judge(pairs[i : i + _SLICE]) for i in range(0, len(pairs), _SLICE)]
        if not parts:
            return Judged(np.empty(0, dtype=np.int64), np.empty(0))
        return Judged(np.concatenate([p.verdict for p in parts]), np.concatenate([p.similarity for p in parts]))

    def _judge(self, pairs: np.ndarray) -> Judged:
        a, b = pairs.T
        m = len(pairs)
        one, other = self.matrix[a], self.matrix[b]
        for part in (one, other):
            part.has_sorted_indices = part.has_canonical_format = True  # they are rows of such a matrix: nothing to sort or sum again
        difference = one - other
        difference.eliminate_zeros()
        left = _Left(np.repeat(np.arange(m), np.diff(difference.indptr)), difference.indices, difference.data > 0)
        similarity = 1.0 - np.bincount(left.pair[left.first], weights=self.idf[left.word[left.first]], minlength=m) / np.maximum(self.weight[a], 1e-9)
        apart = self._facts_differ(left, a, b)
        alike, meant = self._without_typos(left, apart, m)
        kept = ~alike
        dropped = np.unique(left.pair[kept] * self.base + left.word[kept])
        left = _Left(left.pair[kept], left.word[kept], left.first[kept])
        tells, opposes = self.tells[left.word], self.opposes[left.word]
        more, less = (np.bincount(left.pair[tells & side], minlength=m) for side in (left.first, ~left.first))
        opposed = [np.bincount(left.pair[opposes & side], minlength=m) > 0 for side in (left.first, ~left.first)]
        apart |= opposed[0] & opposed[1]
        weight = [np.bincount(left.pair[tells & side], weights=self.idf[left.word[tells & side]], minlength=m) for side in (left.first, ~left.first)]
        rest, added = np.maximum(*weight), np.maximum(more, less)
        share = rest / np.maximum(np.maximum(self.weight[a], self.weight[b]), 1e-9)
        small = (added <= MOST_ADDED) & (share <= MOST_ADDED_SHARE)
        shared = (self.size[a] - np.bincount(left.pair[left.first], minlength=m)) >= FEWEST_SHARED
        cut_part = self.cut[b] & (less == 0) & shared
        verdict = np.where(
            apart,
            APART,
            np.where(small & ~(self.cut[b] & (more > 0)), SAME, np.where(cut_part | ((share <= LARGEST_REST) & (less == 0)), PART, APART)),
        )
        same = np.flatnonzero(verdict != APART)
        verdict[same[self._turned_round(pairs, same, dropped, meant)]] = APART
        return Judged(verdict, np.clip(similarity, 0.0, 1.0))

    def _facts_differ(self, left: _Left, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Numbers, negations or turning words that stand on one side only; a text that was cut off may lack them."""
        m = len(a)
        kinds = self.kinds[left.word]

        def count(kind: int, side: np.ndarray) -> np.ndarray:
            return np.bincount(left.pair[(kinds == kind) & side], minlength=m) > 0

        apart = np.zeros(m, dtype=bool)
        for kind in (NUMBER, NEGATION, TURN):
            more, less = count(kind, left.first), count(kind, ~left.first)
            lacking_b, lacking_a = more & ~less & ~self.cut[b], less & ~more & ~self.cut[a]
            apart |= (more & less) if kind == TURN else (more & less & (kind == NUMBER)) | lacking_a | lacking_b
        return apart

    def _without_typos(self, left: _Left, apart: np.ndarray, m: int) -> tuple[np.ndarray, _Meant]:
        """True for left-over words that are a misspelling of one another, and which word of the first text stands behind each of the second."""
        gone = np.zeros(len(left.pair), dtype=bool)
        word = (self.kinds[left.word] != NUMBER) & (self.kinds[left.word] != NEGATION)
        few = ~apart
        for side in (left.first, ~left.first):
            number = np.bincount(left.pair[word & side], minlength=m)
            few &= (number > 0) & (number <= _TYPO_WORDS)
        at = np.flatnonzero(word & few[left.pair])
        plus, minus = at[left.first[at]], at[~left.first[at]]
        counts = np.bincount(left.pair[minus], minlength=m)
        starts = np.concatenate([[0], np.cumsum(counts)])
        times = counts[left.pair[plus]]
        one = np.repeat(plus, times)
        within = np.arange(len(one)) - np.repeat(np.concatenate([[0], np.cumsum(times)])[:-1], times)
        other = minus[starts[left.pair[one]] + within] if len(one) else one
        x, y = left.word[one], left.word[other]
        longest = np.maximum(self.length[x], self.length[y])
        most = np.where(longest < 4, 0, np.where(longest < 8, 1, np.where(longest < 12, 2, 3)))
        seldom, often = np.minimum(self.df[x], self.df[y]), np.maximum(self.df[x], self.df[y])
        rare = (seldom <= self.rare) | (seldom * RARER <= often)
        possible = np.flatnonzero((np.abs(self.length[x] - self.length[y]) <= most) & (most > 0) & rare)
        if not len(possible):
            return gone, _Meant(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        spelled = (self.spelled.gather(w[possible]).to_list() for w in (x, y))
        distance = cpdist(*spelled, scorer=OSA.distance, score_cutoff=3, dtype=np.uint8)
        close = possible[distance <= most[possible]]
        order = close[np.argsort(distance[distance <= most[possible]], kind="stable")]
        first_one = np.unique(one[order], return_index=True)[1]
        first_other = np.unique(other[order], return_index=True)[1]
        chosen = order[np.intersect1d(first_one, first_other)]
        gone[one[chosen]] = gone[other[chosen]] = True
        key = left.pair[other[chosen]] * self.base + left.word[other[chosen]]
        order = np.argsort(key)
        return gone, _Meant(key[order], left.word[one[chosen]][order].astype(np.int64))

    def _turned_round(self, pairs: np.ndarray, same: np.ndarray, dropped: np.ndarray, meant: _Meant) -> np.ndarray:
        """True for those of the pairs `same` whose shared telling words and numbers stand in another order; words that differ do not count."""
        nothing = _Meant(meant.key[:0], meant.word[:0])
        marks = [self._order(same, pairs[same, side], dropped, understood) for side, understood in ((0, nothing), (1, meant))]
        different: np.ndarray = marks[0] != marks[1]
        return different

    def _order(self, same: np.ndarray, rows: np.ndarray, dropped: np.ndarray, meant: _Meant) -> np.ndarray:
        """One number for the order of the shared words that tell something in each row."""
        start, counts = self.tokens.start[rows], np.diff(self.tokens.start)[rows]
        began = np.concatenate([[0], np.cumsum(counts)])[:-1]
        at = np.repeat(start - began, counts) + np.arange(counts.sum())
        ids, pair = self.tokens.ids[at].astype(np.int64), np.repeat(np.arange(len(rows)), counts)
        key = same[pair] * self.base + ids
        if len(meant.key):
            place = np.minimum(np.searchsorted(meant.key, key), len(meant.key) - 1)
            ids = np.where(meant.key[place] == key, meant.word[place], ids)
        there = dropped[np.minimum(np.searchsorted(dropped, key), len(dropped) - 1)] != key if len(dropped) else np.ones(len(key), dtype=bool)
        there &= self.tells[ids] | (self.kinds[ids] == NUMBER)
        ids, pair = ids[there], pair[there]
        first = np.searchsorted(pair, np.arange(len(rows)))
        place = (np.arange(len(pair)) - first[pair]).astype(np.uint64)
        mixed = (self.tokens.marks[ids] ^ (place * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
        summed = np.zeros(len(rows), dtype=np.uint64)
        np.add.at(summed, pair, mixed)
        return summed
