"""Column lineage on the assets as Dagster shows it, and the export of what was made."""

import json

import dagster as dg
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.definitions import build_definitions
from seeding_platform.defs.clean.assets import clean_asset
from seeding_platform.defs.collect.assets import raw_asset
from seeding_platform.defs.io_managers import LakeIOManager
from seeding_platform.defs.lineage import exported
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.assets import quality_asset
from seeding_platform.defs.quality.calibration import calibration_asset
from seeding_platform.governance.openlineage import broken
from seeding_platform_tests.governance.orders import carried, raw

ORDERS = LANDED["orders"]
KEY = "dagster/column_lineage"


@pytest.fixture
def platform(place):
    return Platform(place.settings)


def test_materialisations_carry_column_lineage_and_are_exported(place, platform, tmp_path):
    carried(platform, raw(["cust-0001", "cust-0002"]))
    assets = [raw_asset(ORDERS, []), clean_asset(ORDERS), calibration_asset(ORDERS), quality_asset(ORDERS)]
    chosen = dg.AssetSelection.groups("clean", "quality")
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(assets, selection=chosen, instance=instance, resources={"platform": platform, "lake": LakeIOManager(platform.lake)})
        assert done.success
        made = {"/".join(e.asset_key.path): e.step_materialization_data.materialization.metadata for e in done.get_asset_materialization_events()}
        clean = made["clean/orders"][KEY].value.deps_by_column
        assert [(d.asset_key.path, d.column_name) for d in clean["amount"]] == [(["raw", "orders"], "amount")]
        quality = made["quality/orders"][KEY].value.deps_by_column
        assert quality["amount"][0].asset_key == dg.AssetKey(["clean", "orders"])
        assert "note" not in quality
        target = tmp_path / "events.jsonl"
        count = exported(platform, build_definitions(place.settings), instance, target)
    events = [json.loads(line) for line in target.read_text().splitlines()]
    assert count == len(events) == len(made)
    assert [broken(e) for e in events] == [[]] * count
    told = next(e for e in events if e["outputs"][0]["name"] == "quality/orders")
    assert told["run"]["runId"] == done.run_id
    sides = [f"clean/orders{side}" for side in ("", "__duplicates", "__quarantine", "__repairs")]
    assert sorted(i["name"] for i in told["inputs"]) == [*sides, "quality/orders__calibration"]
    assert told["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert told["outputs"][0]["facets"]["ownership"]["owners"][0]["name"] == "team:operations"
    assert next(i for i in told["inputs"] if i["name"] == "clean/orders")["inputFacets"]["dataQualityMetrics"]["rowCount"] == 2


def test_what_is_declared_of_an_asset_is_on_it(place):
    defs = build_definitions(place.settings)
    specs = {"/".join(s.key.path): s for s in defs.resolve_all_asset_specs()}
    with_lineage = {name for name, s in specs.items() if KEY in s.metadata}
    assert with_lineage >= {f"clean/{name}" for name in LANDED} | {"raw/orders", "bundle/churn_prediction"}
    for name in with_lineage:
        declared = {c.name for c in specs[name].metadata["dagster/column_schema"].columns}
        lineage = specs[name].metadata[KEY].deps_by_column
        assert set(lineage) <= declared, name
        for deps in lineage.values():
            assert {d.asset_key for d in deps} <= {d.asset_key for d in specs[name].deps}, name
    assert raw_asset(ORDERS, []).specs_by_key[dg.AssetKey(["raw", "orders"])].metadata.get(KEY) is None
