"""The log of what engines are told: a release, a recall, a group's go or stop. Numbers grow in the order in which listeners can see them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.delivery.records import EngineEvent

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seeding_platform.storage.state import State

KEPT = dt.timedelta(days=14)
ALONE = 0x5EED_0E11
"""Lock of whoever appends on Postgres: without it a number could be seen after a higher one, and be missed."""


class EngineEvents:
    """The log in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def after(self, seq: int, *, tenant: str | None = None, limit: int = 500) -> list[EngineEvent]:
        """What was told after a number, the oldest first; of one tenant or of all."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import events as table

        query = sa.select(table).where(table.c.seq > seq).order_by(table.c.seq).limit(limit)
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        with self.engine.connect() as connection:
            return [EngineEvent(**row) for row in connection.execute(query).mappings()]

    def span(self) -> tuple[int, int]:
        """The oldest and the newest number; zeros when nothing was told yet."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import events as table

        with self.engine.connect() as connection:
            oldest, newest = connection.execute(sa.select(sa.func.min(table.c.seq), sa.func.max(table.c.seq))).one()
        return int(oldest or 0), int(newest or 0)

    def seq_of(self, tenant: str, engine: str, generation: int) -> int:
        """The number under which a generation was released; 0 when that is no longer known."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import events as table

        query = sa.select(table.c.seq).where(
            table.c.tenant == tenant, table.c.engine == engine, table.c.generation == generation, table.c.event == "release"
        )
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar() or 0)


def tell(connection: Connection, event: dict[str, Any]) -> None:
    """Append within a transaction, once; what is older than is kept goes."""
    import sqlalchemy as sa

    from seeding_platform.storage.delivery.schema import events as table

    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]

        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ALONE)))
    connection.execute(insert(table).values(event).on_conflict_do_nothing(index_elements=("tenant", "engine", "generation", "event")))
    connection.execute(sa.delete(table).where(table.c.at < event["at"] - KEPT))
