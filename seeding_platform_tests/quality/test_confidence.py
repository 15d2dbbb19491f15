"""Confidence against the truth: it is a probability, it falls with evidence, and it knows nothing of small tables."""

import functools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.intake import as_raw
from seeding_platform.cleaning.policy import CleaningPolicy
from seeding_platform.quality import Sides, assess
from seeding_platform.quality.confidence import FACTORS, calibrated, evidence, reliability, starting
from seeding_platform.quality.confidence.errors import spoiled
from seeding_platform.quality.confidence.table import CALIBRATION, as_table, from_table, made, made_of
from seeding_platform_tests.quality.injected.dirt import with_errors
from seeding_platform_tests.quality.injected.measure import wrong_rows
from seeding_platform_tests.quality.injected.rules import ADS
from seeding_platform_tests.quality.injected.truth import ads, measurements

MAKE = {"ad_facts": (ads, ("row_id",)), "content_analytics": (measurements, ("post_id",))}


@functools.cache
def stated(name, share, rows=5_000, rules=()):
    """Confidence as the platform states it of a dirty table, and whether each row is right."""
    make, key = MAKE[name]
    contract, policy = LANDED[name], CleaningPolicy(repairs=ADS if rules else ())
    truth = make(rows, 301)
    raw = as_raw(with_errors(truth, 302, rows_wrong=share, key=key).rows, contract, source="export").rows
    calibration = calibrated(raw, contract, policy)
    result = clean(raw, contract, policy)
    beside = Sides({"export": result.quarantined.height}, result.repairs, result.duplicates)
    found = assess(result.kept, contract, beside=beside, calibration=calibration)
    return calibration, found.rows.select(*key, "confidence").join(wrong_rows(result.kept, truth, key=key), on=key)


def test_stated_confidence_holds_for_errors_that_it_was_not_told_of():
    for name in MAKE:
        calibration, rows = stated(name, 0.12)
        found = reliability(rows["confidence"], rows["right"])
        assert found.ece <= 0.05, name
        assert found.monotone, name
        assert calibration.held_out is not None
        assert calibration.held_out.ece <= 0.05, name
        assert calibration.held_out.monotone, name


def test_right_rows_are_told_from_wrong_ones():
    _, rows = stated("content_analytics", 0.12)
    by = rows.group_by("right").agg(pl.col("confidence").mean())
    right, wrong = (by.filter(pl.col("right") == side)["confidence"][0] for side in (True, False))
    assert right - wrong > 0.2
    low = rows.filter(pl.col("confidence") < 0.5)
    assert low.height > 20
    assert (~low["right"]).mean() > 0.8


@pytest.mark.long
@pytest.mark.parametrize("rules", [(), ("ads",)])
@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("name", list(MAKE))
def test_it_holds_whatever_share_of_rows_is_wrong(name, share, rules):
    if rules and name != "ad_facts":
        rules = ()
    _, rows = stated(name, share, 8_000, rules)
    found = reliability(rows["confidence"], rows["right"])
    assert (found.ece <= 0.05, found.monotone) == (True, True), found


def test_more_evidence_is_never_more_confidence():
    calibration, _ = stated("ad_facts", 0.12)
    assert all(weight >= 0 for weight in calibration.weights.values())
    ratios = [s.right / s.wrong for s in calibration.steps]
    assert ratios == sorted(ratios)
    rows = pl.DataFrame([{name: float(n if name == factor else 0) for name in FACTORS} for factor in FACTORS for n in range(3)])
    groups = pl.DataFrame({"_source": ["a"] * rows.height, "synthetic": [False] * rows.height})
    told = calibration.probability(rows, groups).to_list()
    assert all(told[i] >= told[i + 1] >= told[i + 2] for i in range(0, len(told), 3))


def test_a_source_with_many_refused_rows_is_believed_less():
    calibration, _ = stated("ad_facts", 0.12)
    rows = pl.DataFrame([dict.fromkeys(FACTORS, 0.0)] * 400)
    groups = pl.DataFrame({"_source": ["good"] * 200 + ["bad"] * 200, "synthetic": [False] * 400})
    told = calibration.probability(rows, groups, quarantined={"bad": 80}).to_list()
    assert told[0] - told[-1] > 0.05
    doubted = calibration.probability(rows, groups, trust={"good": 0.5}).to_list()
    assert doubted[0] < told[0]


def test_a_synthetic_row_is_believed_less():
    rows = pl.DataFrame([dict.fromkeys(FACTORS, 0.0)] * 2)
    groups = pl.DataFrame({"_source": ["a", "a"], "synthetic": [False, True]})
    assert starting().probability(rows, groups).to_list() == [0.95, 0.8]


