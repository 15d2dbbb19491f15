"""A tenant removed for good: everything it had goes, store by store, is searched for again, and a signed certificate says what went.

What stays: the audit log, certificates about people (pseudonyms), and that there was a tenant of this name. Killed anywhere, the same removal goes on
where it ended; nothing of another tenant is touched but old versions of the tables that both had rows in, which can no longer be read.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl

from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.governance.pii import redacted
from seeding_platform.governance.subject_rights.certificate import certified
from seeding_platform.governance.subject_rights.files import rebuilt
from seeding_platform.storage import snapshots
from seeding_platform.storage.audit import Event
from seeding_platform.storage.database import file_of
from seeding_platform.storage.durable import synced
from seeding_platform.storage.holds import Holds
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.tenants import INSTALLATION, TenantRefused, Tenants, TenantState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from seeding_platform.catalog.ports import ModelRetirer
    from seeding_platform.governance.audit import Trail
    from seeding_platform.settings import Settings
    from seeding_platform.storage.state import State

STORES = ("tables", "files", "bundles", "models", "facts", "state")
"""In the order in which they are emptied: what says which files are theirs goes last."""


class TenantHeld(PermanentError):
    """A legal hold keeps what a tenant has."""


class TenantLeft(PermanentError):
    """Something of a tenant still stands after everything was emptied."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What came of a removal.

    Args:
        tenant: which.
        stores: how much went, by place, of each store.
        certificate: the signed certificate.
    """

    tenant: str
    stores: dict[str, dict[str, int]]
    certificate: Path


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes tenants. Whoever calls it holds the lock of runs.

    Args:
        settings: where things are kept.
        state: the state database.
        models: the registry of models.
        trail: where it goes on record.
        now: the clock.
        step: called with the name of each store before it is emptied; what it raises ends the work there.
    """

    settings: Settings
    state: State
    models: ModelRetirer
    trail: Trail
    now: Callable[[], dt.datetime]
    step: Callable[[str], None] = lambda name: None

    def remove(self, tenant: str, *, confirm: str, reason: str, actor: str) -> Removed:
        """Delete all that a tenant has.

        Args:
            tenant: which.
            confirm: its name once more.
            reason: why; personal data in it is redacted.
            actor: who does it.

        Raises:
            ConfigError: the name was not confirmed, or no reason is given.
            TenantRefused: there is no such tenant, or it was removed already.
            TenantHeld: a legal hold stands.
            TenantLeft: something wrote there meanwhile; the same removal goes on.
        """
        self._allowed(tenant, confirm, reason)
        kept, began = Tenants(self.state), self.now()
        kept.move(tenant, TenantState.SUSPENDED, by=actor, now=began)
        kept.end_keys(tenant, now=began)
        done = self._begun(tenant)
        for store in STORES:
            self.step(store)
            went = getattr(self, f"_empty_{store}")(tenant)
            done[store] = dict(Counter(done.get(store, {})) + Counter(went))
            self._noted(tenant, done)
        self.step("residue")
        if left := self.residue(tenant):
            shown = ", ".join(left[:5])
            raise TenantLeft(f"{tenant} still stands in {shown}.", fix="End whatever writes there, then run the same removal again.")
        plain = redacted(pl.Series([reason.strip()[:500]]))[0]
        told = {
            "kind": "tenant-removal",
            "tenant": tenant,
            "at": self.now().isoformat(),
            "actor": actor,
            "reason": plain,
            "stores": done,
            "residue": 0,
        }
        certificate = self._written(certified(told, self.trail.keys), f"{tenant}-{began:%Y%m%dT%H%M%S}.json")
        facts = {"reason": plain, "certificate": certificate.name, **{store: sum(went.values()) for store, went in done.items()}}
        self.trail.record(Event(at=self.now(), tenant=tenant, actor=actor, action="tenants.remove", subject=tenant, detail=facts))
        kept.move(tenant, TenantState.REMOVED, by=actor, now=self.now())
        self._notes(tenant).unlink(missing_ok=True)
        return Removed(tenant, done, certificate)

    def residue(self, tenant: str) -> list[str]:
        """Places in which something of a tenant stands."""
        lake, kept = Lake(self.settings.lake), Tenants(self.state)
        tables = [t for t in lake.tables() if self._in_table(lake, t, tenant)]
        files = [str(p) for p in self._files(tenant) if p.exists()]
        bundles = [str(folder)] if (folder := self._bundles(tenant)).exists() else []
        facts = [f"facts {name}" for name in snapshots.holding(self.settings.serving, tenant)]
        return [*tables, *files, *bundles, *self.models.usable(tenant), *facts, *(f"state {name}" for name in kept.counts(tenant))]

    def _allowed(self, tenant: str, confirm: str, reason: str) -> None:
        if tenant == INSTALLATION or Path(tenant).name != tenant or tenant in (".", ".."):
            raise ConfigError(f"{tenant!r} is no tenant.", fix="`seeding tenants list` names them.")
        if confirm != tenant or not reason.strip():
            raise ConfigError("Nothing was removed.", fix="Give the tenant's name once more, and a reason; it goes on record.")
        if Tenants(self.state).of(tenant).state is TenantState.REMOVED:
            raise TenantRefused(f"Tenant {tenant!r} was removed already.", fix="There is nothing left to do.")
        if holds := Holds(self.state).standing(tenant):
            told = "; ".join(f"{h.hold_id}: {h.reason}" for h in holds[:5])
            raise TenantHeld(
                f"Tenant {tenant!r} was not removed: a legal hold stands ({told}).", fix="Release it first: `seeding retention release`."
            )
        if not self._notes(tenant).is_file() and not self._there(tenant):
            raise TenantRefused(f"There is no tenant {tenant!r}.", fix="`seeding tenants list` names them.")

    def _there(self, tenant: str) -> bool:
        return any(t.tenant == tenant for t in Tenants(self.state).known()) or bool(self.residue(tenant))

    # the stores

    def _empty_tables(self, tenant: str) -> dict[str, int]:
        lake, gone = Lake(self.settings.lake), {}
        for table in lake.tables():
            if self._in_table(lake, table, tenant):
                gone[table] = lake.erase(table, "tenant", [tenant])
                for folder in self._partitions(table, tenant):
                    if not any(folder.iterdir()):
                        folder.rmdir()
        return gone

    def _in_table(self, lake: Lake, table: str, tenant: str) -> bool:
        return tenant in lake.parts(table) or any(True for _ in self._partitions(table, tenant))

    def _partitions(self, table: str, tenant: str) -> Iterator[Path]:
        folder = Path(self.settings.lake) / table
        return (p for p in sorted(folder.glob("tenant=*")) if unquote(p.name) == f"tenant={tenant}")

    def _empty_files(self, tenant: str) -> dict[str, int]:
        gone = {str(p.relative_to(self.settings.state)): 1 for p in self._files(tenant) if p.exists()}
        for name in gone:
            path = self.settings.state / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return gone

    def _files(self, tenant: str) -> list[Path]:
        """What was landed for nobody else, what was uploaded, packages of people's requests."""
        owners: dict[str, set[str]] = {}
        for landing in self.state.landings():
            owners.setdefault(landing.sha256, set()).add(landing.tenant)
        state, rows = self.settings.state, {of.name: found for of, found in Tenants(self.state).rows(tenant)}
        spooled = [self.settings.spool / "landed" / sha256 for sha256, whose in owners.items() if whose == {tenant}]
        uploaded = [state / "uploads" / row["ingestion_id"] for row in rows["api_ingestions"]]
        packed = [state / "packages" / f"{row['request_id']}.zip" for row in rows["privacy_requests"]]
        return sorted([*spooled, *uploaded, *packed])

    def _bundles(self, tenant: str) -> Path:
        return self.settings.bundles / tenant

    def _empty_bundles(self, tenant: str) -> dict[str, int]:
        root = self._bundles(tenant)
        gone = {str(p.relative_to(self.settings.bundles)): sum(f.is_file() for f in p.rglob("*")) for p in sorted(root.glob("*/*")) if p.is_dir()}
        if root.exists():
            shutil.rmtree(root)
        return gone

    def _empty_models(self, tenant: str) -> dict[str, int]:
        left = self.models.usable(tenant)
        why = {"subject_erased_why": "removed with its tenant", "subject_erased_at": self.now().isoformat()}
        return {name: 1 for name in self.models.retire(tenant, why) if name in left} if left else {}

    def _empty_facts(self, tenant: str) -> dict[str, int]:
        return dict.fromkeys(snapshots.withdraw(self.settings.serving, tenant, now=self.now()), 1)

    def _empty_state(self, tenant: str) -> dict[str, int]:
        gone = Tenants(self.state).forget(tenant)
        if (file := file_of(self.state.engine.url)) is not None:
            rebuilt(file)
        return gone

    # what was done, kept until the certificate is written

    def _notes(self, tenant: str) -> Path:
        return self.settings.state / "tenants" / f".{tenant}.under-way.json"

    def _begun(self, tenant: str) -> dict[str, dict[str, int]]:
        notes = self._notes(tenant)
        found: dict[str, dict[str, int]] = json.loads(notes.read_text(encoding="utf-8")) if notes.is_file() else {}
        self._noted(tenant, found)
        return found

    def _noted(self, tenant: str, done: dict[str, dict[str, int]]) -> None:
        self._written(done, self._notes(tenant).name)

    def _written(self, told: dict[str, Any], name: str) -> Path:
        file = self.settings.state / "tenants" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{name}.{os.getpid()}.part")
        partial.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")
        synced(partial)
        partial.replace(file)
        synced(file.parent)
        return file
