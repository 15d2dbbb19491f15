"""History of what the monitor measured: kept, read again, thinned. What is measured, and what it means, is decided in `enrichment`."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from seeding_platform.storage.state import State

ALL_FOR = dt.timedelta(days=3)
HOURLY_FOR = dt.timedelta(days=35)
DAILY_FOR = dt.timedelta(days=400)
AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One figure of one tenant at one moment.

    Attributes:
        tenant: whose.
        metric: which figure.
        at: when it was measured.
        value: None where there was nothing to measure.
        n: records, rows or attempts behind it.
        detail: parts of it, plain JSON.
    """

    tenant: str
    metric: str
    at: dt.datetime
    value: float | None
    n: int
    detail: Mapping[str, Any] = field(default_factory=dict)


class Measurements:
    """Measurements in the state database.

    Args:
        state: the database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def keep(self, made: Iterable[Measurement]) -> int:
        """Keep measurements; one of the same tenant, metric and moment stands as it was. Returns how many were new."""
        from sqlalchemy.dialects import postgresql, sqlite

        from seeding_platform.storage.enrichment.schema import measurements as table

        rows = [_row(one) for one in made]
        kept = 0
        with writing(self.engine) as connection:
            insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            for first in range(0, len(rows), AT_ONCE):
                kept += connection.execute(insert(table).values(rows[first : first + AT_ONCE]).on_conflict_do_nothing()).rowcount
        return kept

    def newest(self, tenant: str | None = None) -> dict[str, dict[str, Measurement]]:
        """The newest measurement of each metric, by tenant; of one tenant or of all."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import measurements as t

        last = sa.select(t.c.tenant, t.c.metric, sa.func.max(t.c.at).label("at")).group_by(t.c.tenant, t.c.metric)
        last_one = (last if tenant is None else last.where(t.c.tenant == tenant)).subquery()
        query = sa.select(t).join(last_one, sa.and_(*(t.c[k] == last_one.c[k] for k in ("tenant", "metric", "at"))))
        found: dict[str, dict[str, Measurement]] = {}
        for one in self._read(query.order_by(t.c.tenant, t.c.metric)):
            found.setdefault(one.tenant, {})[one.metric] = one
        return found

    def since(
        self, tenant: str, after: dt.datetime, *, metrics: Collection[str] = (), until: dt.datetime | None = None
    ) -> dict[str, list[Measurement]]:
        """What was measured after a moment, by metric, the oldest first; of some metrics or of all."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import measurements as t

        query = sa.select(t).where(t.c.tenant == tenant, t.c.at > after).order_by(t.c.metric, t.c.at)
        query = query.where(t.c.metric.in_(list(metrics))) if metrics else query
        found: dict[str, list[Measurement]] = {}
        for one in self._read(query if until is None else query.where(t.c.at <= until)):
            found.setdefault(one.metric, []).append(one)
        return found

    def prune(self, *, now: dt.datetime) -> int:
        """Thin what is old: the first of each hour stays after three days, the first of each day after five weeks, nothing after 400 days.

        Returns:
            How many were deleted.
        """
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import measurements as t

        keys = (t.c.tenant, t.c.metric, t.c.at)
        seen: set[tuple[str, str, dt.datetime]] = set()
        gone: list[dict[str, Any]] = []
        with writing(self.engine) as connection:
            for tenant, metric, at in connection.execute(sa.select(*keys).where(t.c.at <= now - ALL_FOR).order_by(*keys)):
                slot = at.replace(minute=0, second=0, microsecond=0)
                slot = slot if at > now - HOURLY_FOR else slot.replace(hour=0)
                if at <= now - DAILY_FOR or (tenant, metric, slot) in seen:
                    gone.append({"whose": tenant, "which": metric, "moment": at})
                seen.add((tenant, metric, slot))
            if gone:
                which = [c == sa.bindparam(name, type_=c.type) for c, name in zip(keys, ("whose", "which", "moment"), strict=True)]
                connection.execute(sa.delete(t).where(*which), gone)
        return len(gone)

    def _read(self, query: Any) -> list[Measurement]:
        with self.engine.connect() as connection:
            return [Measurement(**{**row, "detail": json.loads(row["detail"])}) for row in connection.execute(query).mappings()]


def _row(one: Measurement) -> dict[str, Any]:
    detail = json.dumps(dict(one.detail), sort_keys=True, ensure_ascii=False)
    return {"tenant": one.tenant, "metric": one.metric, "at": one.at, "value": one.value, "n": one.n, "detail": detail}
