"""Building again by itself: when what an engine is given has been adjusted since its bundle was made."""

from collections.abc import Sequence

import dagster as dg

from seeding_platform.catalog.engine import EngineContract
from seeding_platform.defs.describe import made_by
from seeding_platform.defs.distribute.assets import MINIMUM
from seeding_platform.defs.platform import Platform
from seeding_platform.distribution.rules import as_adjusted


def distribution_sensor(engines: Sequence[EngineContract]) -> dg.SensorDefinition:
    """The sensor that has a bundle built again when it was not made by the rules that hold now."""

    @dg.sensor(
        name="distribution_rules",
        target=dg.AssetSelection.assets(*(dg.AssetKey(["bundle", e.name]) for e in engines)),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Builds each bundle again whose engine is to be given other rows than when it was made (setting `distribution.rules`).",
    )
    def distribution_rules(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult | dg.SkipReason:
        requests: list[dg.RunRequest] = []
        for engine in engines:
            key = dg.AssetKey(["bundle", engine.name])
            wanted = as_adjusted(engine, platform.adjusted).minimum_confidence
            made = made_by(context.instance, key, MINIMUM)
            if made is not None and made[1] and float(made[1]) != wanted:
                change = f"bundle:{engine.name}@{made[0]}>{wanted}"
                requests.append(dg.RunRequest(run_key=change, asset_selection=[key], tags={"seeding/because": "rules"}))
        return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason("every bundle was made by the rules that hold")

    return distribution_rules
