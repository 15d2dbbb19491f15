"""Runs of Dagster's instance for the service: read from its event log, started as a process of the command line, stopped by signal."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEventType as Type
from dagster._core.storage.dagster_run import RunRecord

from seeding_platform.defs.kpis.sensors import RANGE_END, RANGE_START
from seeding_platform.defs.launcher import IN_PROCESS_TAG, process_lives
from seeding_platform.defs.run import PART_TAG, failure_reason, free_dead_slots, instance_for, new_run_id
from seeding_platform.errors import BusyError
from seeding_platform.service.runs import LAYERS, LogLine, NoSuchRun, RunShown, Stage, Status
from seeding_platform.settings import Settings, project_root

GRACE_S = 10.0
MOST_WORDS = 500
STOPPED_TAG = "seeding/stopped"
"""A run that a person stopped: Dagster calls one that was interrupted in its own process failed."""
STATUSES: dict[dg.DagsterRunStatus, Status] = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "canceled",
    dg.DagsterRunStatus.STARTED: "running",
    dg.DagsterRunStatus.CANCELING: "running",
}
KINDS = {
    Type.RUN_START: "started",
    Type.ASSET_MATERIALIZATION: "made",
    Type.STEP_FAILURE: "failed",
    Type.STEP_UP_FOR_RETRY: "retried",
    Type.RUN_SUCCESS: "succeeded",
    Type.RUN_FAILURE: "ended_badly",
    Type.RUN_CANCELED: "canceled",
}
SCHEDULES, LIVES_S = "SCHEDULER", 150.0
"""Dagster's daemon of schedules, and how many seconds may lie between two of its signs of life; it gives one every half minute."""
ASKED_BY = {"dagster/schedule_name": "schedule", "dagster/sensor_name": "sensor"}


