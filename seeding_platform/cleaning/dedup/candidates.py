"""Which pairs of texts are worth a look: texts that share their rarest words and neighbours.

Each text is drawn down to a sketch of ten features (words and pairs of neighbouring words), rare ones preferred: a weighted form of MinHash
(Broder 1997; Ioffe 2010). Texts that share two sketch entries meet in a block; a block links each text to its neighbours and to its three
longest texts, so the cost grows with the number of texts, not with the squares of blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seeding_platform.cleaning.dedup.texts import places

if TYPE_CHECKING:
    from seeding_platform.cleaning.dedup.texts import Tokens

SKETCH = 10
COMMONEST = 1024
SHARED = 5
MOST_TIMES = 60
"""A word that stands in a text more often counts as this often."""

_MIDDLING = np.array([8], dtype=np.float32)  # texts that a feature of middling weight is found in
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
_BESIDE, _LONGEST = 3, 3
_TEXTS = 100_000  # texts whose words are worked on at once: larger arrays are fresh memory each time
_CHUNK = 20_000  # pairs whose sketches fit into a processor's cache


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How often words occur, and what they weigh.

    Args:
        start: n + 1 places in `ids` and `times`.
        ids: each word of each text once, in the order of the texts, sorted within each (uint32).
        times: how often the word stands in that text, at most `MOST_TIMES` (uint8).
        df: number of texts that hold each word.
        idf: ln((n + 1000) / (df + 0.5)) of each word: 1000 texts are taken to lie behind any corpus, so few texts do not make words common.
    """

    start: np.ndarray
    ids: np.ndarray
    times: np.ndarray
    df: np.ndarray
    idf: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """The text of each word."""
        return np.repeat(np.arange(len(self.start) - 1, dtype=np.int64), np.diff(self.start))


def vocabulary(tokens: Tokens) -> Vocabulary:
    """Document frequencies of the words."""
    n = len(tokens.start) - 1
    parts = [_each_once(tokens, begin, min(begin + _TEXTS, n)) for begin in range(0, n, _TEXTS)]
    ids, times, counts = (
        np.concatenate([p[i] for p in parts]) if parts else np.empty(0, dtype=t) for i, t in enumerate((np.uint32, np.uint8, np.int64))
    )
    df = rounded(np.bincount(ids, minlength=len(tokens.words)))
    return Vocabulary(np.concatenate([[0], np.cumsum(counts)]), ids, times, df, idf_of(df, n))


