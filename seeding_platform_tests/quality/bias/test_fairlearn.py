"""Equality with fairlearn, to 1e-6."""

import polars as pl
import pytest

from seeding_platform.quality.bias import model_fairness, outcome
from seeding_platform_tests.quality.bias.populations import adult, scored, value

fairlearn = pytest.importorskip("fairlearn.metrics")

PEOPLE = {f"seed {seed}": scored(seed, groups=groups, rows=rows) for seed, groups, rows in ((1, 2, 500), (2, 4, 3000), (3, 9, 4000))}
ADULT = adult()
FRAMES = {
    **PEOPLE,
    "adult by sex and race": ADULT.with_columns(group=pl.concat_str("sex", "race", separator=" x ")),
}


@pytest.fixture(params=FRAMES)
def frame(request):
    return FRAMES[request.param]


def close(number):
    return pytest.approx(number, abs=1e-6)


def parts(frame):
    return frame["label"].cast(pl.Int64).to_numpy(), frame["prediction"].cast(pl.Int64).to_numpy(), frame["group"].to_numpy()


def test_gaps_of_a_model(frame):
    true, said, groups = parts(frame)
    found = model_fairness(frame, group="group", label="label", prediction="prediction")
    for metric in ("demographic_parity_difference", "demographic_parity_ratio", "equalized_odds_difference", "equalized_odds_ratio"):
        assert value(found, metric) == close(getattr(fairlearn, metric)(true, said, sensitive_features=groups)), metric


def test_rates_by_group(frame):
    true, said, groups = parts(frame)
    found = model_fairness(frame, group="group", label="label", prediction="prediction")
    names = ("selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate")
    by_group = fairlearn.MetricFrame(
        metrics={name: getattr(fairlearn, name) for name in names}, y_true=true, y_pred=said, sensitive_features=groups
    ).by_group
    for name in names:
        for group, expected in by_group[name].items():
            assert value(found, name, group) == close(expected), (name, group)


def test_parity_of_outcomes(frame):
    true, _, groups = parts(frame)
    found = outcome(frame, group="group", label="label", positive=1)
    for metric in ("demographic_parity_difference", "demographic_parity_ratio"):
        assert value(found, metric) == close(getattr(fairlearn, metric)(true, true, sensitive_features=groups)), metric


def test_parity_of_weighted_outcomes(frame):
    true, _, groups = parts(frame)
    weights = frame["weight"].to_numpy()
    found = outcome(frame, group="group", label="label", positive=1, weights="weight")
    for metric in ("demographic_parity_difference", "demographic_parity_ratio"):
        expected = getattr(fairlearn, metric)(true, true, sensitive_features=groups, sample_weight=weights)
        assert value(found, metric) == close(expected), metric
    rates = fairlearn.MetricFrame(
        metrics=fairlearn.selection_rate, y_true=true, y_pred=true, sensitive_features=groups, sample_params={"sample_weight": weights}
    ).by_group
    for group, expected in rates.items():
        assert value(found, "base_rate", group) == close(expected)


def test_adult_incomes_are_biased_by_sex_and_less_so_among_equals():
    found = outcome(ADULT, group="sex", label="income", positive=">50K", strata=["education", "hours"])
    assert value(found, "disparate_impact", "Female") < 0.6
    assert value(found, "disparate_impact", "Female") < value(found, "conditional_disparate_impact", "Female") < 1
    verdicts = found.filter((pl.col("metric") == "disparate_impact") & (pl.col("group") == "Female"))["verdict"].to_list()
    assert verdicts == ["biased"]
