"""The watch on the landing folder: each new or changed file becomes a partition of the one source that it matches."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from seeding_platform.connectors import FileSourceSpec
from seeding_platform.connectors.landing import LandedFile, fingerprinted, landing_files, matches
from seeding_platform.defs.collect.sources import files_partitions
from seeding_platform.defs.platform import Platform
from seeding_platform.storage.state import LandingStatus

LANDING = dg.AssetKey(["raw", "landing_folder"])
CHECK = "every_file_has_one_source"
FILES_A_TICK = 20
QUIET_SECONDS = 2.0


def landing_folder() -> dg.AssetSpec:
    """The landing folder itself, so that files without a source have a place where they are reported."""
    return dg.AssetSpec(
        key=LANDING,
        group_name="raw",
        kinds={"folder"},
        owners=["team:data-platform"],
        description="The folder that is watched (SEEDING_LANDING). A file that matches no source, or two, stays there and is named by the check.",
    )


def landing_check(sources: Sequence[FileSourceSpec]) -> dg.AssetChecksDefinition:
    """The check of the landing folder, to be run by hand; the sensor reports the same."""

    @dg.asset_check(asset=LANDING, name=CHECK, description="Every file in the landing folder matches exactly one source")
    def every_file_has_one_source(platform: dg.ResourceParam[Platform]) -> dg.AssetCheckResult:
        return folder_result(platform.settings.landing, sources)

    return every_file_has_one_source


def folder_result(folder: Path, sources: Sequence[FileSourceSpec]) -> dg.AssetCheckResult:
    """Which files of the folder belong to no source."""
    problems = [m.problem for m in matches(landing_files(folder), sources) if m.source is None]
    return dg.AssetCheckResult(
        asset_key=LANDING,
        check_name=CHECK,
        passed=not problems,
        description="; ".join(problems) or "every file has its source",
        metadata={"files": problems[:50]},
    )


def landing_jobs(sources: Sequence[FileSourceSpec]) -> dict[str, Any]:
    """One job a source of landed files: a job has one kind of partitions, and each source's partitions are its own files."""
    return {
        s.name: dg.define_asset_job(
            f"land__{s.name}", selection=dg.AssetSelection.assets(["raw", s.label]), description=f"Land files of source {s.name}."
        )
        for s in sources
        if s.files is not None
    }


def landing_sensor(sources: Sequence[FileSourceSpec], jobs: Mapping[str, Any]) -> dg.SensorDefinition:
    """The sensor; bounded a tick, its cursor remembers what it has seen of each file."""
    by_name = {s.name: s for s in sources if s.files is not None}

    @dg.sensor(
        name="landing",
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        jobs=list(jobs.values()) or None,
        description="Lands each new or changed file of the landing folder, once it has been quiet for two seconds.",
    )
    def landing(context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.SensorResult:
        files = landing_files(platform.settings.landing)
        seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        requests: list[dg.RunRequest] = []
        added: list[dg.AddDynamicPartitionsRequest] = []
        known: dict[str, str] = {}
        for match in matches(files, sources):
            stat = match.path.stat()
            mark = f"{stat.st_size}-{stat.st_mtime_ns}"
            place = str(match.path.relative_to(platform.settings.landing))
            if match.source is None:
                continue
            spec = by_name[match.source]
            if seen.get(place, "").startswith(mark) and not _copy_that_counts_now(seen[place].removeprefix(mark).strip(), match.path, spec, platform):
                known[place] = seen[place]
                continue
            if len(requests) >= FILES_A_TICK or time.time() - stat.st_mtime < QUIET_SECONDS:
                continue
            file = fingerprinted(match.path)
            request, partition = _request(context.instance, file, spec, platform)
            known[place] = f"{mark} {file.sha256}"
            if request is not None:
                requests.append(request)
            if partition is not None:
                added.append(partition)
        result = folder_result(platform.settings.landing, sources)
        events = [_evaluation(result)] if _is_news(context.instance, result) else []
        return dg.SensorResult(
            run_requests=requests, dynamic_partitions_requests=added, asset_events=events, cursor=json.dumps(known, sort_keys=True)
        )

    return landing


def _copy_that_counts_now(sha256: str, path: Path, spec: FileSourceSpec, platform: Platform) -> bool:
    """True for a file that was left out as a copy of another whose content has changed since: it is now the only one that holds these rows.

    With mode replace the newest file takes the place of all, so an old copy stays out.
    """
    if spec.mode == "replace":
        return False
    past = platform.state.landings(spec.label)
    key = LandedFile(path, path.name, sha256).batch(spec.tenant, spec)
    own = any(item.partition_key == key for item in past)
    same = [item.status for item in past if item.sha256 == sha256]
    return not own and bool(same) and LandingStatus.LANDED not in same


def _request(
    instance: dg.DagsterInstance, file: LandedFile, spec: FileSourceSpec, platform: Platform
) -> tuple[dg.RunRequest | None, dg.AddDynamicPartitionsRequest | None]:
    """What to ask for one changed file: nothing when its content is in force already."""
    key, partitions = file.batch(spec.tenant, spec), files_partitions(spec)
    past = [item for item in platform.state.landings(spec.label) if item.sha256 == file.sha256]
    if any(item.partition_key == key and item.status is LandingStatus.LANDED for item in past):
        return None, None
    attempt = sum(1 for item in past if item.status is not LandingStatus.LANDED)
    add = None if instance.has_dynamic_partition(str(partitions.name), key) else partitions.build_add_request([key])
    stamp = file.path.stat().st_mtime_ns
    run = dg.RunRequest(run_key=f"{spec.label}:{key}:{stamp}#{attempt}", partition_key=key, job_name=f"land__{spec.name}")
    return run, add


def _is_news(instance: dg.DagsterInstance, result: dg.AssetCheckResult) -> bool:
    """True when the folder's state differs from what the last evaluation said."""
    key = dg.AssetCheckKey(LANDING, CHECK)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    if not records or records[0].event is None or records[0].event.dagster_event is None:
        return True
    last = records[0].event.dagster_event.asset_check_evaluation_data
    return bool(last.passed != result.passed or last.description != result.description)


def _evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=LANDING, check_name=CHECK, passed=bool(result.passed), description=result.description, metadata=dict(result.metadata or {})
    )
