"""Metrics of a score frame: one row a judged row, with `truth`, `prediction` and, for some, `score` (probability of the positive class).

A metric is a function of row weights, so that a value and a bootstrap replicate are the same computation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SMALL = 1e-15


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The arrays of a score frame.

    Args:
        frame: the rows, for metrics of one's own.
        truth: what came true.
        prediction: what was predicted.
        score: probability of the positive class; None where the metric needs none.
    """

    frame: pl.DataFrame
    truth: NDArray[Any]
    prediction: NDArray[Any]
    score: Floats | None

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.truth)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a model is judged by; exactly one of `by_row`, `by_weight` and `measure` says how.

    Args:
        name: as people know it.
        direction: `up` = larger is better; gains are absolute. `down` = an error; gains are shares of the champion's.
        needs: `values` = truth and prediction of any kind, `numbers` = both numeric, `score` = 0/1 truth and a probability.
        by_row: a value a row whose weighted mean is the metric (before `root`).
        root: the metric is the square root of that mean.
        paired: every row is right (1) or wrong (0): exact tests hold.
        by_weight: from scored rows, a function of weights [replicates, rows].
        measure: a figure of a frame; for metrics of one's own, slower.
    """

    name: str
    direction: Literal["up", "down"]
    needs: Literal["values", "numbers", "score"] = "values"
    by_row: Callable[[Scored], Floats] | None = None
    root: bool = False
    paired: bool = False
    by_weight: Callable[[Scored], Callable[[Floats], Floats]] | None = None
    measure: Callable[[pl.DataFrame], float] | None = None

    def gain(self, champion: Floats | float, challenger: Floats | float) -> Any:
        """How much better the challenger is: points, or the share of the champion's error that it saves.

        Against an error of 0 nothing can be gained: 0 where both are 0, else -1.

        >>> metric("rmse").gain(2.0, 1.5), round(metric("accuracy").gain(0.80, 0.83), 2)
        (0.25, 0.03)
        """
        import numpy as np

        old, new = np.asarray(champion, float), np.asarray(challenger, float)
        found = new - old if self.direction == "up" else np.where(old > 0, (old - new) / np.where(old > 0, old, 1.0), np.where(new > 0, -1.0, 0.0))
        found = np.round(found, 12)  # so that 0.83 - 0.80 is three points
        return found if found.ndim else float(found)

    def values(self, scored: Scored) -> Callable[[Floats], Floats]:
        """The metric as a function of row weights [replicates, rows]; undefined replicates are nan."""
        import numpy as np

        if self.by_row is not None:
            column = self.by_row(scored)

            def mean(weights: Floats) -> Floats:
                found = weights @ column / weights.sum(axis=1)
                return np.sqrt(found) if self.root else found

            return mean
        if self.by_weight is not None:
            return self.by_weight(scored)
        measure = self.measure
        if measure is None:
            raise ConfigError(f"metric {self.name}: it does not say how it is computed.", fix="Give by_row, by_weight or measure.")

        def each(weights: Floats) -> Floats:
            rows = np.arange(scored.rows)
            return np.array([float(measure(scored.frame[np.repeat(rows, w.astype(int))])) for w in weights])

        return each

    def value(self, scored: Scored) -> float:
        """The metric on all rows."""
        import numpy as np

        return float(self.values(scored)(np.ones((1, scored.rows)))[0])


def scored(frame: pl.DataFrame, metric: Metric) -> Scored:
    """The arrays of a frame that a metric needs.

    Raises:
        ConfigError: a column is missing or holds what the metric cannot use.
    """
    needed = ("truth", "prediction", *(("score",) if metric.needs == "score" else ()))
    missing = [c for c in needed if c not in frame.columns]
    if missing:
        raise ConfigError(f"{metric.name}: the score frame has no column {', '.join(missing)}.", fix=f"It needs {', '.join(needed)}.")
    if frame.is_empty():
        raise ConfigError(f"{metric.name}: the score frame holds no rows.", fix="Give rows with truth and prediction.")
    for name in needed:
        column = frame[name]
        absent = column.null_count() + (int(column.is_nan().sum()) if column.dtype.is_float() else 0)
        if absent:
            raise ConfigError(f"{metric.name}: {absent} rows have no {name}.", fix="Leave rows out that have no label or prediction.")
    truth, prediction = frame["truth"], frame["prediction"]
    if metric.needs == "numbers":
        _require(truth.dtype.is_numeric() and prediction.dtype.is_numeric(), metric, "truth and prediction must be numbers")
    elif metric.needs == "score":
        _require(truth.dtype == pl.Boolean or (truth.dtype.is_numeric() and bool(truth.is_in([0, 1]).all())), metric, "truth must be 0 or 1")
        _require(bool(frame["score"].is_between(0, 1).all()), metric, "score must lie between 0 and 1")
        truth = truth.cast(pl.Int8)
    else:
        same = truth.dtype == prediction.dtype or (_plain(truth) and _plain(prediction))
        _require(same, metric, f"truth ({truth.dtype}) and prediction ({prediction.dtype}) must be of one type")
        if truth.dtype != prediction.dtype:
            truth, prediction = truth.cast(pl.Float64), prediction.cast(pl.Float64)
    score = frame["score"].cast(pl.Float64).to_numpy() if metric.needs == "score" else None
    return Scored(frame, truth.to_numpy(), prediction.to_numpy(), score)


def _plain(column: pl.Series) -> bool:
    return column.dtype.is_numeric() or column.dtype == pl.Boolean


def _require(holds: bool, metric: Metric, what: str) -> None:
    if not holds:
        raise ConfigError(f"{metric.name}: {what}.", fix="Give the score frame that form.")


def _right(s: Scored) -> Floats:
    return (s.truth == s.prediction).astype(float)


def _log_loss(s: Scored) -> Floats:
    import numpy as np

    said = np.clip(_score(s), _SMALL, 1 - _SMALL)
    return -np.log(np.where(s.truth == 1, said, 1 - said))


def _poisson_deviance(s: Scored) -> Floats:
    import numpy as np
    from scipy.special import xlogy

    if (s.prediction <= 0).any() or (s.truth < 0).any():
        raise ConfigError("poisson_deviance: predictions must be above 0 and truth not below 0.", fix="Predict expected counts.")
    return np.asarray(2 * (xlogy(s.truth, s.truth / s.prediction) - s.truth + s.prediction), float)


def _score(s: Scored) -> Floats:
    if s.score is None:
        raise ConfigError("The score frame has no column score.", fix="Add the probability of the positive class.")
    return s.score


def _f1_of(classes: Callable[[Scored], list[Any]]) -> Callable[[Scored], Callable[[Floats], Floats]]:
    """F1, the mean over classes that occur; a replicate without any is nan."""

    def prepare(s: Scored) -> Callable[[Floats], Floats]:
        import numpy as np

        named = classes(s)
        hit = np.stack([(s.truth == c) & (s.prediction == c) for c in named], axis=1).astype(float)
        said = np.stack([(s.truth == c).astype(float) + (s.prediction == c) for c in named], axis=1)

        def f1(weights: Floats) -> Floats:
            over, under = 2 * (weights @ hit), weights @ said
            each, known = over / np.where(under > 0, under, 1), under > 0
            return np.where(known.any(axis=1), (each * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)

        return f1

    return prepare


def _all_classes(s: Scored) -> list[Any]:
    return sorted({*s.truth.tolist(), *s.prediction.tolist()})


def _auc(s: Scored) -> Callable[[Floats], Floats]:
    """Area under the curve by the weights of positives and negatives at each distinct score; ties count half."""
    import numpy as np

    order = np.argsort(_score(s), kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(_score(s)[order]) > 0])
    positive = (s.truth[order] == 1).astype(float)

    def auc(weights: Floats) -> Floats:
        w = weights[:, order]
        up, down = (np.add.reduceat(w * part, starts, axis=1) for part in (positive, 1 - positive))
        pairs = up.sum(axis=1) * down.sum(axis=1)
        won = (up * (np.cumsum(down, axis=1) - down / 2)).sum(axis=1)
        return np.where(pairs > 0, won / np.where(pairs > 0, pairs, 1), np.nan)

    return auc


BUILT_IN: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric("accuracy", "up", by_row=_right, paired=True),
        Metric("hit@1", "up", by_row=_right, paired=True),
        Metric("f1", "up", by_weight=_f1_of(lambda s: [1])),
        Metric("f1_macro", "up", by_weight=_f1_of(_all_classes)),
        Metric("auc", "up", needs="score", by_weight=_auc),
        Metric("log_loss", "down", needs="score", by_row=_log_loss),
        Metric("brier", "down", needs="score", by_row=lambda s: (_score(s) - s.truth) ** 2),
        Metric("rmse", "down", needs="numbers", by_row=lambda s: (s.prediction - s.truth).astype(float) ** 2, root=True),
        Metric("mae", "down", needs="numbers", by_row=lambda s: abs((s.prediction - s.truth).astype(float))),
        Metric("poisson_deviance", "down", needs="numbers", by_row=_poisson_deviance),
    )
}


def metric(name: str) -> Metric:
    """A metric that is built in.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in BUILT_IN:
        raise ConfigError(f"There is no metric {name!r}.", fix=f"Take one of {', '.join(BUILT_IN)}, or give one of your own.")
    return BUILT_IN[name]
