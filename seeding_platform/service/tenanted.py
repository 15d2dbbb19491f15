"""Tenants as the command line and the API manage them: listed, added, limited, suspended, taken along, removed; each change on record."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from seeding_platform.errors import ConfigError
from seeding_platform.governance.audit import Trail
from seeding_platform.governance.pii import redacted
from seeding_platform.governance.tenants import Removal, exported, standings
from seeding_platform.models.registry import Registry
from seeding_platform.storage.audit import Event
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.tenants import TenantRefused, Tenants, TenantState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from seeding_platform.governance.tenants import Removed, Standing
    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State
    from seeding_platform.storage.tenants import Quota, Tenant


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Manages the tenants of an installation.

    Args:
        settings: where things are kept.
        state: the state database.
        now: the clock.
    """

    settings: Settings
    state: State
    now: Callable[[], dt.datetime]

    def list(self, tenant: str | None = None) -> list[Standing]:
        """Every tenant as it stands, or the one that is named if it is there."""
        return standings(Lake(self.settings.lake), self.state, now=self.now(), tenant=tenant)

    def one(self, tenant: str) -> Standing:
        """A tenant as it stands.

        Raises:
            TenantRefused: there is none.
        """
        found = self.list(tenant)
        if not found:
            raise TenantRefused(f"There is no tenant {tenant[:80]!r}.", fix="`seeding tenants list` names them.")
        return found[0]

    def add(self, tenant: str, *, label: str, quota: Quota, actor: str) -> Tenant:
        """Add a tenant.

        Raises:
            ConfigError: the name is none.
            TenantRefused: there is one already.
        """
        made = Tenants(self.state).add(tenant, label=_plain(label), quota=quota, by=actor, now=self.now())
        self._record("tenants.add", tenant, actor, {"quota": dataclasses.asdict(quota)})
        return made

    def limit(self, tenant: str, quota: Quota, *, actor: str) -> Tenant:
        """Give a tenant another quota.

        Raises:
            TenantRefused: there is none, or it was removed.
        """
        before = self.one(tenant).tenant
        made = Tenants(self.state).limit(tenant, quota, by=actor, now=self.now())
        self._record("tenants.quota", tenant, actor, {"before": dataclasses.asdict(before.quota), "quota": dataclasses.asdict(quota)})
        return made

    def move(self, tenant: str, state: TenantState, *, reason: str, actor: str) -> Tenant:
        """Suspend a tenant, or serve it again.

        Raises:
            ConfigError: no reason is given.
            TenantRefused: there is none, or it was removed.
        """
        if not reason.strip():
            raise ConfigError("Nothing was changed.", fix="Say why; it goes on record.")
        self.one(tenant)
        made = Tenants(self.state).move(tenant, state, by=actor, now=self.now())
        action = "tenants.suspend" if state is TenantState.SUSPENDED else "tenants.resume"
        self._record(action, tenant, actor, {"reason": _plain(reason)})
        return made

    def export(self, target: BinaryIO | Path, tenant: str, *, actor: str) -> dict[str, Any]:
        """Write everything of a tenant as an archive; returns its manifest.

        Raises:
            TenantRefused: there is none.
        """
        self.one(tenant)
        lake = Lake(self.settings.lake)
        manifest = exported(target, tenant, lake=lake, state=self.state, bundles=self.settings.bundles, now=self.now())
        self._record("tenants.export", tenant, actor, {"files": len(manifest["files"]), "bytes": sum(f["bytes"] for f in manifest["files"])})
        return manifest

    def remove(self, tenant: str, *, confirm: str, reason: str, actor: str) -> Removed:
        """Delete all that a tenant has, for good; whoever calls it holds the lock of runs.

        Raises:
            ConfigError: the name was not confirmed, or no reason is given.
            TenantRefused: there is no such tenant, or it was removed already.
            TenantHeld: a legal hold stands.
        """
        models = Registry(self.settings.registry_url, self.settings.state / "mlflow" / "artefacts")
        removal = Removal(self.settings, self.state, models, Trail(self.settings, self.state), self.now)
        return removal.remove(tenant, confirm=confirm, reason=reason, actor=actor)

    def _record(self, action: str, tenant: str, actor: str, detail: dict[str, Any]) -> None:
        event = Event(at=self.now(), tenant=tenant, actor=actor, action=action, subject=tenant, detail=detail)
        Trail(self.settings, self.state).record(event)


def _plain(text: str) -> str:
    return str(redacted(pl.Series([text.strip()[:500]]))[0])
