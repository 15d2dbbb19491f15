"""Runs as the service sees them: what it may ask of whoever keeps them. Dagster stands behind this in `defs.run_gateway`."""

from __future__ import annotations

import datetime as dt
from typing import Literal, Protocol

from pydantic import BaseModel

EVENTS = ("ingest", "clean", "seed", "kpi", "retrain", "enrich")
LAYERS = ("raw", "clean", "quality", "model", "enriched", "bundle", "kpi")
Status = Literal["queued", "running", "succeeded", "failed", "canceled"]
UNFINISHED = ("queued", "running")


class Stage(BaseModel, frozen=True):
    """A layer of the graph within a run.

    Args:
        name: raw, clean, quality, model, bundle or kpi.
        planned: assets that the run is to make.
        done: assets made so far.
        failed: assets whose step failed.
        rows: rows that they hold, of those that say so.
    """

    name: str
    planned: int
    done: int
    failed: int
    rows: int


class RunShown(BaseModel, frozen=True):
    """One run.

    Args:
        run_id: Dagster's id of it.
        job: name of the job.
        status: queued, running, succeeded, failed or canceled.
        asked_by: schedule:NAME, sensor:NAME, command (this machine's command line) or person (web UI).
        partition: of a landed file, or a range of days; empty for none.
        started_at: when its first step began, or it was asked for.
        ended_at: when it ended.
        message: why it failed.
        stages: layers with something to do.
    """

    run_id: str
    job: str
    status: Status
    asked_by: str
    partition: str
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    message: str
    stages: list[Stage]


class LogLine(BaseModel, frozen=True):
    """Something that happened in a run, for people.

    Args:
        seq: grows within a run.
        at: when.
        kind: started, made, failed, retried, check, succeeded, ended_badly or canceled.
        subject: the asset or step.
        rows: rows of what was made; None where that is not known.
        detail: why, for what went wrong.
    """

    seq: int
    at: dt.datetime
    kind: str
    subject: str
    rows: int | None
    detail: str


class NoSuchRun(Exception):
    """There is no run of this id."""


class RunGateway(Protocol):
    """Whoever keeps the runs."""

    def recent(self, *, limit: int, before: str | None = None) -> list[RunShown]:
        """Runs, the newest first; those before one."""
        ...

    def one(self, run_id: str) -> RunShown:
        """One run.

        Raises:
            NoSuchRun: there is none.
        """
        ...

    def log(self, run_id: str, *, after: int = -1, limit: int = 500) -> list[LogLine]:
        """What happened in a run after a line, the oldest first."""
        ...

    def clock_runs(self) -> bool:
        """Whether schedules are followed now."""
        ...

    def start(self, event: str, *, tenant: str) -> str:
        """Ask for a run; its id."""
        ...

    def stop(self, run_id: str) -> None:
        """End a run: what is finished stays.

        Raises:
            NoSuchRun: there is none that is under way.
        """
        ...


class NoRuns:
    """Stands in where nobody keeps runs: the service then shows none and refuses to start any."""

    def recent(self, *, limit: int, before: str | None = None) -> list[RunShown]:
        """None."""
        return []

    def one(self, run_id: str) -> RunShown:
        """There is none."""
        raise NoSuchRun(run_id)

    def log(self, run_id: str, *, after: int = -1, limit: int = 500) -> list[LogLine]:
        """There is none."""
        raise NoSuchRun(run_id)

    def clock_runs(self) -> bool:
        """Nobody follows any."""
        return False

    def start(self, event: str, *, tenant: str) -> str:
        """Nobody can."""
        raise NoSuchRun(event)

    def stop(self, run_id: str) -> None:
        """There is none."""
        raise NoSuchRun(run_id)
