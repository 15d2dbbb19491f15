"""Simpson's paradox: found where it is planted, and nowhere else."""

import numpy as np
import polars as pl
import pytest

from seeding_platform.errors import ConfigError
from seeding_platform.quality.bias import simpson
from seeding_platform_tests.quality.bias.populations import counted, row, value


def people(rates, sizes):
    """Rows of (group, stratum) with so many good outcomes as the rate says, exactly."""
    cells = {}
    for key, n in sizes.items():
        good = round(rates[key] * n)
        cells |= {(*key, 1): good, (*key, 0): n - good}
    return counted(cells, ["g", "s", "y"])


# in each stratum a is better, but most of a is in the hard one
REVERSED = people(
    {("a", "easy"): 0.9, ("b", "easy"): 0.8, ("a", "hard"): 0.4, ("b", "hard"): 0.3},
    {("a", "easy"): 200, ("b", "easy"): 800, ("a", "hard"): 800, ("b", "hard"): 200},
)


def reversal(frame, **more):
    return simpson(frame, group="g", label="y", stratum="s", **more)


def test_a_planted_reversal_is_found():
    found = reversal(REVERSED)
    assert [value(found, "base_rate", g) for g in "ab"] == [0.5, 0.7]
    assert value(found, "overall_difference", "a") == pytest.approx(-0.2)
    assert [value(found, "stratum_difference", f"a | {s}") for s in ("easy", "hard")] == pytest.approx([0.1, 0.1])
    # both strata hold half of all rows
    assert [value(found, "standardised_rate", g) for g in "ab"] == pytest.approx([0.65, 0.55])
    assert value(found, "standardised_difference", "a") == pytest.approx(0.1)
    assert row(found, "simpson_reversal", "a") == {
        "metric": "simpson_reversal", "group": "a", "value": 1.0, "n": 2000, "ci_low": 1.0, "ci_high": 1.0, "verdict": "biased",
    }  # fmt: skip


@pytest.mark.parametrize(
    "rates",
    [
        {("a", "easy"): 0.8, ("b", "easy"): 0.9, ("a", "hard"): 0.3, ("b", "hard"): 0.4},
        {("a", "easy"): 0.9, ("b", "easy"): 0.8, ("a", "hard"): 0.3, ("b", "hard"): 0.4},
        {("a", "easy"): 0.9, ("b", "easy"): 0.9, ("a", "hard"): 0.4, ("b", "hard"): 0.4},
        {("a", "easy"): 0.5, ("b", "easy"): 0.5, ("a", "hard"): 0.5, ("b", "hard"): 0.5},
    ],
    ids=["same sign", "one stratum only", "no difference within", "no difference at all"],
)
def test_what_is_no_reversal_is_not_found(rates):
    found = reversal(people(rates, {key: 200 if (key[0] == "a") == (key[1] == "easy") else 800 for key in rates}))
    (verdict,) = found.filter(pl.col("metric") == "simpson_reversal").rows(named=True)
    assert (verdict["value"], verdict["verdict"]) == (0.0, "ok")


def test_admissions_to_berkeley_are_no_reversal_in_all_departments():
    # Bickel, Hammel and O'Connell (1975): the six largest departments, admitted of applied
    men = {"A": (512, 825), "B": (353, 560), "C": (120, 325), "D": (138, 417), "E": (53, 191), "F": (22, 373)}
    women = {"A": (89, 108), "B": (17, 25), "C": (202, 593), "D": (131, 375), "E": (94, 393), "F": (24, 341)}
    cells = {(g, d, y): k if y else n - k for g, of in (("m", men), ("w", women)) for d, (k, n) in of.items() for y in (1, 0)}
    found = reversal(counted(cells, ["g", "s", "y"]))
    assert value(found, "overall_difference", "w") == pytest.approx(557 / 1835 - 1198 / 2691)
    assert value(found, "standardised_difference", "w") > 0.03
    assert value(found, "simpson_reversal", "w") == 0.0


