"""How sure a figure of rows is: bootstrap, paired where two models are judged on the same rows, and standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from seeding_platform.models.promotion.metrics import Floats, Metric, Scored

REPLICATES = 2000
_CELLS = 2_000_000
"""Weights held at once."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its limits and its standard error."""

    value: float
    low: float
    high: float
    error: float


def weight_blocks(rows: int, replicates: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each row was drawn, [some replicates, rows] at a time."""
    import numpy as np

    at_once = max(1, _CELLS // rows)
    for begin in range(0, replicates, at_once):
        many = min(at_once, replicates - begin)
        drawn = rng.integers(0, rows, (many, rows)) + rows * np.arange(many)[:, None]
        yield np.bincount(drawn.ravel(), minlength=many * rows).reshape(many, rows).astype(float)


def paired_gain(metric: Metric, champion: Scored, challenger: Scored, *, confidence: float, seed: int, replicates: int = REPLICATES) -> Interval:
    """Gain of the challenger over the champion on the same rows, with the limits of the paired bootstrap's percentiles.

    Limits corrected for bias and skew (BCa) held the true gain no more often; see `docs/retraining.md`.

    Raises:
        ConfigError: the metric is undefined on most draws of these rows.
    """
    import numpy as np

    old, new = metric.values(champion), metric.values(challenger)

    def gain(weights: Floats) -> Floats:
        return np.asarray(metric.gain(old(weights), new(weights)), float)

    rng = np.random.default_rng(seed)
    rows = champion.rows
    drawn = _known(np.concatenate([gain(w) for w in weight_blocks(rows, replicates, rng)]), metric)
    value = float(gain(np.ones((1, rows)))[0])
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, float(low), float(high), float(drawn.std(ddof=1)))


def standard_error(metric: Metric, scored: Scored, *, seed: int, replicates: int = 400) -> float:
    """Standard error of the metric: of the mean (by the delta method for a root) where it is one, else by bootstrap."""
    import numpy as np

    if metric.by_row is not None:
        column = metric.by_row(scored)
        if len(column) < 2:
            return float("nan")
        error = float(column.std(ddof=1)) / float(np.sqrt(len(column)))
        return error / (2 * float(np.sqrt(column.mean()))) if metric.root and column.mean() > 0 else error
    values = metric.values(scored)
    drawn = np.concatenate([values(w) for w in weight_blocks(scored.rows, replicates, np.random.default_rng(seed))])
    return float(_known(drawn, metric).std(ddof=1))


def _known(drawn: Floats, metric: Metric) -> Floats:
    import numpy as np

    known = drawn[np.isfinite(drawn)]
    if len(known) < len(drawn) / 2:
        raise ConfigError(f"{metric.name}: it is undefined on most draws of these rows.", fix="Give more rows, of every class.")
    return known
