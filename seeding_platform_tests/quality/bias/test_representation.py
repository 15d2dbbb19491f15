"""Representation: shares by hand, against a reference and without one."""

import math

import polars as pl
import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias import representation
from seeding_platform_tests.quality.bias.populations import counted, row, value

PEOPLE = counted({("f",): 30, ("m",): 60, (None,): 10}, ["sex"])


def test_shares_are_counted_with_their_interval():
    found = representation(PEOPLE, group="sex")
    assert found.columns == ["metric", "group", "value", "n", "ci_low", "ci_high", "verdict"]
    assert [(r["group"], r["value"], r["n"]) for r in found.filter(pl.col("metric") == "share").rows(named=True)] == [
        ("(missing)", 0.1, 10),
        ("f", 0.3, 30),
        ("m", 0.6, 60),
    ]
    # Wilson's limits of 30 of 100, as in Newcombe's papers and any table
    assert (row(found, "share", "f")["ci_low"], row(found, "share", "f")["ci_high"]) == pytest.approx((0.2189, 0.3958), abs=1e-4)
    assert row(found, "smallest_cell", "(missing)")["n"] == 10


def test_without_a_reference_equal_shares_are_the_yardstick_and_nothing_is_judged():
    found = representation(PEOPLE, group="sex")
    assert value(found, "share_difference", "m") == pytest.approx(0.6 - 1 / 3)
    assert value(found, "total_variation_distance") == pytest.approx(0.6 - 1 / 3)
    assert value(found, "normalised_entropy") == pytest.approx(-sum(p * math.log(p) for p in (0.1, 0.3, 0.6)) / math.log(3))
    assert value(found, "psi") == pytest.approx(sum((p - 1 / 3) * math.log(p * 3) for p in (0.1, 0.3, 0.6)))
    assert set(found["verdict"]) == {"not_judged"}


def test_a_reference_judges_each_group_and_the_shift():
    found = representation(PEOPLE.drop_nulls(), group="sex", reference={"f": 0.5, "m": 0.5})
    assert value(found, "share_ratio", "f") == pytest.approx(2 / 3)
    assert row(found, "share_ratio", "f")["verdict"] == "insufficient_evidence"
    large = counted({("f",): 300, ("m",): 700}, ["sex"])
    assert row(representation(large, group="sex", reference={"f": 0.5, "m": 0.5}), "share_ratio", "f")["verdict"] == "biased"
    shifted = counted({("f",): 150, ("m",): 850}, ["sex"])
    assert row(representation(shifted, group="sex", reference={"f": 0.5, "m": 0.5}), "psi")["verdict"] == "biased"
    assert row(representation(large, group="sex", reference={"f": 0.3, "m": 0.7}), "psi")["verdict"] == "ok"


def test_groups_of_the_reference_that_are_absent_have_no_rows():
    found = representation(PEOPLE.drop_nulls(), group="sex", reference={"f": 0.4, "m": 0.5, "x": 0.1})
    assert row(found, "share", "x")["n"] == 0
    assert value(found, "share", "x") == 0.0
    assert value(found, "share_difference", "x") == pytest.approx(-0.1)
    assert (0.1 - 1e-4) * math.log(0.1 / 1e-4) < value(found, "psi") < 1
    assert row(found, "smallest_cell", "x")["value"] == 0.0


def test_groups_that_are_not_in_the_reference_should_have_no_share():
    found = representation(PEOPLE, group="sex", reference={"f": 0.5, "m": 0.5})
    assert value(found, "share_difference", "(missing)") == pytest.approx(0.1)
    assert row(found, "share_ratio", "(missing)")["value"] is None


def test_several_columns_make_groups_together():
    frame = pl.DataFrame({"sex": ["f", "m", None], "age": [30, 40, None]})
    found = representation(frame.lazy(), group=["sex", "age"], reference={("f", 30): 0.5, "m x 40": 0.25, (None, None): 0.25})
    assert found.filter(pl.col("metric") == "share")["group"].to_list() == ["(missing) x (missing)", "f x 30", "m x 40"]
    assert value(found, "share_difference", "(missing) x (missing)") == pytest.approx(1 / 3 - 0.25)


def test_booleans_and_numbers_are_named_as_in_the_table():
    frame = pl.DataFrame({"member": [True, False, False, None]})
    found = representation(frame, group="member", reference={True: 0.5, False: 0.25, None: 0.25})
    assert value(found, "share_difference", "false") == pytest.approx(0.25)
    assert value(found, "share_difference", "(missing)") == 0.0


def test_rounded_shares_are_scaled():
    found = representation(counted({("a",): 1, ("b",): 1, ("c",): 1}, ["g"]), group="g", reference={"a": 0.33, "b": 0.33, "c": 0.33})
    assert value(found, "total_variation_distance") == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "reference", [{"f": 0.5}, {"f": 50, "m": 50}, {"f": -0.5, "m": 1.5}, {"f": float("nan"), "m": 1.0}, {"f": "half", "m": 0.5}, {}]
)
def test_a_reference_that_holds_no_shares_is_refused(reference):
    with pytest.raises(ConfigError, match="reference"):
        representation(PEOPLE, group="sex", reference=reference)


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"no column gender.*The table has sex"):
        representation(PEOPLE, group="gender")
    with pytest.raises(ConfigError, match="group"):
        representation(PEOPLE, group=[])
    with pytest.raises(ConfigError, match="cannot be counted"):
        representation(pl.DataFrame({"g": [[1], [2]]}), group="g")
    with pytest.raises(ConfigError, match=r"1,001 values.*Bin"):
        representation(pl.DataFrame({"g": range(1001)}), group="g")
    with pytest.raises(ConfigError, match="Rename"):
        representation(pl.DataFrame({"g": ["(all)", "b"]}), group="g")


def test_one_group_alone_is_compared_with_nothing():
    found = representation(pl.DataFrame({"g": ["a"] * 5}), group="g")
    assert value(found, "share", "a") == 1.0
    for metric, group in [("share_difference", "a"), ("share_ratio", "a"), ("psi", "(all)"), ("total_variation_distance", "(all)")]:
        assert (row(found, metric, group)["value"], row(found, metric, group)["verdict"]) == (None, "insufficient_evidence")
    assert value(found, "normalised_entropy") is None
    assert value(representation(pl.DataFrame({"g": ["a"] * 5}), group="g", reference={"a": 0.9, "b": 0.1}), "share_difference", "a") == pytest.approx(
        0.1
    )


@pytest.mark.parametrize("reference", [None, {"f": 0.5, "m": 0.5}])
def test_an_empty_table_has_rows_without_values(reference):
    found = representation(PEOPLE.clear(), group="sex", reference=reference)
    assert found.height
    assert found["n"].to_list() == [0] * found.height
    assert set(found.filter(pl.col("metric") != "smallest_cell")["value"]) == {None}


def test_limits_of_distances_depend_on_the_seed_only():
    first, again, other = (representation(PEOPLE, group="sex", seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert row(first, "psi") != row(other, "psi")
    assert value(first, "psi") == value(other, "psi")
    for metric in ("psi", "total_variation_distance", "normalised_entropy"):
        assert row(first, metric)["ci_low"] <= row(first, metric)["value"] <= row(first, metric)["ci_high"]


def test_a_difference_that_chance_makes_has_zero_in_its_interval():
    even = counted({(g,): 50 + g % 3 for g in range(20)}, ["g"])
    found = representation(even, group="g")
    assert [row(found, metric)["ci_low"] for metric in ("psi", "total_variation_distance")] == [0.0, 0.0]
    assert row(found, "normalised_entropy")["ci_high"] == 1.0
