"""The main job run in this process against the instance, with progress that a person can read.

The run is recorded like any other; its web page is there at once. What the job does is not known here.
"""

import datetime as dt
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.events import AssetKey
from dagster._core.events.log import EventLogEntry

from seeding_platform.connectors.sources import load_sources, shipped_files, user_files
from seeding_platform.defs.collect.sources import files_partitions
from seeding_platform.defs.kpis.sensors import RANGE_END, RANGE_START
from seeding_platform.defs.launcher import IN_PROCESS_TAG, process_lives
from seeding_platform.defs.platform import Platform
from seeding_platform.settings import Settings

STAGES = ("raw", "clean", "quality", "model", "enriched", "bundle", "kpi")
PART_TAG = "seeding/part"
"""Which part of the main job a run was asked for."""
Says = Callable[[str], None]


@dataclass
class Progress:
    """What the event stream has told so far."""

    total: dict[str, int]
    done: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)
    stage: str = ""

    def of(self, stage: str) -> str:
        """How far a stage is."""
        return f"{len(self.done.get(stage, ()))} of {self.total[stage]}"


@dataclass(frozen=True)
class RunResult:
    """What a run came to."""

    run_id: str
    success: bool
    failures: tuple[str, ...]
    failed_checks: tuple[str, ...]
    seconds: float


def instance_for(settings: Settings, *, root: Path) -> dg.DagsterInstance:
    """Dagster's instance, as dagster.yaml under DAGSTER_HOME describes it; the project's own when none is named."""
    os.environ.setdefault("DAGSTER_HOME", str(root))
    os.environ["SEEDING_STATE"] = str(settings.state)
    settings.state.mkdir(parents=True, exist_ok=True)
    return dg.DagsterInstance.get()


def run_job(
    defs: dg.Definitions,
    job: str,
    instance: dg.DagsterInstance,
    *,
    says: Says,
    tags: Mapping[str, str] | None = None,
    partition: str | None = None,
    selection: Iterable[AssetKey] | None = None,
    run_id: str | None = None,
) -> RunResult:
    """Execute a job here and now, following its event stream.

    Args:
        defs: the code location.
        job: name of the job.
        instance: where the run is recorded.
        says: takes one line of progress at a time.
        tags: of the run; the ends of a partition range, say.
        partition: of a job over partitions.
        selection: part of the job's assets.
        run_id: id of the run, where somebody waits for it already.
    """
    definition = defs.resolve_job_def(job)
    keys = list(selection) if selection is not None else list(definition.asset_layer.selected_asset_keys)
    progress = Progress(total={s: sum(1 for k in keys if k.path[0] == s) for s in STAGES})
    run_id = run_id or new_run_id()
    started = dt.datetime.now(dt.UTC)
    instance.add_event_listener(run_id, lambda event: _follow(event, progress, says))
    result = definition.execute_in_process(
        instance=instance,
        run_id=run_id,
        tags={IN_PROCESS_TAG: str(os.getpid()), **(tags or {})},
        partition_key=partition,
        asset_selection=list(selection) if selection is not None else None,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    _close_stage(progress, says)
    seconds = (dt.datetime.now(dt.UTC) - started).total_seconds()
    return RunResult(run_id, result.success, tuple(progress.failures), tuple(progress.failed_checks), seconds)


def new_run_id() -> str:
    """An id that no run has."""
    from dagster._core.utils import make_new_run_id

    return make_new_run_id()


def _follow(entry: EventLogEntry, progress: Progress, says: Says) -> None:
    event = entry.dagster_event
    if event is None:
        return
    if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key is not None:
        _count(tuple(event.asset_key.path), progress, says)
    elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
        progress.failures.append(f"{event.step_key}: {failure_reason(event)}")
    elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        data = event.asset_check_evaluation_data
        if not data.passed and data.severity is dg.AssetCheckSeverity.ERROR:
            progress.failed_checks.append(f"{'/'.join(data.asset_key.path)} {data.check_name}: {data.description or ''}".rstrip(": "))


def _count(key: tuple[str, ...], progress: Progress, says: Says) -> None:
    stage = key[0]
    if stage not in progress.total:
        return
    if stage != progress.stage:
        _close_stage(progress, says)
        progress.stage = stage
    progress.done.setdefault(stage, set()).add(key)


def _close_stage(progress: Progress, says: Says) -> None:
    if progress.stage:
        says(f"  {progress.stage:<8} {progress.of(progress.stage)} assets")
        progress.stage = ""


def failure_reason(event: dg.DagsterEvent) -> str:
    """Why a step failed: what was said for people, or the innermost error."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error: Any = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return str(error.message).strip() if error is not None else "failed"


def bury_dead_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs of this kind whose process is gone as failed, so that they do not stand as started for ever."""
    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]
    buried = 0
    for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
        pid = run.tags.get(IN_PROCESS_TAG)
        if pid is not None and not process_lives(int(pid)):
            instance.report_run_failed(run, f"process {pid} was killed")
            buried += 1
    free_dead_slots(instance)
    return buried


