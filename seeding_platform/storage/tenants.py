"""Tenants: the organisations that an installation serves, how much each may keep and ask, and whether it is served.

A tenant needs no row: one that has keys or data and none is active, without a quota. A row that says `removed` stays: the name is not taken again.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from seeding_platform.errors import ConfigError, PermanentError
from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from sqlalchemy import Table

    from seeding_platform.storage.state import State

INSTALLATION = ""
"""The tenant of admins of the installation as a whole: they see no tenant's figures and manage all tenants."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_SPARED = frozenset({"tenants", "audit_events"})
"""Tables whose rows of a tenant outlive it: that there was one, and what was done."""


class TenantState(StrEnum):
    """Whether a tenant is served."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    """Its keys are refused and its files wait; everything it has stays."""
    REMOVED = "removed"
    """Everything it had was deleted; the name is not taken again."""


class TenantRefused(PermanentError):
    """What was asked of a tenant cannot be done; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much a tenant may keep and ask; None for no limit.

    Attributes:
        rows: in all its tables together.
        bytes: of all its tables together.
        requests_a_minute: of all its keys together.
    """

    rows: int | None = None
    bytes: int | None = None
    requests_a_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One tenant.

    Attributes:
        tenant: its name.
        label: what it is called, for people.
        made_at: when it was added; None for one that is known by its keys or data only.
        made_by: who added it.
        quota: how much it may keep and ask.
        state: whether it is served.
    """

    tenant: str
    label: str = ""
    made_at: dt.datetime | None = None
    made_by: str = ""
    quota: Quota = Quota()
    state: TenantState = TenantState.ACTIVE

    @property
    def served(self) -> bool:
        """Neither suspended nor removed."""
        return self.state is TenantState.ACTIVE


