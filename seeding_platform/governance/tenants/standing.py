"""What each tenant holds: rows and bytes of its partitions, rows of the state database, keys, and when something was last done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.storage.api_keys import ApiKeys
from seeding_platform.storage.tenants import INSTALLATION, Tenant, Tenants

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.storage.lake import Lake
    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the lake holds of a tenant, in force.

    Attributes:
        tables: in how many tables.
        rows: in all of them.
        bytes: of their files.
    """

    tables: int = 0
    rows: int = 0
    bytes: int = 0

    def with_part(self, rows: int, size: int) -> Held:
        """The same with one more table."""
        return Held(tables=self.tables + 1, rows=self.rows + rows, bytes=self.bytes + size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One tenant as it stands.

    Attributes:
        tenant: name, quota and state.
        held: of it in the lake.
        state_rows: of it in the state database.
        keys: that are valid.
        last_at: when it was last written on record that something was done, or one of its keys was used; None: never.
    """

    tenant: Tenant
    held: Held
    state_rows: int
    keys: int
    last_at: dt.datetime | None


def held_in(lake: Lake, tenant: str | None = None) -> dict[str, Held]:
    """What the lake holds of each tenant, or of one; read off the logs of its tables."""
    found: dict[str, Held] = {}
    for table in lake.tables():
        for name, (rows, size) in lake.parts(table).items():
            if tenant in (None, name) and rows:
                found[name] = found.get(name, Held()).with_part(rows, size)
    return found


def standings(lake: Lake, state: State, *, now: dt.datetime, tenant: str | None = None) -> list[Standing]:
    """Every tenant that there is, by its row, its keys or its data, or the one that is named if it is one of them.

    Args:
        lake: the tables.
        state: the state database.
        now: the time.
        tenant: only this one.
    """
    kept, keys = Tenants(state), ApiKeys(state).all_keys()
    held, last = held_in(lake, tenant), kept.last_activity()
    known = {t.tenant: t for t in kept.known()}
    names = [n for n in sorted({*known, *held} - {INSTALLATION}) if tenant in (None, n)]
    found = []
    for name in names:
        theirs = [k for k in keys if k.tenant == name]
        moments = [at for at in (last.get(name), *(k.last_used_at for k in theirs)) if at is not None]
        found.append(
            Standing(
                tenant=known.get(name, Tenant(tenant=name)),
                held=held.get(name, Held()),
                state_rows=sum(kept.counts(name).values()),
                keys=sum(k.valid(now) for k in theirs),
                last_at=max(moments, default=None),
            )
        )
    return found
