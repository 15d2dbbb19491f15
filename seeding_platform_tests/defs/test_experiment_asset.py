"""The seeding experiment in the graph: with the rows of tenants that everybody may learn from, in a job and a schedule of its own."""

import dagster as dg
import polars as pl
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.train import experiment
from seeding_platform.defs.train.experiment import TABLE, experiment_asset
from seeding_platform.models import seeding_experiment as room
from seeding_platform.models import shipped_spec
from seeding_platform_tests.service.test_models import customers

SPECS = [
    shipped_spec("churn").model_copy(update={"params": {"max_iter": 12}}),
    shipped_spec("segmentation"),
    shipped_spec("sentiment_analysis"),
]


@pytest.fixture
def platform(place, monkeypatch):
    """Two tenants: `default` with few customers, `open_data` with many that everybody may learn from."""
    settings = place.settings.model_copy(update={"seed_tenants": "open_data, default"})
    made = Platform(settings)
    for name in ("customers", "orders"):
        made.lake.overwrite(f"quality/{name}", LANDED[name].empty("quality"))
    monkeypatch.setattr(Platform, "tenants", lambda self: ["default", "open_data"])
    frames = {"default": customers().head(200), "open_data": customers(seed=2).with_columns(customer_ref="o" + pl.col("customer_ref"))}
    monkeypatch.setattr(experiment, "_frame", lambda platform, spec, tenant: frames[tenant])
    monkeypatch.setattr(room.seeding_experiment, "__kwdefaults__", room.seeding_experiment.__kwdefaults__ | {"draws": 2, "sizes": (30, 150)})
    return made


def test_every_model_of_every_tenant_is_tried_or_says_why_not(platform):
    with dg.DagsterInstance.ephemeral() as instance:
        inputs = [dg.AssetSpec(["quality", n]) for n in ("customers", "orders", "content_posts")]
        done = dg.materialize([*inputs, experiment_asset(SPECS)], instance=instance, resources={"platform": platform})
    assert done.success
    rows = platform.lake.read(TABLE).sort("tenant", "model", "labels").collect()
    assert rows.select("tenant", "model", "labels").rows() == [
        ("default", "churn", 30),
        ("default", "segmentation", None),
        ("open_data", "churn", 30),
        ("open_data", "churn", 150),
        ("open_data", "segmentation", None),
    ]
    first = rows.row(0, named=True)
    assert (first["seed_rows"], first["own_rows"], first["held_out"], first["draws"]) == (600, 140, 60, 2)
    assert first["gain"] == pytest.approx(first["warm"] - first["cold"])
    assert min(first["warm"], first["seed_alone"]) > 0.7
    assert "no labels" in rows.row(1, named=True)["says"]
    assert rows.row(2, named=True)["seed_rows"] == 200, "its own rows are not its seed"
    (event,) = done.asset_materializations_for_node("quality__seeding_experiment")
    assert set(event.metadata["experiments"].value) == {"default.churn", "default.segmentation", "open_data.churn", "open_data.segmentation"}
