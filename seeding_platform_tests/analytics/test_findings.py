"""Findings tell what was put in, with an interval that holds it, and nothing where nothing was put in."""

import datetime as dt
import random

import polars as pl
import pytest

from seeding_platform.analytics.facts import known, read_fact_table
from seeding_platform.analytics.findings import finding_said, findings, insight_rows, moved, standing_out
from seeding_platform.analytics.language.explain import metric_name
from seeding_platform.storage.snapshots import Snapshot

FIRST, DAYS = dt.date(2026, 1, 1), 120


def facts_of(folder, *, lift: float = 1.0, spike: int | None = None, seed: int = 1):
    """Two platforms with noise; Google's conversions of the last 30 days are lifted, and one day's spend stands out."""
    rng, rows = random.Random(seed), []
    for day in range(DAYS):
        for platform in ("Google", "Meta"):
            spend = 100 + rng.gauss(0, 5) + 20 * (day % 7 == 2)
            conversions = max(0, round(20 + rng.gauss(0, 2)))
            if platform == "Google" and day >= DAYS - 30:
                conversions = round(conversions * lift)
            if day == spike:
                spend *= 5
            rows.append(
                {"date": FIRST + dt.timedelta(days=day), "platform": platform, "spend": round(spend, 2), "clicks": 200, "impressions": 5000,
                 "conversions": conversions, "revenue": conversions * 50.0, "currency": "EUR"}
            )  # fmt: skip
    pl.DataFrame(rows).write_csv(folder / "facts.csv")
    return known(Snapshot.of(read_fact_table(folder / "facts.csv")))


def test_what_moved_a_figure_is_named_with_a_range_that_holds_the_truth(tmp_path):
    found = {(f.kind, f.metric): f for f in moved(facts_of(tmp_path, lift=1.5))}
    conversions = found["moved", "conversions"]
    assert conversions.segment == "Google"
    assert conversions.low < 300 < conversions.high  # half of 30 x 20
    assert conversions.effect == pytest.approx(300, rel=0.15)
    assert found["moved", "cac"].effect < 0
    assert found["moved", "cac"].high < 0
    assert found["moved", "roas"].low > 0


@pytest.mark.long
def test_chance_is_not_told(tmp_path):
    """Twenty worlds in which nothing moved: at most one in twenty intervals may miss 0, by what they say of themselves."""
    told = [f for seed in range(20) for f in moved(facts_of(tmp_path, seed=seed)) if f.metric == "conversions"]
    assert len(told) <= 3


def test_a_day_that_stands_out_is_told_while_it_is_news(tmp_path):
    (day,) = [f for f in standing_out(facts_of(tmp_path, spike=DAYS - 5)) if f.metric == "spend"]
    assert day.segment == (FIRST + dt.timedelta(days=DAYS - 5)).isoformat()
    assert day.effect == pytest.approx(4 * 2 * 100, rel=0.25)
    assert day.low > 0
    assert [f for f in standing_out(facts_of(tmp_path, spike=DAYS - 40)) if f.metric == "spend"] == []


@pytest.mark.long
def test_the_weekly_spend_is_forecast_and_every_finding_can_be_said_and_kept(tmp_path):
    found = findings(facts_of(tmp_path, lift=1.5, spike=DAYS - 5))
    assert {f.kind for f in found} >= {"moved", "stands_out"}
    for finding in found:
        for lang in ("en", "nl"):
            said = finding_said(finding, lang, figure=lambda value, _: f"{value:.1f}", day=str)
            assert metric_name(finding.metric, lang).lower() in said.lower()
            assert "{" not in said
    rows = insight_rows(found, tenant="t")
    assert rows["insight_id"].n_unique() == rows.height == len(found)
    assert (rows["ci_low"] <= rows["effect"]).all()
    assert (rows["effect"] <= rows["ci_high"]).all()
