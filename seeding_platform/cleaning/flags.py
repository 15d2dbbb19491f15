"""Soft rules and outlier rules of a contract as one list of names a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from seeding_platform.cleaning.outliers import suspect_count, suspect_quotient

if TYPE_CHECKING:
    from seeding_platform.catalog import TableContract
    from seeding_platform.cleaning.policy import CleaningPolicy


def flags(contract: TableContract, policy: CleaningPolicy) -> pl.Expr:
    """Names of the soft rules that a row breaks and of its suspect counts; rows must stand in the order of their key."""
    group, rows_needed = ("tenant", *contract.outlier_by), policy.outlier_min_rows
    counts = {
        f"outlier_{name}": suspect_count(name, factor=policy.iqr_factor, min_rows=rows_needed, by=group)
        for name, column in contract.columns.items()
        if column.outliers
    }
    quotients = {
        f"outlier_{above}_per_{below}": suspect_quotient(above, below, limit=policy.mad_limit, min_rows=rows_needed, by=group)
        for above, below in contract.outlier_quotients
    }
    soft = {name: ~holds for name, holds in contract.flags.items()}
    marks = [pl.when(wrong.fill_null(False)).then(pl.lit(name)) for name, wrong in {**soft, **counts, **quotients}.items()]
    return pl.concat_list(marks).list.drop_nulls() if marks else pl.lit([], dtype=pl.List(pl.String))
