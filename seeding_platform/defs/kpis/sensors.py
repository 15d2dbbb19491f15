"""The sensor that has KPI days made again exactly where the facts below them changed."""

import json

import dagster as dg

from seeding_platform.analytics.daily import changed_days
from seeding_platform.defs.kpis.assets import ADS_DAILY
from seeding_platform.defs.platform import Platform

FACTS = dg.AssetKey(["quality", "ad_facts"])
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dg.sensor(
    name="kpi_days",
    job_name="kpi",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="When ad facts change, asks for one run over the first to the last day that differ.",
)
def kpi_days_sensor(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult | dg.SkipReason:
    """Compare the facts' version with the one last seen; the cursor keeps it."""
    lake, table = platform.lake, "/".join(FACTS.path)
    if not lake.exists(table):
        return dg.SkipReason("no ad facts yet")
    seen = json.loads(context.cursor)["version"] if context.cursor else None
    now = lake.version(table)
    if seen == now:
        return dg.SkipReason("ad facts are unchanged")
    made = "/".join(ADS_DAILY.path)
    before = lake.read(table, version=seen) if seen is not None and seen < now else None
    days = changed_days(before, lake.read(table, version=now))
    cursor = json.dumps({"version": now})
    if days is None or (seen is None and lake.exists(made) and _covers(context.instance)):
        return dg.SensorResult(cursor=cursor, skip_reason=dg.SkipReason("no day of the ad facts differs"))
    tags = {RANGE_START: days[0].isoformat(), RANGE_END: days[1].isoformat()}
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"ads_daily@{now}", tags=tags)], cursor=cursor)


def _covers(instance: dg.DagsterInstance) -> bool:
    """True when the KPI table was made after the facts: by a run of the main job, say."""
    facts = instance.get_latest_materialization_event(FACTS)
    figures = instance.get_latest_materialization_event(ADS_DAILY)
    return facts is not None and figures is not None and figures.timestamp >= facts.timestamp
