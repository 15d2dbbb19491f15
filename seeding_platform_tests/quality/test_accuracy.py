"""How right tables are after cleaning, against a truth that cleaning never sees."""

import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning import clean
from seeding_platform.cleaning.policy import CleaningPolicy
from seeding_platform_tests.quality.injected.dirt import with_errors
from seeding_platform_tests.quality.injected.measure import accuracy
from seeding_platform_tests.quality.injected.rules import ADS, MEASUREMENTS
from seeding_platform_tests.quality.injected.truth import ads, measurements

TABLES = {"ad_facts": (ads, ("row_id",), ADS), "content_analytics": (measurements, ("post_id",), MEASUREMENTS)}


@pytest.fixture(scope="module")
def measured():
    found = {}
    for n, (name, (make, key, rules)) in enumerate(TABLES.items()):
        truth = make(8_000, 71 + n)
        dirty = with_errors(truth, 81 + n, key=key)
        result = clean(dirty.rows, LANDED[name], CleaningPolicy(repairs=rules))
        found[name] = accuracy(result.kept, truth, dirty.errors, key=key)
    return found


def test_kept_rows_are_right_to_95_percent_and_60_percent_of_the_errors_are_gone(measured):
    assert all(a.before < 0.98 for a in measured.values())
    assert all(a.after >= 0.95 for a in measured.values()), measured
    gone = 1 - sum(a.wrong_after for a in measured.values()) / sum(a.wrong_before for a in measured.values())
    assert gone >= 0.60, measured


def test_hardly_a_right_cell_is_broken_and_no_right_row_is_set_aside(measured):
    for name, a in measured.items():
        assert a.broken <= 0.001 * a.kept_cells, name
        assert a.right_set_aside == 0, name


def test_other_ways_of_writing_cost_nothing():
    truth = ads(2_000, 5)
    dirty = with_errors(truth, 6, rows_wrong=0, rows_otherwise=1.0)
    assert dirty.errors.height > 1_500
    result = clean(dirty.rows, LANDED["ad_facts"])
    found = accuracy(result.kept, truth, dirty.errors, key=("row_id",))
    assert (found.wrong_after, found.rows_set_aside) == (0, 0)


def test_a_truth_that_is_cleaned_stays_the_truth():
    truth = measurements(2_000, 5)
    dirty = with_errors(truth, 6, rows_wrong=0, rows_otherwise=0, key=("post_id",))
    result = clean(dirty.rows, LANDED["content_analytics"], CleaningPolicy(repairs=MEASUREMENTS))
    found = accuracy(result.kept, truth, dirty.errors, key=("post_id",))
    assert (found.wrong_after, found.rows_set_aside, result.repairs.filter(pl.col("rule").str.ends_with("_unit")).height) == (0, 0, 0)
