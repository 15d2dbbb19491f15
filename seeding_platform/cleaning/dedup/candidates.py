"""Which pairs of texts are worth a look: texts that share their rarest words and neighbours.

Each text is drawn down to a sketch of ten features (words and pairs of neighbouring words), rare ones preferred: a weighted form of MinHash
(Broder 1997; Ioffe 2010). Texts that share two sketch entries meet in a block; a block links each text to its neighbours and to its three
longest texts, so the cost grows with the number of texts, not with the squares of blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from seeding_platform.cleaning.dedup.texts import Tokens

SKETCH = 10
COMMONEST = 1024
SHARED = 5
_MIDDLING = np.array([8], dtype=np.float32)  # texts that a feature of middling weight is found in
_NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
_CHUNK = 200_000


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How often words occur, and what they weigh.

    Args:
        rows, ids: each word of each text once, sorted by text and word.
        times: how often the word stands in that text.
        df: number of texts that hold each word.
        idf: ln((n + 1000) / (df + 0.5)) of each word: 1000 texts are taken to lie behind any corpus, so few texts do not make words common.
    """

    rows: np.ndarray
    ids: np.ndarray
    times: np.ndarray
    df: np.ndarray
    idf: np.ndarray


def vocabulary(tokens: Tokens) -> Vocabulary:
    """Document frequencies of the words."""
    size = len(tokens.words)
    packed = (tokens.rows.astype(np.uint64) << np.uint64(32)) | tokens.ids
    packed.sort()
    places = np.flatnonzero(_first(packed))
    times = np.minimum(np.diff(np.append(places, len(packed))), 60).astype(np.int8)
    packed = packed[places]
    ids = (packed & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    df = rounded(np.bincount(ids, minlength=size))
    return Vocabulary((packed >> np.uint64(32)).astype(np.int64), ids, times, df, idf_of(df, len(tokens.start) - 1))


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
    bits = np.uint64(max(1, int(n - 1).bit_length()))
    feature_rows, features, df = _features(tokens, words, neighbours=neighbours, commonest=commonest)
    if not len(features):
        return np.full((n, size), _NONE)
    idf = idf_of(df, n)
    uniform = (mixed(features) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    score = -np.log(uniform + 1e-18) * (idf_of(_MIDDLING, n) / idf) ** 2
    code = (np.minimum(score, 60.0) * (2**20 / 61.0)).astype(np.uint64) << np.uint64(44 - int(bits) if bits < 24 else 20)
    code |= features >> np.uint64(64 - (44 - int(bits) if bits < 24 else 20))
    packed = (feature_rows.astype(np.uint64) << (np.uint64(64) - bits)) | code
    packed.sort()
    packed = packed[_first(packed)]
    at = (packed >> (np.uint64(64) - bits)).astype(np.int64)
    place = np.arange(len(at)) - np.searchsorted(at, np.arange(n))[at]
    kept = place < size
    sketch = np.full((n, size), _NONE)
    sketch[at[kept], place[kept]] = packed[kept] & ((np.uint64(1) << (np.uint64(64) - bits)) - np.uint64(1))
    return sketch


def _features(tokens: Tokens, words: Vocabulary, *, neighbours: bool, commonest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Text, mark and number of texts of each feature that more than one text has."""
    one = (words.df[words.ids] >= 2) & (words.df[words.ids] <= commonest)
    single = words.rows[one], tokens.marks[words.ids[one]], words.df[words.ids[one]]
    if not neighbours:
        return single
    rows, marks = tokens.rows, tokens.marks[tokens.ids]
    often = words.df[tokens.ids] >= 2
    beside = (rows[1:] == rows[:-1]) & often[1:] & often[:-1]  # a pair with a word that one text has, only that text has
    pair_rows = rows[:-1][beside]
    pairs = mixed(marks[:-1][beside] * np.uint64(0x9E3779B97F4A7C15) + marks[1:][beside])
    pair_df = rounded(pl.Series("p", pairs).to_frame().select(pl.len().over("p")).to_series().to_numpy())
    two = (pair_df >= 2) & (pair_df <= commonest)
    double = pair_rows[two], pairs[two], pair_df[two]
    return tuple(np.concatenate(part) for part in zip(single, double, strict=True))  # type: ignore[return-value]


def candidates(sketch: np.ndarray, *, shared: int = SHARED) -> np.ndarray:
    """Pairs `(a, b)`, a < b, that share `shared` entries of their sketches, or half of the shorter sketch.

    Rows are taken to be ordered from the longest text to the shortest.
    """
    n, size = sketch.shape
    bits = np.uint64(max(1, int(n - 1).bit_length()))
    row = np.arange(n, dtype=np.uint64)
    keys = []
    for step in (1, 2):
        for i in range(size - step):
            there = sketch[:, i + step] != _NONE
            block = mixed(sketch[there, i] * np.uint64(0xC2B2AE3D27D4EB4F) + sketch[there, i + step])
            keys.append((block >> bits << bits) | row[there])
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
    rows = (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    starts = np.flatnonzero(_first(block))
    began = np.repeat(starts, np.diff(np.append(starts, len(block))))
    at = np.arange(len(rows))
    links = [(rows[at[at - began >= step] - step], rows[at - began >= step]) for step in (1, 2, 3)]
    links += [(rows[began[at - began > first] + first], rows[at - began > first]) for first in (0, 1, 2)]
    joined = np.concatenate([(np.minimum(a, b).astype(np.uint64) << np.uint64(32)) | np.maximum(a, b).astype(np.uint64) for a, b in links])
    joined.sort()
    joined = joined[_first(joined)]
    pairs = np.stack([joined >> np.uint64(32), joined & np.uint64(0xFFFFFFFF)], axis=1).astype(np.int64)
    return pairs[_shared_enough(sketch, pairs, shared)]


def _shared_enough(sketch: np.ndarray, pairs: np.ndarray, shared: int) -> np.ndarray:
    size = (sketch != _NONE).sum(axis=1)
    other = np.where(sketch == _NONE, np.uint64(0), sketch)  # nothing is not the same as nothing
    kept = np.zeros(len(pairs), dtype=bool)
    for begin in range(0, len(pairs), _CHUNK):
        a, b = pairs[begin : begin + _CHUNK].T
        one, two = sketch[a], other[b]
        same = np.zeros(len(a), dtype=np.int64)
        for n in range(sketch.shape[1]):
            same += (one == two[:, n : n + 1]).any(axis=1)
        kept[begin : begin + _CHUNK] = (same * 2 >= np.minimum(np.minimum(size[a], size[b]), shared * 2)) & (a != b)
    return kept


def _first(ordered: np.ndarray) -> np.ndarray:
    """True at the first of equal neighbours."""
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def mixed(values: np.ndarray) -> np.ndarray:
    """Spread 64-bit numbers (the finaliser of SplitMix64; Steele, Lea & Flood 2014)."""
    spread = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    spread = (spread ^ (spread >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return spread ^ (spread >> np.uint64(31))
