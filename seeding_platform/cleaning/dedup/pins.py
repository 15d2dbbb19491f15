"""What people have decided about duplicates: columns that must be equal, pairs that are one, pairs that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from seeding_platform.cleaning.policy import DuplicatePolicy

PERSON = "a person"


def decided(told: pl.DataFrame, policy: DuplicatePolicy) -> pl.DataFrame:
    """Clusters after what people have decided.

    A pair of `merge` brings its clusters together; of a pair of `never_merge`, the record that comes later in the alphabet leaves the cluster.

    Args:
        told: `record` (String), `cluster_id`, `decided_by` and the columns of `policy.by`.
        policy: the decisions.
    """
    if policy.by:
        within = pl.concat_str([pl.col("cluster_id"), *(pl.col(c).cast(pl.String).fill_null("") for c in policy.by)], separator="|")
        told = told.with_columns(cluster_id=within)
    for one, other in policy.merge:
        clusters = told.filter(pl.col("record").is_in([one, other]))["cluster_id"].unique().sort()
        if clusters.len() > 1:
            told = _with(told, pl.col("cluster_id").is_in(clusters.to_list()), pl.lit(clusters[0]))
    for one, other in policy.never_merge:
        both = told.filter(pl.col("record").is_in([one, other]))
        if both.height > 1 and both["cluster_id"].n_unique() == 1:
            told = _with(told, pl.col("record") == max(one, other), pl.format("{}|apart|{}", "cluster_id", "record"))
    return told


def _with(told: pl.DataFrame, rows: pl.Expr, cluster: pl.Expr) -> pl.DataFrame:
    return told.with_columns(
        cluster_id=pl.when(rows).then(cluster).otherwise("cluster_id"), decided_by=pl.when(rows).then(pl.lit(PERSON)).otherwise("decided_by")
    )


def kinds_after(found: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """`found` with the clusters of `told` (rows in the same order): who is alone is unique, and every cluster has one original."""
    whole = told.select("cluster_id", "decided_by", record="record", before=found["duplicate_kind"], similarity=found["similarity"])
    first = pl.col("record").sort_by(pl.col("before") != "original", pl.col("record").hash(29)).first().over("cluster_id")
    kind = (
        pl.when(pl.len().over("cluster_id") == 1)
        .then(pl.lit("unique"))
        .when(pl.col("record") == first)
        .then(pl.lit("original"))
        .when((pl.col("decided_by") == PERSON) | pl.col("before").is_in(["original", "unique"]))
        .then(pl.lit("pinned"))
        .otherwise("before")
    )
    return found.with_columns(cluster_id=told["cluster_id"], duplicate_kind=whole.select(kind.alias("k")).to_series())
