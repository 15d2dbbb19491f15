"""Breakers of providers in the state database: one row each, changed by one worker at a time. When one opens is decided in `enrichment`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True)
class BreakerRow:
    """One breaker.

    Args:
        state: closed, open or half_open.
        recent: newest outcomes, oldest first: o (well) and x (not).
        opened_at: when it opened last, None while it is closed.
        probes: questions let through while half open.
        moved_at: when it changed last.
    """

    state: str
    recent: str
    opened_at: dt.datetime | None
    probes: int
    moved_at: dt.datetime


class Breakers:
    """Breakers by provider."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def one(self, provider: str) -> BreakerRow | None:
        """The breaker of a provider; None where it was never asked."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import breakers as table

        with self.engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.provider == provider)).mappings().first()
        return None if row is None else _breaker(dict(row))

    def all(self) -> dict[str, BreakerRow]:
        """Every breaker, by provider."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import breakers as table

        with self.engine.connect() as connection:
            rows = [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.provider)).mappings()]
        return {row["provider"]: _breaker(row) for row in rows}

    def changed(self, provider: str, change: Callable[[BreakerRow], BreakerRow], *, now: dt.datetime) -> BreakerRow:
        """Change a breaker while nobody else does; returns it as it is then. One that was never seen is closed."""
        import sqlalchemy as sa
        from sqlalchemy.dialects import postgresql, sqlite

        from seeding_platform.storage.enrichment.schema import breakers as table

        insert = postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert
        fresh = {"provider": provider, **dataclasses.asdict(BreakerRow("closed", "", None, 0, now))}
        with writing(self.engine) as connection:
            connection.execute(insert(table).values(fresh).on_conflict_do_nothing())
            row = connection.execute(sa.select(table).where(table.c.provider == provider).with_for_update()).mappings().one()
            before = _breaker(dict(row))
            after = change(before)
            if after != before:
                connection.execute(sa.update(table).where(table.c.provider == provider).values(dataclasses.asdict(after)))
        return after


def _breaker(row: dict[str, object]) -> BreakerRow:
    return BreakerRow(**{name: value for name, value in row.items() if name != "provider"})  # type: ignore[arg-type]
