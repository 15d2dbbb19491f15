"""Outcome: rates and disparities by hand, overall and within strata."""

import numpy as np
import polars as pl
import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias import outcome
from seeding_platform_tests.quality.bias.populations import counted, row, value

# 20 of 100 women, 50 of 100 men, 1 of 2 others
HIRED = counted({("f", 1): 20, ("f", 0): 80, ("m", 1): 50, ("m", 0): 50, ("x", 1): 1, ("x", 0): 1, ("m", None): 3}, ["sex", "hired"])
# within each department women are hired at half the rate of men
DEPARTMENTS = counted(
    {
        ("f", "a", 1): 10, ("f", "a", 0): 30, ("m", "a", 1): 80, ("m", "a", 0): 80,
        ("f", "b", 1): 16, ("f", "b", 0): 144, ("m", "b", 1): 8, ("m", "b", 0): 32,
    },
    ["sex", "department", "hired"],
)  # fmt: skip


def test_rates_and_disparities_are_against_the_most_favoured_large_group():
    found = outcome(HIRED, group="sex", label="hired", positive=1)
    assert (value(found, "base_rate", "f"), value(found, "base_rate", "m"), value(found, "base_rate")) == pytest.approx((0.2, 0.5, 71 / 202))
    assert value(found, "statistical_parity_difference", "f") == pytest.approx(-0.3)
    assert value(found, "disparate_impact", "f") == pytest.approx(0.4)
    assert row(found, "disparate_impact", "f")["verdict"] == "biased"


def test_limits_are_those_of_the_papers():
    # 56/70 - 48/80: Newcombe (1998), table II, method 10
    found = outcome(counted({("a", 1): 56, ("a", 0): 14, ("b", 1): 48, ("b", 0): 32}, ["g", "y"]), group="g", label="y", positive=1)
    low, high = (row(found, "statistical_parity_difference", "b")[c] for c in ("ci_low", "ci_high"))
    assert (low, high) == pytest.approx((-0.3339, -0.0524), abs=1e-4)
    # a limit of the ratio is the factor R at which the interval of b - R a just reaches 0 (Donner and Zou 2012)
    b, a, ratio = row(found, "base_rate", "b"), row(found, "base_rate", "a"), row(found, "disparate_impact", "b")
    for factor, over, under in ((ratio["ci_low"], "ci_low", "ci_high"), (ratio["ci_high"], "ci_high", "ci_low")):
        gap = b["value"] - factor * a["value"]
        assert gap**2 == pytest.approx((b["value"] - b[over]) ** 2 + factor**2 * (a[under] - a["value"]) ** 2)


def test_the_reference_is_itself():
    found = outcome(HIRED, group="sex", label="hired", positive=1)
    assert row(found, "disparate_impact", "m") == {
        "metric": "disparate_impact", "group": "m", "value": 1.0, "n": 100, "ci_low": 1.0, "ci_high": 1.0, "verdict": "ok",
    }  # fmt: skip
    assert value(found, "statistical_parity_difference", "m") == 0.0


def test_small_groups_are_listed_and_are_no_reference():
    frame = pl.concat([HIRED, counted({("y", 1): 5}, ["sex", "hired"])])
    found = outcome(frame, group="sex", label="hired", positive=1)
    assert value(found, "disparate_impact", "y") == 2.0
    assert row(found, "disparate_impact", "x")["n"] == 2
    assert row(found, "disparate_impact", "x")["verdict"] == "insufficient_evidence"
    assert value(found, "demographic_parity_ratio") == pytest.approx(0.2)


def test_where_no_group_is_large_the_largest_is_the_reference():
    found = outcome(counted({("a", 1): 2, ("b", 1): 5, ("b", 0): 15}, ["g", "y"]), group="g", label="y", positive=1)
    assert value(found, "disparate_impact", "b") == 1.0
    assert value(found, "disparate_impact", "a") == 4.0


def test_rows_without_a_label_are_left_out_and_counted():
    found = outcome(HIRED, group="sex", label="hired", positive=1)
    assert row(found, "label_missing")["n"] == 3
    assert value(found, "label_missing") == pytest.approx(3 / 205)
    assert row(found, "base_rate", "m")["n"] == 100
    only = outcome(counted({("a", None): 4, ("b", 1): 3}, ["g", "y"]), group="g", label="y", positive=1)
    assert (row(only, "base_rate", "a")["n"], value(only, "base_rate", "a")) == (0, None)


