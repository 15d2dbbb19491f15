"""A fitted model with all that a prediction needs, and how it is fitted."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from seeding_platform.errors import ConfigError, ContractBroken, PermanentError
from seeding_platform.models.kinds import Kind
from seeding_platform.models.learning.boosted import fit_trees
from seeding_platform.models.learning.chain import fit_chain
from seeding_platform.models.learning.clusters import fit_groups
from seeding_platform.models.learning.dummy import learn_dummy
from seeding_platform.models.learning.layout import learn_layout
from seeding_platform.models.learning.linear import fit_line
from seeding_platform.models.learning.reading import feature_values, labels, target_values
from seeding_platform.models.reweighing import training_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seeding_platform.models.learning.dummy import Dummy
    from seeding_platform.models.learning.layout import Layout
    from seeding_platform.models.spec import ModelSpec

_FEW_CLASSES = 10
_YES = {True: ("true", "yes", "1", "y", "ja"), False: ("false", "no", "0", "n", "nee")}
_CLASSES = (Kind.CLASSIFICATION, Kind.NEXT_ITEM)


@dataclass(frozen=True)
class Trained:
    """A fitted model.

    Args:
        name: of its specification.
        digest: of its specification.
        kind: what it predicts.
        layout: how its columns are read.
        classes: labels or items as text, in order; None of numbers and groups.
        estimator: what was fitted.
        dummy: what needs no model, learned from the same rows; None of groups.
        rows: how many it was fitted to.
        seed: of the fit.
    """

    name: str
    digest: str
    kind: str
    layout: Layout
    classes: list[str] | None
    estimator: Any
    dummy: Dummy | None
    rows: int
    seed: int

    def scores(self, spec: ModelSpec, frame: pl.DataFrame) -> NDArray[Any]:
        """Probabilities (rows x classes), predicted numbers, or numbers of groups."""
        return self.scores_of(feature_values(spec, frame))

    def scores_of(self, values: pl.DataFrame) -> NDArray[Any]:
        """The same of features that were read already."""
        return np.asarray(self.estimator.scores(self.layout, values))


@dataclass(frozen=True)
class External:
    """An estimator of somebody's own trainer: `predict`, and `predict_proba` for classes, of a Polars frame of the features."""

    estimator: Any
    classes: int | None

    def scores(self, layout: Layout, values: pl.DataFrame) -> NDArray[Any]:
        """What the estimator says, checked for its shape."""
        told = self.estimator.predict(values) if self.classes is None else self.estimator.predict_proba(values)
        told = np.asarray(told, dtype=float)
        wanted = (values.height,) if self.classes is None else (values.height, self.classes)
        if told.shape != wanted or not np.isfinite(told).all():
            raise PermanentError(
                f"The trainer's estimator gave {told.shape} where {wanted} finite numbers are expected.",
                fix="predict gives one number a row; predict_proba a row of probabilities, a column for each label in sorted order.",
            )
        return told


def train(spec: ModelSpec, frame: pl.DataFrame, *, seed: int) -> Trained:
    """Fit a specification's model; the same frame and seed give the same predictions.

    Args:
        spec: the model.
        frame: rows with features and target.
        seed: of everything that is drawn.

    Raises:
        ContractBroken: a column is missing, has no value, or holds what is none of its kind; a label is missing or stands alone.
        PermanentError: there are no rows, or nothing to tell apart.
    """
    values = feature_values(spec, frame)
    layout = learn_layout(spec, values)
    params: dict[str, Any] = dict(spec.params or {})
    if spec.kind is Kind.CLUSTERING:
        groups = fit_groups(layout, values, params=params, seed=seed)
        return Trained(spec.name, spec.digest(), str(spec.kind), layout, None, groups, None, frame.height, seed)
    told = target_values(spec, frame)
    classes = ordered_labels(told) if spec.kind in _CLASSES else None
    if classes is not None and len(classes) < 2:
        fix = "Nothing is to be told apart. Give it rows of at least two."
        raise ContractBroken(spec.name, column=str(spec.target), value=classes[0], what="is the only label", fix=fix)
    y = numbered(told, classes) if classes else told.to_numpy()
    weights = training_weights(spec, frame)
    together = labels(frame[spec.group]).fill_null("").to_numpy() if spec.group is not None and spec.group in frame.columns else None
    estimator = _fitted(spec, layout, values, y, told, classes, params, seed, None if weights is None else weights.to_numpy(), together)
    return Trained(spec.name, spec.digest(), str(spec.kind), layout, classes, estimator, learn_dummy(spec, frame, y, classes), frame.height, seed)


def _fitted(
    spec: ModelSpec,
    layout: Layout,
    values: pl.DataFrame,
    y: NDArray[Any],
    told: pl.Series,
    classes: list[str] | None,
    params: dict[str, Any],
    seed: int,
    weights: NDArray[Any] | None,
    groups: NDArray[Any] | None,
) -> Any:
    count = len(classes) if classes else None
    if spec.trainer is not None:
        return External(_own_trainer(spec)(spec, values.with_columns(told.alias(str(spec.target))), seed=seed), count)
    if spec.kind is Kind.NEXT_ITEM and params.get("method", "chain") == "chain" and layout.categories:
        return fit_chain(layout, values, y, items=int(count or 0), params=params)
    only_texts = bool(layout.texts) and not layout.tabular
    many = count is not None and count > _FEW_CLASSES and bool(layout.texts)
    if spec.kind is not Kind.COUNTS and (only_texts or many):
        return fit_line(layout, values, y, classes=count, params=params, seed=seed, beside=many, groups=groups)
    return fit_trees(spec.kind, layout, values, y, classes=count, params=params, seed=seed, weights=weights)


def _own_trainer(spec: ModelSpec) -> Any:
    module, _, name = str(spec.trainer).partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{spec.name}: trainer {spec.trainer!r} cannot be imported: {error}", fix="Install its package, or correct the name."
        ) from error


def ordered_labels(column: pl.Series) -> list[str]:
    """The labels that occur: numbers by size, others by the alphabet."""
    found = column.drop_nulls().unique().to_list()
    values = pl.Series(found, dtype=pl.String).cast(pl.Float64, strict=False)
    return sorted(found, key=lambda text: (float(text), text)) if values.null_count() == 0 else sorted(found)


def numbered(column: pl.Series, classes: list[str]) -> NDArray[Any]:
    """Each label by its place among the classes; -1 for one that is not among them."""
    return column.replace_strict(classes, list(range(len(classes))), default=-1, return_dtype=pl.Int64).to_numpy()


def positive_class(spec: ModelSpec, classes: list[str]) -> int:
    """The place of the label whose probability is the score.

    Raises:
        ConfigError: the specification names a label that does not occur.
    """
    if spec.positive is None:
        return len(classes) - 1
    wanted = _YES[spec.positive] if isinstance(spec.positive, bool) else (str(spec.positive),)
    for place, label in enumerate(classes):
        if label in wanted or (isinstance(spec.positive, bool) and label.lower() in wanted):
            return place
    raise ConfigError(f"{spec.name}: positive is {spec.positive!r}, and the labels are {', '.join(classes[:20])}.", fix="Name one of them.")


def predict(model: Trained, spec: ModelSpec, frame: pl.DataFrame) -> NDArray[Any]:
    """One prediction a row: a number in the target's unit, a label as text, or the number of a group."""
    return said(model, model.scores(spec, frame))


def said(model: Trained, scores: NDArray[Any]) -> NDArray[Any]:
    """Scores as predictions."""
    if model.classes is None:
        return scores
    return np.array(model.classes, dtype=object)[scores.argmax(axis=1)]
