"""What assets share while they run: settings and the rooms' stores, opened late and closed by nobody but the process."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeding_platform.cleaning.policies import adjusted_policy
from seeding_platform.models.registry import Registry
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.state import LandingStatus, State

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import polars as pl

    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy
    from seeding_platform.connectors import FileSourceSpec
    from seeding_platform.distribution.delivery.publishing import Publisher
    from seeding_platform.enrichment.house import House
    from seeding_platform.governance.audit import Trail
    from seeding_platform.governance.expiring import Retention
    from seeding_platform.governance.protection import PiiPolicy
    from seeding_platform.models.operations.bench import Bench
    from seeding_platform.monitoring.desk import AlertDesk
    from seeding_platform.quality.gate import GatePolicy
    from seeding_platform.settings import Settings
    from seeding_platform.storage.adjusted import Adjusted
    from seeding_platform.storage.keyring import Keyring
    from seeding_platform.storage.marks import Marks
    from seeding_platform.storage.subject_keys import SubjectKeys

DEFAULT_TENANT = "default"


class Platform:
    """Handed to assets as the resource `platform`; a test hands in its own."""

    def __init__(
        self, settings: Settings, sources: Sequence[FileSourceSpec] = (), *, cleaning: CleaningPolicy | None = None, gate: GatePolicy | None = None
    ) -> None:
        self.settings = settings
        self.sources = tuple(sources)
        self._cleaning = cleaning
        self._gate = gate

    def cleaning(self, contract: TableContract) -> CleaningPolicy:
        """The cleaning policy of a contract as it stands now: people change it while this process runs."""
        return self._cleaning or adjusted_policy(contract, self.settings.policies, self.adjusted)

    def gate_of(self, contract: TableContract) -> GatePolicy:
        """The thresholds of a table's gate as people have set them by now."""
        from seeding_platform.quality.gate import GATE, GatePolicy

        if self._gate is not None:
            return self._gate
        found = self.adjusted.value(GATE, contract.name)
        assert isinstance(found, GatePolicy)  # noqa: S101  the setting's own model
        return found

    @cached_property
    def adjusted(self) -> Adjusted:
        """What people have adjusted."""
        from seeding_platform.storage.adjusted import Adjusted

        return Adjusted(self.state)

    def personal_data(self, contract: TableContract) -> PiiPolicy:
        """The policy of personal data of a contract as it stands now."""
        from seeding_platform.governance.protection import load_pii_policy

        return load_pii_policy(contract, self.settings.policies)

    @property
    def references(self) -> Path | None:
        """Folder with rows that are known to be right."""
        return self.settings.policies / "references" if self.settings.policies else None

    @property
    def keys(self) -> Keyring:
        """The keyring of the installation."""
        return self.trail.keys

    @cached_property
    def subject_keys(self) -> SubjectKeys:
        """The keys of people whose values are encrypted."""
        from seeding_platform.storage.subject_keys import SubjectKeys

        return SubjectKeys(self.state, self.keys, now=self.now)

    @cached_property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(self.settings.lake)

    @cached_property
    def state(self) -> State:
        """The state database, migrated on first use."""
        self.settings.state.mkdir(parents=True, exist_ok=True)
        return State.open(self.settings.state_url)

    @cached_property
    def trail(self) -> Trail:
        """The audit log."""
        from seeding_platform.governance.audit import Trail

        return Trail(self.settings, self.state)

    @cached_property
    def desk(self) -> AlertDesk:
        """Where alerts are raised and cleared."""
        from seeding_platform.monitoring.desk import AlertDesk

        return AlertDesk(self.state, self.settings)

    @cached_property
    def publisher(self) -> Publisher:
        """Ledger, queue and rules of the delivery to engines."""
        import secrets

        from seeding_platform.distribution.delivery.publishing import Publisher
        from seeding_platform.distribution.delivery.rules import rules_of

        return Publisher(self.state, self.settings.bundles, self.keys, lambda: secrets.token_hex(16), rules_of(self.settings))

    def published(self, tenant: str, engine: str) -> None:
        """Sign and write down what is in force for an engine, so that it is delivered; whoever finds it not done does it too.

        What could be taken for a limited time only, half of which is over, is given a new time.
        """
        from seeding_platform.distribution.delivery.putting_back import renewed

        self.publisher.published(tenant, engine, now=self.now())
        renewed(self.publisher, tenant, engine, now=self.now())

    def emit(self, event_type: str, tenant: str, payload: Mapping[str, Any], *, mark: str = "") -> int:
        """Tell the webhooks of a tenant of an event; returns how many are told."""
        from seeding_platform.monitoring.events import emit

        return emit(self.state, event_type, tenant, payload, now=self.now(), mark=mark)

    def admit(self, rows: pl.DataFrame, tenant: str) -> pl.DataFrame:
        """Rows on their way in, without people who were erased."""
        from seeding_platform.governance.subject_rights.tombstones import without_erased
        from seeding_platform.storage.privacy import Tombstones

        return without_erased(rows, tenant, Tombstones(self.state, self.keys))

    def taken_in(self, rows: pl.DataFrame, tenant: str) -> pl.DataFrame:
        """Rows of a landed file on their way in, where their tenant has room for them.

        Raises:
            QuotaExceeded: it has not; nothing comes in.
        """
        from seeding_platform.governance.tenants import room_for
        from seeding_platform.storage.tenants import Tenants

        room_for(self.lake, Tenants(self.state).of(tenant), rows=rows.height, size=int(rows.estimated_size()))
        return self.admit(rows, tenant)

    @cached_property
    def marks(self) -> Marks:
        """Whom rows are to be left out of, and what in them is to be put right."""
        from seeding_platform.storage.marks import Marks

        return Marks(self.state, self.keys)

    def corrected(self, rows: pl.LazyFrame, contract: TableContract) -> tuple[pl.LazyFrame, int]:
        """Raw rows with what people had put right, and how many rows that concerned."""
        from seeding_platform.governance.subject_rights.rectification import corrected

        return corrected(rows, contract, self.marks)

    def unrestricted(self, rows: pl.LazyFrame) -> tuple[pl.LazyFrame, int]:
        """Clean rows without people whose data must not be used for the time being, and how many were left out."""
        from seeding_platform.governance.subject_rights.restriction import without_restricted

        return without_restricted(rows, self.marks)

    def within_retention(self, rows: pl.LazyFrame, contract: TableContract) -> tuple[pl.LazyFrame, int]:
        """Clean rows that are not past the time that they may be kept, and how many were."""
        from seeding_platform.governance.expiry import Keeping, within
        from seeding_platform.governance.retention import days_of
        from seeding_platform.storage.holds import Holds

        keeping = Keeping(tuple(Holds(self.state).standing()), self.marks)
        return within(rows, contract, days_of(self.state, contract.name), self.now(), keeping)

    @cached_property
    def retention(self) -> Retention:
        """How long rows are kept, carried out."""
        from seeding_platform.governance.expiring import Retention

        return Retention(self.settings, self.state, self.trail, self.now)

    @cached_property
    def registry(self) -> Registry:
        """The model registry."""
        return Registry(self.settings.registry_url, self.settings.state / "mlflow" / "artefacts")

    @cached_property
    def bench(self) -> Bench:
        """What work on models shares."""
        import uuid

        from seeding_platform.models.operations.bench import Bench

        return Bench(self.settings, self.state, self.registry, self.trail.log, lambda: self.now(), lambda: uuid.uuid4().hex)

    def enrichment(self, owner: str, rng: random.Random) -> House:
        """What work on enrichment shares, under the name of who works."""
        from seeding_platform.enrichment.house import House

        return House(self.bench, rng, owner)

    def tenants(self) -> list[str]:
        """Everybody whose data is or was brought in: tenants of the fixed files and of all landed ones; never empty."""
        fixed = {source.tenant for source in self.sources if source.path is not None}
        landed = {landing.tenant for landing in self.state.landings() if landing.status is not LandingStatus.FAILED}
        return sorted(fixed | landed) or [DEFAULT_TENANT]

    @property
    def trust(self) -> dict[str, float]:
        """Source to the share of its records that is taken for right before anything is seen."""
        return {source.label: source.trust for source in self.sources}

    def now(self) -> dt.datetime:
        """The clock of this process."""
        return dt.datetime.now(dt.UTC)
