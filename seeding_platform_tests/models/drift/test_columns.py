"""Drift of columns: distances against their own formulas and SciPy, and silence where nothing moved."""

import math

import numpy as np
import polars as pl
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp

from seeding_platform.errors import ConfigError
from seeding_platform.models.drift import drift, drifted_columns
from seeding_platform.models.drift.distances import chi_squared, jensen_shannon, kolmogorov_smirnov, psi

KINDS = {"x": "numeric", "c": "category"}


def frame(n: int, *, seed: int, shift: float = 0.0, p: float = 0.5, nulls: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    gone = rng.random(n) < nulls
    made = pl.DataFrame({"x": rng.normal(shift, 1, n), "c": np.where(rng.random(n) < p, "a", "b")})
    return made.with_columns(pl.when(pl.Series(gone)).then(None).otherwise(pl.col(c)).alias(c) for c in made.columns)


@pytest.mark.parametrize("seed", range(5))
def test_distances_are_those_of_the_formulas(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(1, 500, 7), rng.integers(1, 500, 7)
    p, q = (a + 0.5) / (a + 0.5).sum(), (b + 0.5) / (b + 0.5).sum()
    assert psi(a, b) == pytest.approx(sum((y - x) * math.log(y / x) for x, y in zip(p, q, strict=True)))
    assert jensen_shannon(a, b) == pytest.approx(jensenshannon(a / a.sum(), b / b.sum(), base=2))
    big = a + 10, b + 10
    assert chi_squared(*big) == pytest.approx(tuple(chi2_contingency(np.stack(big), correction=False)[:2]))
    x, y = rng.normal(size=80), rng.normal(0.3, 1, 60)
    brute = max(abs(np.mean(x <= t) - np.mean(y <= t)) for t in np.concatenate([x, y]))
    assert kolmogorov_smirnov(x, y) == (pytest.approx(brute), pytest.approx(ks_2samp(x, y, method="asymp").pvalue))


def test_rare_bins_are_taken_together_before_chi_squared():
    counts = np.array([90, 5, 1, 0, 1]), np.array([80, 15, 0, 1, 1])
    joined = np.array([[90, 5, 2], [80, 15, 2]])
    assert chi_squared(*counts) == pytest.approx(tuple(chi2_contingency(joined[:, [0, 1, 2]], correction=False)[:2]))
    assert chi_squared(np.array([10, 0]), np.array([12, 0])) == (0.0, 1.0)


def test_size_decides_between_tests_and_distances():
    few = drift(frame(999, seed=0), frame(5000, seed=1), KINDS)
    assert few["method"].to_list() == ["ks", "chi2"]
    assert few["threshold"].to_list() == [0.005, 0.005]
    many = drift(frame(1000, seed=0), frame(5000, seed=1), KINDS)
    assert many["method"].to_list() == ["psi", "jensen_shannon"] * 2
    assert many["p"].null_count() == 4
    assert many.columns == ["column", "kind", "method", "value", "threshold", "p", "drifted", "n_reference", "n_current"]


def test_same_is_same_and_moved_is_moved():
    for n in (300, 3000):
        reference = frame(n, seed=0)
        assert drifted_columns(drift(reference, reference, KINDS)) == ()
        assert drifted_columns(drift(reference, frame(n, seed=1, shift=1.0, p=0.8), KINDS)) == ("x", "c")


def test_frames_of_the_same_kind_seldom_drift():
    alarms = [bool(drifted_columns(drift(frame(n, seed=2 * s), frame(n, seed=2 * s + 1), KINDS))) for n in (200, 1500) for s in range(60)]
    assert sum(alarms[:60]) <= 3
    assert sum(alarms[60:]) == 0


def test_on_a_million_rows_a_speck_is_no_drift():
    assert drifted_columns(drift(frame(300_000, seed=0), frame(300_000, seed=1, shift=0.02, p=0.51), KINDS)) == ()


@pytest.mark.parametrize("n", [400, 4000])
def test_nulls_and_unseen_categories_count(n):
    reference = frame(n, seed=0)
    assert drifted_columns(drift(reference, frame(n, seed=1, nulls=0.2), KINDS)) == ("x", "c")
    unseen = reference.with_columns(c=pl.when(pl.int_range(n) % 4 == 0).then(pl.lit("new")).otherwise("c"))
    assert drifted_columns(drift(reference, unseen, KINDS)) == ("c",)


@pytest.mark.parametrize("n", [50, 2000])
def test_constant_and_empty_columns(n):
    same = pl.DataFrame({"x": [5.0] * n, "c": ["a"] * n})
    assert not drift(same, same, KINDS)["drifted"].any()
    assert drifted_columns(drift(same, same.with_columns(x=pl.lit(5.1), c=pl.lit("b")), KINDS)) == ("x", "c")
    nothing = same.with_columns(pl.lit(None, pl.Float64).alias("x"), pl.lit(None, pl.String).alias("c"))
    assert not drift(nothing, nothing, KINDS)["drifted"].any()
    assert drifted_columns(drift(nothing, same, KINDS)) == ("x", "c")
    empty = drift(same, same.clear(), KINDS)
    assert (empty["method"].to_list(), empty["drifted"].any(), empty["value"].null_count()) == (["none"] * 2, False, 2)


def test_columns_that_cannot_be_judged_are_refused():
    some = frame(10, seed=0)
    for features, says in (({"z": "numeric"}, "no column z"), ({"c": "numeric"}, "no numbers"), ({"c": "text"}, "is text")):
        with pytest.raises(ConfigError, match=says):
            drift(some, some, features)


def test_rare_categories_share_a_bin_and_are_not_taken_for_unseen():
    names = [f"k{i:03}" for i in range(200)]
    reference = pl.DataFrame({"c": names * 10})
    assert not drift(reference, reference.sample(fraction=1, shuffle=True, seed=0), {"c": "category"})["drifted"].any()