def free_dead_slots(instance: dg.DagsterInstance) -> int:
    """Give back pool slots of runs that have ended: a killed process cannot, and its pool would be blocked for ever."""
    storage, freed = instance.event_log_storage, 0
    for pool in storage.get_concurrency_keys():
        info = storage.get_concurrency_info(pool)
        for run_id in {slot.run_id for slot in info.claimed_slots} | {step.run_id for step in info.pending_steps}:
            run = instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                storage.free_concurrency_slots_for_run(run_id)
                freed += 1
    return freed


def partition_range(days: tuple[dt.date, dt.date] | None) -> dict[str, str]:
    """Run tags for a range of daily partitions."""
    return {} if days is None else {RANGE_START: days[0].isoformat(), RANGE_END: days[1].isoformat()}


def seed(
    settings: Settings,
    instance: dg.DagsterInstance,
    *,
    says: Says,
    below: Iterable[AssetKey] | None = None,
    layers: Sequence[str] | None = None,
    run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> RunResult:
    """The main job over everything, over what lies below some assets, or over some layers."""
    from seeding_platform.analytics.days import days_in_data
    from seeding_platform.definitions import build_definitions

    defs = build_definitions(settings)
    sources = load_sources([*shipped_files(), *user_files(settings.sources)])
    days = days_in_data(sources.valid, settings=settings, lake=Platform(settings).lake)
    selection = None
    if below is not None:
        job = defs.resolve_job_def("seed")
        graph = defs.resolve_asset_graph()
        reached = (dg.AssetSelection.assets(*below).downstream() - dg.AssetSelection.assets(*below)).resolve(graph)
        selection = sorted(reached & set(job.asset_layer.selected_asset_keys))
    elif layers is not None:
        keys = defs.resolve_job_def("seed").asset_layer.selected_asset_keys
        selection = sorted(k for k in keys if k.path[0] in layers)
    told = partition_range(days or (settings.first_day, settings.first_day)) | dict(tags or {})
    if selection is not None:
        told[PART_TAG] = "+".join(layers or ["landing"])
    return run_job(defs, "seed", instance, says=says, tags=told, selection=selection, run_id=run_id)


def land(settings: Settings, instance: dg.DagsterInstance, label: str, key: str, *, says: Says) -> RunResult:
    """One partition of one source, by Dagster's own job over all assets."""
    from seeding_platform.definitions import build_definitions

    defs = build_definitions(settings)
    spec = next(s for s in load_sources([*shipped_files(), *user_files(settings.sources)]).valid if s.label == label)
    instance.add_dynamic_partitions(str(files_partitions(spec).name), [key])
    return run_job(defs, f"land__{spec.name}", instance, says=says, partition=key, tags={"seeding/again": key})
