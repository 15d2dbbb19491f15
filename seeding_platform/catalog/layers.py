"""What is known of a lake table by its name `<layer>/<table>` alone: what names a row, which columns may be shown, what is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeding_platform.catalog.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

BELOW = {"raw": "clean, quality and all behind", "clean": "quality and all behind", "quality": "models, bundles and KPIs"}
"""What follows when a table of a layer changes."""
LINEAGE = ("_source", "_batch", "_row")


def key_of(table: str) -> Sequence[str]:
    """Columns that name a row of a lake table; none where no contract says.

    >>> key_of("clean/orders"), key_of("raw/orders"), key_of("clean/orders__quarantine")
    (('tenant', 'order_id'), ('_source', '_batch', '_row'), ())
    """
    layer, _, name = table.partition("/")
    if name not in TABLES:
        return ()
    return LINEAGE if layer == "raw" else ("tenant", *TABLES[name].key)


def plain_columns(table: str) -> frozenset[str]:
    """Columns whose values name nobody, as far as the contract says; none where there is no contract: what it does not declare may be anything.

    >>> "email" in plain_columns("clean/customers"), "order_id" in plain_columns("clean/orders"), plain_columns("raw/shop__orders")
    (False, True, frozenset())
    """
    name = table.partition("/")[2]
    if name not in TABLES:
        return frozenset()
    contract = TABLES[name]
    declared = {c for c, column in contract.columns.items() if column.personal is None and c != contract.text}
    return frozenset(declared | {"tenant", "_source", "_row"})
