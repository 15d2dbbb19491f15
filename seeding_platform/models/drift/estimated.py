"""How a classifier probably does before its labels come: an early warning, from its own probabilities.

A calibrated probability says how often its row will turn out positive, so that the expected confusion matrix of rows without labels is known
(Guillory et al. 2021; confidence-based performance estimation). It sees rows become harder; it does not see that what they mean has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.models.promotion.metrics import metric as built_in
from seeding_platform.models.promotion.metrics import scored

if TYPE_CHECKING:
    import numpy as np

    from seeding_platform.models.promotion.metrics import Floats

ESTIMATED = ("accuracy", "auc", "f1")
DRAWS = 400


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated metric of rows without labels.

    Args:
        metric: its name.
        reference: the metric on the reference, where labels are known.
        estimate: what is expected of the current rows.
        lower: lower limit for what labels will show, if probabilities still mean what they meant.
        upper: upper limit.
        alert: the estimate lies the threshold or more below the reference, and all of the interval below it.
        n: current rows.
    """

    metric: str
    reference: float
    estimate: float
    lower: float
    upper: float
    alert: bool
    n: int


def estimated_performance(
    reference_scores: pl.DataFrame, current_scores: pl.DataFrame, metric: str, *, threshold: float = 0.03, confidence: float = 0.95, seed: int = 0
) -> Estimate:
    """What a classifier's metric probably is on rows without labels.

    Args:
        reference_scores: truth (0 or 1), prediction (0 or 1) and score of rows that the model was not trained on.
        current_scores: prediction and score of rows without labels.
        metric: accuracy, auc or f1.
        threshold: drop against the reference that alerts.
        confidence: of the interval.
        seed: of the draws that the interval is made of.

    Raises:
        ConfigError: a metric that cannot be estimated, or a frame that lacks what is needed.
    """
    import numpy as np

    if metric not in ESTIMATED:
        raise ConfigError(f"{metric} cannot be estimated without labels.", fix=f"Take one of {', '.join(ESTIMATED)}.")
    known = scored(reference_scores, built_in("brier"))
    dummy = pl.lit(0, dtype=pl.Int8).alias("truth")
    now = scored(current_scores.with_columns(dummy), built_in("brier"))
    value = built_in(metric).value(scored(reference_scores.with_columns(pl.col("truth", "prediction").cast(pl.Int8)), built_in(metric)))
    said, score = now.prediction.astype(float), _given(now.score)
    if not np.isin(said, (0, 1)).all():
        raise ConfigError("prediction: estimation needs 0 or 1.", fix="Give the predicted class of a two-class model.")
    p = _calibrated(_given(known.score), known.truth.astype(float), score)
    rng = np.random.default_rng(seed)
    expected = float(_figures(metric, p[None, :], said, score)[0])
    drawn = np.concatenate([_figures(metric, _labels(p, rng, 20), said, score) for _ in range(DRAWS // 20)])
    lower, upper = (float(x) for x in np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]))
    return Estimate(metric, value, expected, lower, upper, value - expected >= threshold and upper < value, len(p))


def _given(score: Floats | None) -> Floats:
    if score is None:
        raise ConfigError("The score frame has no column score.", fix="Add the probability of the positive class.")
    return score


def _calibrated(score: Floats, truth: Floats, current: Floats) -> Floats:
    """Probabilities of current rows, as those of the reference turned out (isotonic regression)."""
    import numpy as np
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, truth)
    return np.asarray(fitted.predict(current), float)


def _labels(p: Floats, rng: np.random.Generator, many: int) -> Floats:
    return (rng.random((many, len(p))) < p).astype(float)


def _figures(metric: str, truth: Floats, said: Floats, score: Floats) -> Floats:
    """The metric of each row of truths [draws, rows]; a truth between 0 and 1 counts as that share of a positive."""
    import numpy as np

    if metric == "accuracy":
        return (truth @ said + (1 - truth) @ (1 - said)) / len(said)
    if metric == "f1":
        under = truth.sum(axis=1) + said.sum()
        return np.where(under > 0, 2 * (truth @ said) / np.where(under > 0, under, 1), np.nan)
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    up, down = (np.add.reduceat(part[:, order], starts, axis=1) for part in (truth, 1 - truth))
    pairs = up.sum(axis=1) * down.sum(axis=1)
    won = (up * (np.cumsum(down, axis=1) - down / 2)).sum(axis=1)
    return np.where(pairs > 0, won / np.where(pairs > 0, pairs, 1), np.nan)
