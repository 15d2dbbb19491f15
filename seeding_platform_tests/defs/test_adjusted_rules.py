"""Limits of cleaning and rules of distribution that were adjusted: they hold at once, and what was made by others follows."""

import dagster as dg
import pytest

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.engine import load_engines
from seeding_platform.cleaning.policies import fingerprint
from seeding_platform.cleaning.policy import LIMITS
from seeding_platform.defs.distribute.assets import MINIMUM
from seeding_platform.defs.distribute.rules import distribution_sensor
from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.rules import RULES, as_adjusted
from seeding_platform.errors import ConfigError
from seeding_platform_tests.places import Place

ORDERS, CUSTOMERS = LANDED["orders"], LANDED["customers"]


@pytest.fixture
def platform(place: Place) -> Platform:
    policies = place.root / "policies"
    policies.mkdir()
    (policies / "orders.yaml").write_text("iqr_factor: 4\nmad_limit: 6\n")
    return Platform(place.settings.model_copy(update={"policies": policies}))


def change(platform, setting, scope="", **values):
    platform.adjusted.change(setting, values, scope=scope, actor="k", reason="a test", now=platform.now())


def test_adjusted_limits_take_the_place_of_the_file_field_by_field(platform):
    before = fingerprint(ORDERS, platform.cleaning(ORDERS)), fingerprint(CUSTOMERS, platform.cleaning(CUSTOMERS))
    change(platform, LIMITS, "orders", iqr_factor=2.5)
    found = platform.cleaning(ORDERS)
    assert (found.iqr_factor, found.mad_limit) == (2.5, 6.0)
    after = fingerprint(ORDERS, platform.cleaning(ORDERS)), fingerprint(CUSTOMERS, platform.cleaning(CUSTOMERS))
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, True]  # what the sensor of cleaning goes by
    assert LIMITS.affects("orders") == ["clean/orders"]
    platform.adjusted.back(LIMITS, 0, scope="orders", actor="k", reason="back", now=platform.now())
    assert platform.cleaning(ORDERS).iqr_factor == 4.0


def test_limits_that_cannot_be_are_refused(platform):
    with pytest.raises(ConfigError, match="greater than 0"):
        change(platform, LIMITS, iqr_factor=0)
    with pytest.raises(ConfigError, match="one of weight_required"):
        change(platform, LIMITS, weight_required=0, weight_filled=0, weight_consistency=0)
    with pytest.raises(ConfigError, match="there is no table"):
        change(platform, LIMITS, "no_table", iqr_factor=2)


def test_an_engine_is_given_what_was_adjusted_and_its_bundle_is_built_again_once(platform):
    engine = load_engines()["analytics"]
    change(platform, RULES, "analytics", minimum_confidence=0.9)
    assert as_adjusted(engine, platform.adjusted).minimum_confidence == 0.9
    assert as_adjusted(engine, platform.adjusted).schema_hash() == engine.schema_hash()
    sensor = distribution_sensor([engine])
    with dg.DagsterInstance.ephemeral() as instance:

        def asked():
            found = sensor(dg.build_sensor_context(instance=instance, resources={"platform": platform}))
            return [] if isinstance(found, dg.SkipReason) else [r.asset_selection for r in found.run_requests]

        assert asked() == []
        key = dg.AssetKey(["bundle", "analytics"])
        instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata={MINIMUM: engine.minimum_confidence}))
        assert asked() == [[key]]
        instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata={MINIMUM: 0.9}))
        assert asked() == []
    with pytest.raises(ConfigError, match="there is no engine"):
        change(platform, RULES, "no_engine", minimum_confidence=0.5)


def test_values_are_kept_in_the_types_of_their_fields(platform):
    change(platform, LIMITS, "orders", iqr_factor="3", outlier_min_rows="40")
    assert platform.adjusted.current(LIMITS, "orders").values == {"iqr_factor": 3.0, "outlier_min_rows": 40}
    change(platform, RULES, minimum_confidence="0.8")
    assert as_adjusted(load_engines()["analytics"], platform.adjusted).minimum_confidence == 0.8


def test_scopes_are_checked_together(platform):
    change(platform, LIMITS, "orders", weight_required=0, weight_filled=0)
    with pytest.raises(ConfigError, match="for orders"):
        change(platform, LIMITS, weight_consistency=0)
    assert platform.cleaning(ORDERS).weight_consistency > 0
