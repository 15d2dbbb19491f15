"""Estimation without labels: right where probabilities keep their meaning, and blind, as it says, where they do not."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from seeding_platform.errors import ConfigError
from seeding_platform.models.drift import estimated_performance
from seeding_platform_tests.real import real_data

TRUE = {
    "accuracy": lambda f: (f["truth"] == f["prediction"]).mean(),
    "f1": lambda f: f1_score(f["truth"], f["prediction"]),
    "auc": lambda f: roc_auc_score(f["truth"], f["score"]),
}


def scores(n: int, *, seed: int, spread: float = 2.0, stated: float = 2.0) -> pl.DataFrame:
    """Rows whose log odds spread so far; the model states them multiplied, so that it is too sure of itself."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, spread, n)
    truth = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    score = 1 / (1 + np.exp(-stated * odds))
    return pl.DataFrame({"truth": truth, "prediction": (score > 0.5).astype(int), "score": score})


@pytest.mark.parametrize("metric", sorted(TRUE))
def test_harder_rows_are_seen_without_their_labels_though_the_model_is_too_sure(metric):
    reference, same, harder = scores(20_000, seed=0), scores(4000, seed=1), scores(4000, seed=2, spread=0.9)
    well, ill = (estimated_performance(reference, f.drop("truth"), metric) for f in (same, harder))
    assert well.reference == pytest.approx(TRUE[metric](reference))
    for found, frame in ((well, same), (ill, harder)):
        assert found.estimate == pytest.approx(TRUE[metric](frame), abs=0.03)
        assert found.lower < found.estimate < found.upper
    assert (well.alert, ill.alert, ill.n) == (False, True, 4000)


def test_limits_hold_what_labels_show():
    reference = scores(20_000, seed=0)
    held = 0
    for seed in range(100):
        frame = scores(1000, seed=seed + 10)
        found = estimated_performance(reference, frame.drop("truth"), "accuracy", seed=seed)
        held += found.lower <= TRUE["accuracy"](frame) <= found.upper
    assert 87 <= held <= 100


def test_labels_of_current_rows_are_not_looked_at():
    reference, frame = scores(2000, seed=0), scores(500, seed=1)
    turned = frame.with_columns(truth=1 - pl.col("truth"))
    assert estimated_performance(reference, frame, "f1") == estimated_performance(reference, turned, "f1")


@pytest.mark.parametrize(
    ("metric", "frame", "says"),
    [
        ("rmse", pl.DataFrame({"prediction": [1], "score": [0.5]}), "cannot be estimated"),
        ("f1", pl.DataFrame({"prediction": [1]}), "no column score"),
        ("f1", pl.DataFrame({"prediction": [2], "score": [0.5]}), "0 or 1"),
    ],
)
def test_what_cannot_be_estimated_is_refused(metric, frame, says):
    with pytest.raises(ConfigError, match=says):
        estimated_performance(scores(100, seed=0), frame, metric)


@pytest.mark.long
@pytest.mark.real
def test_a_real_dip_alerts_before_its_labels_come():
    names = {"employed": "truth", "predicted_probability": "score"}
    reference = pl.read_parquet(real_data("employment_MA_reference.pq")).rename(names)
    analysis = pl.read_parquet(real_data("employment_MA_analysis.pq")).rename(names, strict=False)
    for metric, alerts in (("f1", [26, 27, 28]), ("accuracy", [27, 28])):
        found = [i for i in range(42) if estimated_performance(reference, analysis.slice(5000 * i, 5000), metric).alert]
        assert found == alerts, "chunks of 5,000 rows, counted from 0: the very ones in which the drop is found when labels come"
