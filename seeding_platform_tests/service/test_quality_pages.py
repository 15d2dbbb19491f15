"""Quality over API and pages: one's own tables only, each figure as the tables have it, the installation's for operators."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from seeding_platform.quality.confidence import Calibration, Reliability
from seeding_platform.quality.confidence.table import as_table
from seeding_platform.quality.monitors import MONITORS, history_with, measured
from seeding_platform.quality.recommendations import RECOMMENDATIONS
from seeding_platform.quality.scorecard import scorecard
from seeding_platform.service.pages.charts import reliability
from seeding_platform_tests.quality.reports import report, table
from seeding_platform_tests.quality.test_monitors import ADS, START
from seeding_platform_tests.quality.test_monitors import table as day_of_ads
from seeding_platform_tests.service.pages import Pages

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def judged(service):
    """Nine runs of two organisations' advertising, the last one with half of the rows, and what other assets tell."""
    lake = service.app.state.service.lake
    rng, history = np.random.default_rng(3), pl.DataFrame(schema=MONITORS)
    for day in range(9):
        frame = day_of_ads(rng, day, rows=150 if day == 8 else 400).collect()
        both = pl.concat([frame.with_columns(tenant=pl.lit(t)) for t in ("default", "other")])
        at = START + dt.timedelta(days=day)
        figures = measured(both.lazy(), ADS, quarantined={"default": 7}, now=at)
        history = history_with(history, figures, table="ad_facts", version=day, at=at)
    lake.overwrite("quality/monitors", history)
    bins = pl.DataFrame({"confidence": [0.4, 0.96], "right": [0.38, 0.97], "n": [60, 900]}, schema_overrides={"n": pl.Int64})
    lake.overwrite("quality/ad_facts__calibration", as_table(Calibration({}, (), 0.3, 960, Reliability(bins, 0.011, 960)), "m"))
    lake.overwrite("quality/scorecard", scorecard(report(table("ad_facts"))))
    thing = (1, "ad_facts", "snap", "device", f"12 refused values {HOSTILE}", 12, 12, 0.0, '{"name": "device_spelt"}', ["a → b"])
    lake.overwrite("quality/recommendations", pl.DataFrame([thing], schema=RECOMMENDATIONS, orient="row"))
    return history


def test_figures_are_those_of_ones_own_rows(service, judged):
    found = service.get("/api/v1/quality/tables", headers=service.key("viewer")).json()
    assert [t["table"] for t in found] == ["ad_facts"]
    told = found[0]
    mine = judged.filter((pl.col("tenant") == "default") & (pl.col("at") == judged["at"].max()))
    rows = mine.filter((pl.col("column") == "") & (pl.col("metric") == "rows"))["value"][0]
    assert told["rows"] == rows
    assert told["validity"] == pytest.approx(rows / (rows + 7))
    assert len(told["runs"]) == 9
    assert {"column": "", "metric": "rows", "value": rows} == {k: told["unusual"][0][k] for k in ("column", "metric", "value")}
    gaps = mine.filter((pl.col("column") == "device") & (pl.col("metric") == "null_rate"))["value"][0]
    assert told["columns"]["device"] == pytest.approx(1 - gaps, abs=1e-4)
    assert told["calibration"]["bins"][0] == {"stated": 0.4, "observed": 0.38, "n": 60}
    assert service.get("/api/v1/quality/tables", headers=service.key("viewer", "nobody")).json() == []


def test_the_installations_figures_are_for_operators(service, judged):
    for path in ("scorecard", "recommendations"):
        assert service.get(f"/api/v1/quality/{path}", headers=service.key("analyst")).status_code == 403
        assert service.get(f"/api/v1/quality/{path}", headers=service.key("operator")).status_code == 200
    assert "a → b" not in service.get("/api/v1/quality/recommendations", headers=service.key("operator")).text


def test_the_page_says_what_is_so(service, judged):
    page = Pages(service, "operator").get("/en/quality")
    for said in ("Figures unlike the runs before: ", "ad_facts: score over 9 runs", "error 0.011, 960 records", "not measured", "12 refused values"):
        assert said in page, said
    assert HOSTILE not in page
    assert "style=" not in page
    assert "Gewenst" in Pages(service, "operator").get("/nl/quality")
    viewer = Pages(service, "viewer").get("/en/quality")
    assert "12 refused values" not in viewer
    assert "Targets" not in viewer


def test_without_anything_judged_the_page_says_why(service):
    assert "No table of yours has been judged yet" in Pages(service, "viewer").get("/en/quality")
    assert service.get("/api/v1/quality/scorecard", headers=service.key("operator")).json() == []


def test_dots_lie_where_their_figures_are():
    drawn = str(reliability([(0.5, 0.25, 100), (1.0, 1.0, 25)], label="x"))
    assert 'cx="100.0" cy="145.0" r="6.5"' in drawn
    assert 'cx="190.0" cy="10.0" r="4.5"' in drawn