class DagsterRuns:
    """`service.runs.RunGateway` over Dagster's instance.

    Args:
        settings: where the instance is.
        environment: of processes that it starts.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self.settings, self.environment = settings, {**environment, **settings.as_environment()}
        self._instance: dg.DagsterInstance | None = None
        self._lock = threading.Lock()
        self._started: dict[str, tuple[str, subprocess.Popen[str], dt.datetime]] = {}
        self._ended: dict[str, RunShown] = {}

    @property
    def instance(self) -> dg.DagsterInstance:
        """Dagster's instance, opened when it is first asked for."""
        with self._lock:
            if self._instance is None:
                self._instance = instance_for(self.settings, root=project_root())
            return self._instance

    def recent(self, *, limit: int, before: str | None = None) -> list[RunShown]:
        """Runs, the newest first, those that are about to begin included."""
        records = self.instance.get_run_records(limit=limit, cursor=before)
        unknown = [] if before else [run_id for run_id in list(self._started) if not self.instance.has_run(run_id)]
        waiting = [shown for run_id in reversed(unknown) if (shown := self._waiting(run_id)) is not None]
        return [*waiting, *(self._shown(r) for r in records)][:limit]

    def one(self, run_id: str) -> RunShown:
        """One run."""
        record = self.instance.get_run_record_by_id(run_id)
        if record is not None:
            return self._shown(record)
        waiting = self._waiting(run_id)
        if waiting is None:
            raise NoSuchRun(run_id)
        return waiting

    def log(self, run_id: str, *, after: int = -1, limit: int = 500) -> list[LogLine]:
        """What happened, as far as people want to know it."""
        self.one(run_id)
        kinds = {*KINDS, Type.ASSET_CHECK_EVALUATION}
        found = self.instance.event_log_storage.get_records_for_run(run_id, of_type=kinds, limit=100_000).records
        lines: list[LogLine] = []
        for record in found:
            line = _line(record.storage_id, record.event_log_entry) if record.storage_id > after else None
            if line is not None and not (lines and line.kind == "made" and lines[-1].subject == line.subject):  # one a partition of a range
                lines.append(line)
        return lines[:limit]

    def clock_runs(self) -> bool:
        """Whether the daemon that follows schedules gave a sign of life lately."""
        beat = self.instance.get_daemon_heartbeats().get(SCHEDULES)
        return beat is not None and dt.datetime.now(dt.UTC).timestamp() - beat.timestamp < LIVES_S

    def start(self, event: str, *, tenant: str) -> str:
        """A process of `seeding run`; another one under way is said at once."""
        busy = [r for r in self.recent(limit=20) if r.status in ("queued", "running") and r.asked_by in ("command", "person")]
        if busy:
            raise BusyError(f"Run {busy[0].run_id[:8]} ({busy[0].job}) is under way.", fix="Wait for its end, or stop it.")
        run_id = new_run_id()
        command = [sys.executable, "-m", "seeding_platform.cli", "run", event, "--run-id", run_id]
        log = self.settings.state / "logs" / f"{run_id}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as said:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=self.environment,
                cwd=project_root(),
                text=True,
                start_new_session=True,
            )
        threading.Thread(target=process.wait, name=f"wait-{run_id[:8]}", daemon=True).start()  # so that nothing is left of it when it ends
        self._started[run_id] = (event, process, dt.datetime.now(dt.UTC))
        return run_id

    def stop(self, run_id: str) -> None:
        """Interrupt it, and after ten seconds kill it: no table is ever half written."""
        run = self.one(run_id)
        if run.status not in ("queued", "running"):
            raise NoSuchRun(run_id)
        kept = self.instance.get_run_by_id(run_id)
        pid = self._started[run_id][1].pid if run_id in self._started else None
        if kept is not None and IN_PROCESS_TAG in kept.tags:
            pid = int(kept.tags[IN_PROCESS_TAG])
        if kept is not None:
            self.instance.add_run_tags(run_id, {STOPPED_TAG: "by a person"})
        if pid is None:
            if kept is not None and kept.status in (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED):
                self.instance.run_coordinator.cancel_run(run_id)
            else:
                self.instance.run_launcher.terminate(run_id)
            return
        _end(pid)
        if run_id in self._started:
            self._started[run_id][1].wait(timeout=GRACE_S)
        kept = self.instance.get_run_by_id(run_id)
        if kept is not None and not kept.is_finished:
            self.instance.report_run_canceled(kept, "stopped by a person")
        free_dead_slots(self.instance)

    def wait(self, *, seconds: float) -> None:
        """Let the processes that were started here end by themselves."""
        for _, process, _ in self._started.values():
            process.wait(timeout=seconds)

    def _waiting(self, run_id: str) -> RunShown | None:
        """A run that this service started and that is not in the log yet, or never came so far."""
        if run_id not in self._started:
            return None
        event, process, since = self._started[run_id]
        code = process.poll()
        message = ""
        if code is not None:
            log = self.settings.state / "logs" / f"{run_id}.log"
            message = " ".join(log.read_text(errors="replace").strip().splitlines()[-3:])[:500]
        status: Status = "queued" if code is None else "failed"
        return RunShown(
            run_id=run_id, job=event, status=status, asked_by="command", partition="", started_at=since, ended_at=None, message=message, stages=[]
        )

    def _shown(self, record: RunRecord) -> RunShown:
        run = record.dagster_run
        if run.run_id in self._ended:
            return self._ended[run.run_id]
        status = STATUSES.get(run.status, "queued")
        if status == "running" and IN_PROCESS_TAG in run.tags and not process_lives(int(run.tags[IN_PROCESS_TAG])):
            status = "failed"  # it was killed; the next run says so in the log
        stages, message = self._stages(run.run_id)
        if STOPPED_TAG in run.tags and run.is_finished and status != "succeeded":  # it may have ended before it was reached
            status, message = "canceled", ""
        began = record.start_time or record.create_timestamp.timestamp()
        shown = RunShown(
            run_id=run.run_id,
            job=run.tags.get(PART_TAG, run.job_name),
            status=status,
            asked_by=_asked_by(run.tags),
            partition=_partition(run.tags),
            started_at=dt.datetime.fromtimestamp(began, dt.UTC),
            ended_at=dt.datetime.fromtimestamp(record.end_time, dt.UTC) if record.end_time else None,
            message=message,
            stages=stages,
        )
        if run.is_finished:
            self._ended[run.run_id] = shown
            while len(self._ended) > 500:
                self._ended.pop(next(iter(self._ended)))
        return shown

    def _stages(self, run_id: str) -> tuple[list[Stage], str]:
        kinds = {Type.ASSET_MATERIALIZATION_PLANNED, Type.ASSET_MATERIALIZATION, Type.STEP_FAILURE}
        records = self.instance.event_log_storage.get_records_for_run(run_id, of_type=kinds, limit=100_000).records
        planned: dict[str, set[str]] = {}
        rows: dict[str, dict[str, int]] = {}
        failed: dict[str, set[str]] = {}
        message = ""
        for record in records:
            event = record.event_log_entry.dagster_event
            if event is None:
                continue
            if event.event_type is Type.STEP_FAILURE:
                message = message or failure_reason(event)[:MOST_WORDS]
                layer = str(event.step_key).split("__")[0]
                failed.setdefault(layer, set()).add(str(event.step_key))
            elif event.asset_key is not None:
                layer, name = event.asset_key.path[0], "/".join(event.asset_key.path)
                if event.event_type is Type.ASSET_MATERIALIZATION_PLANNED:
                    planned.setdefault(layer, set()).add(name)
                else:
                    rows.setdefault(layer, {})[name] = _rows(event) or 0
        stages = [
            Stage(
                name=layer,
                planned=len(planned.get(layer, set()) | set(rows.get(layer, ()))),
                done=len(rows.get(layer, ())),
                failed=len(failed.get(layer, ())),
                rows=sum(rows.get(layer, {}).values()),
            )
            for layer in LAYERS
            if layer in planned or layer in rows
        ]
        return stages, message