class Tenants:
    """Tenants in the state database.

    Args:
        state: the state database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def of(self, tenant: str) -> Tenant:
        """A tenant as it stands; one without a row is active and has no quota."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import tenants as table

        with self.engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.tenant == tenant)).mappings().one_or_none()
        return Tenant(tenant=tenant) if row is None else _tenant(row)

    def known(self) -> list[Tenant]:
        """Every tenant that has a row of its own, or any row of the state database that does not outlive it, by name."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import tenants as table

        with self.engine.connect() as connection:
            found = {row["tenant"]: _tenant(row) for row in connection.execute(sa.select(table)).mappings()}
            for of in _mortal():
                names = connection.execute(sa.select(of.c.tenant).distinct()).scalars()
                found = {name: Tenant(tenant=name) for name in names if name != INSTALLATION} | found
        return [found[name] for name in sorted(found)]

    def add(self, tenant: str, *, label: str, quota: Quota, by: str, now: dt.datetime) -> Tenant:
        """Add a tenant.

        Raises:
            ConfigError: the name is none.
            TenantRefused: there is a row of it already.
        """
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import tenants as table

        made = Tenant(tenant=named(tenant), label=label, made_at=now, made_by=by, quota=quota)
        try:
            with writing(self.engine) as connection:
                connection.execute(table.insert(), _row(made))
        except IntegrityError as error:
            state = self.of(tenant).state
            fix = "Take another name." if state is TenantState.REMOVED else "`seeding tenants quota` changes it."
            raise TenantRefused(f"Tenant {tenant!r} is there already ({state}).", fix=fix) from error
        return made

    def limit(self, tenant: str, quota: Quota, *, by: str, now: dt.datetime) -> Tenant:
        """Give a tenant another quota.

        Raises:
            TenantRefused: it was removed.
        """
        return self._changed(tenant, by=by, now=now, quota=quota)

    def move(self, tenant: str, state: TenantState, *, by: str, now: dt.datetime) -> Tenant:
        """Suspend, resume or close a tenant; a repeat changes nothing.

        Raises:
            TenantRefused: it was removed, which is for good.
        """
        return self._changed(tenant, by=by, now=now, state=state)

    def counts(self, tenant: str) -> dict[str, int]:
        """Rows of a tenant by table of the state database, but for those that outlive it."""
        import sqlalchemy as sa

        with self.engine.connect() as connection:
            told = {t.name: connection.execute(sa.select(sa.func.count()).select_from(t).where(t.c.tenant == tenant)).scalar_one() for t in _mortal()}
        return {name: count for name, count in sorted(told.items()) if count}

    def rows(self, tenant: str) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        """Every row of a tenant by table, the audit log included, in the order of its key."""
        import sqlalchemy as sa

        with self.engine.connect() as connection:
            for of in tables_of_tenants():
                query = sa.select(of).where(of.c.tenant == tenant).order_by(*of.primary_key.columns)
                yield of, [dict(row) for row in connection.execute(query).mappings()]

    def forget(self, tenant: str) -> dict[str, int]:
        """Delete every row of a tenant, in one transaction, but for those that outlive it; returns how many went by table."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_receipts, privacy_requests

        with writing(self.engine) as connection:
            theirs = sa.select(privacy_requests.c.request_id).where(privacy_requests.c.tenant == tenant)
            receipts = connection.execute(sa.delete(privacy_receipts).where(privacy_receipts.c.request_id.in_(theirs))).rowcount
            gone = {t.name: connection.execute(sa.delete(t).where(t.c.tenant == tenant)).rowcount for t in _mortal()}
        return {name: count for name, count in sorted({privacy_receipts.name: receipts, **gone}.items()) if count}

    def end_keys(self, tenant: str, *, now: dt.datetime) -> int:
        """Revoke every key of a tenant and end the sessions of its people; returns how many keys that were."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import api_keys, person_sessions

        keys = sa.update(api_keys).where(api_keys.c.tenant == tenant, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
        sessions = sa.update(person_sessions).where(person_sessions.c.tenant == tenant, person_sessions.c.ended_at.is_(None)).values(ended_at=now)
        with writing(self.engine) as connection:
            connection.execute(sessions)
            return int(connection.execute(keys).rowcount)

    def last_activity(self) -> dict[str, dt.datetime]:
        """When something was last done to each tenant's data, as the audit log has it."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import audit_events as table

        with self.engine.connect() as connection:
            told = connection.execute(sa.select(table.c.tenant, sa.func.max(table.c.at)).group_by(table.c.tenant)).all()
        return {name: at for name, at in told if name != INSTALLATION}

    def _changed(self, tenant: str, *, by: str, now: dt.datetime, **values: Any) -> Tenant:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import tenants as table

        with writing(self.engine) as connection:
            query = sa.select(table).where(table.c.tenant == tenant).with_for_update()
            row = connection.execute(query).mappings().one_or_none()
            before = Tenant(tenant=tenant, made_at=now, made_by=by) if row is None else _tenant(row)
            if before.state is TenantState.REMOVED and values != {"state": TenantState.REMOVED}:
                raise TenantRefused(f"Tenant {tenant!r} was removed.", fix="That is for good; add another one.")
            after = dataclasses.replace(before, **values)
            if row is None:
                connection.execute(table.insert(), _row(after))
            else:
                connection.execute(sa.update(table).where(table.c.tenant == tenant).values(_row(after)))
        return after


def named(tenant: str) -> str:
    """A name for a tenant.

    Raises:
        ConfigError: it is none: it becomes a folder, and a part of other names.

    >>> named("acme-2")
    'acme-2'
    """
    if not NAME.fullmatch(tenant):
        raise ConfigError(f"{tenant[:80]!r} is no name of a tenant.", fix="Small letters, digits, - and _, at most 60, the first a letter or digit.")
    return tenant


def tables_of_tenants() -> list[Table]:
    """Tables of the state database whose rows say whose they are, but for the tenants themselves; those that others refer to come first."""
    from seeding_platform.storage import schema

    return [t for t in schema.metadata.sorted_tables if "tenant" in t.c and t is not schema.tenants]


def _mortal() -> list[Table]:
    return [t for t in reversed(tables_of_tenants()) if t.name not in _SPARED]


def _row(tenant: Tenant) -> dict[str, Any]:
    told = {name: getattr(tenant, name) for name in ("tenant", "label", "made_at", "made_by")}
    return told | {"state": str(tenant.state)} | {f"quota_{name}": value for name, value in dataclasses.asdict(tenant.quota).items()}


def _tenant(row: Any) -> Tenant:
    quota = Quota(rows=row["quota_rows"], bytes=row["quota_bytes"], requests_a_minute=row["quota_requests_a_minute"])
    told = {name: row[name] for name in ("tenant", "label", "made_at", "made_by")}
    return Tenant(**told, quota=quota, state=TenantState(row["state"]))
