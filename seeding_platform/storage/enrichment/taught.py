"""What people said about exceptions, as a classifier learns from it: the newest label of each. Writing labels is the business of reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeding_platform.storage.enrichment.states import Stage

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl

    from seeding_platform.storage.state import State


class HumanLabels:
    """Labels of people in the state database."""

    def __init__(self, state: State) -> None:
        self.engine = state.engine

    def newest(self, tenant: str) -> pl.DataFrame:
        """`exception_id, label, labelled_at` of the exceptions of a tenant, one row an exception; the newest label counts."""
        import polars as pl
        import sqlalchemy as sa

        from seeding_platform.storage.enrichment.schema import labels as table

        query = (
            sa.select(table.c.record_id, table.c.label, table.c.at)
            .where(table.c.tenant == tenant, table.c.record_type == "exception", table.c.stage == Stage.CLASSIFICATION.value)
            .order_by(table.c.record_id, table.c.at, table.c.label_id)
        )
        with self.engine.connect() as connection:
            newest: dict[str, tuple[str, dt.datetime]] = {row.record_id: (row.label, row.at) for row in connection.execute(query)}
        rows = [(name, label, at) for name, (label, at) in newest.items()]
        schema: dict[str, Any] = {"exception_id": pl.String, "label": pl.String, "labelled_at": pl.Datetime("us", "UTC")}
        return pl.DataFrame(rows, schema=schema, orient="row")
