"""How evidence against a row becomes a probability.

How many records are wrong in the first place is not taken from the errors that were put in (`learning`): it follows source by source from how many
of the real rows cleaning quarantines, starting from the trust in the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.quality.confidence.evidence import FACTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeding_platform.quality.confidence.reliability import Reliability

TRUST, SYNTHETIC_TRUST = 0.95, 0.80
BELIEF, TELLS = 100.0, 0.05
"""The trust in a source counts as much as so many of its rows; share of wrong records that must be quarantined before their number tells anything."""
STARTING = {
    "missing_required": 2.0,
    "missing_usual": 1.5,
    "soft_rules": 1.0,
    "outliers": 1.0,
    "guessed": 0.7,
    "disagreement": 1.0,
    "unsupported": 0.0,
}
"""Weights before anything was learned."""


@dataclass(frozen=True, slots=True)
class Step:
    """Rows whose geometric mean is at least `least`, up to that of the next step.

    Args:
        least: lower bound.
        right: share of all right records that lie here.
        wrong: share of all wrong records, quarantined ones included, that lie here.
        rows: it was learned from.
    """

    least: float
    right: float
    wrong: float
    rows: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """How evidence becomes a probability.

    Args:
        weights: of each factor.
        steps: from low to high; none = not calibrated: the likelihood ratio is the geometric mean itself.
        refused: share of wrong records that cleaning quarantines.
        rows: records it was learned from.
        held_out: how well it holds on records that it was not learned from.
    """

    weights: Mapping[str, float]
    steps: tuple[Step, ...] = ()
    refused: float = 0.0
    rows: int = 0
    held_out: Reliability | None = None

    def mean(self, factors: pl.DataFrame) -> pl.Series:
        """The weighted geometric mean of exp(-count), 0-1; 1 where nothing speaks against a row."""
        against = pl.sum_horizontal(self.weights[name] * pl.col(name) for name in FACTORS)
        return factors.select((-against).exp().alias("mean")).to_series()

    def probability(
        self,
        factors: pl.DataFrame,
        groups: pl.DataFrame,
        *,
        quarantined: Mapping[str, int] | None = None,
        trust: Mapping[str, float] | None = None,
    ) -> pl.Series:
        """Confidence of each row, 0-1, rounded to four places.

        Args:
            factors: `evidence` of the rows.
            groups: their `_source` and `synthetic`.
            quarantined: rows of each source that cleaning refused.
            trust: source to share of its records that are taken for right before anything is seen; .95 for others, .80 for synthetic rows.
        """
        rows = groups.select("_source", "synthetic").with_columns(mean=self.mean(factors))
        if not self.steps:
            told = rows.with_columns(prior=_prior(trust))
            odds = pl.col("prior") / (1 - pl.col("prior")) * pl.col("mean")
            return told.select((odds / (1 + odds)).round(4).alias("confidence")).to_series()
        rows = rows.with_columns(step=self.step(rows["mean"]), prior=_prior(trust))
        counts = rows.group_by("_source", "synthetic", "step", "prior").agg(n=pl.len()).sort("_source", "synthetic", "step")
        table = []
        for (source, synthetic), part in counts.partition_by("_source", "synthetic", as_dict=True, include_key=True, maintain_order=True).items():
            refused = 0 if synthetic else (quarantined or {}).get(str(source), 0)
            share = self.share_right(int(part["n"].sum()), refused, part["prior"][0])
            for step in part["step"]:
                s = self.steps[step]
                table.append((source, synthetic, step, share * s.right / (share * s.right + (1 - share) * s.wrong)))
        schema = {"_source": pl.String, "synthetic": pl.Boolean, "step": pl.UInt32, "confidence": pl.Float64}
        known = pl.DataFrame(table, schema=schema, orient="row")
        joined = rows.join(known, on=["_source", "synthetic", "step"], how="left", maintain_order="left")
        return joined["confidence"].round(4)

    def step(self, mean: pl.Series) -> pl.Series:
        """In which of the steps a geometric mean lies."""
        import numpy as np

        bounds = np.array([s.least for s in self.steps])
        return pl.Series("step", np.clip(np.searchsorted(bounds, mean.to_numpy() + 1e-8, side="right") - 1, 0, None), dtype=pl.UInt32)

    def share_right(self, rows: int, refused: int, prior: float) -> float:
        """Share of a source's records that are right, from how many of them cleaning quarantines: those are wrong for certain.

        Where cleaning quarantines hardly any wrong record of this table, that says nothing, and the prior stands.

        Args:
            rows: that it kept.
            refused: that it quarantined.
            prior: the trust in the source, which counts as much as a hundred rows.
        """
        if self.refused < TELLS:
            return prior
        wrong = (refused + BELIEF * (1 - prior) * self.refused) / ((rows + refused + BELIEF) * self.refused)
        return min(0.9999, max(0.01, 1 - wrong))


def _prior(trust: Mapping[str, float] | None) -> pl.Expr:
    known = pl.col("_source").replace_strict(dict(trust or {}), default=TRUST, return_dtype=pl.Float64).clip(0.01, 0.99)
    return pl.when(pl.col("synthetic")).then(SYNTHETIC_TRUST).otherwise(known)


def starting() -> Calibration:
    """What is assumed where a table has too few rows to learn from."""
    return Calibration(STARTING)
