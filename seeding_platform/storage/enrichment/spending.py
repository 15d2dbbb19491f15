"""What providers cost a tenant, day by day: set aside before a question goes out, put right afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection

    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent; also what is to be.

    Args:
        calls: questions.
        tokens: in and out together.
        cost: in EUR.
    """

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0


class Spending:
    """Spending in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def of(self, tenant: str, day: dt.date) -> dict[str, Spent]:
        """What a tenant spent on a day (UTC), by provider."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import spending as table

        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.tenant == tenant, table.c.day == day)).all()
        return {row.provider: Spent(row.calls, row.tokens, row.cost) for row in rows}

    def reserve(self, tenant: str, day: dt.date, provider: str, want: Spent, *, most_tokens: int | None, most_cost: float | None) -> bool:
        """Set something aside for questions; false, and nothing is, where all providers of the tenant together would pass a limit of the day.

        Args:
            tenant: who pays.
            day: in UTC.
            provider: who is asked.
            want: what the questions may cost.
            most_tokens: limit, None = none.
            most_cost: limit in EUR, None = none.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import spending as table

        sums = sa.select(sa.func.coalesce(sa.func.sum(table.c.tokens), 0), sa.func.coalesce(sa.func.sum(table.c.cost), 0.0))
        with writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":  # rows of several providers are one sum: who adds to it waits for the others
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"enrichment_spending|{tenant}", 0))))
            tokens, cost = connection.execute(sums.where(table.c.tenant == tenant, table.c.day == day)).one()
            over = (most_tokens is not None and tokens + want.tokens > most_tokens) or (most_cost is not None and cost + want.cost > most_cost + 1e-9)
            if not over:
                _add(connection, tenant, day, provider, want)
        return not over

    def settle(self, tenant: str, day: dt.date, provider: str, *, reserved: Spent, spent: Spent) -> None:
        """Put what was really spent in place of what was set aside."""
        change = Spent(spent.calls - reserved.calls, spent.tokens - reserved.tokens, spent.cost - reserved.cost)
        with writing(self.engine) as connection:
            _add(connection, tenant, day, provider, change)


def _add(connection: Connection, tenant: str, day: dt.date, provider: str, what: Spent) -> None:
    from sqlalchemy.dialects import postgresql, sqlite

    from seeding_platform.storage.enrichment.schema import spending as table

    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {"tenant": tenant, "day": day, "provider": provider, "calls": what.calls, "tokens": what.tokens, "cost": what.cost}
    added = {name: table.c[name] + row[name] for name in ("calls", "tokens", "cost")}
    connection.execute(insert(table).values(row).on_conflict_do_update(index_elements=["tenant", "day", "provider"], set_=added))
