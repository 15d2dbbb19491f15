"""What keeps enrichment going: a look every minute at what is due and at the figures, and a sweep every four hours over everything."""

from typing import Any

import dagster as dg

from seeding_platform.defs.enrich.assets import KEYS, SWEEP
from seeding_platform.defs.platform import Platform

ENRICH = "enrich"
UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
OWN_RETRIES = {"dagster/max_retries": "0"}
"""Failures have their own schedule; a second owner of retries would race with it."""


def enrich_job() -> Any:
    """`enrich`: intake, the three stages, the tables."""
    return dg.define_asset_job(
        ENRICH,
        selection=dg.AssetSelection.assets(*KEYS),
        tags=OWN_RETRIES,
        description="Takes orders and exceptions in, works through what is due, writes the enriched tables.",
    )


@dg.sensor(
    name="enrichment_due",
    job_name=ENRICH,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a run while a record is due and none is under way; the run itself takes what is due.",
)
def enrichment_due(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult | dg.SkipReason:
    """One run at a time: it works until nothing is due."""
    from seeding_platform.enrichment.ruling import outdated
    from seeding_platform.storage.enrichment.store import EnrichmentStore

    waiting = EnrichmentStore(platform.state).due(platform.now())
    ruled = outdated(platform.state, platform.adjusted, platform.settings)
    if not waiting and not ruled:
        return dg.SkipReason("nothing is due")
    total = sum(n for _, _, n in waiting)
    if context.instance.get_run_records(dg.RunsFilter(job_name=ENRICH, statuses=UNDER_WAY), limit=1):
        return dg.SkipReason(f"{total} are due, and a run is under way")
    because = {"seeding/because": f"{total} due" if waiting else "rules of actions", **OWN_RETRIES}
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"enrich:{platform.now():%Y-%m-%dT%H:%M}", tags=because)])


@dg.sensor(
    name="enrichment_monitor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Measures enrichment of each organisation when that is due, raises and ends its alerts, brings back what a recovery can heal.",
)
def enrichment_monitor(platform: dg.ResourceParam[Platform]) -> dg.SkipReason:
    """Look, and say what was seen; starts no run, and goes on when none can be started."""
    from seeding_platform.enrichment.monitor import EnrichmentMonitor
    from seeding_platform.enrichment.refreshing import recovered
    from seeding_platform.storage.enrichment.store import EnrichmentStore

    now = platform.now()
    back = recovered(platform.state, EnrichmentStore(platform.state), platform.adjusted, now=now)
    looked = EnrichmentMonitor(platform.state, platform.settings).check_all(now=now)
    raised, ended = (sum(len(found) for found in each) for each in zip(*((c.raised, c.ended) for c in looked), strict=True)) if looked else (0, 0)
    told = [f"{len(looked)} organisations were measured, {raised} alerts stand, {ended} ended", *back]
    return dg.SkipReason("; ".join(told))


def sweep_schedule() -> dg.ScheduleDefinition:
    """Every four hours everything: rows taken in again, versions compared, tables written, figures kept."""
    return dg.ScheduleDefinition(
        name=SWEEP,
        job_name=ENRICH,
        cron_schedule="0 */4 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        tags=OWN_RETRIES,
        description="A full sweep: whatever no trigger has brought in is taken in, and the figures are written.",
    )