def _asked_by(tags: Mapping[str, str]) -> str:
    for tag, what in ASKED_BY.items():
        if tag in tags:
            return f"{what}:{tags[tag]}"
    if "dagster/backfill" in tags:
        return "backfill"
    return "command" if IN_PROCESS_TAG in tags else "person"


def _partition(tags: Mapping[str, str]) -> str:
    if RANGE_START in tags:
        return f"{tags[RANGE_START]} – {tags[RANGE_END]}"
    return tags.get("dagster/partition", "")


def _rows(event: dg.DagsterEvent) -> int | None:
    value: Any = event.materialization.metadata.get("dagster/row_count")
    return int(value.value) if value is not None and value.value is not None else None


def _line(seq: int, entry: Any) -> LogLine | None:
    event = entry.dagster_event
    at = dt.datetime.fromtimestamp(entry.timestamp, dt.UTC)
    if event.event_type is Type.ASSET_CHECK_EVALUATION:
        data = event.asset_check_evaluation_data
        if data.passed:
            return None
        return LogLine(
            seq=seq, at=at, kind="check", subject=f"{'/'.join(data.asset_key.path)} {data.check_name}", rows=None, detail=data.description or ""
        )
    kind = KINDS[event.event_type]
    subject, rows, detail = str(event.step_key or ""), None, ""
    if kind == "made":
        subject, rows = "/".join(event.asset_key.path), _rows(event)
    elif kind == "failed":
        detail = failure_reason(event)[:MOST_WORDS]
    elif kind in ("ended_badly", "canceled"):
        detail = str(event.message or "")[:300]
    return LogLine(seq=seq, at=at, kind=kind, subject=subject, rows=rows, detail=detail)


def _end(pid: int) -> None:
    """Ask a process to end, and kill it when it does not."""
    for sent, wait in ((signal.SIGINT, GRACE_S), (signal.SIGKILL, GRACE_S)):
        try:
            os.kill(pid, sent)
        except ProcessLookupError:
            return
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if not process_lives(pid):
                return
            time.sleep(0.1)
