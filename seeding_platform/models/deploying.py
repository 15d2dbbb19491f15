"""Changing what serves: a saga over the ledger and the registry, which have no transaction in common.

The ledger says what is meant, the registry's alias follows, the loaded model proves itself, and only then the ledger says that it serves. A process
that dies between two steps leaves a change that `reconcile` takes up where it stopped; every step may be repeated.
"""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import PermanentError, SeedingError, TransientError
from seeding_platform.models import predict
from seeding_platform.models.golden import DOCUMENT, departures
from seeding_platform.models.registry import withdrawn
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


def log_trouble(whose: Whose, error: Exception) -> None:
    """Put in the log what went wrong with a model, without a message that may hold a value of a row."""
    says = str(error) if isinstance(error, SeedingError) else f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
    log.error("%s: %s", whose.registered, says)


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
            TransientError: the registry or its storage does not answer; a change that is written down is taken up later.
        """
        return self._change("deploy", whose, version, actor=actor, reason=reason, expected=expected, report=report or {}, watch=watch)

    def roll_back(self, whose: Whose, *, to: str | None = None, actor: str, reason: str, expected: str | None = ANY) -> Deployment:
        """Let a version serve that has served before.

        Args:
            whose: the model.
            to: the version; without it the one before what serves, and never one that a rollback has left.
            actor: who wants it.
            reason: why.
            expected: the version that is thought to serve.

        Raises:
            PermanentError: nothing is left to go back to, or that version never served.
            ChampionChanged: as in `deploy`.
            DeploymentUnderWay: as in `deploy`.
            TransientError: as in `deploy`.
        """
        chain = self.ledger.chain(whose)
        target = to or next((v for v in reversed(chain.before) if self._fit(whose, v)), None)
        if target is None:
            raise PermanentError(f"No version of {whose.registered} is left to go back to.", fix="Deploy a version by its number instead.")
        if target not in chain.served:
            raise PermanentError(f"Version {target} of {whose.registered} never served.", fix="Roll back to one that did, or deploy this one.")
        return self._change("rollback", whose, target, actor=actor, reason=reason, expected=expected, report={}, watch=None)

    def reconcile(self, *, trouble: Callable[[Whose, Exception], None] = log_trouble) -> list[str]:
        """Settle what is unsettled and point every alias to what the ledger says; what was done, in words. A repeat does nothing.

        Args:
            trouble: is told of each model that could not be settled; the others are, all the same.
        """
        done = []
        for change in self.ledger.unsettled():
            try:
                settled = self._taken_up(change)
            except Exception as error:  # the other models are settled all the same
                trouble(change.whose, error)
                continue
            done += [] if settled is None else [f"{change.whose.registered}: {change.kind} of version {change.version}: {settled.state}"]
        for standing in self.standings.all():
            try:
                corrected = self._pointed(standing.whose)
            except Exception as error:  # likewise
                trouble(standing.whose, error)
                continue
            done += [] if corrected is None else [corrected]
        return done

    def _taken_up(self, change: Deployment) -> Deployment | None:
        """Settle a change; None where whoever was at it has settled it meanwhile."""
        with self._alone(change.whose):
            here = self.ledger.one(change.deployment_id, tenant=change.whose.tenant)
            return self._settled(here) if here is not None and here.state in UNSETTLED else None

    def _pointed(self, whose: Whose) -> str | None:
        """Point the alias of a model to what serves; None where it does, or where a change is under way."""
        with self._alone(whose):
            standing = self.standings.one(whose)
            if standing is None or standing.version is None or self.ledger.unsettled(whose):
                return None
            alias = self.registry.champion(whose.registered)
            wanted = standing.version if self._fit(whose, standing.version) else None
            points_to = None if alias is None else alias.version
            if points_to == wanted:
                return None
            self.registry.serve(whose.registered, wanted)
            detail = {"pointed_to": points_to, "points_to": wanted}
            event = Event(at=self.now(), tenant=whose.tenant, actor=RECONCILER, action="ml.alias.corrected", subject=whose.registered, detail=detail)
            self.audit.record(event)
            return f"{whose.registered}: the alias pointed to {points_to or 'nothing'}, {wanted or 'nothing'} serves"

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
            if not self._fit(change.whose, change.version):
                return self.ledger.rolled_back(change, says=self.fault(change.whose, change.version) or "it must not serve", now=self.now())
            self.registry.serve(name, change.version)
            change = self.ledger.alias_set(change, now=self.now())
        wrong = self.fault(change.whose, change.version)
        now = self.now()
        if wrong is None:
            return self.ledger.verified(change, now=now)
        before = change.previous_version
        self.registry.serve(name, before if before is not None and self._fit(change.whose, before) else None)
        return self.ledger.rolled_back(change, says=wrong, now=now)

    def _fit(self, whose: Whose, version: str) -> bool:
        """Whether the registry still has a version, and it may serve."""
        found = self.registry.version(whose.registered, version)
        return found is not None and not withdrawn(found.tags)

    def fault(self, whose: Whose, version: str) -> str | None:
        """Why a version cannot serve, found by loading it from the registry and asking it its golden rows; None when it can.

        Raises:
            TransientError: the registry, its storage or this machine cannot tell now.
        """
        try:
            found, model = self.registry.load(whose.registered, version)
            spec, document = self.registry.document(found, SPEC_DOCUMENT), self.registry.document(found, DOCUMENT)
            if spec is None or document is None:
                return f"it has no {SPEC_DOCUMENT if spec is None else DOCUMENT}"
            wrong = departures(document, model, ModelSpec.model_validate(json.loads(spec)), predict)
        except TransientError:
            raise
        except SeedingError as error:
            return str(error)
        except (OSError, MemoryError) as error:
            raise TransientError(f"{whose.registered} version {version} could not be asked: {type(error).__name__}.") from error
        except Exception as error:  # whatever it fails by, it does not answer as when it was made
            log_trouble(whose, error)
            return f"it cannot answer its golden rows ({type(error).__name__})"
        return "; ".join(wrong) or None

    def _alone(self, whose: Whose) -> Any:
        self.locks.mkdir(parents=True, exist_ok=True)
        return in_turn(self.locks / f"model-{whose.registered}.lock")
