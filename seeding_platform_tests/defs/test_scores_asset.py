"""Customers scored as an asset: by what serves, tenant by tenant; nothing where nothing serves, and erased with everything else."""

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.train.scores import TABLE, scores_asset
from seeding_platform.models import frame_of, shipped_spec
from seeding_platform_tests.chain import cleaned_samples, quality_tables
from seeding_platform_tests.models.made import trained

NEEDED = ("customers", "orders")


@pytest.fixture
def platform(place, monkeypatch):
    """Two tenants with the same customers under other names."""
    made = Platform(place.settings)
    monkeypatch.setattr(Platform, "tenants", lambda self: ["one", "two"])
    tables = quality_tables(cleaned_samples(only=NEEDED))
    for name in NEEDED:
        rows = tables[name].collect()
        both = pl.concat([rows.with_columns(tenant=pl.lit(tenant)) for tenant in ("one", "two")])
        made.lake.overwrite(f"quality/{name}", both)
    return made


def scored(platform):
    inputs = [dg.AssetSpec(["quality", n]) for n in NEEDED] + [dg.AssetSpec(["model", n]) for n in ("churn", "segmentation")]
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([*inputs, scores_asset()], instance=instance, resources={"platform": platform})
    (event,) = done.asset_materializations_for_node("enriched__customer_scores")
    return platform.lake.read(TABLE).collect(), event.metadata


def test_every_customer_as_last_known_is_scored_by_what_serves(platform):
    before, facts = scored(platform)
    assert before.height == 2 * before["customer_ref"].n_unique() > 100
    assert before.select("churn_probability", "churn_version", "segment").null_count().row(0) == (before.height,) * 3
    assert set(facts["left_out"].value) == {"one.churn", "one.segmentation", "two.churn", "two.segmentation"}
    spec = shipped_spec("churn")
    frame = frame_of(spec, {name: platform.lake.read(f"quality/{name}", tenant="one") for name in NEEDED})
    assert trained(platform.bench, spec, frame, tenant="one").verdict == "deploy"
    rows, facts = scored(platform)
    mine, others = rows.filter(pl.col("tenant") == "one"), rows.filter(pl.col("tenant") == "two")
    assert mine["churn_probability"].is_between(0, 1).all()
    assert mine["churn_version"].unique().to_list() == ["1"]
    assert others["churn_probability"].null_count() == others.height == mine.height
    assert facts["serves"].value == {"one.churn": "1"}
    assert "No version of two.churn serves" in facts["left_out"].value["two.churn"]
    newest = platform.lake.read("quality/customers", tenant="one").group_by("customer_ref").agg(pl.col("as_of").max()).collect()
    assert mine.join(newest, on=["customer_ref", "as_of"], how="anti").is_empty()
    assert scored(platform)[1]["changed"].value is False


def test_without_tables_there_is_an_empty_one(place):
    platform = Platform(place.settings)
    rows, _ = scored(platform)
    assert rows.is_empty()
    assert rows.schema["as_of"] == pl.Date
    platform.lake.overwrite("quality/customers", LANDED["customers"].empty("quality"))
    platform.lake.overwrite("quality/orders", LANDED["orders"].empty("quality"))
    assert scored(platform)[0].is_empty()