def test_small_tables_and_tables_that_show_no_error_are_not_calibrated():
    contract = LANDED["ad_facts"]
    raw = as_raw(with_errors(ads(150, 1), 2).rows, contract, source="x").rows
    assert calibrated(raw, contract, CleaningPolicy()) == starting()
    assert calibrated(contract.empty("raw"), contract, CleaningPolicy()) == starting()


def test_the_same_table_gives_the_same_calibration_in_any_order():
    contract = LANDED["content_analytics"]
    raw = as_raw(with_errors(measurements(600, 1), 2, key=("post_id",)).rows, contract, source="x").rows
    one, other = (as_table(calibrated(frame, contract, CleaningPolicy()), "m") for frame in (raw, raw.sample(fraction=1, shuffle=True, seed=3)))
    assert one.equals(other)


def test_a_calibration_is_kept_as_a_table():
    calibration, _ = stated("ad_facts", 0.12)
    kept = as_table(calibration, made_of("1.abc", 5_000))
    assert dict(kept.schema) == CALIBRATION
    assert made(kept) == "1.abc/1/12"
    back = from_table(kept)
    assert (back.weights, back.steps, back.refused, back.rows) == (calibration.weights, calibration.steps, calibration.refused, calibration.rows)
    assert back.held_out.bins.equals(calibration.held_out.bins.with_columns(pl.col(pl.Float64).round(9)))
    assert from_table(as_table(starting(), "x")) == starting()


def test_evidence_counts_what_speaks_against_a_row():
    contract = LANDED["content_analytics"]
    result = clean(as_raw(measurements(400, 3).cast(pl.String), contract, source="x").rows, contract)
    rows = result.kept.with_columns(
        likes=pl.when(pl.int_range(pl.len()) != 0).then("likes"),
        saves=pl.when(pl.int_range(pl.len()) != 1).then("saves"),
        flags=pl.when(pl.int_range(pl.len()) == 2).then(pl.lit(["likes_never_fall", "outlier_likes_per_impressions"])).otherwise("flags"),
    )
    place = rows.row(3, named=True)
    repairs = pl.DataFrame([{**{c: place[c] for c in ("tenant", "_source", "_batch", "_row")}, "confidence": c} for c in (0.8, 1.0)])
    survivors = {f"survivor{c}": place[c] for c in ("_source", "_batch", "_row")}
    duplicates = pl.DataFrame([survivors | {"agreement": 1.0}, survivors | {"agreement": 0.75}])
    told = evidence(rows, contract, repairs=repairs, duplicates=duplicates)
    assert told.row(0, named=True)["missing_required"] == 1
    assert told.row(1, named=True)["missing_usual"] == 3
    assert (told.row(2, named=True)["soft_rules"], told.row(2, named=True)["outliers"]) == (1, 1)
    assert told.row(3, named=True) | {"guessed": 1, "disagreement": 0.25, "unsupported": 0} == told.row(3, named=True)
    assert told.row(4, named=True) == {name: float(name == "unsupported") for name in FACTORS}


def test_errors_leave_keys_and_other_rows_alone():
    contract = LANDED["ad_facts"]
    raw = as_raw(with_errors(ads(2_000, 1), 2, rows_wrong=0, rows_otherwise=0).rows, contract, source="x").rows
    bad = spoiled(raw, contract, np.random.default_rng(4), share=0.3)
    assert bad["row_id"].equals(raw["row_id"])
    touched = pl.DataFrame([raw[c].ne_missing(bad[c]).alias(c) for c in raw.columns]).select(pl.any_horizontal(pl.all())).to_series()
    assert 0.2 < touched.mean() < 0.32
    assert all(bad[c].equals(raw[c]) for c in raw.columns if c.startswith("_") or c in ("tenant", "synthetic"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=400))
def test_reliability_adds_up(rows):
    found = reliability(pl.Series([p for p, _ in rows]), pl.Series([r for _, r in rows]))
    assert found.bins["n"].sum() == len(rows) == found.n
    assert 0 <= found.ece <= 1
    assert np.isclose((found.bins["right"] * found.bins["n"]).sum(), sum(r for _, r in rows))
    assert found.bins["confidence"].is_sorted()


def test_a_curve_that_falls_is_not_monotone():
    stated = pl.Series([0.2] * 200 + [0.9] * 200)
    assert not reliability(stated, pl.Series([True] * 150 + [False] * 50 + [True] * 90 + [False] * 110)).monotone
    assert reliability(stated, pl.Series([True] * 40 + [False] * 160 + [True] * 190 + [False] * 10)).monotone
