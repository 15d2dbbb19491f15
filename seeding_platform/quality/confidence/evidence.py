"""What speaks against a clean row, as counts from 0 (nothing) up. What they mean is learned in `calibration`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from seeding_platform.catalog import TableContract

FACTORS: dict[str, str] = {
    "missing_required": "required values that are missing",
    "missing_usual": "how unusual it is in the same source to miss what this row misses: 1 where one row in 27 does, 3 where one in 200",
    "soft_rules": "soft rules that it breaks",
    "outliers": "amounts that are unusual among their like",
    "guessed": "cells that a repair rule has filled or changed on evidence",
    "disagreement": "share of cells in which another row of the same thing says something else",
    "unsupported": "1 where no other row of the same thing says the same",
}
"""Each factor and what it counts."""
OFTEN, MOST = 0.1, 3.0
"""Share of the rows of a source from which on it is no news that they miss a value; most that a factor counts."""
_PLACE = ("_source", "_batch", "_row")


def evidence(
    rows: pl.LazyFrame | pl.DataFrame,
    contract: TableContract,
    *,
    repairs: pl.DataFrame | None = None,
    duplicates: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row a row of `rows`, in their order: each factor of `FACTORS`, at most 3.

    Args:
        rows: in the contract's clean schema.
        contract: whose rows they are.
        repairs: cells that were changed, in the schema of the repairs of a cleaning; none without it.
        duplicates: rows that were merged into others; none without it.
    """
    frame = rows.lazy().collect()
    required = contract.required_columns()
    optional = [c for c in contract.columns if c not in required and c not in contract.derived]
    missing = {c: pl.col(c).is_null() for c in optional if frame[c].null_count()}
    usual = [pl.when(no).then((OFTEN / no.mean().over("_source")).log().clip(0.0)).otherwise(0.0) for no in missing.values()]
    soft = list(contract.flags)
    flags = pl.col("flags")
    counted = frame.select(
        missing_required=pl.sum_horizontal(pl.col(c).is_null().cast(pl.Float64) for c in required) if required else pl.lit(0.0),
        missing_usual=pl.sum_horizontal(usual) if usual else pl.lit(0.0),
        soft_rules=flags.list.set_intersection(soft).list.len().cast(pl.Float64) if soft else pl.lit(0.0),
        outliers=flags.list.set_difference(soft).list.len().cast(pl.Float64) if soft else flags.list.len().cast(pl.Float64),
    )
    beside = frame.select(_PLACE)
    guessed = _guessed(beside, repairs)
    disagreement, unsupported = _others(beside, duplicates)
    told = counted.with_columns(guessed=guessed, disagreement=disagreement, unsupported=unsupported)
    return told.select(pl.col(name).fill_null(0.0).clip(0.0, MOST) for name in FACTORS)


def _guessed(places: pl.DataFrame, repairs: pl.DataFrame | None) -> pl.Series:
    """Cells of each row that were changed with less than certainty."""
    none = pl.Series("guessed", [0.0], dtype=pl.Float64).new_from_index(0, places.height)
    if repairs is None or not repairs.height:
        return none
    cells = repairs.lazy().filter(pl.col("confidence") < 1.0).group_by(_PLACE).agg(guessed=pl.len().cast(pl.Float64)).collect()
    return places.join(cells, on=_PLACE, how="left", maintain_order="left")["guessed"].fill_null(0.0) if cells.height else none


def _others(places: pl.DataFrame, duplicates: pl.DataFrame | None) -> tuple[pl.Series, pl.Series]:
    """Of the rows merged into each row: the largest share of cells in which one says something else, and 1 where none says the same."""
    calm, alone = (pl.Series([value], dtype=pl.Float64).new_from_index(0, places.height) for value in (0.0, 1.0))
    if duplicates is None or not duplicates.height or "agreement" not in duplicates.columns:
        return calm, alone
    into = [pl.col(f"survivor{c}").alias(c) for c in _PLACE]
    told = duplicates.lazy().group_by(into).agg(least=pl.col("agreement").min(), most=pl.col("agreement").max()).collect()
    found = places.join(told, on=_PLACE, how="left", maintain_order="left")
    return (1.0 - found["least"]).fill_null(0.0), (found["most"] < 1.0).cast(pl.Float64).fill_null(1.0)
