"""Legal holds: what must be kept whatever else is asked, of a person, a table or everything, with the reason why."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.storage.state import State

PERSON, TABLE, EVERYTHING = "person", "table", "everything"
EVERYBODY = ""
"""The tenant of a hold that concerns all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One hold.

    Attributes:
        hold_id: names it.
        tenant: whose data it keeps; empty for everybody's.
        kind: person, table or everything.
        target: name of the contract; pseudonym of the person; empty for everything.
        reason: why, without personal data.
        actor: who placed it.
        at: since when.
        lifted_at: until when; None while it stands.
    """

    hold_id: str
    tenant: str
    kind: str
    target: str
    reason: str
    actor: str
    at: dt.datetime
    lifted_at: dt.datetime | None = None


class Holds:
    """Holds in the state database.

    Args:
        state: the database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def add(self, hold: Hold) -> None:
        """Place a hold."""
        from seeding_platform.storage.schema import privacy_holds as table

        with writing(self.engine) as connection:
            connection.execute(table.insert(), dataclasses.asdict(hold))

    def one(self, hold_id: str) -> Hold | None:
        """A hold by its id."""
        return next((hold for hold in self._read() if hold.hold_id == hold_id), None)

    def standing(self, tenant: str | None = None) -> list[Hold]:
        """Holds that stand, the oldest first: those that concern a tenant, everybody's included, or all."""
        return [h for h in self._read() if h.lifted_at is None and (tenant is None or h.tenant in (tenant, EVERYBODY))]

    def lift(self, hold_id: str, *, now: dt.datetime) -> bool:
        """Lift a hold; false where none of this id stands."""
        from seeding_platform.storage.schema import privacy_holds as table

        with writing(self.engine) as connection:
            where = (table.c.hold_id == hold_id) & table.c.lifted_at.is_(None)
            return bool(connection.execute(table.update().where(where).values(lifted_at=now)).rowcount)

    def _read(self) -> list[Hold]:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import privacy_holds as table

        with self.engine.connect() as connection:
            return [Hold(**row) for row in connection.execute(sa.select(table).order_by(table.c.at, table.c.hold_id)).mappings()]
