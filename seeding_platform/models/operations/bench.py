"""What whoever works on models is given: registry, ledger, jobs, standings, clock, and the ways to tell what happened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeding_platform.models.deploying import Deployer
from seeding_platform.monitoring.alert import Alert
from seeding_platform.monitoring.callbacks import call_back
from seeding_platform.monitoring.desk import AlertDesk
from seeding_platform.monitoring.events import emit
from seeding_platform.storage.adjusted import Adjusted
from seeding_platform.storage.audit import Event
from seeding_platform.storage.live import Live
from seeding_platform.storage.ml.jobs import TrainingJobs
from seeding_platform.storage.ml.predictions import Predictions
from seeding_platform.storage.ml.standing import Standings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.models.registry import Registry
    from seeding_platform.settings import Settings
    from seeding_platform.storage.audit import AuditLog
    from seeding_platform.storage.ml.jobs import Ended, Job
    from seeding_platform.storage.ml.whose import Whose
    from seeding_platform.storage.state import State


@dataclass
class Bench:
    """Everything that work on models shares.

    Args:
        settings: where things are kept.
        state: the database.
        registry: the versions.
        audit: the audit log.
        now: the clock.
        new_id: an id that nothing has yet.
    """

    settings: Settings
    state: State
    registry: Registry
    audit: AuditLog
    now: Callable[[], dt.datetime]
    new_id: Callable[[], str]

    @cached_property
    def deployer(self) -> Deployer:
        """Changes what serves."""
        return Deployer(self.registry, self.state, self.audit, self.settings.state / "locks", self.now, self.new_id)

    @cached_property
    def jobs(self) -> TrainingJobs:
        """Training jobs."""
        return TrainingJobs(self.state)

    @cached_property
    def standings(self) -> Standings:
        """How each model stands."""
        return Standings(self.state)

    @cached_property
    def predictions(self) -> Predictions:
        """What was answered."""
        return Predictions(self.state)

    @cached_property
    def adjusted(self) -> Adjusted:
        """What people have set."""
        return Adjusted(self.state)

    @cached_property
    def desk(self) -> AlertDesk:
        """Where alerts are raised."""
        return AlertDesk(self.state, self.settings)

    def record(self, action: str, whose: Whose, *, actor: str, outcome: str = "ok", **detail: Any) -> None:
        """Put something on record."""
        told = {k: v for k, v in detail.items() if v is not None}
        event = Event(at=self.now(), tenant=whose.tenant, actor=actor, action=f"ml.{action}", subject=whose.registered, outcome=outcome, detail=told)
        self.audit.record(event)

    def tell(self, event: str, whose: Whose, *, mark: str, **facts: Any) -> None:
        """Tell pages and other systems that something happened; once, by its mark."""
        told = {"model": whose.model, "environment": whose.environment, **{k: v for k, v in facts.items() if v is not None}}
        Live(self.state).tell("model", f"{event}:{mark}", {"event": event, **told}, now=self.now(), tenant=whose.tenant)
        emit(self.state, event, whose.tenant, told, now=self.now(), mark=mark)

    def at_stage(self, job: Job, stage: str) -> None:
        """Write down what a job is at, and let pages that are looked at follow it.

        Raises:
            JobLost: it is not this process's any more.
        """
        self.jobs.move(job.job_id, stage, now=self.now())
        told = {"event": "retraining.stage", "model": job.whose.model, "job_id": job.job_id, "stage": stage}
        Live(self.state).tell("model", f"stage:{job.job_id}:{stage}", told, now=self.now(), tenant=job.whose.tenant)

    def call_back(self, job: Job, ended: Ended) -> None:
        """Tell the address that a job names of its end; nothing where it names none."""
        if job.callback:
            facts = {"job_id": job.job_id, "model": job.whose.model, "state": ended.state, "version": ended.version, "verdict": ended.verdict or None}
            call_back(self.state, job.callback, "retraining.finished", job.whose.tenant, facts, now=self.now(), mark=job.job_id)

    def alert(self, rule: str, whose: Whose, **evidence: Any) -> None:
        """Raise an alert about a model."""
        told = {k: v for k, v in evidence.items() if v is not None}
        self.desk.raise_(Alert(rule=f"model.{rule}", tenant=whose.tenant, subject=_subject(whose), evidence=told), now=self.now())

    def all_clear(self, rule: str, whose: Whose) -> None:
        """What an alert was raised for is no longer so."""
        self.desk.clear(f"model.{rule}", whose.tenant, _subject(whose), now=self.now())


def _subject(whose: Whose) -> str:
    """A model as alerts name it, in signs that ids are made of."""
    return f"model/{whose.registered.replace('~', ':')}"
