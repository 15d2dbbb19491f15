"""What a repair got right, cell by cell, against the truth; rows and columns of the three tables line up."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of cells.

    Args:
        cells: all of them.
        wrong: wrong before.
        right: right after.
        changed: touched.
        mended: touched, and right after.
        broken: right before, wrong after.
    """

    cells: int
    wrong: int
    right: int
    changed: int
    mended: int
    broken: int

    @property
    def accuracy(self) -> float:
        """Cells that are right after, of all."""
        return self.right / self.cells

    @property
    def broken_share(self) -> float:
        """Cells broken, of those that were right."""
        return self.broken / max(1, self.cells - self.wrong)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision (mended of changed) and recall (mended of wrong)."""
        return 2 * self.mended / max(1, self.changed + self.wrong)

    def line(self) -> str:
        """One line."""
        precision, recall = self.mended / max(1, self.changed), self.mended / max(1, self.wrong)
        return (
            f"cells {self.cells:,} wrong before {self.wrong:,} | accuracy {self.accuracy:.4f} broken {self.broken} ({self.broken_share:.4%}) | "
            f"P {precision:.4f} R {recall:.4f} F1 {self.f1:.4f}"
        )


def measure(dirty: pl.DataFrame, repaired: pl.DataFrame, truth: pl.DataFrame, *, without: tuple[str, ...] = ()) -> Figures:
    """Compare cells as text, blank and null alike; columns of `truth` are matched by position; those in `without` are left out."""
    counts = [0] * 6
    for column, true_name in zip(dirty.columns, truth.columns, strict=True):
        if column in without:
            continue
        was, now, true = (s.cast(pl.String).fill_null("") for s in (dirty[column], repaired[column], truth[true_name]))
        ok, touched = now == true, now != was
        found = (len(was), (was != true).sum(), ok.sum(), touched.sum(), (touched & ok).sum(), ((was == true) & ~ok).sum())
        counts = [a + int(b) for a, b in zip(counts, found, strict=True)]
    return Figures(*counts)
