"""What data is: contracts of tables and engines. Nothing here reads, writes or computes on data."""

from seeding_platform.catalog.contract import Column, TableContract
from seeding_platform.catalog.tables import TABLES

LANDED = {name: table for name, table in TABLES.items() if table.origin == "landed"}
"""The tables that sources may feed; each has the chain raw -> clean -> quality."""

__all__ = ["LANDED", "TABLES", "Column", "TableContract"]
