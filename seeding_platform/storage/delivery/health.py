"""Whether addresses answer, counted by the hour, and the figures that engines tell of themselves."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    from seeding_platform.storage.state import State

KEPT = dt.timedelta(days=35)
KEPT_GENERATIONS = 200


@dataclass(frozen=True, slots=True)
class Day:
    """How an engine was on a day in UTC: how often it was asked, and answered well, slowly, or not."""

    day: dt.date
    up: int
    slow: int
    down: int


class EngineHealth:
    """Health in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def count(self, tenant: str, engine: str, endpoint_id: str, verdict: str, *, now: dt.datetime) -> None:
        """Count an answer: up, slow or down. What is older than is kept goes."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import health as table

        hour = now.replace(minute=0, second=0, microsecond=0)
        key: dict[str, Any] = {"tenant": tenant, "engine": engine, "endpoint_id": endpoint_id, "hour": hour}
        fresh = {**key, "up": 0, "slow": 0, "down": 0, verdict: 1}
        with writing(self.engine) as connection:
            insert = self._insert()(table).values(fresh)
            told = insert.on_conflict_do_update(index_elements=list(key), set_={verdict: table.c[verdict] + 1})
            connection.execute(told)
            connection.execute(sa.delete(table).where(table.c.hour < now - KEPT))

    def days(self, tenant: str, *, now: dt.datetime, days: int = 30) -> dict[str, list[Day]]:
        """The last days of each engine of a tenant, the oldest first, without gaps."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import health as table

        first = (now - dt.timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
        query = sa.select(table).where(table.c.tenant == tenant, table.c.hour >= first)
        counted: dict[str, dict[dt.date, list[int]]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(query).mappings():
                day = counted.setdefault(row["engine"], {}).setdefault(row["hour"].date(), [0, 0, 0])
                for place, name in enumerate(("up", "slow", "down")):
                    day[place] += row[name]
        span = [first.date() + dt.timedelta(days=n) for n in range(days)]
        return {engine: [Day(d, *by_day.get(d, [0, 0, 0])) for d in span] for engine, by_day in counted.items()}

    def tell(self, tenant: str, engine: str, generation: int, metric: str, value: float, *, now: dt.datetime) -> None:
        """Keep the newest value of a metric that an engine measures while it uses a generation; those of generations long gone by go."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import metrics as table

        key: dict[str, Any] = {"tenant": tenant, "engine": engine, "metric": metric, "generation": generation}
        with writing(self.engine) as connection:
            insert = self._insert()(table).values({**key, "value": value, "at": now})
            connection.execute(insert.on_conflict_do_update(index_elements=list(key), set_={"value": value, "at": now}))
            mine = sa.and_(table.c.tenant == tenant, table.c.engine == engine)
            connection.execute(sa.delete(table).where(mine, table.c.generation < generation - KEPT_GENERATIONS))

    def metrics(self, tenant: str, engine: str, generation: int) -> dict[str, float]:
        """What an engine told of a generation."""
        import sqlalchemy as sa

        from seeding_platform.storage.delivery.schema import metrics as table

        query = sa.select(table.c.metric, table.c.value).where(table.c.tenant == tenant, table.c.engine == engine, table.c.generation == generation)
        with self.engine.connect() as connection:
            return {name: value for name, value in connection.execute(query)}

    def _insert(self) -> Any:
        if self.engine.dialect.name == "sqlite":
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        return insert
