"""A run launcher that can tell whether the worker of a run still lives, for workers on this host.

The stock launcher cannot, and a run whose worker and code server died together stays "started" for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dagster import DagsterEventType, DagsterRun, DagsterRunStatus
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._serdes import ConfigurableClassData

IN_PROCESS_TAG = "seeding/pid"


class CheckedRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher, with a health check by process id."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Made by Dagster from dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a started run is there and is a run worker."""
        if run.status != DagsterRunStatus.STARTED:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        own = run.tags.get(IN_PROCESS_TAG)
        pid = int(own) if own else self._pid(run.run_id)
        if pid is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "no pid recorded")
        if not process_lives(pid):
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"process {pid} is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _pid(self, run_id: str) -> int | None:
        for entry in reversed(self._instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)):
            data = getattr(entry.dagster_event, "event_specific_data", None)
            metadata = (getattr(data, "metadata", None) or {}) if data else {}
            if "pid" in metadata and "Started process" in (entry.message or entry.user_message or ""):
                value = metadata["pid"]
                return int(getattr(value, "value", value))
        return None


def process_lives(pid: int) -> bool:
    """True when a Python process of this id exists and is no zombie."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and (b"python" in command or b"seeding" in command or b"dagster" in command)
