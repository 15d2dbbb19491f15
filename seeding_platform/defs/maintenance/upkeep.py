"""The nightly upkeep: small files compacted, old versions and old runs removed, within stated limits; the audit log sealed."""

import datetime as dt

import dagster as dg

from seeding_platform.defs.platform import Platform
from seeding_platform.defs.restoring import tell_changed
from seeding_platform.errors import BusyError
from seeding_platform.storage.locks import exclusive

JOB = "upkeep"
KEEP_RUNS_DAYS = 30
KEEP_VERSIONS_HOURS = 24 * 7
KEEP_MESSAGES_DAYS, KEEP_ANSWERS_DAYS, KEEP_ALERTS_DAYS = 90, 180, 365
KEEP_CACHED_DAYS, KEEP_ATTEMPTS_DAYS = 30, 400
RUNS_A_NIGHT = 500
RETRIES, RETRY_S = 6, 600


@dg.op(description="Compact small files of every lake table, checkpoint its log, delete files that no version of the last week needs.")
def tend_lake(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> int:
    """Maintain every table; returns how many files were deleted."""
    deleted = 0
    for table in platform.lake.tables():
        done = platform.lake.maintain(table, keep_hours=KEEP_VERSIONS_HOURS)
        deleted += done["files_deleted"]
    context.log.info(f"{deleted} files that no version of the last week needs were deleted")
    return deleted


@dg.op(description="Delete finished runs older than a month that hold no asset's latest materialisation.")
def prune_runs(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> int:
    """Prune the event log; returns how many runs were deleted."""
    instance, before = context.instance, platform.now() - dt.timedelta(days=KEEP_RUNS_DAYS)
    needed = latest_runs(instance)
    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    old = instance.get_run_records(dg.RunsFilter(statuses=finished, updated_before=before), limit=RUNS_A_NIGHT, ascending=True)
    gone = 0
    for record in old:
        if record.dagster_run.run_id not in needed:
            instance.delete_run(record.dagster_run.run_id)
            gone += 1
    context.log.info(f"{gone} runs older than {KEEP_RUNS_DAYS} days were deleted, {len(old) - gone} are still needed")
    return gone


def latest_runs(instance: dg.DagsterInstance) -> set[str]:
    """Runs that hold the latest materialisation of an asset or of one of its partitions."""
    needed: set[str] = set()
    for key in instance.get_asset_keys():
        event = instance.get_latest_materialization_event(key)
        if event is not None:
            needed.add(event.run_id)
        partitions = instance.event_log_storage.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
        if partitions:
            needed |= _runs_of(instance, key, set(partitions.values()))
    return needed


def _runs_of(instance: dg.DagsterInstance, key: dg.AssetKey, storage_ids: set[int]) -> set[str]:
    found: set[str] = set()
    cursor = None
    while True:
        page = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key, storage_ids=sorted(storage_ids)), limit=1000, cursor=cursor)
        found |= {record.run_id for record in page.records}
        if not page.has_more:
            return found
        cursor = page.cursor


@dg.op(description="Sign for the audit events that no checkpoint covers yet.")
def seal_audit(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> int:
    """Seal the audit log; returns how many events were sealed."""
    sealed = platform.trail.seal(now=platform.now())
    context.log.info(f"{sealed} events of the audit log were sealed")
    return sealed


@dg.op(description="Delete messages that went out or were given up a quarter ago, answers of models of half a year ago, and alerts over a year ago.")
def forget_told(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> int:
    """Prune the outbox, the answers of models and the alerts; returns how many went."""
    now, desk = platform.now(), platform.desk
    messages = desk.live.forget(before=now - dt.timedelta(days=KEEP_MESSAGES_DAYS))
    alerts = desk.alerts.forget(before=now - dt.timedelta(days=KEEP_ALERTS_DAYS))
    answers = platform.bench.predictions.forget(before=now - dt.timedelta(days=KEEP_ANSWERS_DAYS))
    context.log.info(f"{messages} messages, {answers} answers of models and {alerts} alerts that were over were deleted")
    return messages + answers + alerts


@dg.op(description="Thin the figures of enrichment, delete cached answers of a month ago and attempts of over a year ago; states and labels stay.")
def forget_enrichment(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> int:
    """Prune what enrichment remembers; returns how many rows went."""
    from seeding_platform.storage.enrichment.answers import Answers
    from seeding_platform.storage.enrichment.measurements import Measurements
    from seeding_platform.storage.enrichment.store import EnrichmentStore

    now = platform.now()
    figures = Measurements(platform.state).prune(now=now)
    answers = Answers(platform.state).prune(before=now - dt.timedelta(days=KEEP_CACHED_DAYS))
    attempts = EnrichmentStore(platform.state).forget_attempts(before=now - dt.timedelta(days=KEEP_ATTEMPTS_DAYS))
    context.log.info(f"{figures} figures, {answers} cached answers and {attempts} attempts of enrichment were deleted")
    return figures + answers + attempts


@dg.op(description="Take out rows that are past the time that they may be kept, with old versions and files; only while no other run is under way.")
def expire_rows(context: dg.OpExecutionContext, tended: int, platform: dg.ResourceParam[Platform]) -> int:
    """Carry retention out; returns how many rows and files went.

    Raises:
        dg.RetryRequested: another run is under way: it may write what is being taken out.
    """
    del tended  # only that it is done
    under_way = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    others = [r for r in context.instance.get_runs(dg.RunsFilter(statuses=under_way)) if r.run_id != context.run_id and r.job_name != JOB]
    if others:  # another upkeep writes nothing but by the lock below
        context.log.warning("another run is under way: rows that are past stay until it has ended")
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_S)
    try:
        with exclusive(platform.settings.state / "seeding.lock", holder="retention"):
            done = platform.retention.apply(actor="upkeep")
    except BusyError as error:
        context.log.warning(f"rows that are past stay for now: {error}")
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_S) from error
    tell_changed(context.instance, sorted(t for t in done.gone if t.startswith("quality/")), "rows were past the time that they may be kept")
    kept = sum(told["without_time"] for told in done.tables.values())
    context.log.info(
        f"{sum(done.gone.values())} rows and files were past; {kept} rows without a time are kept. Report: {done.report or 'none needed'}"
    )
    return sum(done.gone.values())


@dg.job(name=JOB, description="Nightly: rows that are past, the lake's files, Dagster's event log, old messages and alerts, the audit log's seal.")
def upkeep() -> None:
    """All pieces of work; rows go when files are no longer being compacted: what was only just written must not be vacuumed away."""
    expire_rows(tend_lake())
    prune_runs()
    forget_told()
    forget_enrichment()
    seal_audit()


nightly = dg.ScheduleDefinition(
    name="upkeep",
    job=upkeep,
    cron_schedule="40 2 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Takes out rows that are past, compacts and vacuums the lake, prunes the event log.",
)
