"""The rules by which a figure is called biased, at their edges."""

import pytest

from seeding_platform.quality.bias.findings import Finding, table
from seeding_platform.quality.bias.verdicts import Verdict, verdict

RATIOS = ["disparate_impact", "stratum_disparate_impact", "conditional_disparate_impact", "demographic_parity_ratio", "share_ratio"]


@pytest.mark.parametrize("metric", RATIOS)
@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (0.7, 0.6, 0.7999, "biased"),
        (0.7, 0.6, 0.8, "insufficient_evidence"),
        (0.7, 0.6, 0.9, "insufficient_evidence"),
        (0.7, 0.6, None, "insufficient_evidence"),
        (0.85, 0.8, 0.9, "ok"),
        (0.85, 0.7999, 0.9, "insufficient_evidence"),
        (1.3, 0.9, None, "ok"),
        (0.9, None, None, "insufficient_evidence"),
        (None, None, None, "insufficient_evidence"),
    ],
)
def test_a_ratio_is_biased_where_its_whole_interval_is_below_four_fifths(metric, value, low, high, said):
    assert verdict(metric, value, low, high) == said


@pytest.mark.parametrize("metric", ["equalized_odds_difference", "true_positive_rate_difference", "false_positive_rate_difference"])
@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (0.2, 0.1001, 0.3, "biased"),
        (0.2, 0.1, 0.3, "insufficient_evidence"),
        (-0.2, -0.3, -0.1001, "biased"),
        (-0.2, -0.3, -0.1, "insufficient_evidence"),
        (0.05, -0.1, 0.1, "ok"),
        (0.05, 0.0, 0.1001, "insufficient_evidence"),
        (0.0, 0.0, 0.0, "ok"),
        (0.2, None, 0.3, "insufficient_evidence"),
        (None, None, None, "insufficient_evidence"),
    ],
)
def test_a_gap_of_error_rates_is_biased_where_its_whole_interval_is_beyond_a_tenth(metric, value, low, high, said):
    assert verdict(metric, value, low, high) == said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.2501, 0.4, "biased"), (0.25, 0.4, "insufficient_evidence"), (0.0, 0.25, "ok"), (0.0, 0.2501, "insufficient_evidence")],
)
def test_a_shift_is_biased_where_its_whole_interval_is_above_a_quarter(low, high, said):
    assert verdict("psi", 0.3, low, high) == said


def test_a_reversal_is_biased_where_the_whole_interval_has_it():
    said = [
        verdict("simpson_reversal", value, low, high) for value, low, high in [(1.0, 1.0, 1.0), (1.0, 0.0, 1.0), (0.0, 0.0, 1.0), (None, None, None)]
    ]
    assert said == ["biased", "insufficient_evidence", "ok", "insufficient_evidence"]


@pytest.mark.parametrize("metric", ["base_rate", "statistical_parity_difference", "accuracy", "share", "smallest_cell", "mean_error_difference"])
def test_what_has_no_rule_is_not_judged(metric):
    assert verdict(metric, 0.0, 0.0, 0.0) is Verdict.NOT_JUDGED


def test_what_compares_and_has_nothing_to_compare_says_so():
    assert verdict("statistical_parity_difference", None, None, None) == "insufficient_evidence"
    assert verdict("base_rate", None, None, None) == "not_judged"


def test_the_table_has_nulls_for_what_is_undefined_or_unlimited():
    nan, inf = float("nan"), float("inf")
    found = table(
        [Finding("disparate_impact", "a", 1.4, 40, 0.9, inf), Finding("share_ratio", "b", inf, 3), Finding("psi", "(all)", 0.3, 9, judged=False)]
    )
    assert found.rows() == [
        ("disparate_impact", "a", 1.4, 40, 0.9, None, "ok"),
        ("share_ratio", "b", None, 3, None, None, "insufficient_evidence"),
        ("psi", "(all)", 0.3, 9, None, None, "not_judged"),
    ]
    assert table([Finding("base_rate", "a", nan, 0)])["value"].to_list() == [None]
    assert table([]).schema == found.schema
