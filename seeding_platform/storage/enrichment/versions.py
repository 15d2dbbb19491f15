"""Which version of a stage's provider is live, tenant by tenant, and which were before; a version is that of model and prompt together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.storage.state import State


def joined(version: tuple[str, str]) -> str:
    """Model and prompt as one name.

    >>> joined(("exception_classification:3", "2"))
    'exception_classification:3|2'
    """
    return "|".join(version)


def parted(version: str) -> tuple[str, str]:
    """Model and prompt of a name.

    >>> parted("exception_classification:3|2")
    ('exception_classification:3', '2')
    """
    model, _, prompt = version.rpartition("|")
    return model, prompt


class Versions:
    """Versions in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def live(self, tenant: str, stage: str) -> str | None:
        """The version that is live; None before the first."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import versions as table

        with self.engine.connect() as connection:
            found = sa.select(table.c.version).where(table.c.tenant == tenant, table.c.stage == stage, table.c.state == "live")
            return connection.execute(found).scalar_one_or_none()

    def all(self, tenant: str) -> list[dict[str, Any]]:
        """Every version of a tenant, the newest first, with how it did on the golden set."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import versions as table

        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.tenant == tenant).order_by(table.c.at.desc(), table.c.stage)).mappings()
            return [{**row, "report": json.loads(row["report"])} for row in rows]

    def put(self, tenant: str, stage: str, version: str, state: str, *, report: Mapping[str, Any], now: dt.datetime, share: float = 0.0) -> None:
        """Keep what a version is: candidate, live, refused or retired. One that becomes live takes the place of the one before."""
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import versions as table

        mine = (table.c.tenant == tenant, table.c.stage == stage)
        with writing(self.engine) as connection:
            if state == "live":
                connection.execute(sa.update(table).where(*mine, table.c.state == "live", table.c.version != version).values(state="retired"))
            connection.execute(sa.delete(table).where(*mine, table.c.version == version))
            row = {
                "tenant": tenant,
                "stage": stage,
                "version": version,
                "state": state,
                "share": share,
                "report": json.dumps(dict(report)),
                "at": now,
            }
            connection.execute(table.insert(), row)
