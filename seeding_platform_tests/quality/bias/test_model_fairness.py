"""Model fairness: confusion matrices, calibration and errors by hand."""

import math

import numpy as np
import polars as pl
import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias import model_fairness
from seeding_platform_tests.quality.bias.populations import counted, row, scored, value

# (group, label, prediction): rows
MATRIX = counted(
    {
        ("a", 1, 1): 40, ("a", 1, 0): 10, ("a", 0, 1): 10, ("a", 0, 0): 40,
        ("b", 1, 1): 20, ("b", 1, 0): 30, ("b", 0, 1): 5, ("b", 0, 0): 45,
    },
    ["g", "y", "p"],
)  # fmt: skip


def fairness(frame, **more):
    return model_fairness(frame, group="g", label="y", prediction="p", **more)


def test_rates_of_the_confusion_matrix():
    found = fairness(MATRIX)
    expected = {
        "selection_rate": (0.5, 0.25, 0.375),
        "true_positive_rate": (0.8, 0.4, 0.6),
        "false_positive_rate": (0.2, 0.1, 0.15),
        "false_negative_rate": (0.2, 0.6, 0.4),
        "accuracy": (0.8, 0.65, 0.725),
        "precision": (0.8, 0.8, 0.8),
    }
    for metric, values in expected.items():
        assert [value(found, metric, g) for g in ("a", "b", "(all)")] == pytest.approx(values), metric
    assert [row(found, metric, "a")["n"] for metric in expected] == [100, 50, 50, 50, 100, 50]


def test_gaps_are_against_the_most_selected_group_and_the_largest_over_all():
    found = fairness(MATRIX)
    assert value(found, "true_positive_rate_difference", "b") == pytest.approx(-0.4)
    assert row(found, "true_positive_rate_difference", "b")["verdict"] == "biased"
    assert value(found, "true_positive_rate_difference", "a") == 0.0
    assert value(found, "true_positive_rate_difference") == pytest.approx(0.4)
    assert row(found, "false_positive_rate_difference")["verdict"] == "insufficient_evidence"
    assert row(found, "accuracy_difference")["verdict"] == "not_judged"
    assert value(found, "demographic_parity_difference") == pytest.approx(0.25)
    assert value(found, "demographic_parity_ratio") == pytest.approx(0.5)
    assert value(found, "equalized_odds_difference") == pytest.approx(0.4)
    assert row(found, "equalized_odds_difference")["verdict"] == "biased"
    assert value(found, "equalized_odds_ratio") == pytest.approx(0.5)


def test_a_group_without_positives_has_no_true_positive_rate_and_no_part_in_the_gap():
    frame = pl.concat([MATRIX, counted({("c", 0, 0): 9}, ["g", "y", "p"])])
    found = fairness(frame)
    assert (value(found, "true_positive_rate", "c"), row(found, "true_positive_rate", "c")["n"]) == (None, 0)
    assert row(found, "true_positive_rate_difference", "c")["verdict"] == "insufficient_evidence"
    assert value(found, "true_positive_rate_difference") == pytest.approx(0.4)
    assert value(found, "precision", "c") is None


def test_booleans_and_numbers_are_the_same():
    flags = MATRIX.with_columns(pl.col("y", "p").cast(pl.Boolean))
    floats = MATRIX.with_columns(pl.col("y", "p").cast(pl.Float64))
    assert fairness(flags).equals(fairness(MATRIX))
    assert fairness(floats.lazy()).equals(fairness(MATRIX))


def test_rows_without_label_or_prediction_are_left_out_and_counted():
    frame = pl.concat([MATRIX, counted({("a", None, 1): 3, ("b", 1, None): 2, ("b", None, None): 1}, ["g", "y", "p"])])
    found = fairness(frame)
    assert (row(found, "label_missing")["n"], row(found, "prediction_missing")["n"]) == (4, 2)
    assert found.filter(pl.col("metric").str.contains("rate")).equals(fairness(MATRIX).filter(pl.col("metric").str.contains("rate")))


def test_calibration_compares_promise_and_truth():
    # bin (0.1, 0.2]: 100 rows promised .2, 30 true; bin (0.7, 0.8]: 50 rows promised .8, 40 true
    frame = counted(
        {("a", 1, 0.2): 30, ("a", 0, 0.2): 70, ("a", 1, 0.8): 40, ("a", 0, 0.8): 10, ("b", 1, 0.5): 20, ("b", 0, 0.5): 20}, ["g", "y", "s"]
    )
    found = fairness(frame.with_columns(p=pl.col("y")), score="s")
    assert value(found, "expected_calibration_error", "a") == pytest.approx(100 / 150 * 0.1)
    assert value(found, "expected_calibration_error", "b") == pytest.approx(0)
    assert value(found, "expected_calibration_error") == pytest.approx(100 / 190 * 0.1)
    assert (value(found, "mean_score", "a"), value(found, "base_rate", "a")) == pytest.approx((0.4, 70 / 150))
    assert value(found, "calibration_gap", "a") == pytest.approx(0.4 - 70 / 150)
    assert value(found, "calibration_gap_difference") == pytest.approx(70 / 150 - 0.4)
    error = row(found, "expected_calibration_error", "a")
    assert error["ci_low"] <= error["value"] <= error["ci_high"]
    assert row(found, "expected_calibration_error", "b")["ci_low"] == 0.0


