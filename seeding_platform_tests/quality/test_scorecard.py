"""Every target of the requirements stands on the scorecard, measured on something or with the reason why not."""

import dataclasses

import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.cleaning.score import Ratio
from seeding_platform.quality.scorecard import SCORECARD, Observed, scorecard
from seeding_platform.quality.standing import Point, accuracy
from seeding_platform_tests.quality.reports import report, table


def lines(made, observed=None):
    card = scorecard(made, observed)
    assert dict(card.schema) == SCORECARD
    return {row["target"]: row for row in card.to_dicts()}


def test_targets_and_what_they_are_made_of():
    found = lines(report(table("orders", kept=90, quarantined=6), table("customers", kept=10, merged=0, quarantined=0, score=87.5, confidence=0.58)))
    assert (found["validation_success"]["numerator"], found["validation_success"]["denominator"]) == (104, 110)
    assert found["validation_success"]["state"] == "not_met"
    assert found["confidence"]["value"] == pytest.approx((0.98 * 90 + 0.58 * 10) / 100)
    assert found["quality_score"]["value"] == pytest.approx(96.5)
    assert found["completeness"] | {"value": 1.0, "state": "met", "n": 100} == found["completeness"]


def test_what_is_not_measured_says_why():
    found = lines(report())
    assert {row["state"] for row in found.values()} == {"not_measured"}
    assert all(row["method"] and row["value"] is None for row in found.values())
    assert len(found) >= 12


def test_variation_is_that_of_the_table_that_varies_most():
    calm, wild = (tuple(Point(str(i), 9, 97 + amount * (i % 2), 0.9) for i in range(10)) for amount in (0.1, 8.0))
    made = dataclasses.replace(report(table("orders")), trend={"orders": calm, "customers": wild, "campaigns": wild[:6]})
    found = lines(made)["quality_variance"]
    assert (found["state"], found["bound"], found["n"]) == ("not_met", "most", 10)
    assert "customers" in found["method"]
    assert lines(dataclasses.replace(made, trend={"orders": calm}))["quality_variance"]["state"] == "met"
    assert lines(dataclasses.replace(made, trend={"orders": wild[:6]}))["quality_variance"]["state"] == "not_measured"


def test_throughput_and_coverage_come_from_runs_and_bundles():
    found = lines(report(table("orders")), Observed(50_000, 30.0, 17, 11))
    assert found["throughput"]["value"] == 100_000
    assert found["data_coverage"]["value"] == pytest.approx(11 / 17, abs=1e-4)
    assert found["data_coverage"]["state"] == "not_met"


def test_accuracy_is_told_against_a_reference_only(tmp_path, caplog):
    contract = LANDED["ad_facts"]
    kept = contract.empty("clean")
    row = dict.fromkeys(kept.columns) | {"tenant": "acme", "row_id": "r1", "campaign": "Spring", "clicks": 5, "impressions": 50, "_source": "x"}
    kept = pl.DataFrame([row, row | {"row_id": "r2", "clicks": 7}], schema=kept.schema)
    assert accuracy(kept, contract, tmp_path) == Ratio(0, 0) == accuracy(kept, contract, None)
    (tmp_path / "ad_facts.csv").write_text("row_id,campaign,clicks\nr1,Spring,5\nr2,Spring,9\n")
    assert accuracy(kept, contract, tmp_path) == Ratio(3, 4)
    assert lines(report(table("ad_facts", accuracy=Ratio(3, 4))))["accuracy"]["value"] == 0.75
    (tmp_path / "ad_facts.csv").write_text("campaign\nSpring\n")
    with caplog.at_level("WARNING"):
        assert accuracy(kept, contract, tmp_path) == Ratio(0, 0)
    assert "row_id" in caplog.text
    (tmp_path / "ad_facts.csv").write_text("")
    assert accuracy(kept, contract, tmp_path) == Ratio(0, 0)
    (tmp_path / "ad_facts.csv").write_text("row_id,clicks\nr1,5\n")
    two = pl.concat([kept, kept.with_columns(tenant=pl.lit("other"))])
    assert accuracy(two, contract, tmp_path) == Ratio(0, 0), "a row without a tenant is nobody's"
