"""What a model may predict and what a column may be: kinds, the figures that belong to each, and their direction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is predicted."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"
    COUNTS = "counts"
    NEXT_ITEM = "next_item"
    CLUSTERING = "clustering"


class FeatureKind(StrEnum):
    """How a column is read."""

    NUMERIC = "numeric"
    CATEGORY = "category"
    TEXT = "text"
    DATE = "date"


class Direction(StrEnum):
    """Which way is better."""

    UP = "up"
    DOWN = "down"


_CLASSES, _NUMBERS = (Kind.CLASSIFICATION,), (Kind.REGRESSION, Kind.COUNTS)


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of merit.

    Args:
        name: as specifications write it.
        kinds: what it can judge, the kind that takes it by default first.
        direction: which way is better.
        says: what it is, in words.
    """

    name: str
    kinds: tuple[Kind, ...]
    direction: Direction
    says: str


MEASURES = {
    m.name: m
    for m in (
        Measure("accuracy", _CLASSES, Direction.UP, "share of rows whose class is right"),
        Measure("f1", _CLASSES, Direction.UP, "F1 of each class, averaged over the classes (macro)"),
        Measure("auc", _CLASSES, Direction.UP, "chance that a positive row scores above a negative one; of several classes, each against the rest"),
        Measure("log_loss", _CLASSES, Direction.DOWN, "mean of -log of the probability given to what happened"),
        Measure("brier", _CLASSES, Direction.DOWN, "mean squared distance of the probabilities from what happened"),
        Measure("rmse", _NUMBERS, Direction.DOWN, "root mean squared error, in the target's unit"),
        Measure("mae", _NUMBERS, Direction.DOWN, "mean absolute error, in the target's unit"),
        Measure("mape", _NUMBERS, Direction.DOWN, "mean absolute error as a share of the truth; rows whose truth is 0 do not count"),
        Measure("poisson_deviance", (Kind.COUNTS,), Direction.DOWN, "mean Poisson deviance"),
        Measure("hit@1", (Kind.NEXT_ITEM,), Direction.UP, "share of rows whose next item is the first guess"),
        Measure("hit@3", (Kind.NEXT_ITEM,), Direction.UP, "share of rows whose next item is among the first three guesses"),
        Measure("mrr", (Kind.NEXT_ITEM,), Direction.UP, "mean of 1 / rank of the next item among the guesses"),
        Measure("stability", (Kind.CLUSTERING,), Direction.UP, "mean Jaccard likeness of the clusters to those of bootstrapped rows"),
        Measure("silhouette", (Kind.CLUSTERING,), Direction.UP, "how much nearer rows are to their own cluster than to the next, -1 to 1"),
    )
}
SHARES = frozenset({"accuracy", "f1", "auc", "hit@1", "hit@3", "mrr"})
"""Measures from 0 to 1 whose gains may be averaged over models; a gain in euros may not be added to one in points."""
DEFAULT_MEASURE = {
    Kind.CLASSIFICATION: "accuracy",
    Kind.REGRESSION: "rmse",
    Kind.COUNTS: "poisson_deviance",
    Kind.NEXT_ITEM: "hit@1",
    Kind.CLUSTERING: "stability",
}
OTHER_NAMES = {
    "roc_auc": "auc",
    "macro_f1": "f1",
    "f1_macro": "f1",
    "logloss": "log_loss",
    "deviance": "poisson_deviance",
    "hit_at_1": "hit@1",
    "hit_at_3": "hit@3",
}
OTHER_DIRECTIONS = {
    "higher": "up", "higher_is_better": "up", "maximize": "up", "maximise": "up", "max": "up", "increase": "up",
    "lower": "down", "lower_is_better": "down", "minimize": "down", "minimise": "down", "min": "down", "decrease": "down",
}  # fmt: skip


def measures_of(kind: Kind) -> tuple[str, ...]:
    """The figures that a kind is judged by, in their order."""
    return tuple(m.name for m in MEASURES.values() if kind in m.kinds)
