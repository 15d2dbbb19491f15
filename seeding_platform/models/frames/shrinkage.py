"""Many noisy differences judged together: each is drawn to their mean as far as it is noise (empirical Bayes)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_Z = 1.959963984540054
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Shrunk:
    """One difference after shrinkage.

    Args:
        value: drawn to the mean.
        low: lower limit of its 95 % interval.
        high: upper limit.
    """

    value: float
    low: float
    high: float


def shrunk(values: Sequence[float], errors: Sequence[float]) -> list[Shrunk]:
    """Shrink differences with known standard errors to their common mean.

    Mean and spread of the true differences are those by which the observed ones vary as much as they do (Paule and Mandel). The intervals
    also allow for the mean being an estimate.

    Args:
        values: observed differences.
        errors: their standard errors, above 0.
    """
    if not values:
        return []
    spread = _spread(values, errors)
    weights = [1.0 / (spread + e * e) for e in errors]
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    told = []
    for value, error in zip(values, errors, strict=True):
        kept = spread / (spread + error * error)
        centre = mean + kept * (value - mean)
        half = _Z * math.sqrt(kept * error * error + (1.0 - kept) ** 2 / sum(weights))
        told.append(Shrunk(centre, centre - half, centre + half))
    return told


def _spread(values: Sequence[float], errors: Sequence[float]) -> float:
    """Variance of the true differences: that by which the standardised squares add up to their number less one; 0 where noise explains all."""

    def excess(spread: float) -> float:
        weights = [1.0 / (spread + e * e) for e in errors]
        mean = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
        return sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True)) - (len(values) - 1)

    if len(values) < 2 or excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, max(1e-6, max(v * v for v in values))
    while excess(high) > 0:
        high *= 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
