"""Figures over time: a calm table alarms nobody, what is planted is found, once a day."""

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.quality.monitors import MONITORS, history_with, measured, shapes_of, told

ADS = LANDED["ad_facts"]
START = dt.datetime(2026, 3, 1, 6, tzinfo=dt.UTC)


def table(rng, day, *, rows=400, **changed):
    """A day's table as an advertiser's exports would make it."""
    n = int(rows * rng.uniform(0.98, 1.02))
    columns = {
        "tenant": ["acme"] * n,
        "date": [(START + dt.timedelta(days=day)).date()] * n,
        "platform": rng.choice(["Google", "Meta", "TikTok"], n, p=[0.5, 0.3, 0.2]).tolist(),
        "campaign": [f"campaign {v}" for v in rng.integers(0, 30, n)],
        "spend": np.round(rng.lognormal(4, 0.5, n), 2).tolist(),
        "clicks": rng.integers(5, 60, n).tolist(),
        "device": [None if v < 0.05 else "Mobile" for v in rng.random(n)],
        "quality_score": rng.normal(97, 1, n).clip(0, 100).tolist(),
        "confidence": rng.normal(0.95, 0.01, n).clip(0, 1).tolist(),
    } | {name: make(n) for name, make in changed.items()}
    schema = ADS.schema("quality")
    known = {name: pl.Series(name, values, dtype=schema[name], strict=False) for name, values in columns.items()}
    return pl.DataFrame([known.get(name, pl.Series(name, [None] * n, dtype=dtype)) for name, dtype in schema.items()]).lazy()


def runs(rng, days, *, first=0, history=None, per_day=1, last=None):
    history = pl.DataFrame(schema=MONITORS) if history is None else history
    for i in range(days * per_day):
        day, part = divmod(i, per_day)
        at = START + dt.timedelta(days=first + day, hours=part)
        frame = (last or table)(rng, first + day)
        figures = measured(frame, ADS, quarantined={"acme": 4}, now=at, shapes=shapes_of(history))
        history = history_with(history, figures, table="ad_facts", version=first * 100 + i, at=at)
    return history


@pytest.fixture(scope="module")
def calm():
    return runs(np.random.default_rng(7), 40)


def test_a_calm_table_alarms_nobody(calm):
    judged = calm.filter(pl.col("verdict") != "learning")
    assert judged.height > 500
    assert judged["alerted"].sum() <= judged.height * 0.002


def test_nothing_is_said_before_seven_runs(calm):
    by_run = calm.filter(pl.col("value").is_not_null() & (pl.col("metric") != "psi")).group_by("at").agg(pl.col("verdict").unique()).sort("at")
    assert by_run["verdict"][:7].list.join(",").unique().to_list() == ["learning"]
    assert "learning" not in by_run["verdict"][7]


