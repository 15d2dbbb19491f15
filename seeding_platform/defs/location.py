"""All definitions put together: a pure function of settings and sources."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from seeding_platform.catalog import LANDED
from seeding_platform.catalog.engine import shipped_engines
from seeding_platform.components.engine import load_own_engines
from seeding_platform.connectors.sources import Sources
from seeding_platform.defs.clean.again import policy_sensor, reclean_job
from seeding_platform.defs.clean.assets import clean_asset
from seeding_platform.defs.collect.assets import raw_asset
from seeding_platform.defs.collect.sensors import landing_check, landing_folder, landing_jobs, landing_sensor
from seeding_platform.defs.collect.sources import source_asset
from seeding_platform.defs.distribute.assets import bundle_asset
from seeding_platform.defs.distribute.rules import distribution_sensor
from seeding_platform.defs.distribute.sensors import acknowledgements_sensor, batches_sensor, failed_sensor
from seeding_platform.defs.enrich.assets import enrichment_assets
from seeding_platform.defs.enrich.sensors import enrich_job, enrichment_due, enrichment_monitor, sweep_schedule
from seeding_platform.defs.executors import executor
from seeding_platform.defs.io_managers import LakeIOManager
from seeding_platform.defs.kpis.assets import ADS_DAILY, ads_daily_asset, learning_insights, serving_snapshot
from seeding_platform.defs.kpis.sensors import kpi_days_sensor
from seeding_platform.defs.maintenance.alerts import alerts_sensor
from seeding_platform.defs.maintenance.upkeep import nightly, upkeep
from seeding_platform.defs.platform import Platform
from seeding_platform.defs.quality.assets import quality_asset, report_asset
from seeding_platform.defs.quality.bias import bias_asset
from seeding_platform.defs.quality.calibration import calibration_asset
from seeding_platform.defs.quality.controls import controls_asset
from seeding_platform.defs.quality.expectations import EXPECTATIONS, expectations_asset, expectations_job, expectations_schedule
from seeding_platform.defs.quality.monitors import monitors_asset
from seeding_platform.defs.quality.personal import personal_columns_asset
from seeding_platform.defs.quality.recommendations import recommendations_asset
from seeding_platform.defs.quality.rules import rules_sensor
from seeding_platform.defs.recurring import recurring_sensor
from seeding_platform.defs.train.assets import model_assets
from seeding_platform.defs.train.checks import check_job, check_schedule, retraining_sensor
from seeding_platform.defs.train.experiment import EXPERIMENT, experiment_asset, experiment_job, experiment_schedule
from seeding_platform.defs.train.scores import scores_asset
from seeding_platform.models import shipped_specs
from seeding_platform.settings import Settings

log = logging.getLogger("seeding.engines")
SOURCES_KEY = dg.AssetKey(["raw", "source_files"])


def location(settings: Settings, sources: Sources, *, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The code location: assets, checks, jobs, sensors, schedules.

    Args:
        settings: where things are kept.
        sources: valid sources, and files that were refused and are reported by a check.
        resources: replacements for `platform` and `lake`, for tests.
    """
    platform = Platform(settings, sources.valid)
    contracts = list(LANDED.values())
    landing = landing_jobs(sources.valid)
    specs = list(shipped_specs().values())
    own = load_own_engines(settings.engines)
    for refused in own.refused:
        log.warning("engine refused: %s", refused)
    engines = own.valid
    all_engines = [*shipped_engines().values(), *(e.contract for e in engines)]
    assets: list[Any] = [
        landing_folder(),
        source_files(),
        *(source_asset(s) for s in sources.valid),
        *(raw_asset(c, sources.valid) for c in contracts),
        *(clean_asset(c) for c in contracts),
        *(calibration_asset(c) for c in contracts),
        *(quality_asset(c) for c in contracts),
        monitors_asset(contracts),
        recommendations_asset(contracts),
        report_asset(contracts),
        personal_columns_asset(contracts),
        controls_asset(),
        bias_asset(contracts),
        expectations_asset(contracts),
        model_assets(specs),
        experiment_asset(specs),
        scores_asset(),
        enrichment_assets(),
        *(bundle_asset(e, list(LANDED)) for e in shipped_engines().values()),
        *(bundle_asset(e.contract, list(LANDED), feed=e.as_feed()) for e in engines),
        ads_daily_asset(settings.first_day),
        serving_snapshot,
        learning_insights,
    ]
    every_job = [
        *jobs(sources, [s.name for s in specs]),
        reclean_job(settings.first_day),
        expectations_job(),
        experiment_job(),
        check_job(specs),
        enrich_job(),
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=[landing_check(sources.valid), source_check(sources)],
        jobs=[*every_job, *landing.values()],
        sensors=[
            landing_sensor(sources.valid, landing),
            kpi_days_sensor,
            policy_sensor(contracts),
            rules_sensor(contracts),
            distribution_sensor(all_engines),
            acknowledgements_sensor(all_engines),
            failed_sensor(all_engines),
            batches_sensor,
            recurring_sensor(every_job),
            retraining_sensor(specs),
            enrichment_due,
            enrichment_monitor,
            alerts_sensor,
            _automation(),
        ],
        schedules=[check_schedule(specs), nightly, expectations_schedule(), experiment_schedule(), sweep_schedule()],
        resources={"platform": platform, "lake": LakeIOManager(platform.lake), **(resources or {})},
        executor=executor(settings),
    )


