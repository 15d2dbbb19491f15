"""Figures of merit as sums over rows, so that thousands of weighings of the same rows cost one product of matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Finish = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]

_LEAST = 1e-9
"""The smallest probability that counts as given, and the smallest expected count."""


@dataclass(frozen=True, slots=True)
class Sums:
    """A figure that is a function of sums over rows.

    Args:
        parts: rows x parts, what is summed.
        finish: from sums (weighings x parts) and total weights to the figure of each weighing.
    """

    parts: NDArray[Any]
    finish: Finish

    def of(self, weights: NDArray[Any]) -> NDArray[Any]:
        """The figure under each weighing (weighings x rows)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.finish(weights @ self.parts, weights.sum(axis=1))


@dataclass(frozen=True, slots=True)
class Ranks:
    """The area under the ROC curve, for which rows are ranked once.

    Args:
        scores: of each row.
        positive: whether each row is positive.
    """

    scores: NDArray[Any]
    positive: NDArray[Any]

    def of(self, weights: NDArray[Any]) -> NDArray[Any]:
        """The figure under each weighing; NaN where one side has no weight."""
        order = np.argsort(self.scores, kind="stable")
        starts = np.flatnonzero(np.diff(self.scores[order], prepend=np.nan) != 0)
        yes = np.add.reduceat(weights[:, order] * self.positive[order], starts, axis=1)
        no = np.add.reduceat(weights[:, order] * ~self.positive[order], starts, axis=1)
        below = np.cumsum(no, axis=1) - no
        with np.errstate(invalid="ignore", divide="ignore"):
            return (yes * (below + no / 2)).sum(axis=1) / (yes.sum(axis=1) * no.sum(axis=1))


@dataclass(frozen=True, slots=True)
class MeanOf:
    """The mean of several figures."""

    figures: tuple[Ranks, ...]

    def of(self, weights: NDArray[Any]) -> NDArray[Any]:
        """The mean under each weighing; NaN of none."""
        if not self.figures:
            return np.full(len(weights), np.nan)
        return np.mean([f.of(weights) for f in self.figures], axis=0)


Figured = Sums | Ranks | MeanOf


def of_classes(name: str, truth: NDArray[Any], scores: NDArray[Any], positive: int) -> Figured:
    """A figure of predicted classes or items.

    Args:
        name: as specifications write it.
        truth: number of the class that happened; -1 is one that the model does not know.
        scores: probabilities, rows x classes.
        positive: number of the class that a score of two is about.
    """
    rows, count = scores.shape
    known = truth >= 0
    given = np.where(known, scores[np.arange(rows), np.maximum(truth, 0)], 0.0)
    if name == "auc":
        places = [positive] if count == 2 else [c for c in range(count) if 0 < (truth == c).sum() < rows]
        ranks = tuple(Ranks(scores[:, c], truth == c) for c in places)
        return ranks[0] if len(ranks) == 1 else MeanOf(ranks)
    if name == "f1":
        return _f1(truth, scores.argmax(axis=1), count)
    if name == "brier":
        happened = np.zeros_like(scores)
        happened[np.flatnonzero(known), truth[known]] = 1.0
        squared = (scores - happened) ** 2
        return _mean(squared[:, positive] if count == 2 else squared.sum(axis=1) + ~known)
    if name == "log_loss":
        return _mean(-np.log(np.maximum(given, _LEAST)))
    rank = np.where(known, 1 + (scores > given[:, None]).sum(axis=1) + _tied_before(scores, given, truth), np.inf)
    return _mean({"accuracy": rank == 1, "hit@1": rank == 1, "hit@3": rank <= 3, "mrr": 1.0 / rank}[name].astype(float))


def of_numbers(name: str, truth: NDArray[Any], told: NDArray[Any]) -> Figured:
    """A figure of predicted numbers."""
    error = told - truth
    if name == "rmse":
        return Sums((error**2)[:, None], lambda sums, total: np.sqrt(sums[:, 0] / total))
    if name == "mape":
        counts = truth != 0
        share = np.divide(np.abs(error), np.abs(truth), out=np.zeros_like(error), where=counts)
        return Sums(np.column_stack([share, counts]), lambda sums, _: sums[:, 0] / sums[:, 1])
    if name == "poisson_deviance":
        expected = np.maximum(told, _LEAST)
        logs = np.where(truth > 0, truth * np.log(np.maximum(truth, _LEAST) / expected), 0.0)
        return _mean(2 * (logs - truth + expected))
    return _mean(np.abs(error))


def _mean(values: NDArray[Any]) -> Sums:
    return Sums(values.astype(float)[:, None], lambda sums, total: sums[:, 0] / total)


def _tied_before(scores: NDArray[Any], given: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    """Classes with the same probability that are named first."""
    return ((scores == given[:, None]) & (np.arange(scores.shape[1]) < truth[:, None])).sum(axis=1)


def _f1(truth: NDArray[Any], told: NDArray[Any], count: int) -> Sums:
    numbers = np.arange(count)
    was, said = truth[:, None] == numbers, told[:, None] == numbers
    parts = np.concatenate([was & said, was, said], axis=1).astype(np.float64)

    def finish(sums: NDArray[Any], _: NDArray[Any]) -> NDArray[Any]:
        both, either = sums[:, :count], sums[:, count : 2 * count] + sums[:, 2 * count :]
        occurs = either > 0
        return np.where(occurs, 2 * both / np.where(occurs, either, 1), 0).sum(axis=1) / occurs.sum(axis=1)

    return Sums(parts, finish)
