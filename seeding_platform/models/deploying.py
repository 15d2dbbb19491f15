"""Changing what serves: a saga over the ledger and the registry, which have no transaction in common.

The ledger says what is meant, the registry's alias follows, the loaded model proves itself, and only then the ledger says that it serves. A process
that dies between two steps leaves a change that `reconcile` takes up where it stopped; every step may be repeated.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError, SeedingError
from seeding_platform.models import predict
from seeding_platform.models.golden import DOCUMENT, departures
from seeding_platform.models.spec import ModelSpec
from seeding_platform.storage.audit import Event
from seeding_platform.storage.locks import in_turn
from seeding_platform.storage.ml.deployments import ANY, UNSETTLED, Deployment, Deployments
from seeding_platform.storage.ml.standing import Standings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from seeding_platform.models.registry import Registry
    from seeding_platform.storage.audit import AuditLog
    from seeding_platform.storage.ml.whose import Whose
    from seeding_platform.storage.state import State

log = logging.getLogger("seeding.models")
SPEC_DOCUMENT = "spec.json"
RECONCILER = "reconciler"


@dataclass(frozen=True, slots=True)
class Deployer:
    """Deploys, rolls back, and settles what a dead process left.

    Args:
        registry: where versions are.
        state: where the ledger is.
        audit: where each step goes on record.
        locks: folder of lock files: one change of a model at a time on this machine.
        now: the clock.
        new_id: an id that nothing has yet.
    """

    registry: Registry
    state: State
    audit: AuditLog
    locks: Path
    now: Callable[[], dt.datetime]
    new_id: Callable[[], str]

    @property
    def ledger(self) -> Deployments:
        """The changes."""
        return Deployments(self.state, self.audit)

    @property
    def standings(self) -> Standings:
        """The models."""
        return Standings(self.state)

    def deploy(
        self,
        whose: Whose,
        version: str,
        *,
        actor: str,
        reason: str,
        expected: str | None = ANY,
        report: Mapping[str, Any] | None = None,
        watch: dt.timedelta | None = None,
    ) -> Deployment:
        """Let a version serve.

        Args:
            whose: the model.
            version: of it.
            actor: who wants it.
            reason: why.
            expected: the version that is thought to serve; None = none does yet.
            report: the gate's reasons.
            watch: how long it is watched; None = not.

        Returns:
            The change, verified; or rolled back, with what was wrong.

        Raises:
            PermanentError: there is no such version.
            ChampionChanged: another version serves than the expected one.
            DeploymentUnderWay: a change of this model is not settled.
        """
        return self._change("deploy", whose, version, actor=actor, reason=reason, expected=expected, report=report or {}, watch=watch)

    def roll_back(self, whose: Whose, *, to: str | None = None, actor: str, reason: str, expected: str | None = ANY) -> Deployment:
        """Let a version serve that has served before.

        Args:
            whose: the model.
            to: the version; the one before what serves without it.
            actor: who wants it.
            reason: why.
            expected: the version that is thought to serve.

        Raises:
            PermanentError: nothing served before, or that version never did.
            ChampionChanged: as in `deploy`.
            DeploymentUnderWay: as in `deploy`.
        """
        served = [d.version for d in self.ledger.recent(tenant=whose.tenant, model=whose.model, environment=whose.environment, limit=500)]
        current = self.ledger.in_force(whose)
        target = to or (current.previous_version if current else None)
        if target is None:
            raise PermanentError(f"No version of {whose.registered} served before this one.", fix="Deploy a version by its number instead.")
        if target not in served:
            raise PermanentError(f"Version {target} of {whose.registered} never served.", fix="Roll back to one that did, or deploy this one.")
        return self._change("rollback", whose, target, actor=actor, reason=reason, expected=expected, report={}, watch=None)

    def reconcile(self) -> list[str]:
        """Settle what is unsettled and point every alias to what the ledger says; what was done, in words. A repeat does nothing."""
        done = []
        for change in self.ledger.unsettled():
            with self._alone(change.whose):
                here = self.ledger.one(change.deployment_id, tenant=change.whose.tenant)
                if here is None or here.state not in UNSETTLED:  # whoever was at it has settled it meanwhile
                    continue
                settled = self._settled(here)
            done.append(f"{change.whose.registered}: {change.kind} of version {change.version}: {settled.state}")
        for standing in self.standings.all():
            whose = standing.whose
            if standing.version is None or self.ledger.unsettled(whose):
                continue
            alias = self.registry.champion(whose.registered)
            if alias is None or alias.version != standing.version:
                points_to = None if alias is None else alias.version
                self.registry.serve(whose.registered, standing.version)
                detail = {"pointed_to": points_to, "points_to": standing.version}
                event = Event(
                    at=self.now(), tenant=whose.tenant, actor=RECONCILER, action="ml.alias.corrected", subject=whose.registered, detail=detail
                )
                self.audit.record(event)
                done.append(f"{whose.registered}: the alias pointed to {points_to or 'nothing'}, {standing.version} serves")
        return done

    def _change(
        self,
        kind: Any,
        whose: Whose,
        version: str,
        *,
        actor: str,
        reason: str,
        expected: str | None,
        report: Mapping[str, Any],
        watch: dt.timedelta | None,
    ) -> Deployment:
        if self.registry.version(whose.registered, version) is None:
            raise PermanentError(f"{whose.registered} has no version {version}.", fix="Take one that the list of its versions names.")
        now = self.now()
        wanted = Deployment(
            deployment_id=f"dep_{self.new_id()}", whose=whose, version=version, actor=actor, reason=reason, planned_at=now, moved_at=now, kind=kind,
            report=report, watched_until=None if watch is None else now + watch,
        )  # fmt: skip
        with self._alone(whose):
            return self._settled(self.ledger.plan(wanted, expected=expected))

    def _settled(self, change: Deployment) -> Deployment:
        """Take a change the rest of its way, from wherever it is."""
        name = change.whose.registered
        if change.state == "planned":
            self.registry.serve(name, change.version)
            change = self.ledger.alias_set(change, now=self.now())
        wrong = self.fault(change.whose, change.version)
        now = self.now()
        if wrong is None:
            return self.ledger.verified(change, now=now)
        self.registry.serve(name, change.previous_version)
        return self.ledger.rolled_back(change, says=wrong, now=now)

    def fault(self, whose: Whose, version: str) -> str | None:
        """Why a version cannot serve, found by loading it from the registry and asking it its golden rows; None when it can."""
        try:
            found, model = self.registry.load(whose.registered, version)
            spec, document = self.registry.document(found, SPEC_DOCUMENT), self.registry.document(found, DOCUMENT)
            if spec is None or document is None:
                return f"it has no {SPEC_DOCUMENT if spec is None else DOCUMENT}"
            wrong = departures(document, model, ModelSpec.model_validate(json.loads(spec)), predict)
        except SeedingError as error:
            return str(error)
        return "; ".join(wrong) or None

    def _alone(self, whose: Whose) -> Any:
        self.locks.mkdir(parents=True, exist_ok=True)
        return in_turn(self.locks / f"model-{whose.registered}.lock")