PLANTED = {
    ("", "rows"): lambda rng, day: table(rng, day, rows=150),
    ("device", "null_rate"): lambda rng, day: table(rng, day, device=lambda n: [None if i % 2 else "Mobile" for i in range(n)]),
    ("spend", "mean"): lambda rng, day: table(rng, day, spend=lambda n: np.round(rng.lognormal(5.2, 0.5, n), 2).tolist()),
    ("platform", "psi"): lambda rng, day: table(rng, day, platform=lambda n: ["TikTok"] * (n // 2) + ["Google"] * (n - n // 2)),
    ("", "freshness_hours"): lambda rng, day: table(rng, day - 4),
    ("", "score"): lambda rng, day: table(rng, day, quality_score=lambda n: [80.0] * n),
}


@pytest.mark.parametrize("planted", list(PLANTED), ids=lambda p: "-".join(filter(None, p)))
def test_what_is_planted_is_found_and_named(calm, planted):
    history = runs(np.random.default_rng(8), 1, first=40, history=calm, last=PLANTED[planted])
    found = history.filter(pl.col("alerted") & (pl.col("at") == history["at"].max()))
    assert planted in found.select("column", "metric").rows()
    assert any("acme" in line and planted[1].replace("_", " ") in line for line in told(history, at=history["at"].max()))


def test_a_figure_alarms_once_a_day(calm):
    history = runs(np.random.default_rng(9), 2, first=40, history=calm, per_day=3, last=PLANTED["", "rows"])
    alarms = history.filter((pl.col("metric") == "rows") & pl.col("alerted"))
    assert alarms["at"].dt.date().to_list() == [(START + dt.timedelta(days=d)).date() for d in (40, 41)]


def test_a_tenant_whose_rows_vanish_and_a_table_that_becomes_empty_are_told(calm):
    at = START + dt.timedelta(days=40)
    none = measured(ADS.empty("quality").lazy(), ADS, quarantined={}, now=at)
    history = history_with(calm, none, table="ad_facts", version=99_999, at=at)
    lost = history.filter((pl.col("at") == at) & pl.col("alerted"))
    assert lost.select("tenant", "metric", "value").rows() == [("acme", "rows", 0.0)]
    again = history_with(history, none, table="ad_facts", version=100_000, at=at + dt.timedelta(days=1))
    assert again.filter(pl.col("at") > at).height == 0, "it is told once, not for ever"


def test_the_same_version_is_one_run(calm):
    at = START + dt.timedelta(days=50)
    figures = measured(table(np.random.default_rng(1), 50), ADS, quarantined={}, now=at)
    again = history_with(calm, figures, table="ad_facts", version=int(calm["version"].max()), at=at)
    assert again is calm


def test_history_is_bounded_and_old_shapes_go():
    history = runs(np.random.default_rng(3), 45)
    shapes = history.filter(pl.col("metric") == "psi").group_by("at").agg(pl.col("shape").count()).sort("at")
    assert (shapes["shape"] > 0).sum() == 28


def test_figures_are_what_they_say():
    frame = table(np.random.default_rng(5), 3, rows=300)
    found = measured(frame, ADS, quarantined={"acme": 20}, now=START + dt.timedelta(days=4))
    rows = frame.collect()
    told = {(c, m): (v, n) for c, m, v, n in found.select("column", "metric", "value", "n").iter_rows()}
    assert told["", "rows"] == (rows.height, rows.height)
    assert told["", "validity"] == (pytest.approx(rows.height / (rows.height + 20)), rows.height + 20)
    assert told["device", "null_rate"][0] == pytest.approx(rows["device"].null_count() / rows.height)
    assert told["spend", "mean"][0] == pytest.approx(float(rows["spend"].cast(pl.Float64).mean()))
    assert told["", "freshness_hours"][0] == 30
    shape = json.loads(found.filter((pl.col("column") == "platform") & (pl.col("metric") == "psi"))["shape"][0])
    assert sum(shape["kinds"].values()) == rows.height
    assert found.filter((pl.col("column") == "campaign") & (pl.col("metric") == "psi")).height == 1


def test_psi_is_zero_for_the_same_rows_and_names_are_never_kept():
    frame = table(np.random.default_rng(5), 3, campaign=lambda n: [f"name {i}" for i in range(n)])
    first = measured(frame, ADS, quarantined={}, now=START)
    shapes = {(t, c): s for t, c, s in first.filter(pl.col("shape").is_not_null()).select("tenant", "column", "shape").iter_rows()}
    again = measured(frame, ADS, quarantined={}, now=START, shapes=shapes)
    assert again.filter(pl.col("metric") == "psi")["value"].max() == pytest.approx(0, abs=1e-12)
    assert ("acme", "campaign") not in shapes


def test_tenants_have_figures_of_their_own():
    frame = table(np.random.default_rng(5), 3).with_columns(tenant=pl.when(pl.int_range(pl.len()) < 100).then(pl.lit("b")).otherwise("tenant"))
    found = measured(frame, ADS, quarantined={}, now=START)
    assert found.filter(pl.col("metric") == "rows")["value"].sum() == frame.collect().height
    assert measured(ADS.empty("quality").lazy(), ADS, quarantined={}, now=START).height == 0