def _each_once(tokens: Tokens, begin: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Words of the texts from `begin` to `end`, each once a text; how often it stands there; how many different ones each text has."""
    packed = _texts_of(tokens, begin, end)
    packed <<= np.uint64(32)
    packed |= tokens.ids[tokens.start[begin] : tokens.start[end]]
    packed.sort(kind="stable")  # the texts are in order already: runs are merged
    places = np.flatnonzero(_first(packed))
    times = np.minimum(np.diff(places, append=len(packed)), MOST_TIMES).astype(np.uint8)
    packed = packed[places]
    counts = np.bincount((packed >> np.uint64(32)).view(np.int64) - begin, minlength=end - begin)
    return packed.astype(np.uint32), times, counts


def _texts_of(tokens: Tokens, begin: int, end: int) -> np.ndarray:
    """The text of each word of the texts from `begin` to `end` (uint64)."""
    return np.repeat(np.arange(begin, end, dtype=np.uint64), np.diff(tokens.start[begin : end + 1]))


def rounded(counts: np.ndarray) -> np.ndarray:
    """Numbers of texts, rounded up to powers of two: one more text changes the weight of few words, and so what was found about few others."""
    return np.where(counts > 0, 2.0 ** np.ceil(np.log2(np.maximum(counts, 1))), 0.0).astype(np.float32)


def idf_of(df: np.ndarray, texts: int) -> np.ndarray:
    """ln((n + 1000) / (df + 0.5)), n rounded up to a power of two."""
    behind = rounded(np.array([texts + 1000]))[0]
    weights: np.ndarray = np.log(behind / (df + 0.5)).astype(np.float32)
    return weights


def sketches(tokens: Tokens, words: Vocabulary, *, neighbours: bool = True, size: int = SKETCH, commonest: int = COMMONEST) -> np.ndarray:
    """The sketch of each text: up to `size` feature codes (n x size, uint64), the rest filled with the largest number.

    Args:
        tokens: the texts.
        words: their vocabulary.
        neighbours: whether pairs of neighbouring words are features too; without them the order of the words does not matter.
        size: features drawn of each text.
        commonest: features of more texts than this are left out.
    """
    n = len(tokens.start) - 1
    high = np.uint64(64) - _bits(n)
    often = (words.df >= 2) & (words.df <= commonest)
    one = often[words.ids]
    codes = _codes(tokens.marks, words.df, n)[words.ids[one]]
    packed = [words.rows[one].view(np.uint64) << high | codes]
    if neighbours:
        packed.append(_neighbours(tokens, words, commonest))
    ordered = np.concatenate(packed)
    ordered.sort()
    ordered = ordered[_first(ordered)]
    start = np.searchsorted(ordered, np.arange(n, dtype=np.uint64) << high)
    count = np.diff(start, append=len(ordered))
    sketch = np.full((n, size), _NONE)
    for i in range(size):
        there = np.flatnonzero(count > i)
        sketch[there, i] = ordered[start[there] + i] & _low(high)
    return sketch


def _codes(marks: np.ndarray, df: np.ndarray, n: int) -> np.ndarray:
    """What each feature is drawn by, the smallest first: the rarer, the smaller on the whole; the lower bits tell features apart."""
    bits = 44 - int(_bits(n)) if n <= 2**24 else 20
    uniform = (mixed(marks) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    score = -np.log(uniform + 1e-18) * (idf_of(_MIDDLING, n) / idf_of(df, n)) ** 2
    codes = (np.minimum(score, 60.0) * (2**20 / 61.0)).astype(np.uint64) << np.uint64(bits)
    codes |= marks >> np.uint64(64 - bits)
    return codes


def _neighbours(tokens: Tokens, words: Vocabulary, commonest: int) -> np.ndarray:
    """Text and code, in one number, of each pair of neighbouring words that more than one text has."""
    n = len(tokens.start) - 1
    bits, often = _bits(n), words.df >= 2
    parts = []
    for begin in range(0, n, _TEXTS):
        end = min(begin + _TEXTS, n)
        ids, rows = tokens.ids[tokens.start[begin] : tokens.start[end]], _texts_of(tokens, begin, end)
        known = often[ids]  # a pair with a word that one text has, only that text has
        beside = np.flatnonzero((rows[1:] == rows[:-1]) & known[1:] & known[:-1])
        marks = tokens.marks[ids[beside]] * np.uint64(0x9E3779B97F4A7C15)
        marks += tokens.marks[ids[beside + 1]]
        parts.append(mixed(marks) >> bits << bits | rows[beside])
    packed = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
    packed.sort()  # equal pairs stand together, each with its text
    starts = np.flatnonzero(_first(packed >> bits))
    times = np.diff(starts, append=len(packed))
    df = rounded(times)
    kept = (df >= 2) & (df <= commonest)
    starts, times, df = starts[kept], times[kept], df[kept]
    rows = packed[places(starts, times)] & _low(bits)
    return rows << (np.uint64(64) - bits) | np.repeat(_codes(packed[starts] >> bits << bits, df, n), times)


def candidates(sketch: np.ndarray, *, shared: int = SHARED) -> np.ndarray:
    """Pairs `(a, b)`, a < b, that share `shared` entries of their sketches, or half of the shorter sketch.

    Rows are taken to be ordered from the longest text to the shortest.
    """
    n, size = sketch.shape
    bits = _bits(n)
    row = np.arange(n, dtype=np.uint64)
    keys = []
    for step in (1, 2):
        for i in range(size - step):
            there = np.flatnonzero(sketch[:, i + step] != _NONE)
            block = sketch[there, i] * np.uint64(0xC2B2AE3D27D4EB4F)
            block += sketch[there, i + step]
            keys.append(mixed(block) >> bits << bits | row[there])
    few = (sketch[:, 0] != _NONE) & (sketch[:, 4] == _NONE)  # short texts have few features: one shared is a reason to look
    keys += [(mixed(sketch[few & (sketch[:, i] != _NONE), i]) >> bits << bits) | row[few & (sketch[:, i] != _NONE)] for i in range(4)]
    packed = np.concatenate(keys)
    packed.sort()
    block = packed >> bits
    again = np.zeros(len(packed), dtype=bool)
    again[1:] = block[1:] == block[:-1]
    again[:-1] |= again[1:]
    packed, block = packed[again], block[again]
    if not len(packed):
        return np.empty((0, 2), dtype=np.int64)
    rows = packed & _low(bits)  # in order within each block
    began = np.flatnonzero(_first(block))
    offset = np.arange(len(rows)) - np.repeat(began, np.diff(began, append=len(rows)))
    links = [rows[: len(rows) - step][(near := offset[step:] >= step)] << np.uint64(32) | rows[step:][near] for step in range(1, _BESIDE + 1)]
    for first in range(_LONGEST):
        far = np.flatnonzero(offset > first + _BESIDE)  # nearer ones are linked by now
        links.append(rows[far - offset[far] + first] << np.uint64(32) | rows[far])
    joined = np.concatenate(links)
    joined.sort()
    joined = joined[_first(joined)]
    pairs = np.stack([joined >> np.uint64(32), joined & _low(np.uint64(32))], axis=1).view(np.int64)
    return pairs[_shared_enough(sketch, pairs, shared)]


def _shared_enough(sketch: np.ndarray, pairs: np.ndarray, shared: int) -> np.ndarray:
    size = (sketch != _NONE).sum(axis=1)
    code = (mixed(sketch) >> np.uint64(33)).astype(np.uint32) << np.uint32(1)  # half the bytes to compare
    other = np.where(sketch == _NONE, np.uint32(1), code)  # nothing is not the same as nothing
    kept = np.zeros(len(pairs), dtype=bool)
    for begin in range(0, len(pairs), _CHUNK):
        a, b = pairs[begin : begin + _CHUNK].T
        one, two = np.ascontiguousarray(code[a].T), np.ascontiguousarray(other[b].T)
        same = np.zeros(len(a), dtype=np.int8)
        for entry in two:
            same += np.logical_or.reduce(one == entry)
        kept[begin : begin + _CHUNK] = (same * 2 >= np.minimum(np.minimum(size[a], size[b]), shared * 2)) & (a != b)
    return kept


def _bits(n: int) -> np.uint64:
    """Bits that hold the number of each of n texts."""
    return np.uint64(max(1, int(n - 1).bit_length()))


def _low(bits: np.uint64) -> np.uint64:
    return (np.uint64(1) << bits) - np.uint64(1)


def _first(ordered: np.ndarray) -> np.ndarray:
    """True at the first of equal neighbours."""
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def mixed(values: np.ndarray) -> np.ndarray:
    """Spread 64-bit numbers (the finaliser of SplitMix64; Steele, Lea & Flood 2014)."""
    spread = values >> np.uint64(30)  # in place from here: fresh memory costs more than the arithmetic
    spread ^= values
    spread *= np.uint64(0xBF58476D1CE4E5B9)
    spread ^= spread >> np.uint64(27)
    spread *= np.uint64(0x94D049BB133111EB)
    spread ^= spread >> np.uint64(31)
    return spread
