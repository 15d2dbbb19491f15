"""How well stated confidence holds: among records with a confidence of .8, eight in ten should be right."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

BIN_ROWS = 50


@dataclass(frozen=True, slots=True)
class Reliability:
    """Stated against observed.

    Args:
        bins: from low to high `confidence` (mean stated), `right` (share observed), `n`.
        ece: expected calibration error: mean distance of the two, weighted by n (Naeini, Cooper and Hauskrecht 2015).
        n: records.
    """

    bins: pl.DataFrame
    ece: float
    n: int

    @property
    def monotone(self) -> bool:
        """True where no bin has significantly fewer right records than one below it (two standard errors of the difference)."""
        rows = self.bins.rows()
        for i, (_, low, m) in enumerate(rows):
            for _, high, n in rows[i + 1 :]:
                error = (low * (1 - low) / m + high * (1 - high) / n) ** 0.5
                if high < low - 2 * error - 1 / min(m, n):
                    return False
        return True

    @property
    def brier(self) -> float:
        """Brier score of the bins: mean square of stated minus observed, plus the variance within; lower is better."""
        b = self.bins
        error = b["n"] * ((b["confidence"] - b["right"]) ** 2 + b["right"] * (1 - b["right"]))
        return float(error.sum()) / max(1, self.n)


def reliability(confidence: pl.Series, right: pl.Series, *, bins: int = 10, weights: pl.Series | None = None) -> Reliability:
    """Compare stated confidence with what is so.

    Args:
        confidence: stated, 0-1.
        right: whether the record is.
        bins: at most so many, of about equal size and never below 50 records but for the last; equal values stay together.
        weights: how much each record counts; all alike without it.

    >>> stated, right = pl.Series([0.9] * 100 + [0.5] * 100), pl.Series([True] * 90 + [False] * 10 + [True] * 50 + [False] * 50)
    >>> reliability(stated, right).ece, reliability(stated, right).monotone
    (0.0, True)
    """
    rows = pl.DataFrame({"confidence": confidence, "right": right.cast(pl.Float64), "w": 1.0 if weights is None else weights})
    values = rows.group_by("confidence").agg(right=(pl.col("right") * pl.col("w")).sum(), w=pl.col("w").sum(), n=pl.len()).sort("confidence")
    size = max(BIN_ROWS, -(-rows.height // bins))
    before = values["n"].cum_sum().shift(1, fill_value=0)
    told = (
        values.with_columns(bin=before // size)
        .group_by("bin", maintain_order=True)
        .agg(
            confidence=(pl.col("confidence") * pl.col("w")).sum() / pl.col("w").sum(),
            right=pl.col("right").sum() / pl.col("w").sum(),
            n=pl.col("n").sum(),
        )
        .drop("bin")
    )
    ece = float(((told["confidence"] - told["right"]).abs() * told["n"]).sum()) / rows.height if rows.height else 0.0
    return Reliability(told, round(ece, 10), rows.height)
