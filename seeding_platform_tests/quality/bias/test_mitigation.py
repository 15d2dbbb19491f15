"""Mitigation: weights and drawn rows after which the outcome no longer depends on the group."""

import polars as pl
import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias import outcome, resample, reweigh
from seeding_platform_tests.quality.bias.populations import adult, counted, row, scored, value

# the example of Kamiran and Calders (2012), table 1: ten applicants by sex and class
APPLICANTS = counted({("m", "+"): 4, ("m", "-"): 1, ("f", "+"): 2, ("f", "-"): 3}, ["sex", "class"])


def test_weights_are_those_of_the_paper():
    weights = APPLICANTS.with_columns(reweigh(APPLICANTS, group="sex", label="class")).unique().sort("sex", "class")
    assert weights["weight"].to_list() == pytest.approx([0.5 * 0.6 / 0.2, 0.5 * 0.4 / 0.3, 0.5 * 0.6 / 0.4, 0.5 * 0.4 / 0.1])


@pytest.mark.parametrize("group", ["sex", "race", ["sex", "race"]])
def test_after_reweighing_the_disparate_impact_is_one(group):
    people = adult()
    before = outcome(people, group=group, label="income", positive=">50K")
    weighted = people.with_columns(w=reweigh(people.lazy(), group=group, label="income"))
    after = outcome(weighted, group=group, label="income", positive=">50K", weights="w")
    assert value(before, "demographic_parity_ratio") < 0.8
    assert value(after, "demographic_parity_ratio") == pytest.approx(1.0, abs=1e-9)
    assert value(after, "demographic_parity_difference") == pytest.approx(0.0, abs=1e-9)
    assert after.filter(pl.col("metric") == "disparate_impact")["value"].to_list() == pytest.approx([1.0] * people.select(group).n_unique(), abs=1e-9)
    if group == "sex":
        assert row(before, "demographic_parity_ratio")["verdict"] == "biased"
        assert row(after, "demographic_parity_ratio")["verdict"] == "ok"


def test_weights_have_mean_one_and_keep_the_order():
    frame = scored(1, groups=4, rows=2000)
    weights = reweigh(frame, group="group", label="label")
    assert weights.dtype == pl.Float64
    assert weights.mean() == pytest.approx(1.0, abs=1e-12)
    turned = reweigh(frame.reverse(), group="group", label="label")
    assert turned.reverse().equals(weights)


def test_missing_values_are_values_of_their_own():
    frame = counted({("a", 1): 3, ("a", None): 1, (None, 1): 2, (None, None): 2, ("a", 0): 4, (None, 0): 1}, ["g", "y"])
    weights = reweigh(frame, group="g", label="y")
    assert weights.null_count() == 0
    assert weights.mean() == pytest.approx(1.0)
    after = outcome(frame.with_columns(w=weights), group="g", label="y", positive=1, weights="w")
    assert value(after, "demographic_parity_ratio") == pytest.approx(1.0, abs=1e-9)


def test_an_empty_cell_has_nobody_to_carry_its_weight():
    weights = reweigh(counted({("a", 1): 2, ("a", 0): 2, ("b", 0): 4}, ["g", "y"]), group="g", label="y")
    assert weights.mean() == pytest.approx(1 - 0.5 * 0.25)


def test_every_cell_is_drawn_to_its_quota():
    frame = counted({("f", 1): 100, ("f", 0): 300, ("m", 1): 300, ("m", 0): 300}, ["g", "y"]).with_row_index("row")
    drawn = resample(frame, group="g", label="y", seed=4)
    assert drawn.group_by("g", "y").len().sort("g", "y").rows() == [("f", 0, 240), ("f", 1, 160), ("m", 0, 360), ("m", 1, 240)]
    copies = drawn.group_by("row", "g", "y").len()
    assert copies.filter((pl.col("g") == "f") & (pl.col("y") == 1))["len"].value_counts().sort("len").rows() == [(1, 40), (2, 60)]
    assert copies.filter((pl.col("g") == "m") & (pl.col("y") == 1))["len"].max() == 1
    assert drawn.columns == frame.columns
    assert drawn["row"].is_sorted()


def test_no_row_is_taken_more_often_than_the_cap():
    frame = counted({("f", 1): 2, ("f", 0): 98, ("m", 1): 50, ("m", 0): 50}, ["g", "y"]).with_row_index("row")
    for cap, expected in ((None, 6), (1, 2), (5, 10), (13, 26), (20, 26)):
        drawn = resample(frame, group="g", label="y", cap=cap)
        assert drawn.filter((pl.col("g") == "f") & (pl.col("y") == 1)).height == expected
        assert drawn.group_by("row").len()["len"].max() <= (cap or 3)


def test_the_draw_depends_on_the_seed_only():
    frame = scored(2, groups=3, rows=500)
    first, again, other = (resample(frame.lazy(), group="group", label="label", seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_after_resampling_groups_are_alike():
    people = adult()
    after = outcome(resample(people, group="sex", label="income"), group="sex", label="income", positive=">50K")
    assert value(after, "demographic_parity_ratio") == pytest.approx(1.0, abs=1e-3)


def test_nothing_gives_nothing_and_no_copies_are_refused():
    empty = APPLICANTS.clear()
    assert reweigh(empty, group="sex", label="class").len() == 0
    assert resample(empty, group="sex", label="class").equals(empty)
    with pytest.raises(ConfigError, match="cap"):
        resample(APPLICANTS, group="sex", label="class", cap=0)
    with pytest.raises(ConfigError, match="no column gender"):
        reweigh(APPLICANTS, group="gender", label="class")
