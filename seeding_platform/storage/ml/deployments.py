"""The ledger of deployments: what serves, what served before it, and how far a change has come. The alias in the registry follows it.

A change goes `planned` -> `alias_set` -> `verified`, or ends as `rolled_back`; a model has one that is unsettled at most. What serves is said by
`ml_models.version`, which changes in the transaction that verifies.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from seeding_platform.storage.database import writing
from seeding_platform.storage.ml.whose import Whose

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from seeding_platform.storage.audit import AuditLog
    from seeding_platform.storage.state import State

DeploymentState = Literal["planned", "alias_set", "verified", "rolled_back"]
UNSETTLED: tuple[DeploymentState, ...] = ("planned", "alias_set")
ANY = "(any)"
"""Expected of what serves by somebody to whom it is all the same."""


class ChampionChanged(Exception):
    """Another version serves than the one that was expected.

    Args:
        serves: the version that does.
    """

    def __init__(self, serves: str | None) -> None:
        super().__init__(str(serves))
        self.serves = serves


class DeploymentUnderWay(Exception):
    """A change of this model is not settled yet.

    Args:
        deployment_id: the change.
    """

    def __init__(self, deployment_id: str) -> None:
        super().__init__(deployment_id)
        self.deployment_id = deployment_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One change of what serves.

    Attributes:
        deployment_id: names it.
        whose: which model.
        kind: deploy, or rollback to a version that served before.
        version: what is to serve.
        actor: id of a key, or the name of a process.
        reason: why.
        planned_at: when.
        moved_at: when it last came a step further.
        previous_version: what served before; None for the first.
        state: how far it is.
        verified_at: when it was seen to serve.
        watched_until: until when it is watched once it serves.
        says: why it was undone.
        report: the gate's reasons.
    """

    deployment_id: str
    whose: Whose
    version: str
    actor: str
    reason: str
    planned_at: dt.datetime
    moved_at: dt.datetime
    kind: Literal["deploy", "rollback"] = "deploy"
    previous_version: str | None = None
    state: DeploymentState = "planned"
    verified_at: dt.datetime | None = None
    watched_until: dt.datetime | None = None
    says: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chain:
    """What has served, as a rollback reads it.

    Attributes:
        before: versions that served before what serves and were not left by a rollback, the latest last.
        left: versions that a rollback has left, and that nobody has deployed since.
        served: every version that ever served.
    """

    before: tuple[str, ...]
    left: frozenset[str]
    served: frozenset[str]


