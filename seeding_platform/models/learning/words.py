"""Texts as weighted words, pairs of words and pieces of words; kept as their terms and weights, without a vectoriser's inner state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from seeding_platform.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_PIECES = (3, 4)
"""How many signs a piece of a word has, blanks around it counted. Pairs of signs as well would double the work for a thousandth of accuracy."""
_KEPT, _WORTH_KEEPING = 2, 50
"""Matrices of the last questions that are kept, of at least so many texts: figures, gate and importance ask for the same rows one after another,
or for some of them."""
_LARGE = 1000  # texts from which terms that occur once are noise


@dataclass
class Words:
    """What was learned of the training texts.

    Args:
        column: whose texts.
        terms: terms of each form, one a line.
        weights: inverse document frequency of each term.
        pieces: fewest and most signs of a piece of a word; what an earlier release kept does not name them.
    """

    column: str
    terms: list[str]
    weights: list[NDArray[Any]]
    pieces: tuple[int, int] = (2, 4)
    _ready: list[TfidfVectorizer] | None = field(default=None, repr=False, compare=False)
    _last: tuple[tuple[dict[str, int], sparse.csr_matrix], ...] = field(default=(), repr=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        """What is kept: all but the vectorisers, which are made anew, and what was asked last."""
        return {"column": self.column, "terms": self.terms, "weights": self.weights, "pieces": self.pieces, "_ready": None, "_last": ()}

    def matrix(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """One row a text. Texts that were asked for before, also in another order, as where columns are shuffled, cost next to nothing."""
        if len(texts) < _WORTH_KEEPING:
            return self._weighed(texts)
        before = self._last  # read once: another thread may put another one there
        for place, matrix in before:
            if place.keys() >= set(texts):
                return matrix[[place[text] for text in texts]]
        place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        matrix = self._weighed(list(place))
        self._last = ((place, matrix), *before[: _KEPT - 1])
        return matrix[[place[text] for text in texts]]

    def _weighed(self, texts: Sequence[str]) -> sparse.csr_matrix:
        if self._ready is None:
            self._ready = [_with_terms(form, t, w) for form, t, w in zip(_forms(self.pieces), self.terms, self.weights, strict=True)]
        return sparse.hstack([v.transform(texts) for v in self._ready], format="csr")


def _forms(pieces: tuple[int, int]) -> tuple[dict[str, Any], ...]:
    """Word pairs hold "not good"; pieces of words hold misspellings, inflections, emoji and marks."""
    return {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\b\w\w+\b"}, {"analyzer": "char_wb", "ngram_range": pieces}


def learn_words(column: str, texts: Sequence[str]) -> Words:
    """Terms and weights of training texts.

    Raises:
        PermanentError: no text holds a word.
    """
    least = 2 if len(texts) >= _LARGE else 1
    terms, weights, matrices = [], [], []
    for form in _forms(_PIECES):
        vectoriser, weigher = CountVectorizer(min_df=least, **form), TfidfTransformer(sublinear_tf=True)
        try:
            counts = vectoriser.fit_transform(texts)
        except ValueError as error:  # an empty vocabulary
            fix = "Take the column out of the features, or give it texts."
            raise PermanentError(f"Column {column!r} holds no word that could be learned from ({error}).", fix=fix) from error
        counts.sort_indices()  # in this order later texts are summed up too: the last digits are the same
        matrices.append(weigher.fit_transform(counts))
        terms.append("\n".join(vectoriser.get_feature_names_out().tolist()))
        weights.append(np.asarray(weigher.idf_, dtype=float))
    place = {text: row for row, text in enumerate(texts)}
    return Words(column, terms, weights, _PIECES, _last=((place, sparse.hstack(matrices, format="csr")),))  # whoever learns of them asks for it next


def text_matrix(parts: Sequence[Words], texts: Mapping[str, Sequence[str]]) -> sparse.csr_matrix:
    """The matrices of several text columns side by side."""
    return sparse.hstack([p.matrix(texts[p.column]) for p in parts], format="csr")


def _with_terms(form: dict[str, Any], terms: str, weights: NDArray[Any]) -> TfidfVectorizer:
    vectoriser = TfidfVectorizer(sublinear_tf=True, vocabulary=terms.split("\n"), **form)
    vectoriser.idf_ = weights
    return vectoriser
