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
        duplicates: the other rows: their lineage, the cluster and the row that survived; `agreement` = share of the cells filled in both that are
            equal, null where no cell is.
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
    "agreement": pl.Float64(),
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
    group = rows.filter(repeated).with_columns(
        cluster_id=pl.concat_str([pl.col(k).cast(pl.String) for k in keys], separator="|"), duplicate_kind=pl.lit("strict"), similarity=pl.lit(1.0)
    )
    survivors, losers = _survivors(group, contract)
    return Merged(pl.concat([rows.filter(~repeated), survivors.select(rows.columns)]), losers)


def merged_into_survivors(rows: pl.DataFrame, contract: TableContract) -> Merged:
    """Merge rows with the same `cluster_id`; rows without one stay as they are.

    Args:
        rows: with `cluster_id`, `duplicate_kind` and `similarity`.
        contract: whose time and columns decide who survives.
    """
    alone = rows.filter(pl.col("cluster_id").is_null()).drop("cluster_id", "duplicate_kind", "similarity")
    survivors, losers = _survivors(rows.filter(pl.col("cluster_id").is_not_null()), contract)
    return Merged(pl.concat([alone, survivors.select(alone.columns)]), losers)


def _survivors(group: pl.DataFrame, contract: TableContract) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of each cluster of a tenant one row, its gaps filled from the others in their order, and the others."""
    keys = ["tenant", *contract.key]
    values = [c for c in contract.columns if c in group.columns and c not in keys]
    filled = pl.sum_horizontal(pl.col(c).is_not_null().cast(pl.Int32) for c in values)
    order = [c for c in (*([contract.time] if contract.time else []), "_landed_at", _ORDER, "_batch", "_row") if c not in keys]
    ranked = group.with_columns(filled.alias(_ORDER)).sort(
        ["tenant", "cluster_id", *order], descending=[False, False, *([True] * len(order))], nulls_last=True
    )
    survivors = ranked.group_by("tenant", "cluster_id", maintain_order=True).agg(
        *(pl.col(c).drop_nulls().first() for c in values), *(pl.col(c).first() for c in ranked.columns if c not in {"tenant", "cluster_id", *values})
    )
    return survivors, _losers(ranked, [c for c in values if not isinstance(ranked.schema[c], pl.List)])


def _losers(ranked: pl.DataFrame, compared: list[str]) -> pl.DataFrame:
    lineage, cluster = ["_source", "_batch", "_row"], ["tenant", "cluster_id"]
    alike = [pl.col(c) == pl.col(c).first().over(cluster) for c in compared]  # null where either is empty
    told = ranked.with_columns(
        *(pl.col(c).first().over(cluster).alias(f"survivor{c}") for c in lineage),
        pl.int_range(pl.len()).over(cluster).alias("_place"),
        agreement=(pl.mean_horizontal(a.cast(pl.Float64) for a in alike) if alike else pl.lit(None, dtype=pl.Float64)),
    )
    return told.filter(pl.col("_place") > 0).select(*DUPLICATE_SCHEMA)
