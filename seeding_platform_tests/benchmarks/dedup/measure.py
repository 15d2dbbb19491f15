"""What a deduplication got right, against the truth.

Pairs: two rows of one predicted cluster are right when they are of one true cluster. Recall of a kind: the share of its rows that lie with
their original. Entities lost: true clusters that disappear because they share a predicted one. B3 is Bagga & Baldwin 1998.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares 0-1 and counts."""

    precision: float
    recall: float
    b3: float
    entities_lost: int
    hard_merged: float
    degenerate_merged: int
    recall_of: dict[str, float] = field(default_factory=dict)

    @property
    def f1(self) -> float:
        """Harmonic mean of pair precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def line(self) -> str:
        """One line."""
        kinds = " ".join(f"{kind} {share:.4f}" for kind, share in sorted(self.recall_of.items()))
        return (
            f"P {self.precision:.4f} R {self.recall:.4f} F1 {self.f1:.4f} B3 {self.b3:.4f} | {kinds} | hard merged {self.hard_merged:.4f} "
            f"degenerate merged {self.degenerate_merged} entities lost {self.entities_lost}"
        )


def measure(truth: pl.DataFrame, found: pl.DataFrame, *, without: tuple[str, ...] = ()) -> Figures:
    """Compare `found[id, cluster_id]` with `truth[id, cluster, kind, made_from]`; rows of the kinds in `without` are left out of the pairs."""
    rows = truth.join(found.select("id", "cluster_id"), on="id", how="left")
    if rows["cluster_id"].null_count():
        raise ValueError("not every row has a cluster")
    judged = rows.filter(~pl.col("kind").is_in(without))
    both = judged.group_by("cluster", "cluster_id").len().with_columns(n=pl.col("len").cast(pl.Int64))
    true = judged.group_by("cluster").len()["len"].cast(pl.Int64)
    ours = judged.group_by("cluster_id").len()["len"].cast(pl.Int64)
    right, made, wanted = (int((n * (n - 1) // 2).sum()) for n in (both["n"], ours, true))
    sizes = both.join(judged.group_by("cluster").agg(t=pl.len()), on="cluster").join(judged.group_by("cluster_id").agg(o=pl.len()), on="cluster_id")
    b3_p, b3_r = (float((sizes["n"] ** 2 / sizes[c]).sum()) / judged.height for c in ("o", "t"))
    origin = rows.filter(pl.col("kind").is_in(["original", "hard"])).select("cluster", own="cluster_id")
    again = rows.filter(~pl.col("kind").is_in(["original", "hard", "degenerate"])).join(origin, on="cluster", how="inner")
    kinds = again.group_by("kind").agg(share=(pl.col("cluster_id") == pl.col("own")).mean())
    hard = rows.filter(pl.col("kind").is_in(["hard", "hard_negative"])).join(rows.select("id", own="cluster_id"), left_on="made_from", right_on="id")
    nothing = rows.filter(pl.col("kind") == "degenerate").select((pl.col("cluster_id").len() - pl.col("cluster_id").n_unique()).alias("n")).item()
    return Figures(
        precision=right / made if made else 1.0,
        recall=right / wanted if wanted else 1.0,
        b3=2 * b3_p * b3_r / (b3_p + b3_r),
        entities_lost=rows["cluster"].n_unique() - rows.group_by("cluster_id").agg(pl.col("cluster").mode().sort().first())["cluster"].n_unique(),
        hard_merged=float((hard["cluster_id"] == hard["own"]).mean() or 0.0),  # type: ignore[arg-type]
        degenerate_merged=int(nothing),
        recall_of={kind: float(share) for kind, share in kinds.iter_rows()},
    )
