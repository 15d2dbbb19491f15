"""Pauses of a tenant, of a stage, or of everything: what is paused is not claimed and stays due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection

ALL = ""
"""Everybody's, or every stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause.

    Attributes:
        tenant: whose; empty for everybody's.
        stage: which; empty for all.
        reason: for people.
        actor: who paused.
        at: since when.
    """

    tenant: str
    stage: str
    reason: str
    actor: str
    at: dt.datetime


def paused(connection: Connection, pause: Pause) -> None:
    """Keep a pause; a second one of the same takes the first one's place."""
    ended(connection, pause.tenant, pause.stage)
    from seeding_platform.storage.enrichment.schema import pauses as table

    values = {"tenant": pause.tenant, "stage": pause.stage, "reason": pause.reason, "actor": pause.actor, "at": pause.at}
    connection.execute(table.insert().values(values))


def ended(connection: Connection, tenant: str, stage: str) -> bool:
    """End a pause; false when there is none."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import pauses as table

    return bool(connection.execute(sa.delete(table).where(table.c.tenant == tenant, table.c.stage == stage)).rowcount)


def listed(connection: Connection, tenant: str | None) -> list[Pause]:
    """Pauses that hold for a tenant, or all of them."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import pauses as table

    query = sa.select(table).order_by(table.c.tenant, table.c.stage)
    if tenant is not None:
        query = query.where(table.c.tenant.in_((tenant, ALL)))
    return [Pause(**row) for row in connection.execute(query).mappings()]


def held_back(connection: Connection, stage: str) -> set[str] | None:
    """The tenants that may not be worked for in a stage: paused or not served; None where nobody may."""
    import sqlalchemy as sa

    from seeding_platform.storage.enrichment.schema import pauses as table
    from seeding_platform.storage.schema import tenants

    found = set(connection.execute(sa.select(table.c.tenant).where(table.c.stage.in_((stage, ALL)))).scalars())
    if ALL in found:
        return None
    return found | set(connection.execute(sa.select(tenants.c.tenant).where(tenants.c.state != "active")).scalars())
