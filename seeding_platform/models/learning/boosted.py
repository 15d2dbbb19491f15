"""Tables by boosted trees, alone or with what a line says of the texts beside them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from seeding_platform.models.kinds import Kind
from seeding_platform.models.learning.linear import fit_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seeding_platform.models.learning.layout import Layout
    from seeding_platform.models.learning.linear import Line

_FOLDS = 3
_ROUNDS, _BEFORE = "_predictors", "_preprocessor"
_PARTS = ("nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets")
"""Where scikit-learn keeps its trees and what it does before, and what a tree is made of, in the order in which it is put together."""
_LARGE = 20_000  # rows from which larger trees pay


@dataclass(frozen=True)
class Codes:
    """What scikit-learn's trees do to a matrix before they read it: categories first, by their place among those seen in training.

    Its own column transformer does the same for a row in five times what all trees take.

    Args:
        order: of the columns.
        places: place of each code of each category column, and last that of a code that was not seen: NaN.
    """

    order: NDArray[Any]
    places: list[NDArray[Any]]

    def transform(self, x: NDArray[Any]) -> NDArray[Any]:
        """The matrix as the trees read it."""
        told = np.ascontiguousarray(x[:, self.order])
        for n, places in enumerate(self.places):
            last = len(places) - 1
            told[:, n] = places[np.where(told[:, n] < last, told[:, n], last).astype(int)]  # missing is not less either
        return told


@dataclass(frozen=True)
class Trees:
    """Fitted trees.

    Args:
        estimator: scikit-learn's.
        line: what reads the texts; its scores stand after the other columns.
    """

    estimator: Any
    line: Line | None

    def __getstate__(self) -> dict[str, Any]:
        """What is kept: the nodes of all trees in one table, which is written and read many times faster than hundreds of small ones."""
        bare = copy.copy(self.estimator)
        rounds = vars(bare).pop(_ROUNDS)
        trees = [tree for one_round in rounds for tree in one_round]
        kept: dict[str, Any] = {"estimator": bare, "line": self.line, "a_round": len(trees) // len(rounds)}
        for part in _PARTS:
            tables = [getattr(tree, part) for tree in trees]
            kept[part], kept[f"{part}_rows"] = np.concatenate(tables), np.array([len(t) for t in tables])
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The same back; what an earlier release kept, tree by tree, is taken as it is."""
        estimator, line = state["estimator"], state["line"]
        if "a_round" in state:
            tables = [np.split(state[part], np.cumsum(state[f"{part}_rows"])[:-1]) for part in _PARTS]
            trees = [TreePredictor(*parts) for parts in zip(*tables, strict=True)]
            each = int(state["a_round"])
            vars(estimator)[_ROUNDS] = [trees[n : n + each] for n in range(0, len(trees), each)]
        self.__dict__.update(estimator=estimator, line=line)

    def scores(self, layout: Layout, values: pl.DataFrame) -> NDArray[Any]:
        """Probabilities of the classes, or predicted numbers."""
        x = layout.matrix(values)
        if self.line is not None:
            x = np.column_stack([x, self.line.scores(layout, values)])
        told = self.estimator.predict_proba(x) if hasattr(self.estimator, "predict_proba") else self.estimator.predict(x)
        return np.asarray(told, dtype=float)


def fit_trees(
    kind: Kind,
    layout: Layout,
    values: pl.DataFrame,
    y: NDArray[Any],
    *,
    classes: int | None,
    params: dict[str, Any],
    seed: int,
    weights: NDArray[Any] | None = None,
) -> Trees:
    """Fit trees to a table.

    Args:
        kind: classification, regression or counts.
        layout: of the training columns.
        values: features.
        y: class numbers, or numbers.
        classes: how many classes; None predicts numbers.
        params: `learning_rate, max_iter, max_leaf_nodes, min_samples_leaf, l2_regularization`, in place of ours.
        seed: of the fit.
        weights: of the rows.
    """
    x, categorical = layout.matrix(values), layout.categorical()
    line = None
    if layout.texts:
        said, line = _texts_apart(layout, values, np.log1p(y) if kind is Kind.COUNTS else y, classes=classes, params=params, seed=seed)
        x, categorical = np.column_stack([x, said]), categorical + [False] * (said.shape[1] if said.ndim > 1 else 1)
    estimator = _estimator(kind, y.size, categorical, params, seed).fit(x, y, sample_weight=weights)
    if any(categorical):
        seen = vars(estimator)[_BEFORE].named_transformers_["encoder"].categories_
        vars(estimator)[_BEFORE] = Codes(np.argsort(~np.array(categorical), kind="stable"), [_places(codes) for codes in seen])
    return Trees(estimator, line)


def _places(codes: NDArray[Any]) -> NDArray[Any]:
    """The place of each code among those that were seen; NaN of another one."""
    known = codes[~np.isnan(codes)].astype(int)
    places = np.full(int(known.max(initial=-1)) + 2, np.nan)
    places[known] = np.arange(known.size)
    return places


def _estimator(kind: Kind, rows: int, categorical: list[bool], params: dict[str, Any], seed: int) -> Any:
    ours = {
        "learning_rate": 0.05,
        "max_iter": 150,
        "max_leaf_nodes": 8 if rows < _LARGE else 31,
        "min_samples_leaf": max(3, min(20, rows // 10)),
        "l2_regularization": 1.0,
    }
    said = ours | {k: type(ours[k])(v) for k, v in params.items() if k in ours}
    told = said | {"categorical_features": categorical if any(categorical) else None, "early_stopping": False, "random_state": seed}
    if kind is Kind.CLASSIFICATION or kind is Kind.NEXT_ITEM:
        return HistGradientBoostingClassifier(**told)
    return HistGradientBoostingRegressor(loss="poisson" if kind is Kind.COUNTS else "squared_error", **told)


def _texts_apart(
    layout: Layout, values: pl.DataFrame, y: NDArray[Any], *, classes: int | None, params: dict[str, Any], seed: int
) -> tuple[NDArray[Any], Line]:
    """What a line says of each training row without having seen it, and the line fitted to all of them."""
    part = np.random.default_rng(seed).permutation(y.size) % _FOLDS
    said = np.zeros((y.size, classes) if classes else (y.size, 1))
    for fold in range(_FOLDS):
        seen = part != fold
        if classes and np.unique(y[seen]).size < classes:  # a rare class stands in one part alone
            seen = np.ones(y.size, dtype=bool)
        line = fit_line(layout, values.filter(pl.Series(seen)), y[seen], classes=classes, params=params, seed=seed)
        scores = line.scores(layout, values.filter(pl.Series(part == fold)))
        said[part == fold] = scores if classes else scores[:, None]
    return said, fit_line(layout, values, y, classes=classes, params=params, seed=seed)
