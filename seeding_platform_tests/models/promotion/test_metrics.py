"""Metrics against scikit-learn, with and without weights."""

import numpy as np
import polars as pl
import pytest
import sklearn.metrics as sk

from seeding_platform.errors import ConfigError
from seeding_platform.models.promotion import Metric, metric
from seeding_platform.models.promotion.metrics import BUILT_IN, scored


def classes(n: int = 300, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    score = np.round(np.clip(0.3 * truth + 0.7 * rng.random(n), 0.001, 0.999), 2)
    return pl.DataFrame({"truth": truth, "prediction": (score > 0.5).astype(int), "score": score})


def numbers(n: int = 300, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"truth": rng.poisson(2, n), "prediction": rng.gamma(2, 1, n) + 0.01})


THEIRS = {
    "accuracy": lambda f, w: sk.accuracy_score(f["truth"], f["prediction"], sample_weight=w),
    "hit@1": lambda f, w: sk.accuracy_score(f["truth"], f["prediction"], sample_weight=w),
    "f1": lambda f, w: sk.f1_score(f["truth"], f["prediction"], sample_weight=w),
    "f1_macro": lambda f, w: sk.f1_score(f["truth"], f["prediction"], sample_weight=w, average="macro"),
    "auc": lambda f, w: sk.roc_auc_score(f["truth"], f["score"], sample_weight=w),
    "log_loss": lambda f, w: sk.log_loss(f["truth"], f["score"], sample_weight=w),
    "brier": lambda f, w: sk.brier_score_loss(f["truth"], f["score"], sample_weight=w),
    "rmse": lambda f, w: sk.root_mean_squared_error(f["truth"], f["prediction"], sample_weight=w),
    "mae": lambda f, w: sk.mean_absolute_error(f["truth"], f["prediction"], sample_weight=w),
    "poisson_deviance": lambda f, w: sk.mean_poisson_deviance(f["truth"], f["prediction"], sample_weight=w),
}


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_metrics_are_those_of_scikit_learn(name):
    frame = numbers() if name in ("rmse", "mae", "poisson_deviance") else classes()
    rows = scored(frame, metric(name))
    weights = np.random.default_rng(1).integers(0, 4, frame.height)
    assert metric(name).value(rows) == pytest.approx(THEIRS[name](frame.to_dict(as_series=False), None))
    assert metric(name).values(rows)(weights[None, :].astype(float))[0] == pytest.approx(THEIRS[name](frame.to_dict(as_series=False), weights))


def test_a_metric_of_ones_own_is_resampled_by_rows():
    own = Metric("median error", "down", measure=lambda f: (f["truth"] - f["prediction"]).abs().median())
    rows = scored(numbers(), own)
    weights = np.zeros((1, 300))
    weights[0, 7] = 3
    frame = numbers()
    assert own.values(rows)(weights)[0] == abs(frame["truth"][7] - frame["prediction"][7])


def test_gains_of_errors_are_shares():
    assert metric("rmse").gain(2.0, 1.5) == 0.25
    assert [metric("mae").gain(0.0, x) for x in (0.0, 1.0)] == [0.0, -1.0]


@pytest.mark.parametrize(
    ("frame", "name", "says"),
    [
        (pl.DataFrame({"truth": [1]}), "accuracy", "no column prediction"),
        (pl.DataFrame({"truth": [1, None], "prediction": [1, 1]}), "accuracy", "1 rows have no truth"),
        (pl.DataFrame({"truth": [1], "prediction": [1]}), "auc", "no column score"),
        (pl.DataFrame({"truth": [2], "prediction": [1], "score": [0.5]}), "auc", "0 or 1"),
        (pl.DataFrame({"truth": [1], "prediction": [1], "score": [1.5]}), "brier", "between 0 and 1"),
        (pl.DataFrame({"truth": ["a"], "prediction": [1]}), "accuracy", "one type"),
        (pl.DataFrame({"truth": ["a"], "prediction": ["b"]}), "rmse", "numbers"),
        (pl.DataFrame({"truth": [1.0], "prediction": [float("nan")]}), "rmse", "no prediction"),
        (pl.DataFrame({"truth": [], "prediction": []}), "accuracy", "no rows"),
        (pl.DataFrame({"truth": [1], "prediction": [0.0]}), "poisson_deviance", "above 0"),
    ],
)
def test_frames_that_cannot_be_judged_are_refused(frame, name, says):
    with pytest.raises(ConfigError, match=says):
        metric(name).value(scored(frame, metric(name)))


def test_an_unknown_metric_names_those_that_are():
    with pytest.raises(ConfigError, match="accuracy"):
        metric("precision")
