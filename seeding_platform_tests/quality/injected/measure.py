"""How right a cleaned table is, against the truth: accuracy, what cleaning made of the errors, and what it broke itself."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from seeding_platform_tests.quality.injected.dirt import FORM


@dataclass(frozen=True)
class Accuracy:
    """Cells of the columns that the truth has, its key aside.

    Args:
        cells: of all true rows.
        wrong_before: cells that meant something else than the truth when they came in.
        kept_cells: cells of rows that were kept.
        wrong_before_kept: of `wrong_before`, those in kept rows.
        wrong_after: cells of kept rows that differ from the truth.
        broken: of those, cells that were right when they came in.
        rows_set_aside: rows not kept.
        right_set_aside: of those, rows without any wrong value.
    """

    cells: int
    wrong_before: int
    kept_cells: int
    wrong_before_kept: int
    wrong_after: int
    broken: int
    rows_set_aside: int
    right_set_aside: int

    @property
    def before(self) -> float:
        """Accuracy of what came in; other ways of writing count as right."""
        return 1 - self.wrong_before / self.cells

    @property
    def after(self) -> float:
        """Accuracy of the kept rows."""
        return 1 - self.wrong_after / self.kept_cells

    @property
    def reduction(self) -> float:
        """Share of the wrong cells that are not among the kept rows any more, repaired or set aside; what was broken counts against it."""
        return 1 - self.wrong_after / self.wrong_before

    @property
    def repaired(self) -> float:
        """The same within kept rows: nothing is gained by setting aside."""
        return 1 - self.wrong_after / self.wrong_before_kept


def accuracy(kept: pl.DataFrame, truth: pl.DataFrame, errors: pl.DataFrame, *, key: tuple[str, ...]) -> Accuracy:
    """Compare kept rows with the truth.

    Args:
        kept: rows after cleaning, with the key and the truth's columns.
        truth: true rows, `errors.row` counts them.
        errors: `row, column, kind` of the touched cells.
        key: columns that were never touched.
    """
    columns = [c for c in truth.columns if c not in key]
    numbered = truth.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    held = numbered.join(kept.select(*key, *columns), on=key, how="inner", suffix="_held")
    wrong = errors.filter(pl.col("kind") != FORM)
    touched = set(wrong.select("row", "column").iter_rows())
    wrong_after = broken = 0
    for column in columns:
        differs = held.filter(~_same(held[column], held[f"{column}_held"]))
        wrong_after += differs.height
        broken += sum((row, column) not in touched for row in differs["row"])
    here = set(held["row"])
    away = set(range(truth.height)) - here
    bad_rows = set(wrong["row"])
    return Accuracy(
        cells=truth.height * len(columns),
        wrong_before=wrong.height,
        kept_cells=held.height * len(columns),
        wrong_before_kept=sum(row in here for row in wrong["row"]),
        wrong_after=wrong_after,
        broken=broken,
        rows_set_aside=len(away),
        right_set_aside=len(away - bad_rows),
    )


def _same(one: pl.Series, other: pl.Series) -> pl.Series:
    if one.dtype.is_numeric():
        return one.cast(pl.Float64).round(2).eq_missing(other.cast(pl.Float64).round(2))
    return one.cast(pl.String).eq_missing(other.cast(pl.String)) if one.dtype != other.dtype else one.eq_missing(other)


def wrong_rows(kept: pl.DataFrame, truth: pl.DataFrame, *, key: tuple[str, ...]) -> pl.DataFrame:
    """`key` and `right`: whether every cell of a kept row is that of the truth."""
    columns = [c for c in truth.columns if c not in key]
    held = truth.join(kept.select(*key, *columns), on=key, how="inner", suffix="_held")
    right = pl.DataFrame([_same(held[c], held[f"{c}_held"]).alias(c) for c in columns])
    return held.select(*key).with_columns(right.select(right=pl.all_horizontal(pl.all())).to_series())