class Deployments:
    """The ledger in the state database.

    Args:
        state: the database.
        log: where each step goes on record, in its own transaction.
    """

    def __init__(self, state: State, log: AuditLog) -> None:
        self.engine, self.log = state.engine, log

    def plan(self, wanted: Deployment, *, expected: str | None = ANY) -> Deployment:
        """Write a change down, with what serves now as its previous version.

        Args:
            wanted: the change.
            expected: the version that is thought to serve; None = none does yet.

        Raises:
            ChampionChanged: another one serves.
            DeploymentUnderWay: a change of the model is not settled.
        """
        import sqlalchemy as sa
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import deployments as table
        from seeding_platform.storage.schema import models

        try:
            with writing(self.engine) as connection:
                serves = connection.execute(sa.select(models.c.version).where(wanted.whose.at(models))).scalar_one_or_none()
                if expected not in (ANY, serves):
                    raise ChampionChanged(serves)
                planned = dataclasses.replace(wanted, previous_version=serves, state="planned")
                connection.execute(table.insert(), _row(planned))
                self._tell(connection, planned, planned.planned_at, version=planned.version, previous=serves, reason=planned.reason)
        except IntegrityError:
            under_way = self.unsettled(wanted.whose)
            if under_way:
                raise DeploymentUnderWay(under_way[0].deployment_id) from None
            if self.one(wanted.deployment_id, tenant=wanted.whose.tenant):
                raise
            return self.plan(wanted, expected=expected)  # it was settled between the two
        return planned

    def alias_set(self, deployment: Deployment, *, now: dt.datetime) -> Deployment:
        """The registry's alias points to the new version; a repeat changes nothing."""
        return self._moved(deployment, "alias_set", now, ("planned",), {})

    def verified(self, deployment: Deployment, *, now: dt.datetime) -> Deployment:
        """The new version was seen to serve: from this transaction on it does; watching of earlier ones ends."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import deployments as table
        from seeding_platform.storage.schema import models

        whose = deployment.whose
        with writing(self.engine) as connection:
            done, changed = self._moved_in(connection, deployment, "verified", now, UNSETTLED, {"verified_at": now})
            if not changed:  # somebody else settled it, one way or the other
                return done
            others = sa.and_(whose.at(table), table.c.watched_until.is_not(None), table.c.deployment_id != deployment.deployment_id)
            connection.execute(sa.update(table).where(others).values(watched_until=None))
            serving = {"version": deployment.version, "deployed_at": now, "updated_at": now}
            connection.execute(sa.update(models).where(whose.at(models)).values(serving))
            connection.execute(sa.update(models).where(whose.at(models), models.c.shadow == deployment.version).values(shadow=None, shadow_share=0.0))
        return done

    def rolled_back(self, deployment: Deployment, *, says: str, now: dt.datetime) -> Deployment:
        """The change was undone before it served."""
        return self._moved(deployment, "rolled_back", now, UNSETTLED, {"says": says})

    def watch_over(self, deployment_id: str) -> None:
        """A change has proved itself, or was undone: it is watched no longer."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import deployments as table

        with writing(self.engine) as connection:
            connection.execute(sa.update(table).where(table.c.deployment_id == deployment_id).values(watched_until=None))

    def unsettled(self, whose: Whose | None = None) -> list[Deployment]:
        """Changes that are neither verified nor undone; of one model or of all."""
        from seeding_platform.storage.schema import deployments as table

        return self._some(table.c.state.in_(UNSETTLED), *([whose.at(table)] if whose else []), limit=1000)

    def watched(self) -> list[Deployment]:
        """Changes that serve and are watched."""
        from seeding_platform.storage.schema import deployments as table

        return self._some(table.c.state == "verified", table.c.watched_until.is_not(None), limit=1000)

    def in_force(self, whose: Whose) -> Deployment | None:
        """The change by which serves what serves."""
        from seeding_platform.storage.schema import deployments as table

        found = self._some(whose.at(table), table.c.state == "verified", limit=1)
        return found[0] if found else None

    def chain(self, whose: Whose) -> Chain:
        """What has served of a model: verified changes only; a rollback takes back those after its version."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import deployments as table

        asked = sa.select(table.c.kind, table.c.version).where(whose.at(table), table.c.state == "verified")
        with self.engine.connect() as connection:
            changes = connection.execute(asked.order_by(table.c.verified_at, table.c.planned_at)).all()
        stood: list[str] = []
        left: set[str] = set()
        for kind, version in changes:
            while kind == "rollback" and stood and stood[-1] != version:
                left.add(stood.pop())
                if version not in stood:
                    break
            left.discard(version)
            if stood[-1:] != [version]:
                stood.append(version)
        return Chain(tuple(v for v in stood[:-1] if v not in {*left, stood[-1]}), frozenset(left), frozenset(v for _, v in changes))

    def one(self, deployment_id: str, *, tenant: str) -> Deployment | None:
        """One change of a tenant's model."""
        from seeding_platform.storage.schema import deployments as table

        found = self._some(table.c.deployment_id == deployment_id, table.c.tenant == tenant, limit=1)
        return found[0] if found else None

    def recent(self, *, tenant: str, model: str = "", environment: str = "", limit: int = 50) -> list[Deployment]:
        """Changes of a tenant's models, the newest first."""
        from seeding_platform.storage.schema import deployments as table

        asked = [table.c.tenant == tenant]
        asked += [table.c.model == model] if model else []
        asked += [table.c.environment == environment] if environment else []
        return self._some(*asked, limit=limit)

    def _moved(self, deployment: Deployment, state: DeploymentState, now: dt.datetime, only: tuple[DeploymentState, ...], more: Any) -> Deployment:
        with writing(self.engine) as connection:
            return self._moved_in(connection, deployment, state, now, only, more)[0]

    def _moved_in(
        self, connection: Connection, deployment: Deployment, state: DeploymentState, now: dt.datetime, only: tuple[DeploymentState, ...], more: Any
    ) -> tuple[Deployment, bool]:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import deployments as table

        here = sa.and_(table.c.deployment_id == deployment.deployment_id, table.c.state.in_(only))
        done = dataclasses.replace(deployment, state=state, moved_at=now, **more)
        changed = bool(connection.execute(sa.update(table).where(here).values(state=state, moved_at=now, **more)).rowcount)
        if changed:
            self._tell(connection, done, now, version=done.version, previous=done.previous_version, **({"says": done.says} if done.says else {}))
        return done, changed

    def _tell(self, connection: Connection, deployment: Deployment, now: dt.datetime, **detail: Any) -> None:
        from seeding_platform.storage.audit import Event

        whose = deployment.whose
        action, subject = f"ml.{deployment.kind}.{deployment.state}", whose.registered
        told = {"deployment": deployment.deployment_id, **detail}
        self.log.record_in(connection, Event(at=now, tenant=whose.tenant, actor=deployment.actor, action=action, subject=subject, detail=told))

    def _some(self, *asked: Any, limit: int) -> list[Deployment]:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import deployments as table

        query = sa.select(table).where(*asked).order_by(table.c.planned_at.desc(), table.c.deployment_id).limit(limit)
        with self.engine.connect() as connection:
            return [_deployment(row) for row in connection.execute(query).mappings()]


def _row(deployment: Deployment) -> dict[str, Any]:
    told = {f.name: getattr(deployment, f.name) for f in dataclasses.fields(deployment) if f.name != "whose"}
    return {**told, **deployment.whose.values(), "report": json.dumps(dict(deployment.report))}


def _deployment(row: RowMapping) -> Deployment:
    kept = dict(row)
    whose = Whose(kept.pop("tenant"), kept.pop("model"), kept.pop("environment"))
    return Deployment(whose=whose, **{**kept, "report": json.loads(kept["report"])})
