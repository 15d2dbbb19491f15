"""The contracts of all tables, one module a domain. `TABLES` is the whole list by name."""

from seeding_platform.catalog.tables import ads, content, intelligence, learning, operations, shop

TABLES = {t.name: t for module in (content, ads, shop, operations, intelligence, learning) for t in module.TABLES}
