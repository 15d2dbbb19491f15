"""Texts (and, beside them, other columns) by a straight line: support vectors for classes, ridge for numbers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize, sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from seeding_platform.models.learning.words import learn_words, text_matrix

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from seeding_platform.models.learning.layout import Layout
    from seeding_platform.models.learning.words import Words

_HELD = 5  # one of so many rows is held back to learn how sure the scores are
_FEWEST_HELD = 20


@dataclass(frozen=True)
class Encoded:
    """Columns beside the texts: numbers centred and scaled, categories one column a value.

    Args:
        layout: of the training columns.
        centre: mean of each number.
        scale: its standard deviation.
    """

    layout: Layout
    centre: NDArray[Any]
    scale: NDArray[Any]

    def matrix(self, values: pl.DataFrame) -> sparse.csr_matrix:
        """One row a row; missing numbers are the mean, missing categories have no value."""
        dense, categorical = self.layout.matrix(values), np.array(self.layout.categorical(), dtype=bool)
        numbers = np.nan_to_num((dense[:, ~categorical] - self.centre) / self.scale)
        parts = [sparse.csr_matrix(numbers)]
        names = [n for n in self.layout.tabular if n in self.layout.categories]
        for name, codes in zip(names, dense[:, categorical].T, strict=True):
            width = len(self.layout.categories[name]) + 1
            known = ~np.isnan(codes)
            rows = np.flatnonzero(known)
            parts.append(sparse.csr_matrix((np.ones(rows.size), (rows, codes[known].astype(int))), shape=(codes.size, width)))
        return sparse.hstack(parts, format="csr")


def learn_encoding(layout: Layout, values: pl.DataFrame) -> Encoded:
    """Means and deviations of training columns."""
    dense = layout.matrix(values)[:, ~np.array(layout.categorical(), dtype=bool)]
    known = ~np.isnan(dense)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, dense, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, dense - centre, 0.0) ** 2).sum(axis=0) / count)
    return Encoded(layout, centre, np.where(spread > 0, spread, 1.0))


@dataclass(frozen=True)
class Line:
    """A fitted line.

    Args:
        words: one a text column.
        beside: the other columns, where there are some.
        weights: one column a class (one alone for two classes, and for numbers).
        offset: one a column of weights.
        sharpness: what scores are multiplied by before they become probabilities; None predicts numbers.
    """

    words: list[Words]
    beside: Encoded | None
    weights: NDArray[Any]
    offset: NDArray[Any]
    sharpness: float | None

    def scores(self, layout: Layout, values: pl.DataFrame) -> NDArray[Any]:
        """Probabilities of the classes, or predicted numbers."""
        raw = _matrix(self.words, self.beside, layout, values) @ self.weights + self.offset
        return raw[:, 0] if self.sharpness is None else probabilities(raw, self.sharpness)


def fit_line(
    layout: Layout,
    values: pl.DataFrame,
    y: NDArray[Any],
    *,
    classes: int | None,
    params: dict[str, Any],
    seed: int,
    beside: bool = False,
    groups: NDArray[Any] | None = None,
) -> Line:
    """Fit a line to texts.

    Args:
        layout: of the training columns.
        values: features.
        y: class numbers, or numbers.
        classes: how many classes; None predicts numbers.
        params: `strength` of the fit (support vectors), `penalty` (ridge).
        seed: of the fit and of the rows held back.
        beside: whether the other columns take part.
        groups: of each row; how sure scores are is learned from whole groups that were held back, None = from rows.
    """
    texts = layout.words(values)
    words = [learn_words(name, texts[name]) for name in layout.texts]
    encoded = learn_encoding(layout, values) if beside and layout.tabular else None
    x = _matrix(words, encoded, layout, values)
    if classes is None:
        ridge = Ridge(alpha=float(params.get("penalty", 1.0)), solver="sparse_cg", random_state=seed).fit(x, y)
        return Line(words, encoded, np.atleast_2d(ridge.coef_).T, np.atleast_1d(ridge.intercept_), None)
    strength = float(params.get("strength", 1.0))
    sharpness = _sharpness(x, y, classes, strength, seed, groups)
    weights, offset = _vectors(x, y, strength, seed)
    return Line(words, encoded, weights.astype(np.float32), offset, sharpness)


def probabilities(raw: NDArray[Any], sharpness: float) -> NDArray[Any]:
    """Scores of classes as probabilities; one column is the score of the second of two."""
    both = np.column_stack([-raw[:, 0], raw[:, 0]]) if raw.shape[1] == 1 else raw
    power = sharpness * (both - both.max(axis=1, keepdims=True))
    odds = np.exp(power)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _matrix(words: list[Words], beside: Encoded | None, layout: Layout, values: pl.DataFrame) -> sparse.csr_matrix:
    told = text_matrix(words, layout.words(values))
    return told if beside is None else sparse.hstack([told, beside.matrix(values)], format="csr")


def _vectors(x: sparse.csr_matrix, y: NDArray[Any], strength: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of the weights; what they are worth is measured on held-out rows
        fitted = LinearSVC(C=strength, random_state=seed, dual=True, max_iter=2000).fit(x, y)
    return fitted.coef_.T, fitted.intercept_


def _sharpness(x: sparse.csr_matrix, y: NDArray[Any], classes: int, strength: float, seed: int, groups: NDArray[Any] | None) -> float:
    """How sure scores are, learned from rows that a first fit did not see; 1 where too few can be held back.

    One part of the rows is held back; where rows go together every part in turn, since so few groups are in one that chance would decide.
    """
    units = np.arange(y.size) if groups is None else np.unique(groups, return_inverse=True)[1]
    parts = (np.random.default_rng(seed).permutation(int(units.max()) + 1) % _HELD)[units]
    told: list[tuple[NDArray[Any], NDArray[Any]]] = []
    for held in (parts == part for part in range(1 if groups is None else _HELD)):
        if held.sum() >= _FEWEST_HELD and np.unique(y[~held]).size == classes:
            weights, offset = _vectors(x[~held], y[~held], strength, seed)
            told.append((x[held] @ weights + offset, y[held]))
    if not told:
        return 1.0
    raw, truth = np.concatenate([r for r, _ in told]), np.concatenate([t for _, t in told])

    def loss(log_sharpness: float) -> float:
        given = probabilities(raw, float(np.exp(log_sharpness)))[np.arange(truth.size), truth]
        return float(-np.log(np.maximum(given, 1e-12)).mean())

    return float(np.exp(optimize.minimize_scalar(loss, bounds=(-2.0, 4.0), method="bounded").x))
