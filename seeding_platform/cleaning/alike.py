"""Rows of a table whose texts are the same post: marked with their cluster, or merged, as its policy says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.dedup.pins import decided
from seeding_platform.cleaning.dedup.strict import DUPLICATE_SCHEMA, Merged, merged_into_survivors
from seeding_platform.cleaning.harmonise import INDEX

if TYPE_CHECKING:
    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import TextDuplicates

CLUSTER_SCHEMA = {
    "tenant": pl.String(),
    "_source": pl.String(),
    "_batch": pl.String(),
    "_row": pl.Int64(),
    "record": pl.String(),
    "cluster_id": pl.String(),
    "duplicate_kind": pl.String(),
    "similarity": pl.Float64(),
    "decided_by": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows after the duplicates by text.

    Args:
        merged: what is kept, and what was merged into it (nothing where duplicates are only marked).
        clusters: rows that are not alone in their cluster; `record` is their key.
    """

    merged: Merged
    clusters: pl.DataFrame


def duplicates_by_text(rows: pl.DataFrame, contract: TableContract, how: TextDuplicates | None) -> Alike:
    """Find the duplicates by text of each tenant, and merge them where the policy says so.

    Pinned decisions of people come before what is found: records of `merge` share a cluster, those of `never_merge` never do.
    """
    nothing = Alike(Merged(rows, pl.DataFrame(schema=DUPLICATE_SCHEMA)), pl.DataFrame(schema=CLUSTER_SCHEMA))
    if how is None or rows.height < 2:
        return nothing
    clustered = _clustered(rows, contract, how)
    together = clustered.filter(pl.col("cluster_id").is_duplicated())
    if not together.height:
        return nothing
    clusters = together.select(*CLUSTER_SCHEMA).sort("tenant", "cluster_id", "record")
    if how.action == "mark":
        return Alike(nothing.merged, clusters)
    marked = rows.join(together.select(INDEX, "cluster_id", "duplicate_kind", "similarity"), on=INDEX, how="left", maintain_order="left")
    return Alike(merged_into_survivors(marked, contract), clusters)


def _clustered(rows: pl.DataFrame, contract: TableContract, how: TextDuplicates) -> pl.DataFrame:
    """`_index`, lineage, record and cluster of each row; clusters lie within a tenant and within equal values of `by`."""
    from seeding_platform.cleaning.dedup.likeness import deduplicate

    key = pl.concat_str([pl.col(k).cast(pl.String).fill_null("") for k in contract.key], separator="|")
    records = rows.select(INDEX, "tenant", "_source", "_batch", "_row", *how.by, record=key, text=pl.col(how.text))
    name = pl.concat_str([pl.col("record"), pl.col(INDEX).cast(pl.String)], separator="#") if contract.identity != "natural" else pl.col("record")
    parts = []
    for part in records.with_columns(_name=name).partition_by("tenant"):
        found = deduplicate(part.select("_name", "text"), id="_name", text="text", mode=how.mode)
        parts.append(decided(part.hstack(found.drop("_name")).with_columns(decided_by=pl.lit(how.mode)), how))
    return pl.concat(parts)