def jobs(sources: Sources, models: Sequence[str]) -> list[Any]:
    """`seed` runs all but landing and what has a clock of its own; `collect` the sources; `kpi` days; `retrain` the models; `upkeep` the house."""
    outside = dg.AssetSelection.assets(dg.AssetKey(["raw", "landing_folder"]), SOURCES_KEY, EXPECTATIONS, EXPERIMENT)
    landed = [dg.AssetKey(["raw", s.label]) for s in sources.valid if s.files is not None]
    everything = dg.AssetSelection.all() - outside
    return [
        dg.define_asset_job(
            "seed",
            selection=everything - dg.AssetSelection.assets(*landed) if landed else everything,
            description="The whole graph once: raw to bundles.",
        ),
        dg.define_asset_job(
            "collect",
            selection=dg.AssetSelection.assets(*[dg.AssetKey(["raw", s.label]) for s in sources.valid if s.path is not None]),
            description="Every source of a fixed file is read again; what is made of it follows.",
        ),
        dg.define_asset_job("kpi", selection=dg.AssetSelection.assets(ADS_DAILY), description="KPI tables for a range of days."),
        dg.define_asset_job(
            "retrain", selection=dg.AssetSelection.assets(*[dg.AssetKey(["model", m]) for m in models]), description="Train models again."
        ),
        upkeep,
    ]


def _automation() -> dg.AutomationConditionSensorDefinition:
    return dg.AutomationConditionSensorDefinition(
        name="follow_upstream",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=15,
        description="Lets every table follow its inputs.",
    )


def source_files() -> dg.AssetSpec:
    """The user's source files, so that a refused one has a place where it is reported."""
    return dg.AssetSpec(
        key=SOURCES_KEY,
        group_name="raw",
        kinds={"yaml"},
        owners=["team:data-platform"],
        description="The user's source files (SEEDING_SOURCES). A file that is refused is named by the check; the other sources go on.",
    )


def source_check(sources: Sources) -> dg.AssetChecksDefinition:
    """Every source file is valid."""

    @dg.asset_check(asset=SOURCES_KEY, name="every_source_is_valid", description="Every source file declares a valid source")
    def every_source_is_valid() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=not sources.refused, description="; ".join(map(str, sources.refused)) or f"{len(sources.valid)} sources")

    return every_source_is_valid
