"""Answers that were valid, kept by what was asked, of each tenant apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from seeding_platform.storage.state import State

AT_ONCE = 500


class Answers:
    """The cache in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def found(self, tenant: str, keys: Sequence[str]) -> dict[str, Any]:
        """Outputs of a tenant by key, of the keys that are known."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import answers as table

        outputs: dict[str, Any] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(keys), AT_ONCE):
                query = sa.select(table.c.key, table.c.output).where(table.c.tenant == tenant, table.c.key.in_(keys[start : start + AT_ONCE]))
                outputs |= {row.key: json.loads(row.output) for row in connection.execute(query)}
        return outputs

    def keep(self, tenant: str, outputs: Mapping[str, Any], *, now: dt.datetime) -> None:
        """Keep outputs of a tenant by key; a later one takes the place of the one before."""
        from sqlalchemy.dialects import postgresql, sqlite

        from seeding_platform.storage.enrichment.schema import answers as table

        if not outputs:
            return
        insert = (postgresql.insert if self.engine.dialect.name == "postgresql" else sqlite.insert)(table)
        rows = [{"tenant": tenant, "key": key, "output": json.dumps(output, sort_keys=True), "at": now} for key, output in sorted(outputs.items())]
        changed = {"output": insert.excluded.output, "at": insert.excluded.at}
        with writing(self.engine) as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["tenant", "key"], set_=changed), rows)

    def prune(self, *, before: dt.datetime) -> int:
        """Forget what was kept before a moment; returns how many."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import answers as table

        with writing(self.engine) as connection:
            return connection.execute(sa.delete(table).where(table.c.at < before)).rowcount
