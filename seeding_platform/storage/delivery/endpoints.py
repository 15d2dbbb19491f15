"""Addresses that bundles go to: who they are, whether they answer, and how long a silent one is left alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing
from seeding_platform.storage.delivery.records import Endpoint

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from seeding_platform.storage.state import State

OPENS_AFTER = 5
"""Failures in a row after which an address is left alone for a while."""
PAUSE_S, MOST_PAUSE_S = 5.0, 900.0


class Endpoints:
    """Addresses in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def one(self, endpoint_id: str, *, tenant: str | None = None) -> Endpoint | None:
        """One that was not taken away, of a tenant where one is said."""
        found = self._some(endpoint_id=endpoint_id)
        return next((e for e in found if tenant in (None, e.tenant)), None)

    def all(self, *, tenant: str | None = None, engine: str | None = None) -> list[Endpoint]:
        """Those that were not taken away, the oldest first."""
        return self._some(tenant=tenant, engine=engine)

    def adjust(self, endpoint_id: str, **values: Any) -> None:
        """Set fields of one."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import endpoints as table

        with writing(self.engine) as connection:
            connection.execute(sa.update(table).where(table.c.endpoint_id == endpoint_id).values(values))

    def rotate(self, endpoint_id: str, *, seen: int, old_until: dt.datetime | None) -> bool:
        """The next revision of its secret; false where somebody else was faster."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import endpoints as table

        mine = sa.update(table).where(table.c.endpoint_id == endpoint_id, table.c.revision == seen)
        with writing(self.engine) as connection:
            return bool(connection.execute(mine.values(revision=seen + 1, old_until=old_until)).rowcount)

    def _some(self, **asked: str | None) -> list[Endpoint]:
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import endpoints as table

        query = sa.select(table).where(table.c.removed_at.is_(None)).order_by(table.c.created_at, table.c.endpoint_id)
        query = query.where(*(table.c[name] == value for name, value in asked.items() if value is not None))
        with self.engine.connect() as connection:
            return [Endpoint(**row) for row in connection.execute(query).mappings()]


def locked(connection: Connection, endpoint_id: str) -> Endpoint | None:
    """An address that nobody else changes meanwhile, nor its deliveries."""
    import sqlalchemy as sa

    from seeding_platform.storage.delivery.schema import endpoints as table

    row = connection.execute(sa.select(table).where(table.c.endpoint_id == endpoint_id).with_for_update()).mappings().one_or_none()
    return None if row is None else Endpoint(**row)


def answered(connection: Connection, endpoint: Endpoint, *, now: dt.datetime) -> None:
    """It answered: it is not left alone any more."""
    _set(connection, endpoint, failures=0, open_until=None, seen_at=now)


def silent(connection: Connection, endpoint: Endpoint, *, now: dt.datetime) -> None:
    """It failed once more; after several in a row it is left alone, longer each time."""
    failures = endpoint.failures + 1
    over = failures - OPENS_AFTER
    pause = None if over < 0 else now + dt.timedelta(seconds=min(PAUSE_S * 2 ** min(over, 20), MOST_PAUSE_S))
    _set(connection, endpoint, failures=failures, open_until=pause)


def _set(connection: Connection, endpoint: Endpoint, **values: Any) -> None:
    import sqlalchemy as sa

    from seeding_platform.storage.delivery.schema import endpoints as table

    if all(getattr(endpoint, name) == value for name, value in values.items()):
        return
    connection.execute(sa.update(table).where(table.c.endpoint_id == endpoint.endpoint_id).values(values))


def row_of(record: Any) -> dict[str, Any]:
    """A record as a row."""
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