def test_a_reversal_that_may_be_chance_says_so_in_its_interval():
    # kidney stones, Charig et al. (1986)
    cells = {("a", "small", 1): 81, ("a", "small", 0): 6, ("a", "large", 1): 192, ("a", "large", 0): 71,
             ("b", "small", 1): 234, ("b", "small", 0): 36, ("b", "large", 1): 55, ("b", "large", 0): 25}  # fmt: skip
    found = row(reversal(counted(cells, ["g", "s", "y"])), "simpson_reversal", "a")
    assert (found["value"], found["ci_low"], found["ci_high"], found["verdict"]) == (1.0, 0.0, 1.0, "insufficient_evidence")


def test_strata_of_few_rows_have_no_say():
    against = counted({("a", "odd", 0): 9, ("b", "odd", 1): 9}, ["g", "s", "y"])
    assert value(reversal(pl.concat([REVERSED, against])), "simpson_reversal", "a") == 1.0
    enough = counted({("a", "odd", 0): 10, ("b", "odd", 1): 10}, ["g", "s", "y"])
    assert value(reversal(pl.concat([REVERSED, enough])), "simpson_reversal", "a") == 0.0
    few = counted({("a", "x", 1): 9, ("b", "x", 0): 9}, ["g", "s", "y"])
    assert row(reversal(few), "simpson_reversal", "b")["verdict"] == "insufficient_evidence"


def test_every_group_is_compared_with_the_best_one():
    third = counted({("c", "easy", 1): 50, ("c", "easy", 0): 50, ("c", "hard", 1): 10, ("c", "hard", 0): 90}, ["g", "s", "y"])
    found = reversal(pl.concat([REVERSED, third]))
    assert dict(found.filter(pl.col("metric") == "simpson_reversal").select("group", "value").rows()) == {"a": 1.0, "c": 0.0}


def test_standardised_rates_are_over_the_strata_that_both_have():
    only = counted({("a", "own", 1): 500}, ["g", "s", "y"])
    found = reversal(pl.concat([REVERSED, only]))
    assert value(found, "base_rate", "a") == pytest.approx(1000 / 1500)
    assert value(found, "standardised_rate", "a") == pytest.approx(0.65)
    assert row(found, "standardised_rate", "a")["n"] == 1000


def test_labels_and_strata_that_are_missing():
    frame = pl.concat([REVERSED, counted({("a", None, 1): 20, ("b", None, 0): 20, ("a", "easy", None): 7}, ["g", "s", "y"])])
    found = reversal(frame)
    assert row(found, "label_missing")["n"] == 7
    assert value(found, "stratum_difference", "a | (missing)") == 1.0


def test_a_label_that_is_not_binary_and_a_stratum_that_is_none_are_refused():
    with pytest.raises(ConfigError, match="label: column y is not binary"):
        reversal(REVERSED.with_columns(y=pl.col("y") + 1))
    with pytest.raises(ConfigError, match="stratum: no column"):
        simpson(REVERSED, group="g", label="y", stratum=())


@pytest.mark.parametrize("frame", [REVERSED.clear(), REVERSED.filter(pl.col("g") == "a")], ids=["empty", "one group"])
def test_nothing_to_compare(frame):
    found = reversal(frame.lazy())
    for metric in ("overall_difference", "standardised_difference", "simpson_reversal"):
        assert (row(found, metric)["value"], row(found, metric)["verdict"]) == (None, "insufficient_evidence")


def test_equal_rates_within_random_strata_are_seldom_reversed_for_sure():
    rng = np.random.default_rng(3)
    sure = 0
    for _ in range(30):
        stratum = rng.integers(0, 3, 900)
        group = rng.random(900) < 0.2 + 0.25 * stratum
        label = rng.random(900) < 0.7 - 0.2 * stratum
        found = reversal(pl.DataFrame({"g": group, "s": stratum, "y": label}))
        sure += found.filter((pl.col("metric") == "simpson_reversal") & (pl.col("ci_low") == 1.0)).height
    assert sure <= 1
