"""How alike two records are in each field, as a level: 0 is different, the highest is equal, -1 is that one of them says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from seeding_platform.cleaning.link.records import Comparable, Records

NOTHING = -1
ALIKE = np.array([0.3, 0.45, 0.6, 0.7, 0.8, 0.9])  # likeness from which on the next level begins; one more for equal
CLOSE = np.array([0.9, 0.99, 0.999])  # the same of the quotient of two numbers
_AT_ONCE = 250_000


def levels(records: Records, pairs: np.ndarray) -> dict[str, np.ndarray]:
    """Level of each pair in each field."""
    return {name: _levels(field, pairs) for name, field in records.fields.items()}


def highest(field: Comparable) -> int:
    """The level of equal values."""
    return {"text": len(ALIKE) + 1, "name": len(ALIKE) + 1, "number": len(CLOSE) + 1, "code": 4, "date": 4}[field.kind]


def _levels(field: Comparable, pairs: np.ndarray) -> np.ndarray:
    left, right = field.text[pairs[:, 0]], field.text[pairs[:, 1]]
    if field.kind in ("text", "name"):
        found = np.searchsorted(ALIKE, _likeness(field, pairs, left, right), side="right")
    elif field.kind == "number":
        found = _quotients(left, right)
    else:
        found = _slips(left, right, turned=field.kind == "date")
    found = np.where(left == right, highest(field), np.minimum(found, highest(field) - 1))
    return np.where((left == "") | (right == ""), NOTHING, found)


def _likeness(field: Comparable, pairs: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """0-1: the mean of the likeness of the letters and of the words, the rare ones counting more; of a name the better one of both."""
    scorer = fuzz.token_sort_ratio if field.kind == "name" else fuzz.ratio
    letters = cpdist(left, right, scorer=scorer, dtype=np.float32) / 100.0
    words = _shared_words(field.words, pairs)
    return np.maximum(letters, words) if field.kind == "name" else (letters + words) / 2


def _shared_words(words: csr_matrix, pairs: np.ndarray) -> np.ndarray:
    """Cosine of the words of two values, weighted by inverse document frequency."""
    count = np.asarray(words.sum(axis=0)).ravel()
    weighted = words.multiply(np.log1p(words.shape[0] / np.maximum(count, 1))).tocsr()
    norm = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    shared = np.zeros(len(pairs))
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        both = weighted[part[:, 0]].multiply(weighted[part[:, 1]])
        shared[start : start + _AT_ONCE] = np.asarray(both.sum(axis=1)).ravel()
    return shared / np.maximum(norm[pairs[:, 0]] * norm[pairs[:, 1]], 1e-12)


def _quotients(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    a, b = (np.abs(pl.Series(side).cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()) for side in (left, right))
    quotient = np.minimum(a, b) / np.maximum(np.maximum(a, b), 1e-300)
    return np.where(np.isnan(quotient), 0, np.searchsorted(CLOSE, np.nan_to_num(quotient), side="right"))


def _slips(left: np.ndarray, right: np.ndarray, *, turned: bool) -> np.ndarray:
    """3 for one slip, 2 for two, 1 for half of the signs, 0 for more; parts of a date in another order count as one slip."""
    distance = cpdist(left, right, scorer=OSA.distance, dtype=np.int32)
    length = np.maximum(pl.Series(left).str.len_chars().to_numpy(), pl.Series(right).str.len_chars().to_numpy())
    found = np.where(2 * distance <= length, 1, 0)
    found = np.where((distance <= 2) & (length >= 4), 2, found)
    found = np.where((distance <= 1) & (length >= 2), 3, found)
    if turned:
        same_signs = np.array(["".join(sorted(a)) == "".join(sorted(b)) for a, b in zip(left, right, strict=True)], dtype=bool)
        found = np.where(same_signs, 3, found)
    return found
