"""Rows of a table whose texts are the same post: marked with their cluster, or merged, as its policy says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.dedup.known import TABLE, Known
from seeding_platform.cleaning.dedup.pins import decided
from seeding_platform.cleaning.dedup.strict import DUPLICATE_SCHEMA, Merged, merged_into_survivors
from seeding_platform.cleaning.harmonise import INDEX
from seeding_platform.cleaning.progress import quiet

if TYPE_CHECKING:
    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import TextDuplicates
    from seeding_platform.cleaning.progress import Progress

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

INDEX_SCHEMA: dict[str, pl.DataType] = {"tenant": pl.String(), **TABLE}


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows after the duplicates by text.

    Args:
        merged: what is kept, and what was merged into it (nothing where duplicates are only marked).
        clusters: rows that are not alone in their cluster; `record` is their key.
        index: what the next run need not find again.
    """

    merged: Merged
    clusters: pl.DataFrame
    index: pl.DataFrame


def duplicates_by_text(
    rows: pl.DataFrame, contract: TableContract, how: TextDuplicates | None, index: pl.DataFrame | None = None, progress: Progress = quiet
) -> Alike:
    """Find the duplicates by text of each tenant, and merge them where the policy says so.

    Pinned decisions of people come before what is found: records of `merge` share a cluster, those of `never_merge` never do.

    Args:
        rows: typed rows.
        contract: whose rows they are.
        how: what is compared; nothing is sought without it.
        index: what an earlier run has found (`INDEX_SCHEMA`); it changes what this one costs, not what it finds.
        progress: is told a line at each step.
    """
    unmerged = Merged(rows, pl.DataFrame(schema=DUPLICATE_SCHEMA))
    if how is None or not rows.height:
        return Alike(unmerged, pl.DataFrame(schema=CLUSTER_SCHEMA), pl.DataFrame(schema=INDEX_SCHEMA))
    clustered, found = _clustered(rows, contract, how, pl.DataFrame(schema=INDEX_SCHEMA) if index is None else index, progress)
    together = clustered.filter(pl.len().over("tenant", "cluster_id") > 1)
    clusters = together.select(*CLUSTER_SCHEMA).sort("tenant", "cluster_id", "record")
    if how.action == "mark" or not together.height:
        return Alike(unmerged, clusters, found)
    marked = rows.join(together.select(INDEX, "cluster_id", "duplicate_kind", "similarity"), on=INDEX, how="left", maintain_order="left")
    return Alike(merged_into_survivors(marked, contract), clusters, found)


def _clustered(
    rows: pl.DataFrame, contract: TableContract, how: TextDuplicates, index: pl.DataFrame, progress: Progress
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`_index`, lineage, record and cluster of each row, and the index; clusters lie within a tenant and within equal values of `by`."""
    from seeding_platform.cleaning.dedup.likeness import grouped

    key = pl.concat_str([pl.col(k).cast(pl.String).fill_null("") for k in contract.key], separator="|")
    records = rows.select(INDEX, "tenant", "_source", "_batch", "_row", *how.by, record=key, text=pl.col(how.text))
    name = pl.concat_str([pl.col("record"), pl.col(INDEX).cast(pl.String)], separator="#") if contract.identity != "natural" else pl.col("record")
    parts, known = [], []
    for (tenant,), part in records.with_columns(_name=name).sort("tenant").partition_by("tenant", as_dict=True, maintain_order=True).items():
        found, now = grouped(part["_name"], part["text"], how.mode, Known.read(index.filter(pl.col("tenant") == tenant)), progress)
        parts.append(decided(part.hstack(found.drop("_name")).with_columns(decided_by=pl.lit(how.mode)), how))
        known.append(now.table().select(pl.lit(tenant).alias("tenant"), pl.all()))
    return pl.concat(parts), pl.concat(known)
