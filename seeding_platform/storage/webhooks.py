"""Webhooks as they are kept: where to, which events, how often they failed. What is sent to them waits in the outbox (`live`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt

    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that is told of events.

    Attributes:
        webhook_id: names it.
        tenant: whose events it is told.
        url: where to.
        events: types of events.
        created_at: when it was made.
        made_by: who made it.
        revision: of its secret, from 1.
        rotated_at: when the secret was last changed.
        old_until: until when the secret before signs too.
        failures: attempts that failed since the last that did not.
        disabled_at: since when it is told nothing.
        disabled_why: by whom or by what.
        removed_at: when it was taken away.
    """

    webhook_id: str
    tenant: str
    url: str
    events: tuple[str, ...]
    created_at: dt.datetime
    made_by: str
    revision: int = 1
    rotated_at: dt.datetime | None = None
    old_until: dt.datetime | None = None
    failures: int = 0
    disabled_at: dt.datetime | None = None
    disabled_why: str = ""
    removed_at: dt.datetime | None = None

    @property
    def enabled(self) -> bool:
        """Whether it is told of events."""
        return self.disabled_at is None and self.removed_at is None


class Webhooks:
    """Webhooks in the state database.

    Args:
        state: the database.
    """

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def add(self, made: Webhook) -> None:
        """Keep a new one."""
        from seeding_platform.storage.schema import webhooks as table

        row = {name: getattr(made, name) for name in Webhook.__dataclass_fields__} | {"events": json.dumps(made.events)}
        with writing(self.engine) as connection:
            connection.execute(table.insert(), row)

    def one(self, webhook_id: str, *, tenant: str | None = None) -> Webhook | None:
        """One that was not taken away, of a tenant where one is said."""
        return next((w for w in self._all(webhook_id=webhook_id) if tenant is None or w.tenant == tenant), None)

    def all(self, *, tenant: str | None = None) -> list[Webhook]:
        """Those that were not taken away, the oldest first."""
        return [w for w in self._all() if tenant is None or w.tenant == tenant]

    def adjust(self, webhook_id: str, **values: Any) -> None:
        """Set fields of one."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import webhooks as table

        with writing(self.engine) as connection:
            connection.execute(sa.update(table).where(table.c.webhook_id == webhook_id).values(values))

    def rotate(self, webhook_id: str, *, seen: int, now: dt.datetime, old_until: dt.datetime | None) -> bool:
        """The next revision of its secret; false where somebody else was faster."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import webhooks as table

        mine = sa.update(table).where(table.c.webhook_id == webhook_id, table.c.revision == seen)
        with writing(self.engine) as connection:
            return bool(connection.execute(mine.values(revision=seen + 1, rotated_at=now, old_until=old_until)).rowcount)

    def failed(self, webhook_id: str) -> int:
        """One more attempt failed; returns how many have since the last that did not."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import webhooks as table

        mine = table.c.webhook_id == webhook_id
        with writing(self.engine) as connection:
            connection.execute(sa.update(table).where(mine).values(failures=table.c.failures + 1))
            return int(connection.execute(sa.select(table.c.failures).where(mine)).scalar() or 0)

    def _all(self, *, webhook_id: str | None = None) -> list[Webhook]:
        import sqlalchemy as sa

        from seeding_platform.storage.schema import webhooks as table

        query = sa.select(table).where(table.c.removed_at.is_(None)).order_by(table.c.created_at, table.c.webhook_id)
        if webhook_id is not None:
            query = query.where(table.c.webhook_id == webhook_id)
        with self.engine.connect() as connection:
            return [Webhook(**{**row, "events": tuple(json.loads(row["events"]))}) for row in connection.execute(query).mappings()]
