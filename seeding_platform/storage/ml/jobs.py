"""Training jobs: asked for, worked on by one process, ended; at most one of a model at a time, which the database sees to."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.storage.database import writing
from seeding_platform.storage.ml.whose import Whose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import RowMapping

    from seeding_platform.storage.state import State

JobState = Literal["queued", "running", "succeeded", "failed", "skipped", "no_change"]
ACTIVE: tuple[JobState, ...] = ("queued", "running")
SUMMARY_MOMENTS = {
    "get_model_performance_summary": ("live_at", "trained_at", "checked_at", "deployed_at"),
    "get_training_job_stats": ("last_finished_at",),
}
"""Columns of the summaries that are moments."""
SILENT = dt.timedelta(minutes=30)
"""A job that was not heard of for so long has no process any more."""


class JobActive(Exception):
    """The model is being trained already.

    Args:
        job_id: the job that is active.
    """

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class JobLost(Exception):
    """The job is not its process's any more: it counted as dead, or was ended otherwise.

    Args:
        job_id: the job.
    """

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training of one model, from the wish to what came of it.

    Attributes:
        job_id: names it.
        whose: which model.
        trigger: manual, weekly, performance, new_data, drift or first.
        requested_by: id of a key, or the name of a process.
        requested_at: when.
        evidence: what the trigger rests on.
        forced: whether guards of time do not hold for it.
        state: how far it is, or how it ended.
        stage: what it is at while it runs.
        attempt: from 1.
        started_at: when a process took it.
        moved_at: when it was last heard of.
        finished_at: when it ended.
        run_id: Dagster's run.
        data_sha256: of the training frame.
        version: what came of it.
        verdict: what the gate said.
        says: how it ended, for people.
        error: transient or permanent, where it failed.
        improvement: gain over what served, positive is better.
        report: metrics and the gate's reasons.
        callback: address that is told of its end.
    """

    job_id: str
    whose: Whose
    trigger: str
    requested_by: str
    requested_at: dt.datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)
    forced: bool = False
    state: JobState = "queued"
    stage: str = ""
    attempt: int = 1
    started_at: dt.datetime | None = None
    moved_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    run_id: str = ""
    data_sha256: str = ""
    version: str | None = None
    verdict: str = ""
    says: str = ""
    error: str = ""
    improvement: float | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    callback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a job ended; the fields are those of `Job`."""

    state: JobState
    says: str
    version: str | None = None
    verdict: str = ""
    error: str = ""
    improvement: float | None = None
    data_sha256: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)


GONE = Ended(state="failed", error="transient", says="its process ended without a word")
"""How a job ends whose process is gone."""


class TrainingJobs:
    """Jobs in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def request(self, job: Job) -> Job:
        """Write a wish down.

        Raises:
            JobActive: one of this model is queued or running.
        """
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import jobs as table

        try:
            with writing(self.engine) as connection:
                connection.execute(table.insert(), _row(job))
        except IntegrityError:
            active = self.active(job.whose)
            if active is not None:
                raise JobActive(active.job_id) from None
            if self.one(job.job_id, tenant=job.whose.tenant):
                raise
            return self.request(job)  # the other one ended between the two
        return job

    def claim(self, job_id: str, *, run_id: str, now: dt.datetime) -> bool:
        """Take a queued job; false when another process has."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import jobs as table

        taken = sa.update(table).where(table.c.job_id == job_id, table.c.state == "queued")
        with writing(self.engine) as connection:
            found = connection.execute(taken.values(state="running", run_id=run_id, started_at=now, moved_at=now))
            return bool(found.rowcount)

    def move(self, job_id: str, stage: str, *, now: dt.datetime) -> None:
        """Say what a running job is at.

        Raises:
            JobLost: it is running no more, as far as anybody else knows: whoever is at it stops without effect.
        """
        if not self._heard(job_id, stage=stage, moved_at=now):
            raise JobLost(job_id)

    def beat(self, job_id: str, *, now: dt.datetime) -> bool:
        """Say that a job goes on, whatever it is at; false when it is running no more."""
        return self._heard(job_id, moved_at=now)

    def _heard(self, job_id: str, **values: Any) -> bool:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import jobs as table

        running = sa.update(table).where(table.c.job_id == job_id, table.c.state == "running")
        with writing(self.engine) as connection:
            return bool(connection.execute(running.values(**values)).rowcount)

    def end(self, job_id: str, ended: Ended, *, now: dt.datetime) -> bool:
        """End a job; false when it has ended before, and stays as it was."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import jobs as table

        values = {**dataclasses.asdict(ended), "report": json.dumps(dict(ended.report)), "stage": "", "moved_at": now, "finished_at": now}
        with writing(self.engine) as connection:
            open_one = sa.update(table).where(table.c.job_id == job_id, table.c.state.in_(ACTIVE))
            return bool(connection.execute(open_one.values(values)).rowcount)

    def judged_again(self, job_id: str, *, verdict: str, says: str, report: Mapping[str, Any], improvement: float | None = None) -> None:
        """What came of a training that had ended in a hold, once its version was judged by live rows."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import jobs as table

        values: dict[str, Any] = {"verdict": verdict, "says": says, "report": json.dumps(dict(report))}
        values |= {} if improvement is None else {"improvement": improvement}
        with writing(self.engine) as connection:
            connection.execute(sa.update(table).where(table.c.job_id == job_id, table.c.state == "succeeded").values(**values))

    def bury(self, *, now: dt.datetime, silent: dt.timedelta = SILENT) -> list[Job]:
        """End the running jobs that were not heard of for long, as failed for now; returns those that this call ended, as they were."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import jobs as table

        with self.engine.connect() as connection:
            query = sa.select(table).where(table.c.state == "running", table.c.moved_at < now - silent)
            dead = [_job(row) for row in connection.execute(query).mappings()]
        return [job for job in dead if self.end(job.job_id, GONE, now=now)]

    def active(self, whose: Whose) -> Job | None:
        """The job of a model that is queued or running."""
        from seeding_platform.storage.schema import jobs as table

        found = self._some(whose.at(table), table.c.state.in_(ACTIVE), limit=1)
        return found[0] if found else None

    def one(self, job_id: str, *, tenant: str) -> Job | None:
        """One job of a tenant."""
        from seeding_platform.storage.schema import jobs as table

        found = self._some(table.c.job_id == job_id, table.c.tenant == tenant, limit=1)
        return found[0] if found else None

    def queued(self) -> list[Job]:
        """What waits for a process, the oldest first."""
        from seeding_platform.storage.schema import jobs as table

        return self._some(table.c.state == "queued", limit=1000)[::-1]

    def recent(self, *, tenant: str, model: str = "", state: str = "", limit: int = 50, before: dt.datetime | None = None) -> list[Job]:
        """Jobs of a tenant, the newest wish first."""
        from seeding_platform.storage.schema import jobs as table

        asked = [table.c.tenant == tenant]
        asked += [table.c.model == model] if model else []
        asked += [table.c.state == state] if state else []
        asked += [table.c.requested_at < before] if before else []
        return self._some(*asked, limit=limit)

    def last(self, whose: Whose, *, states: tuple[JobState, ...] = ("succeeded", "no_change")) -> Job | None:
        """The newest job of a model that ended in one of these states."""
        from seeding_platform.storage.schema import jobs as table

        found = self._some(whose.at(table), table.c.state.in_(states), limit=1)
        return found[0] if found else None

    def stats(self, *, tenant: str) -> list[dict[str, Any]]:
        """What `get_training_job_stats` gives for a tenant, a row a model."""
        return summary(self.engine, "get_training_job_stats", tenant)

    def _some(self, *asked: Any, limit: int) -> list[Job]:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import jobs as table

        query = sa.select(table).where(*asked).order_by(table.c.requested_at.desc(), table.c.job_id).limit(limit)
        with self.engine.connect() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]


def summary(engine: Any, name: str, tenant: str) -> list[dict[str, Any]]:
    """Rows of one of the summaries: a view on SQLite, a function on Postgres."""
    import sqlalchemy as sa

    from seeding_platform.storage.columns import UtcTime

    source = f"{name}()" if engine.dialect.name == "postgresql" else name
    query = sa.text(f"SELECT * FROM {source} WHERE tenant = :tenant ORDER BY environment, model")  # noqa: S608  names of the schema
    typed = query.columns(**dict.fromkeys(SUMMARY_MOMENTS[name], UtcTime))  # of a view's columns SQLite knows no types
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(typed, {"tenant": tenant}).mappings()]


def _row(job: Job) -> dict[str, Any]:
    told = {f.name: getattr(job, f.name) for f in dataclasses.fields(job) if f.name != "whose"}
    return {**told, **job.whose.values(), "evidence": json.dumps(dict(job.evidence)), "report": json.dumps(dict(job.report))}


def _job(row: RowMapping) -> Job:
    kept = dict(row)
    whose = Whose(kept.pop("tenant"), kept.pop("model"), kept.pop("environment"))
    return Job(whose=whose, **{**kept, "evidence": json.loads(kept["evidence"]), "report": json.loads(kept["report"])})
