"""Strict duplicates: rows of one tenant with the same key.

The survivor is the latest (by the contract's time, then by landing), then the most complete; the others' values fill its
gaps. Nothing is merged by likeness here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from seeding_platform.catalog import TableContract

_ORDER = "_survives"


@dataclass(frozen=True, slots=True)
class Merged:
    """Survivors, and the rows that were merged into them.

    Args:
        kept: one row a key.
        duplicates: the other rows: their lineage, the cluster and the row that survived.
    """

    kept: pl.DataFrame
    duplicates: pl.DataFrame


DUPLICATE_SCHEMA = {
    "tenant": pl.String(),
    "_source": pl.String(),
    "_batch": pl.String(),
    "_row": pl.Int64(),
    "cluster_id": pl.String(),
    "duplicate_kind": pl.String(),
    "similarity": pl.Float64(),
    "survivor_source": pl.String(),
    "survivor_batch": pl.String(),
    "survivor_row": pl.Int64(),
}


def merge_equal_keys(rows: pl.DataFrame, contract: TableContract) -> Merged:
    """Merge rows of equal key; a key with a null part is nobody's duplicate."""
    keys = ["tenant", *contract.key]
    known = pl.all_horizontal(pl.col(k).is_not_null() for k in contract.key)
    repeated = rows.select((pl.struct(keys).is_duplicated() & known).alias("again")).to_series()
    if not repeated.any():
        return Merged(rows, pl.DataFrame(schema=DUPLICATE_SCHEMA))
    values = [c for c in contract.columns if c in rows.columns and c not in keys]
    filled = pl.sum_horizontal(pl.col(c).is_not_null().cast(pl.Int32) for c in values)
    latest = [contract.time] if contract.time else []
    order = [*latest, "_landed_at", _ORDER, "_batch", "_row"]
    group = (
        rows.filter(repeated)
        .with_columns(filled.alias(_ORDER))
        .sort(
            [*keys, *[c for c in order if c not in keys]],
            descending=[False] * len(keys) + [True] * len([c for c in order if c not in keys]),
            nulls_last=True,
        )
    )
    survivors = group.group_by(keys, maintain_order=True).agg(
        *(pl.col(c).drop_nulls().first() for c in values), *(pl.col(c).first() for c in group.columns if c not in {*keys, *values})
    )
    return Merged(
        pl.concat([rows.filter(~repeated), survivors.select(rows.columns)]),
        _losers(group, keys),
    )


def _losers(group: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    lineage = ["_source", "_batch", "_row"]
    cluster = pl.concat_str([pl.col(k).cast(pl.String) for k in keys], separator="|")
    first = group.with_columns(
        *(pl.col(c).first().over(keys).alias(f"survivor{c}") for c in lineage),
        pl.int_range(pl.len()).over(keys).alias("_place"),
        cluster_id=cluster,
        duplicate_kind=pl.lit("strict"),
        similarity=pl.lit(1.0),
    )
    return first.filter(pl.col("_place") > 0).select(*DUPLICATE_SCHEMA)
