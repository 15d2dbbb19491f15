"""Who answers which record, and which of two versions does better."""

import numpy as np
import pytest
from scipy.stats import binomtest

from seeding_platform.enrichment.ab import compared, in_candidate
from seeding_platform.storage.enrichment.measured import Paired


def chosen(version, share, many=4000):
    return {i for i in range(many) if in_candidate("t", "s", version, f"r{i}", share=share)}


def test_a_record_stays_where_it_is():
    few, more = chosen("v2", 0.1), chosen("v2", 0.3)
    assert few < more
    assert len(few) / 4000 == pytest.approx(0.1, abs=0.02)
    assert chosen("v2", 0.0) == set()
    assert len(chosen("v2", 1.0)) == 4000
    assert len(chosen("v3", 0.1) & few) / 4000 == pytest.approx(0.01, abs=0.01)  # another version draws anew


def pairs(n, one, other, rng, *, surer=0.0):
    """Records on which the two are right with these probabilities, and say so; the other states more by `surer`."""
    found = []
    for i in range(n):
        answers = ["a" if rng.random() < p else "b" for p in (one, other)]
        found.append(Paired(f"r{i}", (answers[0], one), (answers[1], min(1.0, other + surer)), "a"))
    return found


def test_a_better_one_is_found_and_a_surer_one_too():
    rng = np.random.default_rng(3)
    told = compared(pairs(400, 0.7, 0.85, rng, surer=0.14), rng=rng)
    assert (told.accuracy, told.calibration) == ("better", "worse")
    assert told.p == pytest.approx(binomtest(told.won, told.won + told.lost).pvalue)
    assert told.gain[0] > 0
    assert told.ece_gain[2] < 0
    assert told.confident == (1.0, 1.0)
    back = compared([Paired(p.record_id, p.other, p.one, p.truth) for p in pairs(400, 0.7, 0.85, rng)], rng=rng)
    assert back.accuracy == "worse"


def test_chance_is_no_difference():
    rng = np.random.default_rng(3)
    told = [compared(pairs(200, 0.8, 0.8, rng), rng=rng, replicates=200) for _ in range(100)]
    assert sum(t.accuracy != "open" for t in told) <= 8
    assert sum(t.calibration != "open" for t in told) <= 8


def test_few_records_decide_nothing():
    rng = np.random.default_rng(3)
    told = compared(pairs(49, 0.1, 1.0, rng), rng=rng)
    assert (told.n, told.accuracy, told.calibration) == (49, "too_few", "too_few")
    assert compared([], rng=rng).right is None


def test_the_error_of_calibration_is_that_of_ten_bins():
    made = [Paired(str(i), ("a", 0.3), ("a", 1.0), "a" if i < 30 else "b") for i in range(100)]
    told = compared(made, rng=np.random.default_rng(1), replicates=50)
    assert told.ece == pytest.approx((0.0, 0.7))