def test_all_together_have_the_largest_difference_and_the_smallest_ratio():
    found = outcome(HIRED.filter(pl.col("sex") != "x"), group="sex", label="hired", positive=1)
    difference, ratio = row(found, "demographic_parity_difference"), row(found, "demographic_parity_ratio")
    assert (difference["value"], difference["n"]) == (pytest.approx(0.3), 200)
    assert (-difference["ci_high"], -difference["ci_low"]) == tuple(
        row(found, "statistical_parity_difference", "f")[c] for c in ("ci_low", "ci_high")
    )
    assert (ratio["value"], ratio["verdict"]) == (pytest.approx(0.4), "biased")
    assert (ratio["ci_low"], ratio["ci_high"]) == tuple(row(found, "disparate_impact", "f")[c] for c in ("ci_low", "ci_high"))


def test_many_groups_of_one_rate_are_not_called_biased_for_their_extremes():
    even = counted({(g, y): n for g in range(30) for y, n in ((1, 6 + g % 5), (0, 54 - g % 5))}, ["g", "y"])
    ratio = row(outcome(even, group="g", label="y", positive=1), "demographic_parity_ratio")
    assert ratio["value"] == pytest.approx(0.6)
    assert ratio["verdict"] == "insufficient_evidence"


def test_weights_weigh_every_rate():
    frame = pl.DataFrame({"g": ["a", "a", "b", "b"], "y": [1, 0, 1, 0], "w": [1.0, 3.0, 3.0, 1.0]})
    found = outcome(frame, group="g", label="y", positive=1, weights="w")
    assert [value(found, "base_rate", g) for g in ("a", "b", "(all)")] == [0.25, 0.75, 0.5]
    assert value(found, "demographic_parity_ratio") == pytest.approx(1 / 3)
    assert row(found, "base_rate", "a")["n"] == 2


def test_equal_weights_change_nothing_and_uneven_ones_widen():
    plain = outcome(HIRED, group="sex", label="hired", positive=1)
    equal = outcome(HIRED.with_columns(w=7), group="sex", label="hired", positive=1, weights="w")
    for one, other in zip(plain.rows(), equal.rows(), strict=True):
        assert one == pytest.approx(other)
    uneven = outcome(HIRED.with_columns(w=pl.int_range(pl.len()) % 5), group="sex", label="hired", positive=1, weights="w")

    def width(found):
        return row(found, "base_rate")["ci_high"] - row(found, "base_rate")["ci_low"]

    assert width(uneven) > 1.1 * width(plain)


@pytest.mark.parametrize("weights", [[1.0, None], [1.0, -1.0], [1.0, float("nan")], [1.0, float("inf")], ["a", "b"]])
def test_a_weight_that_is_none_is_refused(weights):
    with pytest.raises(ConfigError, match="weights: column w"):
        outcome(pl.DataFrame({"g": ["a", "b"], "y": [1, 0], "w": weights}), group="g", label="y", positive=1, weights="w")


def test_a_group_without_weight_has_no_rate():
    frame = pl.DataFrame({"g": ["a", "b", "c"], "y": [1, 0, 1], "w": [0.0, 1.0, 1.0]})
    found = outcome(frame, group="g", label="y", positive=1, weights="w")
    assert (value(found, "base_rate", "a"), row(found, "base_rate", "a")["n"]) == (None, 1)
    assert value(found, "demographic_parity_difference") == 1.0


def test_strata_are_compared_one_by_one_and_together():
    found = outcome(DEPARTMENTS, group="sex", label="hired", positive=1, strata=["department"])
    assert value(found, "disparate_impact", "f") == pytest.approx((26 / 200) / (88 / 200))
    assert value(found, "stratum_base_rate", "f | a") == 0.25
    assert [value(found, "stratum_disparate_impact", f"f | {d}") for d in "ab"] == pytest.approx([0.5, 0.5])
    assert [value(found, "stratum_parity_difference", f"f | {d}") for d in "ab"] == pytest.approx([-0.25, -0.1])
    # weights n1 n0 / (n1 + n0) are 32 in both departments
    assert value(found, "conditional_parity_difference", "f") == pytest.approx(-0.175)
    assert value(found, "conditional_disparate_impact", "f") == pytest.approx(0.5)
    assert row(found, "conditional_disparate_impact", "f")["verdict"] == "biased"
    assert found.filter((pl.col("metric") == "conditional_disparate_impact") & (pl.col("group") == "m")).is_empty()


