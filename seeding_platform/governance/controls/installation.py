"""The facts of an installation that checks look at, each read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.catalog import LANDED
from seeding_platform.governance.pii.columns import judged_columns
from seeding_platform.governance.processing import load_processing
from seeding_platform.governance.protection import Action, load_pii_policy
from seeding_platform.governance.retention import days_of
from seeding_platform.storage.api_state import ApiState
from seeding_platform.storage.lake import Lake
from seeding_platform.storage.marks import Marks
from seeding_platform.storage.privacy import PrivacyState

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.catalog import TableContract
    from seeding_platform.governance.audit import Trail
    from seeding_platform.governance.audit.verify import Verdict
    from seeding_platform.governance.processing import Processing
    from seeding_platform.governance.protection import PiiPolicy
    from seeding_platform.settings import Settings
    from seeding_platform.storage.api_state import ApiKey
    from seeding_platform.storage.audit import Recorded
    from seeding_platform.storage.privacy import PrivacyRequest
    from seeding_platform.storage.state import State

VERDICTS = "quality/personal_columns"
MOST_EVENTS = 100_000


@dataclass(frozen=True)
class Installation:
    """One installation at one moment, or the part of it that a tenant may see.

    Args:
        settings: where things are kept.
        state: the state database.
        trail: the audit log.
        now: the moment.
        tenant: whose keys, requests, events and rows are looked at; None for everybody's.
    """

    settings: Settings
    state: State
    trail: Trail
    now: dt.datetime
    tenant: str | None = None

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        return Lake(self.settings.lake)

    @cached_property
    def marks(self) -> Marks:
        """Whom to leave out, what to put right, whom to keep."""
        return Marks(self.state, self.trail.keys)

    @cached_property
    def filled(self) -> dict[str, TableContract]:
        """Contracts of the tables that hold rows."""
        return {n: c for n, c in LANDED.items() if self.lake.exists(f"clean/{n}") and self.rows(f"clean/{n}").limit(1).collect().height}

    @cached_property
    def personal(self) -> dict[str, TableContract]:
        """Contracts of the filled tables that hold personal data: declared so, or found to."""
        found = {t.partition("/")[2].partition("__")[0] for t in self._verdicts(["personal", "texts"])}
        return {n: c for n, c in self.filled.items() if n in found or any(column.personal for column in c.columns.values())}

    @cached_property
    def undeclared(self) -> list[str]:
        """Columns of clean tables that look personal and are not declared so, `table.column`."""
        if not self.lake.exists(VERDICTS):
            return []
        looks = pl.col("verdict").is_in(["personal", "suspected"]) & pl.col("table").str.starts_with("clean/")
        rows = self.lake.read(VERDICTS).filter(looks & (pl.col("evidence") != "declared in the contract")).collect()
        return [f"{t}.{c}" for t, c in rows.select("table", "column").sort("table", "column").iter_rows()]

    @cached_property
    def processing(self) -> Mapping[str, Processing]:
        """What people declared of each table."""
        return {name: load_processing(contract, self.settings.policies) for name, contract in LANDED.items()}

    @cached_property
    def policies(self) -> Mapping[str, PiiPolicy]:
        """What is done with personal data of each table."""
        return {name: load_pii_policy(contract, self.settings.policies) for name, contract in LANDED.items()}

    @cached_property
    def days(self) -> Mapping[str, int | None]:
        """How long the rows of each table are kept."""
        return {name: days_of(self.state, name) for name in LANDED}

    @cached_property
    def requests(self) -> list[PrivacyRequest]:
        """People's requests."""
        kept = PrivacyState(self.state)
        return [r for tenant in self._tenants for r in kept.all(tenant)]

    @cached_property
    def keys(self) -> list[ApiKey]:
        """Keys that are in force."""
        return [k for k in ApiState(self.state).all_keys() if k.valid(self.now) and self.tenant in (None, k.tenant)]

    @cached_property
    def events(self) -> list[Recorded]:
        """The newest events of the audit log."""
        found = self.trail.log.newest(limit=MOST_EVENTS)
        return [e for e in found if self.tenant is None or e.event.tenant in (self.tenant, "")]

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the audit log is as it was written."""
        return self.trail.verify()

    def rows(self, table: str) -> pl.LazyFrame:
        """Rows of a table that may be looked at."""
        frame = self.lake.read(table)
        return frame if self.tenant is None or "tenant" not in frame.collect_schema() else frame.filter(pl.col("tenant") == self.tenant)

    def labels_in(self, table: str) -> dict[str, str]:
        """Columns of a contract's table that look personal and are not treated by its policy, with their label; nothing where there is no table."""
        if not self.lake.exists(table):
            return {}
        frame, name = self.rows(table).collect(), table.partition("/")[2]
        treated = {c for c, action in self.policies[name].columns.items() if action is not Action.KEEP}
        plain = [c for c in frame.columns if not c.startswith("_") and c not in {"tenant", "flags", *treated}]
        found = judged_columns(frame.select(plain)).filter(pl.col("verdict").is_in(["personal", "suspected", "texts"]))
        return {column: label or "TEXTS" for column, label in found.select("column", "label").iter_rows()}

    def _verdicts(self, wanted: list[str]) -> set[str]:
        if not self.lake.exists(VERDICTS):
            return set()
        rows = self.lake.read(VERDICTS).filter(pl.col("verdict").is_in(wanted) & pl.col("table").str.starts_with("clean/")).collect()
        return set(rows["table"].to_list())

    @cached_property
    def _tenants(self) -> list[str]:
        if self.tenant is not None:
            return [self.tenant]
        return PrivacyState(self.state).tenants()
