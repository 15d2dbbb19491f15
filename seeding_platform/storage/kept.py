"""What people keep: questions, dashboards, alerts, targets, notes, reports. Every version stays, with who wrote it and when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeding_platform.storage.database import writing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from seeding_platform.storage.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One kept thing at one version.

    Attributes:
        item_id: names it.
        version: from 1.
        tenant: whose it is.
        kind: question, dashboard, alert, target, annotation, report or ratio.
        body: what it says; None once it was removed.
        actor: id of the key that wrote this version.
        written_at: when.
    """

    item_id: str
    version: int
    tenant: str
    kind: str
    body: dict[str, Any] | None
    actor: str
    written_at: dt.datetime


class VersionConflict(Exception):
    """Somebody else changed the item meanwhile.

    Args:
        version: the one in force now.
    """

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version} is in force")
        self.version = version


class Kept:
    """Items in the state database; nothing is ever overwritten."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def add(self, kind: str, body: Mapping[str, Any], *, tenant: str, actor: str, item_id: str, now: dt.datetime) -> Item:
        """Keep a new thing."""
        return self._written(Item(item_id=item_id, version=1, tenant=tenant, kind=kind, body=dict(body), actor=actor, written_at=now))

    def change(self, item: Item, body: Mapping[str, Any] | None, *, actor: str, now: dt.datetime) -> Item:
        """A new version of a thing; None removes it.

        Raises:
            VersionConflict: `item` is no longer the version in force.
        """
        made = Item(
            item_id=item.item_id, version=item.version + 1, tenant=item.tenant, kind=item.kind, body=None if body is None else dict(body),
            actor=actor, written_at=now,
        )  # fmt: skip
        return self._written(made)

    def _written(self, item: Item) -> Item:
        from sqlalchemy.exc import IntegrityError

        from seeding_platform.storage.schema import kept_items as table

        row = {name: getattr(item, name) for name in Item.__dataclass_fields__} | {"body": None if item.body is None else json.dumps(item.body)}
        try:
            with writing(self.engine) as connection:
                connection.execute(table.insert(), row)
        except IntegrityError:
            raise VersionConflict(max(i.version for i in self.history(item.item_id, tenant=item.tenant))) from None
        return item

    def one(self, item_id: str, *, tenant: str, kind: str | None = None) -> Item | None:
        """The version in force of a tenant's thing; None when there is none, or it was removed."""
        versions = self.history(item_id, tenant=tenant)
        if not versions or versions[-1].body is None or (kind is not None and versions[-1].kind != kind):
            return None
        return versions[-1]

    def history(self, item_id: str, *, tenant: str) -> list[Item]:
        """Every version, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import kept_items as table

        query = sa.select(table).where(table.c.item_id == item_id, table.c.tenant == tenant).order_by(table.c.version)
        with self.engine.connect() as connection:
            return [_item(row) for row in connection.execute(query).mappings()]

    def all(self, kind: str, *, tenant: str | None = None) -> list[Item]:
        """Things of a kind that are in force, the oldest first."""
        import sqlalchemy as sa

        from seeding_platform.storage.schema import kept_items as table

        newest = sa.select(table.c.item_id, sa.func.max(table.c.version).label("version")).group_by(table.c.item_id).subquery()
        query = sa.select(table).join(newest, sa.and_(table.c.item_id == newest.c.item_id, table.c.version == newest.c.version))
        query = query.where(table.c.kind == kind, table.c.body.is_not(None)).order_by(table.c.written_at, table.c.item_id)
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        with self.engine.connect() as connection:
            return [_item(row) for row in connection.execute(query).mappings()]


def _item(row: Any) -> Item:
    return Item(**{**row, "body": None if row["body"] is None else json.loads(row["body"])})