def test_the_pooled_ratio_is_that_of_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    # rows: women and men; columns: hired and not
    strata = [[[10, 30], [80, 80]], [[16, 144], [8, 32]], [[3, 20], [30, 40]]]
    cells = {(g, s, y): strata[s][i][1 - y] for s in range(3) for i, g in enumerate("fm") for y in (0, 1)}
    found = outcome(counted(cells, ["g", "s", "y"]), group="g", label="y", positive=1, strata="s")
    assert value(found, "conditional_disparate_impact", "f") == pytest.approx(tables.StratifiedTable(strata).riskratio_pooled, rel=1e-12)


def test_one_stratum_says_what_the_whole_says():
    found = outcome(HIRED.with_columns(s=1), group="sex", label="hired", positive=1, strata="s")
    assert value(found, "conditional_disparate_impact", "f") == pytest.approx(value(found, "disparate_impact", "f"))
    assert value(found, "conditional_parity_difference", "f") == pytest.approx(value(found, "statistical_parity_difference", "f"))


def test_a_stratum_of_one_group_alone_says_nothing():
    frame = counted({("f", "a", 1): 9, ("m", "b", 1): 40, ("m", "b", 0): 20}, ["g", "s", "y"])
    found = outcome(frame, group="g", label="y", positive=1, strata="s")
    assert row(found, "stratum_disparate_impact", "f | b")["value"] is None
    for metric in ("conditional_parity_difference", "conditional_disparate_impact"):
        assert row(found, metric, "f")["verdict"] == "insufficient_evidence"


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["yes", "no"], "yes"),
        ([True, False], True),
        ([True, False], 1),
        ([1, 0], True),
        ([1, 0], np.int64(1)),
        ([True, False], np.True_),
        ([1.0, float("nan")], 1.0),
        (pl.Series(["yes", "no"], dtype=pl.Categorical), "yes"),
    ],
)
def test_labels_of_any_type_have_a_positive_value(labels, positive):
    found = outcome(pl.DataFrame({"g": ["a", "b"], "y": labels}), group="g", label="y", positive=positive)
    assert value(found, "base_rate", "a") == 1.0


@pytest.mark.parametrize(
    ("labels", "positive"), [(["yes", "no"], 1), ([1, 0], "1"), ([True, False], "true"), ([True, False], 2), ([1, 0], None), (["a", "b"], ["a"])]
)
def test_a_positive_value_that_the_column_cannot_hold_is_refused(labels, positive):
    with pytest.raises(ConfigError, match="positive"):
        outcome(pl.DataFrame({"g": ["a", "b"], "y": labels}), group="g", label="y", positive=positive)


def test_one_group_alone_is_compared_with_nothing():
    found = outcome(pl.DataFrame({"g": ["a"] * 40, "y": [1, 0] * 20, "s": 1}), group="g", label="y", positive=1, strata="s")
    assert value(found, "base_rate", "a") == 0.5
    comparing = found.filter(pl.col("metric").str.contains("_difference|_ratio|_impact"))
    assert comparing.height == 6
    assert set(comparing["value"]) == {None}
    assert set(comparing["verdict"]) == {"insufficient_evidence"}


def test_where_nobody_gets_the_outcome_there_is_no_ratio():
    found = outcome(pl.DataFrame({"g": ["a", "b"] * 40, "y": 0}), group="g", label="y", positive=1)
    assert value(found, "demographic_parity_difference") == 0.0
    for metric, group in [("demographic_parity_ratio", "(all)"), ("disparate_impact", "a"), ("disparate_impact", "b")]:
        assert (row(found, metric, group)["value"], row(found, metric, group)["verdict"]) == (None, "insufficient_evidence")


def test_empty_tables_and_lazy_ones():
    schema = {"g": pl.String, "y": pl.Int64, "s": pl.String, "w": pl.Float64}
    empty = outcome(pl.LazyFrame(schema=schema), group="g", label="y", positive=1, strata="s", weights="w")
    assert set(empty["value"]) == {None}
    assert set(empty["n"]) == {0}
    assert outcome(HIRED.lazy(), group="sex", label="hired", positive=1).equals(outcome(HIRED, group="sex", label="hired", positive=1))


def test_one_column_may_play_two_parts():
    found = outcome(HIRED, group=["sex", "sex"], label="sex", positive="f", strata="sex")
    assert value(found, "base_rate", "f x f") == 1.0