def test_a_calibrated_model_may_have_an_error_of_nothing():
    rng = np.random.default_rng(7)
    score = rng.random(600)
    label = rng.random(600) < score
    found = fairness(pl.DataFrame({"g": ["a", "b"] * 300, "y": label, "p": label, "s": score}), score="s")
    error = row(found, "expected_calibration_error", "a")
    assert error["value"] > 0.02
    assert error["ci_low"] == 0.0


def test_rows_without_a_score_are_left_out_of_the_calibration_alone():
    frame = scored(3, groups=2, rows=400).rename({"group": "g", "label": "y", "prediction": "p"})
    holes = frame.with_columns(score=pl.when(pl.col("g") == "g00").then(pl.col("score")))
    found = fairness(holes, score="score")
    assert row(found, "expected_calibration_error", "g01")["n"] == 0
    assert row(found, "mean_score", "g01")["value"] is None
    assert row(found, "calibration_gap_difference")["verdict"] == "insufficient_evidence"
    assert row(found, "selection_rate", "g01")["n"] > 0


def test_errors_of_a_regression_are_in_the_unit_of_the_label():
    frame = pl.DataFrame({"g": ["a", "a", "a", "b", "b", "b"], "y": [10, 20, 30, 10, 20, 30], "p": [11, 19, 31, 13, 26, 30]})
    found = fairness(frame)
    assert [value(found, "mean_error", g) for g in ("a", "b", "(all)")] == pytest.approx([1 / 3, 3.0, 5 / 3])
    assert [value(found, "mean_absolute_error", g) for g in ("a", "b")] == pytest.approx([1.0, 3.0])
    assert [value(found, "root_mean_squared_error", g) for g in ("a", "b")] == pytest.approx([1.0, math.sqrt(15)])
    assert value(found, "mean_absolute_error_difference") == pytest.approx(2.0)
    assert value(found, "root_mean_squared_error_difference") == pytest.approx(math.sqrt(15) - 1)
    assert value(found, "mean_absolute_error_ratio") == pytest.approx(1 / 3)
    assert row(found, "mean_absolute_error_ratio")["verdict"] == "insufficient_evidence"


def test_a_regression_that_errs_twice_as_much_is_biased():
    rng = np.random.default_rng(5)
    error = np.concatenate([rng.normal(0, 1, 400), rng.normal(0, 2, 400)])
    frame = pl.DataFrame({"g": ["a"] * 400 + ["b"] * 400, "y": np.arange(800.0), "p": np.arange(800.0) + error})
    assert row(fairness(frame), "mean_absolute_error_ratio")["verdict"] == "biased"
    assert row(fairness(frame.with_columns(p=pl.col("y") + pl.lit(rng.normal(0, 1, 800)))), "mean_absolute_error_ratio")["verdict"] == "ok"


def test_one_row_tells_no_limits():
    frame = pl.DataFrame({"g": ["a", "b", "b"], "y": [1.5, 2.0, 4.0], "p": [1.0, 2.5, 4.25]})
    found = fairness(frame)
    for metric in ("mean_error", "mean_absolute_error", "root_mean_squared_error"):
        assert value(found, metric, "a") is not None
        assert row(found, metric, "a")["ci_high"] is None
        assert row(found, f"{metric}_difference")["ci_high"] is None


def test_a_model_without_errors_and_infinite_values():
    frame = pl.DataFrame({"g": ["a", "a", "b", "b"], "y": [2.0, 3.0, 4.0, math.inf], "p": [2.0, 3.0, 4.0, 5.0]})
    found = fairness(frame)
    assert value(found, "mean_absolute_error", "a") == 0.0
    assert row(found, "mean_absolute_error", "b")["n"] == 1
    assert value(found, "mean_absolute_error_ratio") is None


@pytest.mark.parametrize(
    ("columns", "more", "said"),
    [
        ({"y": ["yes", "no"], "p": [1, 0]}, {}, "label: column y is String"),
        ({"y": [1, 0], "p": [0.7, 0.2]}, {}, "prediction: the label is binary"),
        ({"y": [1, 0], "p": [1, 0], "s": [1.7, 0.2]}, {"score": "s"}, "score: a value lies outside"),
        ({"y": [1.5, 0], "p": [1, 0], "s": [0.7, 0.2]}, {"score": "s"}, "score: it belongs to a binary label"),
        ({"y": [1, 0], "p": [1, 0], "s": ["a", "b"]}, {"score": "s"}, "score: column s is String"),
        ({"y": [1, 0]}, {}, "prediction: there is no column p"),
    ],
)
def test_columns_of_another_kind_are_refused(columns, more, said):
    with pytest.raises(ConfigError, match=said):
        fairness(pl.DataFrame({"g": ["a", "b"], **columns}), **more)


def test_one_group_alone_is_compared_with_nothing():
    found = fairness(MATRIX.filter(pl.col("g") == "a").with_columns(s=pl.lit(0.5)), score="s")
    comparing = found.filter(pl.col("metric").str.contains("_difference|_ratio"))
    assert set(comparing["value"]) == {None}
    assert set(comparing["verdict"]) == {"insufficient_evidence"}
    assert value(found, "accuracy", "a") == 0.8


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.Boolean])
def test_an_empty_table_has_rows_without_values(kind):
    found = fairness(pl.DataFrame(schema={"g": pl.String, "y": kind, "p": kind, "s": pl.Float64}), score="s")
    assert set(found["value"]) == {None}
    assert set(found["n"]) == {0}


def test_limits_of_calibration_errors_depend_on_the_seed_only():
    frame = scored(3, groups=3, rows=900)
    first, again, other = (
        model_fairness(frame, group="group", label="label", prediction="prediction", score="score", seed=seed) for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)
    assert first["value"].equals(other["value"])
