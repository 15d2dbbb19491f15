"""Rows of a tenant for every table of the state database that says whose its rows are, made from the schema alone."""

import datetime as dt
import re

import sqlalchemy as sa

from seeding_platform.storage.columns import UtcTime
from seeding_platform.storage.database import writing
from seeding_platform.storage.tenants import tables_of_tenants

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
NOTHING = dict.fromkeys(("lease_owner", "lease_until", "output", "confidence", "label", "escalated_at", "error"))
PENDING = {
    "enrichment_stages": {**NOTHING, "record_type": "order"},
    "engine_deliveries": {"lease_owner": None, "lease_until": None},
}
"""A row that waits to be worked on has none of these."""


def row_of(table: sa.Table, tenant: str, number: int) -> dict[str, object]:
    """A row that keeps the table's checks; its texts name the tenant, so that those of two never clash."""
    allowed: dict[str, object] = {}
    for check in (c for c in table.constraints if isinstance(c, sa.CheckConstraint)):
        if found := re.match(r"(\w+) IN \('(\w+)'", str(check.sqltext)):
            allowed[found[1]] = found[2]
        elif found := re.match(r"(\w+) BETWEEN (\d+)", str(check.sqltext)):
            allowed[found[1]] = int(found[2])
    made = {c.name: _value(c, tenant, number, allowed) for c in table.columns if not (c.computed or (c.name == "seq" and c.autoincrement is True))}
    return made | PENDING.get(table.name, {})


def _value(column: sa.Column, tenant: str, number: int, allowed: dict[str, object]) -> object:
    if column.name == "tenant":
        return tenant
    if column.name in allowed:
        return allowed[column.name]
    if column.name == "role" and not column.primary_key:
        return "viewer"
    if isinstance(column.type, UtcTime):
        return NOW
    if isinstance(column.type, sa.Date):
        return NOW.date()
    if isinstance(column.type, sa.Boolean):
        return True
    if isinstance(column.type, sa.Float):
        return 1.0
    if isinstance(column.type, sa.Integer):
        return sum(tenant.encode()) * 1000 + number
    return f"{tenant}:{column.name}:{number}"


def fill(engine: sa.Engine, tenant: str, *, rows: int = 2) -> None:
    """So many rows of a tenant in each of those tables."""
    with writing(engine) as connection:
        for table in tables_of_tenants():
            connection.execute(table.insert(), [row_of(table, tenant, n) for n in range(1, rows + 1)])


def all_rows(engine: sa.Engine, tenant: str) -> dict[str, list[dict[str, object]]]:
    """Every row of a tenant by table."""
    with engine.connect() as connection:
        query = {t.name: sa.select(t).where(t.c.tenant == tenant).order_by(*t.primary_key.columns) for t in tables_of_tenants()}
        return {name: [dict(r) for r in connection.execute(q).mappings()] for name, q in query.items()}
