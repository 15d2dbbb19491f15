"""What differs between two texts, and whether they still say the same: judged by the words that are left, never by a likeness alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from seeding_platform.cleaning.dedup.candidates import mixed, rounded
from seeding_platform.cleaning.dedup.texts import NEGATION, NOTHING, NUMBER, TURN, WORD, places

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
FEWEST_SAID = 5
_SLICE = 100_000
_WORD_BITS, _SIDE_AND_TIMES = np.uint64(32), np.uint64(7)
_WORDS, _FIRST, _TIMES = np.uint64(2**32 - 1), np.uint64(64), np.uint64(63)
_TYPO_WORDS = 4
_LONG_NEGATION = 6  # "not" for "now" is no misspelling, "withut" for "without" is one


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdict and weighted likeness (shared idf / idf of the longer text) of each pair."""

    verdict: np.ndarray
    similarity: np.ndarray


@dataclass(slots=True)
class Left:
    """Words that stand in one text of a pair only, a row a word."""

    pair: np.ndarray
    word: np.ndarray
    first: np.ndarray


@dataclass(frozen=True, slots=True)
class Meant:
    """Misspelt words of the second texts (pair and word in one key, sorted) and the words of the first that they stand for."""

    key: np.ndarray
    word: np.ndarray


class Differences:
    """Judges pairs of one corpus."""

    def __init__(self, tokens: Tokens, words: Vocabulary, cut: np.ndarray, links: np.ndarray | None = None) -> None:
        self.kinds = tokens.kinds
        self.idf, self.df = words.idf, words.df
        self.tells = ((self.kinds == WORD) | (self.kinds == TURN)) & (self.idf > TELLS)
        self.opposes = self.tells | (self.kinds == TURN)
        self.cut = cut
        n = len(tokens.start) - 1
        self.words, self.start = words, words.start
        rows = words.rows
        self.weight = np.bincount(rows, weights=self.idf[words.ids], minlength=n)
        self.size = np.diff(self.start)
        self.said = np.bincount(rows, weights=self.kinds[words.ids] != NOTHING, minlength=n)
        self.links = links
        self.tokens = tokens
        self.spelled = tokens.words
        self.length = tokens.words.str.len_chars().to_numpy().astype(np.int64)
        self.rare = max(2.0, float(rounded(np.array([n]))[0]) / 50_000)
        self.base = np.int64(len(self.idf))

    def signs(self) -> np.ndarray:
        """A number for each text of all that a verdict on it hangs on beside its words: how common they are, and how many texts there are."""
        weight = mixed(self.tokens.marks[self.words.ids] ^ self.df[self.words.ids].astype(np.uint64))
        summed = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(weight, dtype=np.uint64)])
        texts = np.uint64(rounded(np.array([len(self.said)]))[0]) + np.uint64(rounded(np.array([len(self.said) + 1000]))[0]) * np.uint64(2**31)
        signs: np.ndarray = (summed[self.start[1:]] - summed[self.start[:-1]]) ^ mixed(np.array([texts])) ^ self.cut.astype(np.uint64)
        return signs

    def judge(self, pairs: np.ndarray) -> Judged:
        """Judge pairs (m x 2), the longer text first."""
        parts = [self._judge(pairs[i : i + _SLICE]) for i in range(0, len(pairs), _SLICE)]
        if not parts:
            return Judged(np.empty(0, dtype=np.int64), np.empty(0))
        return Judged(np.concatenate([p.verdict for p in parts]), np.concatenate([p.similarity for p in parts]))

    def _judge(self, pairs: np.ndarray) -> Judged:
        a, b = pairs.T
        m = len(pairs)
        left = self.left_over(a, b)
        similarity = 1.0 - np.bincount(left.pair[left.first], weights=self.idf[left.word[left.first]], minlength=m) / np.maximum(self.weight[a], 1e-9)
        alike, meant = self.without_typos(left, self._differ_in(NUMBER, left, a, b), m)
        kept = ~alike
        dropped = left.pair[kept] * self.base + left.word[kept]  # in order, each once
        left = Left(left.pair[kept], left.word[kept], left.first[kept])
        apart = self._differ_in(NUMBER, left, a, b) | self._differ_in(NEGATION, left, a, b) | self._differ_in(TURN, left, a, b)
        tells, opposes = self.tells[left.word], self.opposes[left.word]
        more, less = (np.bincount(left.pair[tells & side], minlength=m) for side in (left.first, ~left.first))
        opposed = [np.bincount(left.pair[opposes & side], minlength=m) > 0 for side in (left.first, ~left.first)]
        something = [np.bincount(left.pair[side], minlength=m) > 0 for side in (left.first, ~left.first)]
        apart |= (opposed[0] & something[1]) | (opposed[1] & something[0])  # what came in place of something else was not added
        apart |= self._short_and_other(left, a, m, something) | self._other_links(a, b)
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

    def _short_and_other(self, left: Left, a: np.ndarray, m: int, something: list[np.ndarray]) -> np.ndarray:
        """Pairs that share few words and differ in more than small words on one side: a word more or another makes a short text another one."""
        said = self.kinds[left.word] != NOTHING
        base = self.said[a] - np.bincount(left.pair[said & left.first], minlength=m)
        more = [np.bincount(left.pair[said & side], minlength=m) > 0 for side in (left.first, ~left.first)]
        short: np.ndarray = (base < FEWEST_SAID) & ((something[0] & something[1]) | more[0] | more[1])
        return short

    def _other_links(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Pairs that point to two different pages."""
        if self.links is None:
            return np.zeros(len(a), dtype=bool)
        other: np.ndarray = (self.links[a] != 0) & (self.links[b] != 0) & (self.links[a] != self.links[b])
        return other

    def left_over(self, a: np.ndarray, b: np.ndarray) -> Left:
        """Words that stand more often in one text of a pair than in the other, by pair and word."""
        packed = np.concatenate([self._words_of(a, first=True), self._words_of(b, first=False)])
        packed.sort(kind="stable")  # two ordered halves are merged; a word of both texts stands beside itself
        key, side, times = packed >> _SIDE_AND_TIMES, (packed & _FIRST) != 0, packed & _TIMES
        beside = np.flatnonzero(key[1:] == key[:-1])
        left = np.ones(len(packed), dtype=bool)
        left[beside] = times[beside] > times[beside + 1]
        left[beside + 1] = times[beside + 1] > times[beside]
        key = key[left]
        return Left((key >> _WORD_BITS).astype(np.int64), (key & _WORDS).astype(np.int64), side[left])

    def _words_of(self, rows: np.ndarray, *, first: bool) -> np.ndarray:
        """Every word of the texts `rows` in one number: pair, word, whether this is the pair's first text, how often the word stands there."""
        counts = self.size[rows]
        at = places(self.start[rows], counts)
        packed = np.repeat(np.arange(len(rows), dtype=np.uint64) << _WORD_BITS, counts)
        packed |= self.words.ids[at]
        packed <<= _SIDE_AND_TIMES
        packed |= self.words.times[at]
        return packed | _FIRST if first else packed

    def _differ_in(self, kind: int, left: Left, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Numbers or negations that stand on one side only (a text that was cut off may lack them); turning words, another on either side."""
        word = self.kinds[left.word] == kind
        more, less = (np.bincount(left.pair[word & side], minlength=len(a)) > 0 for side in (left.first, ~left.first))
        if kind == TURN:
            return more & less
        both = more & less if kind == NUMBER else np.zeros(len(a), dtype=bool)
        apart: np.ndarray = both | (more & ~less & ~self.cut[b]) | (less & ~more & ~self.cut[a])
        return apart

    def without_typos(self, left: Left, apart: np.ndarray, m: int) -> tuple[np.ndarray, Meant]:
        """True for left-over words that are a misspelling of one another, and which word of the first text stands behind each of the second."""
        gone = np.zeros(len(left.pair), dtype=bool)
        kinds = self.kinds[left.word]
        word = (kinds != NUMBER) & ((kinds != NEGATION) | (self.length[left.word] >= _LONG_NEGATION))
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
            return gone, Meant(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
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
        return gone, Meant(key[order], left.word[one[chosen]][order].astype(np.int64))

    def _turned_round(self, pairs: np.ndarray, same: np.ndarray, dropped: np.ndarray, meant: Meant) -> np.ndarray:
        """True for those of the pairs `same` whose shared telling words and numbers stand in another order; words that differ do not count."""
        nothing = Meant(meant.key[:0], meant.word[:0])
        marks = [self._order(same, pairs[same, side], dropped, understood) for side, understood in ((0, nothing), (1, meant))]
        different: np.ndarray = marks[0] != marks[1]
        return different

    def _order(self, same: np.ndarray, rows: np.ndarray, dropped: np.ndarray, meant: Meant) -> np.ndarray:
        """One number for the order of the shared words that tell something in each row."""
        start, counts = self.tokens.start[rows], np.diff(self.tokens.start)[rows]
        at = places(start, counts)
        ids, pair = self.tokens.ids[at].astype(np.int64), np.repeat(np.arange(len(rows)), counts)
        key = same[pair] * self.base + ids
        if len(meant.key):
            place = np.minimum(np.searchsorted(meant.key, key), len(meant.key) - 1)
            ids = np.where(meant.key[place] == key, meant.word[place], ids)
        there = self.tells[ids] | (self.kinds[ids] == NUMBER)
        if len(dropped):
            asked = np.flatnonzero(there)
            there[asked] = dropped[np.minimum(np.searchsorted(dropped, key[asked]), len(dropped) - 1)] != key[asked]
        ids, pair = ids[there], pair[there]
        first = np.searchsorted(pair, np.arange(len(rows)))
        place = (np.arange(len(pair)) - first[pair]).astype(np.uint64)
        mixed = (self.tokens.marks[ids] ^ (place * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
        summed = np.zeros(len(rows), dtype=np.uint64)
        np.add.at(summed, pair, mixed)
        return summed
